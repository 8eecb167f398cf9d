/** A Gaussian over a picture of three channels, rows first, then columns; beyond an edge its pixels are repeated. */

/** e^-x for x from 0 to 32, by halving: engines may differ in Math.exp. */
function decay(x: number): number {
  const t = x / 64;
  let value = 1 / (1 + t * (1 + (t / 2) * (1 + (t / 3) * (1 + (t / 4) * (1 + t / 5)))));
  for (let i = 0; i < 6; i++) value *= value;
  return value;
}

/** The middle one, and those to one side as far as they count; all of them add up to 1. */
function taps(sigma: number): number[] {
  const sizes = Array.from({ length: Math.ceil(4 * sigma) + 1 }, (_, i) => decay((i * i) / (2 * sigma * sigma)));
  const total = sizes.reduce((sum, size, i) => sum + (i === 0 ? size : 2 * size), 0);
  return sizes.map((size) => size / total);
}

/** @param pixels height x width x 3 bytes */
export function smoothed(pixels: Uint8Array, height: number, width: number, sigma: number): Float32Array {
  const image = new Float32Array(pixels);
  if (sigma === 0) return image;
  const weights = taps(sigma);
  return down(across(image, height, width, weights), height, 3 * width, weights);
}

function across(image: Float32Array, height: number, width: number, weights: readonly number[]): Float32Array {
  const reach = weights.length - 1;
  const length = 3 * width;
  const target = new Float32Array(image.length);
  // A row with its first and last pixel repeated as often as the taps reach.
  const line = new Float64Array(length + 6 * reach);
  const sums = new Float64Array(length);
  const middle = 3 * reach;
  for (let y = 0; y < height; y++) {
    const row = image.subarray(y * length, (y + 1) * length);
    line.set(row, middle);
    for (let i = 0; i < middle; i++) {
      line[i] = row[i % 3]!;
      line[middle + length + i] = row[length - 3 + (i % 3)]!;
    }
    for (let i = 0; i < length; i++) sums[i] = weights[0]! * line[middle + i]!;
    for (let k = 1; k <= reach; k++) {
      const weight = weights[k]!;
      for (let i = 0; i < length; i++) sums[i]! += weight * (line[middle + i - 3 * k]! + line[middle + i + 3 * k]!);
    }
    target.set(sums, y * length);
  }
  return target;
}

function down(image: Float32Array, height: number, length: number, weights: readonly number[]): Float32Array {
  const target = new Float32Array(image.length);
  const sums = new Float64Array(length);
  for (let y = 0; y < height; y++) {
    const here = y * length;
    for (let i = 0; i < length; i++) sums[i] = weights[0]! * image[here + i]!;
    for (let k = 1; k < weights.length; k++) {
      const weight = weights[k]!;
      const before = Math.max(0, y - k) * length;
      const behind = Math.min(height - 1, y + k) * length;
      for (let i = 0; i < length; i++) sums[i]! += weight * (image[before + i]! + image[behind + i]!);
    }
    target.set(sums, here);
  }
  return target;
}
