/** Both packages as npm installs them into an empty project: what comes, what it takes, and that all of it works on every Node. */
import { spawn } from "node:child_process";
import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root, tarballs } from "./support/packed.js";
import { type Registry, startRegistry } from "./support/registry.js";
import { scratchFolder } from "./support/scratch.js";
import { missing, type ToolName, tool } from "./support/tools.js";

let registry: Registry;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry.close());

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** To its end, without blocking this process, which is the registry. */
async function run(command: string, args: readonly string[], cwd: string): Promise<Ended> {
  // Of a user: what npm says of itself to the programs that it runs, this test's too, is left out.
  const own = Object.entries(process.env).filter(([name]) => !/^(npm_|FOVEA_|NODE_ENV$|VITEST)/i.test(name));
  const child = spawn(command, args, {
    cwd,
    env: { ...Object.fromEntries(own), ...registry.environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (text) => (stdout += text));
  child.stderr.on("data", (text) => (stderr += text));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, stdout, stderr };
}

async function installed(...names: readonly string[]): Promise<string> {
  const folder = scratchFolder();
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }');
  if (names.length > 0) {
    const { code, stderr } = await run("npm", ["install", ...names], folder);
    expect(code, stderr).toBe(0);
    expect(stderr).not.toMatch(/warn|deprecated/i);
  }
  return folder;
}

const packagesIn = (folder: string): string[] =>
  Object.keys(JSON.parse(readFileSync(join(folder, "node_modules", ".package-lock.json"), "utf8")).packages);

/** As `du` counts. */
function bytesBelow(path: string): number {
  const status = lstatSync(path);
  const own = status.blocks * 512;
  return status.isDirectory() ? readdirSync(path).reduce((sum, name) => sum + bytesBelow(join(path, name)), own) : own;
}

describe("npm install fovea", () => {
  it("brings at most three packages, and less than 15 MB", async () => {
    const folder = await installed("fovea");
    const names = packagesIn(folder).map((place) => place.replace("node_modules/", ""));
    expect(names.filter((name) => !name.startsWith("@koromix/"))).toEqual(["fflate", "fovea"]);
    expect(names.length).toBeLessThanOrEqual(3);
    expect(bytesBelow(join(folder, "node_modules"))).toBeLessThan(15e6);
  });

  it("installs sharp by the command that the error names", async () => {
    const folder = await installed("fovea");
    writeFileSync(join(folder, "uri.mjs"), URI);
    const { stdout } = await run("node", ["uri.mjs"], folder);
    const [, command] = /run "(npm install [^"]+)"/.exec(stdout) ?? [];
    const [npm, ...args] = command!.split(" ");
    expect((await run(npm!, args, folder)).code).toBe(0);
    expect(await run("node", ["uri.mjs"], folder)).toMatchObject({ stdout: "data:image/png;base64\n", stderr: "" });
  });
});

const URI = `import { pictureUri } from "fovea/analysis/node";
console.log(await pictureUri(new Uint8Array(3), 1, 1, 3).then((uri) => uri.split(",")[0], (error) => error.message));
`;

describe("npx fovea", () => {
  it("trains with nothing installed, and leaves nothing behind but the run", async () => {
    const folder = await installed();
    const args = ["--yes", "fovea", "train", "lenet5", "--data", "mnist", "--epochs", "1", "--out", "run"];
    const { code, stdout, stderr } = await run("npx", args, folder);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/Test accuracy 9\d\.\d\d%/);
    expect(stderr).toContain("npm runs it from fovea-cli");
    expect(readdirSync(folder).sort()).toEqual(["package.json", "run"]);
    expect(readdirSync(join(folder, "run"))).toContain("report.html");
  });

  it("ends as the command does", async () => {
    const folder = await installed();
    const { code, stderr } = await run("npx", ["--yes", "fovea", "train", "lenet6"], folder);
    expect([code, stderr]).toEqual([2, expect.stringContaining('unknown network "lenet6"; did you mean "lenet5"?')]);
  });
});

interface Runtime {
  readonly name: string;
  readonly tool?: ToolName;
}

const RUNTIMES: readonly Runtime[] = [
  { name: `this Node (${process.versions.node})` },
  { name: "Node 22", tool: "node22" },
  { name: "Node 24", tool: "node24" },
];
const nodePackage = `node_modules/node-${process.platform}-${process.arch}/bin/node`;

describe("npm install fovea-cli", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await installed("fovea-cli");
  });

  it("brings fovea, once, and its command", () => {
    expect(packagesIn(folder).filter((place) => /\/fovea(-cli)?$/.test(place))).toEqual([
      "node_modules/fovea",
      "node_modules/fovea-cli",
    ]);
    expect(readdirSync(join(folder, "node_modules", ".bin"))).toEqual(expect.arrayContaining(["fovea", "fovea-cli"]));
  });

  it.each(RUNTIMES)("trains, reports and predicts on $name", async ({ name, tool: needed }) => {
    const at = needed === undefined ? "" : tool(needed);
    if (at === undefined) throw new Error(missing(needed!));
    const node = needed === undefined ? process.execPath : join(at, nodePackage);
    const out = join(folder, name.replaceAll(/\W+/g, "-"));
    mkdirSync(out);
    const fovea = (...args: string[]) => run(node, [join(folder, "node_modules", "fovea-cli", "bin.js"), ...args], out);
    const trained = await fovea("train", "lenet5", "--data", "mnist", "--epochs", "1", "--out", "run");
    expect(trained).toMatchObject({ code: 0, stderr: "" });
    expect(readdirSync(join(out, "run", "report"))).toContain("curves.png");
    const { code, stdout, stderr } = await fovea("predict", "run", "run/report/wrong.png", "--json");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout.trim().split("\n").at(-1)!)).toMatchObject({ picture: "run/report/wrong.png" });
  });
});

describe("pnpm", () => {
  const pnpm = tool("pnpm");
  it.skipIf(pnpm === undefined)(
    `installs fovea-cli so that its command finds all${pnpm === undefined ? missing("pnpm") : ""}`,
    async () => {
      const folder = await installed();
      writeFileSync(join(folder, ".npmrc"), `registry=${registry.environment["npm_config_registry"]}/\n`);
      const program = join(pnpm!, "node_modules", ".bin", "pnpm");
      const { code, stdout, stderr } = await run(program, ["add", "fovea-cli"], folder);
      expect(code, stdout + stderr).toBe(0);
      const summary = await run(program, ["exec", "fovea", "summary", "lenet5"], folder);
      expect(summary).toMatchObject({ code: 0, stderr: "", stdout: expect.stringContaining("61,706") });
    },
  );
});

interface Bundler {
  readonly name: string;
  /** In the project's own node_modules where there is none. */
  readonly tool?: ToolName;
  /** The program, in the folder of the tool, and its arguments. */
  readonly command: readonly string[];
}

const BUNDLERS: readonly Bundler[] = [
  { name: "Vite", command: ["node_modules/vite/bin/vite.js", "build", "--outDir", "out", "--logLevel", "error"] },
  {
    name: "esbuild",
    tool: "esbuild",
    command: ["node_modules/.bin/esbuild", "main.js", "--bundle", "--format=esm", "--outdir=out"],
  },
  { name: "webpack", tool: "webpack", command: ["node_modules/webpack/bin/webpack.js", "--config", "packer.cjs"] },
  {
    name: "Rspack",
    tool: "rspack",
    command: ["node_modules/@rspack/cli/bin/rspack.js", "build", "--config", "packer.cjs"],
  },
  {
    name: "Rollup",
    tool: "rollup",
    command: ["node_modules/rollup/dist/bin/rollup", "--config", "rollup.config.js", "--silent"],
  },
  {
    name: "Parcel",
    tool: "parcel",
    command: ["node_modules/parcel/lib/bin.js", "build", "index.html", "--dist-dir", "out", "--no-cache"],
  },
];

/** Parcel alone asks for what an import within `try` names: docs/pages.md. */
const PACKAGE = JSON.stringify({ private: true, type: "module", alias: { "@observablehq/plot": false } });
const PACKER = `const { join } = require("node:path");
module.exports = { mode: "production", entry: "./main.js", output: { path: join(__dirname, "out") } };
`;
const ROLLUP = `import resolve from "TOOL/node_modules/@rollup/plugin-node-resolve/dist/es/index.js";
export default { input: "main.js", output: { dir: "out", format: "es" }, plugins: [resolve({ browser: true })] };
`;

describe.each(BUNDLERS)("$name", ({ tool: name, command: [program, ...args] }) => {
  const folder = name === undefined ? root : tool(name);
  it.skipIf(folder === undefined)(
    `bundles fovea/analysis where Observable Plot is not installed${folder === undefined ? missing(name!) : ""}`,
    async () => {
      const at = await installed(tarballs().fovea);
      const files = {
        "main.js": 'import { lineChart } from "fovea/analysis";\nglobalThis.lineChart = lineChart;\n',
        "index.html": '<!doctype html><script type="module" src="./main.js"></script>',
        "packer.cjs": PACKER,
        "package.json": PACKAGE,
        "rollup.config.js": ROLLUP.replace("TOOL", folder!),
      };
      for (const [file, text] of Object.entries(files)) writeFileSync(join(at, file), text);
      const { code, stdout, stderr } = await run(join(folder!, program!), args, at);
      expect(code, stdout + stderr).toBe(0);
      expect(readdirSync(join(at, "out")).length).toBeGreaterThan(0);
    },
  );
});
