/** The functions that make nodes, each of which first sees that it was given values. */
import { type Check, checkOptions, shown } from "../base/options.js";
import { isValue, noValue, type Value } from "../graph/graph.js";
import { refuse } from "./support.js";

type Table = Readonly<Record<string, Check>>;

/**
 * `make`, whose first arguments are values, by these names. A name that begins with "..." is that of a list of them.
 * What is given in their place is refused before it can do harm: where nothing checks types, `add(x, 3)` would else end
 * anywhere inside.
 *
 * @param others checks of the arguments behind the values, by name, in their order
 * @param options the table of the options that stand behind those
 */
export function makes<F extends (...given: never[]) => unknown>(
  op: string,
  values: readonly string[],
  make: F,
  others: Table = {},
  options?: Table,
): F {
  const named = Object.entries(others);
  const check = (given: readonly unknown[]) => {
    for (const [i, name] of values.entries()) {
      const value = given[i];
      if (!name.startsWith("...")) expectValue(op, given, name, value);
      else if (Array.isArray(value)) {
        for (const [n, one] of value.entries()) expectValue(op, value, `${name.slice(3)}[${n}]`, one);
      } else refuseList(op, given, name.slice(3), value);
    }
    const path = pathOf(given);
    const where = path === "" ? op : `${op}(${path})`;
    for (const [i, [name, of]] of named.entries()) {
      const value = given[values.length + i];
      if (value !== undefined || of.needed) of(value, `${where}: ${name}`);
    }
    const last = given[values.length + named.length];
    if (options !== undefined) checkOptions(op, (last === undefined ? {} : last) as object, options, `${where}: `);
  };
  return ((...given: never[]) => {
    check(given);
    return make(...given);
  }) as F;
}

function expectValue(op: string, given: readonly unknown[], name: string, value: unknown): void {
  if (!isValue(value)) refuse(op, pathOf(given), noValue(name, value));
}

function refuseList(op: string, given: readonly unknown[], name: string, value: unknown): never {
  const what = isValue(value) ? "is one value" : value === undefined ? "is missing" : `is ${shown(value)}`;
  return refuse(op, pathOf(given), `${name} ${what}, expected a list of values, such as [a, b]`);
}

/** Where in the network this is, as far as the values that are there tell. */
const pathOf = (given: readonly unknown[]): string => (given.find(isValue) as Value | undefined)?.graph.path ?? "";
