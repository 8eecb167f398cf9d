/**
 * A graph under construction: values in order of making, the states that outlive a run, and the entry points that a
 * program can be compiled from. Equal nodes are made once (same op, attributes and inputs).
 */

import { ELEMENT_TYPES } from "../base/element-type.js";
import { OptionError, ShapeError, unknownName } from "../base/errors.js";
import { mismatch, shown } from "../base/options.js";
import { plainText } from "../base/plain.js";
import type { AxisReads } from "./axis-reads.js";
import { type DType, type Shape, type Signature, sameShape, shapeText, sizeOf } from "./shape.js";
import type { Tensor } from "./tensor.js";

/**
 * The purpose of a state. It decides where the state is stored, whether it is saved with the model, and whether it has
 * a gradient.
 */
export type StateKind = "parameter" | "statistic" | "optimizer" | "gradient";

const STATE_KINDS: readonly StateKind[] = ["parameter", "statistic", "optimizer", "gradient"];

/** Name, shape, batch and type of an input. */
export interface InputAttributes {
  /** The name by which a run is given it. */
  readonly name: string;
  /** Its extents, without the batch. */
  readonly shape: Shape;
  /** Whether each sample has its own. */
  readonly batched: boolean;
  /** The type of its numbers. */
  readonly dtype: DType;
}
/** Name, kind, shape and type of a state. */
export interface StateAttributes {
  /** Its name: for a parameter, its path in the network. */
  readonly name: string;
  /** Its purpose. */
  readonly kind: StateKind;
  /** Its extents. */
  readonly shape: Shape;
  /** The type of its numbers. */
  readonly dtype: DType;
}
/** Number, shape and batch of a constant. */
export interface ConstantAttributes {
  /** The number. */
  readonly value: number;
  /** Its extents, without the batch. */
  readonly shape: Shape;
  /** Whether it has a batch. */
  readonly batched: boolean;
}
/** Numbers and shape of a table. */
export interface TableAttributes {
  /** Its numbers, row-major. */
  readonly values: readonly number[];
  /** Its extents. */
  readonly shape: Shape;
}

function leaf<A extends Attributes>(name: string, signature: (a: A) => Signature): Op<A> {
  return {
    name,
    infer: (_inputs, attributes) => signature(attributes),
    reference: () => {
      throw new ShapeError(`${name}: a leaf has no meaning of its own; its value is given`);
    },
    cost: () => ({ multiplyAdds: 0, bytes: 0 }),
  };
}

/** Given by the caller at each run. */
export const inputOp = leaf<InputAttributes>("input", ({ shape, batched, dtype }) => ({ shape, batched, dtype }));
/** Lives in the session's store between runs; read as it was before the run's assigns. */
export const stateOp = leaf<StateAttributes>("state", ({ shape, dtype }) => ({ shape, batched: false, dtype }));
/** The same number everywhere. */
export const constantOp: Op<ConstantAttributes> = {
  ...leaf<ConstantAttributes>("constant", ({ shape, batched }) => ({ shape, batched, dtype: "f32" })),
  reference: (_inputs, { value }, output, batch) => {
    const shape = output.batched ? [batch, ...output.shape] : output.shape;
    return { shape, data: new Float64Array(shape.reduce((a, b) => a * b, 1)).fill(value) };
  },
};

/** Numbers that are part of the network and never change: codes, bases, filters that are not learned. */
export const tableOp: Op<TableAttributes> = {
  ...leaf<TableAttributes>("table", ({ shape }) => ({ shape, batched: false, dtype: "f32" })),
  reference: (_inputs, { values, shape }) => ({ shape, data: Float64Array.from(values) }),
};

/** A change of a state: `state` becomes `value` after every read of its old value in the same entry. */
export interface Assign {
  /** The state. */
  readonly state: Value<StateAttributes>;
  /** Its new value, of the same shape. */
  readonly value: Value;
}

/**
 * The description of a program: values to return and states to change, all of one graph. Its inputs are those that
 * these need.
 */
export interface Entry {
  /** A name, for profiles and errors. */
  readonly name: string;
  /** The values to return, by the names under which a run returns them. */
  readonly outputs: Readonly<Record<string, Value>>;
  /** The states to change, each at most once. */
  readonly assigns: readonly Assign[];
}

/**
 * Values of inputs, states and ops (`ops`). A device compiles what is drawn in it.
 *
 * @example
 * ```js
 * import { Graph, ops } from "fovea";
 *
 * const graph = new Graph();
 * const x = graph.input("x", { shape: [28, 28, 1] });
 * const w = graph.state("w", "parameter", [5, 5, 1, 6]);
 * const y = ops.relu(ops.conv2d(x, w, { padding: 2 }));
 * console.log(y.shape, y.batched); // [ 28, 28, 6 ] true
 * ```
 */
export class Graph {
  /** All values, in the order in which they were drawn: every input of a value is before it. */
  readonly values: Value[] = [];
  /** Nodes are told apart by the names of their ops. */
  readonly #ops = new Map<string, unknown>();
  readonly #known = new Map<string, Value>();
  readonly #states = new Map<string, Value<StateAttributes>>();
  readonly #inputs = new Map<string, Value<InputAttributes>>();
  #path = "";

  /** The path that new values carry. */
  get path(): string {
    return this.#path;
  }

  /** Values that are drawn in `make` carry `path`, the path of a layer. */
  scope<T>(path: string, make: () => T): T {
    const outer = this.#path;
    this.#path = path;
    try {
      return make();
    } finally {
      this.#path = outer;
    }
  }

  /**
   * Draws a value of an op. Equal values (op, attributes, inputs) are drawn once. `ops` calls this; an op of one's own
   * may be drawn by `ops.call`.
   * @throws ShapeError if an input is no value of this graph, or does not fit; OptionError if the graph has another op
   * of that name
   */
  add<A extends Attributes>(op: Op<A>, attributes: A, inputs: readonly Value[]): Value<A> {
    for (const [i, input] of inputs.entries()) {
      if (!isValue(input)) throw new ShapeError(`${this.#at(op.name)}: ${noValue(`input ${i}`, input)}`);
      if (input.graph !== this)
        throw new ShapeError(`${this.#at(op.name)}: input ${input.op.name} belongs to another graph`);
    }
    const namesake = this.#ops.get(op.name);
    if (namesake === undefined) this.#ops.set(op.name, op);
    else if (namesake !== op)
      throw new OptionError(`${this.#at(op.name)}: this graph has another op of that name; rename one of them`);
    const key = `${op.name} ${inputs.map((v) => v.id).join(",")} ${this.#textOf(op.name, attributes)}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known as Value<A>;
    const { shape, batched, dtype } = op.infer(inputs, attributes, this.#path);
    const value: Value<A> = {
      graph: this,
      id: this.values.length,
      op,
      attributes,
      inputs,
      shape,
      batched,
      dtype,
      path: this.#path,
    };
    this.values.push(value as unknown as Value);
    this.#known.set(key, value as unknown as Value);
    return value;
  }

  /** For errors. */
  #at(op: string): string {
    return this.#path === "" ? op : `${op}(${this.#path})`;
  }

  #textOf(op: string, attributes: Attributes): string {
    try {
      return plainText(attributes);
    } catch (cause) {
      const [name, value] = Object.entries(attributes).find(([, value]) => !isPlain(value)) ?? [
        "an attribute",
        attributes,
      ];
      throw new ShapeError(
        `${this.#at(op)}: ${name} is ${shownGiven(value)}, expected numbers, texts or lists of them, which are known when the ` +
          "network is drawn; what is computed goes in as a value",
        { cause },
      );
    }
  }

  /**
   * An input, which each run is given.
   *
   * @param signature its shape without the batch; whether each sample has its own, true by default; and its type,
   * `"f32"` by default
   * @throws OptionError if there is an input of that name, or no such type
   */
  input(
    name: string,
    signature: {
      /** Extents of one sample, without the batch. */
      shape: Shape;
      /** Whether each sample has its own. @default true */
      batched?: boolean;
      /** The type of its numbers. @default "f32" */
      dtype?: DType;
    },
  ): Value<InputAttributes> {
    checkLeaf("input", name, signature?.shape);
    if (this.#inputs.has(name)) throw new OptionError(`graph: there is already an input "${name}"`);
    const { shape, batched = true, dtype = "f32" } = signature;
    checkType(`input "${name}"`, dtype);
    const value = this.add(inputOp, { name, shape, batched, dtype }, []);
    this.#inputs.set(name, value);
    return value;
  }

  /**
   * Numbers that the device keeps between runs, by name. Entries of other graphs that have a state of that name share
   * it.
   * @throws ShapeError where there is a state of that name that is another.
   */
  state(name: string, kind: StateKind, shape: Shape, dtype: DType = "f32"): Value<StateAttributes> {
    checkLeaf("state", name, shape);
    if (!STATE_KINDS.includes(kind)) throw unknownName(`kind of state "${name}"`, String(kind), STATE_KINDS);
    const known = this.#states.get(name);
    if (known !== undefined) {
      const { attributes, dtype: other } = known;
      if (attributes.kind === kind && other === dtype && sameShape(known.shape, shape)) return known;
      throw new ShapeError(
        `state "${name}": there is one already, ${attributes.kind} ${other} ${shapeText(known)}, and ${kind} ${dtype} ` +
          `${shapeText({ shape })} was asked for; choose another name`,
      );
    }
    checkType(`state "${name}"`, dtype);
    const value = this.add(stateOp, { name, kind, shape, dtype }, []);
    this.#states.set(name, value);
    return value;
  }

  /** One number, everywhere the same: without axes unless `signature` gives a shape or a batch. */
  constant(
    value: number,
    signature: {
      /** Extents without the batch. @default [] */
      shape?: Shape;
      /** Whether it has a batch. @default false */
      batched?: boolean;
    } = {},
  ): Value<ConstantAttributes> {
    return this.add(constantOp, { value, shape: signature.shape ?? [], batched: signature.batched ?? false }, []);
  }

  /** Numbers that never change. @throws ShapeError where `values` (row-major) are not as many as `shape` needs. */
  table(values: readonly number[], shape: Shape): Value<TableAttributes> {
    if (values.length !== sizeOf(shape)) {
      throw new ShapeError(
        `table${this.#path === "" ? "" : `(${this.#path})`}: ${values.length} numbers for ${shapeText({ shape })}, expected ${sizeOf(shape)}`,
      );
    }
    return this.add(tableOp, { values, shape }, []);
  }

  /** All states, in the order in which they were drawn. */
  get states(): readonly Value<StateAttributes>[] {
    return [...this.#states.values()];
  }
  /** All inputs, in the order in which they were drawn. */
  get inputs(): readonly Value<InputAttributes>[] {
    return [...this.#inputs.values()];
  }
}

function checkLeaf(what: "input" | "state", name: unknown, shape: unknown): void {
  if (typeof name !== "string" || name === "") throw mismatch(`graph: the name of the ${what}`, name, "a text");
  if (!Array.isArray(shape) || !shape.every((extent) => Number.isSafeInteger(extent) && extent > 0))
    throw mismatch(
      `graph: the shape of ${what} "${name}"`,
      shape,
      "the extents without the batch, such as [28, 28, 1], or [] for one number",
    );
}

function checkType(what: string, dtype: DType): void {
  if (!ELEMENT_TYPES.includes(dtype)) throw unknownName(`element type of ${what}`, String(dtype), ELEMENT_TYPES);
}

/**
 * Attributes are plain data (numbers, strings, booleans, arrays and objects of them): equal text (`plainText`) means
 * equal meaning.
 */
// biome-ignore lint/complexity/noBannedTypes: an op without attributes has {}
export type Attributes = {};

/**
 * A value of a graph: the result of an op, an input, a state or a constant. Its shape is a sample's, without the batch.
 */
export interface Value<A extends Attributes = Attributes> extends Signature {
  /** The graph that it is drawn in. */
  readonly graph: Graph;
  /** Position in the graph: every input has a smaller id. */
  readonly id: number;
  /** The op that makes it. */
  readonly op: Op<A>;
  /** The op's numbers and texts, such as a stride. */
  readonly attributes: A;
  /** The values that it is made of. */
  readonly inputs: readonly Value[];
  /** The layer that made it, such as `layer1.0.conv1`; gradient nodes carry the path of the layer they belong to. */
  readonly path: string;
}

export const isValue = (value: unknown): value is Value =>
  typeof value === "object" && value !== null && "graph" in value && "op" in value;

/** `b is 3, expected a value; ...`: what to do instead depends on what was given. */
export function noValue(name: string, given: unknown): string {
  const is = given === undefined || given === null ? "is missing" : `is ${shownGiven(given)}`;
  return `${name} ${is}, expected a value; ${cureOf(given)}`;
}

function shownGiven(given: unknown): string {
  if (isValue(given)) return `a value (of ${given.op.name})`;
  return isListOfValues(given) ? `a list of values (${given.length})` : shown(given);
}

const isListOfValues = (given: unknown): given is readonly Value[] =>
  Array.isArray(given) && given.length > 0 && given.every(isValue);

function isPlain(value: unknown): boolean {
  try {
    plainText(value);
    return true;
  } catch {
    return false;
  }
}

function cureOf(given: unknown): string {
  if (typeof given === "number")
    return `x.graph.constant(${given}) makes one of a number, and ops.scale(x, factor, offset) takes numbers`;
  if (isListOfValues(given)) return "give one of them, or join them by ops.concat";
  if (Array.isArray(given) || ArrayBuffer.isView(given))
    return "x.graph.table(numbers, shape) makes one of numbers that stay as they are";
  if (typeof (given as { forward?: unknown } | null | undefined)?.forward === "function")
    return "call it: layer.forward(x)";
  return "give what an op, a layer or graph.input gives";
}

/** The arithmetic and memory traffic of a node. */
export interface Cost {
  /** Multiply-adds a sample for batched outputs (or per batched input sample), else for one call. */
  readonly multiplyAdds: number;
  /** Bytes read and written a sample, each value once. */
  readonly bytes: number;
}

/** The values that an op's gradient is drawn from. */
export interface GradientContext<A extends Attributes> {
  /** The graph to draw in. */
  readonly graph: Graph;
  /** The value whose gradient is drawn on to its inputs. */
  readonly node: Value<A>;
  /** Its inputs. */
  readonly inputs: readonly Value[];
  /** Its attributes. */
  readonly attributes: A;
  /** d(loss)/d(node): same shape, batched and dtype as the node. */
  readonly upstream: Value;
  /** Which inputs need a gradient: nodes for the others need not be made. */
  readonly wanted: readonly boolean[];
}

/**
 * Facts about an op that the compiler and the analyses may use. All are optional. An op without them is computed by
 * itself, and taken to read all of its inputs.
 */
export interface Traits<A extends Attributes = Attributes> {
  /**
   * Whether each number of the result depends on those in the same place of the inputs alone. The result has the
   * signature of the first input; other inputs may be smaller, and are repeated as in `add`.
   * @default false
   */
  readonly elementwise?: boolean;
  /**
   * Whether the code of an elementwise op is short enough to run in registers while another kernel stores its result.
   */
  readonly fusible?: boolean;
  /**
   * Whether an elementwise op is cheap enough to be computed again by each kernel that reads it, instead of being
   * stored.
   */
  readonly recomputable?: boolean;
  /** Whether it is a sum of products of an image and weights. Tables of networks count its multiply-adds. */
  readonly product?: boolean;
  /**
   * Which places of an input [height, width, channels] the result reads, along axis 0 (rows) or 1 (columns): undefined
   * for all. Receptive fields and the overlap of tiles follow from it.
   * @default the own place for an elementwise op, all places for any other
   */
  reads?(node: Value<A>, input: number, axis: 0 | 1): AxisReads | undefined;
}

/** One kind of node. The whole of an op's meaning is here; kernels are elsewhere and are tested against `reference`. */
export interface Op<A extends Attributes = Attributes> {
  /** The op's name, one for as long as the process lives. */
  readonly name: string;
  /**
   * The shape rule: the signature of the result.
   * @throws ShapeError naming the path, the parameter, its value, what was expected and the cure
   */
  infer(inputs: readonly Signature[], attributes: A, path: string): Signature;
  /**
   * The gradient of each input, undefined where there is none, as for labels and indices. An op without `gradient`
   * cannot be trained through.
   */
  gradient?(context: GradientContext<A>): readonly (Value | undefined)[];
  /** The meaning, in float64. Tensors with a batch have it as their first extent. */
  reference(inputs: readonly Tensor[], attributes: A, output: Signature, batch: number): Tensor;
  /** The arithmetic and memory traffic of a node. */
  cost(inputs: readonly Signature[], attributes: A, output: Signature): Cost;
  /** Facts that the compiler may use. */
  readonly traits?: Traits<A>;
}
