/** Grad-CAM and saliency against PyTorch's (test/fixtures/grad-cam.json, made by scripts/fixtures/grad-cam.py). */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { lookInside } from "#fovea/analysis/inspect/look.js";
import { sizeOf } from "#fovea/graph/shape.js";
import type { TrainedModel } from "#fovea/model/trained-model.js";
import * as models from "#fovea/models/index.js";
import * as nn from "#fovea/nn/index.js";
import { parametersOf, statisticsOf } from "#fovea/nn/index.js";
import { formula, fromTorch } from "../support/formula.js";

interface Case {
  readonly network: string;
  readonly target: number;
  readonly logits: readonly number[];
  readonly gradCam: Readonly<Record<string, readonly number[]>>;
  readonly saliency: readonly number[];
}
const { cases } = JSON.parse(readFileSync(new URL("../fixtures/grad-cam.json", import.meta.url), "utf8")) as {
  cases: Case[];
};

function filled(name: string): { model: TrainedModel; picture: Float32Array } {
  const { module, input, classes } = models.create(name);
  const weights = new Map(
    [...parametersOf(module)].map(([path, { shape }]) => {
      const scale = shape.length > 1 ? Math.sqrt(6 / (sizeOf(shape) / shape.at(-1)!)) : 0.1;
      const centre = shape.length === 1 && path.endsWith("weight") ? 0.5 : 0;
      return [path, { shape, data: fromTorch(formula(path, sizeOf(shape), scale, centre), shape) }];
    }),
  );
  for (const [path, { shape }] of statisticsOf(module))
    weights.set(path, { shape, data: new Float32Array(sizeOf(shape)).fill(path.endsWith("running_var") ? 1 : 0) });
  const [height, width, channels] = input as [number, number, number];
  const planes = formula("grad-cam picture", sizeOf(input));
  const picture = Float32Array.from({ length: sizeOf(input) }, (_, i) => {
    const [place, channel] = [Math.floor(i / channels), i % channels];
    return planes[channel * height * width + place]!;
  });
  const names = Array.from({ length: classes }, (_, i) => `class ${i}`);
  const scaling = { mean: new Array(channels).fill(0), std: new Array(channels).fill(1) };
  return { model: { module, input, classes: names, scaling, weights }, picture };
}

/** To 1e-3 of the largest. */
function expectClose(found: Float32Array, expected: readonly number[]): void {
  expect(found.length).toBe(expected.length);
  const largest = Math.max(...expected.map(Math.abs));
  expect(largest).toBeGreaterThan(0);
  const worst = Math.max(...expected.map((value, i) => Math.abs(value - found[i]!)));
  expect(worst / largest).toBeLessThan(1e-3);
}

describe.each(cases)("$network as PyTorch", ({ network, target, gradCam, saliency, logits }) => {
  const { model, picture } = filled(network);

  it.each(Object.keys(gradCam))("Grad-CAM of %s, and saliency", async (layer) => {
    const look = await lookInside(model, picture, { layer, target, note: () => {} });
    expectClose(look.gradCam.data, gradCam[layer]!);
    expectClose(look.saliency.data, saliency);
    expect(look.label).toBe(logits.indexOf(Math.max(...logits)));
    expect([look.target, look.gradCam.path]).toEqual([target, layer]);
  });
});

describe("looking inside", () => {
  const { model, picture } = filled("lenet5");
  const quiet = { note: () => {} };

  it("shows the maps on the way, and asks about the likeliest class and the last convolution", async () => {
    const look = await lookInside(model, picture, quiet);
    expect(look.layers.map(({ path, kind, shape }) => [path, kind, shape])).toEqual([
      ["conv1", "Conv2d", [28, 28, 6]],
      ["pool1", "MaxPool2d", [14, 14, 6]],
      ["conv2", "Conv2d", [10, 10, 16]],
      ["pool2", "MaxPool2d", [5, 5, 16]],
    ]);
    expect([look.target, look.gradCam.path, look.gradCam.height]).toEqual([look.label, "conv2", 10]);
    const again = await lookInside(model, picture, { ...quiet, target: look.label, layer: "conv2" });
    expect(again.gradCam.data).toEqual(look.gradCam.data);
  });

  it("greys squares, and says by how much the probability falls", async () => {
    const { occlusion, probabilities, target } = await lookInside(model, picture, { ...quiet, occlusion: true });
    expect([occlusion!.patch, occlusion!.stride, occlusion!.height, occlusion!.width]).toEqual([6, 3, 9, 9]);
    // The square in the middle, by hand.
    const mean = picture.reduce((total, value) => total + value / picture.length, 0);
    const covered = picture.slice();
    for (let y = 12; y < 18; y++) covered.fill(mean, y * 28 + 15, y * 28 + 21);
    const other = await lookInside(model, covered, { ...quiet, target });
    expect(occlusion!.data[4 * 9 + 5]).toBeCloseTo(probabilities[target]! - other.probabilities[target]!, 5);
  });

  it("asks a network that names every place about the places of one class", async () => {
    const module = nn.sequential({
      conv: nn.conv2d({ in: 1, out: 2, kernel: 1, bias: false }),
      head: nn.conv2d({ in: 2, out: 3, kernel: 1, bias: false }),
    });
    // Class 0 is bright, class 1 dark, class 2 never the likeliest.
    const head = [2, -2, 0, -1, 1, 0];
    const weights = new Map([
      ["conv.weight", { shape: [1, 1, 1, 2], data: Float32Array.of(1, -1) }],
      ["head.weight", { shape: [1, 1, 2, 3], data: Float32Array.from(head) }],
    ]);
    const scaling = { mean: [0], std: [1] };
    const dense = { module, input: [2, 2, 1], classes: ["bright", "dark", "none"], scaling, weights };
    const image = Float32Array.of(1, 2, 3, -1);
    const look = await lookInside(dense, image, { ...quiet, occlusion: true });
    expect([look.label, look.target, look.gradCam.path, look.probabilities.length]).toEqual([0, 0, "conv", 3]);
    // Three places are bright, and the mean over the four places of the map is a quarter of their sum.
    // a = 3 (2, -1) / 4, A = (x, -x): relu(9 x / 4).
    expect([...look.gradCam.data]).toEqual([2.25, 4.5, 6.75, 0]);
    // d score / d x = 3 at the bright places.
    expect([...look.saliency.data]).toEqual([3, 3, 3, 0]);
    expect(look.places).toEqual({
      height: 2,
      width: 2,
      labels: Int32Array.of(0, 0, 0, 1),
      shares: Float32Array.of(0.75, 0.25, 0),
      asked: 3,
    });
    const of = (x: number) => 1 / (1 + Math.exp(-6 * x) + Math.exp(-3 * x));
    const before = (of(1) + of(2) + of(3)) / 3;
    // The mean of the picture is 1.25.
    expect(look.occlusion!.data[2]).toBeCloseTo(before - (of(1) + of(2) + of(1.25)) / 3, 5);
    const none = await lookInside(dense, image, { ...quiet, target: 2 });
    expect([[...none.gradCam.data], none.places!.asked]).toEqual([[0, 0, 0, 0], 4]);

    const one = await lookInside(dense, image, { ...quiet, at: [0, 1], occlusion: true });
    expect([one.label, one.target, one.places!.asked, one.places!.at]).toEqual([0, 0, 1, [0, 1]]);
    expect([...one.gradCam.data]).toEqual([0.75, 1.5, 2.25, 0]);
    expect([...one.saliency.data]).toEqual([0, 3, 0, 0]);
    expect(one.probabilities[0]).toBeCloseTo(of(2), 5);
    expect([...one.occlusion!.data].map((fall) => Math.abs(fall) > 1e-4)).toEqual([false, true, false, false]);
    const dark = await lookInside(dense, image, { ...quiet, at: [1, 1] });
    expect([dark.label, dark.target]).toEqual([1, 1]);
    await expect(lookInside(dense, image, { ...quiet, at: [2, 0] })).rejects.toThrow(
      "--at 2,0: lies outside the picture, whose rows are 0 to 1 and columns 0 to 1",
    );
  });

  it("asks about other inputs, and keeps as many layers as it is told to", async () => {
    const told: number[][] = [];
    const other = picture.map((value) => value / 2);
    const options = { ...quiet, instead: [other, picture], mostLayers: 2, target: 3 };
    const look = await lookInside(model, picture, {
      ...options,
      onProgress: ({ done, total }) => told.push([done, total]),
    });
    const half = await lookInside(model, other, { ...quiet, target: 3 });
    expect(look.instead[0]).toBeCloseTo(look.probabilities[3]! - half.probabilities[3]!, 5);
    expect(look.instead[1]).toBe(0);
    expect(told).toEqual([
      [1, 2],
      [2, 2],
    ]);
    // The first and the last, and that of Grad-CAM.
    expect([look.layers.map(({ path }) => path), look.layerCount]).toEqual([["conv1", "conv2", "pool2"], 4]);
  });

  it("refuses what it cannot show", async () => {
    await expect(lookInside(model, picture, { ...quiet, layer: "conf2" })).rejects.toThrow(
      '--layer conf2: there is no such layer; did you mean "conv2"?',
    );
    await expect(lookInside(model, picture, { ...quiet, layer: "relu2" })).rejects.toThrow("gives no maps of its own");
    await expect(lookInside(model, picture, { ...quiet, target: 10 })).rejects.toThrow("has 10 classes, from 0 on");
    await expect(lookInside(model, picture, { ...quiet, at: [1, 1] })).rejects.toThrow(
      "--at 1,1: the network gives one answer for the whole picture",
    );
    await expect(lookInside(model, picture.slice(1), quiet)).rejects.toThrow("783 numbers, expected 28 x 28 x 1");
    await expect(lookInside(filled("mlp").model, picture, quiet)).rejects.toThrow("no layer that gives maps");
  });
});
