/**
 * Partial sums of slices of the batch, one value behind the other, added up in order: how many slices there are depends
 * on shapes alone, so that the bits are the same for any number of threads.
 */
import { defineKernel } from "../../codegen/definition.js";
import type { Buffer } from "../contract/emitter.js";
import type { Lowering } from "../contract/strategy.js";
import { view } from "./view.js";

/** result = sum of the slices in order, element by element. */
export function addSlices(to: Lowering, partial: Buffer, result: Buffer, slices: number, elements: number): void {
  const vectors = Math.ceil(elements / to.target.lanes);
  const kernel = to.kernel(addSlicesKernel, { slices, elements });
  to.step(kernel, [partial, result], { count: Math.ceil(vectors / VECTORS_OF_PIECE) });
}

interface Slices {
  readonly slices: number;
  readonly elements: number;
}

const VECTORS_OF_PIECE = 64;

const addSlicesKernel = defineKernel<Slices>("addSlices", {
  operands: [
    ["partial", "read"],
    ["result", "write"],
  ],
  write(k, { slices, elements }) {
    const { lanes } = k.target;
    const strides = { slice: elements, vector: lanes };
    const from = k.mul(k.begin, VECTORS_OF_PIECE);
    const end = k.min(k.mul(k.end, VECTORS_OF_PIECE), Math.ceil(elements / lanes));
    k.loop(from, end, (vector) => {
      const own = view(k, "partial", strides).at({ vector }).here();
      const partial = own.pointer();
      let total = partial.load(lanes);
      for (let slice = 1; slice < slices; slice++) total = k.fadd(total, partial.load(lanes, { slice }));
      view(k, "result", strides).plus(own.offset()).store(total);
    });
  },
});
