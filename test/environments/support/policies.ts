/**
 * Pages whose headers, policies and frames take something away: workers, WebAssembly, shared memory. Each runs on what is left, says once
 * what is missing and what helps, and gives the same bits; nothing but a FoveaError is thrown.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BrowserKind, BrowserUnderTest } from "./browsers.js";
import { root } from "./packed.js";
import { type Headers, ISOLATION, project, type Site, serve } from "./site.js";
import { WASM_DIGEST } from "./smoke.js";

const VITE = `export default {
  base: "./",
  logLevel: "error",
  build: { modulePreload: false, rollupOptions: { output: { entryFileNames: "[name].js", chunkFileNames: "[name].js" } } },
  worker: { format: "es", rollupOptions: { output: { entryFileNames: "worker.js" } } },
};
`;

const html = (script: string) =>
  `<!doctype html><meta charset="utf-8"><title>page</title><script type="module">${script}</script>`;

/** The report of a frame or worker that sends it by a message. */
const heard = (what: string) => `globalThis.report = new Promise((done) => { ${what} });`;

/** Beside the page itself. \`OTHER\` is another origin's copy of the site. */
const PAGES: Readonly<Record<string, string>> = {
  "child.html": html('import "./index.js"; globalThis.report.then((r) => parent.postMessage(r, "*"));'),
  "in-worker.js": 'import "./index.js";\nglobalThis.report.then((r) => postMessage(r));\n',
  "in-shared.js":
    'import "./index.js";\nglobalThis.onconnect = ({ ports: [port] }) => globalThis.report.then((r) => port.postMessage(r));\n',
  "in-service.js": `import "./index.js";
globalThis.addEventListener("install", () => globalThis.skipWaiting());
globalThis.addEventListener("activate", (event) => event.waitUntil(globalThis.clients.claim()));
globalThis.addEventListener("message", ({ source }) => globalThis.report.then((r) => source.postMessage(r)));
`,
  "worker-page.html": html(
    heard('new Worker("./in-worker.js", { type: "module" }).onmessage = ({ data }) => done(data);'),
  ),
  "shared-page.html": html(
    heard('new SharedWorker("./in-shared.js", { type: "module" }).port.onmessage = ({ data }) => done(data);'),
  ),
  "service-page.html": html(
    heard(`navigator.serviceWorker.onmessage = ({ data }) => done(data);
      navigator.serviceWorker.register("./in-service.js", { type: "module" });
      navigator.serviceWorker.ready.then(({ active }) => active.postMessage("run"));`),
  ),
  "srcdoc-page.html": html(
    heard(`globalThis.onmessage = ({ data }) => done(data);
      const frame = document.createElement("iframe");
      frame.srcdoc = '<script type="module" src="./srcdoc.js"></' + 'script>';
      document.documentElement.append(frame);`),
  ),
  "sandbox-page.html": html(
    heard(`globalThis.onmessage = ({ data }) => done(data);
      const frame = document.createElement("iframe");
      frame.sandbox = "allow-scripts";
      frame.src = "./child.html";
      document.documentElement.append(frame);`),
  ),
  "srcdoc.js": 'import "./index.js";\nglobalThis.report.then((r) => parent.postMessage(r, "*"));\n',
  "frame-page.html": html(
    heard(`globalThis.onmessage = ({ data }) => done(data);
      const frame = document.createElement("iframe");
      frame.src = new URLSearchParams(location.search).get("other") + "child.html";
      document.documentElement.append(frame);`),
  ),
  "foreign-page.html": html('await import(new URLSearchParams(location.search).get("other") + "index.js");'),
  "thrower.js": 'throw new Error("broken on purpose");\n',
};

const OPEN: Headers = {
  ...ISOLATION,
  "Access-Control-Allow-Origin": "*",
  "Cross-Origin-Resource-Policy": "cross-origin",
};
const csp = (policy: string): Headers => ({ ...ISOLATION, "Content-Security-Policy": policy });

const isWorker = (path: string) => path === "worker.js";

const refusedWorker = (why: string) => `fovea: worker threads are refused (URLworker.js ${why}); running on one thread`;
const NOT_THERE =
  "is not there (status 404); a bundler must put fovea's worker there: some do so by themselves, others take fovea/worker as a second entry";
const BLOCKED =
  "was refused by the browser; see that the page's Content-Security-Policy allows it (worker-src 'self') and that the page has an origin (is in no sandbox)";
const NONE = "fovea: no SharedArrayBuffer here, so everything runs on one thread";
const COOP_COEP = "Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp";

interface Scene {
  readonly name: string;
  readonly headers: (path: string) => Headers | 404;
  readonly page?: string;
  readonly options?: object;
  readonly threads?: number;
  /** With URL for that of the site. Absent: none. */
  readonly note?: string | RegExp;
  readonly error?: string | RegExp;
  /** The interpreter has another, smaller task. */
  readonly backend?: string;
  /** Whether some browsers give it two threads. */
  readonly mayShare?: true;
}

const SCENES: readonly Scene[] = [
  {
    name: "a worker's file that is not there",
    headers: (path) => (isWorker(path) ? 404 : ISOLATION),
    note: refusedWorker(NOT_THERE),
  },
  {
    name: "the same, where one thread is asked for",
    headers: (path) => (isWorker(path) ? 404 : ISOLATION),
    options: { threads: 1 },
  },
  {
    name: "a worker's file that is a page",
    headers: (path) => (isWorker(path) ? { ...ISOLATION, "Content-Type": "text/html" } : ISOLATION),
    note: refusedWorker(
      "is no JavaScript (served as text/html); a bundler must put fovea's worker there: some do so by themselves, others take fovea/worker as a second entry",
    ),
  },
  {
    name: "a worker's file without the header of isolation",
    headers: (path) => (isWorker(path) ? {} : ISOLATION),
    note: refusedWorker(
      "is served without Cross-Origin-Embedder-Policy: require-corp, which the worker of an isolated page needs as the page does; send it with every file",
    ),
  },
  { name: "worker-src 'none'", headers: () => csp("worker-src 'none'"), note: refusedWorker(BLOCKED) },
  { name: "worker-src blob:", headers: () => csp("worker-src blob:"), note: refusedWorker(BLOCKED) },
  {
    name: "a policy that allows what fovea needs",
    headers: () => csp("default-src 'self'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; worker-src 'self'"),
    threads: 2,
  },
  {
    name: "a policy without 'wasm-unsafe-eval'",
    headers: () => csp("script-src 'self' 'unsafe-inline'"),
    error:
      /^WebAssembly may not be compiled here \(.+\); add 'wasm-unsafe-eval' to script-src of the page's Content-Security-Policy \(of an extension: to extension_pages in its manifest's content_security_policy\), or choose backend "interpreter", which is very slow$/,
  },
  {
    name: "the same with the interpreter",
    headers: () => csp("script-src 'self' 'unsafe-inline'"),
    options: { backend: "interpreter" },
    backend: "interpreter",
  },
  { name: "a worker of an isolated page", page: "worker-page.html", headers: () => ISOLATION, threads: 2 },
  {
    name: "a worker of another page",
    page: "worker-page.html",
    headers: () => ({}),
    note: `${NONE}; serve the page that started this worker with ${COOP_COEP}, and the worker's file with the latter`,
  },
  {
    name: "a shared worker",
    page: "shared-page.html",
    headers: () => ISOLATION,
    note: /^fovea: no (SharedArrayBuffer here|workers can be started here), so everything runs on one thread; (use fovea in a page, or in a dedicated worker of it|a page, or a dedicated worker of it, can start them)$/,
  },
  {
    name: "a service worker",
    page: "service-page.html",
    headers: () => ISOLATION,
    note: /^fovea: no (SharedArrayBuffer here|workers can be started here), so everything runs on one thread; (use fovea in a page, or in a dedicated worker of it|a page, or a dedicated worker of it, can start them)$/,
  },
  {
    name: "a srcdoc frame of an isolated page",
    page: "srcdoc-page.html",
    headers: () => ISOLATION,
    mayShare: true,
    note: /./,
  },
  { name: "a sandboxed frame of an isolated page", page: "sandbox-page.html", headers: () => OPEN, note: /.*/ },
  {
    name: "a frame of another origin that may not share",
    page: "frame-page.html",
    headers: () => OPEN,
    mayShare: true,
    note: `${NONE}; serve the page around this frame with ${COOP_COEP}, give the frame allow="cross-origin-isolated", and serve what is in it with Cross-Origin-Embedder-Policy: require-corp`,
  },
  {
    name: "modules from another origin",
    page: "foreign-page.html",
    headers: () => OPEN,
    note: /^fovea: worker threads are refused \(http:\S+\/worker\.js is of another origin than the page; serve fovea from the page's own\); running on one thread$/,
  },
];

/** The tests of these browsers. */
export function describePolicies(kinds: readonly BrowserKind[]): void {
  let out: string;
  beforeAll(() => {
    const at = project({ "vite.config.mjs": VITE });
    const { status, stderr } = spawnSync(process.execPath, [join(root, "node_modules/vite/bin/vite.js"), "build"], {
      cwd: at,
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(stderr);
    out = join(at, "dist");
    for (const [name, text] of Object.entries(PAGES)) writeFileSync(join(out, name), text);
  });

  describe.each(kinds.map((kind) => [kind.name, kind] as const))("%s", (_name, kind) => {
    let browser: BrowserUnderTest | undefined;
    beforeAll(async () => {
      if (kind.missing === undefined) browser = await kind.launch();
    });
    afterAll(() => browser?.close());

    it.skipIf(kind.missing !== undefined).each(SCENES.map((scene) => [scene.name, scene] as const))(
      "%s",
      async (_scene, scene) => {
        const site: Site = await serve(out, scene.headers);
        const other = await serve(out, scene.headers);
        try {
          const query = new URLSearchParams({ other: other.url, options: JSON.stringify(scene.options ?? {}) });
          const report = await browser!.visit(`${site.url}${scene.page ?? "index.html"}?${query}`);
          if (scene.error !== undefined) {
            expect(report).toMatchObject({ error: "BackendError", notes: [] });
            expect(report.message).toMatch(scene.error);
            return;
          }
          const isInterpreter = scene.backend === "interpreter";
          const shares = scene.mayShare && report.threads === 2;
          expect(report).toMatchObject({
            backend: scene.backend ?? "wasm",
            threads: shares ? 2 : (scene.threads ?? 1),
          });
          if (!isInterpreter) expect(report.digest).toBe(WASM_DIGEST);
          if (scene.note === undefined || shares) expect(report.notes).toEqual([]);
          else if (typeof scene.note === "string") expect(report.notes).toEqual([scene.note.replace("URL", site.url)]);
          else {
            expect(report.notes).toHaveLength(1);
            expect(report.notes[0]).toMatch(scene.note);
          }
        } finally {
          await Promise.all([site.close(), other.close()]);
        }
      },
    );
  });
}
