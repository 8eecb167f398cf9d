/** Pictures of every kind as a network's bytes, and files that are none. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import sharp, { type Sharp } from "sharp";
import { describe, expect, it } from "vitest";
import { DataError, FileError } from "#fovea/base/errors.js";
import { inspectPicture, readPicture } from "#fovea/data/decode/read-picture-node.js";
import { checkPreparation, preparationFor } from "#fovea/data/digits/preparation.js";
import { preprocessDigit } from "#fovea/data/digits/prepare-digit.js";
import { findPictures } from "#fovea/data/sources/picture-files-node.js";
import { temporaryFolder } from "../support/temporary.js";

const MNIST = [28, 28, 1];
const DIGITS = Array.from({ length: 10 }, (_, label) => String(label));

/** A 7 of two bars, dark on light: 200 x 160. */
function seven(paper = 255, ink = 0): Uint8Array {
  const data = new Uint8Array(200 * 160).fill(paper);
  for (let y = 20; y < 40; y++) data.fill(ink, y * 200 + 60, y * 200 + 140);
  for (let y = 40; y < 140; y++) data.fill(ink, y * 200 + 110, y * 200 + 130);
  return data;
}

const grey = (data: Uint8Array, width = 200, height = 160): Sharp =>
  sharp(data, { raw: { width, height, channels: 1 } });
const expected = preprocessDigit({ data: seven(), width: 200, height: 160 })!.pixels;

async function written(name: string, image: Sharp): Promise<string> {
  const path = join(temporaryFolder(), name);
  await image.toFile(path);
  return path;
}

const digit = async (name: string, image: Sharp) => readPicture(await written(name, image), MNIST, "digit");

/** Of a PNG's chunk: CRC-32 as in ISO 3309. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** The largest difference of two pictures' bytes. */
const distance = (a: Uint8Array, b: Uint8Array) => Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));

async function whyNot(path: string, preparation: "digit" | "resize" = "digit"): Promise<Error> {
  return readPicture(path, MNIST, preparation).then(
    () => new Error("was read"),
    (error: Error) => error,
  );
}

describe("a digit", () => {
  it("comes out the same from PNG and WebP, grey, RGB and palette, and from either polarity", async () => {
    expect(await digit("a.png", grey(seven()))).toEqual(expected);
    expect(await digit("a.png", grey(seven(0, 255)))).toEqual(expected);
    expect(await digit("a.png", grey(seven()).toColourspace("srgb"))).toEqual(expected);
    expect(await digit("a.png", grey(seven()).png({ palette: true, colours: 2 }))).toEqual(expected);
    expect(await digit("a.webp", grey(seven()).webp({ lossless: true }))).toEqual(expected);
  });

  it("of 16 bits is the same as of 8", async () => {
    const image = grey(seven()).toColourspace("grey16").png();
    const path = await written("a.png", image);
    expect((await sharp(path).metadata()).depth).toBe("ushort");
    expect(await readPicture(path, MNIST, "digit")).toEqual(expected);
    const rgb = await written("b.png", grey(seven(40, 200)).toColourspace("rgb16").png());
    expect((await sharp(rgb).metadata()).depth).toBe("ushort");
    expect(await readPicture(rgb, MNIST, "digit")).toEqual(expected);
  });

  it("may have a transparent ground, in either ink", async () => {
    for (const ink of [0, 255]) {
      const alpha = seven(0, 255);
      const rgba = new Uint8Array(4 * alpha.length);
      for (let i = 0; i < alpha.length; i++) rgba.set([ink, ink, ink, alpha[i]!], 4 * i);
      const image = sharp(rgba, { raw: { width: 200, height: 160, channels: 4 } });
      expect(await digit("a.png", image), `ink ${ink}`).toEqual(expected);
    }
  });

  it("survives JPEG, in grey, RGB and CMYK", async () => {
    for (const space of ["b-w", "srgb", "cmyk"] as const) {
      const path = await written("a.jpg", grey(seven(250, 10)).toColourspace(space).jpeg({ quality: 95 }));
      expect((await sharp(path).metadata()).space).toBe(space);
      expect(distance(await readPicture(path, MNIST, "digit"), expected), space).toBeLessThan(40);
    }
  });

  it("is turned as the camera was held", async () => {
    const lying = grey(seven()).rotate(90).png();
    const path = await written(
      "a.jpg",
      sharp(await lying.toBuffer())
        .withMetadata({ orientation: 8 })
        .jpeg({ quality: 95 }),
    );
    expect((await sharp(path).metadata()).orientation).toBe(8);
    expect(distance(await readPicture(path, MNIST, "digit"), expected)).toBeLessThan(40);
  });

  it("is found in a picture 20,000 wide, without holding it all", async () => {
    const large = grey(seven()).resize({ width: 2000, height: 1600, kernel: "nearest" });
    const wide = sharp(await large.png().toBuffer()).extend({ left: 17_000, right: 1000, background: "#ffffff" });
    const path = await written("a.png", wide.png({ compressionLevel: 1 }));
    expect((await sharp(path).metadata()).width).toBe(20_000);
    // Made 512 wide, it is 31 high: blurred a little, but the same digit at the same place.
    const pixels = await readPicture(path, MNIST, "digit");
    const difference = pixels.reduce((sum, value, i) => sum + Math.abs(value - expected[i]!), 0);
    expect(difference / expected.reduce((sum, value) => sum + value, 0)).toBeLessThan(0.2);
  });

  it("gets the border of a network that takes 32x32", async () => {
    const path = await written("a.png", grey(seven()));
    const pixels = await readPicture(path, [32, 32, 1], "digit");
    expect(pixels).toHaveLength(1024);
    for (const y of [0, 9, 27])
      expect([...pixels.subarray((y + 2) * 32 + 2, (y + 2) * 32 + 30)]).toEqual([
        ...expected.subarray(28 * y, 28 * y + 28),
      ]);
    expect(pixels.subarray(0, 64).every((p) => p === 0)).toBe(true);
  });
});

describe("any picture", () => {
  const colours = (width: number, height: number) =>
    sharp({ create: { width, height, channels: 3, background: { r: 10, g: 120, b: 250 } } });

  it("of the network's size goes in as it is", async () => {
    const data = Uint8Array.from({ length: 5 * 4 * 3 }, (_, i) => (i * 37) % 256);
    const path = await written("a.png", sharp(data, { raw: { width: 5, height: 4, channels: 3 } }));
    expect(Buffer.from(await readPicture(path, [4, 5, 3], "resize"))).toEqual(Buffer.from(data));
    const one = data.subarray(0, 20);
    const dark = await written("b.png", sharp(one, { raw: { width: 5, height: 4, channels: 1 } }).toColourspace("b-w"));
    expect(Buffer.from(await readPicture(dark, [4, 5, 1], "resize"))).toEqual(Buffer.from(one));
    // Grey for a network that takes colours: three times the same.
    const three = await readPicture(dark, [4, 5, 3], "resize");
    expect([...three.subarray(0, 6)]).toEqual([one[0], one[0], one[0], one[1], one[1], one[1]]);
  });

  it("of another size covers it, its middle kept", async () => {
    const left = await colours(30, 40).png().toBuffer();
    const image = sharp({ create: { width: 80, height: 40, channels: 3, background: "#ffffff" } }).composite([
      { input: left, left: 0, top: 0 },
    ]);
    // 80 x 40 becomes 16 x 8; columns 4 to 11 of it are kept, and 6 are blue.
    const pixels = await readPicture(await written("a.png", image), [8, 8, 3], "resize");
    // Edges ring a little.
    expect(distance(pixels.subarray(0, 3), Uint8Array.of(10, 120, 250))).toBeLessThan(10);
    expect([...pixels.subarray(21, 24)]).toEqual([255, 255, 255]);
  });

  it("lies on white where it is transparent, and may be grey, CMYK or of 16 bits", async () => {
    const clear = sharp({ create: { width: 9, height: 9, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } } });
    const onWhite = await readPicture(await written("a.png", clear), [3, 3, 3], "resize");
    expect([...new Set(onWhite)]).toEqual([255]);
    const cmyk = await readPicture(
      await written("a.jpg", colours(64, 64).toColourspace("cmyk").jpeg()),
      [8, 8, 3],
      "resize",
    );
    expect(cmyk).toHaveLength(192);
    expect(cmyk[2]! - cmyk[0]!).toBeGreaterThan(100);
    const deep = await readPicture(await written("b.png", colours(9, 9).toColourspace("rgb16")), [3, 3, 3], "resize");
    expect(distance(deep.subarray(0, 3), Uint8Array.of(10, 120, 250))).toBeLessThanOrEqual(1);
    expect(await readPicture(await written("c.png", colours(9, 9)), [3, 3, 1], "resize")).toHaveLength(9);
  });
});

describe("what is no picture", () => {
  const file = (name: string, bytes: Uint8Array | string) => {
    const path = join(temporaryFolder(), name);
    writeFileSync(path, bytes);
    return path;
  };

  it("is named, with the reason", async () => {
    const png = await grey(seven()).png({ compressionLevel: 0 }).toBuffer();
    const jpeg = await grey(seven()).jpeg().toBuffer();
    const folder = temporaryFolder();
    for (const [path, why] of [
      [
        file("text.png", "no picture at all"),
        "is not a picture; expected PNG, JPEG, WebP, GIF, TIFF, AVIF, BMP or PNM",
      ],
      [file("empty.png", ""), "is empty, not a picture"],
      [file("cut.png", png.subarray(0, 9000)), "is damaged or cut off: "],
      [file("cut.jpg", jpeg.subarray(0, jpeg.length / 2)), "is damaged or cut off: "],
      [
        file("a.svg", "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"),
        "is of the format svg; expected PNG, ",
      ],
      [join(folder, "none.png"), "no such file"],
      [folder, "is a folder, not a file"],
      ["/dev/null", "is a device, not a file"],
    ] as const) {
      const error = await whyNot(path);
      expect(error).toBeInstanceOf(FileError);
      expect(error.message.startsWith(`${path}: ${why}`), error.message).toBe(true);
    }
  });

  it("a picture that shows nothing: one pixel, or one colour", async () => {
    const plain = (width: number, height: number, background = "#ffffff") =>
      sharp({ create: { width, height, channels: 3, background } });
    for (const preparation of ["digit", "resize"] as const) {
      const pixel = await whyNot(await written("a.png", plain(1, 1)), preparation);
      expect(pixel).toBeInstanceOf(DataError);
      expect(pixel.message).toContain("a.png: is a single pixel, which shows nothing");
    }
    for (const background of ["#ffffff", "#000000", "#808080"]) {
      const white = await whyNot(await written("white.png", plain(300, 200, background)));
      expect(white).toBeInstanceOf(DataError);
      expect(white.message).toContain("white.png: shows no ink: all of it has one colour, or nearly so");
    }
  });

  it("a picture too large to be held, told by its first bytes alone", async () => {
    const png = await grey(seven()).png().toBuffer();
    png.writeUInt32BE(20_000, 16);
    png.writeUInt32BE(20_000, 20);
    png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
    const { message } = await whyNot(file("huge.png", png));
    expect(message).toContain("huge.png: has 20000 x 20000 pixels; at most 100 million are read: make it smaller");
  });
});

describe("how pictures are prepared", () => {
  it("follows the network: digits where it tells the ten apart in MNIST's format", () => {
    expect(preparationFor([28, 28, 1], DIGITS)).toBe("digit");
    expect(preparationFor([32, 32, 1], DIGITS)).toBe("digit");
    expect(preparationFor([28, 28, 1], ["Trouser", ...DIGITS.slice(1)])).toBe("resize");
    expect(preparationFor([28, 28, 3], DIGITS)).toBe("resize");
    expect(preparationFor([64, 64, 1], DIGITS)).toBe("resize");
    expect(preparationFor([28, 28, 1], [...DIGITS, "10"])).toBe("resize");
  });

  it("is refused where it cannot be", () => {
    expect(() => checkPreparation([28, 28, 2], "resize")).toThrow(
      "the network takes 28 x 28 x 2 numbers, but pictures are",
    );
    expect(() => checkPreparation([64, 64, 1], "digit")).toThrow(
      "makes 28 x 28 x 1, but the network takes 64 x 64 x 1",
    );
    expect(() => checkPreparation([32, 32, 1], "digit")).not.toThrow();
  });
});

describe("findPictures", () => {
  it("walks folders in order, takes files as they are, and does not follow links in a circle", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "b", "c"), { recursive: true });
    mkdirSync(join(folder, "empty"));
    for (const name of ["z.PNG", "a.jpeg", "notes.txt", "b/m.webp", "b/c/k.jpg"]) writeFileSync(join(folder, name), "");
    symlinkSync(folder, join(folder, "b", "loop"));
    const { files, problems } = await findPictures([join(folder, "notes.txt"), folder, join(folder, "missing.png")]);
    expect(files.map((path) => path.slice(folder.length + 1))).toEqual([
      "notes.txt",
      "a.jpeg",
      "b/c/k.jpg",
      "b/m.webp",
      "z.PNG",
      "missing.png",
    ]);
    expect(problems).toEqual([]);
    await expect(findPictures([join(folder, "empty")])).rejects.toThrow("empty: there are no pictures in this folder");
  });
});

it.each([3, 4])("has the same colours from 16 bits as from 8, through a profile: %i channels", async (channels) => {
  const values = Uint8Array.from({ length: 16 * 16 * channels }, (_, i) => (i % channels === 3 ? 255 : (i * 53) % 256));
  const raw = { width: 16, height: 16, channels: channels as 3 | 4 };
  const { icc } = await sharp(await sharp(values, { raw }).withIccProfile("p3").png().toBuffer()).metadata();
  /** The profile put in, not the pixels brought to it. */
  const tagged = (png: Buffer) => {
    const data = Buffer.concat([Buffer.from("iCCPp3\0\0"), deflateSync(icc!)]);
    const chunk = Buffer.alloc(data.length + 8);
    chunk.writeUInt32BE(data.length - 4, 0);
    data.copy(chunk, 4);
    chunk.writeUInt32BE(crc32(data), data.length + 4);
    return Buffer.concat([png.subarray(0, 33), chunk, png.subarray(33)]);
  };
  const wide = Uint16Array.from(values, (value) => value * 257);
  const eight = tagged(await sharp(values, { raw }).png().toBuffer());
  const sixteen = tagged(
    await sharp(wide, { raw: { ...raw, depth: "ushort" } as never })
      .toColourspace("rgb16")
      .png()
      .toBuffer(),
  );
  const folder = temporaryFolder();
  const read = async (name: string, png: Buffer) => {
    writeFileSync(join(folder, name), png);
    return readPicture(join(folder, name), [16, 16, 3], "resize");
  };
  const expectedPixels = await read("8.png", eight);
  expect(
    distance(expectedPixels, await read("untagged.png", await sharp(values, { raw }).png().toBuffer())),
  ).toBeGreaterThan(20);
  expect(distance(await read("16.png", sixteen), expectedPixels)).toBeLessThanOrEqual(1);
});

it("refuses a PNG file of few bytes that promises many pixels, before they are decoded", async () => {
  const few = new Uint8Array(
    await sharp(Buffer.alloc(12), { raw: { width: 2, height: 2, channels: 3 } })
      .png()
      .toBuffer(),
  );
  new DataView(few.buffer).setUint32(16, 9000);
  new DataView(few.buffer).setUint32(20, 9000);
  new DataView(few.buffer).setUint32(29, crc32(few.subarray(12, 29)));
  await expect(inspectPicture("a.png", few)).rejects.toThrow(
    `a.png: is damaged or cut off: its ${few.length} bytes cannot hold 9000 x 9000 pixels`,
  );
});
