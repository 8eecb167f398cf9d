/** Stochastic depth and squeeze-and-excitation by hand; zoo-torch.test.ts has them within networks. */
import { expect, it } from "vitest";
import { evaluate } from "#fovea/graph/evaluate.js";
import { tensor } from "#fovea/graph/tensor.js";
import { roundChannels } from "#fovea/models/blocks.js";
import { SqueezeExcitation, StochasticDepth, trace } from "#fovea/nn/index.js";

it("leaves a branch out for a whole sample, and makes up for it where it stays", () => {
  const batch = 400;
  const { output } = trace(new StochasticDepth(0.2), { input: [2, 1, 3], training: true });
  const inputs = {
    input: tensor([batch, 2, 1, 3], new Float64Array(6 * batch).fill(4)),
    random: tensor([3], [1, 2, 3]),
  };
  const [y] = evaluate([output], { inputs, states: {} }, batch);
  const samples = Array.from({ length: batch }, (_, n) => [...y!.data.slice(6 * n, 6 * n + 6)]);
  const gone = samples.filter((sample) => sample.every((x) => x === 0)).length;
  const kept = samples.filter((sample) => sample.every((x) => x === 5)).length;
  expect(gone + kept).toBe(batch);
  expect(gone / batch).toBeGreaterThan(0.14);
  expect(gone / batch).toBeLessThan(0.26);
});

it("is the branch itself in prediction, and where nothing drops out", () => {
  for (const [probability, training] of [
    [0.2, false],
    [0, true],
  ] as const) {
    const { input, output } = trace(new StochasticDepth(probability), { input: [2, 1, 3], training });
    expect(output).toBe(input);
  }
});

it("scales each channel by the gate of the means", () => {
  // Means 2 and 3; fc1: relu(2 - 3) = 0 and relu(2 + 3) = 5; fc2: 5 x 0.2 = 1 and 5 x -0.2 = -1; then sigmoid.
  const { output } = trace(new SqueezeExcitation({ channels: 2, squeeze: 2 }), { input: [1, 2, 2] });
  const states = {
    "fc1.weight": tensor([1, 1, 2, 2], [1, 1, -1, 1]),
    "fc1.bias": tensor([2], [0, 0]),
    "fc2.weight": tensor([1, 1, 2, 2], [7, 7, 0.2, -0.2]),
    "fc2.bias": tensor([2], [0, 0]),
  };
  const [y] = evaluate([output], { inputs: { input: tensor([1, 1, 2, 2], [1, 2, 3, 4]) }, states }, 1);
  const gate = (x: number) => 1 / (1 + Math.exp(-x));
  for (const [i, x] of [1 * gate(1), 2 * gate(-1), 3 * gate(1), 4 * gate(-1)].entries()) {
    expect(y!.data[i]).toBeCloseTo(x, 12);
  }
});

it("rounds channels to multiples of 8, and no more than a tenth down", () => {
  expect([3, 12, 16, 19, 83, 84, 35.2].map((channels) => roundChannels(channels))).toEqual([8, 16, 16, 24, 80, 88, 32]);
});
