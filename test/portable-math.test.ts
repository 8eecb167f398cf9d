import { expect, it } from "vitest";
import { cosineOfPi, exp, integerPower, log, power } from "#fovea/base/portable-math.js";

/** The difference of two numbers as a part of the second. */
const off = (found: number, expected: number) => Math.abs(found - expected) / Math.abs(expected);

it("the cosine is right to 1e-15", () => {
  for (let i = 0; i <= 100; i++)
    expect(Math.abs(cosineOfPi(i / 100) - Math.cos((Math.PI * i) / 100))).toBeLessThan(1e-15);
  expect([cosineOfPi(0), cosineOfPi(1)]).toEqual([1, -1]);
});

it("exponentials and logarithms are right, small and large", () => {
  for (const x of [-600, -30.5, -1, -0.3, -1e-9, 1e-9, 0.3, 1, 30.5, 600])
    expect(off(exp(x), Math.exp(x))).toBeLessThan(1e-12);
  for (const x of [5e-324, 1e-300, 0.1, 0.7, 0.99999, 1.00001, 2, 1e5, 1e300])
    expect(off(log(x), Math.log(x))).toBeLessThan(1e-14);
  expect([exp(0), log(1), exp(-0)]).toEqual([1, 0, 1]);
});

it("powers are right, whole and broken", () => {
  expect([integerPower(3, 0), integerPower(3, 5), integerPower(-2, 3)]).toEqual([1, 243, -8]);
  for (const [x, y] of [
    [0.9, 0.9],
    [0.5, 2.5],
    [1e-8, 0.3],
    [0.37, -1.5],
  ] as const)
    expect(off(power(x, y), x ** y)).toBeLessThan(1e-13);
  expect([power(0, 0.9), power(1, 0.9), power(0.5, 2)]).toEqual([0, 1, 0.25]);
});
