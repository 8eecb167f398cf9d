/**
 * From bits to numbers: encoded positions as rows of a batch, float32 [size, size, planes] each, turned or mirrored on
 * the way. Packed positions, which wait for their turn in memory, are 48 bits a vertex: three 16-bit words.
 */
import type { PlaneEncoder } from "./planes.js";

/** 16-bit words of a packed position, a vertex. */
export const PACKED_WORDS = 3;

/** Packs what an encoder holds into `to` at `offset`. */
export function packPlanes(encoder: PlaneEncoder, to: Uint16Array, offset: number): void {
  const { low, high } = encoder;
  for (let vertex = 0, i = offset; vertex < low.length; vertex++) {
    to[i++] = low[vertex]!;
    to[i++] = low[vertex]! >>> 16;
    to[i++] = high[vertex]!;
  }
}

/**
 * Writes a packed position as numbers.
 * @param table where each vertex goes: one of `symmetriesOf(size)`.
 */
export function spreadPacked(
  packed: Uint16Array,
  from: number,
  table: Int32Array,
  planes: number,
  to: Float32Array,
  offset: number,
): void {
  to.fill(0, offset, offset + table.length * planes);
  for (let vertex = 0, i = from; vertex < table.length; vertex++, i += PACKED_WORDS) {
    const low = packed[i]! | (packed[i + 1]! << 16);
    write(low, packed[i + 2]!, planes, to, offset + table[vertex]! * planes);
  }
}

/** Writes what an encoder holds as numbers. */
export function spreadPlanes(encoder: PlaneEncoder, table: Int32Array, to: Float32Array, offset: number): void {
  const { low, high, planes } = encoder;
  to.fill(0, offset, offset + table.length * planes);
  for (let vertex = 0; vertex < table.length; vertex++) {
    write(low[vertex]!, high[vertex]!, planes, to, offset + table[vertex]! * planes);
  }
}

function write(low: number, high: number, planes: number, to: Float32Array, at: number): void {
  if (planes === 1) {
    if (low !== 0) to[at] = low & 1 ? 1 : -1;
    return;
  }
  for (let bits = low; bits !== 0; bits &= bits - 1) to[at + 31 - Math.clz32(bits & -bits)] = 1;
  for (let bits = high; bits !== 0; bits &= bits - 1) to[at + 63 - Math.clz32(bits & -bits)] = 1;
}
