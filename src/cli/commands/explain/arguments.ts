/**
 * Reads what `fovea explain` is asked about: sizes, matrices in files or in the command itself, pictures, and windows.
 */

import { readFile } from "node:fs/promises";
import { type Image, imageOf, type Plane, parsePlanes } from "../../../analysis/explain/matrix-text.js";
import { FileError, OptionError } from "../../../base/errors.js";
import { hasPictureName } from "../../../data/sources/picture-kinds.js";
import type { Shape } from "../../../graph/shape.js";
import { whyUnreadable } from "../../../host/read-node.js";
import type { Padding, Pair } from "../../../ops/index.js";

/** `64x64x16` or `64x64`. */
export function sizesOf(text: string): number[] | undefined {
  return /^\d+(x\d+){1,2}$/.test(text) ? text.split("x").map(Number) : undefined;
}

/** `2`, `2x1` (down by 2, across by 1) or `y=2,x=1`. */
export function extentsOf(flag: string): (text: string) => Pair {
  return (text) => {
    const [, y, x] = /^(-?\d+)x(-?\d+)$/.exec(text) ?? /^y=(-?\d+),\s*x=(-?\d+)$/.exec(text) ?? [];
    const [, swappedX, swappedY] = /^x=(-?\d+),\s*y=(-?\d+)$/.exec(text) ?? [];
    if (y !== undefined && x !== undefined) return [Number(y), Number(x)];
    if (swappedX !== undefined && swappedY !== undefined) return [Number(swappedY), Number(swappedX)];
    if (/^-?\d+$/.test(text)) return Number(text);
    throw new OptionError(`${flag} ${text}: expected a whole number, HEIGHTxWIDTH such as 2x1, or y=2,x=1`);
  };
}

const SIDES = ["top", "bottom", "left", "right"] as const;

/** `1`, `1x2`, `same`, or sides: `top=1,left=1`. */
export function paddingOf(text: string): Padding {
  if (text === "same") return "same";
  if (/^[a-z]+=/.test(text) && !/^[xy]=/.test(text)) {
    const sides: Partial<Record<(typeof SIDES)[number], number>> = {};
    for (const part of text.split(",")) {
      const [, name, value] = /^\s*(\w+)=(\d+)\s*$/.exec(part) ?? [];
      const side = SIDES.find((known) => known === name);
      if (side === undefined || sides[side] !== undefined) {
        throw new OptionError(
          `--padding ${text}: expected sides such as top=1,left=1 (${SIDES.join(", ")}), each once`,
        );
      }
      sides[side] = Number(value);
    }
    return sides;
  }
  if (/^(\d+|\d+x\d+|[xy]=.*)$/.test(text)) return extentsOf("--padding")(text);
  throw new OptionError(`--padding ${text}: expected a number, HEIGHTxWIDTH, same, or sides such as top=1,left=1`);
}

/** A shape, and its numbers where they were given. Pixels of pictures are 0 to 1. */
export interface AskedImage {
  readonly input: Shape;
  readonly values?: Float64Array;
}

export async function readImage(
  text: string,
  options: { readonly size?: readonly [number, number]; readonly grey?: boolean } = {},
): Promise<AskedImage> {
  const sizes = sizesOf(text);
  if (sizes?.includes(0))
    throw new OptionError(`--input ${text}: expected at least one row, one column and one channel, such as 64x64x16`);
  if (sizes !== undefined) return { input: [sizes[0]!, sizes[1]!, sizes[2] ?? 1] };
  if (hasPictureName(text)) return readPictureFile(text, options);
  const { shape, values }: Image = imageOf(await readPlanes(text, "--input"));
  return { input: shape, values };
}

async function readPictureFile(
  path: string,
  { size, grey }: { readonly size?: readonly [number, number]; readonly grey?: boolean },
): Promise<AskedImage> {
  const { decodePicture, inspectPicture } = await import("../../../data/decode/read-picture-node.js");
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new FileError(`${path}: ${whyUnreadable(cause)}`, { cause });
  });
  const facts = await inspectPicture(path, bytes);
  const [height, width] = size ?? [facts.height, facts.width];
  const input = [height, width, grey || facts.grey ? 1 : 3];
  const { pixels } = await decodePicture(path, bytes, input);
  return { input, values: Float64Array.from(pixels, (byte) => byte / 255) };
}

/** Matrices from a file, or from the text itself if it has several numbers: "1 0; 0 .5". */
export async function readPlanes(text: string, flag: string): Promise<Plane[]> {
  if (text.includes(";") || /^[-+.e\d]+([\s,]+[-+.e\d]+)+$/.test(text.trim())) return parsePlanes(text, flag);
  const content = await readFile(text, "utf8").catch((cause: unknown) => {
    throw new FileError(
      `${flag} ${text}: ${whyUnreadable(cause)}; expected sizes such as ${flag === "--kernel" ? "3x3" : "6x6x1"}, a file, or numbers such as "1 0; 0 1"`,
      { cause },
    );
  });
  return parsePlanes(content, text);
}
