/**
 * What random networks are made of, by name: layers of `nn`, ops with weights that fit, what people write with several
 * ops (layer norm, gates), and any registered op by itself on inputs of its own.
 */
import type { Attributes, Graph, Value } from "#fovea/graph/graph.js";
import { type Shape, type Signature, sizeOf } from "#fovea/graph/shape.js";
import * as nn from "#fovea/nn/index.js";
import { ALL_OPS } from "#fovea/ops/all.js";
import * as ops from "#fovea/ops/index.js";
import type { Feed } from "../support/op-cases.js";

/** What a layer is built with. */
export interface Builder {
  readonly graph: Graph;
  /** A trained tensor, normally distributed or around `value`. */
  weight(shape: Shape, value?: number): Value;
  /** A layer of `nn`, applied to x. */
  module(x: Value, make: () => nn.Module): Value;
  /** An input beside the network's own. */
  input(signature: Signature, feed: Feed): Value;
}

// biome-ignore lint/suspicious/noExplicitAny: plain data, whose types the layers' own options have
type Parameters = any;
type Make = (build: Builder, inputs: readonly Value[], p: Parameters) => Value;

const channelsOf = (x: Value): number => x.shape.at(-1) ?? 1;

const unary =
  (op: (x: Value, p: Parameters) => Value): Make =>
  (_build, [x], p) =>
    op(x!, p);
const binary =
  (op: (a: Value, b: Value) => Value): Make =>
  (_build, [a, b]) =>
    op(a!, b!);
const module =
  (make: (x: Value, p: Parameters) => nn.Module): Make =>
  (build, [x], p) =>
    build.module(x!, () => make(x!, p));

/** (x - mean) / sqrt(variance + eps) over the given axes of a sample. */
function normalised(x: Value, axes: readonly number[]): Value {
  const mean = ops.mean(x, { axes });
  const spread = (v: Value) => ops.expand(v, x, { axes, batch: false, mean: false });
  const centred = ops.subtract(x, spread(mean));
  const variance = ops.mean(ops.square(centred), { axes });
  return ops.divide(centred, spread(ops.sqrt(ops.scale(variance, 1, 1e-3))));
}

const scaled = (build: Builder, x: Value, axes: number): Value => {
  const shape = x.shape.slice(x.shape.length - axes);
  return ops.add(ops.multiply(x, build.weight(shape, 1)), build.weight(shape, 0));
};

/** 0.5 + x^2, which every power and root takes. */
const positive = (x: Value): Value => ops.scale(ops.square(x), 1, 0.5);

export const LAYERS: Readonly<Record<string, Make>> = {
  conv2d: module((x, { of: _of, layer: _layer, ...p }) => nn.conv2d({ in: channelsOf(x), ...p })),
  convTranspose2d: module((x, { of: _of, layer: _layer, ...p }) => nn.convTranspose2d({ in: channelsOf(x), ...p })),
  partialConv2d: module((x, { connections, kernel }) => nn.partialConv2d({ in: channelsOf(x), kernel, connections })),
  linear: module((x, { out, bias }) => nn.linear({ in: sizeOf(x.shape), out, bias })),
  maxPool2d: module((_x, { kernel, options }) => nn.maxPool2d(kernel, options)),
  avgPool2d: module((_x, { kernel, options }) => nn.avgPool2d(kernel, options)),
  adaptiveAvgPool2d: module((_x, { output }) => nn.adaptiveAvgPool2d(output)),
  globalAvgPool2d: module(() => nn.globalAvgPool2d()),
  subsample2d: module((x, { kernel }) => nn.subsample2d({ channels: channelsOf(x), kernel })),
  batchNorm2d: module((x) => nn.batchNorm2d({ channels: channelsOf(x), eps: 1e-3 })),
  localResponseNorm: module((_x, { size, alpha }) => nn.localResponseNorm({ size, alpha })),
  dropout: module((_x, { rate }) => nn.dropout(rate)),
  upsample: module((_x, { options }) => nn.upsample(options)),
  radialBasis: module((x, { centres }) => {
    const unit = (c: number, f: number) => ((c * 7 + f * 3) % 5) / 4 - 0.5;
    const row = (c: number) => Array.from({ length: sizeOf(x.shape) }, (_, f) => unit(c, f));
    return nn.radialBasis({ centres: Array.from({ length: centres }, (_, c) => row(c)) });
  }),
  relu: unary(ops.relu),
  tanh: unary(ops.tanh),
  scaledTanh: unary(ops.scaledTanh),
  sigmoid: unary(ops.sigmoid),
  gelu: unary(ops.gelu),
  swish: unary((x) => ops.multiply(x, ops.sigmoid(x))),
  silu: unary(ops.silu),
  geluTanh: unary(ops.geluTanh),
  elu: unary((x, { alpha }) => ops.elu(x, alpha)),
  selu: unary(ops.selu),
  softplus: unary((x, { beta, threshold }) => ops.softplus(x, { beta, threshold })),
  mish: unary(ops.mish),
  relu6: unary(ops.relu6),
  hardSigmoid: unary(ops.hardSigmoid),
  hardSwish: unary(ops.hardSwish),
  leakyRelu: unary((x, { slope }) => ops.leakyRelu(x, slope)),
  clip: unary((x, { min, max }) => ops.clip(x, { min, max })),
  prelu: (build, [x]) => ops.prelu(x!, build.weight(x!.shape.slice(-1), 0.25)),
  exp: unary((x) => ops.exp(ops.tanh(x))),
  log: unary((x) => ops.log(positive(x))),
  abs: unary(ops.abs),
  maximum: binary(ops.maximum),
  minimum: binary(ops.minimum),
  /** a where it is the larger, -b elsewhere. */
  winner: binary((a, b) => {
    const most = ops.maximum(a, b);
    return ops.subtract(ops.multiply(a, ops.equal(a, most)), ops.multiply(b, ops.notEqual(a, most)));
  }),
  stopGradient: unary((x) => ops.multiply(x, ops.stopGradient(ops.tanh(x)))),
  where: binary((a, b) => ops.where(ops.greater(a, ops.scale(b, 1, 0.5)), a, b)),
  softmax: unary(ops.softmax),
  scale: unary((x, { factor, offset }) => ops.scale(x, factor, offset)),
  square: unary((x) => ops.square(ops.tanh(x))),
  sqrt: unary((x) => ops.sqrt(positive(x))),
  power: unary((x, { exponent }) => ops.power(positive(x), exponent)),
  add: binary(ops.add),
  subtract: binary(ops.subtract),
  multiply: binary(ops.multiply),
  divide: binary((a, b) => ops.divide(a, positive(b))),
  concat: (_build, inputs, { axis }) => ops.concat(inputs, axis),
  slice: unary((x, { axis, start, end }) => ops.slice(x, axis, start, end)),
  pad: unary((x, { before, after, value }) => ops.pad(x, before, after, value)),
  resize: unary((x, { size, mode }) => ops.resize(x, size, mode)),
  reshape: unary((x, { shape }) => ops.reshape(x, shape)),
  flatten: unary(ops.flatten),
  arrange: unary((x, { table }) => ops.arrange(x, table)),
  channelWindowSum: unary((x, { before, after }) => ops.channelWindowSum(x, { before, after })),
  sum: unary((x, { axes }) => ops.sum(x, { axes })),
  mean: unary((x, { axes }) => ops.mean(x, { axes })),
  maxReduce: unary((x, { axes }) => ops.maxReduce(x, axes)),
  argmax: unary(ops.argmax),
  /** Weights of the last axes, as many as said. */
  weighted: (build, [x], { axes }) => scaled(build, x!, axes),
  divided: (build, [x], { axes }) => {
    const shape = x!.shape.slice(x!.shape.length - axes);
    return ops.divide(x!, positive(build.weight(shape)));
  },
  normalize: (build, [x]) => {
    const shape = x!.shape.slice(-1);
    return ops.normalize(x!, build.weight(shape, 0), build.weight(shape, 1), build.weight(shape, 0));
  },
  affine: (build, [x]) => ops.affine(x!, build.weight(x!.shape.slice(-1), 1), build.weight(x!.shape.slice(-1), 0)),
  squaredDistance: (build, [x], { out }) => {
    const features = ops.flatten(x!);
    return ops.scale(ops.squaredDistance(features, build.weight([sizeOf(x!.shape), out])), 1 / sizeOf(x!.shape));
  },
  layerNorm: (build, [x], { axes }) =>
    scaled(build, normalised(x!, x!.shape.map((_, i) => i).slice(x!.shape.length - axes)), axes),
  groupNorm: module((x, { groups }) => nn.groupNorm({ groups, channels: channelsOf(x), eps: 1e-3 })),
  rmsNorm: module((x, { axes }) => nn.rmsNorm({ shape: x.shape.slice(x.shape.length - axes), eps: 1e-3 })),
  channelNorm: module((x) => nn.layerNorm({ shape: channelsOf(x), eps: 1e-3 })),
  /** The groups' channels lie apart. */
  scatteredNorm: (build, [x], { groups }) => {
    const [height, width, channels] = x!.shape as [number, number, number];
    const parts = ops.reshape(x!, [height, width, groups, channels / groups]);
    return scaled(build, ops.reshape(normalised(parts, [0, 1, 3]), x!.shape), 1);
  },
  instanceNorm: (_build, [x]) => normalised(x!, [0, 1]),
  /** Squeeze and excitation (Hu et al. 2018). */
  gate: (build, [x], { squeezed }) => {
    const channels = channelsOf(x!);
    const axes = x!.shape.slice(0, -1).map((_, i) => i);
    const narrow = ops.relu(ops.linear(ops.mean(x!, { axes }), build.weight([channels, squeezed])));
    const gates = ops.sigmoid(
      ops.add(ops.linear(narrow, build.weight([squeezed, channels])), build.weight([channels])),
    );
    return ops.multiply(x!, ops.expand(gates, x!, { axes, batch: false, mean: false }));
  },
  /** One number a sample over all of its numbers. */
  perSample: (_build, [x]) => ops.divide(x!, ops.scale(ops.mean(ops.square(x!)), 1, 0.5)),
  meanSquaredError: binary(ops.meanSquaredError),
  crossEntropy: (build, [x], { smoothing }) => {
    const labels = build.input({ shape: x!.shape.slice(0, -1), batched: true, dtype: "i32" }, channelsOf(x!));
    return ops.crossEntropy(x!, labels, smoothing);
  },
  pixelCrossEntropy: (build, [x], { smoothing, weights }) => {
    const labels = build.input({ shape: x!.shape.slice(0, -1), batched: true, dtype: "i32" }, channelsOf(x!));
    return ops.pixelCrossEntropy(x!, labels, { smoothing, ...(weights && { weights }) });
  },
  /** A registered op by itself, on inputs that nothing else reads. */
  op: (build, _inputs, { op: name, inputs, feeds = [], attributes }) => {
    const op = ALL_OPS.find((known) => known.name === name)!;
    const values = (inputs as Signature[]).map((signature, i): Value => {
      const isWeight = !signature.batched && signature.dtype === "f32" && (feeds[i] ?? "normal") === "normal";
      return isWeight ? build.weight(signature.shape) : build.input(signature, feeds[i] ?? "normal");
    });
    return build.graph.add(op, attributes as Attributes, values);
  },
};
