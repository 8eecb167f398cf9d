/**
 * Runs strategies without a planner: collects the steps of one work, gives every buffer memory of its own, runs the
 * pieces of each step in a shuffled order on the interpreter or WebAssembly, and checks that pad lanes hold +0.
 */
import { KernelCache, type KernelDefinition } from "#fovea/codegen/definition.js";
import { interpret, WRITTEN } from "#fovea/codegen/interpreter/interpreter.js";
import type { Kernel } from "#fovea/codegen/ir.js";
import type { Graph, Value } from "#fovea/graph/graph.js";
import type { Signature } from "#fovea/graph/shape.js";
import { type Tensor, tensor } from "#fovea/graph/tensor.js";
import { type Buffer, type Pieces, pieceCount } from "#fovea/kernels/contract/emitter.js";
import { elementsOf, type Layout, layoutOf } from "#fovea/kernels/contract/layout.js";
import type { Packing } from "#fovea/kernels/contract/packing.js";
import type { Lowering } from "#fovea/kernels/contract/strategy.js";
import type { Target } from "#fovea/target/target.js";
import { AVX2, AVX512, WASM } from "#fovea/target/targets.js";
import { type Engine, nativeTargets, runKernel } from "./kernels.js";

export interface Machine {
  readonly target: Target;
  readonly engine: Engine;
}

/** Every vector width on the interpreter, and on what this machine runs itself. */
export const MACHINES: readonly Machine[] = [AVX512, AVX2, WASM].flatMap((target): Machine[] => {
  const machines: Machine[] = [{ target, engine: "interpreter" }];
  if (nativeTargets.includes(target.name)) machines.push({ target, engine: "native" });
  return target.name === "wasm" ? [...machines, { target, engine: "wasm" }] : machines;
});

interface Memory {
  bytes: Uint8Array;
  /** One byte a word: which of its bytes have been written. */
  readonly written: Uint8Array;
}

export class TestLowering implements Lowering {
  readonly steps: { kernel: Kernel; operands: readonly Buffer[]; pieces: Pieces }[] = [];
  readonly #kernels = new KernelCache();
  readonly #buffers: Buffer[] = [];
  readonly #workspaces = new Set<Buffer>();
  readonly #ofValue = new Map<Value, Buffer>();
  readonly #packed = new Map<string, Buffer>();
  /** For an image that is pooled: the value that stands for the places of the maxima. */
  readonly noted = new Map<Value, Value>();

  constructor(
    readonly target: Target,
    readonly maxBatch: number,
    /** Whether unbatched values count as those that stay from run to run. */
    readonly keepsWeights = true,
  ) {}

  layout(value: Signature): Layout {
    return layoutOf(value, this.target);
  }
  buffer(value: Value): Buffer {
    let buffer = this.#ofValue.get(value);
    if (buffer === undefined) {
      const bytes = 4 * this.layout(value).sampleStride;
      buffer = this.temporary(value.op.name, value.batched ? { sampleBytes: bytes } : { fixedBytes: bytes });
      this.#ofValue.set(value, buffer);
    }
    return buffer;
  }
  temporary(label: string, { fixedBytes = 0, sampleBytes = 0 }: { fixedBytes?: number; sampleBytes?: number }): Buffer {
    const buffer = { id: this.#buffers.length, label, fixedBytes, sampleBytes };
    this.#buffers.push(buffer);
    return buffer;
  }
  workspace(bytes: number): Buffer {
    const buffer = this.temporary("workspace", { fixedBytes: bytes });
    this.#workspaces.add(buffer);
    return buffer;
  }
  places(image: Value): Buffer {
    return this.buffer(this.noted.get(image)!);
  }
  isStatic(value: Value): boolean {
    return this.keepsWeights && !value.batched;
  }
  packed<Spec>(packing: Packing<Spec>, from: Value, spec: Spec): Buffer {
    const key = `${from.id} ${packing.key(spec)}`;
    let buffer = this.#packed.get(key);
    if (buffer === undefined) {
      buffer = this.temporary(packing.name, { fixedBytes: packing.bytes(spec) });
      this.#packed.set(key, buffer);
      packing.pack(this, this.buffer(from), buffer, spec);
    }
    return buffer;
  }
  kernel<Spec>(definition: KernelDefinition<Spec>, spec: Spec): Kernel {
    return this.#kernels.get(definition, this.target, spec);
  }
  /** Those of all steps, each once. */
  get kernels(): Kernel[] {
    return [...new Set(this.steps.map((step) => step.kernel))];
  }
  step(kernel: Kernel, operands: readonly Buffer[], pieces: Pieces): void {
    this.steps.push({ kernel, operands, pieces });
  }

  /** Runs all steps on `feeds` and returns `results`. `cuts`: in how many ranges each step's pieces are run, last range first. */
  run(
    feeds: ReadonlyMap<Value, Tensor>,
    results: readonly Value[],
    batch: number,
    options: { engine?: Engine; cuts?: number } = {},
  ): Tensor[] {
    const { engine = "interpreter", cuts = 3 } = options;
    for (const value of feeds.keys()) this.buffer(value); // a kernel without taps reads no weights
    const memory = this.#buffers.map(({ fixedBytes, sampleBytes }): Memory => {
      const words = Math.ceil((fixedBytes + sampleBytes * batch) / 64) * 16;
      const bytes = new Uint8Array(new Uint32Array(words).fill(0x7fc0dead).buffer);
      return { bytes, written: new Uint8Array(words) };
    });
    for (const [value, data] of feeds) upload(memory[this.buffer(value).id]!, data, this.layout(value), batch);
    for (const { kernel, operands, pieces } of this.steps) {
      const places = operands.map((b) => memory[b.id]!);
      if (pieces.isLocal && engine === "interpreter") {
        runLocally({ kernel, operands, pieces }, memory, this.#workspaces, batch);
        continue;
      }
      const total = pieceCount(pieces, batch);
      for (let cut = cuts - 1; cut >= 0; cut--) {
        const begin = Math.floor((total * cut) / cuts);
        const end = Math.floor((total * (cut + 1)) / cuts);
        if (begin === end) continue;
        // what a call left in its workspace is nobody's
        for (const workspace of operands.filter((b) => this.#workspaces.has(b))) {
          memory[workspace.id]!.bytes.fill(0xff);
          memory[workspace.id]!.written.fill(0);
        }
        const bytes = places.map((m) => m.bytes);
        if (engine === "interpreter") {
          interpret(kernel, bytes, { begin, end, batch }, { initialised: places.map((m) => m.written) });
        } else {
          runKernel(kernel, engine, bytes, { begin, end, batch }).forEach((after, i) => {
            places[i]!.bytes.set(after);
          });
        }
      }
    }
    return results.map((value) => {
      const place = memory[this.buffer(value).id]!;
      return download(place, this.layout(value), batch, engine === "interpreter");
    });
  }
}

/** Group after group of samples, to each of which the others' parts of operands that have a batch are neither there nor to be changed. */
function runLocally(
  { kernel, operands, pieces: { count, samples = 1 } }: TestLowering["steps"][number],
  memory: readonly Memory[],
  workspaces: ReadonlySet<Buffer>,
  batch: number,
): void {
  for (let group = 0; group < Math.ceil(batch / samples); group++) {
    for (const workspace of operands.filter((b) => workspaces.has(b))) memory[workspace.id]!.written.fill(0);
    const own = new Map(
      [...new Set(operands)].map((buffer) => {
        const { bytes, written } = memory[buffer.id]!;
        const words = buffer.sampleBytes / 4;
        const hasBatch = buffer.sampleBytes > 0;
        const [from, to] = hasBatch ? [group * samples * words, (group + 1) * samples * words] : [0, written.length];
        const before = bytes.slice();
        return [
          buffer,
          { from, to, before, initialised: written.map((w, i) => (i >= from && i < to ? w : 0)) },
        ] as const;
      }),
    );
    interpret(
      kernel,
      operands.map((b) => memory[b.id]!.bytes),
      { begin: group * count, end: (group + 1) * count, batch },
      { initialised: operands.map((b) => own.get(b)!.initialised) },
    );
    for (const [buffer, { from, to, before, initialised }] of own) {
      const { bytes, written } = memory[buffer.id]!;
      const [now, old] = [new Uint32Array(bytes.buffer), new Uint32Array(before.buffer)];
      for (let i = 0; i < written.length; i++) {
        if (i >= from && i < to) written[i]! |= initialised[i]!;
        else if (now[i] !== old[i] || initialised[i] !== 0)
          throw new Error(
            `kernel ${kernel.name}: samples ${group * samples}... write word ${i} of ${buffer.label}, which is not theirs`,
          );
      }
    }
  }
}

function upload(m: Memory, data: Tensor, layout: Layout, batch: number): void {
  const floats = new Float32Array(m.bytes.buffer);
  const ints = new Int32Array(m.bytes.buffer);
  if (layout.shape.length > 0) floats.fill(0, 0, elementsOf(layout, batch));
  m.written.fill(WRITTEN);
  data.data.forEach((x, i) => {
    const at = placeOf(layout, i);
    if (layout.dtype === "i32") ints[at] = x;
    else floats[at] = x;
  });
}

/** Where logical element i (row-major, the batch first) lies. */
function placeOf(layout: Layout, i: number): number {
  const size = layout.rows * layout.channels;
  const inSample = i % size;
  const row = Math.floor(inSample / layout.channels);
  return Math.floor(i / size) * layout.sampleStride + row * layout.channelStride + (inSample % layout.channels);
}

function download(m: Memory, layout: Layout, batch: number, checkWritten: boolean): Tensor {
  const words = layout.dtype === "i32" ? new Int32Array(m.bytes.buffer) : new Float32Array(m.bytes.buffer);
  const bits = new Uint32Array(m.bytes.buffer);
  const samples = layout.batched ? batch : 1;
  const shape = layout.batched ? [batch, ...layout.shape] : layout.shape;
  const size = samples * layout.rows * layout.channels;
  const logical = new Set<number>();
  const out = tensor(shape);
  for (let i = 0; i < size; i++) {
    const at = placeOf(layout, i);
    logical.add(at);
    if (checkWritten && m.written[at] !== WRITTEN)
      throw new Error(`element ${i} of ${shape.join("x")} was never written`);
    out.data[i] = words[at]!;
  }
  for (let at = 0; at < samples * layout.sampleStride; at++) {
    if (!logical.has(at) && bits[at] !== 0) {
      throw new Error(`pad element at word ${at} of ${shape.join("x")} (stride ${layout.channelStride}) is not +0`);
    }
  }
  return out;
}

/** Leaves of a graph for the given signatures. */
export function leaves(graph: Graph, signatures: readonly Signature[]): Value[] {
  return signatures.map(({ shape, batched, dtype }, i) =>
    batched
      ? (graph.input(`in${i}`, { shape, batched, dtype }) as unknown as Value)
      : (graph.state(`in${i}`, "parameter", shape, dtype) as unknown as Value),
  );
}

/** The first element of `actual` that is further than `tolerance` (relative to the largest expected, and 1) from `expected`. */
export function mismatch(actual: Tensor, expected: Tensor, tolerance: number): string | undefined {
  if (actual.shape.join() !== expected.shape.join()) return `shape ${actual.shape} instead of ${expected.shape}`;
  const largest = expected.data.reduce((m, x) => (Number.isFinite(x) ? Math.max(m, Math.abs(x)) : m), 1);
  for (let i = 0; i < expected.data.length; i++) {
    const [a, e] = [actual.data[i]!, expected.data[i]!];
    if (Object.is(a, e) || a === e || (Number.isNaN(a) && Number.isNaN(e))) continue;
    if (!(Math.abs(a - e) <= tolerance * largest)) return `element ${i}: ${a}, expected ${e}`;
  }
  return undefined;
}
