/** Which folders are taken for halves, and which for classes: by names as people write them, never by a guess. */
import { describe, expect, it } from "vitest";
import { findClassFolders } from "#fovea/data/sources/class-folders-node.js";
import { halfName, halvesAmong, wordsOf } from "#fovea/data/sources/half-names.js";
import { outlineOnDisk, pictures, writeTree } from "../support/found.js";
import { temporaryFolder } from "../support/temporary.js";

const both = (half: string, n: number) => [...pictures(`${half}/cat`, n), ...pictures(`${half}/dog`, n)];
const folderOf = (files: readonly string[]) => writeTree(temporaryFolder(), files);

describe("names", () => {
  it("are cut into words", () => {
    expect(wordsOf("ILSVRC2012_img_val")).toEqual(["ilsvrc", "2012", "img", "val"]);
    expect(wordsOf("trainImages.v2")).toEqual(["train", "images", "v", "2"]);
    expect(wordsOf("HTMLTrainSet")).toEqual(["html", "train", "set"]);
  });

  it.each([
    [
      "train",
      ["train", "Training", "TRAIN", "trn", "training_set", "TrainSet", "trainset", "train_images", "train2017"],
    ],
    [
      "train",
      ["img-train", "Train Data", "trainval", "train_val", "imgs.train", "00_train", "TrainingData", "trainingset"],
    ],
    [
      "val",
      ["val", "VALID", "validation", "dev", "val2017", "valset", "validation_split", "Val Images", "development"],
    ],
    [
      "test",
      ["test", "Testing", "tst", "eval", "Evaluation", "test1", "test_set", "testset", "TEST DATA", "test_batch"],
    ],
  ])("say %s by themselves", (kind, names) => {
    for (const name of names)
      expect([name, halfName(name)]).toEqual([name, expect.objectContaining({ kind, rest: "" })]);
  });

  it.each(["cat", "valley", "training_shoes_red", "latest", "contest", "trains", "device", "test_train", "evaluating"])(
    "say nothing: %s",
    (name) => {
      expect(halvesAmong([name, "dog"]).size).toBe(0);
    },
  );

  it.each([
    [["seg_train", "seg_test"], 2],
    [["ILSVRC2012_img_train", "ILSVRC2012_img_val"], 2],
    [["imagenette2-train", "imagenette2-val"], 2],
    [["train_station", "bus_station"], 0],
    [["test tube", "beaker"], 0],
    [["dev board", "train board"], 2],
  ])("are halves where others have the same words beside: %s", (names, count) => {
    expect(halvesAmong(names).size).toBe(count);
  });
});

describe("a folder with halves", () => {
  const expected = { classes: ["cat", "dog"], train: [8, 8], test: [4, 4] };

  it.each([
    ["Training", "Testing"],
    ["Train", "Test"],
    ["TRAIN", "VAL"],
    ["training_set", "test_set"],
    ["seg_train", "seg_test"],
    ["seg_train/seg_train", "seg_test/seg_test"],
    ["train", "dev"],
    ["train_images", "val_images"],
    ["trainset", "testset"],
    ["ILSVRC2012_img_train", "ILSVRC2012_img_val"],
    ["train2017", "val2017"],
    ["imagenette2/train", "imagenette2/val"],
    ["data/images/train", "data/images/eval"],
  ])("called %s and %s", async (train, test) => {
    const folder = folderOf([...both(train, 8), ...both(test, 4)]);
    expect(await outlineOnDisk(folder)).toEqual(expected);
  });

  it("takes val to choose by and test to measure with, as it is said", async () => {
    const folder = folderOf([...both("train", 8), ...both("val", 4), ...both("test", 2)]);
    const of = (halves: object) => outlineOnDisk(folder, { halves });
    expect(await of({})).toEqual({ ...expected, val: [4, 4], test: [2, 2] });
    expect(await of({ val: "none" })).toEqual({ ...expected, test: [2, 2] });
    expect(await of({ test: "none" })).toEqual(expected);
    expect(await of({ val: "test", test: "val" })).toEqual({ ...expected, val: [2, 2] });
    expect(await of({ train: "val", val: "none", test: "test" })).toEqual({ ...expected, train: [4, 4], test: [2, 2] });
    const split = await of({ val: "none", test: "none" });
    expect([split.train[0]! + split.test[0]!, split.val]).toEqual([8, undefined]);
    await expect(of({ test: "tests" })).rejects.toThrow(
      `--test tests: there is no such folder in ${folder}; did you mean "test"? (there: test, train, val)`,
    );
    await expect(of({ train: "none" })).rejects.toThrow("--train none: there must be pictures to learn from");
  });

  it("is found again by what was found", async () => {
    const folder = folderOf([...both("set/Training", 8), ...both("set/Testing", 4), ...both("set/dev", 2)]);
    const first = await findClassFolders(folder);
    expect(first.halves).toEqual({ train: "set/Training", val: "set/dev", test: "set/Testing" });
    expect(await findClassFolders(folder, { halves: first.halves })).toEqual({ ...first, notes: [] });
    expect(first.notes).toEqual([`${folder}: the only folder in it, set, is taken for the data set`]);
    const plain = folderOf([...both("set", 8)]);
    const { halves } = await findClassFolders(plain);
    expect(halves).toEqual({ train: "set", val: "none", test: "none" });
  });

  it("leaves halves out whose pictures have no classes, and says so", async () => {
    const folder = folderOf([...both("train", 8), ...both("val", 4), ...pictures("test", 5), ...pictures("pred", 3)]);
    const found = await findClassFolders(folder);
    expect(found.notes).toEqual([
      `${folder}/pred: is taken for pictures without labels; left out`,
      `${folder}/test: its pictures lie in no class folders, so that they tell nothing; left out`,
    ]);
    expect(await outlineOnDisk(folder)).toEqual(expected);
    await expect(findClassFolders(folder, { halves: { test: "test" } })).rejects.toThrow(
      `${folder}/test: its pictures lie in no class folders; expected test/CLASS`,
    );
    const tiny = folderOf([...both("train", 8), ...pictures("val/images", 4)]);
    expect((await findClassFolders(tiny)).notes[0]).toMatch(/val: its pictures lie in no class folders/);
  });

  it("may measure some of the classes, but none that training has not", async () => {
    const folder = folderOf([...both("train", 8), ...pictures("test/cat", 4)]);
    expect(await outlineOnDisk(folder)).toEqual({ ...expected, test: [4, 0] });
    writeTree(folder, pictures("test/Dog", 1));
    await expect(outlineOnDisk(folder)).rejects.toThrow(
      `${folder}/test: Dog has no folder of the same name in ${folder}/train: unknown to learn (there: cat, dog)`,
    );
  });

  it("takes two spellings of a name in Unicode for one", async () => {
    const folder = folderOf([
      ...pictures("train/caf\u00e9", 3),
      ...pictures("train/tea", 3),
      ...pictures("test/cafe\u0301", 2),
    ]);
    expect(await outlineOnDisk(folder)).toEqual({ classes: ["caf\u00e9", "tea"], train: [3, 3], test: [2, 0] });
  });
});

describe("a doubt is refused, with what was seen and what decides:", () => {
  const refuses = async (files: readonly string[], message: string) => {
    const folder = folderOf(files);
    await expect(outlineOnDisk(folder)).rejects.toThrow(message.replaceAll("DATA", folder));
    return folder;
  };

  it("halves beside classes", async () => {
    const folder = await refuses(
      [...both("train", 8), ...both("test", 4), ...pictures("fox", 3)],
      "DATA: test, train look like halves of a data set, but fox beside them does not; say which are halves (--train train --test test), " +
        "leave such out (--test none), or take each for a class (--train .)",
    );
    expect(await outlineOnDisk(folder, { halves: { train: "train", test: "test" } })).toEqual({
      ...{ classes: ["cat", "dog"], train: [8, 8], test: [4, 4] },
    });
    const all = await outlineOnDisk(folder, { halves: { train: "." } });
    expect(all.classes).toEqual(["fox", "test", "train"]);
  });

  it("one half beside classes", async () => {
    const folder = await refuses(
      [...pictures("cat", 8), ...pictures("dog", 8), ...pictures("test", 3)],
      "DATA: test looks like a half of a data set, but cat, dog beside it do not; say which are halves (--test test), leave such out (--test none), ",
    );
    const left = await outlineOnDisk(folder, { halves: { test: "none" } });
    expect([left.classes, left.train[0]! + left.test[0]!]).toEqual([["cat", "dog"], 8]);
    const again = await findClassFolders(folder, { halves: { test: "none" } });
    expect(await findClassFolders(folder, { halves: again.halves })).toEqual(again);
    writeTree(folder, both("holdout", 2));
    const apart = await outlineOnDisk(folder, { halves: { train: ".", test: "holdout", val: "none" } });
    expect(apart.classes).toEqual(["cat", "dog", "test"]);
  });

  it("two that look alike", async () => {
    const folder = await refuses(
      [...both("train", 8), ...both("Training", 8), ...both("test", 4)],
      "DATA: Training, train all look like the half to learn from; name the one that is, such as --train Training",
    );
    expect((await outlineOnDisk(folder, { halves: { train: "train" } })).test).toEqual([4, 4]);
    await refuses(
      [...both("train", 8), ...both("val", 8), ...both("valid", 4)],
      "the half to choose the best epoch by",
    );
  });

  it("halves in classes", async () => {
    await refuses(
      [...both("cat/train", 2), ...both("cat/test", 2), ...both("dog/train", 2), ...both("dog/test", 2)],
      "DATA/cat: holds test and train, but halves lie around classes, as test/CLASS and train/CLASS; move them, or take all of it for " +
        "pictures to learn from (--train .)",
    );
  });

  it("halves without classes, and none to learn from", async () => {
    await refuses(
      [...pictures("train", 2), ...pictures("test", 2)],
      "DATA/train: has no sub-folders with pictures; expected one a class",
    );
    await refuses(both("val", 2), "DATA: has a folder val but none called train to learn from");
  });
});

describe("folders that only sound like halves are classes:", () => {
  it("trains among vehicles", async () => {
    const folder = folderOf(["train", "car", "bus"].flatMap((name) => pictures(name, 5)));
    expect((await outlineOnDisk(folder)).classes).toEqual(["bus", "car", "train"]);
  });

  it("places and things", async () => {
    const folder = folderOf(["train_station", "test tube", "dev board"].flatMap((name) => pictures(name, 5)));
    expect((await outlineOnDisk(folder)).classes).toEqual(["dev board", "test tube", "train_station"]);
  });
});

it("says where classes look like sets of their own", async () => {
  const folder = folderOf([...both("fold1", 2), ...both("fold2", 2)]);
  const { classes, notes } = await findClassFolders(folder);
  expect(classes).toEqual(["fold1", "fold2"]);
  expect(notes).toEqual([
    `${folder}: each of its 2 folders holds cat, dog; each is taken for one class, fold1 for the first`,
  ]);
});

describe("a set in one piece", () => {
  const outline = async (folder: string) => {
    const { train, test } = await findClassFolders(folder);
    const paths = (half: typeof train) => new Set(half.pictures.map(({ path }) => path));
    return { train: paths(train), test: paths(test) };
  };

  it("keeps each picture in its half when others are added or it lies elsewhere", async () => {
    const folder = folderOf([...pictures("cat", 60), ...pictures("dog", 60)]);
    const before = await outline(folder);
    expect([...before.test].sort()).toEqual([
      ...["cat/p26.png", "cat/p29.png", "cat/p53.png", "dog/p11.png", "dog/p15.png", "dog/p30.png", "dog/p33.png"],
      ...["dog/p54.png", "dog/p6.png"],
    ]);
    writeTree(folder, ["cat/a.png", "cat/zzz.png", ...pictures("dog/more", 50), ...pictures("fox", 30)]);
    const after = await outline(folder);
    for (const half of ["train", "test"] as const)
      for (const path of before[half]) expect(after[half].has(path)).toBe(true);
    const elsewhere = await outline(folderOf([...pictures("set/cat", 60), ...pictures("set/dog", 60)]));
    expect(elsewhere).toEqual(before);
  });

  it("keeps at least one of each class in both halves, and says where there is but one", async () => {
    const small = await outlineOnDisk(folderOf([...pictures("cat", 2), ...pictures("dog", 3), ...pictures("fox", 1)]));
    expect(small).toEqual({ classes: ["cat", "dog", "fox"], train: [1, 2, 1], test: [1, 1, 0] });
    const folder = folderOf([...pictures("cat", 1), ...pictures("dog", 1)]);
    await expect(outlineOnDisk(folder)).rejects.toThrow(
      `${folder}: has one picture of each class, so that none can be kept to measure with; add some, or put some into a folder test/CLASS`,
    );
  });

  it("is split by order where a run says nothing, as such runs were", async () => {
    const folder = folderOf([...pictures("cat", 20), ...pictures("dog", 20)]);
    const { train, test } = await findClassFolders(folder, { asBefore: true });
    expect([train.pictures.length, test.pictures.map(({ path }) => path)]).toEqual([
      36,
      ["cat/p10.png", "cat/p6.png", "dog/p0.png", "dog/p8.png"],
    ]);
  });
});
