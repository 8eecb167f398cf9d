/** The graph of a network's answer: what a trained network computes for a picture. */

import { unknownName } from "../base/errors.js";
import type { Entry, Value } from "../graph/graph.js";
import type { Shape } from "../graph/shape.js";
import type { Module } from "../nn/module.js";
import type { Traced } from "../nn/trace.js";
import { traceOne } from "../nn/trace.js";
import { softmax } from "../ops/loss.js";

/** The name of the output that holds what the layer at `path` gives. */
export const layerOutput = (path: string) => `layer ${path}`;

/**
 * Outputs `logits` and `probabilities`, and what each layer of `layers` gives. `check` is asked first.
 * @throws OptionError where there is no layer of such a path.
 */
export function predictionEntry(
  network: Module,
  input: Shape,
  layers: readonly string[] = [],
  check: (traced: Traced) => void = () => {},
): { entry: Entry; traced: Traced } {
  const traced = traceOne(network, { input, training: false });
  check(traced);
  const { graph, output } = traced;
  const inside: Record<string, Value> = {};
  for (const path of layers) {
    const value = traced.layers.get(path);
    if (value === undefined) throw unknownName("layer", path, [...traced.layers.keys()].filter(Boolean));
    inside[layerOutput(path)] = value;
  }
  const probabilities = graph.scope("probabilities", () => softmax(output));
  return { entry: { name: "predict", outputs: { logits: output, probabilities, ...inside }, assigns: [] }, traced };
}
