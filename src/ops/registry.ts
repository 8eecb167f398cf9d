/**
 * The ops that programs may have, by name: those of the package, and those that a user registers. A program names ops,
 * so each name means one op for as long as the process lives.
 */
import { OptionError, unknownName } from "../base/errors.js";
import { checkOptions, expecting, type Fields, flag, isRecord, mismatch, needed, shown } from "../base/options.js";
import {
  type Attributes,
  constantOp,
  inputOp,
  isValue,
  type Op,
  stateOp,
  type Traits,
  tableOp,
  type Value,
} from "../graph/graph.js";
import { nameOp } from "../graph/op-names.js";
import type { Signature } from "../graph/shape.js";
import { ALL_OPS } from "./all.js";
import { costPerElement, refuse } from "./support.js";

/** The definition of an op, for `registerOp`. Its cost is optional. */
export interface OpDefinition<A extends Attributes = Attributes> extends Omit<Op<A>, "cost"> {
  /**
   * The arithmetic and memory traffic of a node, for plans and analyses.
   * @default one multiply-add for each number of the result
   */
  cost?: Op<A>["cost"];
}

const own = new Map<string, Op>();

/** Of the package, in the order of their list, then of the user in the order of registration. */
export function registeredOps(): readonly Op[] {
  return [...ALL_OPS, ...own.values()];
}

export function opNamed(name: string): Op | undefined {
  return own.get(name) ?? ALL_OPS.find((op) => op.name === name);
}

/** Whether it is the very op that its name stands for. */
export function isRegistered(op: Op): boolean {
  return opNamed(op.name) === op;
}

const LEAVES: readonly string[] = [inputOp.name, stateOp.name, constantOp.name, tableOp.name];

const aFunction = expecting("a function", (value) => typeof value === "function");
const TRAITS: Fields<Traits> = {
  elementwise: flag,
  fusible: flag,
  recomputable: flag,
  product: flag,
  reads: aFunction,
};
const FIELDS: Fields<OpDefinition> = {
  name: needed(
    expecting(
      "a name of letters, digits, dots and underscores that begins with a letter",
      (name) => typeof name === "string" && /^[A-Za-z][\w.]*$/.test(name),
    ),
  ),
  infer: needed(aFunction),
  gradient: aFunction,
  reference: needed(aFunction),
  cost: aFunction,
  traits: (value, name) => {
    if (!isRecord(value)) throw mismatch(name, value, "an object");
    checkOptions("traits", value as Traits, TRAITS, "traits: ");
  },
};

/**
 * Registers an op of one's own, so that networks can be drawn with it (`ops.call`), trained and run. Without a kernel
 * it is computed by its `reference`: on every backend and in training too, but slowly. `registerStrategy` and
 * `registerElementwise` give it one. Register an op once, where its module is loaded, before any network is drawn with
 * it.
 *
 * @example
 * ```js
 * import { nn, ops, registerOp } from "fovea";
 *
 * const halve = registerOp({
 *   name: "my.halve",
 *   infer: ([x]) => x, // the result has its input's shape
 *   gradient: ({ upstream }) => [ops.multiply(upstream, upstream.graph.constant(0.5))],
 *   reference: ([x]) => ({ shape: x.shape, data: x.data.map((value) => value / 2) }),
 * });
 * const network = nn.sequential(nn.flatten(), (x) => ops.call(halve, [x]), nn.linear({ in: 784, out: 10 }));
 * console.log(nn.parameterCount(network)); // 7850
 * ```
 *
 * @returns the op, to draw nodes with
 * @throws OptionError if there is an op of that name, or if the definition is not one
 */
export function registerOp<A extends Attributes = Attributes>(definition: OpDefinition<A>): Op<A> {
  checkOptions("registerOp", definition as unknown as OpDefinition, FIELDS, "registerOp: ");
  const { name } = definition;
  if (LEAVES.includes(name) || opNamed(name) !== undefined)
    throw new OptionError(`registerOp: there is an op "${name}" already; choose another name, such as "my.${name}"`);
  const op: Op<A> = {
    ...definition,
    cost: definition.cost?.bind(definition) ?? costPerElement(1),
    infer: (inputs, attributes, path) => checkedSignature(name, path, definition.infer(inputs, attributes, path)),
  };
  nameOp(op as unknown as Op);
  own.set(name, op as unknown as Op);
  return op;
}

/** @throws ShapeError where it is none. */
function checkedSignature(name: string, path: string, given: Signature): Signature {
  const { shape, batched, dtype } = given ?? {};
  const isShape = Array.isArray(shape) && shape.every((extent) => Number.isInteger(extent) && extent >= 1);
  if (!isShape || typeof batched !== "boolean" || (dtype !== "f32" && dtype !== "i32"))
    refuse(
      name,
      path,
      `infer gives ${JSON.stringify({ shape, batched, dtype })}, expected { shape: [whole numbers of at least 1], batched: true or false, dtype: "f32" or "i32" }`,
    );
  return { shape, batched, dtype };
}

/**
 * A node of an op: what `ops.relu(x)` and the like do for theirs.
 * @param op itself, or the name that it is registered under
 * @param inputs at least one value, all of one graph
 * @throws OptionError where no op has that name
 * @throws ShapeError where the inputs do not fit, as the op's `infer` says
 */
export function call<A extends Attributes = Attributes>(
  op: Op<A> | string,
  inputs: readonly [Value, ...Value[]],
  attributes: A = {} as A,
): Value<A> {
  const found = typeof op === "string" ? (opNamed(op) as Op<A> | undefined) : op;
  if (typeof op !== "string" && typeof found?.infer !== "function") {
    throw new OptionError(`call: the op is ${shown(op)}, expected the name of an op, or what registerOp gives`);
  }
  if (found === undefined) {
    const names = registeredOps().map(({ name }) => name);
    throw unknownName("op", op as string, names);
  }
  const first: unknown = Array.isArray(inputs) ? inputs[0] : inputs;
  if (!Array.isArray(inputs) || !isValue(first))
    refuse(found.name, "", `its inputs are ${shown(inputs)}, expected a list of at least one value, such as [x]`);
  return first.graph.add(found, attributes, inputs);
}
