/** Checks of what stands in a configuration's file: every key known, of the right kind, and there. */
import { shown } from "../base/bytes.js";
import { OptionError, unknownName } from "../base/errors.js";

/** What was expected of a value; undefined where it is right. */
export type Check = (value: unknown) => string | undefined;
/** A check for every key. */
export type FieldChecks<T> = { readonly [K in keyof T]-?: Check };

export const number: Check = (v) => (typeof v === "number" ? undefined : "a number");
export const text: Check = (v) => (typeof v === "string" ? undefined : "a text");
export const flag: Check = (v) => (typeof v === "boolean" ? undefined : "true or false");
export const numbers: Check = (v) =>
  Array.isArray(v) && v.every((n) => typeof n === "number") ? undefined : "numbers";
export const optional =
  (check: Check): Check =>
  (v) =>
    v === undefined ? undefined : check(v);
export const texts: Check = (v) => (Array.isArray(v) && v.every((n) => typeof n === "string") ? undefined : "texts");
export const records: Check = (v) => (Array.isArray(v) && v.every(isRecord) ? undefined : "objects");
export const record: Check = (v) => (isRecord(v) ? undefined : "an object");
export const names: Check = (v) =>
  isRecord(v) && Object.values(v).every((name) => typeof name === "string") ? undefined : "texts by name";
export const isRecord = (v: unknown): v is Record<string, unknown> =>
  typeof v === "object" && v !== null && !Array.isArray(v);

/** The checks of the variant that `key` names. @throws OptionError where there is none of that name. */
export function variant(
  value: unknown,
  key: string,
  variants: Readonly<Record<string, Readonly<Record<string, Check>>>>,
  where: string,
): Readonly<Record<string, Check>> {
  const name = isRecord(value) ? value[key] : undefined;
  const found = typeof name === "string" && Object.hasOwn(variants, name) ? variants[name] : undefined;
  if (found === undefined)
    throw unknownName(`${where} ${key}`, typeof name === "string" ? name : shown(name), Object.keys(variants));
  return found;
}

/** @throws OptionError on a key that is unknown, missing or of the wrong kind. */
export function checkFields(
  value: unknown,
  checks: Readonly<Record<string, Check>>,
  where: string,
): asserts value is Record<string, unknown> {
  if (!isRecord(value)) throw new OptionError(`${where}: expected an object, found ${shown(JSON.stringify(value))}`);
  const known = Object.keys(checks);
  for (const key of Object.keys(value)) if (!known.includes(key)) throw unknownName(`key of ${where}`, key, known);
  for (const [key, check] of Object.entries(checks)) {
    const expected = check(value[key]);
    if (expected !== undefined) {
      const found = value[key] === undefined ? "it is missing" : `found ${shown(JSON.stringify(value[key]))}`;
      throw new OptionError(`${where}: ${key}: expected ${expected}, ${found}`);
    }
  }
}
