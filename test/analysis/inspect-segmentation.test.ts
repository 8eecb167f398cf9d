/** Looks at networks that label pixels, of pictures that are not of whole steps: held to finite differences of the same graph in float64. */
import { describe, expect, it } from "vitest";
import { excitingSamples } from "#fovea/analysis/inspect/exciting.js";
import { type Bytes, labelColours, labelCutOut, labelOverlay, ringed } from "#fovea/analysis/inspect/labels.js";
import { lookInside } from "#fovea/analysis/inspect/look.js";
import { evaluate } from "#fovea/graph/evaluate.js";
import { tensor } from "#fovea/graph/tensor.js";
import { type TrainedModel, untrained } from "#fovea/model/trained-model.js";
import * as models from "#fovea/models/index.js";
import { trace } from "#fovea/nn/index.js";
import { formula } from "../support/formula.js";

const NETWORKS: Record<string, models.ModelOptions> = {
  unet: { widths: [3, 4], classes: 3 },
  "fcn8s-small": { widths: [2, 3, 3, 3, 3], convolutions: [1, 1, 1, 1, 1], hidden: 4, classes: 3 },
  "farabet-multiscale": { maps: [4, 4, 4], hidden: 6, classes: 3, scales: 2 },
  "pinheiro-rcnn": { maps: [3, 3, 3], classes: 3, instances: 2 },
};

function prepared(name: string): TrainedModel {
  const classes = ["sky", "road", "car"];
  const data = { shape: [16, 16, 3] as const, classes, mean: [0, 0, 0], std: [1, 1, 1] };
  return untrained(models.create(name, { height: 16, width: 16, ...NETWORKS[name] }), { data, seed: 3 });
}

const INPUT = [13, 18, 3] as const;
const PICTURE = Float32Array.from(formula("scene", 13 * 18 * 3), (value) => 0.5 + value / 4);

/** The sum of a class's logits over some places, in float64. */
function scoreOf(
  { module, weights }: TrainedModel,
  picture: ArrayLike<number>,
  target: number,
  rows: readonly number[],
) {
  const traced = trace(module, { input: INPUT, training: false });
  const states = Object.fromEntries([...weights].map(([name, { shape, data }]) => [name, tensor(shape, data)]));
  const [y] = evaluate([traced.output], { inputs: { input: tensor([1, ...INPUT], picture) }, states }, 1);
  return rows.reduce((sum, row) => sum + y!.data[row * 3 + target]!, 0);
}

describe.each(Object.keys(NETWORKS))("%s", (name) => {
  it("has the saliency of finite differences, for a class and for a pixel", async () => {
    const model = prepared(name);
    for (const at of [undefined, [6, 11] as const]) {
      const look = await lookInside(model, PICTURE, { input: INPUT, target: 1, at, note: () => {} });
      const { labels, height, width, asked, shares } = look.places!;
      expect([height, width, labels.length]).toEqual([13, 18, 13 * 18]);
      expect(shares.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
      const given = [...labels.keys()].filter((row) => labels[row] === 1);
      const rows = at !== undefined ? [6 * 18 + 11] : given.length > 0 ? given : [...labels.keys()];
      expect(asked).toBe(rows.length);
      const most = Math.max(...look.saliency.data);
      expect(most).toBeGreaterThan(0);
      // The pixel of the largest gradient, and two others.
      for (const place of [look.saliency.data.indexOf(most), 6 * 18 + 11, 40]) {
        const steps = [0, 1, 2].map((channel) => {
          const moved = (by: number) => {
            const numbers = Float64Array.from(PICTURE);
            numbers[3 * place + channel]! += by;
            return scoreOf(model, numbers, 1, rows);
          };
          return Math.abs(moved(1e-5) - moved(-1e-5)) / 2e-5;
        });
        expect(Math.abs(look.saliency.data[place]! - Math.max(...steps)) / most).toBeLessThan(2e-3);
      }
    }
  });
});

it("looks at the bottleneck, and says over how many pixels it is spread", async () => {
  const look = await lookInside(prepared("unet"), PICTURE, { input: INPUT, note: () => {} });
  // 13 x 18 is filled up to 14 x 18; the bottleneck is half of that.
  expect([look.gradCam.path, look.gradCam.height, look.gradCam.width]).toEqual(["down1", 7, 9]);
  expect(look.gradCam.extent).toEqual([14, 18]);
  expect(look.target).toBe(look.places!.shares.indexOf(Math.max(...look.places!.shares)));
  const rcnn = await lookInside(prepared("pinheiro-rcnn"), PICTURE, { input: INPUT, note: () => {} });
  // Its convolutions are used by other ways than their own forward.
  expect(rcnn.layers.map(({ path }) => path)).toEqual(
    expect.arrayContaining(["conv1", "conv2", "conv3", "classifier"]),
  );
  expect(rcnn.gradCam.extent).toEqual([16, 20]);
});

it("finds what excites a unit in pictures of several sizes", async () => {
  const model = prepared("unet");
  const shapes = [
    [8, 8, 3],
    [6, 10, 3],
    [8, 8, 3],
  ] as const;
  const numbers = shapes.map(([h, w, c], i) => Float32Array.from(formula(`picture ${i}`, h * w * c)));
  const samples = { length: 3, shapeOf: (i: number) => shapes[i]!, numbersOf: (i: number) => numbers[i]! };
  const options = { layer: "inc", channels: [1], count: 2, note: () => {} };
  const [found] = await excitingSamples(model, samples, options);
  const looks = await Promise.all(
    numbers.map((picture, i) => lookInside(model, picture, { input: shapes[i]!, note: () => {} })),
  );
  const largest = looks.map(({ layers }) => {
    const { data, shape } = layers.find(({ path }) => path === "inc")!;
    const values = data.filter((_, i) => i % shape[2]! === 1);
    return { value: Math.max(...values), place: values.indexOf(Math.max(...values)), width: shape[1]! };
  });
  const order = [0, 1, 2].sort((a, b) => largest[b]!.value - largest[a]!.value).slice(0, 2);
  expect(found!.pictures.map(({ index }) => index)).toEqual(order);
  for (const { index, value, row, column } of found!.pictures) {
    expect(value).toBeCloseTo(largest[index]!.value, 5);
    expect(row * largest[index]!.width + column).toBe(largest[index]!.place);
  }
});

describe("labelled pictures", () => {
  const picture: Bytes = { height: 1, width: 3, bytes: Uint8Array.of(100, 100, 100, 200, 0, 0, 0, 200, 100) };
  const places = { height: 1, width: 3, labels: Int32Array.of(0, 0, 1), shares: Float32Array.of(0.67, 0.33), asked: 2 };

  it("have the classes' colours over them, and dark borders between", () => {
    const { bytes } = labelOverlay(
      picture,
      places,
      [
        [0, 0, 200],
        [50, 50, 50],
      ],
      1,
    );
    // The second pixel touches another class.
    expect([...bytes]).toEqual([50, 50, 150, 20, 20, 20, 25, 125, 75]);
  });

  it("show one class as it is, and the rest dark", () => {
    const { bytes } = labelCutOut(picture, places, 1, 1);
    expect([...bytes]).toEqual([35, 35, 35, 230, 159, 0, 0, 200, 100]);
    expect(labelCutOut(picture, places, 0, 2).bytes.length).toBe(2 * 6 * 3);
  });

  it("have a ring around a pixel that is seen on black and on white", () => {
    const field = { height: 21, width: 21, bytes: new Uint8Array(21 * 21 * 3).fill(90) };
    const { bytes } = ringed(field, [10, 10], 1);
    const row = Array.from({ length: 21 }, (_, x) => bytes[3 * (10 * 21 + x)]);
    expect(row).toEqual([90, 90, 90, 0, 255, 255, 255, 0, 90, 90, 90, 90, 90, 0, 255, 255, 255, 0, 90, 90, 90]);
  });

  it("get colours that differ, for as many classes as there are", () => {
    const colours = labelColours(33).map(String);
    expect([colours.length, new Set(colours).size, colours[0]]).toEqual([33, 33, "0,114,178"]);
  });
});
