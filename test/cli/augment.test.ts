/** Augmentation and views on the command line: the preview's sheet, a run with them, and what is said of wrong ones. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { expect, it } from "vitest";
import { compileAugmentation } from "#fovea/data/augment/augment.js";
import { pictureOf } from "#fovea/data/augment/fill.js";
import { parseAugmentation } from "#fovea/data/augment/grammar.js";
import { openDataset } from "#fovea/data/open-node.js";
import { events, fovea } from "../support/cli.js";
import { writePictures } from "../support/pictures.js";
import { temporaryFolder } from "../support/temporary.js";

const LIST = "rotate:10,translate:0.1,cutout:8";

it("previews what training sees: the same pixels as the same seed, epoch and number give", async () => {
  const folder = temporaryFolder();
  writePictures(folder, 40, 10);
  const flags = ["--augment", LIST, "--count", "2", "--seed", "5", "--out", "sheets/a.png"];
  const made = await fovea(["data", "preview", "./digits", ...flags], folder);
  expect([made.code, made.stderr]).toEqual([0, ""]);
  expect(made.stdout).toBe(`Wrote sheets/a.png: ./digits train, ${LIST}.\n`);
  const { data, info } = await sharp(join(folder, "sheets/a.png")).raw().toBuffer({ resolveWithObject: true });

  const { train } = await openDataset(join(folder, "digits"));
  const augmenter = compileAugmentation(parseAugmentation(LIST, [28, 28, 1]), [28, 28, 1], train);
  const { channels } = info;
  const FACTOR = 4;
  /** Whether the sheet shows a picture, each of its pixels four by four. */
  const shows = (pixels: ArrayLike<number>, left: number, top: number) => {
    for (let y = 0; y < 28; y++) {
      for (let x = 0; x < 28; x++) {
        for (const [dy, dx] of [
          [0, 0],
          [FACTOR - 1, FACTOR - 1],
        ] as const) {
          const at = (top + y * FACTOR + dy) * info.width + left + x * FACTOR + dx;
          if (Math.abs(data[at * channels]! - pixels[y * 28 + x]!) > 1) return false;
        }
      }
    }
    return true;
  };
  const places: { left: number; top: number; index: number; epoch: number }[] = [];
  const out = new Float32Array(784);
  for (let index = 0; index < 40; index++) {
    for (let epoch = 0; epoch < 7; epoch++) {
      augmenter.apply(pictureOf(train, index), index, { seed: 5, epoch }, out, 0);
      const seen = out.map((x) => Math.round(255 * (x * train.std[0]! + train.mean[0]!)));
      for (let top = 0; top + 112 <= info.height; top++) {
        for (let left = 0; left + 112 <= info.width; left++) {
          if (shows(seen, left, top)) places.push({ left, top, index, epoch });
        }
      }
    }
  }
  expect(places.map(({ epoch }) => epoch)).toEqual([0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6]);
  // One picture a row, from left to right, of two classes.
  expect(new Set(places.map(({ top, index }) => `${top} ${index}`)).size).toBe(2);
  for (const [i, place] of places.entries()) if (i % 7 > 0) expect(place.left).toBeGreaterThan(places[i - 1]!.left);
  expect(new Set(places.map(({ index }) => train.labels[index])).size).toBe(2);

  const plain = await fovea(["data", "preview", "./digits", "--count", "1", "--json"], folder);
  expect(events(plain.stdout)[0]).toMatchObject({ file: "preview.png", augment: null, target: [28, 28, 1] });
});

it("previews a folder of pictures, grey or not, of many sizes", async () => {
  const folder = temporaryFolder();
  for (const [i, name] of ["red", "blue and a name of several words"].entries()) {
    mkdirSync(join(folder, "p", name), { recursive: true });
    for (let n = 0; n < 3; n++) {
      const create = {
        width: 50 + 40 * n,
        height: 300 - 90 * n,
        channels: 3 as const,
        background: { r: 255 * (1 - i), g: 0, b: 255 * i },
      };
      await sharp({ create })
        .png()
        .toFile(join(folder, "p", name, `${n}.png`));
    }
  }
  const flags = ["--augment", "alexnet,cutout:60", "--network", "alexnet", "--count", "3"];
  const { code, stderr } = await fovea(["data", "preview", "./p", ...flags], folder);
  expect([code, stderr]).toEqual([0, ""]);
  const { width, height } = await sharp(join(folder, "preview.png")).metadata();
  expect(width).toBeGreaterThan(8 * 104);
  expect(height).toBeGreaterThan(3 * 104);
});

it("trains with a list, keeps it in the run, goes on only with the same, and asks about views", async () => {
  const folder = temporaryFolder();
  writePictures(folder, 100, 30);
  const flags = ["--augment", LIST, "--mixup", "0.2", "--crops", "shift"];
  const base = ["train", "lenet5", "--data", "./digits", "--epochs", "1", "--no-report", "--out", "a"];
  const { code, stdout, stderr } = await fovea([...base, ...flags], folder);
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toContain(`augment     ${LIST}\n`);
  expect(stdout).toContain("test views  shift\n");
  const config = JSON.parse(readFileSync(join(folder, "a/config.json"), "utf8")) as Record<string, unknown>;
  expect(config).toMatchObject({
    augment: [
      { kind: "rotate", degrees: 10 },
      { kind: "translate", fraction: 0.1 },
      { kind: "cutout", size: 8 },
    ],
    mixup: 0.2,
    testTimeAugmentation: "shift",
  });
  const same = await fovea(["train", "--resume", "a", "--no-report", ...flags], folder);
  expect([same.code, same.stderr]).toEqual([0, ""]);
  const other = await fovea(["train", "--resume", "a", "--augment", "rotate:20"], folder);
  expect(other.code).toBe(2);
  expect(other.stderr).toContain("--resume: a run goes on as it was begun, but augment is");

  const measured = await fovea(["eval", "a", "--json"], folder);
  expect(events(measured.stdout)[0]).toMatchObject({ testTimeAugmentation: "shift", samples: 30 });

  await sharp({ create: { width: 40, height: 30, channels: 3, background: { r: 9, g: 90, b: 200 } } })
    .png()
    .toFile(join(folder, "x.png"));
  const ask = (...flags: string[]) =>
    fovea(["predict", "a", "x.png", "--prepare", "resize", "--json", ...flags], folder);
  // The views of the run are of its own measurements only.
  const [one, ten, flat] = [await ask(), await ask("--crops", "ten", "--resize", "34"), await ask("--crops", "ten")];
  // Every crop of a picture of one colour is that picture.
  const said = [one, ten].map(({ stdout }) => events(stdout)[0]!["likeliest"] as { probability: number }[]);
  for (const [i, { probability }] of said[0]!.entries()) expect(said[1]![i]!.probability).toBeCloseTo(probability, 5);
  expect(flat.code).toBe(1);
  expect(flat.stderr).toBe(
    "fovea: predict: pictures are 28x28, but ten crops of 28x28 need larger ones; bring them to a larger size first (--resize 32)\n",
  );
});

it("says what is wrong with flags, and with pictures that are smaller than the crop", async () => {
  const folder = temporaryFolder();
  writePictures(folder, 20, 10);
  const complaint = async (...args: string[]) => {
    const { code, stderr } = await fovea(args, folder);
    return `${code} ${stderr.trim()}`;
  };
  const train = ["train", "lenet5", "--data", "./digits", "--out", "a"];
  const complaints = [
    await complaint(...train, "--augment", "padcrop:4"),
    await complaint(...train, "--augment", "cutout:x"),
    await complaint(...train, "--distort", "--augment", "flip"),
    await complaint(...train, "--crops", "ten"),
    await complaint(...train, "--option", "size=32", "--augment", "randomCrop"),
    await complaint("data", "preview", "./digits", "--out", "a.jpg"),
  ];
  expect(complaints.join("\n")).toMatchInlineSnapshot(`
    "2 fovea: unknown transform of --augment "padcrop"; did you mean "padCrop"? (known: cifar, alexnet, vgg, imagenet, padCrop, randomCrop, randomResizedCrop, flip, rotate, translate, distort, resize, resizeShorter, centerCrop, colorJitter, pcaColor, cutout, erase)
    2 fovea: --augment cutout:x: size is "x", expected a number such as 4
    2 fovea: --distort and --augment: write --augment distort, and what else there is
    1 fovea: ./digits test: pictures are 28x28, but ten crops of 28x28 need larger ones; bring them to a larger size first (--resize 32)
    1 fovea: ./digits train: is 28x28 where randomCrop cuts 32x32 out of it; bring pictures to that size first (randomCrop:32), or choose randomResizedCrop or a smaller network input
    2 fovea: --out a.jpg: the sheet is a PNG; expected a name that ends in .png"
  `);
});
