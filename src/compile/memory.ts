/**
 * Byte offsets for buffers that live from one level of steps to another: two buffers whose lives meet lie apart, others
 * may lie in the same place. Largest first, each at the lowest offset that is free for its whole life.
 */
export interface Lifetime {
  readonly bytes: number;
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
  const placed: number[] = [];
  let total = 0;
  for (const i of order) {
    const life = lives[i]!;
    const neighbours = placed
      .filter((j) => lives[j]!.from <= life.to && life.from <= lives[j]!.to)
      .sort((a, b) => offsets[a]! - offsets[b]!);
    let offset = 0;
    for (const j of neighbours) {
      if (offsets[j]! >= offset + align(life.bytes)) break;
      offset = Math.max(offset, offsets[j]! + align(lives[j]!.bytes));
    }
    offsets[i] = offset;
    placed.push(i);
    total = Math.max(total, offset + align(life.bytes));
  }
  return { offsets, bytes: total };
}
