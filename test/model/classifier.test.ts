/** Classifiers under way: closing, back pressure, pictures that are none, and answers that are not numbers. */
import { describe, expect, it } from "vitest";
import { BackendError, OptionError, ShapeError } from "#fovea/base/errors.js";
import { type Classifier, createClassifier } from "#fovea/model/classifier.js";
import { HeldPictures } from "#fovea/model/held-pictures.js";
import { likeliest, ranked, rankOf } from "#fovea/model/rank.js";
import { type TrainedModel, untrained } from "#fovea/model/trained-model.js";
import * as models from "#fovea/models/index.js";
import * as nn from "#fovea/nn/index.js";
import { evaluate } from "#fovea/train/train.js";
import { toy, toyNetwork } from "../support/toy.js";

const quiet = { threads: 1, note: () => {} };
const data = toy({ length: 40 });
const model = untrained(toyNetwork(), { data });
const picture = (i: number) => data.images.slice(36 * i, 36 * (i + 1));

async function opened<T>(use: (classify: Classifier) => Promise<T>, options: object = {}, of = model): Promise<T> {
  const classify = await createClassifier(of, { ...quiet, ...options });
  try {
    return await use(classify);
  } finally {
    await classify.close();
  }
}

describe("close", () => {
  it("answers what is under way, and refuses what comes later", async () => {
    const classify = await createClassifier(model, { ...quiet, batch: 4 });
    const expected = (await classify(picture(3))).logits;
    const answers = Array.from({ length: 20 }, () => classify(picture(3)));
    const all = classify.all(Array.from({ length: 20 }, () => picture(3)));
    const bad = classify(new Uint8Array(5));
    bad.catch(() => {});
    const closed = classify.close();
    const late = classify(picture(3));
    await expect(late).rejects.toThrow(BackendError);
    await expect(late).rejects.toThrow("the classifier was closed");
    await closed;
    for (const { logits } of [...(await Promise.all(answers)), ...(await all)]) expect(logits).toEqual(expected);
    await expect(bad).rejects.toThrow("has 5 numbers");
    expect(classify.close()).toBe(classify.close());
  });
});

describe("back pressure", () => {
  /** The bytes of typed arrays that are alive. */
  const held = () => {
    (globalThis as { gc?: () => void }).gc?.();
    return process.memoryUsage().arrayBuffers;
  };
  const large = toy({ length: 1, shape: [64, 64, 3] });
  const net = nn.sequential(nn.avgPool2d(16), nn.flatten(), nn.linear({ in: 48, out: 3 }));
  const wide = untrained(net, { data: large });

  it.each<[string, (classify: Classifier, image: Uint8Array, count: number) => Promise<unknown>]>([
    ["all", (classify, image, count) => classify.all(new Array<Uint8Array>(count).fill(image))],
    [
      "overlapping calls",
      (classify, image, count) => Promise.all(Array.from({ length: count }, () => classify(image))),
    ],
  ])("%s: thousands of pictures that wait take a few megabytes", async (_, ask) => {
    await opened(
      async (classify) => {
        const before = held();
        const answers = ask(classify, large.images, 5000);
        await new Promise((resolve) => setImmediate(resolve));
        // As numbers they are 246 MB, as bytes 61 MB.
        expect(held() - before).toBeLessThan(40e6);
        await answers;
      },
      { batch: 8 },
      wide,
    );
  });

  it("keeps the order, and reads few pictures at once as they were", async () => {
    await opened(
      async (classify) => {
        const single = await Promise.all(Array.from({ length: 40 }, (_, i) => classify(picture(i))));
        const all = await classify.all(Array.from({ length: 40 }, (_, i) => picture(i)));
        expect(all.map(({ logits }) => [...logits])).toEqual(single.map(({ logits }) => [...logits]));
        expect(await classify.all([])).toEqual([]);
        const images = Array.from({ length: 40 }, (_, i) => picture(i));
        const answers = classify.all(images);
        for (const image of images) image.fill(0);
        expect((await answers).map(({ logits }) => [...logits])).toEqual(single.map(({ logits }) => [...logits]));
      },
      { batch: 7 },
    );
  });

  it("refuses a picture that was changed where too many wait to copy them", () => {
    const pictures = new HeldPictures();
    const copied = new Float32Array(2 ** 22); // 16 MiB
    const first = pictures.hold(copied);
    const [own, changed] = [Uint8Array.of(1, 2), Float32Array.of(1, 2)];
    const [second, third] = [pictures.hold(own), pictures.hold(changed)];
    copied[0] = 5;
    changed[1] = 3;
    expect(first.take()[0]).toBe(0);
    expect(second.take()).toBe(own);
    expect(() => third.take()).toThrow("the picture was changed while it waited behind many others");
    first.drop();
    first.drop();
    const later = pictures.hold(own);
    own[0] = 9;
    expect([...later.take()]).toEqual([1, 2]);
  });
});

describe("what is no picture", () => {
  const numbers = (...changes: readonly (readonly [at: number, value: number])[]) => {
    const image = new Float32Array(36);
    for (const [at, value] of changes) image[at] = value;
    return image;
  };

  it.each<[unknown, string]>([
    [undefined, "classify: picture 0 is undefined, expected bytes (Uint8Array) or numbers (Float32Array)"],
    [null, "classify: picture 0 is null, expected"],
    ["a picture", 'classify: picture 0 is "a picture", expected'],
    [
      { width: 6, height: 6, data: new Uint8ClampedArray(144) },
      "picture 0 is { width, height, data }, expected bytes (Uint8Array) or numbers (Float32Array); give the bytes of its data, without alpha",
    ],
    [new Uint16Array(36), "classify: picture 0 is Uint16Array(36), expected"],
    [new Float32Array(35), "classify: the picture has 35 numbers, expected 36 (6 x 6 x 1, channels last)"],
    [numbers([9, Number.NaN]), "classify: picture 0: row 1, column 3, channel 0 is NaN, expected a finite number"],
    [numbers([35, Number.POSITIVE_INFINITY]), "row 5, column 5, channel 0 is Infinity, expected a finite number"],
    [new Array(36).fill("1"), 'row 0, column 0, channel 0 is "1", expected a finite number'],
    [new Array(36), "row 0, column 0, channel 0 is undefined, expected a finite number"],
    [new Array(36).fill(1e300), "is 1e+300, expected a finite number"],
  ])("%#", async (image, message) => {
    await opened(async (classify) => {
      const error = await classify(image as Uint8Array).catch((e: unknown) => e as Error);
      expect(error).toBeInstanceOf(OptionError);
      expect((error as Error).message).toContain(message);
      // The others are answered.
      expect((await classify(picture(0))).logits).toHaveLength(3);
    });
  });

  it("is named by its place in the list, and the others of other calls are answered", async () => {
    await opened(
      async (classify) => {
        const images = [picture(0), picture(1), numbers([0, Number.NaN])];
        await expect(classify.all(images)).rejects.toThrow("classify: picture 2: row 0, column 0, channel 0 is NaN");
        await expect(classify.all(picture(0) as never)).rejects.toThrow(
          "classify.all: Uint8Array(36) is no list of pictures",
        );
        expect(await classify.all(images.slice(0, 2))).toHaveLength(2);
      },
      { batch: 2 },
    );
  });
});

it("refuses networks that do not give a class a picture", async () => {
  const conv = untrained(nn.sequential(nn.conv2d({ in: 1, out: 3, kernel: 3 })), { data });
  await expect(createClassifier(conv, quiet)).rejects.toThrow(ShapeError);
  await expect(createClassifier(conv, quiet)).rejects.toThrow("the network gives 4x4x3, expected one number a class");
  const unet = models.create("unet", { classes: 3, height: 32, width: 32 });
  const scenes = untrained(unet, { data: toy({ shape: [32, 32, 3] }) });
  await expect(createClassifier(scenes, quiet)).rejects.toThrow(
    "the network unet gives a class a pixel, not a picture; take createLabeller",
  );
});

it("refuses what is no model", async () => {
  await expect(createClassifier(undefined as never)).rejects.toThrow(
    "createClassifier: the model is missing, expected a trained model",
  );
  await expect(createClassifier({ model, history: [] } as never)).rejects.toThrow("give its property model");
  await expect(createClassifier(toyNetwork() as never)).rejects.toThrow(
    "createClassifier: the model is a Sequential, expected a trained model",
  );
  await expect(createClassifier({ ...model, scaling: { mean: [0], std: [0] } })).rejects.toThrow(
    "createClassifier: the model's scaling.std is [0], expected a finite number above 0 for each of 1 channels",
  );
  await expect(createClassifier({ ...model, scaling: { mean: [Number.NaN], std: [1] } })).rejects.toThrow(
    "scaling.mean is [NaN]",
  );
  await expect(evaluate({ ...model, input: [36] }, data)).rejects.toThrow(
    "evaluate: the model's input is [36], expected",
  );
});

describe("answers that are not numbers", () => {
  it("stand first wherever classes are compared, as in PyTorch", () => {
    const NAN = Number.NaN;
    expect(likeliest([1, NAN, 3, NAN])).toBe(1);
    expect(likeliest([NAN, 1])).toBe(0);
    expect(likeliest([2, 3, 3, 1])).toBe(1);
    expect(likeliest([9, 9, 1, 2], 2, 2)).toBe(1);
    expect(likeliest([-Infinity, -Infinity])).toBe(0);
    expect(ranked([1, NAN, 3, NAN, 3])).toEqual([1, 3, 2, 4, 0]);
    expect([0, 1, 2, 3, 4].map((k) => rankOf([1, NAN, 3, NAN, 3], 0, 5, k))).toEqual([5, 1, 3, 2, 4]);
  });

  it("are noted, and compile and evaluate agree on the class", async () => {
    // 3e38 + 3e38 is too large for 32 bits, and infinity less infinity is no number.
    const huge = (sign: number) => Float32Array.from({ length: 36 }, () => sign * 3e38);
    const weight = new Float32Array(36 * 3);
    for (let i = 0; i < 36; i++) weight[3 * i + 1] = huge(i % 2 === 0 ? 1 : -1)[0]!;
    const weights = new Map(model.weights).set("fc.weight", { shape: [36, 3], data: weight });
    const overflowing: TrainedModel = { ...model, weights, scaling: { mean: [0], std: [1 / 255] } };
    const notes: string[] = [];
    await opened(
      async (classify) => {
        const { label, probabilities } = await classify(picture(0));
        expect(Number.isNaN(probabilities[label])).toBe(true);
        const { predictions } = await evaluate(overflowing, { ...data, length: 1 }, quiet);
        expect(label).toBe(predictions[0]);
      },
      { note: (text: string) => notes.push(text) },
      overflowing,
    );
    expect(
      notes.filter((text) => text.includes("the network's answer to a picture is not a number (NaN)")),
    ).toHaveLength(1);
  });
});
