/** Sets on disk: what their streams give, whoever computes it, and what happens to pictures that are broken, gone or too small. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BackendError, DataError, FileError } from "#fovea/base/errors.js";
import type { Transform } from "#fovea/data/augment/augment.js";
import { compileAugmentation } from "#fovea/data/augment/augment.js";
import { fillDistorted } from "#fovea/data/augment/distort.js";
import { DISTORT_DEFAULTS } from "#fovea/data/augment/distort-options.js";
import { pictureOf } from "#fovea/data/augment/fill.js";
import { LoaderPool } from "#fovea/data/loader/pool-node.js";
import { openDataset } from "#fovea/data/open-node.js";
import { fillBatch } from "#fovea/data/sets/batch.js";
import type { Dataset } from "#fovea/data/sets/dataset.js";
import type { StreamOptions } from "#fovea/data/sets/stream.js";
import { damaged, jpegOf, put, writePictureFolder } from "../support/picture-folder.js";
import { tar } from "../support/tar.js";
import { temporaryFolder } from "../support/temporary.js";

const CROP: readonly Transform[] = [
  { kind: "randomResizedCrop", scale: [0.2, 1], ratio: [0.75, 4 / 3] },
  { kind: "flip", mode: "random", probability: 0.5 },
  { kind: "colorJitter", brightness: 0.3, contrast: 0.3, saturation: 0.3, hue: 0 },
];

/** What a stream makes of pictures of a set. */
async function filled(
  data: Dataset,
  indices: readonly number[],
  epoch: number,
  options: Partial<StreamOptions> = {},
): Promise<{ images: Float32Array; labels: number[]; replaced: readonly number[] }> {
  const { mean, std, shape } = data;
  const target = options.target ?? shape;
  const stream = data.stream!({ target, mean, std, seed: 5, ...options });
  const images = new Float32Array(indices.length * target[0]! * target[1]! * target[2]!);
  const labels = new Int32Array(indices.length);
  try {
    const replaced = await stream.fill(Uint32Array.from(indices), epoch, images, labels);
    return { images, labels: [...labels], replaced };
  } finally {
    await stream.close();
  }
}

/** Compared without the long list of differences that a test would else print. */
const same = (a: Float32Array, b: Float32Array) => Buffer.compare(bitsOf(a), bitsOf(b)) === 0;
const bitsOf = (numbers: Float32Array) => Buffer.from(numbers.slice().buffer);

let folder: string;
/** 3 classes of 8 pictures of several sizes, and 2 a class to measure with. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "fovea-test-"));
  const sizeOf = (n: number) =>
    [
      [40, 48],
      [64, 40],
      [33, 57],
    ][n % 3] as [number, number];
  await writePictureFolder(folder, { classes: 3, train: 8, test: 2, sizeOf });
});
afterAll(() => rmSync(folder, { recursive: true }));

const onDisk = (workers: number, from = folder) => openDataset(from, { stream: true, size: [32, 32], workers });

describe("a set on disk", () => {
  it("is described as the same set in memory, and gives the same numbers", async () => {
    const disk = await onDisk(0);
    const held = await openDataset(folder, { size: [32, 32] });
    for (const half of ["train", "test"] as const) {
      const { images, stream, contents, report, ...facts } = disk[half];
      const { images: pixels, report: before, ...others } = held[half];
      expect(facts).toEqual(others);
      expect([images.length, pixels.length]).toEqual([0, held[half].length * 3072]);
      expect(report).toEqual(before);
      expect([typeof stream, contents?.length]).toEqual(["function", 32]);
    }
    const order = [23, 0, 7, 7, 12];
    const numbers = new Float32Array(5 * 3072);
    const labels = new Int32Array(5);
    fillBatch(held.train, order, numbers, labels);
    const plain = await filled(disk.train, order, 0);
    expect([same(plain.images, numbers), plain.labels, plain.replaced]).toEqual([true, [...labels], []]);
    expect([...labels]).toEqual([2, 0, 0, 0, 1]);

    fillDistorted(held.train, order, numbers, labels, [32, 32, 3], { options: DISTORT_DEFAULTS, seed: 5, epoch: 3 });
    expect(same((await filled(disk.train, order, 3, { distort: DISTORT_DEFAULTS })).images, numbers)).toBe(true);

    // Transforms that keep the size see the same 32x32 pixels.
    const transforms: readonly Transform[] = [{ kind: "padCrop", padding: 4, mode: "zero" }, CROP[1]!];
    const augmenter = compileAugmentation(transforms, [32, 32, 3], held.train);
    for (const [n, index] of order.entries()) {
      augmenter.apply(pictureOf(held.train, index), index, { seed: 5, epoch: 3 }, numbers, n * 3072);
    }
    expect(same((await filled(disk.train, order, 3, { transforms })).images, numbers)).toBe(true);
  });

  it("gives bytes of its own shape", async () => {
    const { train } = await onDisk(0);
    const held = await openDataset(folder, { size: [32, 32] });
    const stream = train.stream!({ target: [32, 32, 3], mean: [0, 0, 0], std: [1, 1, 1], seed: 0 });
    const bytes = new Uint8Array(2 * 3072);
    const labels = new Int32Array(2);
    await stream.bytes(Uint32Array.of(20, 3), bytes, labels);
    await stream.close();
    expect(bytes.subarray(0, 3072)).toEqual(held.train.images.slice(20 * 3072, 21 * 3072));
    expect(bytes.subarray(3072)).toEqual(held.train.images.slice(3 * 3072, 4 * 3072));
    expect([...labels]).toEqual([2, 0]);
  });

  it("gives the same bits with any number of workers, and others in other epochs, at other seeds and for other pictures", async () => {
    const order = [5, 23, 11, 0, 17, 2, 5];
    const options = { transforms: CROP, target: [24, 20, 3] } as const;
    const of = async (workers: number, epoch: number, seed = 5) =>
      (await filled((await onDisk(workers)).train, order, epoch, { ...options, seed })).images;
    const first = await of(0, 0);
    expect(first.some((x) => x !== 0)).toBe(true);
    for (const workers of [1, 2, 3]) expect(same(await of(workers, 0), first)).toBe(true);
    const [a, b] = [first.subarray(0, 1440), first.subarray(6 * 1440)];
    expect(same(a, b)).toBe(true); // the same picture twice
    expect(same(await of(2, 1), first)).toBe(false);
    expect(same(await of(2, 0, 6), first)).toBe(false);
  });

  it("writes straight into shared memory, from where it is told on and no further", async () => {
    const { train } = await onDisk(1);
    const memory = new Float32Array(new SharedArrayBuffer(4 * (100 + 2 * 3072 + 50))).fill(7);
    const { mean, std } = train;
    const stream = train.stream!({ target: [32, 32, 3], mean, std, seed: 5 });
    const labels = new Int32Array(2);
    await stream.fill(Uint32Array.of(9, 1), 0, memory.subarray(100, 100 + 2 * 3072), labels);
    await stream.close();
    expect(same(memory.subarray(100, 100 + 2 * 3072), (await filled(train, [9, 1], 0)).images)).toBe(true);
    expect([...memory.subarray(0, 100), ...memory.subarray(100 + 2 * 3072)].every((x) => x === 7)).toBe(true);
  });

  it("in shards is the same as in a folder", async () => {
    const files: [string, Uint8Array][] = [];
    for (let n = 0; n < 6; n++) files.push([`class${n % 2}/${n}.jpg`, await jpegOf(40, 50, n % 2, n)]);
    const shards = temporaryFolder();
    put(shards, "train.tar", tar(files));
    put(shards, "val.tar", tar(files.slice(0, 2)));
    const pictures = temporaryFolder();
    for (const [name, bytes] of files) put(pictures, `train/${name}`, bytes);
    for (const [name, bytes] of files.slice(0, 2)) put(pictures, `val/${name}`, bytes);
    const a = await openDataset(shards, { stream: true, size: [20, 20], workers: 0 });
    const b = await openDataset(pictures, { stream: true, size: [20, 20], workers: 0 });
    // Folders are read class by class, shards as they lie.
    expect([...a.train.labels]).toEqual([0, 1, 0, 1, 0, 1]);
    expect([...b.train.labels]).toEqual([0, 0, 0, 1, 1, 1]);
    const [x, y] = [
      await filled(a.train, [0, 2, 4, 1, 3, 5], 0),
      await filled({ ...b.train, mean: a.train.mean, std: a.train.std }, [0, 1, 2, 3, 4, 5], 0),
    ];
    expect(same(x.images, y.images)).toBe(true);
    // Cut short after it was opened.
    const whole = tar(files);
    writeFileSync(join(shards, "train.tar"), whole.subarray(0, whole.length / 2));
    await expect(filled(a.train, [5], 0)).rejects.toThrow(
      /train\.tar: class1\/5\.jpg: lies behind the end of its archive.*pictures must stay as they are while a network learns/,
    );
  });

  it("is chosen where memory would not do, or pictures of other sizes go through transforms", async () => {
    const isOnDisk = async (options: object) => (await openDataset(folder, options)).train.stream !== undefined;
    expect(await isOnDisk({ size: [32, 32] })).toBe(false);
    expect(await isOnDisk({ size: [32, 32], ownSize: true })).toBe(true);
    expect(await isOnDisk({ size: [32, 32], ownSize: true, stream: false })).toBe(false);
    expect(await isOnDisk({ size: [3000, 3000] })).toBe(true); // 810 MB
    const one = temporaryFolder();
    await writePictureFolder(one, { classes: 2, train: 2, test: 1, sizeOf: () => [16, 16] });
    const sizes = { ownSize: true, usualSize: [224, 224] } as const;
    expect((await openDataset(one, sizes)).train.stream).toBeUndefined();
    expect((await openDataset(one, { ...sizes, size: [24, 24] })).train.stream).toBeDefined();
  });
});

it("leaves the half alone that is not wanted", async () => {
  for (const stream of [true, false]) {
    const { train, test } = await openDataset(folder, { stream, size: [32, 32], workers: 0, half: "test" });
    expect([train.length, test.length, test.classes.length]).toEqual([0, 6, 3]);
    const other = await openDataset(folder, { stream, size: [32, 32], workers: 0, half: "train" });
    expect([other.train.length, other.test.length]).toEqual([24, 0]);
    if (stream) expect((await filled(test, [3], 0, { mean: [0, 0, 0], std: [1, 1, 1] })).labels).toEqual([1]);
  }
});

describe("pictures that are not whole", () => {
  async function withBroken() {
    const other = temporaryFolder();
    await writePictureFolder(other, { classes: 2, train: 6, test: 2, sizeOf: () => [40, 40] });
    const hidden = damaged(await jpegOf(40, 40, 0, 1));
    put(other, "train/class0/002.jpg", hidden);
    put(other, "train/class0/003.jpg", hidden);
    put(other, "train/class0/004.jpg", (await jpegOf(40, 40, 0, 2)).subarray(0, 300));
    put(other, "train/class1/005.jpg", hidden); // the last: the first takes its place
    put(other, "val/class1/000.jpg", hidden);
    return other;
  }

  it("are left out where their end is missing, replaced by the next where only decoding tells, and named once", async () => {
    const other = await withBroken();
    const notes: string[] = [];
    const options = { stream: true, workers: 0, maxBroken: { count: 4 }, note: (text: string) => notes.push(text) };
    const { train, test } = await openDataset(other, options);
    expect([...train.labels]).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
    expect(train.report?.broken.map(({ name }) => name)).toEqual([join(other, "train/class0/004.jpg")]);
    expect(notes.map((note) => note.replaceAll(other, ""))).toEqual([
      "fovea: /train/class0/004.jpg: is damaged or cut off: Input buffer has corrupt header: VipsJpeg: premature end of JPEG image; left out",
      "fovea:  train: 1 of 12 pictures could not be read and are left out",
    ]);
    notes.length = 0;
    // 2 and 3 are broken, and 4 follows, the sixth file; 10 is broken, and the first picture follows.
    const { images, labels, replaced } = await filled(train, [1, 2, 3, 10, 4], 0);
    expect(replaced).toEqual([1, 2, 3]);
    expect(labels).toEqual([0, 0, 0, 0, 0]);
    const good = await filled(train, [1, 4, 4, 0, 4], 0);
    expect(same(images, good.images)).toBe(true);
    expect(notes.map((note) => note.replaceAll(other, "").slice(0, 60)).sort()).toEqual([
      "fovea: /train/class0/002.jpg: is damaged or cut off: VipsJpe",
      "fovea: /train/class0/003.jpg: is damaged or cut off: VipsJpe",
      "fovea: /train/class1/005.jpg: is damaged or cut off: VipsJpe",
    ]);
    expect(notes[0]).toContain("the next one takes its place");
    expect((await filled(train, [10, 3, 2, 1], 1)).replaced).toEqual([0, 1, 2]);
    expect(notes.length).toBe(3);
    // Random draws are of the place in the set, not of the picture that stands there.
    const transforms = CROP;
    const a = await filled(train, [2, 4], 0, { transforms });
    expect(same(a.images.subarray(0, 4800), a.images.subarray(4800))).toBe(false);
    expect((await filled(test, [0, 1, 2, 3], 0)).replaced).toEqual([2]);
  });

  it("end training where there are more than may be", async () => {
    const other = await withBroken();
    const { train } = await openDataset(other, { stream: true, workers: 0, maxBroken: { count: 3 } });
    await filled(train, [2, 3], 0);
    const late = filled(train, [10], 0);
    await expect(late).rejects.toThrow(DataError);
    await expect(late).rejects.toThrow(
      /train: more than 3 of 12 pictures cannot be read: .*004\.jpg.*002\.jpg.*003\.jpg.*005\.jpg.*allow more by --max-broken/,
    );
    await expect(openDataset(other, { stream: true, workers: 0 })).rejects.toThrow(
      /more than 0 of 12 pictures cannot be read/,
    );
  });

  it("end training where they have gone", async () => {
    const other = temporaryFolder();
    await writePictureFolder(other, { classes: 2, train: 3, test: 1, sizeOf: () => [40, 40] });
    const { train } = await openDataset(other, { stream: true, workers: 2, maxBroken: { part: 1 } });
    rmSync(join(other, "train/class1/000.jpg"));
    const gone = filled(train, [0, 1, 2, 3], 0);
    await expect(gone).rejects.toThrow(FileError);
    await expect(gone).rejects.toThrow(
      /train\/class1\/000\.jpg: no such file; pictures must stay as they are while a network learns from them/,
    );
  });

  it("are refused before anything is learned where they are smaller than a crop", async () => {
    const { train } = await onDisk(0);
    const open = () =>
      train.stream!({
        target: [36, 36, 3],
        mean: train.mean,
        std: train.std,
        seed: 0,
        transforms: [{ kind: "randomCrop" }],
      });
    expect(open).toThrow(DataError);
    expect(open).toThrow(/class0\/002\.jpg: .*33x57.*36x36/);
  });
});

describe("workers", () => {
  const place = (path: string) => ({ name: path, place: { path }, index: 0 });

  it("that die reject all that was asked, and the loader says so from then on", async () => {
    const pool = new LoaderPool(2);
    const recipe = pool.learn({ kind: "bytes", shape: [8, 8, 3] });
    const chunk = { recipe, buffer: -1, offset: 0, epoch: 0, pictures: [place(join(folder, "train/class0/000.jpg"))] };
    // No memory was shared: the worker cannot write.
    const asked = await Promise.allSettled([pool.run(chunk), pool.run(chunk), pool.run(chunk)]);
    for (const one of asked) {
      expect(String((one as PromiseRejectedResult).reason)).toMatch(/worker \d of 2 of the loader died: RangeError/);
    }
    await expect(pool.run(chunk)).rejects.toThrow(BackendError);
    await pool.close();
  });

  it("that are closed reject what is under way, and start again", async () => {
    const pool = new LoaderPool(1);
    const recipe = pool.learn({ kind: "head" });
    const chunk = { recipe, buffer: -1, offset: 0, epoch: 0, pictures: [place(join(folder, "train/class0/000.jpg"))] };
    const asked = pool.run(chunk);
    await pool.close();
    await expect(asked).rejects.toThrow("the loader was closed");
    expect(await pool.run(chunk)).toMatchObject([{ height: 40, width: 48, grey: false }]);
    await pool.close();
    expect(() => new LoaderPool(1.5)).toThrow("workers is 1.5, expected a whole number from 0 to 256");
  });

  it("that have nothing to do let the process end", () => {
    const modules = new URL("../../dist/data/", import.meta.url).href;
    const script = `
      const { openDataset } = await import("${modules}open-node.js");
      const { train } = await openDataset(${JSON.stringify(folder)}, { stream: true, size: [8, 8], workers: 2 });
      const stream = train.stream({ target: [8, 8, 3], mean: train.mean, std: train.std, seed: 0 });
      await stream.fill(Uint32Array.of(0, 1), 0, new Float32Array(384), new Int32Array(2));
      console.log("filled");`;
    const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
      timeout: 5 * 60_000,
    });
    expect([status, stdout, stderr]).toEqual([0, "filled\n", ""]);
  });
});
