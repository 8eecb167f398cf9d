/** Data sets that users make by hand: what is wrong is named before a network learns from it. */
import { describe, expect, it } from "vitest";
import { DataError, FoveaError } from "#fovea/base/errors.js";
import type { Dataset } from "#fovea/data/sets/dataset.js";
import type { PictureStream } from "#fovea/data/sets/stream.js";
import { untrained } from "#fovea/model/trained-model.js";
import * as nn from "#fovea/nn/index.js";
import { evaluateScenes } from "#fovea/segmentation/evaluate.js";
import { createLabeller } from "#fovea/segmentation/labeller.js";
import { sceneDataset } from "#fovea/segmentation/scene-dataset.js";
import type { Scene, SceneSet } from "#fovea/segmentation/scene-set.js";
import { sgd } from "#fovea/train/optimizers/sgd.js";
import { evaluate, train } from "#fovea/train/train.js";
import { random } from "../support/random.js";
import { toy, toyNetwork } from "../support/toy.js";

const good = toy({ length: 9 });
const options = { threads: 1, epochs: 1, note: () => {} };
const model = untrained(toyNetwork(), { data: good });
const labels = (...numbers: number[]) => Int32Array.from(numbers);

const refusals: [string, unknown, string][] = [
  [
    "none",
    undefined,
    " is undefined, expected a data set: { name, length, classes, shape, images, labels, mean, std }",
  ],
  ["a name", "mnist", ' is "mnist", expected a data set'],
  [
    "both halves",
    { train: good, test: good },
    " is the two halves { train, test }; give one of them, such as its train",
  ],
  ["no length", { ...good, length: undefined }, "toy: length is missing, expected the number of pictures"],
  ["a broken length", { ...good, length: 8.5 }, "toy: length is 8.5, expected the number of pictures"],
  ["no classes", { ...good, classes: [] }, "toy: classes is [], expected the name of each class, by label"],
  ["a count of classes", { ...good, classes: 3 }, "toy: classes is 3, expected the name of each class, by label"],
  ["no channels", { ...good, shape: [6, 6] }, "toy: shape is [6, 6], expected [height, width, channels] of a picture"],
  ["other extents", { ...good, shape: [6, 5, 1] }, "toy: images has 324 bytes, expected 270: 9 pictures of 6x5x1"],
  [
    "colours taken for grey",
    { ...good, images: new Uint8Array(3 * 324) },
    "toy: images has 972 bytes, expected 324: 9 pictures of 6x6x1",
  ],
  [
    "too few pictures",
    { ...good, images: new Uint8Array(180) },
    "toy: images has 180 bytes, expected 324: 9 pictures of 6x6x1",
  ],
  [
    "pixels from 0 to 1",
    { ...good, images: new Float32Array(324) },
    "toy: images is Float32Array(324), expected bytes from 0 to 255 in a Uint8Array; multiply pixels from 0 to 1 by 255",
  ],
  ["no pixels", { ...good, images: undefined }, "toy: images is missing, expected bytes"],
  ["too few labels", { ...good, labels: labels(0, 1, 2) }, "toy: has 9 pictures, but 3 labels; expected one a picture"],
  [
    "labels from 1",
    { ...good, labels: labels(1, 2, 3, 1, 2, 3, 1, 2, 3) },
    "toy: label 3 of picture 2 is no class; expected a whole number from 0 to 2 (3 classes); classes count from 0: take 1 off each label",
  ],
  [
    "a label below 0",
    { ...good, labels: labels(0, 1, 2, -1, 1, 2, 0, 1, 2) },
    "toy: label -1 of picture 3 is no class; expected a whole number from 0 to 2 (3 classes)",
  ],
  [
    "255 for none",
    { ...good, labels: Uint8Array.of(0, 1, 2, 0, 255, 2, 0, 1, 2) },
    "toy: label 255 of picture 4 is no class",
  ],
  [
    "half a label",
    { ...good, labels: Float32Array.of(0, 1, 2, 0.5, 1, 2, 0, 1, 2) },
    "toy: label 0.5 of picture 3 is no class",
  ],
  [
    "no number",
    { ...good, labels: Float32Array.of(0, Number.NaN, 2, 0, 1, 2, 0, 1, 2) },
    "toy: label NaN of picture 1 is no class",
  ],
  [
    "texts",
    { ...good, labels: ["0", "1", "2", "0", "1", "2", "0", "1", "2"] },
    'toy: label "0" of picture 0 is no class',
  ],
  ["big integers", { ...good, labels: new BigInt64Array(9) }, "toy: label 0 of picture 0 is no class"],
  [
    "no labels",
    { ...good, labels: undefined },
    "toy: labels is missing, expected a whole number a picture, in a Uint8Array or Int32Array",
  ],
  ["a deviation of 0", { ...good, std: [0] }, "toy: std is 0; expected finite numbers above 0"],
  ["a mean that is none", { ...good, mean: [Number.NaN] }, "toy: mean is NaN; expected finite numbers"],
  [
    "a mean of other channels",
    { ...good, mean: [0, 0, 0] },
    "toy: mean has 3 values; expected one for each of 1 channels",
  ],
  ["no mean", { ...good, mean: undefined }, "toy: mean is missing, expected a number a channel"],
  ["no stream", { ...good, stream: {} }, "toy: stream is {}, expected a function that opens a stream of pictures"],
  [
    "labelled pixels without a stream",
    { ...good, pixelLabels: true },
    "toy: pixelLabels is true, but there is no stream",
  ],
  [
    "nothing in it",
    { ...good, length: 0, images: new Uint8Array(), labels: labels() },
    "toy: there are no pictures in it",
  ],
];

const errorOf = (attempt: Promise<unknown>) =>
  attempt.then(
    () => new Error("nothing was refused"),
    (error: unknown) => error as Error,
  );

describe.each(refusals)("%s", (_, data, message) => {
  it("is refused by train, of both halves, and by evaluate", async () => {
    const attempts = [() => train(toyNetwork(), data as Dataset, options)];
    if (data !== undefined) attempts.push(() => train(toyNetwork(), good, { ...options, test: data as Dataset }));
    // A model brings a scaling of its own.
    if (!/mean|std/.test(message)) attempts.push(() => evaluate(model, data as Dataset, { threads: 1 }) as never);
    for (const attempt of attempts) {
      const error = await errorOf(attempt());
      expect(error).toBeInstanceOf(DataError);
      expect(error.message).toContain(message);
    }
  });
});

it("takes the front of a longer set, bytes of a canvas, and labels in a list", async () => {
  const front = { ...good, length: 4 };
  const clamped = { ...good, images: Uint8ClampedArray.from(good.images) } as unknown as Dataset;
  const listed = { ...good, labels: [...good.labels] } as unknown as Dataset;
  for (const data of [front, clamped, listed]) {
    const { history } = await train(toyNetwork(), data, options);
    expect(history).toHaveLength(1);
    expect((await evaluate(model, data, { threads: 1 })).samples).toBe(data.length);
  }
});

it("holds the labels that a stream gives", async () => {
  const given: number[] = [0, 1, 2, 0, 1, 2, 0, 3, 2];
  const stream = (): PictureStream => ({
    fill(indices, _epoch, images, to) {
      images.fill(0.5);
      for (const [n, index] of indices.entries()) to[n] = given[index]!;
      return Promise.resolve([]);
    },
    bytes: () => Promise.resolve([]),
    close: () => Promise.resolve(),
  });
  const data: Dataset = { ...good, images: new Uint8Array(), labels: new Int32Array(), stream, inOrder: true };
  const error = await errorOf(train(toyNetwork(), data, { ...options, batchSize: 9 }));
  expect(error).toBeInstanceOf(DataError);
  expect(error.message).toBe("toy: label 3 of picture 7 is no class; expected a whole number from 0 to 2 (3 classes)");
  given[7] = 1;
  expect((await train(toyNetwork(), data, { ...options, batchSize: 9 })).completed).toBe(true);
  const unlabelled = await errorOf(evaluate(model, data, { threads: 1 }));
  expect(unlabelled.message).toBe("toy: has 9 pictures, but 0 labels to measure by");
});

it("refuses random damage by a typed error, or learns", async () => {
  const { pick, integer } = random(5);
  const parts = Object.keys(good) as (keyof Dataset)[];
  const values: unknown[] = [
    undefined,
    null,
    -1,
    0,
    0.5,
    Number.NaN,
    1e308,
    "x",
    [],
    {},
    () => {},
    new Float32Array(9),
    new Uint8Array(324),
    [6, 6, 1],
  ];
  for (let i = 0; i < 150; i++) {
    const data: Record<string, unknown> = { ...good };
    for (let n = integer(1, 2); n > 0; n--) data[pick(parts)] = pick(values);
    const end = await train(toyNetwork(), data as unknown as Dataset, {
      ...options,
      optimizer: sgd({ lr: 0.001 }),
    }).catch((e: unknown) => e);
    if (end instanceof Error) expect(end, String(end.stack)).toBeInstanceOf(FoveaError);
  }
});

describe("scenes", () => {
  class PixelNet extends nn.Module {
    readonly conv = nn.conv2d({ in: 3, out: 2, kernel: 3, padding: 1 });
    override loss = { kind: "pixelCrossEntropy", classes: 2 } as const;
    override forward(x: Parameters<nn.Conv2d["forward"]>[0]) {
      return this.conv.forward(x);
    }
  }
  const classes = {
    classes: ["sky", "road"].map((name, value) => ({ name, value, color: [value, 0, 0] as const })),
    ignore: [],
  };
  const scene: Scene = { name: "street", height: 4, width: 5, pixels: new Uint8Array(60), labels: new Uint8Array(20) };
  const set = (changes: object): SceneSet => ({ name: "scenes", classes, scenes: [{ ...scene, ...changes }] });
  const bad = new Uint8Array(20);
  bad[13] = 2;

  it.each<[object, string]>([
    [{ height: 4.5 }, "scenes: street: height is 4.5, expected pixels"],
    [{ pixels: new Uint8Array(59) }, "scenes: street: has 59 pixels, expected 60 for 4x5"],
    [{ labels: new Uint8Array(60) }, "scenes: street: has 60 labels, expected 20 for 4x5"],
    [{ labels: new Int32Array(20) }, "scenes: street: labels is Int32Array(20), expected bytes in a Uint8Array"],
    [
      { labels: bad },
      "scenes: street: label 2 in row 2, column 3 is no class; expected 0 to 1 (2 classes), or 255 for none",
    ],
    [{ labels: new Uint8Array(20).fill(255) }, "street: none of its 20 pixels has a label"],
  ])("%#", async (changes, message) => {
    expect(() => sceneDataset(set(changes))).toThrow(DataError);
    expect(() => sceneDataset(set(changes))).toThrow(message);
    const data = sceneDataset(set({}));
    const labeller = await createLabeller(untrained(new PixelNet(), { data }), { threads: 1, note: () => {} });
    try {
      await expect(evaluateScenes(labeller, set(changes))).rejects.toThrow(message);
    } finally {
      await labeller.close();
    }
  });

  it("are refused where there are none", () => {
    expect(() => sceneDataset({ name: "scenes", classes, scenes: [] })).toThrow("scenes: there are no pictures in it");
  });

  it("answers labellers' calls under way before it closes, and refuses what is no picture", async () => {
    const labeller = await createLabeller(untrained(new PixelNet(), { data: sceneDataset(set({})) }), {
      threads: 1,
      note: () => {},
    });
    const answers = Array.from({ length: 5 }, () => labeller.label(scene));
    const wrong = [
      [undefined, "label: the picture is undefined, expected { height, width, pixels }"],
      [{ ...scene, height: -1 }, "label: height is -1, expected a whole number of at least 1"],
      [{ ...scene, pixels: new Float32Array(60) }, "label: pixels is Float32Array(60), expected bytes in a Uint8Array"],
      [{ ...scene, width: 6 }, "label: 60 bytes for a picture of 4x6x3, expected 72"],
    ] as const;
    for (const [picture, message] of wrong) await expect(labeller.label(picture as Scene)).rejects.toThrow(message);
    const closed = labeller.close();
    await expect(labeller.label(scene)).rejects.toThrow("the labeller was closed");
    await closed;
    for (const answer of await Promise.all(answers)) expect(answer).toHaveLength(20);
  });
});
