/**
 * The order of steps, and the barriers between them. Steps of one level run side by side without a barrier; `levels`
 * makes as few levels as there can be. `arrange` begins with those and minds memory: what large steps make (a panel of
 * weights, a value computed a second time) is made right before it is read, and of the steps of a level that which
 * frees most comes first.
 */
import type { Buffer } from "../kernels/contract/emitter.js";

export interface Access {
  readonly reads: readonly Buffer[];
  readonly writes: readonly Buffer[];
}

/**
 * The level of each step, given in an order in which every step comes after the steps that it depends on: a read waits
 * for the writes before it, a write for the reads and writes before it.
 */
export function levels(steps: readonly Access[]): number[] {
  return levelsOf(dependencies(steps));
}

/** The steps that each must wait for; those that they wait for in turn are left out. */
function dependencies(steps: readonly Access[]): number[][] {
  const written = new Map<Buffer, number>();
  const readSince = new Map<Buffer, number[]>();
  return steps.map(({ reads, writes }, step) => {
    const waits = new Set<number>();
    for (const buffer of reads) {
      const writer = written.get(buffer);
      if (writer !== undefined) waits.add(writer);
    }
    for (const buffer of writes) {
      const writer = written.get(buffer);
      if (writer !== undefined) waits.add(writer);
      for (const reader of readSince.get(buffer) ?? []) waits.add(reader);
    }
    for (const buffer of writes) {
      written.set(buffer, step);
      readSince.delete(buffer);
    }
    for (const buffer of reads) {
      if (writes.includes(buffer)) continue;
      const readers = readSince.get(buffer);
      if (readers === undefined) readSince.set(buffer, [step]);
      else readers.push(step);
    }
    waits.delete(step);
    return [...waits];
  });
}

function levelsOf(waits: readonly (readonly number[])[]): number[] {
  const level: number[] = [];
  for (const [step, before] of waits.entries()) {
    let lowest = 0;
    for (const other of before) lowest = Math.max(lowest, level[other]! + 1);
    level[step] = lowest;
  }
  return level;
}

export interface Arrangement {
  /** Which step comes when. */
  readonly order: readonly number[];
  /** The level of each step, in that order: 0, 1, ... */
  readonly levels: readonly number[];
}

export interface ArrangeOptions {
  /** Bytes of a buffer that is taken from the shared region while it lives; 0 for any other. */
  bytes(buffer: Buffer): number;
  /** Steps that take no more bytes than this may share a level with others, whatever is alive then. */
  readonly small: number;
  /** A step that takes no more than this is not put off; `small` unless said. */
  readonly tiny?: number;
  /** Whether a step is to come only right before what reads its results, however small they are. */
  isLate?(step: number): boolean;
}

export function arrange(steps: readonly Access[], options: ArrangeOptions): Arrangement {
  const { small, tiny = small } = options;
  const waits = dependencies(steps);
  const earliest = levelsOf(waits);
  const byLevel = steps.map((_, step) => step).sort((a, b) => earliest[a]! - earliest[b]! || a - b);
  const { taken, freed } = traffic(steps, byLevel, options.bytes);
  // What several steps make, such as the parts of a panel, the first of them takes.
  const made = steps.map(({ reads, writes }) =>
    writes.reduce((sum, buffer) => (reads.includes(buffer) ? sum : sum + options.bytes(buffer)), 0),
  );
  const late = lateSteps(steps, waits, earliest, (step) => {
    if (options.isLate?.(step)) return "always";
    return made[step]! > tiny && made[step]! > freed[step]! ? "withSlack" : "never";
  });
  // What a step takes for itself and for the late steps before it, and how much of that it leaves behind.
  const most = steps.map((_, step) => {
    let bytes = taken[step]!;
    for (const other of waits[step]!) if (late[other]) bytes += taken[other]!;
    return bytes;
  });
  const left = steps.map((_, step) => most[step]! - freed[step]!);
  const rank = (step: number) => (left[step]! < 0 ? 0 : 1);
  byLevel.sort(
    (a, b) => earliest[a]! - earliest[b]! || rank(a) - rank(b) || most[b]! - left[b]! - (most[a]! - left[a]!) || a - b,
  );
  const order: number[] = [];
  const done = new Uint8Array(steps.length);
  const visit = (step: number): void => {
    if (done[step]) return;
    done[step] = 1;
    // What waits for more comes first: a panel would else be kept while a whole chain is made.
    for (const other of waits[step]!) if (waits[other]!.some((before) => !done[before])) visit(other);
    for (const other of waits[step]!) visit(other);
    order.push(step);
  };
  for (const step of byLevel) if (!late[step]) visit(step);
  for (const step of byLevel) visit(step);
  return { order, levels: group(order, waits, taken, freed, small) };
}

/** The bytes that each step is the first to use, and those that it is the last to use, in this order. */
function traffic(steps: readonly Access[], order: readonly number[], bytes: (buffer: Buffer) => number) {
  const first = new Map<Buffer, number>();
  const last = new Map<Buffer, number>();
  for (const step of order) {
    for (const buffer of [...steps[step]!.reads, ...steps[step]!.writes]) {
      if (bytes(buffer) === 0) continue;
      if (!first.has(buffer)) first.set(buffer, step);
      last.set(buffer, step);
    }
  }
  const taken = new Float64Array(steps.length);
  const freed = new Float64Array(steps.length);
  for (const [buffer, step] of first) taken[step]! += bytes(buffer);
  for (const [buffer, step] of last) freed[step]! += bytes(buffer);
  return { taken, freed };
}

/** Steps that wait for nothing else to come later: those after them have levels to spare, or are late themselves. */
function lateSteps(
  steps: readonly Access[],
  waits: readonly (readonly number[])[],
  earliest: readonly number[],
  wish: (step: number) => "always" | "withSlack" | "never",
): Uint8Array {
  // The earliest level of what waits for a step, as if late steps came right before what they are for.
  const next = new Array<number>(steps.length).fill(Number.POSITIVE_INFINITY);
  const late = new Uint8Array(steps.length);
  for (let step = steps.length - 1; step >= 0; step--) {
    const wanted = wish(step);
    if (wanted === "always" || (wanted === "withSlack" && next[step]! > earliest[step]! + 1)) late[step] = 1;
    const level = late[step] === 1 ? next[step]! - 1 : earliest[step]!;
    for (const other of waits[step]!) next[other] = Math.min(next[other]!, level);
  }
  return late;
}

/** Levels for a given order: neighbours share one where neither waits for the other and little memory is at stake. */
function group(
  order: readonly number[],
  waits: readonly (readonly number[])[],
  taken: Float64Array,
  freed: Float64Array,
  small: number,
): number[] {
  const levelOf = new Int32Array(order.length).fill(-1);
  let level = 0;
  let isLarge = false; // whether a step of this level takes or frees much
  return order.map((step, i) => {
    const large = taken[step]! > small;
    if (i > 0 && ((large && isLarge) || waits[step]!.some((other) => levelOf[other] === level))) {
      level++;
      isLarge = false;
    }
    isLarge ||= large || freed[step]! > small;
    levelOf[step] = level;
    return level;
  });
}
