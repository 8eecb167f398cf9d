/**
 * Where an entry's inputs, states, tables and outputs lie, and which assigned values are written straight into their
 * states.
 */
import { ShapeError } from "../base/errors.js";
import type { Value } from "../graph/graph.js";
import {
  type Assign,
  type Entry,
  type InputAttributes,
  inputOp,
  type StateAttributes,
  stateOp,
  type TableAttributes,
  tableOp,
} from "../graph/graph.js";
import { shapeText } from "../graph/shape.js";
import type { Buffer } from "../kernels/contract/emitter.js";
import { elementwiseOf, inputsOf, type Unit } from "./fuse.js";
import type { Constant, Port, StoredState } from "./program.js";
import type { ValueBuffers } from "./value-buffers.js";

export interface Leaves {
  readonly inputs: readonly Port[];
  readonly states: readonly StoredState[];
  readonly constants: readonly Constant[];
}

/** States in the order of the graph, so that every program of a graph lays the store out alike. */
export function placeLeaves(entry: Entry, values: ValueBuffers): Leaves {
  const inputs: Port[] = [];
  const states: StoredState[] = [];
  const constants: Constant[] = [];
  const assigned = new Set(entry.assigns.map((a) => a.state as unknown as Value));
  for (const node of [...values.live.nodes, ...assigned]) {
    if (values.known(node) !== undefined) continue;
    const op: unknown = node.op;
    if (op === tableOp) constants.push(placeTable(node, values));
    if (op !== inputOp && op !== stateOp) continue;
    const { name } = node.attributes as InputAttributes | StateAttributes;
    const { buffer, ...port } = values.port(name, node, op === inputOp ? "slot" : "store");
    values.set(node, buffer);
    if (op === inputOp) inputs.push(port);
    else states.push({ ...port, kind: (node.attributes as StateAttributes).kind });
  }
  return { inputs, states, constants };
}

function placeTable(node: Value, values: ValueBuffers): Constant {
  const table = (node.attributes as TableAttributes).values;
  const { channels, channelStride, sampleStride } = values.layout(node);
  const data = new Float32Array(sampleStride);
  for (const [i, value] of table.entries()) data[Math.floor(i / channels) * channelStride + (i % channels)] = value;
  const buffer = values.make(`${node.path} table`.trim(), node);
  values.set(node, buffer);
  return { place: values.home(buffer, "prepared"), data };
}

/** A value that is brought to a second place when all is done. */
export interface Copy {
  readonly value: Value;
  readonly into: Buffer;
}

/** The outputs, and copies of those that are an input, a state or another output, too. */
export function placeOutputs(
  entry: Entry,
  values: ValueBuffers,
): { readonly outputs: readonly Port[]; readonly copies: readonly Copy[] } {
  const copies: Copy[] = [];
  const outputs = Object.entries(entry.outputs).map(([name, value]) => {
    const { buffer, ...port } = values.port(name, value, "slot");
    if (values.known(value) === undefined) values.set(value, buffer);
    else copies.push({ value, into: buffer });
    return port;
  });
  return { outputs, copies };
}

/**
 * Lets the unit that makes an assigned value write straight into the state, where every other reader of the old value
 * is sure to be done. Gives the other assigns, which are copied when all is done.
 */
export function assignInPlace(entry: Entry, units: readonly Unit[], values: ValueBuffers): Assign[] {
  const late: Assign[] = [];
  const makerOf = new Map<Value, number>();
  const lastReader = new Map<Value, number>();
  for (const [at, unit] of units.entries()) {
    for (const node of elementwiseOf(unit)?.nodes ?? []) makerOf.set(node, at);
    for (const input of inputsOf(unit)) lastReader.set(input, at);
  }
  for (const assign of entry.assigns) {
    const state = assign.state as unknown as Value;
    const { value } = assign;
    if (value.batched || values.layout(value).sampleStride !== values.layout(state).sampleStride) {
      throw new ShapeError(
        `assign(${assign.state.attributes.name}): ${shapeText(value)} does not fit a state of ${shapeText(state)}`,
      );
    }
    const maker = makerOf.get(value);
    // The maker's own reads are element by element. Other readers must be among what it depends on, or panels made first;
    // `levels` keeps a write behind earlier reads in step order.
    const isInPlace =
      maker !== undefined && values.known(value) === undefined && (lastReader.get(state) ?? -1) <= maker;
    if (isInPlace) values.set(value, values.known(state)!);
    else late.push(assign);
  }
  return late;
}
