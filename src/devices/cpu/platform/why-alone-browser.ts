/**
 * Why a page, or a worker of one, has one thread only, and what its author can do. Threads need a SharedArrayBuffer,
 * which browsers give to cross-origin isolated places:
 * https://html.spec.whatwg.org/multipage/webappapis.html#dom-crossoriginisolated
 */

/** What is looked at of the global scope. */
export interface Surroundings {
  readonly crossOriginIsolated?: boolean | undefined;
  readonly isSecureContext?: boolean | undefined;
  readonly SharedArrayBuffer?: unknown;
  readonly Worker?: unknown;
  readonly SharedWorkerGlobalScope?: unknown;
  readonly ServiceWorkerGlobalScope?: unknown;
  readonly document?: unknown;
  readonly self?: unknown;
  readonly top?: unknown;
  readonly location?: { readonly protocol: string } | undefined;
  readonly navigator?: { readonly userAgent: string } | undefined;
}

const HEADERS = "Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp";

/** Undefined where workers can share memory with the caller. */
export function whyAlone(scope: Surroundings = globalThis as unknown as Surroundings): string | undefined {
  if (scope.SharedArrayBuffer !== undefined && scope.crossOriginIsolated === true) {
    if (scope.Worker !== undefined) return undefined;
    return "no workers can be started here, so everything runs on one thread; a page, or a dedicated worker of it, can start them";
  }
  const what = "no SharedArrayBuffer here, so everything runs on one thread";
  const cure = cureOf(scope);
  return cure === undefined ? what : `${what}; ${cure}`;
}

function cureOf(scope: Surroundings): string | undefined {
  const { crossOriginIsolated, location, document } = scope;
  // no browser, or one in which headers change nothing
  if (crossOriginIsolated === undefined) return undefined;
  if (crossOriginIsolated || isWebKitBesideApple(scope)) return "this browser has none, whatever a page does";
  if (location?.protocol === "file:") return `serve the page by HTTP, with ${HEADERS}`;
  if (/^(chrome|moz)-extension:$/.test(location?.protocol ?? ""))
    return "put cross_origin_opener_policy (same-origin) and cross_origin_embedder_policy (require-corp) into the extension's manifest";
  if (scope.isSecureContext === false)
    return `serve the page by HTTPS (or from localhost), since browsers share memory nowhere else, with ${HEADERS}`;
  if (scope.SharedWorkerGlobalScope !== undefined || scope.ServiceWorkerGlobalScope !== undefined)
    return "use fovea in a page, or in a dedicated worker of it";
  if (document === undefined)
    return `serve the page that started this worker with ${HEADERS}, and the worker's file with the latter`;
  if (scope.top !== undefined && scope.top !== scope.self)
    return (
      `serve the page around this frame with ${HEADERS}, give the frame allow="cross-origin-isolated", ` +
      "and serve what is in it with Cross-Origin-Embedder-Policy: require-corp"
    );
  return `serve the page with ${HEADERS}`;
}

/** WebKit's ports to other systems (WebKitGTK, WPE) isolate no page. They call themselves Safari, on Linux. */
function isWebKitBesideApple({ navigator }: Surroundings): boolean {
  const agent = navigator?.userAgent ?? "";
  return /Linux/.test(agent) && /Version\/\S+ .*Safari\//.test(agent) && !/Chrom|Android/.test(agent);
}
