/** What a module's `forward` takes and gives: a value, or several by name or in a list, nested at will. */
import { isRecord, shown } from "../base/options.js";
import { isValue, type Value } from "../graph/graph.js";

/** A value, or several by name or in a list, nested at will: what `forward` accepts and returns. */
export type Values = Value | readonly Values[] | { readonly [name: string]: Values };

type Leaf = readonly [path: string, leaf: unknown];

/** Whether it holds others by name or place: a list, or an object that is of no class. */
export function isStructure(given: unknown): given is readonly unknown[] | Readonly<Record<string, unknown>> {
  if (Array.isArray(given)) return true;
  if (!isRecord(given) || isValue(given)) return false;
  const prototype: unknown = Object.getPrototypeOf(given);
  return prototype === null || prototype === Object.prototype;
}

export const joined = (path: string, name: string): string => (path === "" ? name : `${path}.${name}`);

/** What is in a structure and is none itself, by path: `logits`, `heads.0`; "" where it is no structure. */
export function leavesOf(given: unknown, path = ""): readonly Leaf[] {
  if (!isStructure(given)) return [[path, given]];
  return Object.entries(given).flatMap(([name, inner]) => leavesOf(inner, joined(path, name)));
}

/** The values in it, by path. */
export const valuesOf = (given: unknown): readonly (readonly [path: string, value: Value])[] =>
  leavesOf(given).filter((leaf): leaf is readonly [string, Value] => isValue(leaf[1]));

/** Why it is neither a value nor values by name or in a list; undefined where it is. */
export function notValues(given: unknown): string | undefined {
  const leaves = leavesOf(given);
  const strays = leaves.filter(([, leaf]) => !isValue(leaf));
  if (leaves.length > 0 && strays.length === 0) return undefined;
  const [stray] = strays;
  if (stray === undefined || strays.length === leaves.length) return given === undefined ? "nothing" : shown(given);
  return `${stray[1] === undefined ? "nothing" : shown(stray[1])} as "${stray[0]}"`;
}
