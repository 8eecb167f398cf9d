/**
 * An elementwise node that is computed as a kernel reads the image: the node itself is never in memory. Its first input
 * is the image that is read; the others are numbers of channels, read once for a vector of them.
 */
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import type { Reg } from "../../codegen/ir.js";
import type { Value } from "../../graph/graph.js";
import type { Buffer } from "../contract/emitter.js";
import type { Lowering, Work } from "../contract/strategy.js";
import { emitStep, isPointwise, operandKind, type PointwiseStep, stepOf } from "../elementwise/pointwise.js";
import { type ChannelVectors, loadChannels } from "../language/channels.js";

/** Plain data, for the specs of kernels; undefined where the image is read as it lies. */
export type Prologue = PointwiseStep | undefined;

/** Whether a node can be computed as its users read it, for each of the windows that share a pixel. */
export function canBePrologue(node: Value): boolean {
  if (node.op.traits?.recomputable !== true || !isPointwise(node) || !node.batched) return false;
  const [image, ...others] = node.inputs;
  return operandKind(image!, node) === "full" && others.every((v) => operandKind(v, node) === "channel");
}

/**
 * Of a kernel whose first input is an image that it reads in whole vectors of channels: the image, and what else is
 * read.
 */
export function prologueOf(
  { root, prologue }: Work,
  to: Lowering,
): { readonly prologue: Prologue; readonly image: Buffer; readonly buffers: readonly Buffer[] } {
  const [image, ...others] = (prologue ?? root).inputs as [Value, ...Value[]];
  if (prologue === undefined) return { prologue, image: to.buffer(image), buffers: [] };
  return {
    prologue: stepOf(prologue, (_, at) => (at === 0 ? "image" : operandName(at - 1))),
    image: to.buffer(image),
    buffers: others.map((v) => to.buffer(v)),
  };
}

const operandName = (index: number) => `p${index}`;

/** The operands of what is read beside the image. */
export function prologueOperands(prologue: Prologue): [string, "read"][] {
  return (prologue?.arguments.slice(1) ?? []).map((_, i) => [operandName(i), "read"]);
}

/** What makes of a vector of the image one of the node, for vector `index` of channels from `channel` bytes on. */
export function readThrough(
  k: KernelBuilder,
  prologue: Prologue,
  vectors: ChannelVectors,
  channel: Reg | undefined,
  index: number,
): (x: Reg) => Reg {
  if (prologue === undefined) return (x) => x;
  const loaded = new Map(
    prologueOperands(prologue).map(([name]) => {
      const base = k.operand(name);
      return [name, loadChannels(k, vectors, channel === undefined ? base : k.ptrAdd(base, channel), 0, index)];
    }),
  );
  return (x) => emitStep(k, prologue, (name) => loaded.get(name) ?? x, vectors.lanes);
}
