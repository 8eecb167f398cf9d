/** Folders with a sub-folder a class, and tar shards: pictures of every kind, broken ones, and what is no data set. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { describe, expect, it } from "vitest";
import { openDataset } from "#fovea/data/open-node.js";
import { type OpenOptions, parseBrokenLimit, parseSize } from "#fovea/data/open-options.js";
import { tar } from "../support/tar.js";
import { temporaryFolder } from "../support/temporary.js";

type Colour = readonly [number, number, number];
const RED: Colour = [200, 40, 30];
const BLUE: Colour = [20, 60, 220];

const flat = ([r, g, b]: Colour, height = 6, width = height): Sharp =>
  sharp({ create: { width, height, channels: 3, background: { r, g, b } } });
const png = async (colour: Colour, height = 6, width = height): Promise<Uint8Array> =>
  new Uint8Array(await flat(colour, height, width).png().toBuffer());

function write(folder: string, files: Readonly<Record<string, Uint8Array | string>>): void {
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(join(folder, dirname(name)), { recursive: true });
    writeFileSync(join(folder, name), bytes);
  }
}

async function halves(): Promise<string> {
  const folder = temporaryFolder();
  write(folder, {
    "train/red/a.png": await png(RED),
    "train/red/deep/b.png": await png([180, 0, 0]),
    "train/blue/c.png": await png(BLUE),
    "val/red/d.png": await png([150, 10, 10]),
    "val/blue/e.png": await png([0, 0, 150]),
  });
  return folder;
}

describe("a folder with a sub-folder a class", () => {
  it("in two halves", async () => {
    const folder = await halves();
    const { train, test } = await openDataset(folder);
    expect(train.classes).toEqual(["blue", "red"]);
    expect([...train.labels, ...test.labels]).toEqual([0, 1, 1, 0, 1]);
    expect([train.shape, train.images.length]).toEqual([[6, 6, 3], 3 * 108]);
    const firsts = [0, 1, 2].map((n) => [...train.images.subarray(n * 108, n * 108 + 3)]);
    expect(firsts).toEqual([BLUE, RED, [180, 0, 0]]);
    expect(train.report?.sizes).toEqual(new Map([["6x6", 3]]));
    expect(test.mean).toEqual(train.mean);
    expect((await openDataset(`pictures:${folder}`)).train.images).toEqual(train.images);
  });

  it("in one piece is split by the seed and the pictures' names", async () => {
    const folder = temporaryFolder();
    for (let i = 0; i < 20; i++) {
      write(folder, {
        [`red/${i}.png`]: await png([100 + i, 0, 0], 2),
        [`blue/${i}.png`]: await png([0, 0, 100 + i], 2),
      });
    }
    const { train, test } = await openDataset(folder, { testPart: 0.2, seed: 4 });
    expect([...test.labels]).toEqual([0, 0, 0, 1, 1]);
    const shades = (images: Uint8Array) =>
      Array.from({ length: images.length / 12 }, (_, n) => [...images.subarray(n * 12, n * 12 + 3)].join());
    expect(new Set([...shades(train.images), ...shades(test.images)]).size).toBe(40);
    expect((await openDataset(folder, { testPart: 0.2, seed: 4 })).test.images).toEqual(test.images);
    expect((await openDataset(folder, { testPart: 0.2, seed: 5 })).test.images).not.toEqual(test.images);
  });

  it("of pictures of every kind", async () => {
    const folder = temporaryFolder();
    const half = await sharp({
      create: { width: 8, height: 8, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } },
    })
      .png()
      .toBuffer();
    const upright = sharp(new Uint8Array([...RED, ...BLUE]), { raw: { width: 2, height: 1, channels: 3 } })
      .resize({ width: 16, height: 8, kernel: "nearest" })
      .withMetadata({ orientation: 6 });
    write(folder, {
      "a/cmyk.jpg": await flat(RED, 8).toColourspace("cmyk").jpeg({ quality: 100 }).toBuffer(),
      "a/grey.jpeg": await flat([90, 90, 90], 8).toColourspace("b-w").jpeg({ quality: 100 }).toBuffer(),
      "a/sixteen.png": await flat(BLUE, 8).toColourspace("rgb16").png().toBuffer(),
      "a/transparent.png": half,
      "a/turned.png": await upright.png().toBuffer(),
      "b/plain.webp": await flat(RED, 8).webp({ lossless: true }).toBuffer(),
      "b/other.webp": await flat(RED, 8).webp({ lossless: true }).toBuffer(),
      "b/__not_a_picture.txt": "left alone",
    });
    const { train, test } = await openDataset(folder, { size: [8, 8], testPart: 0.0001 });
    expect(train.shape).toEqual([8, 8, 3]);
    const all = [train, test].flatMap((set) =>
      Array.from({ length: set.length }, (_, n) => [...set.images.subarray(n * 192, (n + 1) * 192)]),
    );
    const near = (picture: readonly number[], colour: Colour) =>
      picture.every((v, i) => Math.abs(v - colour[i % 3]!) <= 30);
    const count = (colour: Colour) => all.filter((picture) => near(picture, colour)).length;
    expect([count([90, 90, 90]), count(BLUE), count([255, 255, 255]), count(RED)]).toEqual([1, 1, 1, 3]);
    // Turned a quarter: red, the left half, comes to lie above blue.
    const turned = all.filter((picture) => near(picture.slice(0, 24), RED) && near(picture.slice(168), BLUE));
    expect(turned.length).toBe(1);
  });

  it("takes the usual size where sizes differ, and one channel where all are grey", async () => {
    const folder = temporaryFolder();
    const grey = (side: number) => flat([side, side, side], side).toColourspace("b-w").png().toBuffer();
    for (const [index, side] of [4, 4, 9].entries())
      write(folder, {
        [`a/${index}.png`]: await grey(side),
        [`b/${index}.png`]: await grey(side),
      });
    const shapeOf = async (options: OpenOptions) =>
      (await openDataset(folder, { testPart: 0.01, ...options })).train.shape;
    expect(await shapeOf({})).toEqual([4, 4, 1]);
    expect(await shapeOf({ usualSize: [5, 7] })).toEqual([5, 7, 1]);
    expect(await shapeOf({ usualSize: [5, 7], size: [3, 3], channels: 3 })).toEqual([3, 3, 3]);
  });

  it("leaves broken pictures out up to a limit, and names them", async () => {
    const folder = await halves();
    write(folder, {
      "train/blue/broken.png": (await png(BLUE, 40)).subarray(0, 90),
      "train/red/none.jpg": "no picture",
    });
    await expect(openDataset(folder)).rejects.toThrow(
      /train: more than 0 of 5 pictures cannot be read: .*broken.png: is damaged or cut off.*allow more by --max-broken/,
    );
    const notes: string[] = [];
    const { train } = await openDataset(folder, { maxBroken: { count: 2 }, note: (text) => notes.push(text) });
    expect([...train.labels]).toEqual([0, 1, 1]);
    expect([...train.images.subarray(0, 3), ...train.images.subarray(108, 111)]).toEqual([...BLUE, ...RED]);
    expect(train.report?.broken.map(({ name }) => name.slice(folder.length))).toEqual([
      "/train/blue/broken.png",
      "/train/red/none.jpg",
    ]);
    expect(notes.length).toBe(3);
    expect(notes[2]).toContain("2 of 5 pictures could not be read and are left out");
    await expect(openDataset(folder, { maxBroken: { part: 0.2 } })).rejects.toThrow(/more than 1 of 5/);
  });

  it("is refused where its classes cannot be learned", async () => {
    const folder = await halves();
    mkdirSync(join(folder, "train/green"));
    await expect(openDataset(folder)).rejects.toThrow(
      /train: no pictures \(PNG, JPEG, WebP, GIF, TIFF, AVIF, BMP or PNM\) of the class green; add some/,
    );
    rmSync(join(folder, "train/green"), { recursive: true });
    write(folder, { "val/violet/x.png": await png(RED) });
    await expect(openDataset(folder)).rejects.toThrow(/val: violet has no folder of the same name/);
    rmSync(join(folder, "train/red"), { recursive: true });
    await expect(openDataset(folder)).rejects.toThrow(/train: has one class only, "blue"; a network needs two/);
    rmSync(join(folder, "train"), { recursive: true });
    await expect(openDataset(folder)).rejects.toThrow(/has a folder val but none called train/);
    write(folder, { "readme.txt": "nothing" });
    rmSync(join(folder, "val"), { recursive: true });
    await expect(openDataset(folder)).rejects.toThrow(
      /no data set is recognised in it \(readme.txt\); expected a sub-folder a class/,
    );
    await expect(openDataset("pictures:")).rejects.toThrow(/names no folder; expected pictures:FOLDER/);
  });

  it("is refused before it is decoded where it would not fit into memory", async () => {
    const folder = await halves();
    await expect(openDataset(folder, { size: [60000, 60000], stream: false })).rejects.toThrow(
      /3 pictures of 60000x60000x3 take 30\.2 GiB, but at most 2 GiB are held in memory; leave pictures on disk \(--stream\), or choose a smaller --size, such as \d+$/,
    );
    await expect(openDataset(folder, { size: [60000, 60000] })).rejects.toThrow(
      /train: a picture of 60000x60000x3 takes 10\.1 GiB; choose a smaller --size$/,
    );
  });
});

describe("tar shards", () => {
  it("with a folder a class", async () => {
    const folder = temporaryFolder();
    write(folder, {
      "train-000.tar": tar([
        ["01/x.png", await png(RED)],
        ["00/y.JPEG", await png(BLUE)],
      ]),
      "train-001.tar": tar([
        ["./01/z.png", await png([1, 2, 3])],
        ["01/._z.png", "left by another system"],
      ]),
      "val.tar": tar([["00/v.png", await png([9, 9, 200])]]),
      "classes.txt": "sea, ocean\nfire\n",
    });
    const { train, test } = await openDataset(folder);
    expect(train.classes).toEqual(["sea, ocean", "fire"]);
    expect([...train.labels, ...test.labels]).toEqual([1, 0, 1, 0]);
    expect([0, 1, 2].map((n) => [...train.images.subarray(n * 108, n * 108 + 3)])).toEqual([RED, BLUE, [1, 2, 3]]);
    expect((await openDataset(`shards:${folder}`)).test.images).toEqual(test.images);
    write(folder, { "classes.txt": "sea\n" });
    await expect(openDataset(folder)).rejects.toThrow(/class folder 01 is out of range; its list names 1 classes/);
  });

  it("in WebDataset's naming, one archive split in two", async () => {
    const files: [string, Uint8Array | string][] = [];
    for (let i = 0; i < 12; i++)
      files.push([`set/${i}.cls`, `${i % 3}\n`], [`set/${i}.seg.png`, await png([i, i % 3, 7], 2)]);
    const folder = temporaryFolder();
    write(folder, { "all.tar": tar(files) });
    const { train, test } = await openDataset(join(folder, "all.tar"), { testPart: 0.25 });
    expect([train.length, test.length, ...train.classes]).toEqual([8, 4, "0", "1", "2"]);
    for (let n = 0; n < 8; n++) expect(train.images[n * 12 + 1]).toBe(train.labels[n]);
    expect([...new Set(test.labels)].sort()).toEqual([0, 1, 2]);
  });

  it("are refused where they are cut short, or labels are missing or out of range", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "a.tar");
    const good: [string, Uint8Array | string][] = [
      ["0.png", await png(RED)],
      ["0.cls", "0"],
      ["1.png", await png(RED)],
      ["1.cls", "1"],
    ];
    const refused = async (bytes: Uint8Array, why: RegExp) => {
      writeFileSync(path, bytes);
      await expect(openDataset(path)).rejects.toThrow(why);
    };
    await refused(tar(good).subarray(0, 1200), /a\.tar: the tar archive is cut short at offset/);
    await refused(tar(good.slice(0, 3)), /a\.tar: 1\.png: has no label: there is no 1\.cls/);
    await refused(tar([...good.slice(0, 3), ["1.cls", "cat"]]), /1\.cls: is "cat"; expected a label in digits/);
    await refused(
      tar([["0.png", await png(RED)]]),
      /0\.png: has no class: expected CLASS\/0\.png, or a label in 0\.cls/,
    );
    await refused(
      tar([["readme", "x"]]),
      /a\.tar: there are no pictures \(PNG, .*\) to learn from in it, but 1 without an ending, such as .*a\.tar: readme$/,
    );
    write(folder, { "classes.json": `["only", "these"]` });
    await refused(
      tar([...good, ["2.png", await png(RED)], ["2.cls", "2"]]),
      /2\.png: label 2 is out of range; expected 0 to 1/,
    );
    write(folder, { "classes.json": `{"no": "list"}` });
    await refused(tar(good), /classes\.json: expected a list of class names/);
  });

  const real = join(process.env["FOVEA_DATA"] ?? "../shared/data", "tiny-imagenet-20");
  it.skipIf(!existsSync(real))("of the real Tiny-ImageNet, 20 classes (skipped without FOVEA_DATA)", async () => {
    const { train, test } = await openDataset(`shards:${real}/val.tar`, { size: [8, 8], maxBroken: { count: 0 } });
    expect([train.length + test.length, train.classes.length, ...train.shape]).toEqual([1000, 20, 8, 8, 3]);
    expect(train.classes[0]).toContain("goldfish");
    expect(train.report?.sizes).toEqual(new Map([["64x64", train.length]]));
    expect(Math.abs(test.length - 100)).toBeLessThan(30);
    expect(new Set(test.labels).size).toBe(20);
  });
});

it("reads limits and sizes as they are written", () => {
  expect(["0", "20", "0.1%"].map(parseBrokenLimit)).toEqual([{ count: 0 }, { count: 20 }, { part: 0.001 }]);
  expect(() => parseBrokenLimit("0.5")).toThrow(
    "--max-broken 0.5: expected a number of pictures, or a part such as 0.1%",
  );
  expect([parseSize("224"), parseSize("120x160")]).toEqual([
    [224, 224],
    [120, 160],
  ]);
  expect(() => parseSize("big")).toThrow("--size big: expected pixels such as 224, or HEIGHTxWIDTH");
});
