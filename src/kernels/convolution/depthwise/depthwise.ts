/**
 * Depthwise convolution, every channel by a kernel of its own: forward and, through the phases of `axis.ts`, the input
 * gradient of any stride. Vectors run over channels. Each number of the image is used as often as the kernel has
 * elements, so that such layers take the time of memory where the image is large.
 */
import type { Value } from "../../../graph/graph.js";
import type { Lowering, Strategy, Work } from "../../contract/strategy.js";
import { epilogueOf } from "../../fusion/epilogue.js";
import { depthwiseKernel } from "./kernel.js";
import { codeSize, planOf, rowPieces } from "./plan.js";

export const depthwise: Strategy = {
  name: "depthwise",
  ops: ["conv2d", "conv2dInputGrad"],
  fuses: true,
  accepts: (node, target) => {
    const plan = planOf(node, target);
    return plan !== undefined && codeSize(plan) <= target.costs.largestKernel.direct;
  },
  cost: (node, target) => {
    const plan = planOf(node, target)!;
    const { multiplyAdd, store } = target.costs;
    let nanoseconds = 0;
    for (const y of plan.ys)
      for (const x of plan.xs)
        nanoseconds += y.count * x.count * plan.vectors.count * (y.taps * x.taps * multiplyAdd.tiled + store);
    return nanoseconds;
  },
  lower,
};

function lower(work: Work, to: Lowering): void {
  const { root, result } = work;
  const [source, weights] = root.inputs as [Value, Value];
  const { epilogue, values } = epilogueOf(work);
  const convolution = planOf(root, to.target)!;
  const kernel = to.kernel(depthwiseKernel, { convolution, epilogue });
  const operands = [source, weights, ...values, result].map((value) => to.buffer(value));
  to.step(kernel, operands, { count: rowPieces(convolution), samples: 1, isLocal: true });
}
