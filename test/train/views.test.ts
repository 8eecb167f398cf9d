/** WeightAveraging over views of a picture: against predictions of each view by itself. */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { measuredOn } from "#fovea/data/augment/pca.js";
import { parseTransforms } from "#fovea/data/augment/transform.js";
import { type TestTimeAugmentation, VIEWS, viewsOf } from "#fovea/data/augment/views.js";
import { openDataset } from "#fovea/data/open-node.js";
import type { Dataset } from "#fovea/data/sets/dataset.js";
import { nn } from "#fovea/index.js";
import { createClassifier } from "#fovea/model/classifier.js";
import { viewClassifier } from "#fovea/model/classify-views.js";
import { untrained } from "#fovea/model/trained-model.js";
import { evaluate } from "#fovea/train/train.js";
import { random } from "../support/random.js";
import { temporaryFolder } from "../support/temporary.js";

const { integer } = random(5);
const COUNT = 11;

function set(size: number, channels: number): Dataset {
  return {
    name: "noise",
    length: COUNT,
    classes: ["a", "b", "c"],
    shape: [size, size, channels],
    images: Uint8Array.from({ length: COUNT * size * size * channels }, () => integer(0, 255)),
    labels: Uint8Array.from({ length: COUNT }, (_, i) => i % 3),
    mean: new Array<number>(channels).fill(0.4),
    std: new Array<number>(channels).fill(0.3),
  };
}

function model(size: number, data: Dataset) {
  const channels = data.shape[2];
  const module = nn.sequential(
    nn.conv2d({ in: channels, out: 4, kernel: 3 }),
    nn.tanh(),
    nn.flatten(),
    nn.linear({ in: 4 * (size - 2) ** 2, out: 3 }),
  );
  const shape = [size, size, channels] as const;
  return untrained(module, { data: { ...data, shape }, seed: 4 });
}

/** The picture's window, by the definition. */
function windowOf(data: Dataset, index: number, size: number, top: number, left: number, mirrored: boolean) {
  const [height, width, channels] = data.shape;
  const at = (p: number, length: number) => (p < 0 ? -p : p >= length ? 2 * (length - 1) - p : p);
  return Uint8Array.from({ length: size * size * channels }, (_, i) => {
    const c = i % channels;
    const u = Math.floor(i / channels) % size;
    const y = at(top + Math.floor(i / channels / size), height);
    const x = at(left + (mirrored ? size - 1 - u : u), width);
    return data.images[((index * height + y) * width + x) * channels + c]!;
  });
}

type Window = readonly [top: number, left: number, mirrored: boolean, weight: number];
const both = (top: number, left: number, weight: number): Window[] => [
  [top, left, false, weight / 2],
  [top, left, true, weight / 2],
];
/** Of a picture of 9x9 for a network of 6x6, and of one of its own size. */
const CASES: readonly (readonly [TestTimeAugmentation, number, number, readonly Window[]])[] = [
  ["none", 9, 3, [[1, 1, false, 1]]],
  ["flip", 6, 3, both(0, 0, 1)],
  ["flip", 9, 1, both(1, 1, 1)],
  [
    "shift",
    6,
    1,
    [
      [0, 0, false, 0.5],
      [-1, -1, false, 0.25],
      [1, 1, false, 0.25],
    ],
  ],
  ["flip+shift", 6, 3, [...both(0, 0, 0.5), ...both(-1, -1, 0.25), ...both(1, 1, 0.25)]],
  ["ten", 9, 3, [both(0, 0, 0.2), both(0, 3, 0.2), both(3, 0, 0.2), both(3, 3, 0.2), both(1, 1, 0.2)].flat()],
];

describe.each(CASES)("%s of %ix%i", (name, size, channels, windows) => {
  it("is the mean of what the network says of each", async () => {
    const data = set(size, channels);
    const trained = model(6, data);
    const classify = await createClassifier(trained, { batch: 4, threads: 1, note: () => {} });
    try {
      const means = await Promise.all(
        Array.from({ length: COUNT }, async (_, index) => {
          const mean = [0, 0, 0];
          for (const [top, left, mirrored, weight] of windows) {
            const { probabilities } = await classify(windowOf(data, index, 6, top, left, mirrored));
            probabilities.forEach((p, k) => {
              mean[k]! += weight * p;
            });
          }
          return mean;
        }),
      );
      const all = Array.from({ length: COUNT }, (_, i) => {
        const [height, width, depth] = data.shape;
        return data.images.subarray(i * height * width * depth, (i + 1) * height * width * depth);
      });
      const said = await viewClassifier(classify, name, data.shape)(all);
      for (const [i, mean] of means.entries()) {
        mean.forEach((p, k) => {
          expect(said[i]![k]).toBeCloseTo(p, 5);
        });
      }
      // Batches of 4: two whole ones and a short one.
      const result = await evaluate(trained, data, {
        testTimeAugmentation: name,
        batchSize: 4,
        threads: 1,
        note: () => {},
      });
      const best = means.map((mean) => mean.indexOf(Math.max(...mean)));
      expect([...result.predictions]).toEqual(best);
      const loss = means.reduce((sum, mean, i) => sum - Math.log(mean[data.labels[i]!]!), 0) / COUNT;
      expect(result.loss).toBeCloseTo(loss, 5);
      expect(result.accuracy).toBeCloseTo(best.filter((k, i) => k === data.labels[i]).length / COUNT, 10);
      expect(result.samples).toBe(COUNT);
    } finally {
      await classify.close();
    }
  });
});

it("pictures that stay on disk are measured as those in memory", async () => {
  const folder = temporaryFolder();
  const { images } = set(9, 3);
  for (let i = 0; i < COUNT; i++) {
    const path = join(folder, i % 4 === 3 ? "test" : "train", "ab"[i % 2]!, `${i}.png`);
    mkdirSync(dirname(path), { recursive: true });
    const raw = { width: 9, height: 9, channels: 3 as const };
    await sharp(images.subarray(i * 243, (i + 1) * 243), { raw })
      .png()
      .toFile(path);
  }
  const [held, onDisk] = await Promise.all([false, true].map((stream) => openDataset(folder, { stream })));
  expect([held!.train.stream, typeof onDisk!.train.stream]).toEqual([undefined, "function"]);
  const trained = model(6, held!.train);
  const measure = (data: Dataset) =>
    evaluate(trained, data, { testTimeAugmentation: "ten", batchSize: 4, threads: 1, note: () => {} });
  const [a, b] = [await measure(held!.train), await measure(onDisk!.train)];
  expect({ ...b, seconds: 0 }).toEqual({ ...a, seconds: 0 });

  const list = parseTransforms([{ kind: "pcaColor" }]);
  expect(await measuredOn(list, onDisk!.train)).toEqual(await measuredOn(list, held!.train));
});

it("one view of pictures of the network's size measures what no views measure", async () => {
  const data = set(6, 3);
  const trained = model(6, data);
  const [plain, viewed] = await Promise.all(
    [{}, { testTimeAugmentation: "none" as const }].map((options) =>
      evaluate(trained, data, { ...options, note: () => {} }),
    ),
  );
  expect(viewed!.predictions).toEqual(plain!.predictions);
  expect(viewed!.loss).toBeCloseTo(plain!.loss, 5);
});

it("the weights of views sum to 1; pictures that are too small are refused", () => {
  for (const name of VIEWS) {
    const sum = viewsOf(name, [32, 40, 3], [28, 28, 3]).reduce((total, { weight }) => total + weight, 0);
    expect(sum).toBeCloseTo(1, 12);
  }
  expect(() => viewsOf("ten", [28, 28, 1], [28, 28, 1], "mnist test")).toThrowErrorMatchingInlineSnapshot(
    `[DataError: mnist test: pictures are 28x28, but ten crops of 28x28 need larger ones; bring them to a larger size first (--resize 32)]`,
  );
  expect(() => viewsOf("flip", [20, 200, 3], [224, 224, 3], "cats")).toThrowErrorMatchingInlineSnapshot(
    `[DataError: cats: pictures are 20x200x3, smaller than the crop of 224x224x3 that the network takes; bring them to at least that size (--resize 224)]`,
  );
});
