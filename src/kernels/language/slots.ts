/**
 * Sums over the batch, or over a large value, in slots: what each covers depends on the shape alone, so that the bits
 * are the same for any number of threads. A first step leaves a partial sum a slot, one after the other; the steps here
 * add these in order.
 */
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import { defineKernel } from "../../codegen/definition.js";
import type { Reg } from "../../codegen/ir.js";
import type { Lanes } from "../../target/target.js";
import type { Buffer } from "../contract/emitter.js";
import type { Lowering } from "../contract/strategy.js";
import { type Mean, scaleMean } from "./sum-rows.js";
import { type View, view } from "./view.js";

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

interface SlotSums extends Partial {
  /** Elements of a slot, and of the result. */
  readonly stride: number;
  readonly lanes: Lanes;
}

/** Element by element. */
export function addSlots(to: Lowering, partial: Buffer, into: Buffer, sums: SlotSums): void {
  to.step(to.kernel(addSlotsKernel, sums), [partial, into], { count: sums.stride / sums.lanes });
}

/** To one number: a slot is one vector, whose lanes are added up in the end. */
export function foldSlots(to: Lowering, partial: Buffer, into: Buffer, sums: Partial): void {
  to.step(to.kernel(foldSlotsKernel, sums), [partial, into], { count: 1 });
}

const addSlotsKernel = defineKernel<SlotSums>("sum slots", {
  operands: [
    ["x", "read"],
    ["y", "write"],
  ],
  write(k, { slots, mean, stride, lanes }) {
    const count = slotCount(k, slots);
    const one = (piece: Reg) => {
      const own = view(k, "x", { slot: stride, vector: lanes }).at({ vector: piece }).here();
      const first = own.pointer();
      const total = inOrder(() => first, count, lanes);
      own
        .of("y")
        .pointer()
        .store(scaleMean(k, total, mean, lanes));
    };
    k.loop(k.begin, k.end, one, { frame: false, name: "piece" });
  },
});

const foldSlotsKernel = defineKernel<Partial>("fold slots", {
  title: "sum slots",
  operands: [
    ["x", "read"],
    ["y", "write"],
  ],
  write(k, { slots, mean }) {
    const { lanes } = k.target;
    const one = () => {
      const count = slotCount(k, slots);
      const total = inOrder(() => view(k, "x", { slot: lanes }), count, lanes);
      k.store(k.operand("y"), 0, scaleMean(k, k.reduceAdd(total), mean, 1));
    };
    k.loop(k.begin, k.end, one, { frame: false, name: "piece" });
  },
});

/** Of the samples that there are. */
function slotCount(k: KernelBuilder, { batched, samples, parts }: Slots): Reg {
  return batched ? k.mul(k.div(k.add(k.batch, samples - 1), samples), parts) : k.int(parts);
}

/** The sum of a vector in each of `count` slots. */
function inOrder(first: () => View<"slot">, count: Reg, lanes: Lanes): Reg {
  const start = first();
  const { k } = start;
  const total = k.var(start.load(lanes), "total");
  k.loop(1, count, (slot) => k.updateTo(total, "fadd", first().at({ slot }).load(lanes)));
  return total;
}
