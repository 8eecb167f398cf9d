/** Bitmaps and netpbm's maps, by files written out by hand; the pixels are what Pillow reads. */
import { describe, expect, it } from "vitest";
import { FileError } from "#fovea/base/errors.js";
import { isPlainPicture, parsePlainPicture } from "#fovea/formats/pictures/plain-picture.js";
import { random } from "../support/random.js";

const read = (bytes: Uint8Array) => {
  expect(isPlainPicture(bytes)).toBe(true);
  const { width, height, channels, decode } = parsePlainPicture(bytes, "a.bmp");
  return { size: [width, height, channels], pixels: [...decode()] };
};
const text = (words: string, ...bytes: number[]) => Uint8Array.from([...new TextEncoder().encode(words), ...bytes]);

interface Bitmap {
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  readonly compression?: number;
  /** Blue, green, red and nothing, each. */
  readonly palette?: readonly number[];
  readonly masks?: readonly number[];
  readonly pixels: readonly number[];
}

function bmp({ width, height, bits, compression = 0, palette = [], masks = [], pixels }: Bitmap): Uint8Array {
  const bytes = new Uint8Array(54 + 4 * masks.length + palette.length + pixels.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]);
  view.setUint32(10, bytes.length - pixels.length, true);
  view.setUint32(14, masks.length === 4 ? 56 : 40, true);
  view.setInt32(18, width, true);
  view.setInt32(22, height, true);
  view.setUint16(26, 1, true);
  view.setUint16(28, bits, true);
  view.setUint32(30, compression, true);
  view.setUint32(46, palette.length / 4, true);
  for (const [n, mask] of masks.entries()) view.setUint32(54 + 4 * n, mask, true);
  bytes.set(palette, 54 + 4 * masks.length);
  bytes.set(pixels, bytes.length - pixels.length);
  return bytes;
}

describe("a bitmap", () => {
  it("of colours stands on its head, unless its height is negative", () => {
    const pixels = [1, 2, 3, 4, 5, 6, 0, 0, 11, 12, 13, 14, 15, 16, 0, 0];
    const down = [13, 12, 11, 16, 15, 14, 3, 2, 1, 6, 5, 4];
    expect(read(bmp({ width: 2, height: 2, bits: 24, pixels }))).toEqual({ size: [2, 2, 3], pixels: down });
    const up = [3, 2, 1, 6, 5, 4, 13, 12, 11, 16, 15, 14];
    expect(read(bmp({ width: 2, height: -2, bits: 24, pixels })).pixels).toEqual(up);
    expect(read(bmp({ width: 1, height: 1, bits: 32, pixels: [1, 2, 3, 99] })).pixels).toEqual([3, 2, 1]);
  });

  it("of 16 bits, and by masks", () => {
    // 11111 00000 00001: red is whole, blue is 1 of 31.
    expect(read(bmp({ width: 1, height: 1, bits: 16, pixels: [0x01, 0x7c, 0, 0] })).pixels).toEqual([255, 0, 8]);
    const masks = [0xf800, 0x07e0, 0x001f];
    const of565 = bmp({ width: 1, height: 1, bits: 16, compression: 3, masks, pixels: [0xe0, 0x07, 0, 0] });
    expect(read(of565).pixels).toEqual([0, 255, 0]);
    const alpha = [0xff, 0xff00, 0xff0000, 0xff000000];
    const of32 = bmp({ width: 1, height: 1, bits: 32, compression: 3, masks: alpha, pixels: [1, 2, 3, 128] });
    expect(read(of32)).toEqual({ size: [1, 1, 4], pixels: [1, 2, 3, 128] });
  });

  it("of a palette is grey where all its colours are", () => {
    const palette = [0, 0, 0, 0, 90, 90, 90, 0, 200, 200, 200, 0];
    expect(read(bmp({ width: 3, height: 1, bits: 8, palette, pixels: [2, 1, 0, 0] }))).toEqual({
      ...{ size: [3, 1, 1], pixels: [200, 90, 0] },
    });
    expect(read(bmp({ width: 3, height: 1, bits: 4, palette, pixels: [0x12, 0x10, 0, 0] })).pixels).toEqual([
      90, 200, 90,
    ]);
    const red = [0, 0, 255, 0, 255, 255, 255, 0];
    expect(read(bmp({ width: 9, height: 1, bits: 1, palette: red, pixels: [0b10000000, 0b10000000, 0, 0] }))).toEqual({
      size: [9, 1, 3],
      pixels: [255, 255, 255, ...Array.from({ length: 7 }, () => [255, 0, 0]).flat(), 255, 255, 255],
    });
  });

  it("in runs", () => {
    const palette = Array.from({ length: 8 }, (_, n) => [n, n, n, 0]).flat();
    // Three 5s, then 1 2 3 as they are and a byte to fill; the end of the line; past one pixel, two 7s; the end.
    const eight = [3, 5, 0, 3, 1, 2, 3, 0, 0, 0, 0, 2, 1, 0, 2, 7, 0, 1];
    expect(read(bmp({ width: 6, height: 2, bits: 8, compression: 1, palette, pixels: eight })).pixels).toEqual([
      ...[0, 7, 7, 0, 0, 0],
      ...[5, 5, 5, 1, 2, 3],
    ]);
    // 1 2 1 2 1, then 3 4 5 as they are in two bytes.
    const four = [5, 0x12, 0, 3, 0x34, 0x50, 0, 1];
    expect(read(bmp({ width: 8, height: 1, bits: 4, compression: 2, palette, pixels: four })).pixels).toEqual([
      ...[1, 2, 1, 2, 1, 3, 4, 5],
    ]);
  });

  it("is refused by name where it is cut short, or made to take memory", () => {
    const whole = bmp({ width: 2, height: 2, bits: 24, pixels: new Array<number>(16).fill(0) });
    expect(() => read(whole.subarray(0, 60))).toThrow(
      "a.bmp: is damaged or cut off: it has 6 bytes of pixels, and 2x2 take 16",
    );
    expect(() =>
      read(bmp({ width: 9999, height: 9999, bits: 8, compression: 1, palette: [0, 0, 0, 0], pixels: [0, 1] })),
    ).toThrow("a.bmp: is damaged or cut off: its 60 bytes cannot hold 9999x9999 pixels in runs");
    expect(() => read(bmp({ width: 2, height: 2, bits: 24, compression: 4, pixels: [] }))).toThrow(
      "a.bmp: is a bitmap of 24 bits in the compression 4, which is not read",
    );
  });
});

describe("a map of netpbm", () => {
  it("in digits or in bytes, of bits, greys and colours", () => {
    expect(read(text("P1\n# a comment\n3 2\n101\n0 1 0"))).toEqual({
      size: [3, 2, 1],
      pixels: [0, 255, 0, 255, 0, 255],
    });
    expect(read(text("P2 3 1 100 0 50 100"))).toEqual({ size: [3, 1, 1], pixels: [0, 128, 255] });
    expect(read(text("P3\n1 2\n255\n1 2 3 4 5 6\n"))).toEqual({ size: [1, 2, 3], pixels: [1, 2, 3, 4, 5, 6] });
    expect(read(text("P4\n9 1\n", 0x80, 0x80)).pixels).toEqual([0, 255, 255, 255, 255, 255, 255, 255, 0]);
    expect(read(text("P5 2 1 255\n", 10, 200)).pixels).toEqual([10, 200]);
    expect(read(text("P5 2 1 65535\n", 0xff, 0xff, 0x80, 0x80)).pixels).toEqual([255, 128]);
    expect(read(text("P6 1 1 255\n", 10, 20, 30)).pixels).toEqual([10, 20, 30]);
  });

  it("is refused by name where it has too little", () => {
    const little = "a.bmp: is damaged or cut off: it has fewer than its 4 samples";
    expect(() => read(text("P5 2 2 255\n", 1, 2, 3))).toThrow(little);
    expect(() => read(text("P2 2 2 255 1 2 3"))).toThrow(little);
    expect(() => read(text("P5 0 2 255\n", 1))).toThrow("its head names no width, height and largest value");
    expect(() => read(text("P2 99999 99999 255 1"))).toThrow("it has fewer than its 9999800001 samples");
  });
});

it("is refused where its head is cut off anywhere", () => {
  const whole = bmp({ width: 5, height: 4, bits: 8, compression: 1, palette: [1, 2, 3, 4], pixels: [3, 0, 0, 1] });
  for (let length = 16; length < 54; length++) {
    expect(() => parsePlainPicture(whole.subarray(0, length), "a.bmp")).toThrow("its header is not whole");
  }
});

it("takes any bytes for a picture or a damaged one, and ends", () => {
  const { integer } = random(8);
  const heads = [
    bmp({ width: 5, height: 4, bits: 8, compression: 1, palette: [1, 2, 3, 4], pixels: [3, 0, 0, 2, 9, 9] }),
    bmp({ width: 5, height: 4, bits: 16, pixels: new Array<number>(48).fill(7) }),
    text("P3 4 4 255 ", ...new Array<number>(60).fill(0x31)),
    text("P4 4 4\n", 1, 2, 3, 4),
  ];
  for (let n = 0; n < 2000; n++) {
    const bytes = heads[n % 4]!.slice();
    for (let flips = integer(1, 4); flips > 0; flips--) bytes[integer(2, bytes.length - 1)] = integer(0, 255);
    try {
      const { width, height, decode } = parsePlainPicture(bytes.subarray(0, integer(26, bytes.length)), "a.bmp");
      if (width * height < 1e6) decode();
    } catch (error) {
      expect(error).toBeInstanceOf(FileError);
    }
  }
});
