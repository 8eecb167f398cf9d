/** How pictures are made into what a network takes: as digits (prepare-digit.ts), or by resizing. */
import { OptionError } from "../../base/errors.js";
import type { Shape } from "../../graph/shape.js";
import { borderOf } from "../sets/border.js";

export const PREPARATIONS = ["digit", "resize"] as const;
export type Preparation = (typeof PREPARATIONS)[number];

/** The shape of MNIST's digits. */
export const DIGIT: Shape = [28, 28, 1];

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
