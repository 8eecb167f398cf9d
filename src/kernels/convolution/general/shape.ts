/**
 * What the general convolution kernels share: extents, and how the output channels of one group fall into vectors.
 * Weights lie as [ky][kx][channels of a group][outputs], the last extent laid out like a row of the output.
 */

import type { KernelBuilder } from "../../../codegen/builder/builder.js";
import type { Reg } from "../../../codegen/ir.js";
import type { ConvAttributes } from "../../../graph/attributes.js";
import type { Value } from "../../../graph/graph.js";
import type { Shape } from "../../../graph/shape.js";
import type { Lanes, Target } from "../../../target/target.js";
import { type RowLayout, rowLayout } from "../../contract/layout.js";
import type { Lowering } from "../../contract/strategy.js";
import { type ChannelVectors, channelVectors } from "../../language/channels.js";
import { type Axis, axisOf } from "../../language/taps.js";
import { type View, view } from "../../language/view.js";

/** Plain data, for the specs of kernels. */
export interface ConvShape {
  readonly rows: Axis;
  readonly columns: Axis;
  readonly groups: number;
  /** Channels that one group reads, and outputs that it makes. */
  readonly inputs: number;
  readonly outputs: number;
  readonly image: RowLayout;
  readonly result: RowLayout;
  /** Every channel is a group of its own: vectors run over them. */
  readonly depthwise: boolean;
  /** The vectors of one group's outputs; of all channels where `depthwise`. */
  readonly vectors: ChannelVectors;
}

export type ImageView = View<"sample" | "row" | "pixel" | "channel">;
export type WeightView = View<"ky" | "kx" | "channel" | "output">;

/** The image, or its gradient, as the operand of this name. */
export function imageView(k: KernelBuilder, operand: string, { columns, image }: ConvShape): ImageView {
  const { channelStride: pixel, sampleStride: sample } = image;
  return view(k, operand, { sample, row: columns.extent * pixel, pixel, channel: 1 });
}

/** The result, or its gradient. */
export function resultView(k: KernelBuilder, operand: string, { columns, result }: ConvShape): ImageView {
  const { channelStride: pixel, sampleStride: sample } = result;
  return view(k, operand, { sample, row: columns.outputs * pixel, pixel, channel: 1 });
}

export function weightView(k: KernelBuilder, operand: string, { columns, inputs, result }: ConvShape): WeightView {
  const channel = result.channelStride;
  return view(k, operand, { ky: columns.kernel * inputs * channel, kx: inputs * channel, channel, output: 1 });
}

/** `image` [H, W, C] and `result` [OH, OW, O] of the convolution that `node` is, or is a gradient of. */
export function convShape(node: Value, image: Shape, result: Shape, to: Lowering): ConvShape {
  const attributes = node.attributes as ConvAttributes;
  const { groups } = attributes;
  const imageLayout = rowLayout(to.layout({ shape: image, batched: true, dtype: "f32" }));
  const resultLayout = rowLayout(to.layout({ shape: result, batched: true, dtype: "f32" }));
  const rows = axisOf(attributes, 0, image, result);
  const columns = axisOf(attributes, 1, image, result);
  const inputs = image[2]! / groups;
  const outputs = result[2]! / groups;
  const depthwise = groups > 1 && inputs === 1 && outputs === 1;
  const vectors =
    groups === 1 || depthwise ? channelVectors(resultLayout, to.target) : groupVectors(outputs, to.target);
  return {
    rows,
    columns,
    groups,
    inputs,
    outputs,
    image: imageLayout,
    result: resultLayout,
    depthwise,
    vectors,
  };
}

/** Outputs of one group, which neither start nor end on a vector: the last vector is masked. */
function groupVectors(outputs: number, target: Target): ChannelVectors {
  const fitting = ([1, 4, 8, 16] as const).find((lanes) => lanes >= outputs);
  const lanes: Lanes = fitting !== undefined && fitting < target.lanes ? fitting : target.lanes;
  const count = Math.ceil(outputs / lanes);
  return { lanes, count, lastLanes: outputs - (count - 1) * lanes, packed: true };
}

/**
 * Loops over the groups; one that is known needs no loop. `inputs` and `outputs`: bytes to the group's first channel.
 */
export function eachConvGroup(
  k: KernelBuilder,
  shape: ConvShape,
  visit: (inputs: Reg | undefined, outputs: Reg | undefined) => void,
): void {
  if (shape.groups === 1 || shape.depthwise) {
    visit(undefined, undefined);
    return;
  }
  const image = imageView(k, "x", shape);
  const body = (g: Reg) => {
    const inputs = image.at({ channel: g }, shape.inputs).keep("inputs").offset();
    visit(inputs, image.at({ channel: g }, shape.outputs).keep("outputs").offset());
  };
  k.loop(0, shape.groups, body, { name: "g" });
}
