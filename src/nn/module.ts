/**
 * Modules describe a network: layers with hyper-parameters and named parameters. A module holds no memory and computes
 * nothing; `trace` (trace.ts) runs its `forward` once, on graph values, to draw the graph.
 *
 * The name of a parameter is its property path from the network, `conv1.weight` or `features.0.bias`: fields that are
 * modules, parameters, or arrays of them are found by themselves. A module found at several places is shared, and named
 * after the first. A module's `forward` runs in the scope of its path, so that every node, error and profile line of
 * it can name it.
 */
import { OptionError } from "../base/errors.js";
import { isRecord, shown } from "../base/options.js";
import type { Graph, StateAttributes, Value } from "../graph/graph.js";
import type { Shape } from "../graph/shape.js";
import type { Initializer } from "./initializer.js";
import type { Loss, Metric } from "./loss.js";
import { notValues, valuesOf } from "./values.js";

/**
 * A trainable tensor of a module: its shape, and how it starts. A field of a class that extends `nn.Module` names it.
 */
export class Parameter {
  /**
   * Whether training changes it.
   * @default true
   */
  readonly trainable: boolean;

  constructor(
    /** Its extents; [] for one number. */
    readonly shape: Shape,
    /** How it starts. */
    readonly init: Initializer,
    options: {
      /**
       * Whether training changes it.
       * @default true
       */
      readonly trainable?: boolean;
    } = {},
  ) {
    this.trainable = options.trainable ?? true;
  }

  /** Its value in the graph of `x`, for use inside `forward`. */
  in(x: Value): Value {
    const value = tracingOf(x.graph)?.parameters.get(this);
    if (value === undefined) throw unnamed(x, "a parameter", this.shape);
    return value;
  }
}

/**
 * A tensor that training computes and prediction reads, such as a running mean: saved with the weights, but not
 * trained.
 */
export class RunningStatistic {
  constructor(
    /** Its extents; [] for one number. */
    readonly shape: Shape,
    /** How it starts. */
    readonly init: Initializer,
  ) {}

  /** Its value in the graph of `x`, for use inside `forward`. */
  in(x: Value): Value {
    const value = tracingOf(x.graph)?.statistics.get(this);
    if (value === undefined) throw unnamed(x, "a statistic", this.shape);
    return value;
  }

  /**
   * Assigns the value that a training step leaves in it. If a shared layer assigns twice, the second goes on from the
   * first.
   */
  assign(x: Value, next: (old: Value) => Value): void {
    const old = this.in(x);
    tracingOf(x.graph)!.assign(this, next, old);
  }
}

function unnamed(x: Value, what: string, shape: Shape): OptionError {
  return new OptionError(
    `${x.graph.path || "forward"}: ${what} of shape ${shape.join("x")} has no name; expected it, or the ` +
      "layer that holds it, to be a field (or in an array that is a field) of the network given to trace",
  );
}

/** What a module can ask while its forward is traced. */
export interface Tracing {
  readonly training: boolean;
  /** Absolute path of each module of the network. */
  readonly paths: ReadonlyMap<AnyModule, string>;
  readonly parameters: ReadonlyMap<Parameter, Value<StateAttributes>>;
  readonly statistics: ReadonlyMap<RunningStatistic, Value<StateAttributes>>;
  /** Whether a layer takes its running statistics in training too, and leaves them as they are. */
  hasFixedStatistics(module: AnyModule): boolean;
  /**
   * Notes that the layer at hand normalises by one number a channel of each sample: a batch of one has no statistics.
   */
  needsSeveral(): void;
  /** Notes what a training step assigns to a statistic. */
  assign(statistic: RunningStatistic, next: (old: Value) => Value, old: Value): void;
  /** The random key of this run: i32 [3], seed low, seed high, step. */
  random(): Value;
  /** Notes what the layer at `path` gave, of several values one `path:name`; of a layer used twice, the last. */
  gave(path: string, value: Value): void;
  /** How often this was asked for `module` before: tells the uses of a shared layer apart. */
  use(module: AnyModule): number;
}

const tracings = new WeakMap<Graph, Tracing>();

export function beginTracing(graph: Graph, tracing: Tracing): void {
  for (const module of tracing.paths.keys()) wrapForward(module);
  tracings.set(graph, tracing);
}
export function tracingOf(graph: Graph): Tracing | undefined {
  return tracings.get(graph);
}

/** A module with any inputs and outputs. */
export type AnyModule = Module<never[], unknown>;

abstract class BaseModule {
  constructor() {
    // A field that is a function is there only after this: it is wrapped when the network is traced.
    if (typeof (this.forward as unknown) === "function") wrapForward(this);
  }

  /** The loss that a classifier is trained with. @default softmax cross-entropy */
  declare loss?: Loss;

  /** Figures of the network's own, by name: shown beside loss and accuracy of test pictures. */
  declare metrics?: Readonly<Record<string, Metric>>;

  /**
   * Draws this module into the graph of its inputs, whose shapes are those of one sample. It is a method, or a field
   * that is a function. It accepts values and returns a value, or values by name or in a list: `forward(image: Value,
   * angle: Value) { return { logits, mask }; }`.
   */
  abstract forward(...inputs: never[]): unknown;

  /** Parts by name: parameters, statistics and modules that are fields, or in arrays that are fields. */
  children(): [string, Part][] {
    return Object.entries(this).flatMap(([name, field]): [string, Part][] => {
      if (isPart(field)) return [[name, field]];
      if (!Array.isArray(field)) return [];
      return field.flatMap((item: unknown, i): [string, Part][] => (isPart(item) ? [[`${name}.${i}`, item]] : []));
    });
  }
}

/**
 * A network, or a layer of one. The type says what `forward` accepts and returns: values, or values by name or in a list,
 * as in `Module<[image: Value, angle: Value], { logits: Value; mask: Value }>`. The default is one value to one value.
 */
export interface Module<Inputs extends readonly unknown[] = [x: Value], Output = Value> extends BaseModule {
  forward(...inputs: Inputs): Output;
}

/**
 * The base class of networks and layers. PyTorch: `nn.Module`. Fields that are modules or parameters are its parts,
 * named after the fields; `forward` draws the computation.
 *
 * @example
 * ```js
 * import { nn, ops, trace } from "fovea";
 *
 * class Residual extends nn.Module {
 *   conv1 = nn.conv2d({ in: 8, out: 8, kernel: 3, padding: 1 });
 *   conv2 = nn.conv2d({ in: 8, out: 8, kernel: 3, padding: 1 });
 *   forward(x) {
 *     return ops.relu(ops.add(x, this.conv2.forward(ops.relu(this.conv1.forward(x)))));
 *   }
 * }
 * const network = new Residual();
 * console.log(trace(network, { input: [16, 16, 8] }).output.shape); // [ 16, 16, 8 ]
 * console.log([...nn.parametersOf(network).keys()][0]); // conv1.weight
 * ```
 */
export const Module: typeof BaseModule = BaseModule;

const wrapped = new WeakSet<object>();

/**
 * Has a module's `forward` run in the scope of its path. On the module and not at the call: anyone's class calls it.
 */
function wrapForward(module: AnyModule): void {
  const forward: unknown = module.forward;
  const name = module.constructor.name || "a module";
  if (typeof forward !== "function") {
    throw new OptionError(`${name}: has no forward; write forward(x) { return ...; }, or forward = (x) => ...`);
  }
  if (wrapped.has(forward)) return;
  const scoped = (...given: unknown[]): unknown => {
    const wrong = notValues(given[0]);
    if (wrong !== undefined) throw new OptionError(`${name}: forward is given ${wrong}, expected a value of a graph`);
    const { graph } = valuesOf(given[0])[0]![1];
    const tracing = tracingOf(graph);
    const path = tracing?.paths.get(module);
    const draw = (): unknown => {
      const output: unknown = answerOf(path || name, forward as Forward, module, given);
      if (notValues(output) !== undefined) throw noAnswer(path || name, output);
      return output;
    };
    if (tracing === undefined || path === undefined) return draw();
    const output = graph.scope(path, draw);
    for (const [inner, value] of valuesOf(output)) tracing.gave(inner === "" ? path : `${path}:${inner}`, value);
    return output;
  };
  wrapped.add(scoped);
  Object.defineProperty(module, "forward", { value: scoped, configurable: true, writable: true, enumerable: false });
}

type Forward = (...inputs: never[]) => unknown;

/** A value that was not given is found out where it is used, which may be anywhere. */
function answerOf(where: string, forward: Forward, module: AnyModule, given: readonly unknown[]): unknown {
  try {
    return forward.apply(module, given as never[]);
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    const [, called, object, method] = /^((\S+)\.(\w+))(?:\(\.\.\.\))? is not a function$/.exec(cause.message) ?? [];
    if (called !== undefined) throw noFunction(where, module, { called, object: object!, method: method! }, cause);
    if (given.length >= forward.length) throw cause;
    const takes = `forward takes ${forward.length} arguments, and is given ${given.length}`;
    throw new OptionError(
      `${where}: ${takes}; of trace give the shapes of all of them: { input: [[28, 28, 1], [10]] }`,
      { cause },
    );
  }
}

interface Call {
  readonly called: string;
  readonly object: string;
  readonly method: string;
}

/** `this.conv(x)` and `x.relu()`, as other libraries have it. */
function noFunction(where: string, module: AnyModule, { called, object, method }: Call, cause: TypeError): OptionError {
  const isLayer = object === "nn" || (object === "this" && Reflect.get(module, method) instanceof Module);
  const layer = object === "nn" ? `${called}(...)` : called;
  const cure = isLayer
    ? `a layer is asked by forward: ${layer}.forward(x)`
    : `ops are functions of values: ops.${method}(${object})`;
  return new OptionError(`${where}: ${cause.message}; ${cure}`, { cause });
}

function noAnswer(where: string, found: unknown): OptionError {
  const cure =
    found === undefined
      ? "end it with return"
      : found instanceof Promise
        ? "leave async out: a network is drawn once, at once"
        : found instanceof Module
          ? "call the layer on the value: layer.forward(x), or in nn.sequential give the layer itself"
          : "return what ops and layers give";
  return new OptionError(`${where}: forward gave ${notValues(found)}, expected a value; ${cure}`);
}

/** A part of a module: a module, a trained tensor, or a tensor that training computes. */
export type Part = AnyModule | Parameter | RunningStatistic;

function isPart(field: unknown): field is Part {
  return field instanceof Module || field instanceof Parameter || field instanceof RunningStatistic;
}

/** All modules of a network, itself (with the path "") included, by path; shared ones once. */
export function modulesOf(network: AnyModule): Map<AnyModule, string> {
  const paths = new Map<AnyModule, string>();
  visit(network, (part, path) => {
    if (part instanceof Module) paths.set(part, path);
  });
  return paths;
}

/** All parameters of a network by name, in the order of its fields; shared ones once. */
export function parametersOf(network: AnyModule): Map<string, Parameter> {
  const parameters = new Map<string, Parameter>();
  visit(network, (part, path) => {
    if (part instanceof Parameter) parameters.set(path, part);
  });
  return parameters;
}

/** All statistics of a network by name, in the order of its fields; shared ones once. */
export function statisticsOf(network: AnyModule): Map<string, RunningStatistic> {
  const statistics = new Map<string, RunningStatistic>();
  visit(network, (part, path) => {
    if (part instanceof RunningStatistic) statistics.set(path, part);
  });
  return statistics;
}

/** All that is saved of a network, by name in the order of its fields: parameters and statistics. */
export function savedOf(network: AnyModule): Map<string, Parameter | RunningStatistic> {
  const saved = new Map<string, Parameter | RunningStatistic>();
  visit(network, (part, path) => {
    if (!(part instanceof Module)) saved.set(path, part);
  });
  return saved;
}

/** Numbers in all parameters of a network. */
export function parameterCount(network: AnyModule): number {
  return [...parametersOf(network).values()].reduce((n, p) => n + p.shape.reduce((a, b) => a * b, 1), 0);
}

function visit(network: AnyModule, found: (part: Part, path: string) => void): void {
  const seen = new Set<Part>();
  const walk = (part: Part, path: string): void => {
    if (seen.has(part)) return;
    seen.add(part);
    found(part, path);
    if (!(part instanceof Module)) return;
    for (const [name, child] of part.children()) walk(child, path === "" ? name : `${path}.${name}`);
  };
  walk(network, "");
}

/** @throws OptionError where it is no module. */
export function checkModule(what: string, given: unknown): asserts given is AnyModule {
  if (given instanceof Module) return;
  const isModel = isRecord(given) && given["module"] instanceof Module;
  const cure = isModel ? "; give its property module" : "";
  throw new OptionError(`${what}: the network is ${shown(given)}, expected a module${cure}`);
}
