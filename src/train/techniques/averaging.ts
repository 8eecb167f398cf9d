/**
 * Averaged weights as states beside the weights: after each update
 *
 *     average += (weights - average) x averageShare
 *
 * where the share comes in as a number, so that a decay that changes needs no other program. Lookahead, besides, lets the weights
 * go on from the average: weights += (average - weights) x averageSync, which is 1 after every so many updates and else 0.
 *
 * Running statistics are averaged as the weights are: what a batch norm takes then belongs to the same stretch of training.
 */
import type { Assign, Value } from "../../graph/graph.js";
import { add, multiply, subtract } from "../../ops/index.js";
import type { WeightAveraging } from "./techniques.js";

/** The state that holds the average of a state. */
export const averageName = (name: string): string => `${name}.average`;

/** The state changes of an update with those of the averages among them. `statistics` are those that no change is among `changes` for. */
export function withAverages(
  average: WeightAveraging,
  changes: readonly Assign[],
  statistics: readonly Assign["state"][],
  scalar: (name: string) => Value,
): Assign[] {
  const unchanged = statistics.map((state): Assign => ({ state, value: state as unknown as Value }));
  return [...changes, ...unchanged].flatMap(({ state, value }): Assign[] => {
    const { name, kind, shape } = state.attributes;
    if (kind !== "parameter" && kind !== "statistic") return [{ state, value }];
    const { graph } = state;
    return graph.scope(state.path, () => {
      const kept = graph.state(averageName(name), "optimizer", shape);
      const next = add(kept, multiply(subtract(value, kept), scalar("averageShare")));
      const change: Assign = { state: kept, value: next };
      if (average.kind === "ema") return value === (state as unknown as Value) ? [change] : [{ state, value }, change];
      return [{ state, value: add(value, multiply(subtract(next, value), scalar("averageSync"))) }, change];
    });
  });
}

/** The scalar inputs of update 1, 2, ... of `updates`. */
export function averagingScalars(
  average: WeightAveraging,
  update: number,
  updates: number,
): { readonly averageShare: number; readonly averageSync: number } {
  if (average.kind === "ema") {
    const { decay, warmup = false } = average;
    return { averageShare: 1 - (warmup ? Math.min(decay, (1 + update) / (10 + update)) : decay), averageSync: 0 };
  }
  const { every, decay = 0.5, ramp = 0 } = average;
  if (update % every !== 0) return { averageShare: 0, averageSync: 0 };
  let grown = decay;
  for (let i = 0; i < ramp; i++) grown *= update / updates;
  return { averageShare: 1 - grown, averageSync: 1 };
}
