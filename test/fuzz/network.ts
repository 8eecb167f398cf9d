/**
 * A random network as plain data, which can be printed, made smaller and built again: layers by name (layers.ts), each
 * reading earlier values by number. Value 0 is the input, value i is what layer i - 1 gives.
 */
import { OptionError, ShapeError } from "#fovea/base/errors.js";
import type { Value } from "#fovea/graph/graph.js";
import { Graph } from "#fovea/graph/graph.js";
import type { Shape, Signature } from "#fovea/graph/shape.js";
import type { Loss } from "#fovea/nn/loss.js";
import { beginTracing, Module, Parameter, type RunningStatistic } from "#fovea/nn/module.js";
import type { OptimizerName } from "#fovea/train/optimizers/index.js";
import type { TrainingTechniques } from "#fovea/train/techniques/techniques.js";
import type { Feed } from "../support/op-cases.js";
import { type Builder, LAYERS } from "./layers.js";

export interface Layer {
  readonly layer: string;
  /** The values that it reads. */
  readonly of: readonly number[];
  /** Its parameters, plain data. */
  readonly [parameter: string]: unknown;
}

export interface Network {
  readonly input: Shape;
  readonly layers: readonly Layer[];
  /** "predict": the outputs; "gradients": those of training, and the gradients of a random sum of them; "train": the entries of a training. */
  readonly run: "predict" | "gradients" | "train";
  /** Batches of the runs; programs are compiled for the largest. */
  readonly batches: readonly number[];
  /** Values that are read beside the last. */
  readonly read?: readonly number[];
  readonly loss?: Loss;
  readonly optimizer?: Readonly<{ name: OptimizerName } & Record<string, unknown>>;
  readonly techniques?: TrainingTechniques;
  /** How it is compiled. */
  readonly winograd?: boolean;
  readonly prepares?: boolean;
  readonly preparesInScratch?: boolean;
  /** The scratch that is allowed, as a share of what it takes without a limit. */
  readonly scratch?: number;
  /** Strategies by the lot that this seed draws, in place of the cheapest. */
  readonly strategies?: number;
  readonly threads?: number;
  /** Whether a few numbers of the input are infinite. */
  readonly infinities?: boolean;
  /** Of all numbers in inputs and states. */
  readonly seed: number;
}

/** Whether an error is a refusal of a network that is not legal, as long as it comes while the graph is drawn. */
export const isRefusal = (error: unknown): boolean => error instanceof ShapeError || error instanceof OptionError;

/** The network as a module. Its parts are made in a first pass over a graph that is thrown away, which gives the shapes. */
export class Drawn extends Module {
  readonly parts: readonly (Parameter | Module)[];
  /** How the numbers of inputs that layers made are drawn. */
  readonly feeds = new Map<string, Feed>();
  /** What was drawn last: the values of the network, the input first. */
  values: readonly Value[] = [];
  readonly #layers: readonly Layer[];

  constructor({ input, layers, loss }: Pick<Network, "input" | "layers" | "loss">) {
    super();
    this.#layers = layers;
    if (loss !== undefined) this.loss = loss;
    const draft = new Draft(input);
    for (const layer of layers) draft.add(layer);
    this.parts = draft.parts;
  }

  override forward(x: Value): Value {
    let next = 0;
    const build = new GraphBuilder(x.graph, this.feeds, () => this.parts[next++]!);
    const values = [x];
    for (const [i, layer] of this.#layers.entries()) {
      values.push(x.graph.scope(`layers.${i}`, () => draw(layer, values, build)));
    }
    this.values = values;
    return values.at(-1)!;
  }
}

/** A network that grows layer by layer, so that who draws it knows the shapes. */
export class Draft {
  readonly parts: (Parameter | Module)[] = [];
  readonly values: Value[];
  readonly #build: GraphBuilder;
  #before = 0;

  constructor(input: Shape) {
    const graph = new Graph();
    this.values = [graph.input("input", { shape: input })];
    let count = 0;
    const key = graph.input("random", { shape: [3], batched: false, dtype: "i32" });
    beginTracing(graph, {
      training: true,
      paths: new Map(),
      parameters: new MadeOnDemand(({ shape }: Parameter) => graph.state(`p${count++}`, "parameter", shape)),
      statistics: new MadeOnDemand(({ shape }: RunningStatistic) => graph.state(`s${count++}`, "statistic", shape)),
      hasFixedStatistics: () => false,
      assign() {},
      random: () => key as unknown as Value,
      gave() {},
      needsSeveral() {},
      use: () => 0,
    });
    this.#build = new GraphBuilder(graph, new Map(), (make) => {
      this.parts.push(make());
      return this.parts.at(-1)!;
    });
  }

  /** @throws ShapeError, OptionError where the layer does not fit; then nothing was added. */
  add(layer: Layer): Value {
    this.#before = this.parts.length;
    try {
      this.values.push(draw(layer, this.values, this.#build));
    } catch (error) {
      this.parts.length = this.#before;
      throw error;
    }
    return this.values.at(-1)!;
  }

  /** Takes the last layer away. */
  undo(): void {
    this.values.pop();
    this.parts.length = this.#before;
  }
}

function draw(layer: Layer, values: readonly Value[], build: Builder): Value {
  const make = LAYERS[layer.layer];
  if (make === undefined) throw new TypeError(`there is no layer "${layer.layer}"`);
  const inputs = layer.of.map((i) => values[i]!);
  return make(build, inputs, layer);
}

class MadeOnDemand<K, V> extends Map<K, V> {
  readonly #make: (key: K) => V;
  constructor(make: (key: K) => V) {
    super();
    this.#make = make;
  }
  override get(key: K): V {
    if (!this.has(key)) this.set(key, this.#make(key));
    return super.get(key)!;
  }
}

class GraphBuilder implements Builder {
  #inputs = 0;
  constructor(
    readonly graph: Graph,
    readonly feeds: Map<string, Feed>,
    readonly part: (make: () => Parameter | Module) => Parameter | Module,
  ) {}

  weight(shape: Shape, value?: number): Value {
    const init =
      value === undefined
        ? ({ kind: "normal", mean: 0, standardDeviation: 1 } as const)
        : ({ kind: "constant", value } as const);
    const parameter = this.part(() => new Parameter(shape, init)) as Parameter;
    return parameter.in({ graph: this.graph } as Value);
  }

  module(x: Value, make: () => Module): Value {
    return (this.part(make) as Module).forward(x);
  }

  input(signature: Signature, feed: Feed): Value {
    const name = `given ${this.#inputs++}`;
    this.feeds.set(name, feed);
    return this.graph.input(name, signature) as unknown as Value;
  }
}
