/** Measured by the names of classes, whatever their order and however many of them there are. */
import { expect, it } from "vitest";
import { type Dataset, inColour } from "#fovea/data/sets/dataset.js";
import { labelledAs } from "#fovea/data/sets/labelled-as.js";
import { evaluate, nn, train, untrained } from "#fovea/index.js";

const CLASSES = ["dark", "grey", "light"];
const data = (classes: readonly string[], labels: readonly number[], pixels: readonly number[]): Dataset => ({
  ...{ name: "shades", length: labels.length, classes, shape: [1, 1, 1] as const, mean: [0], std: [1] },
  ...{ images: Uint8Array.from(pixels), labels: Int32Array.from(labels) },
});
const three = data(CLASSES, [0, 1, 2], [0, 128, 255]);

/** Tells the three shades apart: a pixel x from 0 to 1 has the logits 3 - 10 x, 0.9 and 10 x - 7. */
function model() {
  const net = untrained(nn.sequential(nn.flatten(), nn.linear({ in: 1, out: 3 })), { data: three });
  const numbers = [Float32Array.of(-10, 0, 10), Float32Array.of(3, 0.9, -7)];
  return {
    ...net,
    weights: new Map([...net.weights].map(([name, weight], n) => [name, { ...weight, data: numbers[n]! }])),
  };
}

it("counts by names in any order, and some of the classes alone", async () => {
  for (const set of [
    three,
    data(["light", "grey", "dark"], [2, 1, 0], [0, 128, 255]),
    data(["grey", "light"], [0, 1], [128, 255]),
    data(["light"], [0], [255]),
    data(["light", "nobody"], [0], [255]),
    data(["0", "1", "2"], [0, 1, 2], [0, 128, 255]),
  ]) {
    const { accuracy, confusion } = await evaluate(model(), set);
    expect([set.classes, accuracy, confusion.length]).toEqual([set.classes, 1, 3]);
  }
  const { confusion } = await evaluate(model(), data(["light", "dark"], [0, 0, 1], [255, 0, 0]));
  expect(confusion).toEqual([
    [1, 0, 0],
    [0, 0, 0],
    [1, 0, 1],
  ]);
});

it("refuses classes that the model does not have, with both lists", async () => {
  await expect(evaluate(model(), data(["Dark", "grey", "pale"], [0, 1, 2], [0, 128, 255]))).rejects.toThrow(
    "shades: Dark, pale are no classes of the model, which tells dark, grey, light apart (the data has Dark, grey, pale); " +
      "rename the folders, or measure on the same classes",
  );
  const numbered = { ...model(), classes: ["0", "1", "2"] };
  expect((await evaluate(numbered, three)).accuracy).toBe(1);
  await expect(evaluate(numbered, data(["grey", "light"], [0, 1], [128, 255]))).rejects.toThrow(
    "shades: has 2 classes (grey, light), but the model tells 3 apart that have no names, so that nobody knows which are which",
  );
});

it("counts so while training, and chooses the best epoch by the pictures that are for that", async () => {
  const net = () => nn.sequential(nn.flatten(), nn.linear({ in: 1, out: 3 }));
  const other = data(["light", "grey", "dark"], [2, 1, 0], [0, 128, 255]);
  const options = { epochs: 3, batchSize: 3, seed: 1, threads: 1, keepBest: true };
  const [a, b] = [
    await train(net(), three, { ...options, test: three }),
    await train(net(), three, { ...options, test: other }),
  ];
  expect(b.history.map(({ test }) => test)).toEqual(a.history.map(({ test }) => test));
  // By pictures with wrong labels the best epoch is the first, before anything is learned from the right ones.
  const wrong = { ...three, labels: Int32Array.of(2, 0, 1) };
  const chosen = await train(net(), three, { ...options, epochs: 12, test: three, val: wrong, watch: "loss" });
  const losses = chosen.history.map(({ val }) => val!.loss);
  expect(chosen.best!.epoch).toBe(losses.indexOf(Math.min(...losses)) + 1);
  expect(chosen.history[0]!.test).toEqual(expect.objectContaining({ loss: expect.any(Number) }));
});

it("gives the labels of a stream, too", async () => {
  const streamed: Dataset = {
    ...data(["light", "dark"], [0, 1], []),
    stream: () => ({
      fill: async (indices, _, __, labels) => {
        labels.set([...indices].map((i) => [0, 1][i]!));
        return [];
      },
      bytes: async (indices, _, labels) => {
        labels.set([...indices].map((i) => [0, 1][i]!));
        return [];
      },
      close: async () => {},
    }),
  };
  const stream = labelledAs(streamed, CLASSES, "the model").stream!({
    target: [1, 1, 1],
    mean: [0],
    std: [1],
    seed: 0,
  });
  const labels = Int32Array.of(9, 9, 7);
  await stream.fill(Uint32Array.of(0, 1), 0, new Float32Array(2), labels);
  expect([...labels]).toEqual([2, 0, 7]);
  await stream.bytes(Uint32Array.of(1), new Uint8Array(1), labels);
  expect([...labels]).toEqual([0, 0, 7]);
});

it("takes grey pictures for ones of three equal channels", () => {
  expect(inColour({ ...three, mean: [0.5], std: [0.25] })).toEqual({
    ...three,
    ...{ shape: [1, 1, 3], mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
    images: Uint8Array.of(0, 0, 0, 128, 128, 128, 255, 255, 255),
  });
  const colours = { ...three, shape: [1, 1, 3] as const };
  expect(inColour(colours)).toBe(colours);
});
