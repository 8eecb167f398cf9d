/**
 * The plan of the scratch region: in which order steps run, what is computed twice, and where each buffer lies. Where
 * the plain plan is within the limit it is taken; else steps come one by one; else values are computed again in the
 * backward pass, at the least extra time that is enough. A pure function of its arguments.
 */
import type { Buffer } from "../kernels/contract/emitter.js";
import { align, type Lifetime, liveBytes, placeBuffers } from "./memory.js";
import { arrange } from "./order.js";
import { type Candidate, type CostedStep, forwardSteps, Recomputation, type Rewritten } from "./recompute.js";

export interface ScratchOptions {
  /** Bytes of a scratch buffer; 0 for any other. */
  bytes(buffer: Buffer): number;
  isOutput(buffer: Buffer): boolean;
  copyOf(buffer: Buffer): Buffer;
  /** Bytes that the region may take; the plan of the least that was found where no plan keeps to it. */
  readonly limit: number;
  /** Bytes that the region may take where no buffer takes another's place. */
  readonly mostApart: number;
}

export interface PlannedStep<S> {
  readonly step: S;
  readonly instead: ReadonlyMap<Buffer, Buffer>;
  readonly isCopy: boolean;
  readonly level: number;
}

export interface ScratchPlan<S> {
  readonly steps: readonly PlannedStep<S>[];
  readonly offsets: ReadonlyMap<Buffer, number>;
  readonly bytes: number;
  /** The most bytes that are alive at once: no placement takes less. */
  readonly liveBytes: number;
  /** The buffers alive where that is. */
  readonly atPeak: readonly Buffer[];
  /** Steps that an output needs. */
  readonly forward: readonly S[];
  /** Buffers of what is computed a second time. */
  readonly copies: ReadonlySet<Buffer>;
  /** Values that are computed a second time. */
  readonly recomputed: readonly Buffer[];
  /** Nanoseconds that this takes, as planned. */
  readonly extraNanoseconds: number;
}

/** What takes less never decides how much memory there must be. */
const TINY = 64 * 1024;
/**
 * What programs may take whose buffers all lie apart, of the plan that reuses memory: caches like that, and inference
 * lives by it.
 */
const MOST_APART = 1.5;
/** A step is minded when it takes more than this part of all buffers together. */
const MINDED = 256;
/** How many plans are placed before the search ends. */
const PLACED = 8;

interface Attempt {
  readonly dropped: ReadonlySet<Buffer>;
  readonly extraNanoseconds: number;
  readonly peak: number;
}

export function planScratch<S extends CostedStep>(steps: readonly S[], options: ScratchOptions): ScratchPlan<S> {
  const planner = new Planner(steps, options);
  const plain = planner.plain(Math.max(TINY, planner.sum / MINDED));
  if (plain.bytes <= options.limit) return plain;
  const single = planner.plain(TINY);
  if (single.bytes <= options.limit) return single;
  const least = planner.search();
  return [plain, single].reduce((best, plan) => (plan.bytes < best.bytes ? plan : best), least);
}

class Planner<S extends CostedStep> {
  readonly sum: number;
  readonly #steps: readonly S[];
  readonly #options: ScratchOptions;

  constructor(steps: readonly S[], options: ScratchOptions) {
    this.#steps = steps;
    this.#options = options;
    const all = new Set(steps.flatMap(({ reads, writes }) => [...reads, ...writes]));
    this.sum = [...all].reduce((sum, buffer) => sum + options.bytes(buffer), 0);
  }

  plain(small: number): ScratchPlan<S> {
    return this.#place(
      this.#steps.map((_, source) => ({ source, isCopy: false, instead: new Map() })),
      new Set(),
      small,
    );
  }

  /** The quickest plan within the limit, or the smallest. */
  search(): ScratchPlan<S> {
    const { bytes, isOutput, copyOf, limit } = this.#options;
    const recomputation = new Recomputation(this.#steps, { bytes, isOutput, tiny: TINY });
    const attempts: Attempt[] = [];
    const attempt = (dropped: readonly Candidate[]): number => {
      const set = new Set(dropped.map((c) => c.buffer));
      const sizes = new Map<Buffer, Buffer>();
      const trial = (buffer: Buffer) => {
        const copy = { ...buffer };
        sizes.set(copy, buffer);
        return copy;
      };
      const rewritten = recomputation.rewrite(set, trial);
      const bytesOf = (buffer: Buffer) => bytes(sizes.get(buffer) ?? buffer);
      const { peak } = this.#lives(rewritten, TINY, bytesOf);
      const extraNanoseconds = rewritten.reduce(
        (total, { source, isCopy }) => total + (isCopy ? this.#steps[source]!.nanoseconds : 0),
        0,
      );
      attempts.push({ dropped: set, extraNanoseconds, peak });
      return peak;
    };
    for (const parts of families(recomputation.candidates)) {
      // The fewest parts that are enough; more parts nearly always take less memory.
      let [low, high] = [1, parts.length];
      if (attempt(parts.flat()) > limit) continue;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (attempt(parts.slice(0, middle).flat()) <= limit) high = middle;
        else low = middle + 1;
      }
    }
    const place = ({ dropped }: Attempt) => this.#place(recomputation.rewrite(dropped, copyOf), dropped, TINY);
    const within = attempts.filter((a) => a.peak <= limit);
    const byTime = [...within].sort((a, b) => a.extraNanoseconds - b.extraNanoseconds || a.peak - b.peak);
    const bySize = [...attempts].sort((a, b) => a.peak - b.peak || a.extraNanoseconds - b.extraNanoseconds);
    let least: ScratchPlan<S> | undefined;
    for (const each of new Set([...byTime.slice(0, PLACED), ...bySize.slice(0, PLACED)])) {
      const plan = place(each);
      if (plan.bytes <= limit) return plan;
      if (least === undefined || plan.bytes < least.bytes) least = plan;
    }
    return least ?? this.plain(TINY);
  }

  #lives(rewritten: readonly Rewritten[], small: number, bytes: (buffer: Buffer) => number) {
    const accesses = rewritten.map(({ source, instead }) => {
      const { reads, writes } = this.#steps[source]!;
      if (instead.size === 0) return { reads, writes };
      const through = (buffer: Buffer) => instead.get(buffer) ?? buffer;
      return { reads: reads.map(through), writes: writes.map(through) };
    });
    const isLate = (step: number) => rewritten[step]!.isCopy;
    const { order, levels } = arrange(accesses, { bytes, small, tiny: TINY, isLate });
    const lives = new Map<Buffer, { from: number; to: number; bytes: number }>();
    for (const [at, step] of order.entries()) {
      for (const buffer of [...accesses[step]!.reads, ...accesses[step]!.writes]) {
        const known = lives.get(buffer);
        if (known !== undefined) known.to = levels[at]!;
        else if (bytes(buffer) > 0) lives.set(buffer, { from: levels[at]!, to: levels[at]!, bytes: bytes(buffer) });
      }
    }
    const alive = liveBytes([...lives.values()], (levels.at(-1) ?? 0) + 1);
    let peakLevel = 0;
    for (const [level, sum] of alive.entries()) if (sum > alive[peakLevel]!) peakLevel = level;
    return { order, levels, lives, peak: alive[peakLevel] ?? 0, peakLevel };
  }

  /** Where little is won by it, no value takes another's place: a step then waits for nothing but what it reads. */
  #placed(lives: readonly Lifetime[]): { offsets: number[]; bytes: number } {
    const plan = placeBuffers(lives);
    const all = lives.reduce((sum, { bytes }) => sum + align(bytes), 0);
    const { limit, mostApart } = this.#options;
    if (all > Math.min(mostApart, MOST_APART * plan.bytes, limit)) return plan;
    return placeBuffers(lives.map(({ bytes }) => ({ bytes, from: 0, to: 0 })));
  }

  #place(rewritten: readonly Rewritten[], dropped: ReadonlySet<Buffer>, small: number): ScratchPlan<S> {
    const { order, levels, lives, peak, peakLevel } = this.#lives(rewritten, small, this.#options.bytes);
    const buffers = [...lives.keys()];
    const { offsets, bytes } = this.#placed(buffers.map((buffer): Lifetime => lives.get(buffer)!));
    return {
      steps: order.map((index, at) => {
        const { source, instead, isCopy } = rewritten[index]!;
        return { step: this.#steps[source]!, instead, isCopy, level: levels[at]! };
      }),
      offsets: new Map(buffers.map((buffer, i) => [buffer, offsets[i]!])),
      bytes: align(bytes),
      liveBytes: peak,
      atPeak: buffers.filter((buffer) => lives.get(buffer)!.from <= peakLevel && lives.get(buffer)!.to >= peakLevel),
      forward: forwardSteps(this.#steps, this.#options.isOutput),
      copies: new Set(rewritten.filter(({ isCopy }) => isCopy).flatMap(({ instead }) => [...instead.values()])),
      recomputed: [...dropped],
      extraNanoseconds: rewritten.reduce(
        (sum, { source, isCopy }) => sum + (isCopy ? this.#steps[source]!.nanoseconds : 0),
        0,
      ),
    };
  }
}

/**
 * Lists of parts to drop, to be taken from their beginnings. First single values, those with the least time for a byte
 * before; then segments between checkpoints that lie about so many bytes apart, likewise.
 */
function families(candidates: readonly Candidate[]): Candidate[][][] {
  if (candidates.length === 0) return [];
  const price = (part: readonly Candidate[]) =>
    part.reduce((sum, c) => sum + c.nanoseconds, 0) / part.reduce((sum, c) => sum + c.bytes, 0);
  const cheapFirst = (parts: Candidate[][]) => parts.sort((a, b) => price(a) - price(b));
  const found = [cheapFirst(candidates.map((candidate) => [candidate]))];
  const total = candidates.reduce((sum, c) => sum + c.bytes, 0);
  let before = 0;
  for (let gap = total; gap > total / 128; gap /= Math.SQRT2) {
    const segments: Candidate[][] = [[]];
    let bytes = 0;
    for (const candidate of candidates) {
      bytes += candidate.bytes;
      if (candidate.isNarrow && bytes > gap) {
        segments.push([]);
        bytes = 0;
      } else segments.at(-1)!.push(candidate);
    }
    const parts = segments.filter((segment) => segment.length > 0);
    if (parts.length === before) continue;
    before = parts.length;
    found.push(cheapFirst(parts));
  }
  return found;
}
