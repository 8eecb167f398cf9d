/** CIFAR's binary files and sheets, small ones made here; and the real sheets, where they are. */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { openDataset } from "#fovea/data/open-node.js";
import { measureScaling } from "#fovea/data/sets/dataset.js";
import { temporaryFolder } from "../support/temporary.js";

/** Red, green and blue of pixel (y, x) of picture n. */
const red = (n: number, y: number, x: number) => (n * 7 + y * 5 + x) % 256;
const green = (n: number, y: number, x: number) => (n * 7 + y * 5 + x + 80) % 256;
const blue = (n: number, y: number, x: number) => (n * 7 + y * 5 + x + 160) % 256;

function records(labels: readonly (readonly number[])[], first: number): Uint8Array {
  return Uint8Array.from(
    labels.flatMap((label, i) => [
      ...label,
      ...[red, green, blue].flatMap((channel) =>
        Array.from({ length: 1024 }, (_, p) => channel(first + i, Math.floor(p / 32), p % 32)),
      ),
    ]),
  );
}

function writeCifar10(): string {
  const folder = temporaryFolder();
  for (let n = 1; n <= 5; n++) writeFileSync(join(folder, `data_batch_${n}.bin`), records([[n], [9 - n]], 2 * n));
  writeFileSync(join(folder, "test_batch.bin"), records([[3]], 50));
  return folder;
}

describe("CIFAR's binary files", () => {
  it("are read in order, planes into pixels", async () => {
    const folder = writeCifar10();
    const { train, test } = await openDataset(folder);
    expect(train.shape).toEqual([32, 32, 3]);
    expect([...train.labels]).toEqual([1, 8, 2, 7, 3, 6, 4, 5, 5, 4]);
    expect(train.classes[9]).toBe("truck");
    const at = ((3 * 32 + 4) * 32 + 5) * 3; // picture 3 is the second of batch 2, so number 5
    expect([...train.images.subarray(at, at + 3)]).toEqual([red(5, 4, 5), green(5, 4, 5), blue(5, 4, 5)]);
    expect([...test.labels]).toEqual([3]);
    expect(test.mean).toEqual([0.4914, 0.4822, 0.4465]);
    expect((await openDataset(`cifar10:${folder}`)).test.images).toEqual(test.images);
  });

  it("of CIFAR-100 have two labels", async () => {
    const folder = temporaryFolder();
    writeFileSync(
      join(folder, "train.bin"),
      records(
        [
          [19, 99],
          [0, 4],
        ],
        0,
      ),
    );
    writeFileSync(join(folder, "test.bin"), records([[7, 50]], 9));
    const { train, test } = await openDataset(folder);
    expect([train.classes.length, ...train.labels, ...test.labels]).toEqual([100, 99, 4, 50]);
    expect(test.images[3]).toBe(red(9, 0, 1));
    const coarse = await openDataset(`cifar100-coarse:${folder}`);
    expect([coarse.train.classes.length, ...coarse.train.labels, ...coarse.test.labels]).toEqual([20, 19, 0, 7]);
  });

  it("are refused where one is missing, cut short or has a label out of range", async () => {
    const folder = writeCifar10();
    writeFileSync(join(folder, "test_batch.bin"), records([[10]], 0));
    await expect(openDataset(folder)).rejects.toThrow(
      /test_batch.bin: label 10 of picture 0 is out of range; expected 0 to 9/,
    );
    writeFileSync(join(folder, "test_batch.bin"), records([[1]], 0).subarray(0, 3000));
    await expect(openDataset(folder)).rejects.toThrow(
      /test_batch.bin: has 3000 bytes, which are no whole number of records of 3073/,
    );
    rmSync(join(folder, "test_batch.bin"));
    rmSync(join(folder, "data_batch_2.bin"));
    await expect(openDataset(folder)).rejects.toThrow(
      /data_batch_2.bin, test_batch.bin missing; expected the binary version of cifar10/,
    );
  });
});

describe("sheets", () => {
  /** Each picture 8x8 of one colour: (10 n, n, 200). */
  async function writeSheet(path: string, rows: number, columns: number, first: number) {
    const [width, height] = [8 * columns, 8 * rows];
    const pixels = new Uint8Array(width * height * 3);
    for (let i = 0; i < width * height; i++) {
      const n = first + Math.floor(Math.floor(i / width) / 8) * columns + Math.floor((i % width) / 8);
      pixels.set([10 * n, n, 200], 3 * i);
    }
    await sharp(pixels, { raw: { width, height, channels: 3 } })
      .png()
      .toFile(path);
  }

  async function writeSheets(): Promise<string> {
    const folder = temporaryFolder();
    await writeSheet(join(folder, "train_00.png"), 2, 3, 0);
    await writeSheet(join(folder, "train_01.png"), 1, 4, 6);
    await writeSheet(join(folder, "test_00.png"), 1, 2, 20);
    writeFileSync(join(folder, "train_labels.bin"), Uint8Array.from([0, 1, 2, 0, 1, 2, 0, 1, 2, 0]));
    writeFileSync(join(folder, "test_labels.bin"), Uint8Array.of(2, 1));
    writeFileSync(join(folder, "classes.json"), `["a", "b", "c"]`);
    return folder;
  }

  it("are cut into pictures, whose size their number tells", async () => {
    const { train, test } = await openDataset(await writeSheets());
    expect([train.shape, train.length, train.classes]).toEqual([[8, 8, 3], 10, ["a", "b", "c"]]);
    for (let n = 0; n < 10; n++) {
      const picture = [...train.images.subarray(n * 192, (n + 1) * 192)];
      expect(picture).toEqual(Array.from({ length: 64 }, () => [10 * n, n, 200]).flat());
    }
    expect([...test.labels, test.images[0], test.images[192]]).toEqual([2, 1, 200, 210]);
    expect(train.mean).toEqual(measureScaling(train.images, 3).mean);
    expect(test.mean).toEqual(train.mean);
  });

  it("are refused where labels do not fit them", async () => {
    const folder = await writeSheets();
    writeFileSync(join(folder, "test_labels.bin"), Uint8Array.of(2, 3));
    await expect(openDataset(folder)).rejects.toThrow(/label 3 of item 1 is out of range; expected 0 to 2/);
    writeFileSync(join(folder, "test_labels.bin"), Uint8Array.of(2, 1, 0));
    await expect(openDataset(folder)).rejects.toThrow(/has 3 labels, which do not fit 1 sheets/);
  });

  const real = join(process.env["FOVEA_DATA"] ?? "../shared/data", "cifar10");
  it.skipIf(!existsSync(real))(
    "of the real CIFAR-10 have its 60,000 pictures (skipped without FOVEA_DATA)",
    async () => {
      const { train, test } = await openDataset(`cifar10:${real}`);
      expect([train.length, test.length, ...train.shape]).toEqual([50_000, 10_000, 32, 32, 3]);
      expect(train.classes[3]).toBe("cat");
      const measured = measureScaling(train.images, 3);
      for (let c = 0; c < 3; c++) expect(measured.mean[c]).toBeCloseTo(train.mean[c]!, 3);
      const counts = new Array<number>(10).fill(0);
      for (const label of test.labels) counts[label]!++;
      expect(counts).toEqual(new Array(10).fill(1000));
    },
  );
});
