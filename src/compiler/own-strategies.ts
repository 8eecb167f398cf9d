/**
 * The strategies that programs are made of: those of the package, and behind them those of the user's in the order of
 * registration.
 */
import type { Strategy } from "../kernels/contract/strategy.js";
import { STRATEGIES } from "../kernels/index.js";

const own: Strategy[] = [];

/** Ties in cost go to the first. */
export function registeredStrategies(): readonly Strategy[] {
  return [...STRATEGIES, ...own];
}

export function addStrategy(strategy: Strategy): void {
  own.push(strategy);
}
