/** Runs an encoded kernel natively, each operand between inaccessible pages. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BackendError } from "#fovea/base/errors.js";
import type { Kernel } from "#fovea/codegen/ir.js";
import { encodeX64 } from "#fovea/codegen/x64/encode.js";
import { detectTargets } from "#fovea/devices/cpu/native/cpu.js";
import { bindKernel, ExecutableMemory } from "#fovea/devices/cpu/native/executable.js";
import { GuardedMemory } from "#fovea/devices/cpu/native/guarded.js";

/** What this machine can run: nothing where native code is refused, or on another architecture. */
export const available: readonly string[] = (() => {
  try {
    return detectTargets();
  } catch (error) {
    if (error instanceof BackendError) return [];
    throw error;
  }
})();

export interface Range {
  readonly begin: number;
  readonly end: number;
  readonly batch: number;
}

/** Operand bytes go in and come back changed in place. `where`: which end lies against a guard page. */
export function runNative(
  kernel: Kernel,
  operands: readonly Uint8Array[],
  range: Range,
  where: "start" | "end" = "end",
): void {
  const code = ExecutableMemory.map([encodeX64(kernel)]);
  const memories = operands.map((o) => new GuardedMemory(o.length));
  const table = new GuardedMemory(8 * operands.length);
  try {
    const addresses = operands.map((o, n) => memories[n].place(o, where));
    const tableAddress = table.place(new Uint8Array(BigInt64Array.from(addresses, BigInt).buffer));
    bindKernel(code.addresses[0])(tableAddress, range.begin, range.end, range.batch);
    operands.forEach((o, n) => {
      o.set(memories[n].read(addresses[n], o.length));
    });
  } finally {
    for (const m of memories) m.release();
    table.release();
    code.release();
  }
}

export function bytesOf(values: Float32Array | Int32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** The code as objdump lists it, up to the return; undefined where objdump is missing. */
export function listing(code: Uint8Array): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "fovea-listing-"));
  try {
    const file = join(folder, "code.bin");
    writeFileSync(file, code);
    const options = ["-D", "-b", "binary", "-m", "i386:x86-64", "-Mintel", "--no-show-raw-insn", file];
    const { stdout, error } = spawnSync("objdump", options, { encoding: "utf8" });
    if (error) return undefined;
    const lines = stdout.split("\n").filter((l) => /^\s*[0-9a-f]+:\t/.test(l));
    const end = lines.findIndex((l) => /\tret\s*$/.test(l));
    return lines
      .slice(0, end + 1)
      .map((l) => l.replace(/\s+/g, " ").trim())
      .join("\n");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
