/** Checks of layers' hyper-parameters, made when the layer is. */
import { OptionError } from "../errors.js";

/** Each must be a whole number from 1. */
export function checkWhole(layer: string, numbers: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (!Number.isInteger(value) || value < 1) {
      throw new OptionError(`${layer}: ${name} is ${value}, expected a whole number from 1`);
    }
  }
}
