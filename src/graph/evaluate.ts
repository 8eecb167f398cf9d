/**
 * The meaning of a whole graph in plain float64: runs every op's `reference`, one after another. This is the oracle
 * that compiled programs are tested against; it is slow and keeps every value.
 */
import { ShapeError } from "../base/errors.js";
import type { Value } from "./graph.js";
import { type InputAttributes, inputOp, type StateAttributes, stateOp } from "./graph.js";
import { sameShape } from "./shape.js";
import type { Tensor } from "./tensor.js";

export interface Feeds {
  readonly inputs?: Readonly<Record<string, Tensor>>;
  readonly states?: Readonly<Record<string, Tensor>>;
}

/** The tensors of `values`; a batched one has `batch` as its first extent. */
export function evaluate(values: readonly Value[], feeds: Feeds, batch: number): Tensor[] {
  const graph = values[0]?.graph;
  if (graph === undefined) return [];
  const results = new Map<number, Tensor>();
  for (const value of reachable(values)) {
    results.set(value.id, evaluateOne(value, results, feeds, batch));
  }
  return values.map((v) => results.get(v.id)!);
}

/** Everything that `values` depend on, themselves included, in order of making. */
export function reachable(values: readonly Value[]): Value[] {
  const found = new Map<number, Value>();
  const open = [...values];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (found.has(value.id)) continue;
    found.set(value.id, value);
    open.push(...value.inputs);
  }
  return [...found.values()].sort((a, b) => a.id - b.id);
}

function evaluateOne(value: Value, results: ReadonlyMap<number, Tensor>, feeds: Feeds, batch: number): Tensor {
  const name: string = value.op.name;
  if (name === inputOp.name)
    return fed("input", (value.attributes as InputAttributes).name, feeds.inputs, value, batch);
  if (name === stateOp.name)
    return fed("state", (value.attributes as StateAttributes).name, feeds.states, value, batch);
  const inputs = value.inputs.map((v) => results.get(v.id)!);
  const result = value.op.reference(inputs, value.attributes, value, batch);
  checkShape(`${name}(${value.path})`, result, value, batch);
  return result;
}

function fed(
  kind: string,
  name: string,
  tensors: Readonly<Record<string, Tensor>> | undefined,
  value: Value,
  batch: number,
): Tensor {
  const tensor = tensors?.[name];
  if (tensor === undefined) throw new ShapeError(`evaluate: the ${kind} "${name}" is not given; add it to the feeds`);
  checkShape(`evaluate: the ${kind} "${name}"`, tensor, value, batch);
  return tensor;
}

function checkShape(what: string, tensor: Tensor, value: Value, batch: number): void {
  const expected = value.batched ? [batch, ...value.shape] : value.shape;
  if (!sameShape(tensor.shape, expected)) {
    throw new ShapeError(`${what} has shape [${tensor.shape.join(", ")}], expected [${expected.join(", ")}]`);
  }
}
