/**
 * The graphs of a classifier's training and evaluation. A training step is one graph with two entry points, `accumulate`
 * (forward, backward, add to the gradients; running statistics move with every batch) and `apply` (update); where nothing comes between they are one, `step`.
 */
import { unknownName } from "../errors.js";
import type { Assign, Entry } from "../graph/graph.js";
import type { Shape, Value } from "../graph/value.js";
import { CROSS_ENTROPY, lossOf, type Module, type Traced, trace } from "../nn/index.js";
import { add, argmax, correct, differentiate, mean, multiply, softmax } from "../ops/index.js";
import type { Optimizer } from "./optimizer.js";

export interface TrainingEntries {
  /** Forward, backward and update on one batch. Outputs: `loss` and `correct`, one number a sample. */
  readonly step: Entry;
  /** Adds the batch's gradients, times the input `share`, to the stored ones. Outputs as `step`. */
  readonly accumulate: Entry;
  /** Updates with the stored gradients and clears them. */
  readonly apply: Entry;
  readonly traced: Traced;
}

/** Whether any layer drew random numbers, so that the program has the input "random". */
export function usesRandom(traced: Traced): boolean {
  return traced.graph.inputs.some((i) => i.attributes.name === "random");
}

export function trainingEntries(network: Module, input: Shape, optimizer: Optimizer): TrainingEntries {
  const traced = trace(network, { input, training: true });
  const { graph, output } = traced;
  const labels = graph.input("labels", { shape: output.shape.slice(0, -1), dtype: "i32" });
  const losses = graph.scope("loss", () => lossOf(network.loss ?? CROSS_ENTROPY, output, labels));
  const loss = graph.scope("loss", () => mean(losses, { batch: true }));
  const hits = graph.scope("metrics", () => correct(output, labels));
  const names = [...traced.parameters.keys()];
  const parameters = names.map((name) => traced.parameters.get(name)!.value);
  const gradients = differentiate(loss, parameters);
  const scalars = new Map<string, Value>();
  const scalar = (name: string): Value => {
    const known = scalars.get(name) ?? graph.input(name, { shape: [], batched: false });
    scalars.set(name, known);
    return known;
  };
  const updatesFrom = (values: readonly Value[]): Assign[] =>
    names.flatMap((name, i) =>
      graph.scope(name, () =>
        optimizer.update({ graph, name, parameter: parameters[i]!, gradient: values[i]!, scalar }),
      ),
    );
  const stored = names.map((name, i) => graph.state(`${name}.gradient`, "gradient", parameters[i]!.shape));
  const outputs = { loss: losses, correct: hits };
  const share = graph.input("share", { shape: [], batched: false });
  return {
    traced,
    step: { name: "step", outputs, assigns: [...updatesFrom(gradients), ...traced.updates] },
    accumulate: {
      name: "accumulate",
      outputs,
      assigns: [
        ...stored.map((state, i) => ({
          state,
          value: graph.scope(names[i]!, () => add(state, multiply(gradients[i]!, share))),
        })),
        ...traced.updates,
      ],
    },
    apply: {
      name: "apply",
      outputs: {},
      assigns: [
        ...updatesFrom(stored),
        ...stored.map((state) => ({ state, value: graph.constant(0, { shape: state.shape }) })),
      ],
    },
  };
}

/** Outputs `loss`, `correct` and `prediction` (the likeliest class), one a sample. */
export function evaluationEntry(network: Module, input: Shape): { entry: Entry; traced: Traced } {
  const traced = trace(network, { input, training: false });
  const { graph, output } = traced;
  const labels = graph.input("labels", { shape: output.shape.slice(0, -1), dtype: "i32" });
  const outputs = {
    loss: graph.scope("loss", () => lossOf(network.loss ?? CROSS_ENTROPY, output, labels)),
    correct: graph.scope("metrics", () => correct(output, labels)),
    prediction: graph.scope("metrics", () => argmax(output)),
  };
  return { entry: { name: "evaluate", outputs, assigns: [] }, traced };
}

/** The name of the output that holds what the layer at `path` gives. */
export const layerOutput = (path: string) => `layer ${path}`;

/**
 * Outputs `logits` and `probabilities`, and what each layer of `layers` gives.
 * @throws OptionError where there is no layer of such a path.
 */
export function predictionEntry(
  network: Module,
  input: Shape,
  layers: readonly string[] = [],
): { entry: Entry; traced: Traced } {
  const traced = trace(network, { input, training: false });
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
