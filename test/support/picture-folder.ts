/** Folders of JPEG files that a network can learn from: class k has its own colour and bar, in seeded noise. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { random } from "./random.js";

export interface PictureFolderOptions {
  readonly classes: number;
  /** Pictures a class, in train/ and in val/. */
  readonly train: number;
  readonly test: number;
  /** Height and width of a picture by its number. */
  readonly sizeOf: (n: number) => readonly [height: number, width: number];
  readonly seed?: number;
}

export async function jpegOf(height: number, width: number, label: number, seed: number): Promise<Uint8Array> {
  const { integer } = random(seed);
  const pixels = new Uint8Array(height * width * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const bar = Math.floor((8 * x) / width) === label % 8;
      for (let c = 0; c < 3; c++) {
        const base = bar ? 220 : 60 + 40 * ((label + c) % 3) + Math.floor((40 * y) / height);
        pixels[3 * (y * width + x) + c] = base + integer(-12, 12);
      }
    }
  }
  return new Uint8Array(
    await sharp(pixels, { raw: { width, height, channels: 3 } })
      .jpeg({ quality: 90 })
      .toBuffer(),
  );
}

export function put(folder: string, name: string, bytes: Uint8Array | string): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  return path;
}

/** folder/train/class/n.jpg and folder/val/class/n.jpg. */
export async function writePictureFolder(folder: string, options: PictureFolderOptions): Promise<void> {
  const { classes, train, test, sizeOf, seed = 1 } = options;
  let n = 0;
  for (const [half, count] of [
    ["train", train],
    ["val", test],
  ] as const) {
    for (let label = 0; label < classes; label++) {
      for (let i = 0; i < count; i++, n++) {
        const [height, width] = sizeOf(n);
        const number = String(i).padStart(3, "0");
        put(folder, `${half}/class${label}/${number}.jpg`, await jpegOf(height, width, label, seed * 1000 + n));
      }
    }
  }
}

/** Whole by its head and its end, but not in between. */
export function damaged(jpeg: Uint8Array): Uint8Array {
  const bytes = jpeg.slice();
  const middle = bytes.length - Math.floor(bytes.length / 4);
  bytes.fill(0xff, middle, middle + 24);
  return bytes;
}
