/**
 * Numbers that tests and scripts/fixtures/zoo.py compute alike: a hash of a name and an index. And the digest of a tensor in
 * three numbers, by which they compare what they got.
 */
import { permute } from "#fovea/formats/layout.js";

/** FNV-1a. */
export function hash(text: string): number {
  let h = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) h = Math.imul(h ^ byte, 0x01000193);
  return h >>> 0;
}

/** From -1 to less than 1, as a function of a name's hash and the index. */
export function formulaAt(key: number, i: number): number {
  let x = (Math.imul(i, 0x9e3779b1) + key) >>> 0;
  x = Math.imul(x ^ (x >>> 15), 0x85ebca77);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae3d);
  return ((x ^ (x >>> 16)) >>> 0) / 2 ** 31 - 1;
}

export function formula(name: string, count: number, scale = 1, centre = 0): Float32Array {
  const key = hash(name);
  return Float32Array.from({ length: count }, (_, i) => centre + scale * formulaAt(key, i));
}

/** Largest magnitude; projection on a pseudo-random direction over sqrt(n); one element. */
export type Digest = readonly [number, number, number];

export function digest(name: string, data: ArrayLike<number>): Digest {
  const key = hash(`direction of ${name}`);
  let largest = 0;
  let projection = 0;
  for (let i = 0; i < data.length; i++) {
    largest = Math.max(largest, Math.abs(data[i]!));
    projection += data[i]! * formulaAt(key, i);
  }
  return [largest, projection / Math.sqrt(data.length), data[hash(name) % data.length]!];
}

/** Little-endian float32 numbers in base64. */
export function unpacked(base64: string): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(base64, "base64")).buffer);
}

/** From fovea's layout to PyTorch's, and back: HWIO to OIHW, [in, out] to [out, in]; anything else as it is. */
export const toTorch = (data: Float32Array, shape: readonly number[]): Float32Array =>
  shape.length === 4 ? permute(data, shape, [3, 2, 0, 1]) : shape.length === 2 ? permute(data, shape, [1, 0]) : data;

export function fromTorch(data: Float32Array, ours: readonly number[]): Float32Array {
  if (ours.length === 4) return permute(data, [ours[3]!, ours[2]!, ours[0]!, ours[1]!], [2, 3, 1, 0]);
  return ours.length === 2 ? permute(data, [ours[1]!, ours[0]!], [1, 0]) : data;
}
