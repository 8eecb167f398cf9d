/** The package in each runtime, and in processes that lack what others have: to the bits of its kind, with nothing on stderr. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it, test } from "vitest";
import { detectTargets } from "#fovea/devices/cpu/native/cpu.js";
import { tarballs } from "./support/packed.js";
import { scratchFolder } from "./support/scratch.js";
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
});

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

/** Runs a shell's commands, as root on Linux, where a part of the system can be taken away. */
function asRoot(script: string): { status: number | null; stdout: string; stderr: string } {
  return spawnSync("sh", ["-ec", script], { cwd: at, encoding: "utf8", env: { ...process.env, FOVEA_BACKEND: "" } });
}
const isRoot = process.platform === "linux" && process.getuid?.() === 0;
const needsRoot = isRoot ? "" : " (needs root on Linux)";

test.skipIf(!isRoot)(`a file system that cannot be written to will do${needsRoot}`, (context) => {
  const { status, stdout, stderr } = asRoot(
    `unshare -m sh -ec 'mount --make-rprivate /; mount -o remount,ro,bind /; node run.mjs'`,
  );
  context.skip(status !== 0 && /Operation not permitted/.test(stderr), "(no mounts here)");
  expect(JSON.parse(stdout)).toMatchObject({ backend: native ?? "wasm", threads: 2, notes: [] });
});

test.skipIf(!isRoot)(
  `a container's quota of one processor means one thread, unless more are asked for${needsRoot}`,
  (context) => {
    const v1 = "/sys/fs/cgroup/cpu";
    const isV1 = existsSync(`${v1}/cpu.cfs_quota_us`);
    const group = `${isV1 ? v1 : "/sys/fs/cgroup"}/fovea-test-${process.pid}`;
    try {
      mkdirSync(group);
      writeFileSync(`${group}/${isV1 ? "cpu.cfs_quota_us" : "cpu.max"}`, isV1 ? "100000" : "100000 100000");
    } catch {
      context.skip("(control groups cannot be written to)");
    }
    try {
      const inside = (options: object) =>
        asRoot(
          `echo $$ > ${group}/cgroup.procs; exec node run.mjs '${JSON.stringify({ threads: undefined, ...options })}'`,
        );
      writeFileSync(join(at, "quota.mjs"), QUOTA);
      const alone = asRoot(`echo $$ > ${group}/cgroup.procs; exec node quota.mjs`);
      expect(alone.stdout.trim()).toBe("1");
      expect(JSON.parse(inside({ threads: 2 }).stdout)).toMatchObject({ threads: 2 });
    } finally {
      rmdirSync(group);
    }
  },
);

/** The threads that a device has where nobody says how many. */
const QUOTA = `import { openDevice } from "fovea";
const device = await openDevice();
console.log(device.threads);
await device.close();
`;

describe("bundled for Node, its workers' file missing", () => {
  const folder = tool("esbuild");
  const because = folder === undefined ? missing("esbuild") : "";
  it.skipIf(folder === undefined).each(["esm", "cjs"])(`runs on one thread, as %s${because}`, (format) => {
    writeFileSync(
      join(at, "main.js"),
      'import { smoke } from "./smoke.js";\nsmoke().then((r) => console.log(JSON.stringify(r)));\n',
    );
    const out = join(at, `bundle/main.${format === "esm" ? "mjs" : "cjs"}`);
    const args = [
      "main.js",
      "--bundle",
      "--platform=node",
      `--format=${format}`,
      `--outfile=${out}`,
      "--log-level=error",
    ];
    expect(spawnSync(join(folder!, "node_modules/.bin/esbuild"), args, { cwd: at }).status).toBe(0);
    const { stdout, stderr } = spawnSync(process.execPath, [out], { cwd: "/", encoding: "utf8" });
    const report: Report = JSON.parse(stdout || JSON.stringify({ notes: [stderr] }));
    expect(report).toMatchObject({ threads: 1 });
    expect(report.notes.at(-1)).toMatch(/^fovea: worker threads are refused \(.+\); running on one thread$/);
  });
});

describe("Cloudflare's workerd", () => {
  const folder = tool("workerd");
  const bundler = tool("esbuild");
  const because = folder === undefined || bundler === undefined ? missing("workerd") : "";

  it.skipIf(because !== "")(`says that WebAssembly cannot be compiled there, and interprets${because}`, async () => {
    writeFileSync(join(at, "service.js"), SERVICE);
    writeFileSync(join(at, "config.capnp"), CONFIG);
    const conditions = ["--conditions=workerd,worker,browser", "--main-fields=browser,module,main"];
    const args = ["service.js", "--bundle", "--format=esm", ...conditions, "--outfile=worker.js", "--log-level=error"];
    expect(spawnSync(join(bundler!, "node_modules/.bin/esbuild"), args, { cwd: at }).status).toBe(0);
    const server = spawn(join(folder!, "node_modules/.bin/workerd"), ["serve", "config.capnp", "--control-fd=3"], {
      cwd: at,
      stdio: ["ignore", "ignore", "ignore", "pipe"],
    });
    try {
      const listens = await new Promise<string>((resolve) =>
        server.stdio[3]!.once("data", (data) => resolve(String(data))),
      );
      const { port } = JSON.parse(listens.split("\n")[0]!) as { port: number };
      const ask = async (options: object) => {
        const query = new URLSearchParams({ options: JSON.stringify(options) });
        return (await (await fetch(`http://127.0.0.1:${port}/?${query}`)).json()) as Report;
      };
      expect(await ask({})).toEqual({
        error: "BackendError",
        message:
          "WebAssembly may not be compiled here (WebAssembly.Module(): Wasm code generation disallowed by embedder); Cloudflare's " +
          'Workers run no code that is made at run time: run fovea in a container or in the page, or choose backend "interpreter", which is very slow',
        notes: [],
      });
      expect(await ask({ backend: "interpreter" })).toMatchObject({ backend: "interpreter", threads: 1, notes: [] });
    } finally {
      server.kill();
    }
  });
});

const SERVICE = `import { smoke } from "./smoke.js";
export default {
  async fetch(request) {
    return Response.json(await smoke(JSON.parse(new URL(request.url).searchParams.get("options"))));
  },
};
`;

const CONFIG = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = "2026-01-01",
);
`;

describe("pnpm", () => {
  const folder = tool("pnpm");
  it.skipIf(folder === undefined)(
    `installs it without a word about build scripts${folder === undefined ? missing("pnpm") : ""}`,
    () => {
      const user = scratchFolder();
      writeFileSync(join(user, "package.json"), '{ "private": true, "type": "module" }');
      const { status, stdout, stderr } = spawnSync(join(folder!, "node_modules/.bin/pnpm"), ["add", tarballs().fovea], {
        cwd: user,
        encoding: "utf8",
      });
      expect(status, stdout + stderr).toBe(0);
      expect(stdout + stderr).not.toMatch(/build scripts/i);
      writeFileSync(join(user, "quota.mjs"), QUOTA);
      expect(spawnSync(process.execPath, ["quota.mjs"], { cwd: user, encoding: "utf8" })).toMatchObject({
        stderr: "",
        status: 0,
      });
    },
  );
});

describe("a process that lacks", () => {
  test("native addons runs WebAssembly", async () => {
    const { report } = await run(process.execPath, ["--no-addons"]);
    expect(report).toMatchObject({ backend: "wasm", threads: 2, digest: WASM_DIGEST });
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
