/** Layers that make images larger: their names, what they start with, and what they refuse. */
import { describe, expect, it } from "vitest";
import { evaluate } from "#fovea/graph/evaluate.js";
import { tensor } from "#fovea/graph/tensor.js";
import { convTranspose2d, initialize, type Module, sequential, trace, upsample } from "#fovea/nn/index.js";

const nothing = { uniform: () => 0, normal: () => 0 };

function run(module: Module, shape: readonly [number, number, number], data: readonly number[]) {
  const { output, parameters } = trace(module, { input: shape, training: false });
  const states = Object.fromEntries(
    [...parameters].map(([name, { value, init }]) => {
      const numbers = new Float32Array(value.shape.reduce((a, b) => a * b, 1));
      initialize(numbers, init, nothing);
      return [name, tensor(value.shape, numbers)];
    }),
  );
  const [y] = evaluate([output], { inputs: { input: tensor([1, ...shape], data) }, states }, 1);
  return { shape: y!.shape, data: [...y!.data] };
}

describe("ConvTranspose2d", () => {
  it("started as bilinear interpolation doubles an image as resizing does, away from the edges", () => {
    const weightInit = { kind: "bilinear", kernel: [4, 4], maps: 1 } as const;
    const layer = convTranspose2d({ in: 1, out: 1, kernel: 4, stride: 2, padding: 1, bias: false, weightInit });
    const { shape, data } = run(layer, [3, 3, 1], [0, 4, 8, 12, 16, 20, 24, 28, 32]);
    expect(shape).toEqual([1, 6, 6, 1]);
    // A quarter and three quarters of neighbours, along both axes; s(o) = o / 2 - 1 / 4.
    const at = (y: number, x: number) => 12 * (y / 2 - 0.25) + 4 * (x / 2 - 0.25);
    for (const y of [1, 2, 3, 4]) for (const x of [1, 2, 3, 4]) expect(data[6 * y + x]).toBeCloseTo(at(y, x), 6);
  });

  it("has PyTorch's fan-in: what one input pixel spreads over", () => {
    const { weight, bias } = convTranspose2d({ in: 8, out: 6, kernel: [2, 3], groups: 2 });
    expect(weight.shape).toEqual([2, 3, 3, 8]);
    expect(weight.init).toMatchObject({ fanIn: 18 });
    expect(bias!.shape).toEqual([6]);
  });

  it("names its layer where its input does not fit", () => {
    const net = sequential({ up: convTranspose2d({ in: 3, out: 2, kernel: 2, stride: 2 }) });
    expect(() => trace(net, { input: [4, 4, 5], training: false })).toThrow(
      "convTranspose2d(up): in 3 does not fit its input 4x4x5",
    );
    expect(() => convTranspose2d({ in: 3, out: 2, kernel: 2, groups: 2 })).toThrow(
      "groups 2 does not divide in 3 and out 2",
    );
  });
});

describe("Upsample", () => {
  it("goes by a factor, rounded down, or to a size", () => {
    expect(run(upsample({ scaleFactor: 2 }), [1, 2, 1], [1, 2])).toEqual({
      shape: [1, 2, 4, 1],
      data: [1, 1, 2, 2, 1, 1, 2, 2],
    });
    expect(run(upsample({ scaleFactor: [1, 1.5], mode: "bilinear" }), [1, 3, 1], [1, 2, 4]).shape).toEqual([
      1, 1, 4, 1,
    ]);
    expect(run(upsample({ size: [1, 4], mode: "bilinear" }), [1, 2, 1], [1, 2]).data).toEqual([1, 1.25, 1.75, 2]);
  });

  it("wants one of both", () => {
    expect(() => upsample({})).toThrow("upsample: expected either scaleFactor or size, got neither");
    expect(() => upsample({ size: 4, scaleFactor: 2 })).toThrow("got both");
    expect(() => upsample({ scaleFactor: 0 })).toThrow("upsample: scaleFactor is 0, expected a number above 0");
  });
});
