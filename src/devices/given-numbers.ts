/** Numbers as callers give them, where nothing checks types. */
import { mismatch } from "../base/options.js";

/**
 * @throws OptionError where they are neither numbers in a list nor a typed array: a list of lists, say, would be read
 * as NaN.
 */
export function checkNumbers(data: unknown, what: string): void {
  if (ArrayBuffer.isView(data) && !(data instanceof DataView)) return;
  const expected = "a typed array or a list of numbers, row by row";
  if (!Array.isArray(data)) throw mismatch(what, data, expected);
  const at = data.findIndex((item) => typeof item !== "number");
  if (at >= 0) throw mismatch(`${what}: number ${at}`, data[at], `a number; give ${expected}`);
}
