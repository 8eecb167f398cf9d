/**
 * Functions whose bits are the same in every JavaScript engine, made of sums, products, quotients and roots alone:
 * engines differ in the last bits of Math.exp, Math.log, Math.pow and Math.cos, and a run must be repeatable in another
 * one.
 */

/** base^n for whole n from 0, by squaring. */
export function integerPower(base: number, n: number): number {
  let result = 1;
  for (let b = base, e = n; e > 0; e = Math.floor(e / 2), b *= b) if (e % 2 === 1) result *= b;
  return result;
}

/** x^y for x from 0, to about 1e-14. */
export function power(x: number, y: number): number {
  if (Number.isInteger(y) && y >= 0) return integerPower(x, y);
  return x === 0 ? 0 : exp(y * log(x));
}

/** e^x for |x| up to 700, to about 1e-15: the square of e^(x/2), down to where a series is short. */
export function exp(x: number): number {
  if (Math.abs(x) > 0.5) return exp(x / 2) ** 2;
  let sum = 1;
  let term = 1;
  for (let n = 1; n <= 18; n++) {
    term *= x / n;
    sum += term;
  }
  return sum;
}

/**
 * The natural logarithm of x above 0, to about 1e-15: 2 artanh((x - 1) / (x + 1)), of x brought near 1 by factors of 2.
 */
export function log(x: number): number {
  let twos = 0;
  let near = x;
  for (; near > Math.SQRT2; near /= 2) twos++;
  for (; near < Math.SQRT1_2; near *= 2) twos--;
  const z = (near - 1) / (near + 1);
  let sum = 0;
  let term = z;
  for (let n = 1; n <= 41; n += 2, term *= z * z) sum += term / n;
  return twos * Math.LN2 + 2 * sum;
}

/** cos(pi x) for 0 <= x <= 1, to 1e-15. */
export function cosineOfPi(x: number): number {
  if (x > 0.5) return -cosineOfPi(1 - x);
  const t = Math.PI * x;
  const square = t * t;
  let sum = 1;
  let term = 1;
  for (let n = 1; n <= 12; n++) {
    term *= -square / ((2 * n - 1) * (2 * n));
    sum += term;
  }
  return sum;
}
