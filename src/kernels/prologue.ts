/**
 * An elementwise node that is computed as a kernel reads the image: the node itself is never in memory. Its first input is the
 * image that is read; the others are numbers of channels, read once for a vector of them.
 */
import type { KernelBuilder } from "../codegen/builder.js";
import type { Access, Reg } from "../codegen/ir.js";
import type { Value } from "../graph/value.js";
import { type ChannelVectors, loadChannels } from "./channels.js";
import { attributesKey } from "./epilogue.js";
import { isPointwise, operandKind, POINTWISE } from "./pointwise.js";
import type { Buffer, Lowering, Work } from "./strategy.js";

export interface Prologue {
  /** Names everything that shapes the code; empty where the image is read as it lies. */
  readonly key: string;
  /** What is read beside the image. */
  readonly operands: readonly (readonly [string, Access])[];
  /** The image's, and those of the operands. */
  readonly image: Buffer;
  readonly buffers: readonly Buffer[];
  /** What makes of a vector of the image one of the node, for vector `index` of channels from `channel` bytes on. */
  at(k: KernelBuilder, vectors: ChannelVectors, channel: Reg | undefined, index: number): (x: Reg) => Reg;
}

/** Cheap enough to be computed for each of the windows that share a pixel. */
const CHEAP = new Set(["normalize", "affine"]);

/** Whether a node can be computed as its users read it. */
export function canBePrologue(node: Value): boolean {
  if (!CHEAP.has(node.op.name) || !isPointwise(node) || !node.batched) return false;
  const [image, ...others] = node.inputs;
  return operandKind(image!, node) === "full" && others.every((v) => operandKind(v, node) === "channel");
}

/** Of a kernel whose first input is an image that it reads in whole vectors of channels. */
export function prologueOf({ root, prologue }: Work, to: Lowering): Prologue {
  const [read] = root.inputs as [Value];
  if (prologue === undefined) return { key: "", operands: [], image: to.buffer(read), buffers: [], at: () => (x) => x };
  const [image, ...others] = prologue.inputs as [Value, ...Value[]];
  return {
    key: `${prologue.op.name}${attributesKey(prologue)}`,
    operands: others.map((_, i) => [`p${i}`, "read"] as const),
    image: to.buffer(image),
    buffers: others.map((v) => to.buffer(v)),
    at(k, vectors, channel, index) {
      const loaded = others.map((_, i) => {
        const base = k.operand(`p${i}`);
        return loadChannels(k, vectors, channel === undefined ? base : k.ptrAdd(base, channel), 0, index);
      });
      const { emit } = POINTWISE[prologue.op.name]!;
      return (x) => emit(k, [x, ...loaded], prologue.attributes, vectors.lanes);
    },
  };
}
