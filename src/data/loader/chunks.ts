/** Cuts work on many pictures into chunks: small enough to be dealt evenly, large enough that messages cost little. */
const PIXELS_A_CHUNK = 2 ** 17;

export function chunkLength(height: number, width: number): number {
  return Math.max(1, Math.min(32, Math.round(PIXELS_A_CHUNK / (height * width))));
}

export function* chunksOf<T>(items: readonly T[], length: number): Generator<{ first: number; items: readonly T[] }> {
  for (let first = 0; first < items.length; first += length) yield { first, items: items.slice(first, first + length) };
}
