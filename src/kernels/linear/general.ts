/**
 * The fully connected layer and its gradients for any shape of input, read in the order of `reshape` (images as C, H,
 * W). One piece is one sample; of the weight gradient, one row of weights.
 */
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import { defineKernel } from "../../codegen/definition.js";
import type { Reg } from "../../codegen/ir.js";
import { scalarNanoseconds } from "../contract/cost.js";
import { type Layout, type RowLayout, rowLayout } from "../contract/layout.js";
import type { Strategy } from "../contract/strategy.js";
import type { Epilogue } from "../fusion/epilogue.js";
import { resultOf, resultOperands, rowPlace, storeResult } from "../fusion/result.js";
import { channelVectors, eachGroup, loadChannels, storeChannels, storeTail, storeZeros } from "../language/channels.js";
import { type Dimension, nest } from "../language/nest.js";
import { eachPiece } from "../language/pieces.js";
import { readingDimensions } from "../language/reading-order.js";
import { F32, view } from "../language/view.js";

/** Axes of the features in reading order: byte distances in the input, and among the rows of the weights. */
function features(input: Layout, weights: Layout): Dimension[] {
  const dimensions = readingDimensions(input);
  let step = F32 * weights.channelStride;
  const out: Dimension[] = [];
  for (const { extent, strides } of [...dimensions].reverse()) {
    out.unshift({ extent, strides: [strides[0]!, step] });
    step *= extent;
  }
  return out;
}

export const generalLinear: Strategy = {
  name: "generalLinear",
  ops: ["linear"],
  fuses: true,
  accepts: () => true,
  cost: scalarNanoseconds,
  lower(work, to) {
    const [x, w] = work.root.inputs;
    const input = to.layout(x!);
    const { epilogue, buffers } = resultOf(work, to);
    const kernel = to.kernel(linearKernel, {
      dimensions: features(input, to.layout(w!)),
      inputSample: input.sampleStride,
      output: rowLayout(to.layout(work.root)),
      epilogue,
    });
    to.step(kernel, [to.buffer(x!), to.buffer(w!), ...buffers], { count: 1, samples: 1 });
  },
};

interface Linear {
  readonly dimensions: readonly Dimension[];
  readonly inputSample: number;
  readonly output: RowLayout;
  readonly epilogue: Epilogue;
}

const linearKernel = defineKernel<Linear>("general linear", {
  title: "linear",
  operands: ({ epilogue }) => [["x", "read"], ["w", "read"], ...resultOperands(epilogue)],
  write(k, { dimensions, inputSample, output, epilogue }) {
    const vectors = channelVectors(output, k.target);
    const body = (n: Reg) => {
      const from = view(k, "x", { sample: inputSample }).at({ sample: n }).keep("from").offset();
      const into = view(k, "result", { sample: output.sampleStride }).at({ sample: n }).keep("into");
      eachGroup(k, vectors, 4, (channel, indices) => {
        const offset = k.var(channel ?? 0, "offset");
        const sums = indices.map(() => k.acc(0, vectors.lanes));
        nest(k, dimensions, [from, offset], ([at, row]) => {
          const value = k.broadcast(k.ptrAdd(k.operand("x"), at!), 0, vectors.lanes);
          const pointer = k.ptrAdd(k.operand("w"), row!);
          for (const [i, index] of indices.entries())
            k.fmaTo(sums[i]!, value, loadChannels(k, vectors, pointer, 0, index));
        });
        const row = into.plus(offset).here();
        for (const [i, index] of indices.entries())
          storeResult(k, epilogue, rowPlace(vectors, row, channel && offset, index), sums[i]!);
      });
      storeTail(k, output, into.address());
    };
    eachPiece(k, body);
  },
});

export const generalLinearInputGradient: Strategy = {
  name: "generalLinearInputGradient",
  ops: ["linearInputGrad"],
  fuses: false,
  accepts: () => true,
  cost: scalarNanoseconds,
  lower({ root }, to) {
    const [dy, w] = root.inputs;
    const input = to.layout(root);
    const kernel = to.kernel(inputGradientKernel, {
      dimensions: features(input, to.layout(w!)),
      gradient: rowLayout(to.layout(dy!)),
      inputSample: input.sampleStride,
    });
    to.step(kernel, [to.buffer(dy!), to.buffer(w!), to.buffer(root)], { count: 1, samples: 1 });
  },
};

interface InputGradient {
  readonly dimensions: readonly Dimension[];
  /** Of dy. */
  readonly gradient: RowLayout;
  readonly inputSample: number;
}

const inputGradientKernel = defineKernel<InputGradient>("general linearInputGrad", {
  title: "linearInputGrad",
  operands: [
    ["dy", "read"],
    ["w", "read"],
    ["dx", "readwrite"],
  ],
  write(k, { dimensions, gradient, inputSample }) {
    const vectors = channelVectors(gradient, k.target);
    const body = (n: Reg) => {
      const from = k.var(k.mul(n, F32 * gradient.sampleStride), "from");
      const into = k.var(k.mul(n, F32 * inputSample), "into");
      storeZeros(k, k.ptrAdd(k.operand("dx"), into), 0, inputSample);
      nest(k, dimensions, [into, k.int(0)], ([at, row]) => {
        const sum = k.acc(0, vectors.lanes);
        eachGroup(k, vectors, 4, (channel, indices) => {
          const moved = (bytes: Reg) => (channel === undefined ? bytes : k.add(bytes, channel));
          const values = k.ptrAdd(k.operand("dy"), moved(from));
          const pointer = k.ptrAdd(k.operand("w"), moved(row!));
          for (const i of indices)
            k.fmaTo(sum, loadChannels(k, vectors, values, 0, i), loadChannels(k, vectors, pointer, 0, i));
        });
        k.store(k.ptrAdd(k.operand("dx"), at!), 0, k.reduceAdd(sum));
      });
    };
    eachPiece(k, body);
  },
});

export const generalLinearWeightGradient: Strategy = {
  name: "generalLinearWeightGradient",
  ops: ["linearWeightGrad"],
  fuses: false,
  accepts: () => true,
  cost: scalarNanoseconds,
  lower({ root }, to) {
    const [x, dy] = root.inputs;
    const input = to.layout(x!);
    const weights = to.layout(root);
    const kernel = to.kernel(weightGradientKernel, {
      dimensions: features(input, weights),
      weights: rowLayout(weights),
      inputSample: input.sampleStride,
      gradientSample: to.layout(dy!).sampleStride,
    });
    to.step(kernel, [to.buffer(x!), to.buffer(dy!), to.buffer(root)], { count: weights.rows });
  },
};

interface WeightGradient {
  readonly dimensions: readonly Dimension[];
  readonly weights: RowLayout;
  readonly inputSample: number;
  readonly gradientSample: number;
}

const weightGradientKernel = defineKernel<WeightGradient>("general linearWeightGrad", {
  title: "linearWeightGrad",
  operands: [
    ["x", "read"],
    ["dy", "read"],
    ["dw", "write"],
  ],
  write(k, { dimensions, weights, inputSample, gradientSample }) {
    const vectors = channelVectors(weights, k.target);
    const body = (feature: Reg) => {
      const place = k.var(placeOf(k, dimensions, feature), "place");
      const into = k.var(k.mul(feature, F32 * weights.channelStride), "into");
      eachGroup(k, vectors, 4, (channel, indices) => {
        const sums = indices.map(() => k.acc(0, vectors.lanes));
        const moved = (bytes: Reg) => (channel === undefined ? bytes : k.add(bytes, channel));
        const sample = (n: Reg) => {
          const at = k.add(place, k.mul(n, F32 * inputSample));
          const value = k.broadcast(k.ptrAdd(k.operand("x"), at), 0, vectors.lanes);
          const pointer = k.ptrAdd(k.operand("dy"), moved(k.mul(n, F32 * gradientSample)));
          for (const [i, index] of indices.entries())
            k.fmaTo(sums[i]!, value, loadChannels(k, vectors, pointer, 0, index));
        };
        k.loop(0, k.batch, sample, { name: "n" });
        const pointer = k.ptrAdd(k.operand("dw"), moved(into));
        for (const [i, index] of indices.entries()) storeChannels(k, vectors, pointer, 0, index, sums[i]!, false);
      });
      k.if(feature, "eq", weights.rows - 1, () => storeTail(k, weights, k.operand("dw")));
    };
    eachPiece(k, body);
  },
});

/** Bytes of a feature in a sample of the input. */
function placeOf(k: KernelBuilder, dimensions: readonly Dimension[], feature: Reg): Reg {
  let rest = feature;
  let bytes: Reg | undefined;
  for (let d = dimensions.length - 1; d >= 0; d--) {
    const { extent, strides } = dimensions[d]!;
    const part = k.mul(d === 0 ? rest : k.mod(rest, extent), strides[0]!);
    if (d > 0) rest = k.div(rest, extent);
    bytes = bytes === undefined ? part : k.add(bytes, part);
  }
  return bytes ?? k.int(0);
}
