/**
 * Squared distances to centres [F, K]: vectors run over the centres, the features are added up in order. One piece is a
 * few samples.
 */
import { defineKernel } from "../../codegen/definition.js";
import type { Reg } from "../../codegen/ir.js";
import { elementsNanoseconds } from "../contract/cost.js";
import { type RowLayout, rowLayout } from "../contract/layout.js";
import type { Strategy } from "../contract/strategy.js";
import type { Epilogue } from "../fusion/epilogue.js";
import { resultOf, resultOperands, rowPlace, storeResult } from "../fusion/result.js";
import { channelVectors, cleaned, eachGroup, isPartial, loadChannels, storeTail } from "../language/channels.js";
import { eachPiece } from "../language/pieces.js";
import { view } from "../language/view.js";

const SAMPLES = 4;
/** Features in flight at once, each in an accumulator of its own. */
const UNROLL = 4;

export const squaredDistanceStrategy: Strategy = {
  name: "squaredDistance",
  ops: ["squaredDistance"],
  fuses: true,
  accepts: () => true,
  cost: elementsNanoseconds,
  lower(work, to) {
    const [x, c] = work.root.inputs;
    const { epilogue, buffers } = resultOf(work, to);
    const kernel = to.kernel(squaredDistanceKernel, {
      features: c!.shape[0]!,
      inputSample: to.layout(x!).sampleStride,
      centreRow: to.layout(c!).channelStride,
      output: rowLayout(to.layout(work.root)),
      epilogue,
    });
    to.step(kernel, [to.buffer(x!), to.buffer(c!), ...buffers], { count: 1, samples: SAMPLES });
  },
};

interface Distances {
  readonly features: number;
  /** Elements from one sample to the next, and from one feature of the centres to the next. */
  readonly inputSample: number;
  readonly centreRow: number;
  readonly output: RowLayout;
  readonly epilogue: Epilogue;
}

const squaredDistanceKernel = defineKernel<Distances>("squaredDistance", {
  operands: ({ epilogue }) => [["x", "read"], ["c", "read"], ...resultOperands(epilogue)],
  write(k, { features, inputSample, centreRow, output, epilogue }) {
    const vectors = channelVectors(output, k.target);
    const { lanes } = vectors;
    const one = (n: Reg) => {
      const from = view(k, "x", { sample: inputSample, feature: 1 }).at({ sample: n }).keep("from");
      const into = view(k, "result", { sample: output.sampleStride }).at({ sample: n }).keep("into");
      eachGroup(k, vectors, 1, (channel, [index]) => {
        const offset = k.var(channel ?? 0, "offset");
        const sums = Array.from({ length: Math.min(UNROLL, features) }, () => k.acc(0, lanes));
        const term = (feature: Reg | number, u: number) => {
          const at = typeof feature === "number" ? k.int(feature) : feature;
          const value = from.at({ feature: at }).broadcast(lanes, { feature: u });
          const centres = view(k, "c", { feature: centreRow }).pointer();
          const row = centres.plus(k.add(offset, centres.at({ feature: at }).offset())).pointer();
          const centre = loadChannels(k, vectors, ...row.place({ feature: u }), index!);
          const difference = k.fsub(value, centre);
          k.fmaTo(sums[u]!, difference, difference);
        };
        const whole = features - (features % UNROLL);
        k.loop(0, whole, (f) => sums.forEach((_, u) => void term(f, u)), { step: UNROLL, name: "feature" });
        for (let f = whole; f < features; f++) term(whole, f - whole);
        // The pads of the centres are +0 and would give |x|^2.
        const sum = sums.reduce((a, b) => k.fadd(a, b));
        const dirty = isPartial(vectors, index!) && !vectors.packed;
        const total = dirty ? cleaned(k, sum, vectors.lastLanes) : sum;
        const row = into.plus(offset).here();
        storeResult(k, epilogue, rowPlace(vectors, row, channel && offset, index!), total);
      });
      storeTail(k, output, into.address());
    };
    const piece = (p: Reg) => {
      const first = k.mul(p, SAMPLES);
      k.loop(first, k.min(k.add(first, SAMPLES), k.batch), one, { name: "n" });
    };
    eachPiece(k, piece);
  },
});
