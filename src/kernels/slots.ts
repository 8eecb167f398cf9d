/**
 * Sums over the batch, or over a large value, in slots: what each covers depends on the shape alone, so that the bits are
 * the same for any number of threads. A first step leaves a partial sum a slot, one after the other; the steps here add
 * these in order.
 */
import { buildKernel, type KernelBuilder } from "../codegen/builder.js";
import type { Lanes, Reg } from "../codegen/ir.js";
import type { Buffer, Lowering } from "./strategy.js";
import { type Mean, scaleMean } from "./sum-rows.js";

/** Elements that one slot should have at least. */
export const SLOT = 16384;

/** A slot is `samples` samples of the batch, or one of `parts` parts of a sample. */
export interface Slots {
  /** False: of one value, which has the parts alone. */
  readonly batched: boolean;
  readonly samples: number;
  readonly parts: number;
}

interface Partial {
  readonly slots: Slots;
  readonly mean: Mean;
}

/** Element by element: a slot, and the result, has `stride` elements. */
export function addSlots(
  to: Lowering,
  partial: Buffer,
  into: Buffer,
  { slots, mean, stride, lanes }: Partial & { readonly stride: number; readonly lanes: Lanes },
): void {
  const key = `sum slots ${stride} ${lanes} ${slots.samples} ${slots.parts} ${JSON.stringify(mean)}`;
  const write = (k: KernelBuilder) => {
    const count = slotCount(k, slots);
    k.loop(k.begin, k.end, (piece) => {
      const at = k.mul(piece, 4 * lanes);
      const first = k.ptrAdd(k.operand("x"), at);
      const total = inOrder(k, () => first, { count, bytes: 4 * stride, lanes });
      k.store(k.ptrAdd(k.operand("y"), at), 0, scaleMean(k, total, mean, lanes));
    });
  };
  lowerStep(to, partial, into, { key, pieces: stride / lanes, write });
}

/** To one number: a slot is one vector, whose lanes are added up in the end. */
export function foldSlots(to: Lowering, partial: Buffer, into: Buffer, { slots, mean }: Partial): void {
  const { lanes } = to.target;
  const key = `total slots ${slots.batched} ${slots.samples} ${slots.parts} ${JSON.stringify(mean)}`;
  const write = (k: KernelBuilder) => {
    k.loop(k.begin, k.end, () => {
      const count = slotCount(k, slots);
      const total = inOrder(k, () => k.operand("x"), { count, bytes: 4 * lanes, lanes });
      k.store(k.operand("y"), 0, scaleMean(k, k.reduceAdd(total), mean, 1));
    });
  };
  lowerStep(to, partial, into, { key, pieces: 1, write });
}

/** Of the samples that there are. */
function slotCount(k: KernelBuilder, { batched, samples, parts }: Slots): Reg {
  return batched ? k.mul(k.div(k.add(k.batch, samples - 1), samples), parts) : k.int(parts);
}

/** The sum of `count` vectors that lie `bytes` apart. */
function inOrder(
  k: KernelBuilder,
  first: () => Reg,
  { count, bytes, lanes }: { readonly count: Reg; readonly bytes: number; readonly lanes: Lanes },
): Reg {
  const total = k.var(k.load(first(), 0, lanes), "total");
  k.loop(1, count, (slot) => k.updateTo(total, "fadd", k.load(k.ptrAdd(first(), k.mul(slot, bytes)), 0, lanes)));
  return total;
}

function lowerStep(
  to: Lowering,
  partial: Buffer,
  into: Buffer,
  step: { readonly key: string; readonly pieces: number; readonly write: (k: KernelBuilder) => void },
): void {
  const { key, pieces, write } = step;
  const kernel = to.kernel(key, () =>
    buildKernel(
      {
        key,
        name: "sum slots",
        target: to.target,
        operands: [
          ["x", "read"],
          ["y", "write"],
        ],
      },
      write,
    ),
  );
  to.step(kernel, [partial, into], { count: pieces });
}
