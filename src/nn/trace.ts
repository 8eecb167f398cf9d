/**
 * Turns a module into a graph: makes a state for each parameter and statistic, and runs `forward` once on the graph's
 * inputs.
 */

import { OptionError } from "../base/errors.js";
import { anything, callback, checkOptions, expecting, type Fields, flag, isRecord } from "../base/options.js";
import type { Value } from "../graph/graph.js";
import { type Assign, Graph, type StateAttributes } from "../graph/graph.js";
import type { Shape } from "../graph/shape.js";
import type { Initializer } from "./initializer.js";
import { drawInputs, type InputsOf } from "./inputs.js";
import {
  type AnyModule,
  beginTracing,
  checkModule,
  type Module,
  modulesOf,
  type Parameter,
  parametersOf,
  type RunningStatistic,
  statisticsOf,
} from "./module.js";
import { isStructure, valuesOf } from "./values.js";

/** Options of `trace`. */
export interface TraceOptions<Inputs extends readonly unknown[] = [x: Value]> {
  /**
   * One sample's shape, [height, width, channels] for images; `{ shape, dtype, batched }` where it is not of 32-bit
   * floating-point numbers with a batch. Of a network that takes several arguments a list of them, and of one that
   * takes an object or a list of values the same of shapes: `[[28, 28, 1], [10]]` for `forward(image, angle)`, `{
   * image: [28, 28, 1], angle: [] }` for `forward({ image, angle })`.
   */
  readonly input: InputsOf<Inputs>;
  /**
   * Whether dropout drops numbers, and batch normalisation uses the statistics of the batch.
   * @default false
   */
  readonly training?: boolean;
  /**
   * Layers that use their running statistics in training too, and do not update them.
   * @default none
   */
  readonly fixedStatistics?: ReadonlySet<AnyModule>;
  /**
   * Renames the states that hold parameters and statistics, such as to draw one network twice into a device.
   * @default the name of the parameter or statistic
   */
  readonly stateName?: (name: string) => string;
}

// What the input may be is held where it is drawn.
const TRACE: Fields<TraceOptions> = {
  input: anything,
  training: flag,
  fixedStatistics: expecting("a set of layers", (value) => value instanceof Set),
  stateName: callback,
};

/** A parameter of a traced network. */
export interface TracedParameter {
  /** The state of the graph that holds it. */
  readonly value: Value<StateAttributes>;
  /** How it starts. */
  readonly init: Initializer;
}

/** A network drawn into a graph, as `trace` returns it. */
export interface Traced<Input = Value, Output = Value> {
  /** The graph, to which a loss, more inputs and gradients may be added. */
  readonly graph: Graph;
  /**
   * The graph's input, named "input". Of several inputs it is the structure of them, in which they are named by their
   * keys, or `input.0`, `input.1` for arguments.
   */
  readonly input: Input;
  /** The value or values that `forward` returned. */
  readonly output: Output;
  /** By name, in the order of the network's fields; also those that `forward` never read. */
  readonly parameters: ReadonlyMap<string, TracedParameter>;
  /** Assignments that a training step makes to statistics, such as running means. Empty unless training. */
  readonly updates: readonly Assign[];
  /** Layers that normalise by one number a channel of each sample, by path: they cannot learn from batches of one. */
  readonly needSeveral: ReadonlySet<string>;
  /**
   * The states of what is trained of a part of the network, as `minimize` takes them. @throws OptionError where it is
   * no part of it.
   */
  parametersOf(part: AnyModule): readonly Value<StateAttributes>[];
  /**
   * The output of each layer, by path, or by `path:name` if it has several, in the order in which layers end. The
   * values may carry other paths, since ops look through each other.
   */
  readonly layers: ReadonlyMap<string, Value>;
}

/** The one argument, or all of them. */
type Given<Inputs extends readonly unknown[]> = Inputs extends readonly [infer One] ? One : Inputs;

/** Name of the graph input that dropout reads: i32 [3] without a batch, the seed's low and high half and the step. */
export const RANDOM_INPUT = "random";

/**
 * Draws a network into a graph of its own, to which a loss and more inputs may be added.
 *
 * @example
 * ```js
 * import { nn, ops, trace } from "fovea";
 *
 * const network = nn.sequential(nn.flatten(), nn.linear({ in: 784, out: 2 }));
 * const { graph, output, parameters } = trace(network, { input: [28, 28, 1], training: true });
 * const target = graph.input("target", { shape: output.shape });
 * const loss = ops.mean(ops.meanSquaredError(output, target), { batch: true });
 * console.log(loss.shape, [...parameters.keys()]); // [] [ '1.weight', '1.bias' ]
 * ```
 *
 * @throws ShapeError if a layer does not fit its input, naming the layer's path
 */
export function trace<Inputs extends readonly unknown[], Output>(
  network: Module<Inputs, Output>,
  options: TraceOptions<Inputs>,
): Traced<Given<Inputs>, Output> {
  checkModule("trace", network);
  if (isRecord(options)) checkOptions<object>("trace", options, TRACE, "trace: ");
  const graph = new Graph();
  const inputs = drawInputs(graph, isRecord(options) ? options.input : undefined);
  const { stateName = (name: string) => name, fixedStatistics } = options;
  const parameters = new Map<string, TracedParameter>();
  const states = new Map<Parameter, Value<StateAttributes>>();
  for (const [name, parameter] of parametersOf(network)) {
    const path = name.slice(0, Math.max(0, name.lastIndexOf(".")));
    const value = graph.scope(path, () => graph.state(stateName(name), "parameter", parameter.shape));
    states.set(parameter, value);
    parameters.set(name, { value, init: parameter.init });
  }
  const statistics = new Map<RunningStatistic, Value<StateAttributes>>();
  for (const [name, statistic] of statisticsOf(network)) {
    const path = name.slice(0, Math.max(0, name.lastIndexOf(".")));
    statistics.set(
      statistic,
      graph.scope(path, () => graph.state(stateName(name), "statistic", statistic.shape)),
    );
  }
  const updates = new Map<RunningStatistic, Value>();
  const layers = new Map<string, Value>();
  const needSeveral = new Set<string>();
  const uses = new Map<AnyModule, number>();
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
  const output = network.forward(...(inputs as unknown as Inputs));
  const assigns = [...updates].map(([statistic, value]): Assign => ({ state: statistics.get(statistic)!, value }));
  const trainedOf = (part: AnyModule) => {
    checkModule("parametersOf", part);
    return [...parametersOf(part)].flatMap(([name, parameter]) => {
      const state = states.get(parameter);
      if (state === undefined)
        throw new OptionError(
          `parametersOf: "${name}" of ${part.constructor.name} is no parameter of the network that was traced`,
        );
      return parameter.trainable ? [state] : [];
    });
  };
  const input = (inputs.length === 1 ? inputs[0] : inputs) as Given<Inputs>;
  return { graph, input, output, parameters, updates: assigns, parametersOf: trainedOf, needSeveral, layers };
}

/**
 * The same of a network that is to give one value, such as scores of classes.
 * @throws OptionError where it gives several, naming them and the cure.
 */
export function traceOne(network: Module, options: Omit<TraceOptions, "input"> & { readonly input: Shape }): Traced {
  const traced = trace(network, options);
  if (!isStructure(traced.output)) return traced;
  const [first] = Object.keys(traced.output);
  const name = Array.isArray(traced.output) ? first : JSON.stringify(first);
  const given = valuesOf(traced.output).map(([path, { shape }]) => `${path} (${shape.join("x") || "one number"})`);
  throw new OptionError(
    `the network gives several values, ${given.join(", ")}, expected one; nn.pick(network, ${name}) is a network that gives one of them`,
  );
}
