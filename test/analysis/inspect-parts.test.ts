import { scale } from "@observablehq/plot";
import { describe, expect, it } from "vitest";
import { coloured, enlarged, overlaid, reduced } from "#fovea/analysis/inspect/colours.js";
import { excitingPictures } from "#fovea/analysis/inspect/exciting.js";
import { allFilters, planeOf } from "#fovea/analysis/inspect/filters.js";
import { DIVERGING, VIRIDIS } from "#fovea/analysis/inspect/ramps.js";
import { receptiveFieldsOf } from "#fovea/analysis/layers.js";
import type { TrainedModel } from "#fovea/model/trained-model.js";
import * as nn from "#fovea/nn/index.js";

describe("colours", () => {
  it("go from dark to bright, and from red over white to blue", () => {
    expect([VIRIDIS.length, VIRIDIS[0], VIRIDIS[255]]).toEqual([256, [68, 1, 84], [253, 231, 37]]);
    const brightness = VIRIDIS.map(([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b);
    expect(brightness.every((value, i) => i === 0 || value >= brightness[i - 1]! - 1)).toBe(true);
    const [[r0, , b0], [r1, g1, b1], [r2, , b2]] = [DIVERGING[0]!, DIVERGING[128]!, DIVERGING[255]!];
    expect([r0 > b0, Math.min(r1, g1, b1) > 235, b2 > r2]).toEqual([true, true, true]);
  });

  it.each([
    ["viridis", VIRIDIS],
    ["rdbu", DIVERGING],
  ] as const)("of %s are to the bit those that Observable Plot has", (scheme, ramp) => {
    const colours = scale({ color: { type: "linear", scheme, domain: [0, 255] } });
    const bytes = (text: string) =>
      text.startsWith("#")
        ? [1, 3, 5].map((at) => Number.parseInt(text.slice(at, at + 2), 16))
        : text.match(/\d+/g)!.map(Number);
    expect(ramp).toEqual(Array.from({ length: 256 }, (_, i) => bytes(colours.apply(i) as string)));
  });

  it("are clamped at the ends, and the first where all is one", () => {
    expect([...coloured([-1, 0, 2], VIRIDIS, 0, 1)]).toEqual([...VIRIDIS[0]!, ...VIRIDIS[0]!, ...VIRIDIS[255]!]);
    expect([...coloured([5], VIRIDIS, 5, 5)]).toEqual([...VIRIDIS[0]!]);
  });

  it("of heat are enlarged bilinearly and reduced by means", () => {
    const heat = { height: 1, width: 2, data: Float32Array.of(0, 4) };
    expect([...enlarged(heat, 1, 4)]).toEqual([0, 1, 3, 4]);
    const large = { height: 2, width: 3, data: Float32Array.of(1, 2, 3, 5, 6, 7) };
    expect(reduced(large, 3)).toEqual(large);
    expect(reduced(large, 2)).toEqual({ height: 1, width: 2, data: Float32Array.of(3.5, 5) });
  });

  it("lie over the picture's greys", () => {
    const { height, width, bytes } = overlaid(
      Uint8Array.of(0, 200),
      [1, 2, 1],
      { height: 1, width: 1, data: Float32Array.of(2) },
      2,
    );
    expect([height, width]).toEqual([2, 4]);
    const [r, g, b] = VIRIDIS[255]!;
    expect([...bytes.subarray(0, 3)]).toEqual([r, g, b].map((value) => Math.round(0.6 * value)));
    expect([...bytes.subarray(6, 9)]).toEqual([r, g, b].map((value) => Math.round(0.6 * value + 80)));
  });
});

/** Two units: the first likes ink at the left of what it sees, the second ink at the right. */
function tiny(): TrainedModel {
  const module = nn.sequential({
    conv: nn.conv2d({ in: 1, out: 2, kernel: [1, 2], bias: false }),
    flatten: nn.flatten(),
    fc: nn.linear({ in: 2 * 2 * 3, out: 2 }),
  });
  const weights = new Map([
    ["conv.weight", { shape: [1, 2, 1, 2], data: Float32Array.of(1, -1, -1, 1) }],
    ["fc.weight", { shape: [12, 2], data: new Float32Array(24) }],
    ["fc.bias", { shape: [2], data: new Float32Array(2) }],
  ]);
  return { module, input: [2, 4, 1], classes: ["a", "b"], scaling: { mean: [0], std: [1] }, weights };
}

it("finds the pictures that excite a unit most, and where in them", async () => {
  const images = Uint8Array.from([
    ...[0, 0, 0, 0, 0, 255, 0, 0],
    ...[0, 0, 0, 0, 0, 0, 0, 0],
    ...[0, 0, 51, 0, 0, 0, 0, 0],
  ]);
  const data = { name: "made up", images, shape: [2, 4, 1] as const, length: 3 };
  const options = { layer: "conv", channels: [1, 0], count: 2, note: () => {} };
  const [right, left] = await excitingPictures(tiny(), data, options);
  // Ink at row 1, column 1 is the right one of the two pixels at column 0, and the left one of those at column 1.
  expect(right!.pictures).toEqual([
    { index: 0, value: 1, row: 1, column: 0 },
    { index: 2, value: Math.fround(0.2), row: 0, column: 1 },
  ]);
  expect(left!.pictures.map(({ index, row, column }) => [index, row, column])).toEqual([
    [0, 1, 1],
    [2, 0, 2],
  ]);
  expect(receptiveFieldsOf(tiny().module, [2, 4, 1]).get("conv")!.columns).toEqual({ size: 2, stride: 1, offset: 0 });
  const wrong = { ...data, shape: [4, 2, 1] as const };
  await expect(excitingPictures(tiny(), wrong, options)).rejects.toThrow(
    "made up are 4x2x1, but the network takes 2x4x1",
  );
});

it("takes filters apart, and leaves out those that are a point", () => {
  const { module, weights } = tiny();
  const [filters, ...others] = allFilters({ module, weights });
  expect([filters!.path, filters!.shape, others]).toEqual(["conv", [1, 2, 1, 2], []]);
  expect([...planeOf(filters!, 0, 0)]).toEqual([1, -1]);
  expect([...planeOf(filters!, 1, 0)]).toEqual([-1, 1]);
});
