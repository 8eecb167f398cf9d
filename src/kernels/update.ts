/**
 * Updates as a gradient is stored: the elementwise group that starts from the gradient (momentum, weight decay, the step) is
 * computed on registers, so that the gradient itself never goes to memory and back.
 */
import type { KernelBuilder } from "../codegen/builder.js";
import type { Access, Lanes, Reg, Target } from "../codegen/ir.js";
import type { Value } from "../graph/value.js";
import { tailElements } from "./channels.js";
import { attributesKey } from "./epilogue.js";
import { layoutOf } from "./layout.js";
import { operandKind, POINTWISE } from "./pointwise.js";
import type { PointwiseGroup } from "./pointwise-group.js";
import type { Buffer, Lowering } from "./strategy.js";
import { maximumRows } from "./tile.js";

export interface Update {
  /** Names everything that shapes the code. */
  readonly key: string;
  readonly operands: readonly (readonly [string, Access])[];
  readonly buffers: readonly Buffer[];
  /** Names of the operands that are read in the places where results are stored. */
  readonly reads: readonly string[];
  /** Vector registers that it needs beside the gradient, at most. */
  readonly registers: number;
  /** Stores what comes of a vector of the gradient that lies `bytes + offset` from the start of every operand. */
  store(k: KernelBuilder, gradient: Reg, bytes: Reg, offset: number, lanes: Lanes): void;
}

/** Rows of the tile without which the gradient itself would be slow. */
const LEAST_ROWS = 4;
/** What an op may take on the way to its result. */
const WITHIN_OP = 2;

/**
 * Whether a group can be computed vector by vector: of numbers in the same places or the same everywhere, no pads in between, in
 * the registers that a tile leaves.
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

export function updateOf(root: Value, group: PointwiseGroup, to: Lowering): Update {
  const inputs: { readonly value: Value; readonly kind: "full" | "scalar"; readonly name: string }[] = [];
  for (const node of group.nodes) {
    for (const value of node.inputs) {
      if (value === root || group.nodes.includes(value) || inputs.some((i) => i.value === value)) continue;
      inputs.push({ value, kind: kindOf(value, node)!, name: `u${inputs.length}` });
    }
  }
  const nameOf = (v: Value) =>
    v === root ? "g" : (inputs.find((i) => i.value === v)?.name ?? `n${group.nodes.indexOf(v)}`);
  const nodes = group.nodes.map((n) => `${n.op.name}${attributesKey(n)}(${n.inputs.map(nameOf).join(",")})`);
  return {
    key: `${inputs.map((i) => i.kind).join(",")} ${nodes.join(";")} -> ${group.outputs.map(nameOf).join(",")}`,
    operands: [
      ...inputs.map((i) => [i.name, "read"] as const),
      ...group.outputs.map((_, i) => [`o${i}`, "write"] as const),
    ],
    buffers: [...inputs.map((i) => to.buffer(i.value)), ...group.outputs.map((v) => to.buffer(v))],
    reads: inputs.filter((i) => i.kind === "full").map((i) => i.name),
    registers: registersOf(root, group),
    store(k, gradient, bytes, offset, lanes) {
      const values = new Map<Value, Reg>([[root, gradient]]);
      const argument = (value: Value): Reg => {
        const known = values.get(value);
        if (known !== undefined) return known;
        const { name, kind } = inputs.find((i) => i.value === value)!;
        const loaded =
          kind === "scalar"
            ? k.broadcast(k.operand(name), 0, lanes)
            : k.load(k.ptrAdd(k.operand(name), bytes), offset, lanes);
        values.set(value, loaded);
        return loaded;
      };
      for (const node of group.nodes) {
        const value = POINTWISE[node.op.name]!.emit(k, node.inputs.map(argument), node.attributes, lanes);
        values.set(node, value);
        const output = group.outputs.indexOf(node);
        if (output >= 0) k.store(k.ptrAdd(k.operand(`o${output}`), bytes), offset, value);
      }
    },
  };
}
