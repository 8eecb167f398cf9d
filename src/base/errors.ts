/**
 * Every error that fovea throws on purpose. A message names the op or layer path, the parameter and its value, what
 * was expected, and the cure; the class tells a program which kind of thing went wrong.
 */
import { onOneLine } from "./text.js";

/**
 * What is shown of a message at most: its beginning, which names the file and the fault, and its end, where the cure
 * is.
 */
const [MOST_BEFORE, MOST_BEHIND] = [3000, 700];

function cut(text: string): string {
  if (text.length <= MOST_BEFORE + MOST_BEHIND) return text;
  return `${text.slice(0, MOST_BEFORE)} [... ${text.length - MOST_BEFORE - MOST_BEHIND} characters ...] ${text.slice(-MOST_BEHIND)}`;
}

/**
 * The class of all errors that fovea throws on purpose. A message names what, where, what was expected and the cure, in
 * one line of at most 4,000 characters.
 */
export class FoveaError extends Error {
  constructor(message?: string, options?: ErrorOptions) {
    super(message === undefined ? message : cut(onOneLine(message)), options);
  }
  // Written out in every class: bundlers for pages shorten the names of the classes themselves.
  /** Name of the class. */
  override get name(): string {
    return "FoveaError";
  }
}

/** A layer or op does not fit its input, or a parameter is out of its range. */
export class ShapeError extends FoveaError {
  override get name(): string {
    return "ShapeError";
  }
}

/** An option, name or flag that is not known or not allowed. */
export class OptionError extends FoveaError {
  override get name(): string {
    return "OptionError";
  }
}

/** A file is not what it should be: says the file, the offset or field, and what was expected there. */
export class FileError extends FoveaError {
  override get name(): string {
    return "FileError";
  }
}

/** A data set's parts do not belong together, or a value in it is out of range. */
export class DataError extends FoveaError {
  override get name(): string {
    return "DataError";
  }
}

/** Something needs more memory than it may have. Thrown before anything is allocated. */
export class MemoryError extends FoveaError {
  override get name(): string {
    return "MemoryError";
  }
}

/**
 * A kernel is not well formed, or is for another machine than the one that is to encode or run it: a fault of whoever
 * wrote it.
 */
export class KernelError extends FoveaError {
  override get name(): string {
    return "KernelError";
  }
}

/** The machine or engine lacks what was asked of it. */
export class BackendError extends FoveaError {
  override get name(): string {
    return "BackendError";
  }
}

/** Training cannot go on: the loss is not finite, or a checkpoint belongs to another run. */
export class TrainingError extends FoveaError {
  override get name(): string {
    return "TrainingError";
  }
}

/** Longer names are of nobody's invention: they are cut in messages, and not compared. */
const LONGEST_NAME = 100;

/** The candidate nearest to `name` by edit distance, if it is near enough to be what was meant. */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  if (name.length > LONGEST_NAME) return undefined;
  let best: string | undefined;
  let least = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    const d = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (d < least) {
      least = d;
      best = candidate;
    }
  }
  return best;
}

/** `unknown network "lenet"; did you mean "lenet5"? (known: ...)` */
export function unknownName(what: string, name: string, candidates: readonly string[]): OptionError {
  const near = nearest(name, candidates);
  const cut = name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}... (${name.length} characters)` : name;
  const hint = near === undefined ? "" : `; did you mean "${near}"?`;
  return new OptionError(`unknown ${what} "${cut}"${hint} (known: ${candidates.join(", ")})`);
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
