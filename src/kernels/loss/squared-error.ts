/** The mean squared difference of two values, one number a sample. Pads are +0 in both and add nothing. */
import { defineKernel } from "../../codegen/definition.js";
import type { Reg } from "../../codegen/ir.js";
import { sizeOf } from "../../graph/shape.js";
import type { Lanes } from "../../target/target.js";
import { elementsNanoseconds } from "../contract/cost.js";
import type { Strategy } from "../contract/strategy.js";
import { eachPiece } from "../language/pieces.js";

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
      const start = k.mul(n, 4 * sampleStride);
      const sums = [k.acc(0, lanes), k.acc(0, lanes)] as const;
      const add = (at: Reg, i: 0 | 1) => {
        const a = k.load(k.ptrAdd(k.operand("p"), at), 4 * lanes * i, lanes);
        const difference = k.fsub(a, k.load(k.ptrAdd(k.operand("t"), at), 4 * lanes * i, lanes));
        k.fmaTo(sums[i], difference, difference);
      };
      const vectors = sampleStride / lanes;
      const two = (at: Reg) => {
        const place = k.add(start, at);
        add(place, 0);
        add(place, 1);
      };
      if (vectors > 1) k.loop(0, 4 * lanes * (vectors - (vectors % 2)), two, { step: 8 * lanes });
      if (vectors % 2 === 1) add(k.add(start, 4 * lanes * (vectors - 1)), 0);
      const mean = k.fdiv(k.reduceAdd(k.fadd(sums[0], sums[1])), k.splat(elements, 1));
      k.store(k.ptrAdd(k.operand("loss"), k.mul(n, 4)), 0, mean);
    };
    eachPiece(k, body);
  },
});
