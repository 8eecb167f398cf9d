/** What is no value where one is asked for, in every place of every op: refused, with what was given and the cure. */
import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ShapeError } from "#fovea/base/errors.js";
import { Graph, type Op, type Value } from "#fovea/graph/graph.js";
import * as nn from "#fovea/nn/index.js";
import { ALL_OPS } from "#fovea/ops/all.js";
import { addOp } from "#fovea/ops/elementwise/arithmetic.js";
import * as ops from "#fovea/ops/index.js";

/** The values that each op takes before all else; "..." is a list of them. */
const TAKES: Readonly<Record<string, readonly string[]>> = {
  abs: ["x"],
  absoluteError: ["prediction", "target"],
  adaptiveAvgPool2d: ["x"],
  add: ["a", "b"],
  affine: ["x", "factor", "shift"],
  argmax: ["x"],
  arrange: ["x"],
  avgPool2d: ["x"],
  binaryCrossEntropy: ["logits", "targets"],
  broadcastTo: ["x"],
  celu: ["x"],
  channelMeans: ["x"],
  channelSums: ["x"],
  channelWindowSum: ["x"],
  classWeight: ["labels"],
  clip: ["x"],
  concat: ["...inputs"],
  conv2d: ["x", "w"],
  convTranspose2d: ["x", "w"],
  correct: ["logits", "labels"],
  crossEntropy: ["logits", "labels"],
  diceLoss: ["probabilities", "targets"],
  differentiate: ["loss", "...wrt"],
  divide: ["x", "y"],
  dropout: ["x", "key"],
  elu: ["x"],
  equal: ["a", "b"],
  exp: ["x"],
  expand: ["x"],
  flatten: ["x"],
  focalLoss: ["logits", "targets"],
  gather: ["gradient", "to"],
  gelu: ["x"],
  geluTanh: ["x"],
  greater: ["a", "b"],
  greaterEqual: ["a", "b"],
  hardSigmoid: ["x"],
  hardSwish: ["x"],
  hardTanh: ["x"],
  huberLoss: ["prediction", "target"],
  klDivergence: ["logProbabilities", "targets"],
  leakyRelu: ["x"],
  less: ["a", "b"],
  lessEqual: ["a", "b"],
  linear: ["x", "w"],
  localResponseNorm: ["x"],
  log: ["x"],
  logSoftmax: ["x"],
  maxPool2d: ["x"],
  maxReduce: ["x"],
  maximum: ["a", "b"],
  mean: ["x"],
  meanSquaredError: ["prediction", "target"],
  minimum: ["a", "b"],
  mish: ["x"],
  multiply: ["a", "b"],
  negative: ["x"],
  normalize: ["x", "mean", "factor", "bias"],
  notEqual: ["a", "b"],
  pad: ["x"],
  pixelAccuracy: ["logits", "labels"],
  pixelCrossEntropy: ["logits", "labels"],
  power: ["x"],
  prelu: ["x", "slope"],
  reciprocal: ["x"],
  relu: ["x"],
  relu6: ["x"],
  reshape: ["x"],
  resize: ["x"],
  scale: ["x"],
  scaledTanh: ["x"],
  selu: ["x"],
  sigmoid: ["x"],
  sign: ["x"],
  silu: ["x"],
  slice: ["x"],
  smoothL1Loss: ["prediction", "target"],
  softCrossEntropy: ["logits", "targets"],
  softmax: ["x"],
  softplus: ["x"],
  sqrt: ["x"],
  square: ["x"],
  squaredDeviations: ["x", "mean"],
  squaredDistance: ["x", "centres"],
  stopGradient: ["x"],
  subtract: ["x", "y"],
  sum: ["x"],
  tanh: ["x"],
  where: ["condition", "a", "b"],
};

/** Functions that make no nodes. */
const OTHERS = [
  "batchCount",
  "call", // takes an op first: test/ops/registry.test.ts
];

const graph = new Graph();
const x = graph.input("x", { shape: [4, 4, 2] }) as Value;

const CONSTANT = (n: number) =>
  `x.graph.constant(${n}) makes one of a number, and ops.scale(x, factor, offset) takes numbers`;
const TABLE = "x.graph.table(numbers, shape) makes one of numbers that stay as they are";
const GIVE = "give what an op, a layer or graph.input gives";

const WRONG: readonly (readonly [given: unknown, is: string, cure: string])[] = [
  [3, "is 3", CONSTANT(3)],
  [Number.NaN, "is NaN", CONSTANT(Number.NaN)],
  [undefined, "is missing", GIVE],
  [null, "is missing", GIVE],
  ["x", 'is "x"', GIVE],
  [true, "is true", GIVE],
  [[1, 2], "is [1, 2]", TABLE],
  [new Float32Array(3), "is Float32Array(3)", TABLE],
  [[x], "is a list of values (1)", "give one of them, or join them by ops.concat"],
  [{ shape: [4], data: [1, 2, 3, 4] }, "is { shape, data }", GIVE],
  [nn.relu(), "is an Activation", "call it: layer.forward(x)"],
  [ops.relu, "is ", GIVE],
  [Promise.resolve(x), "is a Promise", GIVE],
];

/** What is thrown by a function called as nobody does who has types. */
function thrown(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

it("every function of ops is here", () => {
  const functions = Object.entries(ops).flatMap(([name, value]) => (typeof value === "function" ? [name] : []));
  expect(functions.sort()).toEqual([...Object.keys(TAKES), ...OTHERS].sort());
});

describe.each(Object.entries(TAKES))("%s", (op, names) => {
  const call = (given: readonly unknown[]) =>
    (ops as unknown as Record<string, (...g: unknown[]) => unknown>)[op]!(...given);
  const right: readonly unknown[] = names.map((name) => (name.startsWith("...") ? [x, x] : x));

  it.each(names.map((name, i) => [name, i] as const))("refuses what is no value as %s", (name, i) => {
    const isList = name.startsWith("...");
    for (const [given, is, cure] of WRONG) {
      const error = thrown(() => call(right.with(i, isList ? [x, given] : given)));
      expect(error).toBeInstanceOf(ShapeError);
      expect(error.message.startsWith(`${op}: ${isList ? `${name.slice(3)}[1]` : name} ${is}`)).toBe(true);
      expect(error.message.endsWith(`, expected a value; ${cure}`)).toBe(true);
    }
    if (!isList) return;
    const list = name.slice(3);
    for (const [given, is] of [
      [x, "is one value"],
      [3, "is 3"],
      [undefined, "is missing"],
    ] as const)
      expect(thrown(() => call(right.with(i, given))).message).toBe(
        `${op}: ${list} ${is}, expected a list of values, such as [a, b]`,
      );
  });
});

it("the error says where in the network it is", () => {
  const wrong = 3 as unknown as Value;
  expect(thrown(() => graph.scope("block.act", () => ops.add(x, wrong))).message).toMatch(
    /^add\(block\.act\): b is 3, /,
  );
});

it("a node made without an op's function is held to the same", () => {
  expect(thrown(() => graph.add(addOp, {}, [x, 3 as unknown as Value])).message).toBe(
    `add: input 1 is 3, expected a value; ${CONSTANT(3)}`,
  );
});

it("values and the like are refused where numbers are asked for", () => {
  const value = x as unknown as number;
  expect(thrown(() => ops.scale(x, value))).toBeInstanceOf(ShapeError);
  expect(thrown(() => ops.scale(x, value)).message).toBe(
    "scale: factor is a value (of input), expected numbers, texts or lists of them, which are known when the network is drawn; " +
      "what is computed goes in as a value",
  );
  expect(thrown(() => ops.power(x, value)).message).toMatch(
    /^power: exponent is a value \(of input\), expected numbers/,
  );
  expect(thrown(() => ops.scale(x, "3" as unknown as number)).message).toBe('scale: factor is "3", expected a number');
  expect(thrown(() => ops.scale(x, undefined as unknown as number)).message).toBe(
    "scale: factor is undefined, expected a number",
  );
});

it("every op is in the list that gradients, strategies and the fuzzer go through", async () => {
  const folder = new URL("../../dist/ops/", import.meta.url);
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".js"));
  const modules = await Promise.all(files.map((file) => import(new URL(file.replaceAll("\\", "/"), folder).href)));
  const drawn = modules.flatMap((module) =>
    Object.entries(module).filter(([name, value]) => name.endsWith("Op") && typeof value === "object"),
  );
  expect(drawn.length).toBeGreaterThan(50);
  expect(drawn.filter(([, op]) => !ALL_OPS.includes(op as Op)).map(([name]) => name)).toEqual([]);
});

it("ops has what networks are drawn with, and no definitions", () => {
  expect(Object.keys(ops).filter((name) => /Op$|^ALL_OPS$/.test(name))).toEqual([]);
});
