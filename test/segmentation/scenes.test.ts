/** Labelled scenes: class lists, label pictures, folders of them, composed ones, and what augmentation does to labels. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { parseAugmentation } from "#fovea/data/augment/grammar.js";
import type { Dataset } from "#fovea/data/sets/dataset.js";
import { CAMVID, parseClassList, UNLABELLED } from "#fovea/segmentation/class-list.js";
import { composeScenes } from "#fovea/segmentation/compose-scenes.js";
import { openScenes } from "#fovea/segmentation/open-scenes-node.js";
import { encodeIndices, readLabels } from "#fovea/segmentation/read-labels-node.js";
import { sceneDataset } from "#fovea/segmentation/scene-dataset.js";
import { classWeights, type Scene } from "#fovea/segmentation/scene-set.js";
import { temporaryFolder } from "../support/temporary.js";

const LIST = parseClassList(
  JSON.stringify({
    classes: [
      { name: "sky", color: [0, 0, 255] },
      { name: "road", color: [90, 90, 90], value: 7 },
    ],
    ignore: [{ name: "void", color: [0, 0, 0], value: 9 }],
  }),
  "classes.json",
);

describe("a class list", () => {
  const parse = (value: unknown) => () => parseClassList(JSON.stringify(value), "c.json");

  it("numbers classes by their place, unless they say a value", () => {
    expect(LIST.classes.map(({ name, value }) => [name, value])).toEqual([
      ["sky", 0],
      ["road", 7],
    ]);
    expect(CAMVID.classes).toHaveLength(11);
  });

  it("says what is wrong with it", () => {
    const sky = { name: "sky", color: [0, 0, 255] };
    expect(() => parseClassList("{", "c.json")).toThrow("c.json: is not JSON");
    expect(parse({ names: [] })).toThrow('c.json: expected {"classes"');
    expect(parse({ classes: [sky] })).toThrow("c.json: has 1 classes, expected 2 to 255");
    expect(parse({ classes: [sky, { name: "sea", color: [0, 0, 255] }] })).toThrow(
      '"sky" and "sea" have the same color [0,0,255]',
    );
    expect(parse({ classes: [sky, { name: "sea", color: [0, 300, 0] }] })).toThrow(
      "classes[1]: color is [0,300,0], expected",
    );
    expect(parse({ classes: [sky, { name: "sea", color: [0, 3, 0], value: 0 }] })).toThrow("have the same value 0");
    expect(parse({ classes: [sky, sky], extra: 1 })).toThrow('unknown key "extra"');
  });
});

const rgb = (colors: number[][], width: number) =>
  sharp(Buffer.from(colors.flat()), { raw: { width, height: colors.length / width, channels: 3 } });
const greyPng = (values: number[], width: number) =>
  sharp(Buffer.from(values), { raw: { width, height: values.length / width, channels: 1 } })
    .toColourspace("b-w")
    .png()
    .toBuffer();

/** All colours of its palette are black. Line y went through filter y mod 5. */
function palettePng(values: Uint8Array, width: number, bits: number): Uint8Array {
  const height = values.length / width;
  const line = Math.ceil((width * bits) / 8);
  const packed = new Uint8Array(height * line);
  for (let i = 0; i < values.length; i++) {
    const [y, x] = [Math.floor(i / width), i % width];
    packed[y * line + ((x * bits) >> 3)]! |= values[i]! << (8 - bits - ((x * bits) & 7));
  }
  const filtered = Array.from({ length: height }, (_, y) => {
    const at = (row: number, x: number) => (row < 0 || x < 0 ? 0 : packed[row * line + x]!);
    const paeth = (a: number, b: number, c: number) => {
      const near = [a, b, c].map((value) => Math.abs(a + b - c - value));
      return [a, b, c][near.indexOf(Math.min(...near))]!;
    };
    const bytes = Array.from({ length: line }, (_, x) => {
      const [left, up, corner] = [at(y, x - 1), at(y - 1, x), at(y - 1, x - 1)];
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][y % 5]!;
      return at(y, x) - guess;
    });
    return [y % 5, ...bytes];
  }).flat();
  const chunk = (type: string, data: Uint8Array) => {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(data.length);
    head.write(type, 4, "latin1");
    return Buffer.concat([head, data, Buffer.alloc(4)]);
  };
  const size = Buffer.alloc(13);
  size.writeUInt32BE(width, 0);
  size.writeUInt32BE(height, 4);
  size.set([bits, 3], 8);
  const data = deflateSync(Uint8Array.from(filtered));
  return Buffer.concat([
    Buffer.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10),
    ...[chunk("IHDR", size), chunk("PLTE", new Uint8Array(3 * 2 ** bits))],
    // In two parts, as writers may cut it.
    ...[chunk("IDAT", data.subarray(0, 9)), chunk("IDAT", data.subarray(9)), chunk("IEND", new Uint8Array(0))],
  ]);
}

describe("label pictures", () => {
  it("of grey values", async () => {
    const { height, width, labels } = await readLabels("a.png", await greyPng([0, 7, 9, 7], 2), LIST);
    expect([height, width, ...labels]).toEqual([2, 2, 0, 1, UNLABELLED, 1]);
  });

  it("of colours", async () => {
    const png = await rgb(
      [
        [0, 0, 255],
        [90, 90, 90],
        [0, 0, 0],
      ],
      3,
    )
      .png()
      .toBuffer();
    expect([...(await readLabels("a.png", png, LIST)).labels]).toEqual([0, 1, UNLABELLED]);
  });

  it("of a palette, whose indices count and not its colours", async () => {
    const png = await rgb(
      [
        [1, 2, 3],
        [200, 100, 50],
        [1, 2, 3],
        [200, 100, 50],
      ],
      2,
    )
      .png({ palette: true, colours: 2 })
      .toBuffer();
    const list = parseClassList(
      '{"classes": [{"name": "a", "color": [1, 1, 1]}, {"name": "b", "color": [2, 2, 2]}]}',
      "c",
    );
    const { labels } = await readLabels("a.png", png, list);
    expect(labels[0]).not.toBe(labels[1]);
    expect([...labels]).toEqual([labels[0], labels[1], labels[0], labels[1]]);
  });

  it.each([1, 2, 4, 8])(
    "of a palette in %i bits, each line through another filter, whatever its colours",
    async (bits) => {
      const classes = Math.min(5, 2 ** bits);
      const [height, width] = [10, 13];
      const values = Uint8Array.from({ length: height * width }, (_, i) => ((i * i) >> 2) % classes);
      const names = Array.from({ length: classes }, (_, i) => ({ name: `class ${i}`, color: [i, i, i] }));
      const list = parseClassList(JSON.stringify({ classes: names }), "c");
      const { labels, ...size } = await readLabels("a.png", palettePng(values, width, bits), list);
      expect(size).toEqual({ height, width });
      expect([...labels]).toEqual([...values]);
    },
  );

  it("of an interlaced palette lie where they lie in the plain one", async () => {
    const colors = Array.from({ length: 5 }, (_, i) => [40 * i, 250 - 50 * i, (97 * i) % 256]);
    const list = parseClassList(JSON.stringify({ classes: colors.map((color, i) => ({ name: `${i}`, color })) }), "c");
    for (const [height, width] of [
      [1, 1],
      [1, 9],
      [5, 1],
      [3, 4],
      [8, 8],
      [17, 23],
    ] as const) {
      const pixels = Uint8Array.from({ length: 3 * height * width }, (_, i) => {
        const pixel = Math.floor(i / 3);
        return colors[(pixel * pixel + 2 * pixel) % 5]![i % 3]!;
      });
      const image = sharp(pixels, { raw: { width, height, channels: 3 } });
      const options = { palette: true, colours: 8, dither: 0 };
      const [plain, interlaced] = await Promise.all(
        [false, true].map((progressive) =>
          image
            .clone()
            .png({ ...options, progressive })
            .toBuffer(),
        ),
      );
      expect([plain![28], interlaced![28], interlaced![25]]).toEqual([0, 1, 3]);
      expect(await readLabels("a.png", interlaced!, list)).toEqual(await readLabels("a.png", plain!, list));
    }
  });

  it("say what is wrong with a palette picture", async () => {
    const list = parseClassList(
      '{"classes": [{"name": "a", "color": [1, 1, 1]}, {"name": "b", "color": [2, 2, 2]}]}',
      "c",
    );
    const png = palettePng(Uint8Array.of(0, 1, 1, 2, 0, 1), 3, 8);
    await expect(readLabels("a.png", png, list)).rejects.toThrow(
      "a.png: the label 2 at row 1, column 0 is outside the class list (0 to 1)",
    );
    await expect(readLabels("a.png", png.subarray(0, png.length - 20), list)).rejects.toThrow("a.png: is damaged");
    const interlaced = Uint8Array.from(png);
    interlaced[28] = 2;
    await expect(readLabels("a.png", interlaced, list)).rejects.toThrow("a.png: is damaged: its head says 3x2");
    for (let length = 0; length < png.length; length++) {
      await expect(readLabels("a.png", png.subarray(0, length), list)).rejects.toThrow(/^a\.png: /);
    }
  });

  it("say where a label is none", async () => {
    await expect(readLabels("a.png", await greyPng([0, 0, 0, 3], 2), LIST)).rejects.toThrow(
      "a.png: the label 3 at row 1, column 1 is outside the class list (0 to 9); add it to classes, or to ignore",
    );
    const png = await rgb(
      [
        [0, 0, 255],
        [1, 2, 3],
      ],
      2,
    )
      .png()
      .toBuffer();
    await expect(readLabels("a.png", png, LIST)).rejects.toThrow(
      "a.png: the colour 1, 2, 3 at row 0, column 1 is none of the 2 classes'",
    );
  });

  it("must be PNG files that are whole", async () => {
    await expect(
      readLabels(
        "a.jpg",
        await rgb([[0, 0, 255]], 1)
          .jpeg()
          .toBuffer(),
        LIST,
      ),
    ).rejects.toThrow("a.jpg: is not a PNG file");
    const png = await greyPng(new Array<number>(900).fill(7), 30);
    await expect(readLabels("a.png", png.subarray(0, 45), LIST)).rejects.toThrow("a.png: is damaged");
  });

  it("are read as they are written", async () => {
    const labels = Uint8Array.of(0, 1, 1, 0, 1, 0);
    const png = await encodeIndices(labels, 2, 3, LIST);
    expect([...(await readLabels("a.png", png, LIST)).labels]).toEqual([...labels]);
  });
});

describe("a folder of scenes", () => {
  const PARTS = ["train", "trainannot", "val", "valannot"];
  async function folderOf(change: (folder: string) => Promise<void>): Promise<string> {
    const folder = await temporaryFolder();
    for (const part of PARTS) await mkdir(join(folder, part));
    for (const part of ["train", "val"]) {
      for (const name of ["a", "b"]) {
        await writeFile(
          join(folder, part, `${name}.png`),
          await rgb(new Array(12).fill([9, 99, 199]), 4)
            .png()
            .toBuffer(),
        );
        await writeFile(
          join(folder, `${part}annot`, `${name}.png`),
          await greyPng([0, 1, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0], 4),
        );
      }
    }
    await writeFile(
      join(folder, "classes.json"),
      '{"classes": [{"name": "a", "color": [255, 0, 0]}, {"name": "b", "color": [0, 255, 0]}]}',
    );
    await change(folder);
    return folder;
  }
  const nothing = () => Promise.resolve();

  it("is opened", async () => {
    const { train, test } = await openScenes(await folderOf(nothing));
    expect([train.scenes.length, test.scenes.length]).toEqual([2, 2]);
    const [scene] = train.scenes as [Scene];
    expect([scene.height, scene.width, ...scene.labels.slice(0, 5)]).toEqual([3, 4, 0, 1, 0, 1, 1]);
    expect([...scene.pixels.slice(0, 3)]).toEqual([9, 99, 199]);
    expect(classWeights(train, "median")).toEqual([1, 1]);
  });

  it("is brought to a size, labels to the nearest", async () => {
    const { train } = await openScenes(await folderOf(nothing), { size: [6, 8] });
    expect([...train.scenes[0]!.labels.slice(0, 8)]).toEqual([0, 0, 1, 1, 0, 0, 1, 1]);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "are drawn on the picture as it stands or is stored: orientation %i",
    async (orientation) => {
      const at = async (width: number, height: number, drawnUpright: boolean) => {
        const folder = temporaryFolder();
        const values = Uint8Array.from({ length: width * height }, (_, i) => (i % width < 3 && i < 5 * width ? 1 : 0));
        const stored = sharp(Buffer.from([...values].flatMap((v) => [250 * v, 250 * v, 250 * v])), {
          raw: { width, height, channels: 3 },
        });
        const photo = await stored.clone().withMetadata({ orientation }).webp({ lossless: true }).toBuffer();
        const upright = sharp(await stored.clone().withMetadata({ orientation }).png().toBuffer()).autoOrient();
        const drawing = sharp(await (drawnUpright ? upright : stored.clone()).png().toBuffer()).threshold(128);
        const labels = await drawing.toColourspace("b-w").png().toBuffer();
        for (const split of ["train", "val"]) {
          for (const name of [split, `${split}annot`]) await mkdir(join(folder, name));
          await writeFile(join(folder, split, "a.webp"), photo);
          await writeFile(join(folder, `${split}annot`, "a.png"), labels);
        }
        const classes = [
          { name: "low", color: [0, 0, 0], value: 0 },
          { name: "high", color: [255, 0, 0], value: 255 },
        ];
        await writeFile(join(folder, "classes.json"), JSON.stringify({ classes }));
        const [scene] = (await openScenes(folder)).train.scenes;
        expect([...scene!.labels]).toEqual([...scene!.labels.keys()].map((i) => (scene!.pixels[3 * i]! > 128 ? 1 : 0)));
      };
      if (orientation === 1 || orientation >= 5) {
        await at(11, 8, true);
        await at(11, 8, false);
      } else
        await expect(at(11, 8, true)).rejects.toThrow(`or as its Exif orientation ${orientation} turns it; expected`);
      if (orientation > 1) await expect(at(8, 8, false)).rejects.toThrow(`Exif orientation ${orientation}`);
    },
  );

  it("has a label picture of the same name for each picture", async () => {
    const folder = await folderOf(async (at) =>
      writeFile(
        join(at, "train", "c.png"),
        await rgb(
          [
            [1, 1, 1],
            [2, 2, 2],
          ],
          2,
        )
          .png()
          .toBuffer(),
      ),
    );
    await expect(openScenes(folder)).rejects.toThrow(
      /train holds 3 pictures and .*trainannot 2: "c" of .*train has no partner/,
    );
  });

  it("has label pictures of the size of their pictures", async () => {
    const folder = await folderOf(async (at) => writeFile(join(at, "trainannot", "a.png"), await greyPng([0, 1], 2)));
    await expect(openScenes(folder)).rejects.toThrow(
      /a\.png: is 1x2, but its picture .*a\.png is 3x4; expected the same height and width/,
    );
  });

  it("has a list of classes, which a palette alone is not", async () => {
    const { rm } = await import("node:fs/promises");
    const folder = await folderOf(async (at) => {
      await rm(join(at, "classes.json"));
      const palette = await rgb(new Array(12).fill([9, 99, 199]), 4)
        .png({ palette: true })
        .toBuffer();
      await writeFile(join(at, "trainannot", "a.png"), palette);
    });
    await expect(openScenes(folder)).rejects.toThrow(
      "is a palette PNG, whose colours have no names, and there is no classes.json",
    );
  });

  it("has pictures of more than one pixel", async () => {
    const folder = await folderOf(async (at) => {
      await writeFile(
        join(at, "train", "a.png"),
        await rgb([[1, 1, 1]], 1)
          .png()
          .toBuffer(),
      );
      await writeFile(join(at, "trainannot", "a.png"), await greyPng([0], 1));
    });
    await expect(openScenes(folder)).rejects.toThrow("is a single pixel, which shows nothing");
  });

  it("has labelled pixels in every picture, and pictures of one size to train on", async () => {
    const scene = (name: string, labels: number[]): Scene => ({
      ...{ name, height: 1, width: labels.length },
      pixels: new Uint8Array(3 * labels.length),
      labels: Uint8Array.from(labels),
    });
    const set = (...scenes: Scene[]) => ({ name: "s", classes: LIST, scenes });
    expect(() => sceneDataset(set(scene("a", [0, 1]), scene("b", [UNLABELLED, UNLABELLED])))).toThrow(
      "b: none of its 2 pixels has a label (all are ignored), so that nothing can be learned or measured on it; label some of it",
    );
    expect(() => sceneDataset(set(scene("a", [0, 1]), scene("b", [1])))).toThrow(
      "s: a is 1x2 and b 1x1; bring them to one size with --size",
    );
    expect(() => sceneDataset(set())).toThrow("s: there are no pictures in it");
  });

  it("says what it lacks", async () => {
    const folder = await temporaryFolder();
    await expect(openScenes(folder)).rejects.toThrow("no such folder, or an empty one");
    await mkdir(join(folder, "train"));
    await expect(openScenes(folder)).rejects.toThrow("holds train, expected train with pictures and trainannot");
  });
});

/** Squares: full, and with a hole. */
const ITEMS: Dataset = {
  name: "squares",
  length: 2,
  classes: ["full", "ring"],
  shape: [8, 8, 1],
  images: Uint8Array.from({ length: 128 }, (_, i) => {
    const [item, y, x] = [i >> 6, (i >> 3) & 7, i & 7];
    const inside = y > 0 && y < 7 && x > 0 && x < 7;
    return inside && !(item === 1 && y > 2 && y < 5 && x > 2 && x < 5) ? 255 : 0;
  }),
  labels: Uint8Array.of(0, 1),
  mean: [0],
  std: [1],
};

describe("composed scenes", () => {
  const options = { count: 12, height: 24, width: 32, seed: 5 };
  const set = composeScenes(ITEMS, options);

  it("label each pixel by what is drawn there: items are lighter than any background", () => {
    expect(set.classes.classes.map(({ name }) => name)).toEqual(["background", "full", "ring"]);
    for (const { pixels, labels } of set.scenes) {
      for (let i = 0; i < labels.length; i++) {
        const light = Math.max(...pixels.subarray(3 * i, 3 * i + 3));
        if (labels[i] === 0) expect(light).toBeLessThan(126);
      }
      expect(labels.some((label) => label > 0)).toBe(true);
    }
  });

  it("are a function of the seed and their number", () => {
    const again = composeScenes(ITEMS, { ...options, count: 3 });
    expect(again.scenes).toEqual(set.scenes.slice(0, 3));
    expect(composeScenes(ITEMS, { ...options, seed: 6 }).scenes[0]).not.toEqual(set.scenes[0]);
    expect(() => composeScenes(ITEMS, { ...options, width: 0 })).toThrow("scenes: width is 0");
  });
});

describe("augmentation", () => {
  const REDS = [0, 90, 200];
  /** A scene whose red says the label: what becomes of both must agree. */
  function tinted(): Scene {
    const labels = Uint8Array.from({ length: 24 * 32 }, (_, i) =>
      i % 32 < 13 ? 0 : Math.floor(i / 32) < 9 ? 1 : UNLABELLED,
    );
    const pixels = Uint8Array.from({ length: 24 * 32 * 3 }, (_, i) => REDS[labels[Math.floor(i / 3)]! % 253]!);
    return { name: "t", height: 24, width: 32, pixels, labels };
  }

  async function augmented(text: string, target: readonly [number, number, number]) {
    const { stream } = sceneDataset(
      { name: "s", classes: LIST, scenes: [tinted()] },
      { mean: [0, 0, 0], std: [1, 1, 1] },
    );
    const opened = stream!({
      target,
      mean: [0, 0, 0],
      std: [1, 1, 1],
      seed: 3,
      transforms: parseAugmentation(text, target),
    });
    const size = target[0] * target[1];
    const images = new Float32Array(3 * size);
    const labels = new Int32Array(size);
    await opened.fill(Uint32Array.of(0), 2, images, labels);
    return { red: Float32Array.from({ length: size }, (_, i) => 255 * images[3 * i]!), labels };
  }

  it.each(["flip", "randomCrop", "randomResizedCrop:0.3", "flip,randomResizedCrop:0.5"])(
    "moves labels as pixels: %s",
    async (text) => {
      const { red, labels } = await augmented(text, [16, 20, 3]).catch(() => augmented(text, [24, 32, 3]));
      // Between two labels the picture's pixel is between theirs, which tells nothing.
      const clear = [...labels]
        .map((label, i) => ({ label, is: REDS.findIndex((one) => Math.abs(one - red[i]!) < 1) }))
        .filter(({ is }) => is >= 0);
      const wrong = clear.filter(({ label, is }) => is !== (label < 0 ? 2 : label));
      expect(clear.length).toBeGreaterThan(0.6 * labels.length);
      expect(wrong.length).toBeLessThan(0.01 * labels.length);
      expect(new Set(labels).size).toBeGreaterThan(1);
    },
  );

  it("leaves what it brings in from outside unlabelled", async () => {
    const { labels, red } = await augmented("padCrop:12", [24, 32, 3]);
    const outside = [...labels].filter((label, i) => label === -1 && red[i] === 0).length;
    expect(outside).toBeGreaterThan(0);
  });
});
