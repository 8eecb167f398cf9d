/** Training steps of a user's own: the examples as they are, and what is drawn by hand against `train`, to the bit. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { detectTargets } from "#fovea/devices/cpu/native/cpu.js";
import {
  adam,
  type Dataset,
  type Executable,
  initialWeights,
  minimize,
  nn,
  type Optimizer,
  openDevice,
  ops,
  sgd,
  trace,
  train,
} from "#fovea/index.js";
import { loadMnist } from "#fovea/index-node.js";
import { temporaryFolder } from "../support/temporary.js";
import { toy } from "../support/toy.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const ran = (file: string, args: readonly string[] = [], cwd = root) =>
  new Promise<{ stdout: string; stderr: string }>((resolve, reject) => {
    const taken = [join(root, file), ...args];
    execFile(process.execPath, taken, { cwd }, (error, stdout, stderr) =>
      error ? reject(error) : resolve({ stdout, stderr }),
    );
  });
const printed = async (name: string, cwd = root) => (await ran(`examples/own-step/${name}.mjs`, [], cwd)).stdout;
/** The last number of each line that a pattern finds. */
const numbers = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, number]) => Number(number));

it("examples are held to the types of the package", async () => {
  await expect(ran("node_modules/typescript/bin/tsc", ["-p", "examples"])).resolves.toEqual({ stdout: "", stderr: "" });
});

it("digits.mjs comes to the weights of train", async () => {
  const text = await printed("digits");
  expect(text).toContain("\n0 weights differ from those of train\n");
  expect(text.match(/loss of digits/g)).toHaveLength(6);
});

it("angles.mjs tells angles to a degree", async () => {
  const last = (await printed("angles")).trim().split("\n").at(-1)!;
  const found = last.split(": ")[1]!.split(", ").map(Number);
  for (const [i, degrees] of [10, 50, 90, 130, 170].entries()) expect(Math.abs(found[i]! - degrees)).toBeLessThan(1);
});

it("two-heads.mjs learns classes and pictures at once", async () => {
  const text = await printed("two-heads");
  const losses = [...text.matchAll(/classes (\S+), pixels (\S+)/g)].map(([, ...two]) => two.map(Number));
  expect(losses.at(-1)![0]).toBeLessThan(losses[0]![0]! / 2);
  expect(losses.at(-1)![1]).toBeLessThan(losses[0]![1]! / 2);
  expect(Number(/(\d+) are told/.exec(text)![1])).toBeGreaterThan(140);
});

it("several-labels.mjs tells each label by itself", async () => {
  const [last] = (await printed("several-labels")).trim().split("\n").slice(-1);
  const shares = numbers(last!, /(\S+) %/g);
  expect(shares).toHaveLength(3);
  for (const share of shares) expect(share).toBeGreaterThan(75);
});

it("autoencoder.mjs draws digits from twelve numbers", async () => {
  const text = await printed("autoencoder");
  expect(text).toContain("from 12 numbers each");
  // The mean of all digits, which it would draw without any, is 0.067 off.
  expect(numbers(text, /numbers each: (\S+)/g)[0]).toBeLessThan(0.045);
});

it("auxiliary-loss.mjs learns by both heads and answers by one", async () => {
  const text = await printed("auxiliary-loss");
  const losses = [...text.matchAll(/loss (\S+), auxiliary (\S+)/g)].map(([, ...two]) => two.map(Number));
  expect(losses.at(-1)![0]).toBeLessThan(losses[0]![0]! / 3);
  expect(losses.at(-1)![1]).toBeLessThan(losses[0]![1]! - 0.3);
  expect(numbers(text, /digits (\S+) %/g)[0]).toBeGreaterThan(85);
});

it("gan.mjs draws what is near to digits, and not always the same", async () => {
  const cwd = temporaryFolder();
  await printed("gan", cwd);
  const svg = await readFile(join(cwd, "gan.svg"), "utf8");
  const pictures = Array.from({ length: 40 }, () => new Float32Array(784));
  for (const [, x, y, grey] of svg.matchAll(/x="(\d+)" y="(\d+)" width="1" height="1" opacity="(\S+?)"/g)) {
    const [column, row] = [Number(x), Number(y)];
    const picture = pictures[10 * Math.floor(row / 30) + Math.floor(column / 30)]!;
    picture[28 * (row % 30) + (column % 30)] = Number(grey);
  }
  const { train: mnist } = await loadMnist();
  const digits = Array.from({ length: 1000 }, (_, n) =>
    Float32Array.from(mnist.images.subarray(784 * n, 784 * (n + 1)), (byte) => byte / 255),
  );
  const far = (a: Float32Array, b: Float32Array) => a.reduce((sum, p, i) => sum + (p - b[i]!) ** 2, 0) / 784;
  const nearest = (picture: Float32Array, among: readonly Float32Array[]) =>
    Math.min(...among.map((digit) => far(picture, digit)));
  const mean = (all: readonly number[]) => all.reduce((a, b) => a + b) / all.length;
  // Other real digits are 0.04 from the nearest of these, noise 0.2 and more; two digits 0.1 from each other.
  expect(mean(pictures.map((picture) => nearest(picture, digits)))).toBeLessThan(0.07);
  const others = pictures.map((picture, i) => nearest(picture, pictures.toSpliced(i, 1)));
  expect(mean(others)).toBeGreaterThan(0.02);
});

describe("own-op/similarity.mjs", () => {
  const figures = async (backend: string) => {
    const { stdout, stderr } = await ran("examples/own-op/similarity.mjs", [backend]);
    expect(stderr).not.toContain("has no kernel");
    return { told: numbers(stdout, /pairs (\S+) %/g)[0]!, first: numbers(stdout, /step 1: loss (\S+)/g)[0]! };
  };
  it.each([...detectTargets().slice(0, 1), "wasm"])("learns by an op of one's own on %s", async (backend) => {
    const { told, first } = await figures(backend);
    expect(first).toBeCloseTo(0.699, 2);
    expect(told).toBeGreaterThan(70);
  });
});

const quiet = { note: () => {} };
/** The last of its batches is smaller. */
const data: Dataset = { ...toy({ length: 22, shape: [8, 8, 1] }), inOrder: true };
const batchSize = 8;
const network = () =>
  nn.sequential({
    conv: nn.conv2d({ in: 1, out: 5, kernel: 3, bias: false }),
    norm: nn.batchNorm2d({ channels: 5 }),
    relu: nn.relu(),
    flatten: nn.flatten(),
    drop: nn.dropout(0.3),
    fc: nn.linear({ in: 180, out: 3 }),
  });

const OPTIMIZERS: readonly (readonly [string, () => Optimizer])[] = [
  ["plain descent", () => sgd({ lr: 0.05 })],
  ["Nesterov's momentum and weight decay", () => sgd({ lr: 0.05, momentum: 0.9, nesterov: true, weightDecay: 0.01 })],
  ["Adam", () => adam({ lr: 0.01 })],
];

it.each(OPTIMIZERS)("a step drawn by hand is that of train to the bit: norms, dropout, %s", async (_, optimizerOf) => {
  const [optimizer, module, seed] = [optimizerOf(), network(), 3];
  const { graph, output, updates } = trace(module, { input: data.shape, training: true });
  const labels = graph.input("labels", { shape: [], dtype: "i32" });
  const loss = ops.mean(ops.crossEntropy(output, labels), { batch: true });
  const device = await openDevice(quiet);
  const learning = minimize(loss, optimizer);
  const assigns = [...learning.assigns, ...updates];
  const step = await device.compile({ name: "step", outputs: { loss }, assigns }, { maxBatch: batchSize });
  for (const [name, { data }] of initialWeights(module, seed)) await device.writeState(name, data);

  let steps = 0;
  for (let epoch = 0; epoch < 2; epoch++)
    for (let first = 0; first < data.length; first += batchSize) {
      const bytes = data.images.subarray(64 * first, 64 * (first + batchSize));
      await step.run({
        input: Float32Array.from(bytes, (byte) => (byte / 255 - 0.5) / 0.25),
        labels: Int32Array.from(data.labels.subarray(first, first + batchSize)),
        random: [seed, 0, steps++],
        ...learning.at(steps),
      });
    }

  const schedule = { kind: "constant" } as const;
  const { model } = await train(network(), data, { epochs: 2, batchSize, seed, optimizer, schedule, ...quiet });
  for (const [name, { data: expected }] of model.weights) {
    expect(await device.readState(name), name).toEqual(expected);
    expect(expected, name).not.toEqual(initialWeights(module, seed).get(name)!.data);
  }
  await device.close();
});

it("entries of two graphs share states by name, and several inputs and outputs go by theirs", async () => {
  const device = await openDevice(quiet);
  const drawn = trace(nn.sequential({ fc: nn.linear({ in: 2, out: 1 }) }), { input: [2] });
  const target = drawn.graph.input("target", { shape: [1] });
  const factor = drawn.graph.input("factor", { shape: [], batched: false });
  const errors = ops.multiply(ops.meanSquaredError(drawn.output, target), factor);
  const loss = ops.mean(errors, { batch: true });
  const { assigns } = minimize(loss, sgd({ lr: 1 }), { parameters: [drawn.parameters.get("fc.bias")!.value] });
  const learn = await device.compile({ name: "learn", outputs: { loss, errors }, assigns });
  await device.writeState("fc.weight", [2, 3]);
  await device.writeState("fc.bias", [1]);
  // 2 x 1 + 3 x 1 + 1 = 6 and 2 + 1 = 3, less 4: errors 4 and 1, times 0.5; the bias moves against 0.5 x mean of 2 x 2 and 2 x -1.
  const inputs = { input: [1, 1, 1, 0], target: [4, 4], factor: 0.5, learningRate: 1 };
  expect(await learn.run(inputs)).toEqual({ loss: Float32Array.of(1.25), errors: Float32Array.of(2, 0.5) });
  expect(await device.readState("fc.bias")).toEqual(Float32Array.of(0.5));
  expect(await device.readState("fc.weight")).toEqual(Float32Array.of(2, 3));

  const other = trace(nn.sequential({ fc: nn.linear({ in: 2, out: 1 }) }), { input: [2] });
  const predict: Executable = await device.compile({ name: "predict", outputs: { y: other.output }, assigns: [] });
  expect(await predict.run({ input: [1, 1] })).toEqual({ y: Float32Array.of(5.5) });
  expect(device.states().map(({ name }) => name)).toEqual(["fc.weight", "fc.bias"]);
  await device.close();
});
