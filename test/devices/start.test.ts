/** Workers that do not start, for whatever cause: one note, one thread, and the same answers. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { currentPlatform, installPlatform } from "#fovea/devices/cpu/platform/current-platform.js";
import type { Platform } from "#fovea/devices/cpu/platform/platform.js";
import { platform as browserPlatform } from "#fovea/devices/cpu/platform/platform-browser.js";
import { urlOfWorker, whyNoWorker } from "#fovea/devices/cpu/platform/why-no-worker-browser.js";
import { Session } from "#fovea/devices/cpu/session.js";
import { Team } from "#fovea/devices/cpu/team/team.js";
import type { WorkerHandle } from "#fovea/host/worker-handle.js";
import { COSTLY, mixProgram, mixReference, random } from "./programs.js";

let platform: Platform;
beforeEach(async () => {
  platform = await currentPlatform();
});
afterEach(() => {
  installPlatform(platform);
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** A worker that does nothing but what `begin` does with it. */
function fake(
  begin: (worker: { say(message: unknown): void; fail(cause: unknown): void }) => void,
): WorkerHandle & { ended: number } {
  const heard: ((message: unknown) => void)[] = [];
  const failed: ((cause: unknown) => void)[] = [];
  const worker = {
    ended: 0,
    post: () => {},
    onMessage: (listener: (message: unknown) => void) => void heard.push(listener),
    onFailure: (listener: (cause: unknown) => void) => void failed.push(listener),
    hold: () => {},
    retire: async () => void worker.ended++,
    terminate: async () => void worker.ended++,
  };
  queueMicrotask(() =>
    begin({
      say: (message) => heard.forEach((listener) => void listener(message)),
      fail: (cause) => failed.forEach((listener) => void listener(cause)),
    }),
  );
  return worker;
}

test.each<[string, (name: string) => WorkerHandle, string]>([
  [
    "is refused",
    () => {
      throw new Error("no workers today\nat some place");
    },
    "fovea: worker threads are refused (no workers today); running on one thread",
  ],
  [
    "has no file",
    () => fake((worker) => worker.fail(new Error("Cannot find module 'worker-node.js'"))),
    "fovea: worker threads are refused (Cannot find module 'worker-node.js'); running on one thread",
  ],
  [
    "ends at once",
    (name) =>
      fake((worker) => (name === "fovea 2" ? worker.fail("it ended with code 7") : worker.say({ kind: "ready" }))),
    "fovea: worker threads are refused (it ended with code 7); running on one thread",
  ],
])("a worker that %s", async (_title, startWorker, note) => {
  const started: WorkerHandle[] = [];
  const start = (name: string) => {
    const worker = startWorker(name);
    started.push(worker);
    return worker;
  };
  installPlatform({ ...platform, startWorker: start });
  const notes: string[] = [];
  const session = await Session.create({ backend: "wasm", threads: 3, note: (text) => notes.push(text) });
  expect(session.threads).toBe(3);
  for (let program = 0; program < 2; program++) {
    const { y } = await (await session.load(mixProgram(session.target, { rounds: 3, cost: COSTLY }))).run(
      { x: random(5, 512) },
      1,
    );
    expect(y).toEqual(mixReference(random(5, 512), 512, 3));
  }
  expect(session.threads).toBe(1);
  expect(notes).toEqual([note]);
  expect(started.every((worker) => (worker as unknown as { ended: number }).ended === 1)).toBe(true);
  await session.close();
});

test("whoever is told may use the session that is loading, and fails the load by what it throws", async () => {
  installPlatform({
    ...platform,
    startWorker: () => {
      throw new Error("no workers today");
    },
  });
  const seen: number[] = [];
  const session: Session = await Session.create({
    backend: "wasm",
    threads: 2,
    note: async () => {
      await session.idle();
      seen.push(session.threads);
      if (seen.length === 1) throw new Error("not with one thread");
    },
  });
  const program = mixProgram(session.target, { rounds: 3, cost: COSTLY });
  await expect(session.load(program)).rejects.toThrow("not with one thread");
  expect([seen, session.memory.code, session.memory.tables]).toEqual([[1], 0, 0]);
  const { y } = await (await session.load(program)).run({ x: random(5, 512) }, 1);
  expect(y).toEqual(mixReference(random(5, 512), 512, 3));
  await session.close();
});

test("a worker that never answers is waited for half a minute", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const workers = [fake((worker) => worker.say({ kind: "ready" })), fake(() => {})];
  const left = [...workers];
  const team = new Team({
    threads: 2,
    looks: { most: 1, least: 1 },
    startWorker: () => left.shift()!,
    describe: () => "",
  });
  const start = expect(team.start()).rejects.toBe("it did not answer within 30 s");
  await vi.advanceTimersByTimeAsync(29_000);
  expect(workers[1]!.ended).toBe(0);
  await vi.advanceTimersByTimeAsync(1000);
  await start;
  expect(workers.map((worker) => worker.ended)).toEqual([1, 1]);
  expect(team.isStarted).toBe(false);
});

test("one thread never starts a worker", async () => {
  installPlatform({
    ...platform,
    startWorker: () => {
      throw new Error("a worker was started");
    },
  });
  const notes: string[] = [];
  const session = await Session.create({ threads: 1, note: (text) => notes.push(text) });
  const { y } = await (await session.load(mixProgram(session.target, { rounds: 3, cost: COSTLY }))).run(
    { x: random(5, 512) },
    1,
  );
  expect(y).toEqual(mixReference(random(5, 512), 512, 3));
  expect([session.threads, notes]).toEqual([1, []]);
  await session.close();
});

test("as many threads are told as there are: one for what is too little to share", async () => {
  const session = await Session.create({ threads: 2 });
  await session.load(mixProgram(session.target, { rounds: 3, cost: 10 }));
  expect(session.threads).toBe(1);
  await session.load(mixProgram(session.target, { rounds: 3, cost: COSTLY }));
  expect(session.threads).toBe(2);
  await session.close();
});

test("the URL of a worker is asked for where it is started, and Worker is left as it was", () => {
  class Real {}
  vi.stubGlobal("Worker", Real);
  const start = () =>
    new (globalThis as unknown as { Worker: new (url: URL) => object }).Worker(new URL(URL_OF_WORKER));
  expect(urlOfWorker(start)).toBe(URL_OF_WORKER);
  expect(urlOfWorker(() => new URL("./worker.js", undefined))).toBe(undefined);
  expect((globalThis as { Worker?: unknown }).Worker).toBe(Real);
});

test("a page's worker is fovea/worker, and lies beside the script, where bundlers that leave its URL alone put it", () => {
  const script = new URL("../../dist/devices/cpu/platform/platform-browser.js", import.meta.url);
  const url = urlOfWorker(browserPlatform.startWorker);
  expect(url).toBe(new URL("./worker.js", script).href);
  expect(url).toBe(import.meta.resolve("fovea/worker"));
});

const URL_OF_WORKER = "https://example.org/assets/worker.js";
const COEP = { "Cross-Origin-Embedder-Policy": "require-corp" };
const EMIT =
  "a bundler must put fovea's worker there: some do so by themselves, others take fovea/worker as a second entry";

test.each<[string, unknown, () => Response, string]>([
  ["that is not there", undefined, () => new Response(null, { status: 404 }), `is not there (status 404); ${EMIT}`],
  [
    "that is a page",
    undefined,
    () => new Response("", { headers: { "Content-Type": "text/html" } }),
    `is no JavaScript (served as text/html); ${EMIT}`,
  ],
  [
    "without the header of isolation",
    undefined,
    () => new Response("", { headers: { "Content-Type": "text/javascript" } }),
    "is served without Cross-Origin-Embedder-Policy: require-corp, which the worker of an isolated page needs as the page does; send it with every file",
  ],
  [
    "that a policy refuses",
    undefined,
    () => new Response("", { headers: { "Content-Type": "application/javascript", ...COEP } }),
    "was refused by the browser; see that the page's Content-Security-Policy allows it (worker-src 'self') and that the page has an origin (is in no sandbox)",
  ],
  [
    "that cannot be asked for",
    undefined,
    () => {
      throw new TypeError("Failed to fetch");
    },
    "could not be loaded; see that it is there and that the page's Content-Security-Policy allows it (worker-src)",
  ],
])("a page is told what is wrong with a worker's file %s", async (_title, cause, answer, said) => {
  vi.stubGlobal("crossOriginIsolated", true);
  vi.stubGlobal("fetch", async () => answer());
  expect(await whyNoWorker(cause, URL_OF_WORKER)).toBe(`${URL_OF_WORKER} ${said}`);
});

test("a page is told what a worker threw, and what starting it did", async () => {
  expect(await whyNoWorker("Uncaught SyntaxError: no", URL_OF_WORKER)).toBe(
    `${URL_OF_WORKER}: Uncaught SyntaxError: no`,
  );
  expect(await whyNoWorker(new Error("The operation is insecure."), URL_OF_WORKER)).toBe(
    `${URL_OF_WORKER}: The operation is insecure.`,
  );
  vi.stubGlobal("location", { origin: "https://other.org" });
  expect(await whyNoWorker(undefined, URL_OF_WORKER)).toBe(
    `${URL_OF_WORKER} is of another origin than the page; serve fovea from the page's own`,
  );
  expect(await whyNoWorker(new Error("Invalid URL"), undefined)).toBe(
    "the place of its file is not known (Invalid URL); bundle the page's code as modules",
  );
});
