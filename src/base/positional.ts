/**
 * Calls that take an object of options, and what they are given instead: arguments in a row, as PyTorch takes them.
 * These are refused with the object that says the same. The options of a table stand in the order of PyTorch's
 * arguments.
 */
import { OptionError } from "./errors.js";
import { type Check, isRecord, shown } from "./options.js";
import { ourName } from "./torch-names.js";

const isNeeded = (check: Check) => check.needed === true;

type Table = Readonly<Record<string, Check>>;

/**
 * `make`, which refuses arguments in a row.
 * @param call as it is written: `nn.conv2d`
 * @param first said where the first argument is no option: the parameters that PyTorch's optimisers take
 */
export function takingOptions<A extends [options?: object], R>(
  call: string,
  fields: Table,
  make: (...given: A) => R,
  first = "",
): (...given: A) => R {
  return (...given) => {
    const [options, second] = given as readonly unknown[];
    const isLeftOut = options === undefined && second === undefined && !Object.values(fields).some(isNeeded);
    // `list.map(nn.linear)` gives an index, too.
    const isRow = !isPlain(options) && (!isRecord(options) || second !== undefined);
    if (!isLeftOut && (isRow || isRecord(second))) refuseRow(call, given, fields, first);
    return make(...given);
  };
}

/**
 * @throws OptionError `conv2d: is given 3, 64, 3, expected an object of options: nn.conv2d({ in: 3, out: 64, kernel: 3
 * })`
 */
export function refuseRow(call: string, given: readonly unknown[], fields: Table, first = ""): never {
  const isFirst = first !== "" && isParameters(given[0]);
  const options = optionsText(isFirst ? given.slice(1) : given, fields);
  throw new OptionError(
    `${call.split(".").at(-1)}: is given ${rowText(given)}, expected an object of options: ${call}(${options})${isFirst ? `; ${first}` : ""}`,
  );
}

/** Arguments as errors show them. */
export const rowText = (given: readonly unknown[]): string =>
  given.every((value) => value === undefined)
    ? "nothing"
    : given.map((value) => literal(value) ?? shown(value)).join(", ");

/** What arguments in a row, objects of options among them, say of the options of a table, in its order. */
export function optionsOf(given: readonly unknown[], fields: Table): Map<string, unknown> {
  const known = Object.keys(fields);
  const row = given.filter((value) => !isRecord(value)).map((value, i) => [known[i] ?? "", value] as const);
  const named = given.filter(isRecord).flatMap((options) => Object.entries(options));
  const values = new Map([...row, ...named.map(([key, value]) => [ourName(key, known), value] as const)]);
  return new Map(known.filter((name) => values.get(name) !== undefined).map((name) => [name, values.get(name)]));
}

/** The object that says the same: `{ in: 3, out: 64, kernel: ... }`. */
function optionsText(given: readonly unknown[], fields: Table): string {
  const known = Object.keys(fields);
  const values = optionsOf(given, fields);
  const named = known.filter((name) => isNeeded(fields[name]!) || literal(values.get(name)) !== undefined);
  const names = named.length === 0 ? known : named;
  return `{ ${names.map((name) => `${name}: ${literal(values.get(name)) ?? "..."}`).join(", ")} }`;
}

/** A number, flag, text, or list or object of them, as it is written in a program. */
export function literal(value: unknown): string | undefined {
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (typeof value === "string") return shown(value);
  const items = Array.isArray(value) ? value : isPlain(value) ? Object.values(value) : undefined;
  const texts = items?.slice(0, MOST_ITEMS + 1).map(literal);
  if (texts === undefined || texts.length > MOST_ITEMS || texts.includes(undefined)) return undefined;
  if (Array.isArray(value)) return `[${texts.join(", ")}]`;
  const keys = Object.keys(value as object);
  return keys.length === 0 ? "{}" : `{ ${keys.map((key, i) => `${key}: ${texts[i]}`).join(", ")} }`;
}

const MOST_ITEMS = 8;

function isPlain(value: unknown): value is Record<string, unknown> {
  if (!isRecord(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** What is handed to PyTorch's optimisers first: a map, list or generator of parameters, or the network. */
const isParameters = (value: unknown): boolean =>
  Array.isArray(value) ? value.every((item) => typeof item === "object") : isRecord(value) && !isPlain(value);
