/**
 * Fits the tensors of a file to a network by name: every tensor of the network is found, every one of the file is used,
 * and shapes agree; what does not is named. Prefixes are found (place-names.ts), and a file in another known spelling
 * is read through its name map.
 */

import { shown } from "../../base/bytes.js";
import { FileError, OptionError } from "../../base/errors.js";
import { type Check, expecting, isRecord } from "../../base/options.js";
import type { SafeTensor } from "../../formats/safetensors/safetensors.js";
import { type Shape, sameShape } from "../../graph/shape.js";
import type { PixelScaling } from "../../models/index.js";
import { type FileTensor, type NameMap, nameMapsOf } from "../../models/weight-names/index.js";
import { type AnyModule, savedOf } from "../../nn/index.js";
import { fileShape, fromFile, weightKinds } from "./layout.js";
import type { Names } from "./names.js";
import { commonPrefix, type Placed, passesOver, placeNames, type Rename, renamer } from "./place-names.js";
import type { Weight } from "./weights.js";

/** What names may be, as an option. */
export const names: Check = expecting(
  "an object or a function that gives the network's names by the file's",
  (map) => typeof map === "function" || isRecord(map),
);

export interface FitTarget {
  readonly module: AnyModule;
  readonly network: { readonly name: string } | undefined;
  /** Of the pixels that the network reads, where it has its own. */
  readonly scaling?: PixelScaling | undefined;
}

export interface FitOptions {
  /** The map that holds, instead of those that fovea knows for the network. */
  readonly map?: Names | undefined;
  /** Whether a tensor, by the network's name, may be missing, of another shape, or belong to nothing. */
  readonly mayDiffer?: ((name: string) => boolean) | undefined;
  /** Says what else to try, after the differences. */
  readonly cure?: ((names: readonly string[]) => string) | undefined;
}

export interface FittedWeights {
  readonly weights: Map<string, Weight>;
  /** Tensors of the network that the file does not give, by name. */
  readonly missing: readonly string[];
  /** Tensors of the file that the network does not take, by the network's spelling. */
  readonly unused: readonly string[];
}

type Tensors = ReadonlyMap<string, SafeTensor>;

/** Differences that are named in a message. */
const MOST_NAMED = 20;

/** @throws FileError that lists every difference that may not be. */
export function fitWeights(path: string, file: Tensors, target: FitTarget, options: FitOptions = {}): FittedWeights {
  const { module, network } = target;
  const kinds = weightKinds(module);
  const saved = savedOf(module);
  const shapes = new Map(
    [...saved].map(([name, parameter]) => [name, fileShape(parameter.shape, kinds.get(parameter))]),
  );
  const { tensors, placed } = inOurNames(path, file, target, options.map, shapes);
  const mayDiffer = options.mayDiffer ?? (() => false);
  const weights = new Map<string, Weight>();
  const missing: string[] = [];
  const unused: string[] = [...placed.outside];
  const problems: (readonly [name: string, text: string])[] = [];
  for (const [name, parameter] of saved) {
    const kind = kinds.get(parameter);
    const expected = shapes.get(name)!;
    const tensor = tensors.get(name);
    let problem: string | undefined;
    if (tensor === undefined) problem = `tensor "${name}" (${text(expected)}) is missing`;
    else if (!sameShape(tensor.shape, expected))
      problem = `tensor "${name}" is ${text(tensor.shape)}, expected ${text(expected)}`;
    else if (!isWeight(tensor))
      problem = `tensor "${name}" is of type ${tensor.dtype}, expected floating-point numbers`;
    else {
      try {
        weights.set(name, fromFile(tensor, parameter.shape, kind));
      } catch (error) {
        if (!(error instanceof OptionError)) throw error;
        problem = `tensor "${name}": ${error.message}`;
      }
    }
    if (problem !== undefined && mayDiffer(name)) missing.push(name);
    else if (problem !== undefined) problems.push([name, problem]);
  }
  for (const [name, tensor] of tensors) {
    if (saved.has(name) || isCounter(name, saved)) continue;
    if (mayDiffer(name) || !isWeight(tensor)) unused.push(name);
    else problems.push([name, `tensor "${shown(name)}" (${text(tensor.shape)}) belongs to no parameter`]);
  }
  if (problems.length > 0) {
    const named = problems.slice(0, MOST_NAMED).map(([, problem]) => problem);
    const more = problems.length > named.length ? `; and ${problems.length - named.length} more` : "";
    const usual = () => "Name the network and the options that it was made with";
    const cure = `${(options.cure ?? usual)(problems.map(([name]) => name))}${namesCure(file, placed, saved)}`;
    throw new FileError(`${path}: does not fit ${network?.name ?? "its network"}: ${named.join("; ")}${more}. ${cure}`);
  }
  return { weights, missing, unused };
}

/** PyTorch's batch norms count their batches, which nothing here depends on. */
function isCounter(name: string, saved: ReadonlyMap<string, unknown>): boolean {
  const counter = /(?:^|\.)num_batches_tracked$/;
  return counter.test(name) && saved.has(name.replace(/num_batches_tracked$/, "running_mean"));
}

/** Counters, masks and indices, which PyTorch's modules keep among their weights, are none. */
const isWeight = ({ dtype }: SafeTensor) => /^(BF|F)\d+$/.test(dtype);

// --- Names

interface InOurNames {
  readonly tensors: Tensors;
  readonly placed: Placed;
}

function inOurNames(
  path: string,
  file: Tensors,
  { network, scaling }: FitTarget,
  map: Names | undefined,
  shapes: ReadonlyMap<string, Shape>,
): InOurNames {
  const known = new Set(shapes.keys());
  const fits = (name: string, ours: string) => sameShape(file.get(name)!.shape, shapes.get(ours)!);
  const names = [...file.keys()].filter((name) => map === undefined || !passesOver(map, name));
  const place = (rename: Rename) => placeNames(path, names, known, rename, fits);
  let placed = place(map === undefined ? (name) => name : renamer(map));
  let best: NameMap | undefined;
  for (const candidate of map !== undefined || network === undefined ? [] : nameMapsOf(network.name)) {
    const other = place((name) => candidate.rename(name));
    if (other.found > placed.found) [best, placed] = [candidate, other];
  }
  if (names.length < file.size) {
    const kept = new Set(names);
    placed = { ...placed, outside: [...placed.outside, ...[...file.keys()].filter((name) => !kept.has(name))] };
  }
  const tensors = renamed(path, file, placed.names);
  return best?.convert === undefined || scaling === undefined
    ? { tensors, placed }
    : { tensors: converted(tensors, best.convert(floats(tensors), scaling)), placed };
}

/**
 * What to do where the names are others: says the prefix that was found, and both spellings where none of the names
 * was.
 */
function namesCure(file: Tensors, { prefix, found }: Placed, saved: ReadonlyMap<string, unknown>): string {
  const read = prefix === "" ? "" : `. The names were read behind "${shown(prefix)}"`;
  if (found > 0) return read;
  if (file.size === 0) return ". The file holds no tensors";
  const common = commonPrefix([...file.keys()]);
  const few = (names: Iterable<string>) =>
    [...names]
      .slice(0, 3)
      .map((name) => shown(name))
      .join(", ");
  const begin = common === "" ? "" : `, which all begin with "${shown(common)}",`;
  return `. None of the file's names (${few(file.keys())}, ...)${begin} is one of the network's (${few(saved.keys())}, ...): say which is which by --map FROM=TO (option map)`;
}

/** Names that the map does not know stay as they are, and are told as belonging to nothing. */
function renamed(path: string, file: Tensors, names: ReadonlyMap<string, string>): Map<string, SafeTensor> {
  const tensors = new Map<string, SafeTensor>();
  for (const [name, ours] of names) {
    if (tensors.has(ours)) throw new FileError(`${path}: two tensors are both named "${shown(ours)}" by the name map`);
    tensors.set(ours, file.get(name)!);
  }
  return tensors;
}

function floats(tensors: Tensors): Map<string, FileTensor> {
  const found = new Map<string, FileTensor>();
  for (const [name, { shape, data }] of tensors) if (data instanceof Float32Array) found.set(name, { shape, data });
  return found;
}

function converted(tensors: Tensors, changes: ReadonlyMap<string, FileTensor>): Tensors {
  const all = new Map(tensors);
  for (const [name, { shape, data }] of changes) all.set(name, { dtype: "F32", shape, data });
  return all;
}

const text = (extents: Shape) => (extents.length === 0 ? "a scalar" : extents.join("x"));
