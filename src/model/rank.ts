/**
 * Where a class stands among all, by what a network gives for each: the figures behind top-1 and top-5. One rule holds
 * everywhere, that of the op argmax and of PyTorch: of equals the lower class comes first, and what is not a number
 * comes before all that are.
 */

/** Whether class k stands before class j. */
const isBefore = (k: number, a: number, j: number, b: number): boolean => {
  if (Number.isNaN(a) !== Number.isNaN(b)) return Number.isNaN(a);
  return a > b || (!(a < b) && k < j);
};

/** The class that stands first, of those from `offset` on. */
export function likeliest(numbers: ArrayLike<number>, offset = 0, classes = numbers.length - offset): number {
  let best = 0;
  for (let k = 1; k < classes; k++) if (isBefore(k, numbers[offset + k]!, best, numbers[offset + best]!)) best = k;
  return best;
}

/** The place of class `label`, from 1. */
export function rankOf(numbers: ArrayLike<number>, offset: number, classes: number, label: number): number {
  const own = numbers[offset + label]!;
  let rank = 1;
  for (let k = 0; k < classes; k++) if (k !== label && isBefore(k, numbers[offset + k]!, label, own)) rank++;
  return rank;
}

/** All classes, the first first. */
export const ranked = (numbers: ArrayLike<number>): number[] =>
  Array.from({ length: numbers.length }, (_, k) => k).sort((k, j) =>
    isBefore(k, numbers[k]!, j, numbers[j]!) ? -1 : 1,
  );
