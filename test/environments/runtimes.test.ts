/** The package in each runtime, and in processes that lack what others have: to the bits of its kind, with nothing on stderr. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { beforeAll, describe, expect, it, test } from "vitest";
import { detectTargets } from "#fovea/runtime/native/cpu.js";
import { project } from "./support/site.js";
import { type Report, WASM_DIGEST } from "./support/smoke.js";
import { missing, type ToolName, tool } from "./support/tools.js";

let at: string;
beforeAll(() => {
  at = project({
    "run.mjs": `import { smoke } from "./smoke.js";
console.log(JSON.stringify(await smoke(JSON.parse(process.argv[2] ?? "{}"))));
`,
  });
}, 120_000);

interface Run {
  readonly report: Report;
  readonly stderr: string;
}

/** Runs the smoke test to the end of its process. */
async function run(
  command: string,
  args: readonly string[],
  options: object = {},
  env: Record<string, string> = {},
): Promise<Run> {
  const { FOVEA_BACKEND: _b, FOVEA_THREADS: _t, ...inherited } = process.env;
  const child = spawn(command, [...args, join(at, "run.mjs"), JSON.stringify(options)], {
    cwd: at,
    env: { ...inherited, ...env },
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (text) => (stdout += text));
  child.stderr.on("data", (text) => (stderr += text));
  const code = await new Promise((resolve) => child.once("close", resolve));
  expect(code, `${command} ended with ${code}: ${stderr}`).toBe(0);
  return { report: JSON.parse(stdout.trim().split("\n").at(-1)!), stderr };
}

const native = detectTargets()[0];

interface Runtime {
  readonly name: string;
  readonly tool?: ToolName;
  readonly program: string;
  readonly args?: readonly string[];
}

const nodePackage = `node_modules/node-${process.platform}-${process.arch}/bin/node`;
const RUNTIMES: readonly Runtime[] = [
  { name: `this Node (${process.versions.node})`, program: process.execPath },
  { name: "Node 22", tool: "node22", program: nodePackage },
  { name: "Node 24", tool: "node24", program: nodePackage },
  { name: "Bun", tool: "bun", program: "node_modules/.bin/bun" },
  { name: "Deno", tool: "deno", program: "node_modules/.bin/deno", args: ["run", "-A", "--node-modules-dir=manual"] },
];

describe.each(RUNTIMES.map((runtime) => [runtime.name, runtime] as const))("%s", (_name, runtime) => {
  const folder = runtime.tool === undefined ? "/" : tool(runtime.tool);
  const because = folder === undefined ? missing(runtime.tool!) : "";
  const program = runtime.tool === undefined ? runtime.program : join(folder ?? "", runtime.program);
  const start = (options: object, env?: Record<string, string>) => run(program, runtime.args ?? [], options, env);

  it.skipIf(folder === undefined || native === undefined)(`runs machine code on two threads${because}`, async () => {
    const { report, stderr } = await start({});
    expect(report).toMatchObject({ backend: native, threads: 2, notes: [] });
    expect(stderr).toBe("");
  });

  it.skipIf(folder === undefined)(`runs WebAssembly on two threads, to the bits of pages${because}`, async () => {
    const { report, stderr } = await start({ backend: "wasm" });
    expect(report).toEqual({ backend: "wasm", threads: 2, digest: WASM_DIGEST, notes: [] });
    expect(stderr).toBe("");
  });

  it.skipIf(folder === undefined)(`asks for relaxed SIMD in silence${because}`, async () => {
    const { report, stderr } = await start({ backend: "wasm", relaxedSimd: true });
    expect(report).toMatchObject({ backend: "wasm", threads: 2, notes: [] });
    expect(stderr).toBe("");
  });

  it.skipIf(folder === undefined)(`starts no worker for one thread${because}`, async () => {
    const { report } = await start({ backend: "wasm", threads: 1 });
    expect(report).toEqual({ backend: "wasm", threads: 1, digest: WASM_DIGEST, notes: [] });
  });
});

test("Deno with leave to read alone runs WebAssembly", async (context) => {
  const folder = tool("deno");
  context.skip(folder === undefined, missing("deno"));
  const { report } = await run(join(folder!, "node_modules/.bin/deno"), [
    "run",
    "--no-prompt",
    "--allow-read",
    "--node-modules-dir=manual",
  ]);
  expect(report).toMatchObject({ backend: "wasm", digest: WASM_DIGEST });
  expect(report.notes.join()).toMatch(/^fovea: machine code is refused here/);
});

describe("a process that lacks", () => {
  test("native addons runs WebAssembly", async () => {
    const { report } = await run(process.execPath, ["--no-addons"]);
    expect(report).toMatchObject({ backend: native === undefined ? "wasm" : "wasm", threads: 2, digest: WASM_DIGEST });
    if (native !== undefined) expect(report.notes).toHaveLength(1);
  });

  test("WebAssembly runs machine code, or says why nothing can run", async () => {
    const { report } = await run(process.execPath, ["--jitless"]);
    if (native !== undefined) expect(report).toMatchObject({ backend: native, threads: 2, notes: [] });
    const wasm = await run(process.execPath, ["--jitless"], { backend: "wasm" });
    expect(wasm.report).toEqual({
      error: "BackendError",
      message:
        "this process has no WebAssembly, which fovea needs; Node's option --jitless takes it away: start without it, " +
        'or choose backend "interpreter", which is very slow',
      notes: [],
    });
  });
});
