/** Small programs made by hand with the kernel builder, for the runtime's tests. */
import { buildKernel } from "#fovea/codegen/builder/builder.js";
import type { Kernel } from "#fovea/codegen/ir.js";
import type { Place, Port, Program, Region, Step, StoredState } from "#fovea/compiler/program.js";
import { layoutOf } from "#fovea/kernels/contract/layout.js";
import type { Target } from "#fovea/target/target.js";

/** Planned costs of one call: for the team alone; shared by the caller; on the caller's thread alone. */
export const COSTLY = 10_000_000;
export const MIDDLING = 1_000_000;
export const CHEAP = 1000;

/** Elements of one piece: the same for every target, so that results can be compared between targets. */
const BLOCK = 16;

export class Draft {
  readonly kernels: Kernel[] = [];
  readonly prepare: Step[] = [];
  readonly steps: Step[] = [];
  readonly inputs: Port[] = [];
  readonly outputs: Port[] = [];
  readonly states: StoredState[] = [];
  writes: string[] = [];
  readonly bytes: Record<Region, number> = { store: 0, prepared: 0, slot: 0, scratch: 0, workspace: 0 };

  constructor(
    readonly name: string,
    readonly target: Target,
    readonly maxBatch: number,
    /** Nanoseconds that the first step claims. */
    readonly cost: number,
  ) {}

  place(region: Region, bytes: number, label: string): Place {
    const offset = this.bytes[region];
    this.bytes[region] += Math.ceil(bytes / 64) * 64;
    return { region, offset, bytes, label };
  }
  port(list: Port[], name: string, shape: readonly number[], dtype: "f32" | "i32" = "f32"): Place {
    const layout = layoutOf({ shape, batched: true, dtype }, this.target);
    const place = this.place("slot", 4 * layout.sampleStride * this.maxBatch, name);
    list.push({ name, layout, place });
    return place;
  }
  state(name: string, shape: readonly number[]): Place {
    const layout = layoutOf({ shape, batched: false, dtype: "f32" }, this.target);
    const place = this.place("store", 4 * layout.sampleStride, name);
    this.states.push({ name, layout, place, kind: "parameter" });
    return place;
  }
  step(kernel: Kernel, operands: Place[], pieces: Step["pieces"], barrier = true, list = this.steps): void {
    let index = this.kernels.indexOf(kernel);
    if (index < 0) index = this.kernels.push(kernel) - 1;
    const fixed = list === this.steps && this.steps.length === 0 ? this.cost : 0;
    const label = `${operands.at(-1)?.label ?? ""} ${kernel.name}`;
    list.push({ kernel: index, operands, pieces, barrier, label, nanoseconds: { fixed, perSample: 0 } });
  }
  program(): Program {
    return { ...this };
  }
}

/** out[i] = a[i] + b[i] * factor; a piece is 16 elements. `b` may be shared by all samples: then it has `width` elements. */
export function addScaled(target: Target, factor: number, width?: number): Kernel {
  const key = `addScaled ${target.name} ${target.fma} ${factor} ${width}`;
  const operands = [
    ["a", "read"],
    ["b", "read"],
    ["out", "write"],
  ] as const;
  return buildKernel({ key, name: "addScaled", target, operands }, (k) => {
    const [a, b, out] = [k.operand("a"), k.operand("b"), k.operand("out")];
    const scale = k.splat(factor, target.lanes);
    k.loop(k.begin, k.end, (piece) => {
      const at = k.mul(piece, 4 * BLOCK);
      const atB = width === undefined ? at : k.mul(k.mod(piece, width / BLOCK), 4 * BLOCK);
      for (let n = 0; n < BLOCK; n += target.lanes) {
        const product = k.fmul(k.load(k.ptrAdd(b, atB), 4 * n, target.lanes), scale);
        k.store(k.ptrAdd(out, at), 4 * n, k.fadd(k.load(k.ptrAdd(a, at), 4 * n, target.lanes), product));
      }
    });
  });
}

/** Each block of 16 becomes the mean of itself and of its left neighbour (the last one's, for the first) in the sample. */
export function mix(target: Target, width: number): Kernel {
  const key = `mix ${target.name} ${target.fma} ${width}`;
  const operands = [
    ["from", "read"],
    ["to", "write"],
  ] as const;
  const blocks = width / BLOCK;
  return buildKernel({ key, name: "mix", target, operands }, (k) => {
    const [from, to] = [k.operand("from"), k.operand("to")];
    const half = k.splat(0.5, target.lanes);
    k.loop(k.begin, k.end, (piece) => {
      const sample = k.mul(k.div(piece, blocks), blocks);
      const left = k.add(sample, k.mod(k.add(k.mod(piece, blocks), blocks - 1), blocks));
      const at = k.mul(piece, 4 * BLOCK);
      const atLeft = k.mul(left, 4 * BLOCK);
      for (let n = 0; n < BLOCK; n += target.lanes) {
        const sum = k.fadd(
          k.load(k.ptrAdd(from, at), 4 * n, target.lanes),
          k.load(k.ptrAdd(from, atLeft), 4 * n, target.lanes),
        );
        k.store(k.ptrAdd(to, at), 4 * n, k.fmul(sum, half));
      }
    });
  });
}

/** partial[piece] = sum of the squares of the piece's 16 elements, by multiply-add, folded in the target's own order. */
export function partialSums(target: Target): Kernel {
  const operands = [
    ["x", "read"],
    ["partial", "write"],
  ] as const;
  return buildKernel({ key: `partial ${target.name}`, name: "partialSums", target, operands }, (k) => {
    const [x, partial] = [k.operand("x"), k.operand("partial")];
    k.loop(k.begin, k.end, (piece) => {
      const at = k.ptrAdd(x, k.mul(piece, 4 * BLOCK));
      let sum = k.splat(0.1, target.lanes);
      for (let n = 0; n < BLOCK; n += target.lanes) {
        const v = k.load(at, 4 * n, target.lanes);
        sum = k.fma(v, v, sum);
      }
      k.store(k.ptrAdd(partial, k.mul(piece, 4)), 0, k.reduceAdd(sum));
    });
  });
}

/** total[sample] = its partials, added from the first to the last. A piece is a sample. */
export function addPartials(target: Target, count: number): Kernel {
  const operands = [
    ["partial", "read"],
    ["total", "write"],
  ] as const;
  return buildKernel({ key: `addPartials ${target.name} ${count}`, name: "addPartials", target, operands }, (k) => {
    const [partial, total] = [k.operand("partial"), k.operand("total")];
    k.loop(k.begin, k.end, (sample) => {
      const sum = k.acc(0, 1);
      const first = k.ptrAdd(partial, k.mul(sample, 4 * count));
      k.loop(0, count, (n) => k.updateTo(sum, "fadd", k.load(k.ptrAdd(first, k.mul(n, 4)), 0, 1)));
      k.store(k.ptrAdd(total, k.mul(sample, 4)), 0, sum);
    });
  });
}

/** `rounds` of mixing between two scratch buffers, each after a barrier, then the sums of the samples' squares. */
export function mixProgram(
  target: Target,
  options: { rounds: number; cost: number; width?: number; maxBatch?: number },
) {
  const { rounds, cost, width = 512, maxBatch = 8 } = options;
  const d = new Draft("mix", target, maxBatch, cost);
  const x = d.port(d.inputs, "x", [width]);
  const y = d.port(d.outputs, "y", [width]);
  const sum = d.port(d.outputs, "sum", []);
  const [a, b] = ["a", "b"].map((label) => d.place("scratch", 4 * width * maxBatch, label)) as [Place, Place];
  const partial = d.place("scratch", (4 * width * maxBatch) / BLOCK, "partial");
  const pieces = { count: width / BLOCK, samples: 1 };
  const kernel = mix(target, width);
  d.step(kernel, [x, a], pieces, false);
  for (let n = 1; n < rounds; n++) d.step(kernel, n % 2 === 1 ? [a, b] : [b, a], pieces);
  const last = rounds % 2 === 1 ? a : b;
  d.step(kernel, [last, y], pieces);
  // Two steps without a barrier between them: neither reads what the other writes.
  d.step(partialSums(target), [last, partial], pieces, false);
  d.step(addPartials(target, width / BLOCK), [partial, sum], { count: 1, samples: 1 });
  return d.program();
}

/** What mixProgram computes for y, in float32 as the kernels do. */
export function mixReference(x: Float32Array, width: number, rounds: number): Float32Array {
  let from = x;
  for (let n = 0; n <= rounds; n++) {
    const to = new Float32Array(from.length);
    for (let i = 0; i < from.length; i++) {
      const start = Math.floor(i / width) * width;
      const left = start + ((i - start + width - BLOCK) % width);
      to[i] = Math.fround(Math.fround(from[i]! + from[left]!) * 0.5);
    }
    from = to;
  }
  return from;
}

/** y = x + 2 w, where 2 w is prepared; reads state `w` (width 64). */
export function readerProgram(target: Target, cost = CHEAP, name = "reader", width = 64): Program {
  const d = new Draft(name, target, 4, cost);
  const x = d.port(d.inputs, "x", [width]);
  const y = d.port(d.outputs, "y", [width]);
  const w = d.state("w", [width]);
  const doubled = d.place("prepared", 4 * width, "2w");
  d.step(addScaled(target, 1), [w, w, doubled], { count: width / BLOCK }, false, d.prepare);
  d.step(addScaled(target, 1, width), [x, doubled, y], { count: width / BLOCK, samples: 1 }, false);
  return d.program();
}

/** w += 0.5 g, through a copy in scratch; states come in another order than the reader has them. */
export function writerProgram(target: Target, cost = CHEAP, width = 64): Program {
  const d = new Draft("writer", target, 1, cost);
  const g = d.state("g", [width]);
  const w = d.state("w", [width]);
  const sum = d.place("scratch", 4 * width, "sum");
  const zero = d.place("scratch", 4 * width, "zero");
  const all = { count: width / BLOCK };
  d.step(addScaled(target, 0.5), [w, g, sum], all, false);
  d.step(addScaled(target, -1), [g, g, zero], all, false);
  d.step(addScaled(target, 1), [sum, zero, w], all);
  d.writes = ["w"];
  return d.program();
}

export function random(seed: number, length: number): Float32Array {
  let s = seed >>> 0;
  return Float32Array.from({ length }, () => {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0;
    return s / 2 ** 31 - 1;
  });
}
