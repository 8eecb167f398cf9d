/** Where a class stands among all, by what a network gives for each: the figure behind top-1 and top-5. */

/** From 1; of equals the lower class comes first, as the likeliest class does, and a class that is not a number comes last. */
export function rankOf(numbers: ArrayLike<number>, offset: number, classes: number, label: number): number {
  const own = numbers[offset + label]!;
  if (Number.isNaN(own)) return classes;
  let rank = 1;
  for (let k = 0; k < classes; k++) {
    const other = numbers[offset + k]!;
    if (other > own || (other === own && k < label)) rank++;
  }
  return rank;
}
