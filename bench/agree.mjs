/** Whether two systems computed the same: the largest difference, as a part of the largest number. */
import { readNumbers } from "./inputs.mjs";

export const TOLERANCE = 1e-4;

/** Compares the raw float32 numbers of `file` with `reference`; without one they become it. */
export function agreement(file, reference) {
  const numbers = readNumbers(file);
  if (reference === undefined) {
    const finite = numbers.every(Number.isFinite);
    return { numbers, ...(finite ? {} : { problem: "its result is not finite" }) };
  }
  if (numbers.length !== reference.length)
    return { numbers, problem: `its result has ${numbers.length} numbers, fovea's ${reference.length}` };
  const difference = largestDifference(numbers, reference);
  // The comparison is also false for NaN.
  return difference <= TOLERANCE
    ? { numbers, difference }
    : { numbers, difference, problem: `its result differs from fovea's by ${difference}, more than ${TOLERANCE}` };
}

export function largestDifference(a, b) {
  let most = 0;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i] - b[i]);
    if (Number.isNaN(difference)) return difference;
    most = Math.max(most, difference);
    largest = Math.max(largest, Math.abs(b[i]));
  }
  return largest === 0 ? most : most / largest;
}
