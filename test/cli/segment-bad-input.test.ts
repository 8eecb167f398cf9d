/** What `fovea segment` says of data that is wrong: the file, the place, what was expected, what to do; and it leaves nothing behind. */
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { fovea } from "../support/cli.js";
import { temporaryFolder } from "../support/temporary.js";

const [HEIGHT, WIDTH] = [6, 8];
const CLASSES = {
  classes: [
    { name: "sky", color: [0, 0, 255] },
    { name: "ground", color: [90, 60, 0] },
  ],
  ignore: [{ name: "void", color: [0, 0, 0], value: 9 }],
};

const picture = (height = HEIGHT, width = WIDTH) =>
  sharp(Buffer.alloc(height * width * 3, 77), { raw: { height, width, channels: 3 } })
    .png()
    .toBuffer();
const labels = (values: readonly number[], width = WIDTH) =>
  sharp(Buffer.from(values), { raw: { width, height: values.length / width, channels: 1 } })
    .toColourspace("b-w")
    .png()
    .toBuffer();
const GOOD = Array.from({ length: HEIGHT * WIDTH }, (_, i) => (i < 20 ? 0 : 1));

/** A good set of two pictures a half, changed. */
async function folder(change: (at: string) => Promise<unknown>): Promise<string> {
  const at = temporaryFolder();
  for (const part of ["train", "val"]) {
    await mkdir(join(at, "land", part), { recursive: true });
    await mkdir(join(at, "land", `${part}annot`));
    for (const name of ["a", "b"]) {
      await writeFile(join(at, "land", part, `${name}.png`), await picture());
      await writeFile(join(at, "land", `${part}annot`, `${name}.png`), await labels(GOOD));
    }
  }
  await writeFile(join(at, "land", "classes.json"), JSON.stringify(CLASSES));
  await change(join(at, "land"));
  return at;
}

const put = async (path: string, bytes: Promise<Buffer>) => writeFile(path, await bytes);
const outside = GOOD.map((label, i) => (i === 19 ? 5 : label));

describe.each<[what: string, change: (at: string) => Promise<unknown>, says: RegExp]>([
  [
    "a label outside the class list",
    (at) => put(join(at, "trainannot", "b.png"), labels(outside)),
    /land\/trainannot\/b\.png: the label 5 at row 2, column 3 is outside the class list \(0 to 9\); add it to classes, or to ignore/,
  ],
  [
    "a picture and labels of different size",
    (at) => put(join(at, "valannot", "a.png"), labels(GOOD.slice(8))),
    /land\/valannot\/a\.png: is 5x8, but its picture .*land\/val\/a\.png is 6x8; expected the same height and width/,
  ],
  [
    "a picture without labels",
    (at) => put(join(at, "train", "c.png"), picture()),
    /land\/train holds 3 pictures and .*land\/trainannot 2: "c" of .*land\/train has no partner in .*trainannot; expected one of the same name for each/,
  ],
  [
    "labels without a picture",
    (at) => rm(join(at, "val", "b.png")),
    /land\/val holds 1 pictures and .*land\/valannot 2: "b" of .*land\/valannot has no partner in .*val; expected one of the same name for each/,
  ],
  [
    "two pictures of one name",
    (at) => put(join(at, "train", "a.webp"), picture()),
    /land\/train: holds a\.png and a\.webp, which have the same name; expected one file a scene: rename or remove one/,
  ],
  [
    "a picture all of which is ignored",
    (at) => put(join(at, "trainannot", "a.png"), labels(GOOD.map(() => 9))),
    /land\/train\/a\.png: none of its 48 pixels has a label \(all are ignored\), .*; label some of it, or leave it out/,
  ],
  [
    "a picture of one pixel",
    async (at) => {
      await put(join(at, "train", "a.png"), picture(1, 1));
      await put(join(at, "trainannot", "a.png"), labels([0], 1));
    },
    /land\/train\/a\.png: is a single pixel, which shows nothing/,
  ],
  [
    "palette labels without a class list",
    async (at) => {
      await rm(join(at, "classes.json"));
      const colours = sharp(Buffer.alloc(HEIGHT * WIDTH * 3, 9), {
        raw: { height: HEIGHT, width: WIDTH, channels: 3 },
      });
      await put(join(at, "trainannot", "a.png"), colours.png({ palette: true }).toBuffer());
    },
    /land\/trainannot\/a\.png: is a palette PNG, whose colours have no names, and there is no classes\.json .*; write one .*, or name it with --classes/,
  ],
  [
    "labels that are no PNG",
    async (at) => {
      await rm(join(at, "valannot", "a.png"));
      await put(
        join(at, "valannot", "a.jpg"),
        sharp(await labels(GOOD))
          .jpeg()
          .toBuffer(),
      );
    },
    /land\/valannot\/a\.jpg: is not a PNG file; labels must be exact, which other formats are not: save it as PNG/,
  ],
])("%s", (_, change, says) => {
  it("is refused by name before anything is written", async () => {
    const at = await folder(change);
    const { code, stdout, stderr } = await fovea(["segment", "train", "unet", "--data", "land", "--out", "run"], at);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(stderr).toMatch(says);
    expect(stdout).toBe("");
    expect(code).toBe(1);
    expect(await readdir(at)).toEqual(["land"]);
  });
});

it("a picture of one pixel is named and skipped where others are labelled", async () => {
  const at = await folder(() => Promise.resolve());
  const train = ["segment", "train", "unet", "--data", "land", "--option", "widths=4,4", "--epochs", "1"];
  expect((await fovea([...train, "--out", "run"], at)).stderr).toBe(
    "fovea: the test pictures are the training pictures: their accuracy says nothing about other pictures; keep some pictures apart\n",
  );
  await put(join(at, "dot.png"), picture(1, 1));
  await put(join(at, "row.png"), picture(1, 5));
  const { code, stdout, stderr } = await fovea(["segment", "predict", "run", "dot.png", "row.png", "--labels"], at);
  expect(code).toBe(1);
  expect(stderr).toBe("fovea: dot.png: is a single pixel, which shows nothing\n");
  expect(stdout).toContain("row.png:");
  expect((await readdir(at)).sort()).toEqual(["dot.png", "land", "row.labels.png", "row.png", "run"]);

  // A class list of other names is not what the network was trained for.
  const other = { ...CLASSES, classes: CLASSES.classes.map((entry, i) => ({ ...entry, name: `class ${i}` })) };
  await writeFile(join(at, "other.json"), JSON.stringify(other));
  const measured = await fovea(["segment", "eval", "run", "--classes", "other.json", "--report", "report.html"], at);
  expect(measured.code).toBe(1);
  expect(measured.stderr).toContain('class 0 is "class 0", but the model was trained to call it "sky"');
  expect(await readdir(at)).not.toContain("report.html");
});
