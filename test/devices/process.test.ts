/** What can only be seen from outside a process: that it ends, and how it takes refusals. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { detectTargets } from "#fovea/devices/cpu/native/cpu.js";

const run = promisify(execFile);
const root = new URL("../..", import.meta.url).pathname;
const permission = process.allowedNodeEnvironmentFlags.has("--permission")
  ? "--permission"
  : "--experimental-permission";

async function child(scene: string, options: { flags?: string[]; env?: Record<string, string> } = {}) {
  const { FOVEA_BACKEND: _b, FOVEA_THREADS: _t, ...inherited } = process.env;
  const { stdout, stderr } = await run(process.execPath, [...(options.flags ?? []), "test/devices/child.mjs", scene], {
    cwd: root,
    env: { ...inherited, ...options.env },
    timeout: 5 * 60_000,
  });
  expect(stderr).not.toMatch(/unrecognized flag|Error| {4}at /);
  return JSON.parse(stdout.trim().split("\n").at(-1)!);
}

const doubled = Array.from({ length: 16 }, (_, n) => 2 * n);

test("a process with an idle team ends by itself", async () => {
  const answer = await child("run", { env: { FOVEA_THREADS: "3" } });
  expect(answer).toMatchObject({
    backend: detectTargets()[0] ?? "wasm",
    threads: 3,
    y: doubled,
    same: true,
    notes: [],
  });
});

test("a program that is a text on the command line has its threads", async () => {
  const script = `await import(${JSON.stringify(new URL("child.mjs", import.meta.url).href)});`;
  const { FOVEA_BACKEND: _, ...inherited } = process.env;
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", script, "-", "run"], {
    cwd: root,
    env: { ...inherited, FOVEA_THREADS: "3" },
    timeout: 5 * 60_000,
  });
  expect(JSON.parse(stdout)).toMatchObject({ threads: 3, y: doubled, notes: [] });
});

test.each(["wasm", "interpreter", ...detectTargets()])("FOVEA_BACKEND=%s is obeyed", async (backend) => {
  expect(await child("run", { env: { FOVEA_BACKEND: backend } })).toMatchObject({ backend, y: doubled, notes: [] });
});

test("an unknown FOVEA_BACKEND or FOVEA_THREADS names the nearest or what is expected", async () => {
  expect(await child("run", { env: { FOVEA_BACKEND: "avx51" } })).toEqual({
    error: "OptionError",
    message: 'unknown FOVEA_BACKEND "avx51"; did you mean "avx512"? (known: avx512, avx2, wasm, interpreter)',
  });
  for (const threads of ["two", " ", "1e1", "0x2", "2.5", "-1", "0", "257"])
    expect(await child("run", { env: { FOVEA_THREADS: threads } })).toEqual({
      error: "OptionError",
      message: `FOVEA_THREADS "${threads}": expected a whole number from 1 to 256`,
    });
});

test.skipIf(process.platform !== "linux" || process.arch !== "x64")(
  "refused executable memory: WebAssembly instead, said once; an error where machine code was asked for",
  async () => {
    const answer = await child("run", { env: { FOVEA_TEST_REFUSE_EXEC: "1" } });
    expect(answer).toMatchObject({ backend: "wasm", y: doubled, same: true });
    expect(answer.notes).toHaveLength(1);
    expect(answer.notes[0]).toMatch(/^fovea: machine code is refused here \(executable memory was refused/);
    const asked = await child("run", { env: { FOVEA_TEST_REFUSE_EXEC: "1", FOVEA_BACKEND: "avx2" } });
    expect(asked.error).toBe("BackendError");
  },
);

test.skipIf(process.platform !== "linux" || process.arch !== "x64")(
  "Node's permission model: WebAssembly without native addons, one thread without workers",
  async () => {
    const workers = await child("run", { flags: [permission, "--allow-fs-read=*", "--allow-worker"] });
    expect(workers).toMatchObject({ backend: "wasm", y: doubled, same: true });
    expect(workers.notes).toHaveLength(1);
    expect(workers.notes[0]).toMatch(/machine code is refused here/);
    const alone = await child("run", { flags: [permission, "--allow-fs-read=*"] });
    expect(alone).toMatchObject({ backend: "wasm", threads: 1, y: doubled, same: true });
    expect(alone.notes).toHaveLength(2);
    expect(alone.notes[1]).toMatch(/worker threads are refused .*running on one thread/);
  },
);

test("without WebAssembly, as under --jitless, the cause is said; machine code and the interpreter need none", async () => {
  const why =
    "this process has no WebAssembly, which fovea needs; Node's option --jitless takes it away: start without it, " +
    'or choose backend "interpreter", which is very slow';
  const jitless = (env: Record<string, string>) => child("run", { flags: ["--jitless"], env });
  expect(await jitless({ FOVEA_BACKEND: "wasm" })).toEqual({ error: "BackendError", message: why });
  expect(await jitless({ FOVEA_BACKEND: "interpreter" })).toMatchObject({
    backend: "interpreter",
    y: doubled,
    notes: [],
  });
  if (detectTargets().length === 0) return;
  expect(await jitless({})).toMatchObject({ backend: detectTargets()[0], y: doubled, notes: [] });
  expect(await jitless({ FOVEA_TEST_REFUSE_EXEC: "1" })).toEqual({
    error: "BackendError",
    message:
      `${why}; machine code is refused, too (executable memory was refused (mprotect: FOVEA_TEST_REFUSE_EXEC is set); ` +
      "FOVEA_BACKEND=wasm runs without it, more slowly)",
  });
});

test("one thread starts no worker, and has nothing to say about threads that it does not get", async () => {
  expect(await child("workerless", { env: { FOVEA_BACKEND: "wasm", FOVEA_THREADS: "1" } })).toEqual({
    backend: "wasm",
    threads: 1,
    y: doubled,
    same: true,
    notes: [],
  });
  expect(await child("unshared", { env: { FOVEA_THREADS: "1" } })).toMatchObject({ threads: 1, y: doubled, notes: [] });
});

test("without SharedArrayBuffer it runs on one thread and says so", async () => {
  expect(await child("unshared")).toEqual({
    backend: "wasm",
    threads: 1,
    y: doubled,
    same: true,
    notes: ["fovea: no SharedArrayBuffer here, so everything runs on one thread"],
  });
});

test.skipIf(process.platform !== "linux")("a forgotten session ends its workers", async () => {
  const { started, left } = await child("forgotten", { flags: ["--expose-gc"], env: { FOVEA_BACKEND: "wasm" } });
  expect(started).toBeGreaterThanOrEqual(6);
  expect(left).toBeLessThanOrEqual(0);
});
