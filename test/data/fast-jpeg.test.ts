/** The fast way to decode JPEG files gives sharp's bits, and leaves alone what it would get wrong. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { beforeAll, expect, it } from "vitest";
import { decodeTo, decodeWhole } from "#fovea/data/decode/decode-picture-node.js";
import { decodeCommonJpeg, loadFastJpeg } from "#fovea/data/decode/fast-jpeg-node.js";
import { readPicture } from "#fovea/data/decode/read-picture-node.js";
import { parseJpegHeader } from "#fovea/formats/pictures/jpeg-header.js";
import { damaged, jpegOf } from "../support/picture-folder.js";
import { random } from "../support/random.js";

beforeAll(() => loadFastJpeg());

const raw = (height: number, width: number) => {
  const { integer } = random(height * width);
  const pixels = Uint8Array.from({ length: height * width * 3 }, (_, i) => 60 + ((i * 5) % 97) + integer(0, 60));
  return sharp(pixels, { raw: { width, height, channels: 3 } });
};
const bytesOf = async (image: Sharp) => new Uint8Array(await image.toBuffer());
const bySharp = async (bytes: Uint8Array, space = "srgb") =>
  new Uint8Array(await sharp(bytes).toColourspace(space).raw({ depth: "uchar" }).toBuffer());

it.each([
  [1, 7],
  [8, 8],
  [33, 57],
  [120, 97],
])("gives sharp's bits of %ix%i", async (height, width) => {
  const image = raw(height, width);
  for (const options of [
    {},
    { quality: 30 },
    { chromaSubsampling: "4:4:4", quality: 97 },
    { progressive: true },
    { optimiseCoding: false, trellisQuantisation: true },
  ]) {
    const bytes = await bytesOf(image.clone().jpeg(options));
    const decoded = decodeCommonJpeg(bytes, 3)!;
    expect([decoded.height, decoded.width, decoded.grey]).toEqual([height, width, false]);
    expect(Buffer.compare(decoded.pixels, await bySharp(bytes))).toBe(0);
  }
  const grey = await bytesOf(image.clone().toColourspace("b-w").jpeg());
  expect(decodeCommonJpeg(grey, 1)).toMatchObject({ height, width, grey: true });
  expect(Buffer.compare(decodeCommonJpeg(grey, 1)!.pixels, await bySharp(grey, "b-w"))).toBe(0);
  expect(Buffer.compare(decodeCommonJpeg(grey, 3)!.pixels, await bySharp(grey))).toBe(0);
});

it("leaves to sharp what is turned, has colours of its own, is large, damaged, to be made grey, or no JPEG", async () => {
  const image = raw(20, 30);
  const plain = await bytesOf(image.clone().jpeg());
  expect(decodeCommonJpeg(plain, 3)).toBeDefined();
  const left = [
    await bytesOf(image.clone().withMetadata({ orientation: 6 }).jpeg()),
    await bytesOf(image.clone().withIccProfile("p3").jpeg()),
    await bytesOf(image.clone().toColourspace("cmyk").jpeg()),
    await bytesOf(raw(401, 401).jpeg()),
    await bytesOf(image.clone().png()),
    await bytesOf(raw(1, 1).jpeg()),
    plain.subarray(0, plain.length - 2),
    plain.subarray(0, plain.length / 2),
    plain.subarray(0, 30),
    damaged(await jpegOf(40, 40, 0, 1)),
    new Uint8Array(0),
  ];
  for (const bytes of left) expect(decodeCommonJpeg(bytes, 3)).toBeUndefined();
  expect(decodeCommonJpeg(plain, 1)).toBeUndefined();
  expect(decodeCommonJpeg(plain, 3, ({ height }) => height > 20)).toBeUndefined();
  // And decodes as before after all that.
  expect(Buffer.compare(decodeCommonJpeg(plain, 3)!.pixels, await bySharp(plain))).toBe(0);
});

it("whatever decodes it, a picture is as sharp brings it to a shape, turned as its camera was held", async () => {
  const upright = raw(20, 30);
  const turned = await bytesOf(upright.clone().withMetadata({ orientation: 6 }).jpeg({ quality: 100 }));
  const own = await decodeWhole("turned", turned, 3);
  expect([own.height, own.width]).toEqual([30, 20]);
  const expected = new Uint8Array(await sharp(turned).autoOrient().raw().toBuffer());
  expect(Buffer.compare(own.pixels, expected)).toBe(0);
  expect(Buffer.compare((await decodeTo("turned", turned, [30, 20, 3])).pixels, expected)).toBe(0);
  const small = await decodeTo("turned", turned, [10, 10, 3]);
  expect([small.height, small.width, small.pixels.length]).toEqual([30, 20, 300]);
  const cover = await sharp(turned).autoOrient().resize({ width: 10, height: 10, fit: "cover" }).raw().toBuffer();
  expect(Buffer.compare(small.pixels, new Uint8Array(cover))).toBe(0);
});

it("shrinks by 2, 4 or 8 while it decodes, never below the least size that serves", async () => {
  const bytes = await bytesOf(raw(400, 600).jpeg());
  const of = async (height: number, width: number) => {
    const { height: h, width: w, pixels } = await decodeWhole("large", bytes, 3, () => [height, width]);
    expect(pixels.length).toBe(h * w * 3);
    return [h, w];
  };
  expect(await of(400, 600)).toEqual([400, 600]);
  expect(await of(201, 300)).toEqual([400, 600]);
  expect(await of(200, 300)).toEqual([200, 300]);
  expect(await of(60, 100)).toEqual([100, 150]);
  expect(await of(1, 1)).toEqual([50, 75]);
  // A shrunk picture is the mean of what it stands for, nearly.
  const whole = await decodeWhole("large", bytes, 3);
  const half = await decodeWhole("large", bytes, 3, () => [200, 300]);
  const mean = (pixels: Uint8Array) => pixels.reduce((sum, value) => sum + value, 0) / pixels.length;
  expect(Math.abs(mean(half.pixels) - mean(whole.pixels))).toBeLessThan(1);
});

it("reads what heads say", async () => {
  const image = raw(20, 30);
  const head = async (options: Sharp) => parseJpegHeader(await bytesOf(options));
  const plain = { height: 20, width: 30, components: 3, isCommon: true, orientation: 1, hasProfile: false };
  expect(await head(image.clone().jpeg())).toEqual(plain);
  expect(await head(image.clone().jpeg({ progressive: true }))).toEqual(plain);
  expect(await head(image.clone().withMetadata({ orientation: 8 }).jpeg())).toMatchObject({ orientation: 8 });
  expect(await head(image.clone().withIccProfile("p3").jpeg())).toMatchObject({ hasProfile: true });
  expect(await head(image.clone().toColourspace("cmyk").jpeg())).toMatchObject({ components: 4 });
  expect(await head(image.clone().toColourspace("b-w").jpeg())).toMatchObject({ components: 1 });
  // Big-endian Exif, a fill byte and an arithmetic-coded frame, by hand.
  const exif = [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 3, 0, 0, 0, 0, 0, 0];
  const app1 = [0xff, 0xff, 0xe1, 0, 8 + exif.length, ...[..."Exif\0\0"].map((c) => c.charCodeAt(0)), ...exif];
  const frame = (marker: number) => [0xff, marker, 0, 11, 8, 0, 2, 1, 4, 1, 1, 0x11, 0];
  const scan = [0xff, 0xda, 0, 8];
  const file = (marker: number) => Uint8Array.of(0xff, 0xd8, ...app1, ...frame(marker), ...scan);
  const made = { height: 2, width: 260, components: 1, orientation: 3, hasProfile: false };
  expect(parseJpegHeader(file(0xc0))).toEqual({ ...made, isCommon: true });
  expect(parseJpegHeader(file(0xc9))).toEqual({ ...made, isCommon: false });
  expect(parseJpegHeader(file(0xc4))).toBeUndefined();
  for (const length of [0, 1, 3, 8, 40, 50]) expect(parseJpegHeader(file(0xc0).subarray(0, length))).toBeUndefined();
});

/** An Exif block with one entry for the orientation, as a TIFF of either byte order. */
function exif(value: number, { type = 3, count = 1, little = false, directory = 8, magic = 42, twice = false } = {}) {
  const entries = twice ? 2 : 1;
  const bytes = new Uint8Array(6 + 8 + 2 + 12 * entries + 4 + 8);
  bytes.set(new TextEncoder().encode("Exif\0\0"));
  const tiff = new DataView(bytes.buffer, 6);
  tiff.setUint16(0, little ? 0x4949 : 0x4d4d);
  tiff.setUint16(2, magic, little);
  tiff.setUint32(4, directory, little);
  tiff.setUint16(8, entries, little);
  for (let n = 0; n < entries; n++) {
    tiff.setUint16(10 + 12 * n, 0x0112, little);
    tiff.setUint16(12 + 12 * n, type, little);
    tiff.setUint32(14 + 12 * n, count, little);
    if (type === 4) tiff.setUint32(18 + 12 * n, n === 0 ? value : 1, little);
    else tiff.setUint16(18 + 12 * n, n === 0 ? value : 1, little);
  }
  return segment(0xe1, bytes);
}

function segment(marker: number, bytes: Uint8Array): Uint8Array {
  const length = bytes.length + 2;
  return Uint8Array.from([0xff, marker, length >> 8, length & 255, ...bytes]);
}

const withSegments = (jpeg: Uint8Array, segments: readonly Uint8Array[]) =>
  Uint8Array.from([...jpeg.subarray(0, 2), ...segments.flatMap((s) => [...s]), ...jpeg.subarray(2)]);

it("turns a photo as prediction does, however its camera says so", async () => {
  const jpeg = await bytesOf(raw(12, 20).jpeg());
  const adobe = (transform: number) =>
    segment(0xee, Uint8Array.from([...Buffer.from("Adobe"), 0, 100, 0, 0, 0, 0, transform]));
  const ways: Record<string, readonly Uint8Array[]> = {
    "a SHORT": [exif(6)],
    "a SHORT, little-endian": [exif(6, { little: true })],
    "a LONG": [exif(6, { type: 4 })],
    "a LONG, little-endian": [exif(8, { type: 4, little: true })],
    "a BYTE": [exif(6, { type: 1 })],
    "two numbers": [exif(6, { count: 2 })],
    "no number": [exif(6, { count: 0 })],
    "a number past 8": [exif(9)],
    zero: [exif(0)],
    "two blocks, 6 then 1": [exif(6), exif(1)],
    "two blocks, 1 then 6": [exif(1), exif(6)],
    "two entries": [exif(6, { twice: true })],
    "a directory past the end": [exif(6, { directory: 9999 })],
    "another magic number": [exif(6, { magic: 43 })],
    "an empty block": [segment(0xe1, new TextEncoder().encode("Exif\0\0"))],
    "Adobe's colours": [adobe(0)],
    "Adobe's colours, the usual ones": [adobe(1)],
  };
  for (const [way, segments] of Object.entries(ways)) {
    const bytes = withSegments(jpeg, segments);
    const turned = await sharp(bytes).autoOrient().toColourspace("srgb").raw().toBuffer({ resolveWithObject: true });
    const { width, height } = turned.info;
    const { pixels } = await decodeTo("photo.jpg", bytes, [height, width, 3]);
    expect([way, Buffer.compare(pixels, turned.data)]).toEqual([way, 0]);
    const folder = mkdtempSync(join(tmpdir(), "fovea-exif-"));
    try {
      writeFileSync(join(folder, "photo.jpg"), bytes);
      const predicted = await readPicture(join(folder, "photo.jpg"), [height, width, 3], "resize");
      expect([way, Buffer.compare(predicted, turned.data)]).toEqual([way, 0]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
});
