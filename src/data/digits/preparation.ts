/** How pictures are made into what a network takes: as digits (prepare-digit.ts), or by resizing. */
import { DataError, OptionError } from "../../base/errors.js";
import { type Shape, sizeOf } from "../../graph/shape.js";
import { borderOf } from "../sets/border.js";
import { type PictureBytes, preprocessDigit } from "./prepare-digit.js";

export const PREPARATIONS = ["digit", "resize"] as const;
export type Preparation = (typeof PREPARATIONS)[number];

/** The shape of MNIST's digits. */
export const DIGIT: Shape = [28, 28, 1];

/** A digit is looked for in a picture that was made no larger than this: what is left out is far below 28x28. */
export const LARGEST_DIGIT = 512;

/** How pictures for a network are prepared: one that tells the ten digits apart in MNIST's format takes digits. */
export function preparationFor(input: Shape, classes: readonly string[]): Preparation {
  const isDigits = classes.length === 10 && classes.every((name, label) => name === String(label));
  return isDigits && borderOf(DIGIT, input) !== undefined ? "digit" : "resize";
}

/** @throws OptionError where no picture can be made into what the network takes. */
export function checkPreparation(input: Shape, preparation: Preparation): void {
  const text = input.join(" x ");
  if (input.length !== 3 || (input[2] !== 1 && input[2] !== 3))
    throw new OptionError(
      `the network takes ${text} numbers, but pictures are height x width x 1 (grey) or x 3 (colours); name another network`,
    );
  if (preparation === "digit" && borderOf(DIGIT, input) === undefined)
    throw new OptionError(`--prepare digit: makes 28 x 28 x 1, but the network takes ${text}; choose --prepare resize`);
}

/**
 * The digit of a picture as a network takes it, on a border where that is larger than MNIST's.
 * @throws DataError where there is none
 */
export function digitFor(picture: PictureBytes, input: Shape, what: string): Uint8Array {
  const prepared = preprocessDigit(picture);
  if (prepared === undefined) throw new DataError(`${what}: shows no ink: all of it has one colour, or nearly so`);
  return onBorder(prepared.pixels, input);
}

/** MNIST's background is 0. */
function onBorder(pixels: Uint8Array, input: Shape): Uint8Array {
  const [rows, columns] = borderOf(DIGIT, input)!;
  if (rows === 0 && columns === 0) return pixels;
  const [height, width] = DIGIT as [number, number, number];
  const field = new Uint8Array(sizeOf(input));
  for (let y = 0; y < height; y++)
    field.set(pixels.subarray(y * width, (y + 1) * width), (rows + y) * input[1]! + columns);
  return field;
}
