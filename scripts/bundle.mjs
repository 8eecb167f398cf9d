/**
 * The whole of fovea as one script for pages without a bundler: `dist/fovea.min.js`, which sets the global `fovea`.
 *
 *     node scripts/bundle.mjs [FILE]
 *
 * A script of a page knows no other files, so the worker's code is in it, too: it is started from a Blob.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { inProject, say } from "./prepare.mjs";

const WORKER = 'new Worker(new URL("./worker.js", import.meta.url), { type: "module", name })';

/** Starts the worker from its code. */
const inlineWorker = {
  name: "inline-worker",
  enforce: /** @type {const} */ ("pre"),
  /** @param {string} code @param {string} id */
  transform(code, id) {
    if (!id.endsWith("platform-browser.js")) return undefined;
    if (!code.includes(WORKER)) throw new Error(`${id}: starts no worker by ${WORKER}`);
    return `import InlineWorker from "./worker.js?worker&inline";\n${code.replace(WORKER, "new InlineWorker({ name })")}`;
  },
};

/** Writes the script, and gives its text. @param {string} file */
export async function bundle(file) {
  const out = mkdtempSync(join(tmpdir(), "fovea-bundle-"));
  try {
    await build({
      root: inProject(),
      configFile: false,
      logLevel: "error",
      plugins: [inlineWorker],
      worker: { format: "iife" },
      build: {
        outDir: out,
        lib: { entry: inProject("dist/index.js"), formats: ["iife"], name: "fovea", fileName: () => "fovea.min.js" },
      },
    });
    const text = readFileSync(join(out, "fovea.min.js"), "utf8");
    const { writeFileAtomically } = await import("#fovea/host/atomic-write-node.js");
    await writeFileAtomically(file, [text]);
    return text;
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const file = resolve(process.argv[2] ?? inProject("dist/fovea.min.js"));
  const text = await bundle(file);
  say(`Wrote ${file}, ${Math.round(text.length / 1000)} kB.`);
}
