import { describe, expect, it } from "vitest";
import { defaultBias, defaultWeights, type Initializer, initialize } from "#fovea/nn/initializer.js";
import { random } from "../support/random.js";

/** Draws 0, 1/4, 1/2, 3/4 in turn, and normals of -1, 0, 1, 2. */
function counting() {
  let i = 0;
  return { uniform: () => (i++ % 4) / 4, normal: () => (i++ % 4) - 1 };
}
function draw(initializer: Initializer): number[] {
  const target = new Float32Array(4);
  initialize(target, initializer, counting());
  return [...target];
}

describe("initialize", () => {
  it.each<[Initializer, number[]]>([
    [{ kind: "constant", value: 0.5 }, [0.5, 0.5, 0.5, 0.5]],
    [{ kind: "uniform", low: -2, high: 2 }, [-2, -1, 0, 1]],
    // The two draws of 0 and 1/4 go to each bound in turn.
    [{ kind: "uniformEach", bounds: [2, 1] }, [-2, -0.5, 0, 0.5]],
    [{ kind: "normal", mean: 1, standardDeviation: 0.5 }, [0.5, 1, 1.5, 2]],
    // The default of a layer with 25 inputs: within 1 / sqrt(25).
    [defaultWeights(25), [-0.2, -0.1, 0, 0.1]],
    [defaultBias(25), [-0.2, -0.1, 0, 0.1]],
    // sqrt(6 / 24) = 1/2.
    [{ kind: "kaimingUniform", fanIn: 24, negativeSlope: 0 }, [-0.5, -0.25, 0, 0.25]],
    // sqrt(2 / 8) = 1/2.
    [{ kind: "kaimingNormal", fanIn: 8, negativeSlope: 0 }, [-0.5, 0, 0.5, 1]],
    // 2 sqrt(6 / (10 + 14)) = 1.
    [{ kind: "xavierUniform", fanIn: 10, fanOut: 14, gain: 2 }, [-1, -0.5, 0, 0.5]],
    // sqrt(2 / (3 + 5)) = 1/2.
    [{ kind: "xavierNormal", fanIn: 3, fanOut: 5, gain: 1 }, [-0.5, 0, 0.5, 1]],
    // Channel 0 goes through the middle of filter 0; filter 1 is drawn within 1 / sqrt(2).
    [{ kind: "identity", kernel: [1, 2], in: 1, out: 2 }, [0, -Math.SQRT1_2, 1, -Math.SQRT1_2 / 2]],
  ])("%j", (initializer, expected) => {
    for (const [i, value] of draw(initializer).entries()) expect(value).toBeCloseTo(expected[i]!, 6);
  });

  it("has the variance of He et al. over many draws", () => {
    const target = new Float32Array(20_000);
    initialize(target, { kind: "kaimingUniform", fanIn: 50, negativeSlope: 0 }, random(1));
    const variance = target.reduce((sum, x) => sum + x * x, 0) / target.length;
    expect(variance).toBeCloseTo(2 / 50, 3);
  });

  it("refuses a fan-in of 0", () => {
    expect(() => draw({ kind: "kaimingNormal", fanIn: 0, negativeSlope: 0 })).toThrow(
      "fanIn is 0, expected more than 0",
    );
  });
});
