/**
 * Weights as files have them and as fovea has them: convolutions OIHW there and HWIO here, linear layers [out, in] there and
 * [in, out] here. Told by the layer that holds a parameter, not by its rank alone.
 */
import { hwioToOihw, oihwToHwio, transpose } from "../../formats/layout.js";
import type { SafeTensor } from "../../formats/safetensors/safetensors.js";
import type { Shape } from "../../graph/shape.js";
import {
  type AnyModule,
  Conv2d,
  ConvTranspose2d,
  Linear,
  modulesOf,
  type Parameter,
  PartialConv2d,
  type RunningStatistic,
} from "../../nn/index.js";
import type { Weight } from "./weights.js";

/** A partial convolution's weight is a whole one's in files: with zeros where nothing is connected, as others load it. */
export type Kind = "convolution" | "linear" | PartialConv2d | undefined;

export function weightKinds(module: AnyModule): ReadonlyMap<Parameter | RunningStatistic, Kind> {
  const kinds = new Map<Parameter | RunningStatistic, Kind>();
  for (const part of modulesOf(module).keys()) {
    if (part instanceof Conv2d || part instanceof ConvTranspose2d) kinds.set(part.weight, "convolution");
    if (part instanceof PartialConv2d) kinds.set(part.weight, part);
    if (part instanceof Linear) kinds.set(part.weight, "linear");
  }
  return kinds;
}

export function fileShape(ours: Shape, kind: Kind): Shape {
  if (kind instanceof PartialConv2d) return fileShape(kind.wholeShape, "convolution");
  const order = kind === "convolution" ? [3, 2, 0, 1] : kind === "linear" ? [1, 0] : ours.map((_, axis) => axis);
  return order.map((axis) => ours[axis]!);
}

export function toFile({ shape, data }: Weight, kind: Kind): Weight {
  const there = fileShape(shape, kind);
  if (kind instanceof PartialConv2d) return { shape: there, data: hwioToOihw(kind.toWhole(data), kind.wholeShape) };
  if (kind === "convolution")
    return { shape: there, data: hwioToOihw(data, shape as [number, number, number, number]) };
  if (kind === "linear") return { shape: there, data: transpose(data, shape as [number, number]) };
  return { shape, data };
}

export function fromFile(tensor: SafeTensor, shape: Shape, kind: Kind): Weight {
  const data = Float32Array.from(tensor.data as Float32Array | Float64Array);
  if (kind instanceof PartialConv2d) {
    const oihw = tensor.shape as [number, number, number, number];
    return { shape, data: kind.fromWhole(oihwToHwio(data, oihw)) };
  }
  if (kind === "convolution")
    return { shape, data: oihwToHwio(data, tensor.shape as [number, number, number, number]) };
  if (kind === "linear") return { shape, data: transpose(data, tensor.shape as [number, number]) };
  return { shape, data };
}
