/** `fovea predict`: the answers of `eval`, picture by picture, whatever else lies among them. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mapAhead } from "#fovea/cli/terminal/map-ahead.js";
import { loadMnist } from "#fovea/data/open-node.js";
import type { Dataset } from "#fovea/data/sets/dataset.js";
import { saveModel } from "#fovea/model/model-file-node.js";
import { untrained } from "#fovea/model/trained-model.js";
import { create } from "#fovea/models/index.js";
import { evaluate, train } from "#fovea/train/train.js";
import { events, fovea } from "../support/cli.js";

const part = (set: Dataset, length: number): Dataset => ({
  ...set,
  length,
  images: set.images.subarray(0, length * 784),
  labels: set.labels.subarray(0, length),
});

const COUNT = 300;
let folder: string;
let predictions: Int32Array;
let test: Dataset;

const image = (i: number) =>
  sharp(test.images.subarray(784 * i, 784 * (i + 1)), { raw: { width: 28, height: 28, channels: 1 } });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "fovea-test-"));
  const digits = await loadMnist();
  test = part(digits.test, COUNT);
  const run = await train(create("lenet5"), part(digits.train, 3000), { epochs: 1, batchSize: 32 });
  await saveModel(join(folder, "model.safetensors"), run.model);
  predictions = (await evaluate(run.model, test)).predictions;
  mkdirSync(join(folder, "digits", "more"), { recursive: true });
  for (let i = 0; i < COUNT; i++) {
    const name = `${String(i).padStart(4, "0")}.png`;
    await image(i).toFile(join(folder, "digits", i < 200 ? name : `more/${name}`));
  }
  const wide = untrained(create("lenet5", { channels: 3 }), {
    data: { ...test, shape: [28, 28, 3], mean: [0, 0, 0], std: [1, 1, 1] },
  });
  await saveModel(join(folder, "colours.safetensors"), wide);
  const two = untrained(create("lenet5", { channels: 2 }), {
    data: { ...test, shape: [28, 28, 2], mean: [0, 0], std: [1, 1] },
  });
  await saveModel(join(folder, "two.safetensors"), two);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const predict = (...args: string[]) => fovea(["predict", "model.safetensors", ...args], folder);

describe("fovea predict", () => {
  it("answers as eval does, to the picture, in batches of any size", async () => {
    for (const batch of ["256", "7"]) {
      const { code, stdout, stderr } = await predict("digits", "--json", "--batch", batch);
      expect([code, stderr]).toEqual([0, ""]);
      const answers = events(stdout);
      expect(answers.map(({ picture }) => picture)).toEqual(
        Array.from({ length: COUNT }, (_, i) => `digits/${i < 200 ? "" : "more/"}${String(i).padStart(4, "0")}.png`),
      );
      expect(answers.map(({ label }) => label)).toEqual([...predictions]);
    }
    const right = predictions.filter((label, i) => label === test.labels[i]).length;
    expect(right).toBeGreaterThan(0.8 * COUNT);
  });

  it("shows the likeliest classes with their probabilities, as text and as JSON", async () => {
    const text = await predict("digits/0000.png");
    expect(text.stdout).toMatch(/^digits\/0000.png: \d \(\d+\.\d%\), \d \(\d+\.\d%\), \d \(\d+\.\d%\)\n$/);
    const json = await predict("digits/0000.png", "--json", "--top", "10");
    const [answer] = events(json.stdout);
    const likeliest = answer!["likeliest"] as { label: number; class: string; probability: number }[];
    expect(likeliest.map(({ label }) => label).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(likeliest.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 5);
    expect(likeliest.every(({ probability }, i) => i === 0 || probability <= likeliest[i - 1]!.probability)).toBe(true);
    expect(answer).toMatchObject({ label: predictions[0], class: String(predictions[0]) });
    expect(text.stdout).toContain(`: ${likeliest[0]!.class} (${(100 * likeliest[0]!.probability).toFixed(1)}%)`);
  });

  it("says the same of a digit that is larger, on white paper, and anywhere on it", async () => {
    const large = image(0).negate().resize({ width: 280, height: 280, kernel: "nearest" });
    const paper = sharp(await large.png().toBuffer()).extend({ left: 90, top: 20, right: 10, background: "#ffffff" });
    await paper.toFile(join(folder, "paper.png"));
    const [scanned, original] = events((await predict("paper.png", "digits/0000.png", "--json")).stdout);
    expect(scanned!["probability"]).toBeCloseTo(original!["probability"] as number, 2);
    expect(scanned!["label"]).toBe(predictions[0]);
  });

  it("names and skips what it cannot read, and ends with 1", async () => {
    const mixed = join(folder, "mixed");
    mkdirSync(mixed);
    await image(1).toFile(join(mixed, "a.png"));
    writeFileSync(join(mixed, "b.png"), "no picture");
    await sharp({ create: { width: 60, height: 60, channels: 3, background: "#ffffff" } }).toFile(join(mixed, "c.png"));
    await image(2).toFile(join(mixed, "d.png"));
    expect(readdirSync(mixed)).toHaveLength(4);
    const { code, stdout, stderr } = await predict("mixed", "missing.png", "--json");
    expect(code).toBe(1);
    expect(events(stdout)).toMatchObject([
      { picture: "mixed/a.png", label: predictions[1] },
      {
        picture: "mixed/b.png",
        error: "mixed/b.png: is not a picture; expected PNG, JPEG, WebP, GIF, TIFF, AVIF, BMP or PNM",
      },
      { picture: "mixed/c.png", error: "mixed/c.png: shows no ink: all of it has one colour, or nearly so" },
      { picture: "mixed/d.png", label: predictions[2] },
      { picture: "missing.png", error: "missing.png: no such file" },
    ]);
    expect(stderr).toBe(
      "fovea: mixed/b.png: is not a picture; expected PNG, JPEG, WebP, GIF, TIFF, AVIF, BMP or PNM; skipped\n" +
        "fovea: mixed/c.png: shows no ink: all of it has one colour, or nearly so; skipped\n" +
        "fovea: missing.png: no such file; skipped\n" +
        "fovea: 3 of 5 pictures could not be read; they are named above\n",
    );
  });

  it("resizes for a network that takes colours, and refuses one that no picture fits", async () => {
    const colours = await fovea(["predict", "colours.safetensors", "digits/0000.png", "paper.png"], folder);
    expect(colours.code).toBe(0);
    expect(colours.stdout.split("\n")).toHaveLength(3);
    const two = await fovea(["predict", "two.safetensors", "digits"], folder);
    expect(two.code).toBe(2);
    expect(two.stderr).toBe(
      "fovea: the network takes 28 x 28 x 2 numbers, but pictures are height x width x 1 (grey) or x 3 (colours); name another network\n",
    );
  });

  it("does not show answers that are not numbers as answers, and ends with 1", async () => {
    const { model } = await train(create("lenet5"), part(test, 10), { epochs: 1, note: () => {} });
    const [name, weight] = [...model.weights][0]!;
    // Alternately so large that sums become infinite, and infinity less infinity is no number.
    const data = weight.data.map((_, i) => (i % 2 === 0 ? 3e38 : -3e38));
    const weights = new Map(model.weights).set(name, { ...weight, data });
    await saveModel(join(folder, "huge.safetensors"), { ...model, weights, scaling: { mean: [0], std: [1e-6] } });
    const { code, stdout, stderr } = await fovea(["predict", "huge.safetensors", "digits/0000.png", "--json"], folder);
    expect(code).toBe(1);
    expect(events(stdout)).toMatchObject([
      { picture: "digits/0000.png", error: expect.stringContaining("not a number (NaN)") },
    ]);
    expect(stderr).toContain("digits/0000.png: the network's answer is not a number (NaN): ");
    const bytes = readFileSync(join(folder, "model.safetensors"));
    bytes.writeFloatLE(Number.NaN, bytes.length - 4);
    writeFileSync(join(folder, "nan.safetensors"), bytes);
    const refused = await fovea(["predict", "nan.safetensors", "digits/0000.png"], folder);
    expect([refused.code, refused.stdout]).toEqual([1, ""]);
    expect(refused.stderr).toMatch(
      /^fovea: nan.safetensors: tensor "\S+" holds NaN \(its number \d+\), expected finite numbers\n$/,
    );
  });

  it("says what is wrong with its arguments", async () => {
    for (const [args, code, why] of [
      [["predict", "model.safetensors"], 2, "missing required argument 'pictures'"],
      [["predict", "none.safetensors", "digits"], 1, "none.safetensors: no such file"],
      [["predict", "digits", "digits"], 1, "digits: holds no run"],
      [["predict", "model.safetensors", "digits", "--top", "0"], 2, "--top 0: expected a whole number of at least 1"],
      [["predict", "model.safetensors", "digits", "--batch", "no"], 2, "--batch no: expected a whole number"],
      [["predict", "model.safetensors", "digits", "--prepare", "digits"], 2, 'did you mean "digit"?'],
      [["predict", "colours.safetensors", "digits", "--prepare", "digit"], 2, "choose --prepare resize"],
    ] as const) {
      const ended = await fovea(args, folder);
      expect([ended.code, ended.stderr.includes(why)], ended.stderr).toEqual([code, true]);
    }
  });
});

describe("mapAhead", () => {
  it("keeps the order, and neither runs nor holds more than it may", async () => {
    let running = 0;
    let most = 0;
    let begun = 0;
    const items = Array.from({ length: 40 }, (_, i) => i);
    const work = async (item: number) => {
      most = Math.max(most, ++running);
      begun++;
      await new Promise((resolve) => setTimeout(resolve, (item * 7) % 5));
      running--;
      return item * item;
    };
    let taken = 0;
    for await (const result of mapAhead(items, work, { running: 3, ahead: 8 })) {
      expect(result).toBe(taken ** 2);
      taken++;
      expect(begun - taken).toBeLessThan(8);
    }
    expect([taken, most]).toEqual([40, 3]);
  });

  it("passes an error on in its turn", async () => {
    const got: number[] = [];
    const all = async () => {
      const work = async (item: number) => {
        if (item === 2) throw new Error("two");
        return item;
      };
      for await (const item of mapAhead([0, 1, 2, 3, 4], work, { running: 2, ahead: 5 })) got.push(item);
    };
    await expect(all()).rejects.toThrow("two");
    expect(got).toEqual([0, 1]);
  });
});
