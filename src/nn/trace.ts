/** Turns a module into a graph: makes a state for each parameter and statistic, and runs `forward` once on an input value. */

import { isRecord, mismatch } from "../base/options.js";
import type { Value } from "../graph/graph.js";
import { type Assign, Graph, type StateAttributes } from "../graph/graph.js";
import type { Shape } from "../graph/shape.js";
import type { Initializer } from "./initializer.js";
import {
  beginTracing,
  checkModule,
  type Module,
  modulesOf,
  type Parameter,
  parametersOf,
  type Statistic,
  statisticsOf,
} from "./module.js";

export interface TraceOptions {
  /** One sample's shape, [height, width, channels] for images. */
  readonly input: Shape;
  /**
   * Whether dropout drops, and batch normalisation takes the statistics of the batch.
   * @default false
   */
  readonly training?: boolean;
  /** Layers that take their running statistics in training too, and leave them as they are. */
  readonly fixedStatistics?: ReadonlySet<Module>;
  /** The state that holds a parameter or statistic: of its own name unless said. */
  readonly stateName?: (name: string) => string;
}

export interface TracedParameter {
  readonly value: Value<StateAttributes>;
  readonly init: Initializer;
}

export interface Traced {
  readonly graph: Graph;
  /** The graph's input "input". */
  readonly input: Value;
  readonly output: Value;
  /** By name, in the order of the network's fields; also those that `forward` never read. */
  readonly parameters: ReadonlyMap<string, TracedParameter>;
  /** What a training step leaves in statistics, such as the running means of batch normalisation; empty unless training. */
  readonly updates: readonly Assign[];
  /** Layers that normalise by one number a channel of each sample, by path: they cannot learn from batches of one. */
  readonly needSeveral: ReadonlySet<string>;
  /** What each layer gave, by path, in the order of their ends. Its nodes may carry other paths: ops look through each other. */
  readonly layers: ReadonlyMap<string, Value>;
}

/** Name of the graph input that dropout reads: i32 [3] without a batch (seed low, seed high, step). */
export const RANDOM_INPUT = "random";

/**
 * Draws a network into a graph of its own, to which a loss and more inputs may be added.
 *
 * @example
 * const { graph, input, output } = trace(network, { input: [28, 28, 1], training: true });
 * const target = graph.input("target", { shape: output.shape });
 * const loss = ops.mean(ops.meanSquaredError(output, target), { batch: true });
 *
 * @throws ShapeError where a layer does not fit its input, naming the layer's path.
 */
export function trace(network: Module, options: TraceOptions): Traced {
  checkModule("trace", network);
  if (!isRecord(options) || !Array.isArray(options.input))
    throw mismatch("trace: input", options?.input, "the extents of one sample, such as [28, 28, 1]");
  const { stateName = (name) => name, fixedStatistics } = options;
  const graph = new Graph();
  const input = graph.input("input", { shape: options.input });
  const parameters = new Map<string, TracedParameter>();
  const states = new Map<Parameter, Value<StateAttributes>>();
  for (const [name, parameter] of parametersOf(network)) {
    const path = name.slice(0, Math.max(0, name.lastIndexOf(".")));
    const value = graph.scope(path, () => graph.state(stateName(name), "parameter", parameter.shape));
    states.set(parameter, value);
    parameters.set(name, { value, init: parameter.init });
  }
  const statistics = new Map<Statistic, Value<StateAttributes>>();
  for (const [name, statistic] of statisticsOf(network)) {
    const path = name.slice(0, Math.max(0, name.lastIndexOf(".")));
    statistics.set(
      statistic,
      graph.scope(path, () => graph.state(stateName(name), "statistic", statistic.shape)),
    );
  }
  const updates = new Map<Statistic, Value>();
  const layers = new Map<string, Value>();
  const needSeveral = new Set<string>();
  const uses = new Map<Module, number>();
  let random: Value | undefined;
  beginTracing(graph, {
    training: options.training ?? false,
    paths: modulesOf(network),
    parameters: states,
    statistics,
    hasFixedStatistics: (module) => fixedStatistics?.has(module) ?? false,
    needsSeveral() {
      needSeveral.add(graph.path);
    },
    assign(statistic, next, old) {
      updates.set(statistic, next(updates.get(statistic) ?? old));
    },
    random() {
      random ??= graph.scope("", () => graph.input(RANDOM_INPUT, { shape: [3], batched: false, dtype: "i32" }));
      return random;
    },
    gave(path, value) {
      layers.set(path, value);
    },
    use(module) {
      const count = uses.get(module) ?? 0;
      uses.set(module, count + 1);
      return count;
    },
  });
  const output = network.forward(input);
  const assigns = [...updates].map(([statistic, value]): Assign => ({ state: statistics.get(statistic)!, value }));
  return { graph, input, output, parameters, updates: assigns, needSeveral, layers };
}
