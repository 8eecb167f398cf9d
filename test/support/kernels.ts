/** What tests of kernels share: running one on an engine of choice, comparing bits, and seeded random numbers. */
import { type InterpretOptions, interpret, type Range } from "#fovea/codegen/interpreter/interpreter.js";
import type { Kernel } from "#fovea/codegen/ir.js";
import { enableRelaxedSimd } from "#fovea/codegen/wasm/enable-relaxed-node.js";
import { encodeWasm } from "#fovea/codegen/wasm/encode.js";
import { detectWasm } from "#fovea/codegen/wasm/features.js";
import { detectTargets } from "#fovea/devices/cpu/native/cpu.js";
import { runNative } from "../codegen/x64-run.js";

enableRelaxedSimd();
export const wasmFeatures = detectWasm();

/** Which of "avx512" and "avx2" this machine runs. */
export const nativeTargets: readonly string[] = detectTargets();

/** "native": operands lie right before inaccessible pages. */
export type Engine = "interpreter" | "wasm" | "native";

export const ALL: Range = { begin: 0, end: 1, batch: 1 };

/** Runs `kernel` on copies of `operands` and returns what they hold afterwards. */
export function runKernel(
  kernel: Kernel,
  engine: Engine,
  operands: readonly (Uint8Array | Float32Array | Int32Array)[],
  range: Range = ALL,
  options?: InterpretOptions,
): Uint8Array[] {
  const bytes = operands.map((o) => new Uint8Array(o.buffer, o.byteOffset, o.byteLength).slice());
  if (engine === "interpreter") interpret(kernel, bytes, range, options);
  else if (engine === "wasm") runWasm(kernel, bytes, range);
  else runNative(kernel, bytes, range);
  return bytes;
}

export function floatsOf(bytes: Uint8Array): Float32Array {
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}
export function intsOf(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

const PAGE = 65536;
const GAP = 256; // bytes of a known pattern after each operand
const PATTERN = 0xa5;

const modules = new WeakMap<Kernel, WebAssembly.Module>();

/** Operands lie in the wasm memory between gaps of a pattern, which must be whole afterwards. */
function runWasm(kernel: Kernel, operands: readonly Uint8Array[], range: Range): void {
  let module = modules.get(kernel);
  if (module === undefined) {
    module = new WebAssembly.Module(encodeWasm([kernel], { initialPages: 1, maximumPages: PAGE, shared: false }));
    modules.set(kernel, module);
  }
  const offsets: number[] = [];
  let next = PAGE; // the table is in the first page
  for (const o of operands) {
    offsets.push(next);
    next += Math.ceil((o.byteLength + GAP) / 4) * 4;
  }
  const memory = new WebAssembly.Memory({ initial: Math.ceil(next / PAGE), maximum: PAGE });
  const all = new Uint8Array(memory.buffer);
  all.fill(PATTERN, PAGE - GAP);
  new Uint32Array(memory.buffer).set(offsets);
  operands.forEach((o, n) => {
    all.set(o, offsets[n]!);
  });
  const { k0 } = new WebAssembly.Instance(module, { env: { memory } }).exports;
  if (typeof k0 !== "function") throw new Error("no k0 among the exports");
  k0(0, range.begin, range.end, range.batch);
  operands.forEach((o, n) => {
    const at = offsets[n]!;
    o.set(all.subarray(at, at + o.byteLength));
    const gap = all.subarray(at + o.byteLength, offsets[n + 1] ?? next);
    const before = n === 0 ? all.subarray(PAGE - GAP, PAGE) : gap;
    if (gap.some((b) => b !== PATTERN) || before.some((b) => b !== PATTERN))
      throw new Error(`kernel "${kernel.name}" wrote outside operand "${kernel.operands[n]!.name}"`);
  });
}

/** The index of the first 32-bit word that differs, NaNs being equal to NaNs; -1 if none does. */
export function firstDifference(a: Uint8Array, b: Uint8Array): number {
  if (a.byteLength !== b.byteLength) return 0;
  const [x, y, p, q] = [floatsOf(a), floatsOf(b), intsOf(a), intsOf(b)];
  for (let n = 0; n < p.length; n++) {
    if (p[n] !== q[n] && !(Number.isNaN(x[n]) && Number.isNaN(y[n]))) return n;
  }
  return -1;
}
export function equalBits(a: Uint8Array, b: Uint8Array): boolean {
  return firstDifference(a, b) === -1;
}

/** Seeded random numbers (splitmix32). */
export class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed | 0;
  }
  /** 32 random bits, as a signed integer. */
  bits(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return z ^ (z >>> 15);
  }
  /** From 0 to n - 1. */
  integer(n: number): number {
    return Math.floor(((this.bits() >>> 0) / 2 ** 32) * n);
  }
  /** From `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + this.integer(most - least + 1);
  }
  /** In [0, 1), with 24 bits. */
  uniform(): number {
    return (this.bits() >>> 8) / 2 ** 24;
  }
  pick<T>(from: readonly T[]): T {
    const chosen = from[this.integer(from.length)];
    if (chosen === undefined) throw new Error("nothing to pick from");
    return chosen;
  }
  chance(probability: number): boolean {
    return this.uniform() < probability;
  }
  /** Values in [-scale, scale). */
  floats(length: number, scale = 1): Float32Array {
    return Float32Array.from({ length }, () => (2 * this.uniform() - 1) * scale);
  }
  /** Mostly ordinary values; now and then zeros, denormals, huge ones, infinities, NaN. */
  oddFloats(length: number): Float32Array {
    return Float32Array.from({ length }, () => this.oddFloat());
  }
  oddFloat(): number {
    switch (this.integer(16)) {
      case 0:
        return this.pick([0, -0, Infinity, -Infinity, Number.NaN, 2 ** -149, -(2 ** -126), 3.4e38, 1, -1, 0.5, 2.5]);
      case 1:
        return (this.bits() / 2 ** 31) * 2 ** this.between(-149, 127);
      case 2:
        return this.between(-8, 8);
      default:
        return 4 * (2 * this.uniform() - 1);
    }
  }
}

export function random(seed: number): Random {
  return new Random(seed);
}
