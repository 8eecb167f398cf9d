/**
 * Random cases for every op: odd sizes, one pixel, one channel, groups, dilation, strides larger than kernels. One
 * generator an op, by name; an op without one fails the suite. Kernel tests draw from the same generators.
 *
 *     const c = opCases[op.name]!(rng);
 *     const inputs = feedsOf(c, batch, rng);                       // float32 numbers in float64 tensors
 *     const output = op.infer(c.inputs, c.attributes, "");
 *     const expected = op.reference(inputs, c.attributes, output, batch);
 */

import type { Attributes } from "#fovea/graph/graph.js";
import { Graph } from "#fovea/graph/graph.js";
import { type Shape, type Signature, sizeOf } from "#fovea/graph/shape.js";
import type { Tensor } from "#fovea/graph/tensor.js";
import { resize } from "#fovea/ops/index.js";
import type { ResizeAttributes } from "#fovea/ops/resize.js";
import { outputExtents, type Window } from "#fovea/ops/window.js";
import type { Random } from "./random.js";

/**
 * How an input's numbers are drawn. "normal": N(0, 1). "positive": 0.5 to 2.5. "distinct": no two nearer than 1/64, none
 * nearer to 0 than 1/128, for ops with kinks. "ties": small whole numbers, many of them equal. "unit": between 0 and 1.
 * A number K: labels 0..K-1. "key": any 32-bit words.
 */
export type Feed = "normal" | "positive" | "distinct" | "ties" | "unit" | "key" | number;

export interface OpCase {
  readonly inputs: readonly Signature[];
  readonly attributes: Attributes;
  /** One an input; "normal" where absent. */
  readonly feeds?: readonly Feed[];
}

/** Tensors for the inputs of a case; every number is a float32 or an int32. */
export function feedsOf(c: OpCase, batch: number, rng: Random): Tensor[] {
  return c.inputs.map(({ shape, batched }, i) => {
    const full = batched ? [batch, ...shape] : shape;
    return { shape: full, data: draw(c.feeds?.[i] ?? "normal", sizeOf(full), rng) };
  });
}

function draw(feed: Feed, size: number, rng: Random): Float64Array {
  if (feed === "distinct") {
    const steps = Float64Array.from({ length: size }, (_, i) => (i - Math.floor(size / 2)) / 64 + 1 / 128);
    for (let i = size - 1; i > 0; i--) {
      const j = rng.integer(0, i);
      [steps[i], steps[j]] = [steps[j]!, steps[i]!];
    }
    return steps;
  }
  return Float64Array.from({ length: size }, () => {
    if (typeof feed === "number") return rng.integer(0, feed - 1);
    if (feed === "key") return rng.integer(-(2 ** 31), 2 ** 31 - 1);
    if (feed === "ties") return rng.integer(-2, 2);
    if (feed === "positive") return Math.fround(0.5 + 2 * rng.uniform());
    if (feed === "unit") return Math.fround(rng.uniform());
    return Math.fround(rng.normal());
  });
}

const batched = (shape: Shape): Signature => ({ shape, batched: true, dtype: "f32" });
const single = (shape: Shape): Signature => ({ shape, batched: false, dtype: "f32" });
const labels = (shape: Shape): Signature => ({ shape, batched: true, dtype: "i32" });

/** Channel counts on, below and above the widths of vectors. */
const channelCount = (rng: Random): number => rng.pick([1, 1, 2, 3, 4, 5, 6, 8, 10, 15, 16, 17, 24, 32, 33]);
const extent = (rng: Random): number => rng.pick([1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 14]);
const image = (rng: Random): Shape => [extent(rng), extent(rng), channelCount(rng)];
/** Any per-sample shape of rank 0 to 3. */
function anyShape(rng: Random, leastRank = 0): Shape {
  const rank = rng.integer(leastRank, 3);
  return rank === 3 ? image(rng) : Array.from({ length: rank }, () => rng.pick([1, 2, 3, 5, 7, 16, 17, 40]));
}
const anySignature = (rng: Random, leastRank = 0): Signature => ({
  shape: anyShape(rng, leastRank),
  batched: rng.uniform() < 0.7,
  dtype: "f32",
});

/** A window and an image that it fits. */
function windowAndImage(
  rng: Random,
  pooling: boolean,
): { window: Window; size: [number, number]; ceil: boolean; isFull: boolean } {
  for (;;) {
    const two = (choices: readonly number[]): [number, number] =>
      rng.uniform() < 0.6 ? same(rng.pick(choices)) : [rng.pick(choices), rng.pick(choices)];
    const kernel = two(pooling ? [1, 2, 2, 3, 3, 4, 5] : [1, 1, 2, 3, 3, 3, 4, 5, 7]);
    const stride = two([1, 1, 1, 2, 2, 3, 4]);
    const dilation = two([1, 1, 1, 1, 2, 3]);
    const wide = rng.uniform() < 0.3;
    const most = (axis: 0 | 1): number =>
      pooling && !wide ? Math.floor((dilation[axis] * (kernel[axis] - 1) + 1) / 2) : kernel[axis] + 1;
    const side = (axis: 0 | 1): number => (rng.uniform() < 0.4 ? 0 : rng.integer(0, most(axis)));
    const padding: Window["padding"] = [side(0), side(0), side(1), side(1)];
    const window = { kernel, stride, padding, dilation };
    const ceil = pooling && rng.uniform() < 0.4;
    const size: [number, number] = [extent(rng), extent(rng)];
    const [rows, columns] = outputExtents(window, size, ceil);
    if (rows < 1 || columns < 1) continue;
    const isFull = meetsPixels(window, 0, size, rows) && meetsPixels(window, 1, size, columns);
    return { window, size, ceil, isFull };
  }
}

const same = (n: number): [number, number] => [n, n];

/** Whether every window has a pixel. */
function meetsPixels(window: Window, axis: 0 | 1, size: readonly number[], outputs: number): boolean {
  return Array.from({ length: outputs }, (_, o) => o * window.stride[axis] - window.padding[2 * axis]!).every((start) =>
    Array.from({ length: window.kernel[axis] }, (_, k) => start + k * window.dilation[axis]).some(
      (at) => at >= 0 && at < size[axis]!,
    ),
  );
}

function convParts(rng: Random) {
  const { window, size } = windowAndImage(rng, false);
  const groups = rng.pick([1, 1, 1, 2, 3, 4, 5, 6, 7, 13, 17, 32]);
  // many groups have few channels: most often one of their own, or as many as fill some vectors
  const isDepthwise = groups > 4 && rng.uniform() < 0.5;
  const small = isDepthwise ? [1] : groups > 4 ? [1, 2, 3, 4, 8, 12, 16] : [1, 1, 2, 3, 4, 5, 8, 16, 17];
  const perGroup = groups === 1 ? channelCount(rng) : rng.pick(small);
  const outputsPerGroup = groups === 1 ? channelCount(rng) : rng.pick(small);
  const outputs = outputsPerGroup * groups;
  return {
    attributes: { ...window, groups },
    x: [...size, perGroup * groups],
    w: [...window.kernel, perGroup, outputs],
    y: [...outputExtents(window, size), outputs],
  };
}

function poolParts(rng: Random) {
  const { window, size, ceil, isFull } = windowAndImage(rng, true);
  const channels = channelCount(rng);
  return {
    divisor: rng.pick(isFull ? (["window", "valid", 1, 6] as const) : (["window", 1, 6] as const)),
    attributes: { ...window, ceil },
    x: [...size, channels],
    y: [...outputExtents(window, size, ceil), channels],
  };
}

function linearParts(rng: Random) {
  const x = rng.uniform() < 0.5 ? anyShape(rng) : [rng.integer(1, 5), rng.integer(1, 5), channelCount(rng)];
  return { x, outputs: rng.pick([1, 2, 3, 5, 10, 16, 17, 31, 32, 50, 84]) };
}

const unaryCase =
  (...feeds: Feed[]) =>
  (rng: Random): OpCase => ({ inputs: [anySignature(rng)], attributes: {}, feeds });

const gradientCase =
  (...feeds: Feed[]) =>
  (rng: Random): OpCase => {
    const signature = anySignature(rng, 1);
    return { inputs: [signature, signature], attributes: {}, feeds };
  };

/** Images (or anything with channels) and channel vectors beside them. */
const channelCase =
  (images: number, vectors: number) =>
  (rng: Random): OpCase => {
    const shape = anyShape(rng, 1);
    const inputs = [
      ...new Array<Signature>(images).fill(batched(shape)),
      ...new Array<Signature>(vectors).fill(single(shape.slice(-1))),
    ];
    return { inputs, attributes: {} };
  };

/** All the ways in which b joins a. */
const binaryCase =
  (...feeds: Feed[]) =>
  (rng: Random): OpCase => {
    const a = anySignature(rng);
    const kind = rng.integer(0, 2);
    if (kind === 0) return { inputs: [a, a], attributes: {}, feeds };
    const rank = kind === 1 && a.batched && a.shape.length > 0 ? rng.integer(0, 1) : rng.integer(0, a.shape.length);
    const own = a.shape.slice(a.shape.length - rank);
    const ones = new Array<number>(rng.integer(0, a.shape.length - rank)).fill(1);
    const shape = rng.uniform() < 0.5 ? own : [...ones, ...own];
    if (kind === 1 && a.batched && a.shape.join() !== shape.join()) {
      return { inputs: [a, batched(shape)], attributes: { perSample: true }, feeds };
    }
    return { inputs: [a, single(shape)], attributes: {}, feeds };
  };

/** The same case with attributes of the op's own. */
const withAttributes =
  (make: (rng: Random) => OpCase, attributes: (rng: Random) => Attributes) =>
  (rng: Random): OpCase => ({ ...make(rng), attributes: attributes(rng) });

const eluAttributes = (rng: Random) => ({
  alpha: rng.pick([1, 0.5, 1.6, -1]),
  scale: rng.pick([1, 1.05]),
  rate: rng.pick([1, 2]),
});
const softplusAttributes = (rng: Random) => ({ beta: rng.pick([1, 3, 0.5]), threshold: rng.pick([20, 20, 1]) });
const leakyAttributes = (rng: Random) => ({ slope: rng.pick([0.01, 0.2, 0, -0.5, 1.5]) });
const clipAttributes = (rng: Random) =>
  rng.pick<Attributes>([
    { min: -0.5, max: 0.5 },
    { min: 0, max: 6, flatAtBounds: true },
    { min: 0.25, max: 1 },
    { max: 0 },
    { min: -0.125 },
  ]);

const someAxes = (rng: Random, shape: Shape): number[] => shape.map((_, i) => i).filter(() => rng.uniform() < 0.5);

function sumParts(rng: Random) {
  const x = anySignature(rng);
  const axes = someAxes(rng, x.shape);
  const batch = x.batched && rng.uniform() < 0.5;
  const shape = x.shape.filter((_, i) => !axes.includes(i));
  const reduced: Signature = { shape, batched: x.batched && !batch, dtype: "f32" };
  return { x, reduced, attributes: { axes, batch, mean: rng.uniform() < 0.4 } };
}

/** Another shape of as many elements. */
function regroup(rng: Random, size: number): Shape {
  const factors = [1, 2, 3, 4, 5, 7].filter((n) => size % n === 0);
  const a = rng.pick(factors);
  const rest = [1, 2, 3, 5].filter((n) => (size / a) % n === 0);
  const b = rng.pick(rest);
  return rng.pick([[size], [a, size / a], [a, b, size / a / b], [b, size / a / b, a]]);
}

function logitParts(rng: Random) {
  const rows =
    rng.uniform() < 0.7 ? [] : rng.uniform() < 0.5 ? [rng.integer(1, 7)] : [rng.integer(1, 4), rng.integer(1, 5)];
  return { rows, classes: rng.pick([1, 2, 3, 5, 10, 16, 17, 33, 100]) };
}

const smoothing = (rng: Random) => (rng.uniform() < 0.5 ? {} : { smoothing: rng.pick([0.1, 0.25]) });

/** Labels, and the one of them that is ignored: none, a class, or one more than there are. */
function labelParts(rng: Random, classes: number): { labels: number; ignoring: { ignore?: number } } {
  const kind = rng.integer(0, 2);
  if (kind === 0) return { labels: classes, ignoring: {} };
  return { labels: classes + kind - 1, ignoring: { ignore: kind === 1 ? rng.integer(0, classes - 1) : classes } };
}

/** Extents whose nearest pixels PyTorch's float32 moves, with the factor that it happens at. */
const MOVED: readonly (readonly [from: number, to: number, factor?: number])[] = [
  [31, 71, 2.3],
  [31, 83, 2.7],
  [14, 46],
  [26, 22],
];

/** To a size, or by a factor. */
function resizeParts(rng: Random) {
  const mode = rng.pick(["nearest", "bilinear"] as const);
  const axis = rng.integer(0, 1);
  for (;;) {
    let [from, to, factor]: readonly [number, number, number?] = [extent(rng), rng.integer(1, 20)];
    const kind = rng.uniform();
    if (kind < 0.2) [from, to, factor] = rng.pick(MOVED);
    else if (kind < 0.7) {
      factor = rng.pick([2, 3, 4, 0.5, 0.75, 1.5, 0.7, 1.3, 2.2, 0.3 + 3 * rng.uniform()]);
      to = Math.floor(from * factor);
    }
    if (to < 1 || to === from) continue;
    const x = image(rng).map((n, a) => (a === axis ? from : n));
    const size: [number, number] = axis === 0 ? [to, x[1]!] : [x[0]!, to];
    const options = factor === undefined ? {} : { scaleFactor: factor };
    const y = resize(new Graph().input("x", { shape: x }), size, mode, options);
    return { x, attributes: y.attributes as ResizeAttributes };
  }
}

export const opCases: Readonly<Record<string, (rng: Random) => OpCase>> = {
  conv2d(rng) {
    const { x, w, attributes } = convParts(rng);
    return { inputs: [batched(x), single(w)], attributes };
  },
  conv2dInputGrad(rng) {
    const { x, w, y, attributes } = convParts(rng);
    return { inputs: [batched(y), single(w)], attributes: { ...attributes, inputShape: x } };
  },
  conv2dWeightGrad(rng) {
    const { x, y, attributes } = convParts(rng);
    return { inputs: [batched(x), batched(y)], attributes };
  },
  maxPool2d(rng) {
    const { x, attributes } = poolParts(rng);
    return { inputs: [batched(x)], attributes, feeds: ["distinct"] };
  },
  maxPool2dGrad(rng) {
    const { x, y, attributes } = poolParts(rng);
    return { inputs: [batched(x), batched(y)], attributes, feeds: [rng.pick(["distinct", "ties"]), "normal"] };
  },
  avgPool2d(rng) {
    const { x, divisor, attributes } = poolParts(rng);
    return { inputs: [batched(x)], attributes: { ...attributes, divisor } };
  },
  avgPool2dGrad(rng) {
    const { x, y, divisor, attributes } = poolParts(rng);
    return { inputs: [batched(y)], attributes: { ...attributes, divisor, inputShape: x } };
  },
  linear(rng) {
    const { x, outputs } = linearParts(rng);
    return { inputs: [batched(x), single([sizeOf(x), outputs])], attributes: {} };
  },
  linearInputGrad(rng) {
    const { x, outputs } = linearParts(rng);
    return { inputs: [batched([outputs]), single([sizeOf(x), outputs])], attributes: { inputShape: x } };
  },
  linearWeightGrad(rng) {
    const { x, outputs } = linearParts(rng);
    return { inputs: [batched(x), batched([outputs])], attributes: {} };
  },
  relu: unaryCase("distinct"),
  reluGrad: gradientCase("distinct", "normal"),
  tanh: unaryCase("normal"),
  tanhGrad: gradientCase("unit", "normal"),
  scaledTanh: unaryCase("normal"),
  scaledTanhGrad: gradientCase("unit", "normal"),
  sigmoid: unaryCase("normal"),
  sigmoidGrad: gradientCase("unit", "normal"),
  gelu: unaryCase("normal"),
  geluGrad: gradientCase("normal", "normal"),
  geluTanh: unaryCase("normal"),
  geluTanhGrad: gradientCase("normal", "normal"),
  silu: unaryCase("normal"),
  siluGrad: gradientCase("normal", "normal"),
  elu: withAttributes(unaryCase("distinct"), eluAttributes),
  eluGrad: withAttributes(gradientCase("distinct", "normal"), eluAttributes),
  softplus: withAttributes(unaryCase("normal"), softplusAttributes),
  softplusGrad: withAttributes(gradientCase("normal", "normal"), softplusAttributes),
  mish: unaryCase("normal"),
  mishGrad: gradientCase("normal", "normal"),
  clip: withAttributes(unaryCase("distinct"), clipAttributes),
  clipGrad: withAttributes(gradientCase("distinct", "normal"), clipAttributes),
  leakyRelu: withAttributes(unaryCase("distinct"), leakyAttributes),
  leakyReluGrad: withAttributes(gradientCase("distinct", "normal"), leakyAttributes),
  hardSwish: unaryCase("normal"),
  hardSwishGrad: gradientCase("normal", "normal"),
  exp: unaryCase("normal"),
  log: unaryCase("positive"),
  abs: unaryCase("distinct"),
  sign: unaryCase("distinct"),
  greater: binaryCase("distinct", "ties"),
  greaterEqual: binaryCase("distinct", "ties"),
  less: binaryCase("distinct", "ties"),
  lessEqual: binaryCase("distinct", "ties"),
  equal: binaryCase("distinct", "ties"),
  notEqual: binaryCase("distinct", "ties"),
  maximum: binaryCase("distinct", "normal"),
  minimum: binaryCase("distinct", "normal"),
  where(rng) {
    const x = anySignature(rng);
    const other = () => (rng.uniform() < 0.3 ? single([]) : x);
    return { inputs: [x, other(), other()], attributes: {}, feeds: ["ties", "normal", "normal"] };
  },
  add: binaryCase("normal", "normal"),
  subtract: binaryCase("normal", "normal"),
  multiply: binaryCase("normal", "normal"),
  divide: binaryCase("normal", "positive"),
  scale: (rng) => ({
    inputs: [anySignature(rng)],
    attributes: { factor: Math.fround(rng.normal()), offset: rng.pick([0, 1, Math.fround(rng.normal())]) },
  }),
  sqrt: unaryCase("positive"),
  square: unaryCase("normal"),
  stopGradient: unaryCase("normal"),
  power: (rng) => {
    const exponent = rng.pick([-0.75, -1.75, 0.5, 2, 0, 1, 3, -1, -2, 17, -0.5]);
    const feed = Number.isInteger(exponent) && exponent > 0 && exponent < 17 ? "normal" : "positive";
    return { inputs: [anySignature(rng)], attributes: { exponent }, feeds: [feed] };
  },
  normalize: channelCase(1, 3),
  affine: channelCase(1, 2),
  squaredDeviations: (rng) => ({ ...channelCase(1, 1)(rng), attributes: { ownMean: false } }),
  centredProducts: channelCase(2, 1),
  channelWindowSum: (rng) => ({
    inputs: [batched(anyShape(rng, 1))],
    attributes: { before: rng.pick([0, 1, 2, 2, 3, 20]), after: rng.pick([0, 1, 2, 2, 3, 20]) },
  }),
  sum(rng) {
    const { x, attributes } = sumParts(rng);
    return { inputs: [x], attributes };
  },
  expand(rng) {
    const { x, reduced, attributes } = sumParts(rng);
    const of = { shape: x.shape, batched: x.batched, ...attributes };
    if (rng.uniform() < 0.5) return { inputs: [reduced], attributes: of };
    const ones = x.shape.map((n, axis) => (attributes.axes.includes(axis) ? 1 : n));
    const missing = rng.integer(
      0,
      Math.max(
        0,
        ones.findIndex((n) => n !== 1),
      ),
    );
    const input = { ...reduced, shape: ones.slice(missing) };
    return { inputs: [input], attributes: { ...of, mean: false, keepsAxes: true } };
  },
  maxReduce(rng) {
    const x = anySignature(rng);
    return { inputs: [x], attributes: { axes: someAxes(rng, x.shape) }, feeds: ["distinct"] };
  },
  maxReduceGrad(rng) {
    const x = anySignature(rng);
    const axes = someAxes(rng, x.shape);
    const dy = { ...x, shape: x.shape.filter((_, i) => !axes.includes(i)) };
    return { inputs: [x, dy], attributes: { axes }, feeds: [rng.pick(["distinct", "ties"]), "normal"] };
  },
  reshape(rng) {
    const x = anySignature(rng);
    return { inputs: [x], attributes: { shape: regroup(rng, sizeOf(x.shape)) } };
  },
  concat(rng) {
    const first = anySignature(rng, 1);
    const axis = rng.integer(0, first.shape.length - 1);
    const others = Array.from({ length: rng.integer(0, 3) }, () => ({
      ...first,
      shape: first.shape.map((n, i) => (i === axis ? rng.pick([1, 2, 3, 8, 16, 17]) : n)),
    }));
    return { inputs: [first, ...others], attributes: { axis } };
  },
  slice(rng) {
    const x = anySignature(rng, 1);
    const axis = rng.integer(0, x.shape.length - 1);
    const start = rng.integer(0, x.shape[axis]! - 1);
    return { inputs: [x], attributes: { axis, start, end: rng.integer(start + 1, x.shape[axis]!) } };
  },
  pad(rng) {
    const x = anySignature(rng);
    const sides = () => x.shape.map(() => rng.pick([0, 0, 1, 2, 3]));
    return { inputs: [x], attributes: { before: sides(), after: sides(), value: rng.pick([0, 0, 1, -0.5]) } };
  },
  arrange(rng) {
    const x = anySignature(rng, 1);
    const channels = x.shape.at(-1)!;
    const mixed = () => Array.from({ length: channelCount(rng) }, () => rng.integer(-1, channels - 1));
    // Runs of neighbours and of zeros, as connection tables have.
    const runs = () => {
      const from = rng.integer(0, channels - 1);
      const run = Array.from({ length: rng.integer(1, channels - from) }, (_, i) => from + i);
      return [...run, ...new Array<number>(rng.integer(0, 20)).fill(-1), ...run];
    };
    return { inputs: [x], attributes: { table: rng.uniform() < 0.5 ? mixed() : runs() } };
  },
  squaredDistance(rng) {
    const features = rng.pick([1, 2, 3, 4, 5, 7, 16, 17, 84]);
    const centres = rng.pick([1, 2, 3, 4, 5, 8, 10, 16, 17, 33, 100]);
    return { inputs: [batched([features]), single([features, centres])], attributes: {} };
  },
  dropout(rng) {
    const key: Signature = { shape: [3], batched: false, dtype: "i32" };
    const attributes = { p: rng.pick([0, 0.1, 0.25, 0.5, 0.9]), salt: rng.integer(0, 2 ** 32 - 1) };
    return { inputs: [anySignature(rng), key], attributes, feeds: ["normal", "key"] };
  },
  softmax: (rng) => ({ inputs: [anySignature(rng, 1)], attributes: {} }),
  softmaxGrad: gradientCase("unit", "normal"),
  crossEntropy(rng) {
    const { rows, classes } = logitParts(rng);
    const { labels: count, ignoring } = labelParts(rng, classes);
    return {
      inputs: [batched([...rows, classes]), labels(rows)],
      attributes: { ...smoothing(rng), ...ignoring },
      feeds: ["normal", count],
    };
  },
  crossEntropyGrad(rng) {
    const { rows, classes } = logitParts(rng);
    const { labels: count, ignoring } = labelParts(rng, classes);
    return {
      inputs: [batched([...rows, classes]), labels(rows), batched(rows)],
      attributes: { ...smoothing(rng), ...ignoring },
      feeds: ["normal", count, "normal"],
    };
  },
  classWeight(rng) {
    const classes = rng.pick([1, 2, 5, 12, 40]);
    // neighbours of one weight, too, as most lists have them
    const few = rng.uniform() < 0.5;
    const shape =
      rng.uniform() < 0.3 ? [] : rng.uniform() < 0.5 ? [channelCount(rng)] : [extent(rng), channelCount(rng)];
    return {
      inputs: [labels(shape)],
      attributes: {
        weights: Array.from({ length: classes }, () => (few ? rng.pick([1, 1, 1, 0.5]) : Math.fround(rng.uniform()))),
        ignore: rng.pick([-1, 0, classes]),
      },
      // One label more than there are classes, which is ignored or is not a number.
      feeds: [classes + 1],
    };
  },
  resize(rng) {
    const { x, attributes } = resizeParts(rng);
    return { inputs: [batched(x)], attributes };
  },
  resizeGrad(rng) {
    const { x, attributes } = resizeParts(rng);
    const { axis, extent } = attributes;
    const dy = x.map((n, a) => (a === axis ? extent : n));
    return { inputs: [batched(dy)], attributes: { ...attributes, from: x[axis]! } };
  },
  meanSquaredError(rng) {
    const shape = anyShape(rng);
    return { inputs: [batched(shape), batched(shape)], attributes: {} };
  },
  argmax: (rng) => ({ inputs: [anySignature(rng, 1)], attributes: {}, feeds: [rng.pick(["distinct", "ties"])] }),
  correct(rng) {
    const { rows, classes } = logitParts(rng);
    return { inputs: [batched([...rows, classes]), labels(rows)], attributes: {}, feeds: ["ties", classes] };
  },
};
