/** The mean squared difference of two values, one number a sample. Pads are +0 in both and add nothing. */
import { defineKernel } from "../../codegen/definition.js";
import type { Reg } from "../../codegen/ir.js";
import { sizeOf } from "../../graph/shape.js";
import type { Lanes } from "../../target/target.js";
import { elementsNanoseconds } from "../contract/cost.js";
import type { Strategy } from "../contract/strategy.js";
import { eachPiece } from "../language/pieces.js";
import { view } from "../language/view.js";

export const squaredErrorStrategy: Strategy = {
  name: "squaredError",
  ops: ["meanSquaredError"],
  fuses: false,
  accepts: () => true,
  cost: elementsNanoseconds,
  lower({ root }, to) {
    const [p, t] = root.inputs;
    const { sampleStride, shape } = to.layout(p!);
    const lanes = shape.length === 0 ? 1 : to.target.lanes;
    const kernel = to.kernel(squaredErrorKernel, { sampleStride, lanes, elements: sizeOf(shape) });
    to.step(
      kernel,
      [p!, t!, root].map((v) => to.buffer(v)),
      { count: 1, samples: 1 },
    );
  },
};

interface SquaredError {
  readonly sampleStride: number;
  readonly lanes: Lanes;
  /** Of a sample, pads left out. */
  readonly elements: number;
}

const squaredErrorKernel = defineKernel<SquaredError>("meanSquaredError", {
  operands: [
    ["p", "read"],
    ["t", "read"],
    ["loss", "write"],
  ],
  write(k, { sampleStride, lanes, elements }) {
    const body = (n: Reg) => {
      const p = view(k, "p", { sample: sampleStride, element: 1 });
      const start = p.at({ sample: n }).offset();
      const sums = [k.acc(0, lanes), k.acc(0, lanes)] as const;
      const add = (at: Reg, i: 0 | 1) => {
        const own = { element: lanes * i };
        const difference = k.fsub(p.plus(at).load(lanes, own), p.of("t").plus(at).load(lanes, own));
        k.fmaTo(sums[i], difference, difference);
      };
      const vectors = sampleStride / lanes;
      const two = (at: Reg) => {
        const place = k.add(start, at);
        add(place, 0);
        add(place, 1);
      };
      const bytes = p.bytes({ element: lanes });
      if (vectors > 1) k.loop(0, bytes * (vectors - (vectors % 2)), two, { step: 2 * bytes });
      if (vectors % 2 === 1) add(k.add(start, bytes * (vectors - 1)), 0);
      const mean = k.fdiv(k.reduceAdd(k.fadd(sums[0], sums[1])), k.splat(elements, 1));
      view(k, "loss", { sample: 1 }).at({ sample: n }).store(mean);
    };
    eachPiece(k, body);
  },
});
