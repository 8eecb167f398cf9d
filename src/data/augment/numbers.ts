/** Functions from + - x / alone, so that all engines agree in every bit: what Math has of them differs. */

/** e^x, to about 1e-15 of itself for small x, and 1e-13 for hundreds; 0 below -700 and infinity above 700. */
export function exponential(x: number): number {
  if (x > 700) return Number.POSITIVE_INFINITY;
  if (x < -700) return 0;
  // x = n ln 2 + r.
  const n = Math.round(x / Math.LN2);
  const r = x - n * Math.LN2;
  let result = 1;
  for (let k = 14; k >= 1; k--) result = 1 + (r * result) / k;
  const factor = n < 0 ? 0.5 : 2;
  for (let k = Math.abs(n); k > 0; k--) result *= factor;
  return result;
}

/** The cosine of so many whole turns, from -1/2 to 1/2. */
export function cosineOfTurns(turns: number): number {
  return series(2 * Math.PI * turns, 0, 1);
}

/** The sine of so many whole turns, from -1/2 to 1/2. */
export function sineOfTurns(turns: number): number {
  const t = 2 * Math.PI * turns;
  return series(t, 1, t);
}

/** The terms of e^it of every other power from `power` on, whose term is `first`. */
function series(t: number, power: 0 | 1, first: number): number {
  const square = t * t;
  let sum = first;
  let term = first;
  for (let n = power + 2; n <= 30; n += 2) {
    term *= -square / (n * (n - 1));
    sum += term;
  }
  return sum;
}
