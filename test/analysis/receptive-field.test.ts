import { describe, expect, it } from "vitest";
import type { ReceptiveField } from "#fovea/analysis/receptive-field.js";
import { receptiveFields } from "#fovea/analysis/receptive-field.js";
import { summarize } from "#fovea/analysis/summary.js";
import { evaluate } from "#fovea/graph/evaluate.js";
import type { Value } from "#fovea/graph/graph.js";
import { Graph } from "#fovea/graph/graph.js";
import { tensor } from "#fovea/graph/tensor.js";
import * as models from "#fovea/models/index.js";
import {
  adaptiveAvgPool2d,
  add,
  avgPool2d,
  concat,
  conv2d,
  flatten,
  mean,
  pad,
  reshape,
  slice,
} from "#fovea/ops/index.js";

const axis = (size: number, stride: number, offset: number) => ({ size, stride, offset });
const square = (size: number, stride: number, offset: number): ReceptiveField => ({
  whole: false,
  rows: axis(size, stride, offset),
  columns: axis(size, stride, offset),
});

describe("worked by hand", () => {
  it.each([
    // Five stages of 3x3 convolutions at strides 1, 2, 4, 8, 16: 1 + 2(2 + 2*2 + 3*4 + 3*8 + 3*16) + pools 1 + 2 + 4 + 8.
    ["vgg16", "features.28", 196, 16, -90],
    ["vgg16", "features.30", 212, 32, -90],
    // 11, pool 19, 51, pool 67, 99, 131, 163; first pixel -2, then 2*8 and three times 16 further to the left.
    ["alexnet", "features.10", 163, 16, -66],
    ["alexnet", "features.12", 195, 32, -66],
    // 7, pool 11, then 4 convolutions a stage at strides 4, 8, 16, 32, the first of a stage at the stride before.
    ["resnet18", "layer1.1", 43, 4, -21],
    ["resnet18", "layer4.1", 435, 32, -217],
    // 3x3 convolutions alone widen the field: 3, 4, 6, 3 of them.
    ["resnet50", "layer4.2", 427, 32, -213],
    ["resnet20", "layer3.2", 81, 4, -40],
    ["lenet5", "pool2", 16, 4, -2],
    // 3, pool 7, two fire modules of 3x3 at a stride of 4, pool 31, two at 8, pool 79, four at 16: 8 + 16 + 64 to the left.
    ["squeezenet1_1", "features.12", 207, 16, -88],
  ])("%s %s", async (name, path, size, stride, offset) => {
    const { layers } = await summarize(models.create(name));
    expect(layers.find((layer) => layer.path === path)!.receptiveField).toEqual(square(size, stride, offset));
  });

  it("is the whole picture behind a dense layer or a global mean", async () => {
    const whole = (side: number) => ({ whole: true, rows: axis(side, 0, 0), columns: axis(side, 0, 0) });
    const field = async (name: string, path: string) =>
      (await summarize(models.create(name))).layers.find((layer) => layer.path === path)!.receptiveField;
    expect(await field("lenet5", "fc1")).toEqual(whole(28));
    expect(await field("resnet18", "avgpool")).toEqual(whole(224));
  });
});

describe("on small graphs", () => {
  const graph = new Graph();
  const x = graph.input("x", { shape: [12, 10, 2] });
  const w = graph.state("w", "parameter", [3, 1, 2, 2]);
  const of = (y: Value) => receptiveFields(x, graph.values).get(y)!;

  it("rows and columns differ, and dilation widens", () => {
    const y = conv2d(x, w, { stride: [2, 1], dilation: [3, 1], padding: { top: 2 } });
    expect(of(y)).toEqual({ whole: false, rows: axis(7, 2, -2), columns: axis(1, 1, 0) });
  });

  it("branches are joined by the smallest field that holds both", () => {
    const wide = conv2d(x, w, { padding: { top: 2 } });
    const narrow = conv2d(x, w, { padding: { bottom: 2 } });
    expect(of(add(wide, narrow)).rows).toEqual(axis(5, 1, -2));
    expect(of(concat([wide, x], 2)).rows).toEqual(axis(3, 1, -2));
  });

  it("moves with slices and pads", () => {
    expect(of(slice(x, 0, 3, 8)).rows).toEqual(axis(1, 1, 3));
    expect(of(pad(avgPool2d(x, 2), [1, 0, 0], [0, 0, 0])).rows).toEqual(axis(2, 2, -2));
  });

  it("uneven bins have the size of the largest", () => {
    // 10 columns into 4 bins: 0-2, 2-4, 5-7, 7-9.
    expect(of(adaptiveAvgPool2d(x, [12, 4])).columns).toMatchObject({ size: 3, offset: 0 });
  });

  it("is whole behind a flatten, also when it is shaped as an image again", () => {
    expect(of(reshape(flatten(x), [4, 6, 10])).whole).toBe(true);
    expect(of(mean(x, { axes: [0, 1] })).whole).toBe(true);
    expect(of(mean(x, { axes: [2] })).whole).toBe(false);
  });
});

it("holds every pixel that a number depends on, and no smaller field does", () => {
  const graph = new Graph();
  const x = graph.input("x", { shape: [15, 13, 1] });
  const weights = { w: tensor([3, 2, 1, 1], [1, 2, 3, 4, 5, 6]) };
  const w = graph.state("w", "parameter", [3, 2, 1, 1]);
  const first = conv2d(x, w, { stride: [1, 2], padding: { top: 1, left: 1 } });
  const y = avgPool2d(first, [2, 2], { stride: [2, 1] });
  const { rows, columns } = receptiveFields(x, graph.values).get(y)!;
  const [height, width] = y.shape as [number, number, number];
  const given = (image: Float64Array) =>
    evaluate([y], { inputs: { x: tensor([1, 15, 13, 1], image) }, states: weights }, 1)[0]!.data;
  const seen = Array.from({ length: height * width }, () => new Set<string>());
  for (let py = 0; py < 15; py++)
    for (let px = 0; px < 13; px++) {
      const image = new Float64Array(15 * 13);
      image[py * 13 + px] = 1;
      given(image).forEach((value, i) => {
        if (value !== 0) seen[i]!.add(`${py},${px}`);
      });
    }
  for (let o = 0; o < height * width; o++) {
    const [oy, ox] = [Math.floor(o / width), o % width];
    const expected = new Set<string>();
    for (let i = 0; i < rows.size; i++)
      for (let j = 0; j < columns.size; j++) {
        const [py, px] = [rows.offset + oy * rows.stride + i, columns.offset + ox * columns.stride + j];
        if (py >= 0 && py < 15 && px >= 0 && px < 13) expected.add(`${py},${px}`);
      }
    expect(seen[o]).toEqual(expected);
  }
});
