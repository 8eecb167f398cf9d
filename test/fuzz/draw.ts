/** Draws random networks: the same for a seed on every machine. Every layer of layers.ts and every registered op comes up. */

import { reachable } from "#fovea/graph/evaluate.js";
import type { Value } from "#fovea/graph/graph.js";
import { type Shape, sizeOf } from "#fovea/graph/shape.js";
import { ALL_OPS } from "#fovea/ops/all.js";
import { opCases } from "../support/op-cases.js";
import { type Random, random } from "../support/random.js";
import { LAYERS } from "./layers.js";
import { Draft, isRefusal, type Layer, type Network } from "./network.js";

/** Numbers in one value, and multiply-adds of one sample's forward pass. */
const LARGEST_VALUE = 30_000;
const MOST_WORK = 2_000_000;

const EXTENTS = [1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 19, 23, 28, 32, 33];
const WIDTHS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 16, 17, 20, 24, 31, 32, 33, 40, 48, 63, 64, 65];
const WINDOWS: readonly (readonly [number, number])[] = [
  [4, 4],
  [2, 8],
  [8, 2],
  [3, 5],
  [5, 3],
  [1, 15],
  [16, 1],
  [2, 7],
];

const chance = (rng: Random, p: number): boolean => rng.uniform() < p;
/** Common ones, or any up to 400. */
const width = (rng: Random): number => (chance(rng, 0.2) ? rng.integer(1, 400) : rng.pick(WIDTHS));
const pairOf = (rng: Random, choices: readonly number[]): [number, number] => {
  const one = rng.pick(choices);
  return chance(rng, 0.7) ? [one, one] : [one, rng.pick(choices)];
};
const divisors = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1).filter((d) => n % d === 0);
const axesOf = (rng: Random, x: Value): number[] => x.shape.map((_, i) => i).filter(() => chance(rng, 0.6));

function convolution(rng: Random, x: Value) {
  const channels = x.shape.at(-1)!;
  const kind = rng.integer(0, 3);
  const groups = kind === 0 ? rng.pick(divisors(channels)) : kind === 1 ? channels : 1;
  const kernel = chance(rng, 0.4) ? 3 : pairOf(rng, [1, 1, 2, 3, 3, 4, 5, 5, 7]);
  const side = (k: number) => rng.integer(0, k);
  const padding = rng.pick([
    "same",
    0,
    typeof kernel === "number" ? 1 : [Math.floor(kernel[0] / 2), Math.floor(kernel[1] / 2)],
    { top: side(2), bottom: side(2), left: side(2), right: side(2) },
  ]);
  return {
    out: groups === 1 ? width(rng) : groups * rng.pick([1, 1, 2, 3]),
    kernel,
    ...(chance(rng, 0.4) && { stride: pairOf(rng, [2, 2, 3, 4]) }),
    padding,
    ...(chance(rng, 0.2) && { dilation: pairOf(rng, [2, 3]) }),
    ...(groups > 1 && { groups }),
    ...(chance(rng, 0.3) && { bias: false }),
  };
}

function pool(rng: Random, x: Value, isMax: boolean) {
  const kernel = chance(rng, 0.4) ? rng.pick(WINDOWS) : pairOf(rng, [1, 2, 2, 2, 3, 3, 4, 5]);
  const stride = chance(rng, 0.5) ? undefined : pairOf(rng, [1, 2, 2, 3, 4]);
  const padding = chance(rng, 0.6) ? undefined : [rng.integer(0, kernel[0] >> 1), rng.integer(0, kernel[1] >> 1)];
  const options = {
    ...(stride && { stride }),
    ...(padding && { padding }),
    ...(isMax && chance(rng, 0.1) && { dilation: 2 }),
    ...(chance(rng, 0.2) && { ceil: true }),
    ...(!isMax && chance(rng, 0.5) && { divisor: rng.pick(["window", "valid", 1]) }),
  };
  return { kernel: [Math.min(kernel[0], x.shape[0]!), Math.min(kernel[1], x.shape[1]!)], options };
}

/** The parameters of each layer for an input; those that take several inputs choose them in `inputsFor`. */
const PARAMETERS: Readonly<Record<string, (rng: Random, x: Value) => Record<string, unknown>>> = {
  conv2d: convolution,
  convTranspose2d(rng, x) {
    const stride = rng.integer(1, 3);
    const groups = chance(rng, 0.3) ? rng.pick(divisors(x.shape.at(-1)!)) : 1;
    return {
      out: groups * rng.pick([1, 2, 3, 8]),
      kernel: pairOf(rng, [1, 2, 3, 4]),
      stride,
      ...(chance(rng, 0.3) && { padding: 1 }),
      ...(stride > 1 && chance(rng, 0.3) && { outputPadding: rng.integer(0, stride - 1) }),
      ...(chance(rng, 0.2) && { dilation: 2 }),
      ...(groups > 1 && { groups }),
    };
  },
  partialConv2d(rng, x) {
    const channels = x.shape.at(-1)!;
    const connected = () => {
      const some = Array.from({ length: channels }, (_, c) => c).filter(() => chance(rng, 0.5));
      return some.length === 0 ? [rng.integer(0, channels - 1)] : some;
    };
    return { kernel: pairOf(rng, [1, 3, 5]), connections: Array.from({ length: rng.integer(1, 17) }, connected) };
  },
  linear: (rng) => ({ out: width(rng), ...(chance(rng, 0.3) && { bias: false }) }),
  maxPool2d: (rng, x) => pool(rng, x, true),
  avgPool2d: (rng, x) => pool(rng, x, false),
  adaptiveAvgPool2d: (rng, x) => ({ output: [rng.integer(1, x.shape[0]!), rng.integer(1, x.shape[1]!)] }),
  subsample2d: (rng) => ({ kernel: pairOf(rng, [1, 2, 3]) }),
  localResponseNorm: (rng) => ({ size: rng.integer(1, 6), alpha: rng.pick([1e-2, 0.3]) }),
  dropout: (rng) => ({ rate: rng.pick([0.1, 0.5, 0.9]) }),
  upsample: (rng) => ({
    options: { scaleFactor: pairOf(rng, [1, 2, 2, 3]), mode: rng.pick(["nearest", "bilinear"]) },
  }),
  radialBasis: (rng) => ({ centres: rng.pick([1, 3, 10, 17]) }),
  scale: (rng) => ({ factor: rng.pick([0.5, -1, 1.25]), offset: rng.pick([0, 0.5, -1]) }),
  elu: (rng) => ({ alpha: rng.pick([1, 0.5, 1.6]) }),
  softplus: (rng) => ({ beta: rng.pick([1, 2]), threshold: rng.pick([20, 3]) }),
  leakyRelu: (rng) => ({ slope: rng.pick([0.01, 0.2, -0.5]) }),
  clip: (rng) => rng.pick([{ min: -0.5, max: 1 }, { max: 0.5 }, { min: 0 }]),
  power: (rng) => ({ exponent: rng.pick([-0.75, 0.5, 2, -1, 1.5, 3]) }),
  slice(rng, x) {
    const axis = rng.integer(0, x.shape.length - 1);
    const start = rng.integer(0, x.shape[axis]! - 1);
    return { axis, start, end: rng.integer(start + 1, x.shape[axis]!) };
  },
  pad: (rng, x) => ({
    before: x.shape.map(() => rng.pick([0, 0, 1, 2])),
    after: x.shape.map(() => rng.pick([0, 0, 1, 3])),
    value: rng.pick([0, 0, 1, -0.5]),
  }),
  resize: (rng) => ({ size: [rng.integer(1, 20), rng.integer(1, 20)], mode: rng.pick(["nearest", "bilinear"]) }),
  reshape(rng, x) {
    const size = sizeOf(x.shape);
    const a = rng.pick(divisors(size));
    const b = rng.pick(divisors(size / a));
    return { shape: rng.pick([[size], [a, size / a], [a, b, size / a / b]]) };
  },
  arrange(rng, x) {
    const channels = x.shape.at(-1)!;
    return { table: Array.from({ length: rng.pick([1, 3, 8, 17]) }, () => rng.integer(-1, channels - 1)) };
  },
  channelWindowSum: (rng) => ({ before: rng.integer(0, 3), after: rng.integer(0, 3) }),
  sum: (rng, x) => ({ axes: axesOf(rng, x) }),
  mean: (rng, x) => ({ axes: axesOf(rng, x) }),
  maxReduce: (rng, x) => ({ axes: axesOf(rng, x) }),
  weighted: (rng, x) => ({ axes: rng.integer(0, x.shape.length) }),
  divided: (rng, x) => ({ axes: rng.integer(0, x.shape.length) }),
  squaredDistance: (rng) => ({ out: rng.pick([1, 3, 10, 16, 33]) }),
  layerNorm: (rng, x) => ({ axes: rng.integer(1, Math.max(1, x.shape.length)) }),
  groupNorm: (rng, x) => ({ groups: rng.pick(divisors(x.shape.at(-1)!)) }),
  scatteredNorm: (rng, x) => ({ groups: rng.pick(divisors(x.shape.at(-1)!)) }),
  rmsNorm: (rng, x) => ({ axes: rng.integer(1, Math.max(1, x.shape.length)) }),
  gate: (rng) => ({ squeezed: rng.integer(1, 9) }),
  crossEntropy: (rng) => (chance(rng, 0.5) ? { smoothing: 0.1 } : {}),
  pixelCrossEntropy: (rng, x) => ({
    ...(chance(rng, 0.5) && { smoothing: 0.1 }),
    ...(chance(rng, 0.5) && { weights: Array.from({ length: x.shape.at(-1)! }, (_, i) => 0.25 * (1 + (i % 4))) }),
  }),
};

const OF_IMAGES = new Set(
  [
    "conv2d convTranspose2d partialConv2d maxPool2d avgPool2d adaptiveAvgPool2d globalAvgPool2d subsample2d upsample",
    "resize groupNorm scatteredNorm instanceNorm batchNorm2d",
  ].flatMap((names) => names.split(" ")),
);
const OF_TWO = new Set([
  "add",
  "subtract",
  "multiply",
  "divide",
  "meanSquaredError",
  "concat",
  "maximum",
  "minimum",
  "winner",
  "where",
]);
/** What ends a network, since nothing is made of it: losses and classes. */
const LAST = ["meanSquaredError", "crossEntropy", "pixelCrossEntropy", "argmax"];
const COMMON = "conv2d conv2d conv2d relu relu maxPool2d batchNorm2d add linear".split(" ");
const NAMES = Object.keys(LAYERS).filter((name) => name !== "op" && !LAST.includes(name));
const ELEMENTWISE = (
  "relu tanh scaledTanh sigmoid gelu silu scale square sqrt power add subtract multiply divide weighted divided " +
  "swish geluTanh elu selu softplus mish relu6 hardSigmoid hardSwish leakyRelu clip prelu exp log abs maximum minimum where"
).split(" ");

/** What networks of the field repeat, one layer after another; "join" adds what the block began with. */
const BLOCKS = [
  "conv2d relu maxPool2d",
  "conv2d maxPool2d relu",
  "conv2d batchNorm2d relu",
  "conv2d batchNorm2d relu maxPool2d",
  "conv2d batchNorm2d relu conv2d batchNorm2d join relu",
  "conv2d conv2d join",
  "conv2d gelu conv2d gate join",
  "conv2d sigmoid avgPool2d",
  "conv2d batchNorm2d hardSwish conv2d batchNorm2d relu6",
  "conv2d batchNorm2d silu gate conv2d join",
  "conv2d scaledTanh subsample2d",
  "conv2d relu localResponseNorm maxPool2d",
  "conv2d groupNorm silu",
  "layerNorm linear gelu linear",
  "conv2d channelNorm conv2d geluTanh conv2d join",
  "linear layerNorm relu linear",
  "conv2d upsample conv2d",
  "maxPool2d convTranspose2d join",
  "flatten linear relu dropout linear",
  "globalAvgPool2d linear softmax",
].map((names) => names.split(" "));

export function drawNetwork(seed: number): Network {
  // Far apart, so that neighbours have no numbers in common.
  const rng = random(Math.imul(seed + 1, 0x9e3779b1));
  const begins = chance(rng, 0.25);
  const isFlat = !begins && chance(rng, 0.2);
  const input: Shape = isFlat
    ? [width(rng)]
    : [rng.pick(EXTENTS), rng.pick(EXTENTS), rng.pick([1, 1, 3, 3, 4, 8, 16, width(rng)])];
  const draft = new Draft(input);
  const layers: Layer[] = [];
  const add = (layer: Layer): boolean => {
    try {
      const value = draft.add(layer);
      const work = reachable([value]).reduce((sum, v) => sum + v.op.cost(v.inputs, v.attributes, v).multiplyAdds, 0);
      const largest = reachable([value]).reduce((most, v) => Math.max(most, sizeOf(v.shape)), 0);
      if (work <= MOST_WORK && largest <= LARGEST_VALUE) {
        layers.push(layer);
        return true;
      }
      draft.undo();
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
    return false;
  };
  if (begins) {
    const op = rng.pick(ALL_OPS);
    add({ layer: "op", of: [], op: op.name, ...opCases[op.name]!(rng) });
  }
  // Where the op it was to begin with is too much work, it begins like the others.
  const first = layers.length;
  const style = rng.integer(0, 5);
  const names = style === 0 ? ELEMENTWISE : style === 1 ? [...NAMES, ...COMMON, ...COMMON] : NAMES;
  const wanted = layers.length + rng.integer(1, rng.pick([2, 4, 8, 14]));
  const single = (name: string, at: number): boolean => {
    const x = draft.values[at]!;
    if (x.dtype !== "f32" || (OF_IMAGES.has(name) && x.shape.length !== 3)) return false;
    if (x.shape.length === 0 && !ELEMENTWISE.includes(name)) return false;
    const layer = OF_TWO.has(name) ? joined(rng, name, draft.values, at) : { layer: name, of: [at] };
    return layer !== undefined && add({ ...layer, ...PARAMETERS[name]?.(rng, x) });
  };
  const last = () => draft.values.length - 1;
  /** The convolutions of a block that is joined keep its shape. */
  const block = (names: readonly string[]) => {
    const start = last();
    const shape = draft.values[start]!.shape;
    for (const name of names) {
      if (name === "join") add({ layer: "add", of: [last(), start] });
      else if (name === "conv2d" && names.includes("join") && shape.length === 3 && chance(rng, 0.9)) {
        const kernel = rng.pick([1, 3, 3, 5]);
        add({ layer: name, of: [last()], out: shape[2]!, kernel, padding: "same" });
      } else single(name, last());
    }
  };
  for (let tries = 0; layers.length < wanted && tries < 60; tries++) {
    if (style >= 4) {
      block(rng.pick(BLOCKS));
      continue;
    }
    const name = rng.pick(names);
    single(name, chance(rng, 0.75) ? last() : rng.integer(first, last()));
  }
  if (chance(rng, 0.1)) single(rng.pick(LAST), last());
  if (layers.length === 0) add({ layer: "relu", of: [0] });
  const y = draft.values.at(-1)!;
  const run = rng.pick(["predict", "gradients", "gradients", "train"] as const);
  const isTrained = run === "train" && y.batched && y.dtype === "f32" && draft.parts.length > 0;
  if (isTrained && !isMapOf(input, y.shape) && y.shape.length !== 1)
    add({ layer: "linear", of: [last()], out: rng.integer(1, 12) });
  return {
    input,
    layers,
    run: run === "train" && !isTrained ? "gradients" : run,
    ...(isTrained && training(rng, draft.values.at(-1)!)),
    ...(!isTrained && chance(rng, 0.4) && { read: [rng.integer(1, last())] }),
    batches: rng.pick([[1], [2], [3, 1], [5, 2], [9, 4], [4, 3], [8], [7, 1]]),
    ...(chance(rng, 0.3) && { winograd: false }),
    ...(chance(rng, 0.15) && { prepares: false }),
    ...(chance(rng, 0.15) && { preparesInScratch: true }),
    ...(chance(rng, 0.25) && { scratch: rng.pick([0, 0.3, 0.6, 0.9]) }),
    ...(chance(rng, 0.3) && { strategies: rng.integer(1, 1e6) }),
    // Small programs run on the caller's thread alone; steps go without barriers where threads have whole groups of samples.
    ...(chance(rng, 0.1) && { threads: rng.integer(2, 3), batches: rng.pick([[32, 7], [48], [64, 33], [5, 2]]) }),
    ...(chance(rng, 0.1) && { infinities: true }),
    seed,
  };
}

/** Two or more values that go together with the one at `at`. */
function joined(rng: Random, name: string, values: readonly Value[], at: number): Layer | undefined {
  const x = values[at]!;
  const fits = (v: Value) => v.dtype === "f32" && v.batched === x.batched && v.shape.length === x.shape.length;
  const others = values.flatMap((v, i) =>
    fits(v) && (name === "concat" || v.shape.join() === x.shape.join()) ? [i] : [],
  );
  if (others.length === 0 || x.shape.length === 0) return undefined;
  if (name !== "concat") return { layer: name, of: [at, rng.pick(others)] };
  const of = Array.from({ length: rng.integer(1, 3) }, () => rng.pick(others));
  return { layer: name, of: [at, ...of], axis: rng.integer(0, x.shape.length - 1) };
}

/** Whether it has numbers for every pixel of the input, which are labelled then. */
const isMapOf = (input: Shape, shape: Shape) =>
  shape.length === 3 && input.length === 3 && shape[0] === input[0] && shape[1] === input[1];

function training(rng: Random, logits: Value) {
  const classes = logits.shape.at(-1)!;
  const weights = Array.from({ length: classes }, (_, i) => 0.25 * (1 + (i % 4)));
  const loss =
    logits.shape.length === 3
      ? { kind: "pixelCrossEntropy" as const, classes, ...(chance(rng, 0.5) && { weights }) }
      : rng.pick([
          undefined,
          { kind: "maximumAPosteriori" as const, j: 2 },
          { kind: "crossEntropy" as const, smoothing: 0.1 },
        ]);
  const decay = chance(rng, 0.5) ? { weightDecay: 0.01 } : {};
  const optimizer = rng.pick([
    { name: "sgd" as const, lr: 0.5, ...decay },
    { name: "sgd" as const, lr: 0.5, momentum: 0.9, ...decay },
    { name: "sgd" as const, lr: 0.5, momentum: 0.9, nesterov: true, ...decay },
    { name: "adam" as const, lr: 0.1, eps: 1e-3, ...decay },
    { name: "adamw" as const, lr: 0.1, eps: 1e-3, ...decay },
    { name: "nadam" as const, lr: 0.1, eps: 1e-3, ...decay },
    { name: "rmsprop" as const, lr: 0.1, eps: 1e-3, centered: true, momentum: 0.5, ...decay },
  ]);
  const techniques = rng.pick([
    {},
    {},
    { clipNorm: 1 },
    { clipValue: 0.1 },
    { average: { kind: "ema" as const, decay: 0.9 } },
    { average: { kind: "lookahead" as const, every: 2 } },
    { noDecay: "norms-and-biases" as const },
    { mixup: 0.4 },
    { labelSmoothing: 0.1 },
  ]);
  return {
    ...(loss && { loss }),
    optimizer,
    techniques: loss?.kind === "maximumAPosteriori" && "labelSmoothing" in techniques ? {} : techniques,
  };
}
