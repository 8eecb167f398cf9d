import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { afterEach, describe, expect, it } from "vitest";
import { BackendError } from "#fovea/base/errors.js";
import { Assembler } from "#fovea/codegen/x64/assembler.js";
import { RAX, RDI, RSI } from "#fovea/codegen/x64/registers.js";
import { detectTargets, type ProcessorFeatures, processorFeatures, targetsOf } from "#fovea/devices/cpu/native/cpu.js";
import { bindKernel, ExecutableMemory } from "#fovea/devices/cpu/native/executable.js";
import { GuardedMemory } from "#fovea/devices/cpu/native/guarded.js";
import { addressOf } from "#fovea/devices/cpu/native/libc.js";

/** void add(int64 to, int64 n): *(int64 *)to += n */
function adder(): Uint8Array {
  const asm = new Assembler("vex");
  asm.arithmeticTo("add", { base: RDI, displacement: 0 }, RSI);
  asm.mov(RAX, RSI);
  asm.ret();
  return asm.finish();
}
const module = (path: string) => new URL(`../../dist/${path}`, import.meta.url).href;

describe("executable memory", () => {
  afterEach(() => {
    delete process.env["FOVEA_TEST_REFUSE_EXEC"];
  });

  it("runs code at aligned addresses, in this thread and in a worker", async () => {
    const memory = ExecutableMemory.map([Uint8Array.of(0xc3), adder(), adder()]);
    const shared = new SharedArrayBuffer(8);
    const cell = new BigInt64Array(shared);
    expect(memory.addresses.every((a) => a % 64 === 0)).toBe(true);
    bindKernel(memory.addresses[0])(0, 0, 0, 0);
    bindKernel(memory.addresses[2])(addressOf(shared), 40, 0, 0);
    expect(cell[0]).toBe(40n);
    const worker = new Worker(
      `const { workerData } = require("node:worker_threads");
       Promise.all([import(workerData.executable), import(workerData.libc)]).then(([{ bindKernel }, { addressOf }]) => {
         bindKernel(workerData.code)(addressOf(workerData.shared), 2, 0, 0);
       });`,
      {
        eval: true,
        workerData: {
          shared,
          code: memory.addresses[1],
          executable: module("devices/cpu/native/executable.js"),
          libc: module("devices/cpu/native/libc.js"),
        },
      },
    );
    expect(await once(worker, "exit")).toEqual([0]);
    expect(cell[0]).toBe(42n);
    memory.release();
    memory.release();
  });

  it("is never writable and executable at once", () => {
    const memory = ExecutableMemory.map([adder()]);
    const line = readFileSync("/proc/self/maps", "utf8")
      .split("\n")
      .find((l) => l.startsWith(memory.addresses[0].toString(16)));
    expect(line).toMatch(/^[0-9a-f]+-[0-9a-f]+ r-xp /);
    memory.release();
  });

  it("says so where it is refused", () => {
    process.env["FOVEA_TEST_REFUSE_EXEC"] = "1";
    expect(() => ExecutableMemory.map([adder()])).toThrow(BackendError);
    expect(() => ExecutableMemory.map([adder()])).toThrow(/executable memory was refused .*FOVEA_BACKEND=wasm/);
  });

  it("keeps data against inaccessible pages", () => {
    const memory = new GuardedMemory(100);
    const end = memory.place(Uint8Array.of(1, 2, 3), "end");
    expect(end + 3).toBe(memory.end);
    expect([...memory.read(end, 3)]).toEqual([1, 2, 3]);
    expect(memory.place(Uint8Array.of(9), "start")).toBe(memory.start);
    expect(() => memory.read(memory.end, 1)).toThrow(BackendError);
    memory.release();
    // A child that steps over the edge dies of it.
    const step = (offset: number) =>
      spawnSync(
        process.execPath,
        [
          "--input-type=module",
          "-e",
          `import { GuardedMemory } from ${JSON.stringify(module("devices/cpu/native/guarded.js"))};
           import { bindKernel, ExecutableMemory } from ${JSON.stringify(module("devices/cpu/native/executable.js"))};
           const code = ExecutableMemory.map([Uint8Array.from(${JSON.stringify([...adder()])})]);
           bindKernel(code.addresses[0])(new GuardedMemory(64).end + ${offset}, 1, 0, 0);`,
        ],
        { encoding: "utf8" },
      );
    expect(step(-8)).toMatchObject({ status: 0, signal: null });
    expect(step(-7)).toMatchObject({ status: null, signal: "SIGSEGV" });
  });
});

describe("processor features", () => {
  const all: ProcessorFeatures = {
    vendor: "",
    avx2: true,
    fma: true,
    bmi2: true,
    f16c: true,
    avx512f: true,
    avx512dq: true,
    avx512bw: true,
    avx512vl: true,
    savedStates: 0xe7,
  };

  it("agree with what the system says", () => {
    const flags = /^flags\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1].trim().split(/\s+/) ?? [];
    const found = processorFeatures();
    if (process.env["FOVEA_NO_AVX512"]) flags.splice(flags.indexOf("avx512f"), flags.includes("avx512f") ? 1 : 0);
    for (const name of ["avx2", "fma", "bmi2", "f16c", "avx512f", "avx512dq", "avx512bw", "avx512vl"] as const)
      expect([name, found[name]]).toEqual([name, flags.includes(name)]);
    expect(detectTargets()).toEqual(targetsOf(found));
  });

  it("are those of a processor without AVX-512 where that is asked for", () => {
    const module = new URL("../../dist/devices/cpu/native/cpu.js", import.meta.url).href;
    const say = `import { detectTargets } from ${JSON.stringify(module)}; console.log(detectTargets().join());`;
    const asked = (value: string) => {
      const env = { ...process.env, FOVEA_NO_AVX512: value };
      return spawnSync(process.execPath, ["--input-type=module", "-e", say], { env, encoding: "utf8" }).stdout.trim();
    };
    const { avx2 } = processorFeatures();
    expect(asked("1")).toBe(avx2 ? "avx2" : "");
    if (!process.env["FOVEA_NO_AVX512"]) expect(asked("0")).toBe(detectTargets().join());
  });

  it("count an instruction set only with the registers saved", () => {
    expect(targetsOf(all)).toEqual(["avx512", "avx2"]);
    expect(targetsOf({ ...all, savedStates: 0x07 })).toEqual(["avx2"]);
    expect(targetsOf({ ...all, savedStates: 0x03 })).toEqual([]);
    expect(targetsOf({ ...all, savedStates: 0 })).toEqual([]);
    for (const lacking of ["avx512f", "avx512dq", "avx512bw", "avx512vl", "bmi2"] as const)
      expect(targetsOf({ ...all, [lacking]: false })).toEqual(["avx2"]);
    for (const lacking of ["avx2", "fma", "f16c"] as const)
      expect(targetsOf({ ...all, avx512f: false, [lacking]: false })).toEqual([]);
  });
});
