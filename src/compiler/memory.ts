/**
 * Byte offsets for buffers that live from one level of steps to another: two buffers whose lives meet lie apart, others
 * may lie in the same place. Largest first, each at the lowest offset that is free for its whole life.
 */
export interface Lifetime {
  readonly bytes: number;
  /** First and last level, both included. */
  readonly from: number;
  readonly to: number;
}

export const ALIGNMENT = 64;

export function align(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

export function placeBuffers(lives: readonly Lifetime[]): { offsets: number[]; bytes: number } {
  const order = lives
    .map((_, i) => i)
    .sort((a, b) => lives[b]!.bytes - lives[a]!.bytes || lives[a]!.from - lives[b]!.from);
  const offsets = new Array<number>(lives.length).fill(0);
  // What is placed, by rising offset, in typed arrays: each buffer looks at all before it, and there are thousands.
  const count = lives.length;
  const starts = new Float64Array(count);
  const ends = new Float64Array(count);
  const froms = new Int32Array(count);
  const tos = new Int32Array(count);
  let placed = 0;
  let total = 0;
  for (const i of order) {
    const { from, to } = lives[i]!;
    const bytes = align(lives[i]!.bytes);
    let offset = 0;
    for (let j = 0; j < placed; j++) {
      if (froms[j]! > to || from > tos[j]!) continue;
      if (starts[j]! >= offset + bytes) break;
      if (ends[j]! > offset) offset = ends[j]!;
    }
    let at = placed;
    while (at > 0 && starts[at - 1]! > offset) at--;
    for (const column of [starts, ends, froms, tos]) column.copyWithin(at + 1, at, placed);
    starts[at] = offset;
    ends[at] = offset + bytes;
    froms[at] = from;
    tos[at] = to;
    placed++;
    offsets[i] = offset;
    total = Math.max(total, offset + bytes);
  }
  return { offsets, bytes: total };
}

/** The bytes alive at each level: their maximum is what no placement can do without. */
export function liveBytes(lives: readonly Lifetime[], levels: number): Float64Array {
  const change = new Float64Array(levels + 1);
  for (const { from, to, bytes } of lives) {
    change[from]! += align(bytes);
    change[to + 1]! -= align(bytes);
  }
  for (let level = 1; level <= levels; level++) change[level]! += change[level - 1]!;
  return change.subarray(0, levels);
}
