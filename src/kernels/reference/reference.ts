/**
 * The strategy of ops without a kernel: the op's own `reference`, float64 in plain JavaScript, on the caller's thread.
 * The step has a kernel that does nothing, so that it is ordered, placed, named and counted as any other; who runs the
 * program calls the op in its place.
 */
import { defineKernel } from "../../codegen/definition.js";
import { nameOp } from "../../graph/op-names.js";
import type { Strategy } from "../contract/strategy.js";

interface Inputs {
  readonly inputs: number;
}

const referenceKernel = defineKernel<Inputs>("reference", {
  operands: ({ inputs }) => [
    ...Array.from({ length: inputs }, (_, i) => [`in${i}`, "read"] as const),
    ["out", "write"] as const,
  ],
  write(k) {
    k.comment("computed on the caller's thread");
  },
});

/** It accepts every op, and is chosen where no other does. */
export const referenceStrategy: Strategy = {
  name: "reference",
  ops: [],
  fuses: false,
  accepts: () => true,
  cost: () => Number.POSITIVE_INFINITY,
  lower({ root, result }, to) {
    const { op, attributes, inputs } = root;
    nameOp(op);
    const kernel = to.kernel(referenceKernel, { inputs: inputs.length });
    const call = { op: op.name, attributes, inputs: inputs.map((v) => to.layout(v)), output: to.layout(result) };
    to.step(kernel, [...inputs.map((v) => to.buffer(v)), to.buffer(result)], { count: 1 }, call);
  },
};
