/**
 * The package as each bundler puts it into a page, by the way that docs/pages.md tells, in each browser: with threads where the page is
 * isolated, on one where it is not, to the same bits.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BROWSERS, type BrowserUnderTest } from "./support/browsers.js";
import { root } from "./support/packed.js";
import { ISOLATION, project, type Site, serve } from "./support/site.js";
import { WASM_DIGEST } from "./support/smoke.js";
import { missing, type ToolName, tool } from "./support/tools.js";

interface Bundler {
  readonly name: string;
  readonly tool?: ToolName;
  /** What its configuration adds to the project. */
  readonly files?: Readonly<Record<string, string>>;
  /** Command lines, in the project; TOOL is the folder that the tool is installed in. */
  readonly commands: readonly (readonly string[])[];
  /** Where the page is then. */
  readonly out: string;
}

const NEXT_PAGE = `"use client";
import { useEffect } from "react";
import { smoke } from "../smoke.js";
export default function Page() {
  useEffect(() => {
    globalThis.report ??= smoke(JSON.parse(new URLSearchParams(location.search).get("options") ?? "{}"));
  }, []);
  return <p>smoke</p>;
}
`;

/** As docs/pages.md has them. */
const BUNDLERS: readonly Bundler[] = [
  {
    name: "Vite",
    commands: [[join(root, "node_modules/vite/bin/vite.js"), "build", "--base", "./", "--logLevel", "error"]],
    out: "dist",
  },
  {
    name: "webpack",
    tool: "webpack",
    files: {
      "webpack.config.cjs": 'module.exports = { mode: "production", entry: "./main.js", output: { clean: true } };\n',
    },
    commands: [["TOOL/node_modules/webpack/bin/webpack.js", "--config", "webpack.config.cjs"]],
    out: "dist",
  },
  {
    name: "Rspack",
    tool: "rspack",
    files: { "rspack.config.cjs": 'module.exports = { mode: "production", entry: "./main.js" };\n' },
    commands: [["TOOL/node_modules/@rspack/cli/bin/rspack.js", "build", "--config", "rspack.config.cjs"]],
    out: "dist",
  },
  {
    name: "Parcel",
    tool: "parcel",
    commands: [
      [
        "TOOL/node_modules/parcel/lib/bin.js",
        "build",
        "index.html",
        "--no-cache",
        "--no-source-maps",
        "--public-url",
        "./",
      ],
    ],
    out: "dist",
  },
  {
    name: "esbuild",
    tool: "esbuild",
    commands: [
      [
        "TOOL/node_modules/.bin/esbuild",
        "main=main.js",
        "worker=fovea/worker",
        "--bundle",
        "--format=esm",
        "--minify",
        "--outdir=dist",
      ],
    ],
    out: "dist",
  },
  {
    name: "Rollup",
    tool: "rollup",
    files: {
      "rollup.config.js": `import resolve from "TOOL/node_modules/@rollup/plugin-node-resolve/dist/es/index.js";
export default {
  input: { main: "main.js", worker: "fovea/worker" },
  output: { dir: "dist", format: "es", entryFileNames: "[name].js", chunkFileNames: "[name]-[hash].js" },
  plugins: [resolve({ browser: true })],
};
`,
    },
    commands: [["TOOL/node_modules/rollup/dist/bin/rollup", "--config", "rollup.config.js", "--silent"]],
    out: "dist",
  },
  {
    name: "Next",
    tool: "next",
    files: {
      "next.config.mjs": 'export default { output: "export" };\n',
      "app/page.jsx": NEXT_PAGE,
      "app/layout.jsx": 'export default ({ children }) => <html lang="en"><body>{children}</body></html>;\n',
    },
    commands: [["node_modules/next/dist/bin/next", "build"]],
    out: "out",
  },
];

function build({ files = {}, commands, out }: Bundler, folder: string): string {
  const filled = (text: string) => text.replaceAll("TOOL", folder);
  const at = project(Object.fromEntries(Object.entries(files).map(([name, text]) => [name, filled(text)])));
  // A framework is found in the project alone, and brings its own packages.
  if (files["app/page.jsx"] !== undefined) {
    for (const name of readdirSync(join(at, "node_modules")))
      if (name !== "fovea" && name !== "fflate") rmSync(join(at, "node_modules", name), { recursive: true });
    spawnSync("cp", ["-al", `${folder}/node_modules/.`, join(at, "node_modules")]);
  }
  for (const command of commands) {
    const [program, ...args] = command.map(filled) as [string, ...string[]];
    const isScript = !program.includes("/.bin/");
    const { status, stdout, stderr } = spawnSync(
      isScript ? process.execPath : program,
      isScript ? [program, ...args] : args,
      {
        cwd: at,
        encoding: "utf8",
        // A user's: the test runner's own variables change what frameworks build.
        env: { PATH: process.env["PATH"], HOME: at, NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" },
      },
    );
    if (status !== 0) throw new Error(`${program} ended with ${status}:\n${stdout}${stderr}`);
  }
  // These write scripts alone: the page is its author's.
  if (!existsSync(join(at, out, "index.html"))) renameSync(join(at, "index.html"), join(at, out, "index.html"));
  return join(at, out);
}

describe("Vite's development server", () => {
  const [chromium] = BROWSERS;
  const because = chromium!.missing === undefined ? "" : ` (${chromium!.missing})`;

  it.skipIf(chromium!.missing !== undefined)(
    `finds the worker, fovea left out of its optimizer${because}`,
    async () => {
      const config = { optimizeDeps: { exclude: ["fovea"] }, server: { headers: ISOLATION, fs: { strict: false } } };
      const at = project({ "vite.config.mjs": `export default ${JSON.stringify(config)};\n` });
      const vite = [join(root, "node_modules/vite/bin/vite.js"), "--host", "127.0.0.1", "--port", "0"];
      const server = spawn(process.execPath, vite, { cwd: at, env: { ...process.env, NO_COLOR: "1" } });
      let said = "";
      const url = await new Promise<string>((resolve) =>
        server.stdout.on("data", (text) => {
          said += text;
          const found = /http:\/\/[\d.:]+\//.exec(said)?.[0];
          if (found !== undefined) resolve(found);
        }),
      );
      const browser = await chromium!.launch();
      try {
        const report = await browser.visit(url);
        expect(report).toEqual({ backend: "wasm", threads: 2, digest: WASM_DIGEST, notes: [] });
      } finally {
        await browser.close();
        server.kill();
      }
    },
  );
});

describe.each(BUNDLERS.map((bundler) => [bundler.name, bundler] as const))("%s", (_name, bundler) => {
  const folder = bundler.tool === undefined ? "" : tool(bundler.tool);
  const why = folder === undefined ? missing(bundler.tool!) : "";
  const sites: Site[] = [];
  let isolated: Site;
  let plain: Site;

  beforeAll(async () => {
    if (folder === undefined) return;
    const out = build(bundler, folder);
    isolated = await serve(out, () => ISOLATION);
    plain = await serve(out);
    sites.push(isolated, plain);
  });
  afterAll(() => Promise.all(sites.map((site) => site.close())));

  describe.each(BROWSERS.map((kind) => [kind.name, kind] as const))("%s", (_browser, kind) => {
    const skips = folder === undefined || kind.missing !== undefined;
    const because = `${why}${kind.missing === undefined ? "" : ` (${kind.missing})`}`;
    let browser: BrowserUnderTest | undefined;
    beforeAll(async () => {
      if (!skips) browser = await kind.launch();
    });
    afterAll(() => browser?.close());

    it.skipIf(skips)(`runs on two threads in an isolated page${because}`, async () => {
      expect(await browser!.visit(isolated.url)).toEqual({
        backend: "wasm",
        threads: 2,
        digest: WASM_DIGEST,
        notes: [],
      });
    });

    it.skipIf(skips)(`runs on one thread in another page, and says what to do${because}`, async () => {
      expect(await browser!.visit(plain.url)).toEqual({
        backend: "wasm",
        threads: 1,
        digest: WASM_DIGEST,
        notes: [
          "fovea: no SharedArrayBuffer here, so everything runs on one thread; serve the page with " +
            "Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp",
        ],
      });
    });
  });
});
