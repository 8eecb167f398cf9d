/**
 * The sum of everything: all elements of an unbatched value, or of all samples of a batch. Memory is walked flat (pads
 * are +0 and add nothing); slots of fixed size give one vector each, which a second step adds in order and folds.
 */
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import { defineKernel } from "../../codegen/definition.js";
import type { Reg } from "../../codegen/ir.js";
import type { Buffer, Pieces } from "../contract/emitter.js";
import type { Layout } from "../contract/layout.js";
import type { Lowering } from "../contract/strategy.js";
import { eachPiece } from "../language/pieces.js";
import { foldSlots, SLOT, type Slots } from "../language/slots.js";
import { type Mean, scaleMean } from "../language/sum-rows.js";
import { F32, view } from "../language/view.js";

const UNROLL = 4;

export function lowerTotal(to: Lowering, from: Buffer, input: Layout, into: Buffer, mean: Mean): void {
  const { lanes } = to.target;
  const stride = input.sampleStride;
  const samples = input.batched ? Math.max(1, Math.floor(SLOT / stride)) : 1;
  const parts = stride <= 2 * SLOT ? 1 : Math.ceil(stride / SLOT);
  const slots = (input.batched ? Math.ceil(to.maxBatch / samples) : 1) * parts;
  const direct = slots === 1;
  const partial = direct ? into : to.temporary("partial sums", { fixedBytes: F32 * lanes * slots });
  const cut = { batched: input.batched, samples, parts };
  const kernel = to.kernel(totalKernel, { slots: cut, stride, direct: direct ? mean : undefined });
  const pieces: Pieces = input.batched ? { count: parts, samples } : { count: parts };
  to.step(kernel, [from, partial], pieces);
  if (!direct) foldSlots(to, partial, into, { slots: cut, mean });
}

interface Total {
  readonly slots: Slots;
  /** Elements of a sample, pads and all; 1 of a scalar. */
  readonly stride: number;
  /** Where there is one slot, which is the result. */
  readonly direct: Mean | undefined;
}

const totalKernel = defineKernel<Total>("total", {
  title: "sum",
  operands: [
    ["x", "read"],
    ["y", "write"],
  ],
  write(k, spec) {
    const { stride, direct } = spec;
    const body = (piece: Reg) => {
      const { first, last } = range(k, spec, piece);
      const total = stride === 1 ? addScalars(k, first, last) : addFlat(k, first, last);
      if (direct !== undefined) k.store(k.operand("y"), 0, scaleMean(k, k.reduceAdd(total), direct, 1));
      else view(k, "y", { slot: k.target.lanes }).at({ slot: piece }).store(total);
    };
    eachPiece(k, body);
  },
});

/** The elements of a piece. */
function range(k: KernelBuilder, { slots, stride }: Total, piece: Reg): { first: Reg; last: Reg } {
  const { batched, samples, parts } = slots;
  if (parts > 1) {
    const start = k.mul(k.div(piece, parts), stride);
    const from = k.mul(k.mod(piece, parts), SLOT);
    return { first: k.add(start, from), last: k.add(start, k.min(k.add(from, SLOT), stride)) };
  }
  if (!batched) return { first: k.int(0), last: k.int(stride) };
  const sample = k.mul(piece, samples);
  return { first: k.mul(sample, stride), last: k.mul(k.min(k.add(sample, samples), k.batch), stride) };
}

/** Whole vectors first..last-1, four accumulators. */
function addFlat(k: KernelBuilder, first: Reg, last: Reg): Reg {
  const { lanes } = k.target;
  const sums = Array.from({ length: UNROLL }, () => k.acc(0, lanes));
  const step = UNROLL * lanes;
  const many = k.add(first, k.mul(k.div(k.sub(last, first), step), step));
  const from = (element: Reg) => view(k, "x", { element: 1 }).at({ element }).pointer();
  const four = (element: Reg) => {
    const at = from(element);
    for (const [i, sum] of sums.entries()) k.updateTo(sum, "fadd", at.load(lanes, { element: lanes * i }));
  };
  k.loop(first, many, four, { step });
  k.loop(many, last, (element) => k.updateTo(sums[0]!, "fadd", from(element).load(lanes)), { step: lanes });
  return k.fadd(k.fadd(sums[0]!, sums[1]!), k.fadd(sums[2]!, sums[3]!));
}

/** One number a sample: what lies behind the last sample means nothing. */
function addScalars(k: KernelBuilder, first: Reg, last: Reg): Reg {
  const { lanes } = k.target;
  const sum = k.acc(0, lanes);
  const body = (element: Reg) => {
    const mask = k.firstLanes(k.sub(last, element), lanes);
    k.updateTo(sum, "fadd", k.loadMasked(...view(k, "x", { element: 1 }).at({ element }).place({}), mask));
  };
  k.loop(first, last, body, { step: lanes });
  return sum;
}
