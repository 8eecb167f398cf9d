/** Checks of layers' hyper-parameters, made when the layer is. */
import { OptionError } from "../base/errors.js";
import { type Check, checkOptions, expecting, type Fields, isRecord } from "../base/options.js";
import { refuseRow } from "../base/positional.js";

/** Each must be a whole number from 1. */
export function checkWhole(layer: string, numbers: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (!Number.isInteger(value) || value < 1) {
      throw new OptionError(`${layer}: ${name} is ${value}, expected a whole number from 1`);
    }
  }
}

/**
 * @throws OptionError on what is no object of options, and on options that are unknown, missing or not what they may
 * be.
 */
export function checkLayer<T extends object>(layer: string, options: T, fields: Fields<T>): void {
  if (!isRecord(options)) refuseRow(`nn.${layer}`, [options], fields);
  checkOptions(layer, options, fields, `${layer}: `);
}

const initializer = expecting(
  'an initializer, such as { kind: "constant", value: 0 }',
  (value) => isRecord(value) && typeof value["kind"] === "string",
);
export const INITIALIZERS = { weightInit: initializer, biasInit: initializer };
/** A number that the layer itself holds to its bounds. */
export const count: Check = expecting("a number", (value) => typeof value === "number");
