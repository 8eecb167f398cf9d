/** Inputs that hold infinities and NaN, and what must come of them. */
import type { Tensor } from "#fovea/graph/tensor.js";
import type { Random } from "./random.js";

const SPECIAL = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN];

/** Copies of tensors in which a few numbers of one of those named by `among` are infinite or NaN; `zeros` has 0 in their places. */
export function spoiled(
  tensors: readonly Tensor[],
  among: readonly number[],
  rng: Random,
): { readonly feeds: Tensor[]; readonly zeros: Tensor[] } {
  const copy = () => tensors.map(({ shape, data }) => ({ shape, data: data.slice() }));
  const [feeds, zeros] = [copy(), copy()];
  const chosen = rng.pick(among);
  for (let i = rng.integer(1, 3); i > 0; i--) {
    const at = rng.integer(0, tensors[chosen]!.data.length - 1);
    feeds[chosen]!.data[at] = rng.pick(SPECIAL);
    zeros[chosen]!.data[at] = 0;
  }
  return { feeds, zeros };
}

/**
 * The first number that is finite and yet is not `withZeros`, which comes of zeros in the places of infinities: for kernels in which
 * these spread to numbers that do not depend on them.
 */
export function finiteMismatch(actual: Tensor, withZeros: Tensor, tolerance: number): string | undefined {
  const largest = withZeros.data.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
  for (const [i, number] of actual.data.entries()) {
    const right = withZeros.data[i]!;
    if (Number.isFinite(number) && !(Math.abs(number - right) <= tolerance * largest))
      return `element ${i}: ${number}, expected ${right} or no number`;
  }
  return undefined;
}
