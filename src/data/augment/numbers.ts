/** Functions from + - x / alone, so that all engines agree in every bit: what Math has of them differs. */

/** e^x, for |x| up to some dozens, to about 1e-15 of itself. */
export function exponential(x: number): number {
  // e^(x / 256) by its series, squared eight times.
  const t = x / 256;
  let sum = 1;
  for (let n = 9; n >= 1; n--) sum = 1 + (t * sum) / n;
  for (let n = 0; n < 8; n++) sum *= sum;
  return sum;
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
