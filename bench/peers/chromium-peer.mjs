/**
 * A system in a page of a real Chromium, as one of the systems that are measured: FOVEA_BENCH_SYSTEM says which (fovea, tensorflow,
 * onnxruntime), FOVEA_BENCH_THREADS on how many threads. The page (page/) is cross-origin isolated and does the work; this process
 * builds it, serves it and the workload's numbers, and passes questions and answers on.
 */
import { createReadStream, existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { build } from "vite";
import { CHROMIUM_FLAGS, findChromium, installCommand } from "../../scripts/chromium.mjs";
import { writeNumbers } from "../inputs.mjs";
import { serve } from "../serve.mjs";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const system = process.env.FOVEA_BENCH_SYSTEM ?? "fovea";
const threads = process.env.FOVEA_BENCH_THREADS ?? "2";
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".json": "application/json", ".wasm": "application/wasm" };

const built = mkdtempSync(join(tmpdir(), "fovea-bench-page-"));
process.on("exit", () => rmSync(built, { recursive: true, force: true }));

/** Where the page's addresses lie on disk, by their first part. */
const folders = {
  "": built,
  tfjs: path("node_modules/@tensorflow/tfjs-backend-wasm/dist"),
  ort: path("node_modules/onnxruntime-web/dist"),
  inputs: undefined, // the workload's
};

let browser;
let page;

serve({
  async hello() {
    const executablePath = findChromium();
    if (executablePath === undefined) throw new Error(`no Chromium found: ${installCommand()}, or name one in CHROMIUM_PATH`);
    await buildPage();
    const server = await servePage();
    browser = await chromium.launch({ executablePath, args: CHROMIUM_FLAGS });
    page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${server.address().port}/?system=${system}&threads=${threads}`);
    await page.waitForFunction(() => window.peer !== undefined || window.broken !== undefined);
    const broken = await page.evaluate(() => window.broken);
    if (broken !== undefined) throw new Error(broken);
    const { system: name, details, isolated } = await page.evaluate(() => window.peer.hello());
    if (!isolated) throw new Error("its page is not cross-origin isolated");
    return { system: name, details: { ...details, browser: `Chromium ${browser.version()}` } };
  },

  async prepare({ workload, folder }) {
    folders.inputs = folder;
    return inPage((workload) => window.peer.prepare(workload), workload);
  },

  async check({ file }) {
    writeNumbers(file, Float32Array.from(await inPage(() => window.peer.check())));
  },

  async run({ mode, calls }) {
    return { ms: await inPage(([mode, calls]) => window.peer.run(mode, calls), [mode, calls]) };
  },
});

/** Errors of the page by their first line. */
async function inPage(use, argument) {
  try {
    return await page.evaluate(use, argument);
  } catch (error) {
    throw new Error(String(error.message).split("\n")[0].replace(/^page\.evaluate: (Error: )?/, ""));
  }
}

function buildPage() {
  return build({
    root: path("page"),
    base: "/",
    configFile: false,
    logLevel: "error",
    // The bench is no part of the package, whose inner names have to be said here.
    resolve: { alias: [{ find: /^#fovea\//, replacement: `${path("../../dist")}/` }] },
    // TensorFlow.js gives the text of its functions to workers, and breaks where their names are shortened.
    build: { outDir: built, emptyOutDir: true, minify: false, target: "es2022" },
    worker: { format: "es" },
  });
}

function servePage() {
  const isolation = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };
  const server = createServer((request, response) => {
    const file = fileOf(normalize(new URL(request.url, "http://localhost").pathname));
    if (file === undefined) response.writeHead(404, isolation).end();
    else {
      response.writeHead(200, { ...isolation, "Content-Type": TYPES[extname(file)] ?? "application/octet-stream" });
      createReadStream(file).pipe(response);
    }
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

function fileOf(address) {
  const [, first, ...rest] = address.split("/");
  const named = rest.length > 0 && first in folders;
  const folder = folders[named ? first : ""];
  if (folder === undefined) return undefined;
  const file = named ? join(folder, ...rest) : join(folder, address === "/" ? "index.html" : address);
  return existsSync(file) ? file : undefined;
}
