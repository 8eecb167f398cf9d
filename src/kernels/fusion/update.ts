/**
 * Updates as a gradient is stored: the elementwise group that starts from the gradient (momentum, weight decay, the
 * step) is computed on registers, so that the gradient itself never goes to memory and back.
 */
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import type { OperandList } from "../../codegen/definition.js";
import type { Reg } from "../../codegen/ir.js";
import type { Value } from "../../graph/graph.js";
import type { Lanes, Target } from "../../target/target.js";
import type { Buffer } from "../contract/emitter.js";
import { layoutOf } from "../contract/layout.js";
import type { PointwiseGroup } from "../contract/pointwise-group.js";
import type { Lowering } from "../contract/strategy.js";
import { emitStep, operandKind, type PointwiseStep, stepOf } from "../elementwise/pointwise.js";
import { tailElements } from "../language/channels.js";
import { maximumRows } from "../language/tile.js";

/** Plain data, for the specs of kernels. */
export interface Update {
  /** Of the inputs "u0", "u1", ... */
  readonly inputs: readonly ("full" | "scalar")[];
  /** Each reads the gradient as "g", inputs, and the steps before as "n0", "n1", ... */
  readonly steps: readonly PointwiseStep[];
  /** The steps whose results are stored. */
  readonly outputs: readonly number[];
}

/** Rows of the tile without which the gradient itself would be slow. */
const LEAST_ROWS = 4;
/** What an op may take on the way to its result. */
const WITHIN_OP = 2;

/**
 * Whether a group can be computed vector by vector: of numbers in the same places or the same everywhere, no pads in
 * between, in the registers that a tile leaves.
 */
export function canUpdate(root: Value, group: PointwiseGroup, target: Target): boolean {
  const layout = layoutOf(root, target);
  if (layout.channelStride !== layout.channels || layout.channels % target.lanes !== 0 || tailElements(layout) > 0)
    return false;
  if (maximumRows(target, 1, registersOf(root, group)) < LEAST_ROWS) return false;
  return group.nodes.every((node) =>
    node.inputs.every((v) => v === root || group.nodes.includes(v) || kindOf(v, node) !== undefined),
  );
}

/** The most that is alive at once: what is read stays until its last use, what is computed too. */
function registersOf(root: Value, group: PointwiseGroup): number {
  const alive = new Set<Value>();
  let most = 0;
  for (const [i, node] of group.nodes.entries()) {
    for (const input of node.inputs) if (input !== root) alive.add(input);
    alive.add(node);
    most = Math.max(most, alive.size);
    const later = group.nodes.slice(i + 1);
    for (const value of alive) if (!later.some((n) => n.inputs.includes(value))) alive.delete(value);
  }
  return most + WITHIN_OP;
}

function kindOf(input: Value, node: Value): "full" | "scalar" | undefined {
  const kind = operandKind(input, node);
  return kind === "full" || kind === "scalar" ? kind : undefined;
}

/** `registers`: what it needs beside the gradient, at most. */
export function updateOf(
  root: Value,
  group: PointwiseGroup,
  to: Lowering,
): { readonly update: Update; readonly buffers: readonly Buffer[]; readonly registers: number } {
  const { nodes, outputs } = group;
  const values: Value[] = [];
  const inputs: ("full" | "scalar")[] = [];
  for (const node of nodes) {
    for (const value of node.inputs) {
      if (value === root || nodes.includes(value) || values.includes(value)) continue;
      values.push(value);
      inputs.push(kindOf(value, node)!);
    }
  }
  const nameOf = (value: Value) =>
    value === root ? "g" : nodes.includes(value) ? `n${nodes.indexOf(value)}` : `u${values.indexOf(value)}`;
  return {
    update: {
      inputs,
      steps: nodes.map((node) => stepOf(node, nameOf)),
      outputs: outputs.map((value) => nodes.indexOf(value)),
    },
    buffers: [...values, ...outputs].map((value) => to.buffer(value)),
    registers: registersOf(root, group),
  };
}

export function updateOperands({ inputs, outputs }: Update): OperandList {
  return [...inputs.map((_, i) => [`u${i}`, "read"] as const), ...outputs.map((_, i) => [`o${i}`, "write"] as const)];
}

/** Names of the operands that are read in the places where results are stored. */
export function readInPlace({ inputs }: Update): string[] {
  return inputs.flatMap((kind, i) => (kind === "full" ? [`u${i}`] : []));
}

/** Stores what comes of a vector of the gradient that lies `bytes + offset` from the start of every operand. */
export function storeUpdate(
  k: KernelBuilder,
  update: Update,
  gradient: Reg,
  bytes: Reg,
  offset: number,
  lanes: Lanes,
): void {
  const values = new Map<string, Reg>([["g", gradient]]);
  const argument = (name: string): Reg => {
    const known = values.get(name);
    if (known !== undefined) return known;
    const isScalar = update.inputs[Number(name.slice(1))] === "scalar";
    const loaded = isScalar
      ? k.broadcast(k.operand(name), 0, lanes)
      : k.load(k.ptrAdd(k.operand(name), bytes), offset, lanes);
    values.set(name, loaded);
    return loaded;
  };
  for (const [i, step] of update.steps.entries()) {
    const value = emitStep(k, step, argument, lanes);
    values.set(`n${i}`, value);
    const output = update.outputs.indexOf(i);
    if (output >= 0) k.store(k.ptrAdd(k.operand(`o${output}`), bytes), offset, value);
  }
}
