/**
 * The chain of elementwise nodes that melts into a kernel's store: `x` is the kernel's own result, a vector of
 * channels of one row, and each further input of the chain comes as a vector of the same lanes. The kernel loads them:
 * "full" from where it stores, "channel" by the channel, "scalar" as a broadcast.
 */
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import type { Reg } from "../../codegen/ir.js";
import type { Value } from "../../graph/graph.js";
import { sameShape } from "../../graph/shape.js";
import type { Work } from "../contract/strategy.js";
import {
  emitStep,
  isPointwise,
  operandKind,
  type PointwiseStep,
  pointwiseNamed,
  stepOf,
} from "../elementwise/pointwise.js";

export type EpilogueKind = "full" | "channel" | "scalar";

/** Plain data, for the specs of kernels. */
export interface Epilogue {
  readonly inputs: readonly EpilogueKind[];
  /** Each reads what the one before has computed as "x", and the inputs as "0", "1", ... */
  readonly steps: readonly PointwiseStep[];
  /** Vector registers that it needs at once, beside the value itself: its operands, and what it computes with. */
  readonly registers: number;
}

/** An epilogue, and the values that are its inputs. */
export interface Fused {
  readonly epilogue: Epilogue;
  readonly values: readonly Value[];
}

const KINDS: readonly string[] = ["full", "channel", "scalar"];

/** Whether `node` can be melted into the store of `previous`, one of its inputs. */
export function canFuse(node: Value, previous: Value): boolean {
  return (
    isPointwise(node) &&
    previous.dtype === "f32" &&
    node.batched === previous.batched &&
    sameShape(node.shape, previous.shape) &&
    node.inputs.includes(previous) &&
    node.inputs.every((input) => input === previous || KINDS.includes(operandKind(input, node) ?? ""))
  );
}

export function epilogueOf(work: Pick<Work, "root" | "chain">): Fused {
  const values: Value[] = [];
  const inputs: EpilogueKind[] = [];
  const steps: PointwiseStep[] = [];
  let previous = work.root;
  for (const node of work.chain) {
    const step = stepOf(node, (value) => {
      if (value === previous) return "x";
      let index = values.indexOf(value);
      if (index < 0) {
        index = values.push(value) - 1;
        inputs.push(operandKind(value, node) as EpilogueKind);
      }
      return `${index}`;
    });
    steps.push(step);
    previous = node;
  }
  const inside = Math.max(0, ...steps.map(({ op }) => pointwiseNamed(op)!.registers ?? 0));
  const registers = inputs.length + (steps.length > 0 ? 2 : 0) + inside;
  return { epilogue: { inputs, steps, registers }, values };
}

/** `loaded`: one vector for each of the inputs, of the lanes of `x`. */
export function applyEpilogue(k: KernelBuilder, epilogue: Epilogue, x: Reg, loaded: readonly Reg[]): Reg {
  if (x.type.kind !== "f32") throw new TypeError(`epilogue: expected a float vector, got ${x.type.kind}`);
  const { lanes } = x.type;
  return epilogue.steps.reduce(
    (current, step) => emitStep(k, step, (name) => (name === "x" ? current : loaded[Number(name)]!), lanes),
    x,
  );
}
