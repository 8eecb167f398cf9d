/** AlphaGo's policy network: the published parameter counts, its shape layer by layer, and what its options refuse. */
import { describe, expect, it } from "vitest";
import * as models from "#fovea/models/index.js";
import { parameterCount, parametersOf, trace } from "#fovea/nn/index.js";

describe("alphago-policy", () => {
  it.each([
    [128, 1_777_641],
    [192, 3_882_793],
    [256, 6_798_953],
    [384, 15_064_297],
  ])("has the published parameters with %i filters", (filters, parameters) => {
    expect(parameterCount(models.create("alphago-policy", { filters }).module)).toBe(parameters);
  });

  it("keeps the board's size through all layers, and gives one number a point", () => {
    const { module, input, classes } = models.create("alphago-policy", { filters: 8, layers: 4 });
    const { layers, output } = trace(module, { input, training: false });
    const shapes = [...layers].map(([path, { shape }]) => `${path} ${shape.join("x")}`);
    expect(shapes.filter((text) => /^(conv|position)/.test(text))).toEqual([
      "conv1 19x19x8",
      "conv2 19x19x8",
      "conv3 19x19x8",
      "conv4 19x19x1",
      "position 361",
    ]);
    expect([input, output.shape, classes]).toEqual([[19, 19, 48], [361], 361]);
    expect([...parametersOf(module)].map(([name, { shape }]) => `${name} ${shape.join("x")}`)).toEqual([
      "conv1.weight 5x5x48x8",
      "conv1.bias 8",
      "conv2.weight 3x3x8x8",
      "conv2.bias 8",
      "conv3.weight 3x3x8x8",
      "conv3.bias 8",
      "conv4.weight 1x1x8x1",
      "position.bias 361",
    ]);
  });

  it("takes other boards and planes, and refuses what is none", () => {
    const small = models.create("alphago-policy", { size: 9, planes: 1, filters: 4, layers: 2 });
    expect([small.input, small.classes]).toEqual([[9, 9, 1], 81]);
    const refused = (options: models.ModelOptions) => () => models.create("alphago-policy", options);
    expect(refused({ layers: 1 })).toThrow("option layers is 1, expected a whole number of at least 2");
    expect(refused({ size: 26 })).toThrow("option size is 26, expected a whole number from 1 to 25");
    expect(refused({ filters: 2.5 })).toThrow("option filters is 2.5, expected a whole number of at least 1");
  });
});
