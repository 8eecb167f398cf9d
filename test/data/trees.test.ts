/** Folders as people and systems leave them, on disk and as archives: links, hidden files, names twice, and what is no file at all. */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { openDataset } from "#fovea/data/open-node.js";
import { findClassFolders } from "#fovea/data/sources/class-folders-node.js";
import { findPictures } from "#fovea/data/sources/picture-files-node.js";
import { findShards } from "#fovea/data/sources/shards-node.js";
import { readWholeFile } from "#fovea/host/read-node.js";
import { contentsOf, outlineOfTar, outlineOnDisk, pictures, writeTree } from "../support/found.js";
import { type Random, random } from "../support/random.js";
import { tar } from "../support/tar.js";
import { temporaryFolder } from "../support/temporary.js";

const folderOf = (files: readonly string[]) => writeTree(temporaryFolder(), files);
const both = (half: string, n: number) => [...pictures(`${half}cat`, n), ...pictures(`${half}dog`, n)];
const HIDDEN = [".DS_Store", "._p0.png", "Thumbs.db", "desktop.ini", ".ipynb_checkpoints/p0-checkpoint.png"];
const HIDDEN_FOLDERS = [
  "@eaDir/p0.png/SYNOPHOTO_THUMB_M.jpg",
  "__MACOSX/cat/._p0.png",
  ".git/x.png",
  "$RECYCLE.BIN/a.png",
];

const packed = (folder: string, format: string): string => {
  const path = join(temporaryFolder(), "packed.tar");
  execFileSync("tar", [`--format=${format}`, "-cf", path, "-C", folder, "."]);
  return path;
};

async function writePngs(folder: string, names: readonly string[]): Promise<void> {
  const png = await sharp({ create: { width: 4, height: 4, channels: 3, background: "red" } })
    .png()
    .toBuffer();
  for (const name of names) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), png);
  }
}

describe("random trees", () => {
  /** Files, and what they come to: half, class and path of each picture that counts. */
  function tree({ integer, pick, uniform }: Random) {
    const names = ["cat", "Dog", "n01440764", "été", "with space", "a.b", "train track", "7"];
    const classes = [...new Set(Array.from({ length: integer(2, 5) }, () => pick(names)))];
    if (classes.length < 2) classes.push("zebra");
    const pairs = [
      ["train", "val"],
      ["Training", "Testing"],
      ["x_train", "x_test"],
      ["TRAIN_SET", "TEST_SET"],
      ["", ""],
    ] as const;
    const [train, test] = pick(pairs);
    const wrapper = uniform() < 0.3 ? "set-1/" : "";
    const files: string[] = [];
    const expected: string[] = [];
    for (const [half, name] of train === ""
      ? [["all", ""]]
      : [
          ["train", `${train}/`],
          ["test", `${test}/`],
        ]) {
      for (const label of classes) {
        const base = `${wrapper}${name}${label}/`;
        for (let n = integer(1, 4); n >= 0; n--) {
          const path = `${pick(["", "", "deep/", "deep/er/"])}p${n}.${pick(["png", "JPG", "jfif", "webp", "bmp"])}`;
          files.push(`${base}${path}`);
          expected.push(`${half} ${label} ${label}/${path}`);
        }
        if (uniform() < 0.5) files.push(`${base}${pick(HIDDEN)}`);
        if (uniform() < 0.3) files.push(`${base}${pick(HIDDEN_FOLDERS)}`);
        if (uniform() < 0.3) files.push(`${base}notes.txt`, `${base}empty/`);
        if (uniform() < 0.2) files.push(`${base}round -> ..`, `${base}p.txt -> nowhere`);
      }
    }
    if (wrapper === "" || uniform() < 0.5) files.push(...HIDDEN.slice(0, 1), ...HIDDEN_FOLDERS.slice(0, 2));
    return { files: [...new Set(files)], expected: [...new Set(expected)].sort() };
  }

  it("come to what they were made of, on disk and packed in every way", async () => {
    for (let seed = 0; seed < 40; seed++) {
      const { files, expected } = tree(random(seed));
      const folder = folderOf(files);
      const onDisk = await findClassFolders(folder);
      const whole = expected[0]!.startsWith("all");
      const lines = (set: typeof onDisk) =>
        contentsOf(set).map((line) =>
          line.replace(/^(\w+) (\d+)/, (_, half, label) => `${whole ? "all" : half} ${set.classes[label]}`),
        );
      expect([seed, lines(onDisk).sort()]).toEqual([seed, expected]);
      const { classes } = onDisk;
      for (const format of ["v7", "ustar", "gnu", "pax"]) {
        const found = await findShards(packed(folder, format));
        expect([seed, format, found.classes, contentsOf(found)]).toEqual([seed, format, classes, contentsOf(onDisk)]);
      }
    }
  });
});

describe("links", () => {
  it("to folders and files are followed, and loops end", async () => {
    const real = folderOf([...pictures("fox", 10), ...pictures("cow", 10)]);
    const folder = folderOf([
      ...both("", 10),
      `fox -> ${real}/fox`,
      "cat/loop -> ..",
      "cat/again -> .",
      `dog/up -> ../../..`,
    ]);
    symlinkSync(join(real, "cow/p1.png"), join(folder, "dog/q.png"));
    const { classes, train, test } = await outlineOnDisk(folder);
    expect([classes, train.map((n, i) => n + test[i]!)]).toEqual([
      ["cat", "dog", "fox"],
      [10, 11, 10],
    ]);
    const links = folderOf([`train -> ${folder}`, `val -> ${folder}`]);
    expect((await outlineOnDisk(links)).test).toEqual([10, 11, 10]);
    expect(await openDataset(links, { maxBroken: { part: 1 } }).catch((error: Error) => error.message)).toMatch(
      /none of its 31 pictures/,
    );
  });

  it("in an archive lead to what lies there, hard ones too", async () => {
    const folder = folderOf([...pictures("cat", 3), ...pictures("dog", 3), "fox -> dog", "cat/q.png -> ../dog/p1.png"]);
    linkSync(join(folder, "dog/p0.png"), join(folder, "cat/hard.png"));
    const expected = contentsOf(await findClassFolders(folder));
    expect(expected.length).toBe(11);
    expect(contentsOf(await findShards(packed(folder, "gnu")))).toEqual(expected);
    const loops = folderOf([...both("", 3), "cat/a -> b", "cat/b -> a"]);
    const message = (error: Error) => error.message.replace(/^.*cat/, "");
    const [a, b] = [
      await findClassFolders(loops).catch(message),
      await findShards(packed(loops, "gnu")).catch(message),
    ];
    expect([a, b]).toEqual(["/a: is a link to b, where there is nothing; mend or remove it (and 1 more like it)", a]);
  });

  it("that lead nowhere are named: a picture as a broken one, what may have been a folder as an error", async () => {
    const folder = folderOf(["cat/x.png -> /nowhere/x.png", "cat/x.txt -> /nowhere/x.txt"]);
    await writePngs(folder, both("", 3));
    for (const path of [folder, packed(folder, "gnu")]) {
      await expect(openDataset(path)).rejects.toThrow(/x\.png: is a link to \/nowhere\/x\.png, where there is nothing/);
    }
    writeTree(folder, ["fox -> ../fox"]);
    await expect(findClassFolders(folder)).rejects.toThrow(
      `${folder}/fox: is a link to ../fox, where there is nothing; mend or remove it`,
    );
  });

  it("over and over come to an end", async () => {
    const files = both("", 2);
    for (let level = 0; level < 24; level++)
      for (const side of "ab") files.push(`cat/l${level}/${side} -> ../l${level + 1}`);
    const folder = folderOf([...files, "cat/l24/x.png"]);
    await expect(findClassFolders(folder)).rejects.toThrow(
      /links in it lead to the same \d+ folders over and over; remove some/,
    );
  });
});

describe("what is no picture", () => {
  it("is passed over where it is hidden, and counted where it is not", async () => {
    const hidden = [...HIDDEN, ...HIDDEN_FOLDERS].flatMap((name) => [name, `cat/${name}`]);
    const folder = folderOf([...both("", 10), ...hidden, "cat/a.txt", "dog/b.heic", "dog/c.heic", "dog/noending"]);
    const { classes, train, test, notes } = await findClassFolders(folder);
    expect([classes, train.pictures.length + test.pictures.length]).toEqual([["cat", "dog"], 20]);
    expect(notes).toEqual([
      `${folder}: files that are no pictures (PNG, JPEG, WebP, GIF, TIFF, AVIF, BMP or PNM) are left out: ` +
        `2 .heic, 1 .txt, 1 without an ending, such as ${folder}/cat/a.txt`,
    ]);
    expect((await findPictures([folder])).files.length).toBe(20);
    await expect(findClassFolders(folderOf([...both("", 2), "fox/a.heic", "fox/b.heic"]))).rejects.toThrow(
      /of the class fox, but 2 \.heic, such as .*fox\/a\.heic; add some, or take the class away$/,
    );
  });

  it("is told by its contents where its name has no ending", async () => {
    const png = await sharp({ create: { width: 4, height: 4, channels: 3, background: "red" } })
      .png()
      .toBuffer();
    const folder = temporaryFolder();
    for (const name of ["cat/0001", "cat/0002", "dog/0003", "dog/0004"]) {
      mkdirSync(join(folder, name, ".."), { recursive: true });
      writeFileSync(join(folder, name), png);
    }
    writeFileSync(join(folder, "dog/README"), "no picture");
    const { train, test } = await openDataset(folder);
    expect(train.length + test.length).toBe(4);
    const archive = await openDataset(packed(folder, "ustar"));
    expect(archive.train.length + archive.test.length).toBe(4);
  });

  it("is named where it is a pipe or a socket, and never waited for", async () => {
    const folder = folderOf(both("", 3));
    execFileSync("mkfifo", [join(folder, "cat/x.png"), join(folder, "pipe")]);
    const server = createServer().listen(join(folder, "dog/y.png"));
    await new Promise((ready) => server.once("listening", ready));
    const png = await sharp({ create: { width: 4, height: 4, channels: 3, background: "red" } })
      .png()
      .toBuffer();
    for (const name of both("", 3)) writeFileSync(join(folder, name), png);
    const notes: string[] = [];
    await openDataset(folder, { maxBroken: { count: 2 }, note: (text) => notes.push(text) });
    server.close();
    expect(notes.join("\n")).toMatch(/cat\/x\.png: is a pipe, not a file; left out/);
    expect(notes.join("\n")).toMatch(/dog\/y\.png: is a socket or a device, not a file; left out/);
    await expect(readWholeFile(join(folder, "pipe"))).rejects.toThrow(`${join(folder, "pipe")}: is a pipe, not a file`);
  });

  it("is named where its name is no UTF-8", async () => {
    const folder = folderOf(both("", 3));
    writeFileSync(Buffer.concat([Buffer.from(join(folder, "cat/")), Buffer.from([0xe9]), Buffer.from(".png")]), "x");
    const png = await sharp({ create: { width: 4, height: 4, channels: 3, background: "red" } })
      .png()
      .toBuffer();
    for (const name of both("", 3)) writeFileSync(join(folder, name), png);
    await expect(openDataset(folder)).rejects.toThrow(/cat\/\ufffd\.png: has a name that is not UTF-8; rename it/);
  });

  it.skipIf(process.getuid?.() === 0)("is named where it may not be read (skipped for root)", async () => {
    const folder = folderOf(both("", 3));
    chmodSync(join(folder, "dog"), 0);
    await expect(findClassFolders(folder)).rejects.toThrow(`${folder}/dog: may not be read: permission denied`);
    chmodSync(join(folder, "dog"), 0o755);
  });
});

describe("archives", () => {
  const small = (...files: string[]) => files.map((name) => [name, name] as const);
  const write = (files: readonly (readonly [string, string])[], name = "a.tar") => {
    const path = join(temporaryFolder(), name);
    writeFileSync(path, tar(files));
    return path;
  };

  it("of two files of one name hold the later one, labels too", async () => {
    const path = write([
      ...small("cat/a.png", "dog/b.png"),
      ["cat/a.png", "longer than before"],
      ...small("cat/c.png", "dog/d.png"),
    ]);
    const { train, test } = await findShards(path);
    const all = [...train.pictures, ...test.pictures];
    expect(all.map(({ path }) => path).sort()).toEqual(["cat/a.png", "cat/c.png", "dog/b.png", "dog/d.png"]);
    expect(all.find(({ path }) => path === "cat/a.png")!.place.size).toBe(18);
    const labels = write([
      ["0.png", "x"],
      ["0.cls", "0"],
      ["1.png", "x"],
      ["1.cls", "7"],
      ["1.cls", "1"],
      ["2.png", "x"],
      ["2.CLS", "1"],
    ]);
    expect((await findShards(labels)).classes).toEqual(["0", "1"]);
  });

  it("hold one picture a sample, and say which others are left out", async () => {
    const sample = (n: number) =>
      [
        [`s${n}.jpg`, "x"],
        [`s${n}.mask.png`, "x"],
        [`s${n}.cls`, String(n % 2)],
      ] as const;
    const path = write([0, 1, 2, 3].flatMap(sample));
    const { train, test, notes } = await findShards(path);
    expect([...train.pictures, ...test.pictures].map(({ path }) => path).sort()).toEqual([
      "s0.jpg",
      "s1.jpg",
      "s2.jpg",
      "s3.jpg",
    ]);
    expect(notes).toEqual([`${path}: 4 further pictures of samples, such as ${path}: s0.mask.png, are left out`]);
    await expect(findShards(write([...sample(0), ["s0.png", "x"]]))).rejects.toThrow(
      /s0\.jpg: its sample has 3 pictures \(s0\.jpg, s0\.mask\.png, s0\.png\), and none or several are called KEY\.EXTENSION/,
    );
  });

  it("may be sparse, and are put behind one another", async () => {
    const folder = folderOf(both("", 2));
    const bytes = Buffer.alloc(300_000);
    bytes.set([1, 2, 3], 100_000);
    bytes.set([4, 5], 299_998);
    for (const name of both("", 2)) {
      // With holes: tar looks for them where a file takes fewer blocks than its size.
      const file = openSync(join(folder, name), "w");
      ftruncateSync(file, bytes.length);
      writeSync(file, bytes, 100_000, 3, 100_000);
      writeSync(file, bytes, 299_998, 2, 299_998);
      closeSync(file);
    }
    for (const format of [
      ["gnu"],
      ["pax", "--sparse-version=0.0"],
      ["pax", "--sparse-version=0.1"],
      ["pax", "--sparse-version=1.0"],
    ]) {
      const path = join(temporaryFolder(), "sparse.tar");
      execFileSync("tar", [
        "-S",
        "--hole-detection=raw",
        `--format=${format[0]}`,
        ...format.slice(1),
        "-cf",
        path,
        "-C",
        folder,
        ".",
      ]);
      const { train } = await findShards(path);
      const { place, name } = train.pictures[0]!;
      const { PictureFiles } = await import("#fovea/data/decode/picture-place-node.js");
      const files = new PictureFiles();
      expect([format, place.size, Buffer.compare(files.read(place, name), bytes)]).toEqual([format, 300_000, 0]);
      expect(place.pieces!.length).toBeGreaterThan(1);
      files.close();
    }
    const joined = join(temporaryFolder(), "joined.tar");
    writeFileSync(joined, Buffer.concat([tar(small("cat/a.png", "dog/b.png")), tar(small("cat/c.png", "dog/d.png"))]));
    const { train, test } = await findShards(joined);
    expect(train.pictures.length + test.pictures.length).toBe(4);
  });

  it("by the shard tell halves apart, or hold them all alike", async () => {
    const folder = temporaryFolder();
    const put = (name: string, ...files: string[]) => writeFileSync(join(folder, name), tar(small(...files)));
    put("set-train-000.TAR", "cat/a.png", "dog/b.png");
    put("set-train-001.tar", "cat/c.png");
    put("set-val-000.tar", "cat/d.png");
    put("set-test-000.tar", "dog/e.png", "dog/f.png");
    const expected = { classes: ["cat", "dog"], train: [2, 1], val: [1, 0], test: [0, 2] };
    expect(await outlineOfTar(folder)).toEqual(expected);
    const { halves } = await findShards(folder);
    expect(halves).toEqual({ train: "set-train-00", val: "set-val-000.tar", test: "set-test-000.tar" });
    expect(await outlineOfTar(folder, { halves })).toEqual(expected);
    put("extra.tar", "cat/z.png");
    await expect(findShards(folder)).rejects.toThrow(
      /set-train-000\.TAR is called as a shard to learn from, and extra\.tar is not/,
    );
    expect((await outlineOfTar(folder, { halves: { train: "set-train,extra" } })).train).toEqual([3, 1]);
    rmSync(folder, { recursive: true });
    mkdirSync(folder);
    put("a.tar", "train/cat/a.png", "train/dog/b.png");
    put("b.tar", "train/cat/c.png", "val/dog/d.png");
    expect(await outlineOfTar(folder)).toEqual({ classes: ["cat", "dog"], train: [2, 1], test: [0, 1] });
  });

  it("never reach beyond themselves", async () => {
    const path = write([
      ["../../cat/a.png", "x"],
      ["/cat/b.png", "x"],
      ["dog/../dog/c.png", "x"],
      ["dog/d.png", "x"],
    ]);
    const { train, test } = await findShards(path);
    expect([...train.pictures, ...test.pictures].map((picture) => picture.path).sort()).toEqual([
      ...["cat/a.png", "cat/b.png", "dog/c.png", "dog/d.png"],
    ]);
    expect(readFileSync(path).length).toBeGreaterThan(0);
  });
});
