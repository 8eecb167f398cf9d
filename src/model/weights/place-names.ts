/**
 * Where a network's names are among those of a file. Wrappers put a prefix in front of all (`module.`, `_orig_mod.`,
 * `model.net.`), other parts of a training program stand beside it under prefixes of their own (a teacher, a loss), and
 * one network may be there twice. The prefix is found by structure: it is the one behind which most of the network's
 * names are.
 */

import { shown } from "../../base/bytes.js";
import { FileError } from "../../base/errors.js";
import type { Names } from "./names.js";

/** The network's name for one of the file's; undefined where it has none. */
export type Rename = (name: string) => string | undefined;

export interface Placed {
  /** The network's names by the file's: of everything under the prefix, also of what the network does not know. */
  readonly names: ReadonlyMap<string, string>;
  readonly prefix: string;
  /** Names of the file that are not under the prefix, or that the map passes over. */
  readonly outside: readonly string[];
  /** How many of the network's names were found. */
  readonly found: number;
}

/**
 * Parts of names that PyTorch's own wrappers put anywhere: DataParallel, torch.compile, FSDP, activation checkpoints.
 */
const WRAPPERS = ["module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"];
/** A loss with weights of its own, beside a network whose names begin nowhere. */
const LOSS = /^(criterion|criteria|loss|losses|loss_fn|loss_func|loss_function)\./;
const MOST_NAMED = 4;
/** Longer prefixes are not looked for. */
const MOST_PARTS = 32;

/**
 * @param known the network's names
 * @param fits whether the file's tensor has the shape of the network's
 * @throws FileError where the network is there more than once.
 */
export function placeNames(
  path: string,
  names: readonly string[],
  known: ReadonlySet<string>,
  rename: Rename,
  fits: (name: string, ours: string) => boolean,
): Placed {
  const shared = commonPrefix([...known]);
  const renames: Rename[] = shared === "" ? [rename] : [rename, (name) => `${shared}${rename(name) ?? name}`];
  let placed: Placed | undefined;
  for (const plain of spellings(names, known)) {
    const candidates = renames.flatMap((rename) => candidatesOf(plain, known, rename, fits));
    candidates.sort((a, b) => b.names.size - a.names.size || b.shapes - a.shapes || a.prefix.length - b.prefix.length);
    const [best] = candidates;
    if (best === undefined || best.names.size <= (placed?.found ?? 0)) continue;
    const copies = candidates.filter((other) => other !== best && other.names.size === best.names.size);
    const same = copies.filter(({ shapes }) => shapes === best.shapes);
    // A classifier of other names may be missing; that a few names come again is chance.
    if (best.prefix !== "" && same.length > 0 && 2 * best.names.size > known.size) {
      const prefixes = [best, ...same].slice(0, MOST_NAMED).map(({ prefix }) => `"${shown(prefix)}"`);
      throw new FileError(
        `${path}: the network is in it more than once, under ${prefixes.join(" and ")}; choose one: --map ${shown(best.prefix)}= ` +
          `(option map: { "${shown(best.prefix)}": "" })`,
      );
    }
    placed = under(plain, best, best.names.size === known.size ? copies : [], known);
    if (placed.found === known.size) break;
  }
  return (
    placed ?? { names: new Map(names.map((name) => [name, rename(name) ?? name])), prefix: "", outside: [], found: 0 }
  );
}

interface Candidate {
  readonly prefix: string;
  readonly rename: Rename;
  /** Those of the network's names that are behind the prefix. */
  readonly names: Set<string>;
  /** How many of these have the network's shape. */
  shapes: number;
}

function candidatesOf(
  plain: ReadonlyMap<string, string>,
  known: ReadonlySet<string>,
  rename: Rename,
  fits: (name: string, ours: string) => boolean,
): Candidate[] {
  const candidates = new Map<string, Candidate>();
  for (const [name, text] of plain) {
    for (const at of beginnings(text)) {
      const ours = rename(text.slice(at)) ?? text.slice(at);
      if (!known.has(ours)) continue;
      const prefix = text.slice(0, at);
      const candidate = candidates.get(prefix) ?? { prefix, rename, names: new Set(), shapes: 0 };
      candidate.names.add(ours);
      if (fits(name, ours)) candidate.shapes++;
      candidates.set(prefix, candidate);
    }
  }
  return [...candidates.values()];
}

/** Where the first parts of a name begin. */
function beginnings(name: string): number[] {
  const found = [0];
  for (let dot = name.indexOf("."); dot >= 0 && found.length < MOST_PARTS; dot = name.indexOf(".", dot + 1)) {
    found.push(dot + 1);
  }
  return found;
}

/** @param copies other places of the whole network: beside one whose names begin nowhere, such as a moving average */
function under(
  plain: ReadonlyMap<string, string>,
  { prefix, rename, names: { size: found } }: Candidate,
  copies: readonly Candidate[],
  known: ReadonlySet<string>,
): Placed {
  const names = new Map<string, string>();
  const outside: string[] = [];
  for (const [name, text] of plain) {
    const rest = text.slice(prefix.length);
    const ours = rename(rest) ?? rest;
    const isBeside =
      prefix === "" && !known.has(ours) && (LOSS.test(text) || copies.some((copy) => text.startsWith(copy.prefix)));
    if (text.startsWith(prefix) && !isBeside) names.set(name, ours);
    else outside.push(name);
  }
  return { names, prefix, outside, found };
}

/**
 * Names as they are; without the parts that PyTorch's wrappers put inside of them; and without those in front, too.
 * Parts that the network itself has stay, and so does what would fall together.
 */
function spellings(names: readonly string[], known: ReadonlySet<string>): ReadonlyMap<string, string>[] {
  const own = new Set([...known].flatMap((name) => name.split(".")));
  const passed = new Set(WRAPPERS.filter((part) => !own.has(part)));
  const without = (name: string, inFront: boolean) => {
    const parts = name.split(".");
    const front = parts.findIndex((part) => !passed.has(part));
    return parts.filter((part, i) => (!inFront && i < front) || !passed.has(part)).join(".");
  };
  const as = (rename: (name: string) => string) => new Map(names.map((name) => [name, rename(name)]));
  const all = [as((name) => name), as((name) => without(name, false)), as((name) => without(name, true))];
  return all.filter((plain) => new Set(plain.values()).size === names.length);
}

const upToDot = (name: string) => name.slice(0, name.lastIndexOf(".") + 1);

/** What all names begin with, up to a dot. */
export function commonPrefix(names: readonly string[]): string {
  const [first = "", ...others] = names;
  let prefix = upToDot(first);
  for (const name of others) {
    while (!name.startsWith(prefix)) prefix = upToDot(prefix.slice(0, -1));
  }
  return prefix;
}

/**
 * A map as users give it. A table's key is a whole name, or the beginning of names up to a dot: `{ "stem.conv": "conv1"
 * }` renames stem.conv.weight, too, and `{ "student.": "" }` says that the network is what lies there. The empty key
 * stands before every name.
 */
export function renamer(map: Names): Rename {
  if (typeof map === "function") return map;
  const entries = Object.entries(map).sort(([a], [b]) => b.length - a.length);
  return (name) => {
    if (Object.hasOwn(map, name)) return map[name];
    for (const [from, to] of entries) {
      const begin = from === "" || from.endsWith(".") ? from : `${from}.`;
      if (!name.startsWith(begin)) continue;
      const end = to === "" || to.endsWith(".") || from === "" ? to : `${to}.`;
      return `${end}${name.slice(begin.length)}`;
    }
    return undefined;
  };
}

/** Whether a table says where the network lies, and this name of the file lies elsewhere. */
export function passesOver(map: Names, name: string): boolean {
  if (typeof map === "function") return false;
  const chosen = Object.entries(map).filter(([from, to]) => from !== "" && to === "");
  return chosen.length > 0 && !Object.keys(map).some((from) => name === from || name.startsWith(from));
}
