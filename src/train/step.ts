/**
 * The graphs of a classifier's training and evaluation. A training step is one graph with two entry points, `accumulate`
 * (forward, backward, add to the gradients; running statistics move with every batch) and `apply` (update); where nothing comes between they are one, `step`.
 */
import { OptionError } from "../base/errors.js";
import type { Assign, Entry, Value } from "../graph/graph.js";
import type { Shape } from "../graph/shape.js";
import { checkOutputs } from "../model/check-outputs.js";
import { accuracyOf, CROSS_ENTROPY, decisionOf, type Loss, lossOf, type Module, type Traced } from "../nn/index.js";
import { metricsOf } from "../nn/loss.js";
import { traceOne } from "../nn/trace.js";
import { add, differentiate, mean, multiply, softmax, subtract } from "../ops/index.js";
import type { Optimizer } from "./optimizers/optimizer.js";
import { averageName, withAverages } from "./techniques/averaging.js";
import { clip } from "./techniques/gradient-clipping.js";
import { MIX, OTHER_LABELS } from "./techniques/mixup.js";
import { frozenNorms, parameterRules } from "./techniques/parameter-rules.js";
import type { TrainingTechniques } from "./techniques/techniques.js";

export interface TrainingEntries {
  /** Forward, backward and update on one batch. Outputs: `loss` and `correct`, one number a sample (of labelled pictures the share of pixels); with clipping `gradientNorm`. */
  readonly step: Entry;
  /** Adds the batch's gradients, times the input `share`, to the stored ones. Outputs as `step`. */
  readonly accumulate: Entry;
  /** Updates with the stored gradients and clears them. With clipping it has the output `gradientNorm`. */
  readonly apply: Entry;
  readonly traced: Traced;
  /** The parameters that are trained and, where weights are averaged, statistics too: those that have a state `averageName`. */
  readonly averaged: readonly string[];
  /** The inputs that are learning rates, as multiples of the schedule's. */
  readonly rates: ReadonlyMap<string, number>;
}

/** Whether any layer drew random numbers, so that the program has the input "random". */
export function usesRandom(traced: Traced): boolean {
  return traced.graph.inputs.some((i) => i.attributes.name === "random");
}

/** The input that is the learning rate of the schedule. */
export const LEARNING_RATE = "learningRate";

/** A rate that is a multiple of the schedule's comes in as a number of its own, so that the update costs no more. */
const rateName = (factor: number) => (factor === 1 ? LEARNING_RATE : `${LEARNING_RATE} x ${factor}`);

/** What training takes for the loss; measuring takes the network's own. */
function trainingLoss(network: Module, { labelSmoothing }: TrainingTechniques): Loss {
  const loss = network.loss ?? CROSS_ENTROPY;
  if (labelSmoothing === undefined) return loss;
  if (loss.kind !== "maximumAPosteriori" && loss.kind !== "own") return { ...loss, smoothing: labelSmoothing };
  throw new OptionError(
    `labelSmoothing is ${labelSmoothing}, but the network says its own loss, "${loss.kind}", whose targets cannot be smoothed; leave it out`,
  );
}

/** share x loss of the one label + (1 - share) x loss of the other (mixup.ts). */
function mixed(lossOf: (labels: Value) => Value, labels: Value): Value {
  const { graph, shape } = labels;
  const share = graph.input(MIX, { shape });
  const [one, other] = [lossOf(labels), lossOf(graph.input(OTHER_LABELS, { shape, dtype: "i32" }))];
  return add(other, multiply(share, subtract(one, other)));
}

export function trainingEntries(
  network: Module,
  input: Shape,
  optimizer: Optimizer,
  techniques: TrainingTechniques = {},
): TrainingEntries {
  const rules = parameterRules(network, techniques);
  const fixedStatistics = techniques.frozenNorms === "batch" ? undefined : frozenNorms(network, rules);
  const traced = traceOne(network, { input, training: true, ...(fixedStatistics && { fixedStatistics }) });
  checkOutputs(network, traced);
  const { graph, output } = traced;
  const labels = graph.input("labels", { shape: output.shape.slice(0, -1), dtype: "i32" });
  const losses = graph.scope("loss", () => {
    const of = (labels: Value) => lossOf(trainingLoss(network, techniques), output, labels);
    return techniques.mixup === undefined ? of(labels) : mixed(of, labels);
  });
  const loss = graph.scope("loss", () => mean(losses, { batch: true }));
  const hits = graph.scope("metrics", () => accuracyOf(network.loss ?? CROSS_ENTROPY, output, labels));
  const names = [...traced.parameters.keys()].filter((name) => rules.get(name)?.trained === true);
  const parameters = names.map((name) => traced.parameters.get(name)!.value);
  const gradients = differentiate(loss, parameters);
  const scalars = new Map<string, Value>();
  const rates = new Map(names.map((name) => [rateName(rules.get(name)!.rate), rules.get(name)!.rate]));
  const scalar = (name: string): Value => {
    const known = scalars.get(name) ?? graph.input(name, { shape: [], batched: false });
    scalars.set(name, known);
    return known;
  };
  /** `moved` are the changes of statistics that the same entry makes. */
  const updateFrom = (gradients: readonly Value[], moved: readonly Assign[]) => {
    const clipped = clip(gradients, names, techniques);
    const changes = names.flatMap((name, i) => {
      const { rate, weightDecay } = rules.get(name)!;
      return graph.scope(name, () =>
        optimizer.update({
          graph,
          name,
          parameter: parameters[i]!,
          gradient: clipped.gradients[i]!,
          scalar: (input) => scalar(input === LEARNING_RATE ? rateName(rate) : input),
          weightDecay,
        }),
      );
    });
    const norm: Readonly<Record<string, Value>> = clipped.norm === undefined ? {} : { gradientNorm: clipped.norm };
    const { average } = techniques;
    if (average === undefined) return { assigns: [...changes, ...moved], norm };
    const others = traced.updates.map(({ state }) => state).filter((state) => !moved.some((m) => m.state === state));
    return { assigns: withAverages(average, [...changes, ...moved], others, scalar), norm };
  };
  const stored = names.map((name, i) => graph.state(`${name}.gradient`, "gradient", parameters[i]!.shape));
  const outputs = { loss: losses, correct: hits };
  const share = graph.input("share", { shape: [], batched: false });
  const update = updateFrom(gradients, traced.updates);
  const late = updateFrom(stored, []);
  return {
    traced,
    rates,
    averaged:
      techniques.average === undefined ? [] : [...names, ...traced.updates.map(({ state }) => state.attributes.name)],
    step: { name: "step", outputs: { ...outputs, ...update.norm }, assigns: update.assigns },
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
      outputs: late.norm,
      assigns: [
        ...late.assigns,
        ...stored.map((state) => ({ state, value: graph.constant(0, { shape: state.shape }) })),
      ],
    },
  };
}

/**
 * Outputs `loss`, `correct` and `prediction` (the likeliest class), one a sample, and `logits` if asked. Of the states named in
 * `averaged` it reads the averages.
 */
export function evaluationEntry(
  network: Module,
  input: Shape,
  averaged: ReadonlySet<string> = new Set(),
  withLogits = false,
): { entry: Entry; traced: Traced } {
  const stateName = (name: string) => (averaged.has(name) ? averageName(name) : name);
  const traced = traceOne(network, { input, training: false, stateName });
  checkOutputs(network, traced);
  const { graph, output } = traced;
  const labels = graph.input("labels", { shape: output.shape.slice(0, -1), dtype: "i32" });
  const own = network.loss ?? CROSS_ENTROPY;
  const outputs = {
    loss: graph.scope("loss", () => lossOf(own, output, labels)),
    correct: graph.scope("metrics", () => accuracyOf(own, output, labels)),
    prediction: graph.scope("metrics", () => decisionOf(own, output)),
    ...(withLogits ? { logits: output } : {}),
    ...graph.scope("metrics", () => named(metricsOf(network, output, labels))),
  };
  return { entry: { name: "evaluate", outputs, assigns: [] }, traced };
}

/** The output that is a metric of the network's own. */
export const metricOutput = (name: string): string => `metric ${name}`;

const named = (metrics: Readonly<Record<string, Value>>) =>
  Object.fromEntries(Object.entries(metrics).map(([name, value]) => [metricOutput(name), value]));

/** Outputs `probabilities` of each sample; of the states named in `averaged` it reads the averages. */
export function viewEntry(
  network: Module,
  input: Shape,
  averaged: ReadonlySet<string> = new Set(),
): { entry: Entry; traced: Traced } {
  if (network.loss?.kind === "own" || Object.keys(network.metrics ?? {}).length > 0) {
    throw new OptionError(
      "testTimeAugmentation: averages probabilities, of which the network's own loss and metrics cannot be computed; leave it out",
    );
  }
  const stateName = (name: string) => (averaged.has(name) ? averageName(name) : name);
  const traced = traceOne(network, { input, training: false, stateName });
  checkOutputs(network, traced);
  const probabilities = traced.graph.scope("probabilities", () => softmax(traced.output));
  return { entry: { name: "views", outputs: { probabilities }, assigns: [] }, traced };
}
