/** What the options of several optimisers may be. */
import { mismatch, number } from "../../base/options.js";

/** What a 32-bit number can hold. */
const LARGEST = 3.4e38;

export const notNegative = number({ from: 0, to: LARGEST }, "a number at least 0");

/** A share of what was before. */
export const momentum = number({ from: 0, to: 1 });

/**
 * The part of a running mean that stays. A mean that forgets nothing, beta 1, would stay at zero: the correction of its
 * start divides by 1 - beta.
 */
export const beta = number({ from: 0, below: 1 });

export function betas(value: unknown, name: string): void {
  if (!Array.isArray(value) || value.length !== 2) throw mismatch(name, value, "two numbers, such as [0.9, 0.999]");
  for (const [i, item] of value.entries()) beta(item, `${name}[${i}]`);
}

/** Said to those who give an optimiser the parameters, as PyTorch asks for. */
export const PARAMETERS = "train gives it the parameters";

/** Options that are recorded only where they are set, so that records of runs without them stay as they were. */
export const whereSet = <T extends Readonly<Record<string, number | boolean>>>(options: T): Partial<T> =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== 0 && value !== false)) as Partial<T>;
