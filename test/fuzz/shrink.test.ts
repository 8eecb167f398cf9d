import { expect, it } from "vitest";
import type { Network } from "./network.js";
import { shrink } from "./shrink.js";

const network: Network = {
  input: [13, 9, 16],
  layers: [
    { layer: "conv2d", of: [0], out: 8, kernel: [3, 5], padding: 1 },
    { layer: "relu", of: [1] },
    { layer: "slice", of: [1], axis: 1, start: 3, end: 7 },
    { layer: "tanh", of: [3] },
    { layer: "add", of: [4, 3] },
  ],
  run: "train",
  optimizer: { name: "adam", lr: 0.1 },
  techniques: { clipNorm: 1 },
  batches: [9, 4],
  read: [2],
  strategies: 7,
  scratch: 0.3,
  seed: 1,
};

it("leaves what the fault needs, and nothing else", async () => {
  const tried: Network[] = [];
  const least = await shrink(network, async (candidate) => {
    tried.push(candidate);
    const slice = candidate.layers.find(({ layer }) => layer === "slice");
    return slice !== undefined && (slice["end"] as number) >= 5 && candidate.batches[0]! >= 2;
  });
  expect(least).toEqual({
    input: [1, 1, 1],
    layers: [{ layer: "slice", of: [0], end: 5 }],
    run: "predict",
    batches: [2],
    seed: 1,
  });
  for (const { layers } of tried)
    for (const [i, { of }] of layers.entries()) expect(Math.max(...of)).toBeLessThanOrEqual(i);
});

it("ends when its time is over", async () => {
  expect(await shrink(network, async () => true, 0)).toEqual(network);
});
