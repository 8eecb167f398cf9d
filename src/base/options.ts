/**
 * Objects of options, held to tables. A table has a check for every option of a type, so that none can be added to the
 * type and be forgotten where options are read; what stands in no table is refused, with the nearest name that does.
 *
 *     const FIELDS: Fields<SgdOptions> = { lr: needed(number({ from: 0 })), momentum: number({ from: 0, to: 1 }), ...
 * };
 *     checkOptions("sgd", options, FIELDS);      // sgd: lr is -1, expected a number of at least 0
 */
import { nearest, OptionError } from "./errors.js";
import { torchHint } from "./torch-names.js";

/** Throws OptionError where a value is not what the option `name` may be. */
export interface Check {
  (value: unknown, name: string): void;
  /** Whether the option must be given. */
  readonly needed?: true;
}

/** A check for each property of T. */
export type Fields<T> = { readonly [K in keyof T]-?: Check };

type Table = Readonly<Record<string, Check>>;

/**
 * @param what is named in errors, such as "train"
 * @param prefix of the options' names in errors; none unless said
 * @throws OptionError on an option that is unknown, missing, or not what it may be.
 */
export function checkOptions<T extends object>(what: string, given: T, fields: Fields<T>, prefix = ""): void {
  checkKnown(what, given, fields);
  checkValues(given, fields, prefix);
}

/** The same for an object that may hold more than the table. */
export function checkValues<T extends object>(given: T, fields: Fields<T>, prefix = ""): void {
  const values = given as Readonly<Record<string, unknown>>;
  const checks = Object.entries(fields as Table);
  const missing = checks.filter(([key, check]) => check.needed && values[key] === undefined).map(([key]) => key);
  if (missing.length > 1) {
    const names = `${missing.slice(0, -1).join(", ")} and ${missing.at(-1)}`;
    throw new OptionError(`${prefix}${names} are missing, and must be given`);
  }
  for (const [key, check] of checks) {
    const value = values[key];
    if (value !== undefined) check(value, prefix + key);
    else if (check.needed) check(value, prefix + key);
  }
}

/** Only that every option is in the table. */
export function checkKnown<T extends object>(what: string, given: T, fields: Fields<T>): void {
  if (!isRecord(given)) throw new OptionError(`${what}: the options are ${shown(given)}, expected an object`);
  const known = Object.keys(fields);
  for (const key of Object.keys(given)) if (!known.includes(key)) throw unknownOption(`option of ${what}`, key, known);
}

/** `unknown option of train "epoch"; did you mean "epochs"? (known: ...)` */
export function unknownOption(what: string, key: string, known: readonly string[]): OptionError {
  const hint = hintOf(key, known);
  const names = known.length === 0 ? "it takes none" : `known: ${known.join(", ")}`;
  return new OptionError(`unknown ${what} "${key}"${hint === undefined ? "" : `; ${hint}`} (${names})`);
}

function hintOf(key: string, known: readonly string[]): string | undefined {
  if (known.includes(spelling(key))) return `did you mean "${spelling(key)}"?`;
  const torch = torchHint(key, known);
  if (torch !== undefined) return torch;
  const meant = nearest(spelling(key), known) ?? nearest(key, known) ?? fromWords(key, known);
  return meant === undefined ? undefined : `did you mean "${meant}"?`;
}

/** The options of a table, out of an object that may hold more. */
export function pick<T extends object>(given: T, fields: Fields<T>): T {
  const values = given as Readonly<Record<string, unknown>>;
  const found = Object.keys(fields).filter((key) => values[key] !== undefined);
  return Object.fromEntries(found.map((key) => [key, values[key]])) as T;
}

// --- Checks

/** Anything of which `isRight` is true; `expected` is how errors say what that is. */
export const expecting =
  (expected: string, isRight: (value: unknown) => boolean): Check =>
  (value, name) => {
    if (!isRight(value)) throw mismatch(name, value, expected);
  };

/** `lr is "0.1", expected a number of at least 0` */
export function mismatch(name: string, value: unknown, expected: string): OptionError {
  const is = value === undefined ? "is missing" : `is ${shown(value)}`;
  return new OptionError(`${name} ${is}, expected ${expected}`);
}

/** One that must be given. */
export const needed = (check: Check): Check =>
  Object.assign((value: unknown, name: string) => check(value, name), { needed: true as const });

export interface Bounds {
  readonly from?: number;
  readonly to?: number;
  /** Instead of `from`: what it must be more than. */
  readonly above?: number;
  /** Instead of `to`: what it must be less than. */
  readonly below?: number;
}

/** A finite number; `expected` is how errors call it. */
export function number(bounds: Bounds = {}, expected = `a number${rangeText(bounds)}`): Check {
  const { from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY, above, below } = bounds;
  return expecting(
    expected,
    (value) =>
      typeof value === "number" &&
      Number.isFinite(value) &&
      value >= from &&
      value <= to &&
      (above === undefined || value > above) &&
      (below === undefined || value < below),
  );
}

function rangeText({ from, to, above, below }: Bounds): string {
  const high = to !== undefined ? `to ${to}` : below !== undefined ? `to less than ${below}` : "";
  if (above !== undefined) return high === "" ? ` above ${above}` : ` above ${above}, up ${high}`;
  if (from !== undefined) return high === "" ? ` of at least ${from}` : ` from ${from} ${high}`;
  return high === "" ? "" : ` up ${high}`;
}

/** Counts are held to this unless said: what 32-bit whole numbers hold. */
export const MOST = 2 ** 31 - 1;

/** A whole number. Errors name the upper bound to those alone who are above it. */
export const whole =
  (from: number, to = MOST): Check =>
  (value, name) => {
    if (typeof value === "number" && Number.isInteger(value) && value > to) {
      throw mismatch(name, value, `a whole number of at most ${to}`);
    }
    if (!(typeof value === "number" && Number.isInteger(value) && value >= from)) {
      throw mismatch(name, value, `a whole number of at least ${from}`);
    }
  };

export const flag = expecting("true or false", (value) => typeof value === "boolean");
export const text = expecting("a text", (value) => typeof value === "string");
export const callback = expecting("a function", (value) => typeof value === "function");
/** What an AbortController has as its signal. */
export const abortSignal = expecting(
  "the signal of an AbortController",
  (signal) => typeof (signal as AbortSignal | null)?.aborted === "boolean",
);
export const anything: Check = () => {};

/** One of some names. */
export const oneOf = (names: readonly string[]): Check =>
  expecting(names.map((name) => `"${name}"`).join(names.length === 2 ? " or " : ", "), (value) =>
    names.includes(value as string),
  );

/** A list each item of which passes `check`, which is told the item's name: `freeze[2]`. */
export const listOf =
  (check: Check, what: string): Check =>
  (value, name) => {
    if (!Array.isArray(value)) throw mismatch(name, value, what);
    for (const [i, item] of value.entries()) check(item, `${name}[${i}]`);
  };

/** An object of options with a table of its own. */
export const object =
  <T extends object>(fields: Fields<T>): Check =>
  (value, name) => {
    if (!isRecord(value)) throw mismatch(name, value, "an object");
    checkOptions(name, value as T, fields, `${name}: `);
  };

/** An object whose `key` says which table holds: `{ kind: "cosine", final: 0.1 }`. Errors call it `schedule cosine`. */
export const variants =
  (key: string, tables: Readonly<Record<string, Table>>): Check =>
  (value, name) => {
    if (!isRecord(value)) throw mismatch(name, value, `an object with ${key}`);
    const variant = value[key];
    const table = typeof variant === "string" && Object.hasOwn(tables, variant) ? tables[variant] : undefined;
    if (table === undefined) throw unknownOption(`${name} ${key}`, String(variant), Object.keys(tables));
    const { [key]: _, ...rest } = value;
    checkOptions(`${name} ${variant}`, rest, table, `${name} ${variant}: `);
  };

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);

// --- Texts

const MOST_SHOWN = 60;

/** A value as errors show it. */
export function shown(value: unknown): string {
  if (typeof value === "string") return cut(JSON.stringify(value));
  if (typeof value === "function") return value.name === "" ? "a function" : `the function ${value.name}`;
  if (ArrayBuffer.isView(value))
    return `${value.constructor.name}(${(value as { length?: number }).length ?? value.byteLength})`;
  if (Array.isArray(value))
    return cut(`[${value.slice(0, 12).map(shown).join(", ")}${value.length > 12 ? ", ..." : ""}]`);
  if (typeof value !== "object" || value === null) return String(value);
  const kind = value.constructor?.name;
  if (kind !== undefined && kind !== "Object") return `${/^[AEIOU]/.test(kind) ? "an" : "a"} ${kind}`;
  const keys = Object.keys(value);
  return keys.length === 0 ? "{}" : cut(`{ ${keys.join(", ")} }`);
}

const cut = (long: string) => (long.length > MOST_SHOWN ? `${long.slice(0, MOST_SHOWN)}...` : long);

/** `weight_decay` as it would be spelt here. */
const spelling = (key: string) => key.replace(/_+([a-z0-9])/gi, (_, letter: string) => letter.toUpperCase());

/**
 * An option that is a word of the name, its initials, or its longer form: `kernel_size` is `kernel`, `learningRate`
 * `lr`, `warmup` `warmupSteps`.
 */
function fromWords(key: string, known: readonly string[]): string | undefined {
  const words = key.split(/_|(?=[A-Z])/).map((word) => word.toLowerCase());
  const initials = words.map((word) => word[0] ?? "").join("");
  return (
    known.find((name) => words.includes(name.toLowerCase())) ??
    known.find((name) => name === initials || (key.length > 2 && name.startsWith(key)))
  );
}
