/**
 * Fits the tensors of a file to a network by name: every tensor of the network is found, every one of the file is used, and
 * shapes agree; what does not is named. A file in another known spelling is read through its name map.
 */
import { FileError, OptionError } from "../errors.js";
import type { SafeTensor } from "../formats/safetensors.js";
import { type Shape, sameShape } from "../graph/value.js";
import type { PixelScaling } from "../models/index.js";
import { type FileTensor, type NameMap, nameMapsOf } from "../models/weight-names/index.js";
import { type Module, savedOf } from "../nn/index.js";
import { fileShape, fromFile, weightKinds } from "./weight-layout.js";
import type { Weight } from "./weights.js";

/** The network's names by the file's; or the network's name of a tensor, undefined where it has none. */
export type Names = Readonly<Record<string, string>> | ((name: string) => string | undefined);

export interface FitTarget {
  readonly module: Module;
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
/** What PyTorch's wrappers put in front of every name. */
const WRAPPERS = ["module.", "_orig_mod.", "model."];

/** @throws FileError that lists every difference that may not be. */
export function fitWeights(path: string, file: Tensors, target: FitTarget, options: FitOptions = {}): FittedWeights {
  const { module, network } = target;
  const kinds = weightKinds(module);
  const saved = savedOf(module);
  const tensors = inOurNames(path, file, target, options.map, new Set(saved.keys()));
  const mayDiffer = options.mayDiffer ?? (() => false);
  const weights = new Map<string, Weight>();
  const missing: string[] = [];
  const unused: string[] = [];
  const problems: (readonly [name: string, text: string])[] = [];
  for (const [name, parameter] of saved) {
    const kind = kinds.get(parameter);
    const expected = fileShape(parameter.shape, kind);
    const tensor = tensors.get(name);
    let problem: string | undefined;
    if (tensor === undefined) problem = `tensor "${name}" (${text(expected)}) is missing`;
    else if (!sameShape(tensor.shape, expected))
      problem = `tensor "${name}" is ${text(tensor.shape)}, expected ${text(expected)}`;
    else if (!/^(BF|F)\d+$/.test(tensor.dtype))
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
    if (mayDiffer(name)) unused.push(name);
    else problems.push([name, `tensor "${name}" (${text(tensor.shape)}) belongs to no parameter`]);
  }
  if (problems.length > 0) {
    const shown = problems.slice(0, MOST_NAMED).map(([, problem]) => problem);
    const more = problems.length > shown.length ? `; and ${problems.length - shown.length} more` : "";
    const usual = () => "Name the network and the options that it was made with";
    const cure = (options.cure ?? usual)(problems.map(([name]) => name));
    throw new FileError(`${path}: does not fit ${network?.name ?? "its network"}: ${shown.join("; ")}${more}. ${cure}`);
  }
  return { weights, missing, unused };
}

/** PyTorch's batch norms count their batches, which nothing here depends on. */
function isCounter(name: string, saved: ReadonlyMap<string, unknown>): boolean {
  const counter = /(?:^|\.)num_batches_tracked$/;
  return counter.test(name) && saved.has(name.replace(/num_batches_tracked$/, "running_mean"));
}

// --- Names

function inOurNames(
  path: string,
  file: Tensors,
  target: FitTarget,
  map: Names | undefined,
  known: Set<string>,
): Tensors {
  const asked = typeof map === "object" ? (name: string) => (Object.hasOwn(map, name) ? map[name] : undefined) : map;
  if (asked !== undefined) return renamed(path, file, asked);
  const isKnown = [...file.keys()].some((name) => known.has(name));
  const plain = isKnown ? file : WRAPPERS.reduce(unwrapped, file);
  const matches = (rename: (name: string) => string | undefined) =>
    [...plain.keys()].filter((name) => known.has(rename(name) ?? "")).length;
  let best: NameMap | undefined;
  let most = matches((name) => name);
  for (const candidate of target.network === undefined ? [] : nameMapsOf(target.network.name)) {
    const count = matches((name) => candidate.rename(name));
    if (count > most) [best, most] = [candidate, count];
  }
  if (best === undefined) return plain;
  const tensors = renamed(path, plain, (name) => best.rename(name));
  return best.convert === undefined || target.scaling === undefined
    ? tensors
    : converted(tensors, best.convert(floats(tensors), target.scaling));
}

/** Names that the map does not know stay as they are, and are told as belonging to nothing. */
function renamed(path: string, file: Tensors, rename: (name: string) => string | undefined): Map<string, SafeTensor> {
  const tensors = new Map<string, SafeTensor>();
  for (const [name, tensor] of file) {
    const ours = rename(name) ?? name;
    if (tensors.has(ours)) throw new FileError(`${path}: two tensors are both named "${ours}" by the name map`);
    tensors.set(ours, tensor);
  }
  return tensors;
}

function unwrapped(file: Tensors, prefix: string): Tensors {
  const wrapped = file.size > 0 && [...file.keys()].every((name) => name.startsWith(prefix));
  return wrapped ? new Map([...file].map(([name, tensor]) => [name.slice(prefix.length), tensor])) : file;
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
