/**
 * Why a worker's file did not start. Browsers say nothing to the page but that there was an error, so the file is asked
 * for once more: its answer tells what is wrong with it.
 */
import { reasonOf } from "../../../base/reason.js";

const EMIT =
  "a bundler must put fovea's worker there: some do so by themselves, others take fovea/worker as a second entry";

/** `cause`: what was thrown, or what the error event says, which is nothing where the file was not loaded. */
export async function whyNoWorker(cause: unknown, url: string | undefined): Promise<string> {
  if (url === undefined)
    return `the place of its file is not known (${reasonOf(cause)}); bundle the page's code as modules`;
  const origin = globalThis.location?.origin;
  if (origin !== undefined && new URL(url).origin !== origin)
    return `${url} is of another origin than the page; serve fovea from the page's own`;
  if (cause !== undefined && cause !== "") return `${url}: ${reasonOf(cause)}`;
  return `${url} ${await faultOf(url)}`;
}

/**
 * Bundlers write the URL where a worker is started, in `new Worker(new URL(...))`, and there alone: a stand-in for
 * Worker is told it. Undefined where it cannot be told, as in bundles that are no modules.
 */
export function urlOfWorker(start: (name: string) => unknown): string | undefined {
  const scope = globalThis as { Worker?: unknown };
  const { Worker } = scope;
  let url: string | undefined;
  try {
    scope.Worker = class {
      constructor(given: string | URL) {
        url = new URL(given, globalThis.location?.href).href;
      }
    };
    start("");
  } catch {
    // no URL could be made of it
  } finally {
    scope.Worker = Worker;
  }
  return url;
}

async function faultOf(url: string): Promise<string> {
  let answer: Response;
  try {
    answer = await fetch(url);
    void answer.body?.cancel();
  } catch {
    return "could not be loaded; see that it is there and that the page's Content-Security-Policy allows it (worker-src)";
  }
  if (!answer.ok) return `is not there (status ${answer.status}); ${EMIT}`;
  const type = answer.headers.get("Content-Type") ?? "no type";
  if (!/(java|ecma)script/.test(type)) return `is no JavaScript (served as ${type}); ${EMIT}`;
  const policy = "Cross-Origin-Embedder-Policy";
  if (globalThis.crossOriginIsolated && !/require-corp|credentialless/.test(answer.headers.get(policy) ?? ""))
    return `is served without ${policy}: require-corp, which the worker of an isolated page needs as the page does; send it with every file`;
  return "was refused by the browser; see that the page's Content-Security-Policy allows it (worker-src 'self') and that the page has an origin (is in no sandbox)";
}
