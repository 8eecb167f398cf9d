/**
 * The gradient of a max pool as what it is: one number a window, and the place of the maximum that it goes to. A
 * convolution in front of the pool has a gradient that is zero everywhere else (three of four pixels for windows of
 * 2x2), so its own gradients need only the pixels that something was routed to. They read the pool's operands in place
 * of its gradient, which then is nowhere in memory.
 *
 * What would be multiplied by those zeros is left out: where it is no number, the gradient has one and the dense form
 * has none. The input gradient multiplies zeros of its own, around shifted weights: an infinite number of dy makes NaN
 * of all pixels of its window's region.
 */
import type { KernelBuilder } from "../../../codegen/builder/builder.js";
import type { Reg } from "../../../codegen/ir.js";
import type { ConvAttributes } from "../../../graph/attributes.js";
import type { Value } from "../../../graph/graph.js";
import type { Lanes, Target } from "../../../target/target.js";
import type { Buffer } from "../../contract/emitter.js";
import { layoutOf } from "../../contract/layout.js";
import type { Lowering, Work } from "../../contract/strategy.js";
import { type ChannelVectors, channelVectors, eachGroup } from "../../language/channels.js";
import { maxNaN } from "../../language/math.js";
import { type Axis, allReal } from "../../language/taps.js";
import { F32, type View, view } from "../../language/view.js";
import { windowsOf } from "../../pool/pool.js";

/** A max pool whose windows lie on pixels alone; distances in elements. */
export interface Routed {
  readonly rows: Axis;
  readonly columns: Axis;
  /** Of the image that is pooled, and so of what comes out. */
  readonly vectors: ChannelVectors;
  readonly channels: number;
  readonly pixel: number;
  readonly imageSample: number;
  readonly pooledSample: number;
}

const MOST_TAPS = 16;

/**
 * Of the node that gives an image's gradient; undefined where that is no max pool, or one whose windows meet a border.
 */
function routedOf(gradient: Value | undefined, target: Target): Routed | undefined {
  if (gradient?.op.name !== "maxPool2dGrad") return undefined;
  const [image, dy] = gradient.inputs as [Value, Value];
  const { rows, columns } = windowsOf(gradient, image.shape, dy.shape);
  const layout = layoutOf(image, target);
  const vectors = channelVectors(layout, target);
  if (vectors.packed || !allReal(rows) || !allReal(columns) || rows.kernel * columns.kernel > MOST_TAPS)
    return undefined;
  return {
    rows,
    columns,
    vectors,
    channels: layout.channels,
    pixel: layout.channelStride,
    imageSample: layout.sampleStride,
    pooledSample: layoutOf(dy, target).sampleStride,
  };
}

/** The windows of a sample. */
export function windowCount({ rows, columns }: Routed): number {
  return rows.outputs * columns.outputs;
}

/** Elements of the places of a sample: one for each window and channel. */
function placeElements(routed: Routed): number {
  return windowCount(routed) * routed.pixel;
}

/** What has a pixel a window: the pooled image, its gradient, the places of the maxima. */
export type PooledView = View<"sample" | "row" | "pixel" | "channel">;

export function pooledView(k: KernelBuilder, operand: string, { columns, pixel, pooledSample }: Routed): PooledView {
  return view(k, operand, { sample: pooledSample, row: columns.outputs * pixel, pixel, channel: 1 });
}

/** What a place is counted in: bytes, `origin` for the first tap of the first window. */
export interface PlaceSteps {
  readonly origin: number;
  /** From a row and a column of the pooled image to the next. */
  readonly tap: readonly [number, number];
  /** From a row and a column of windows to the next. */
  readonly window: readonly [number, number];
}

/**
 * The buffer that the pool's `gradient` learns the places from: the pool's image, or where the forward pass noted them.
 */
export function placesOf(
  gradient: Value,
  work: Work,
  to: Lowering,
): { readonly buffer: Buffer; readonly areNoted: boolean } {
  const [image, dy] = gradient.inputs as [Value, Value];
  const areNoted = work.reads !== undefined && !work.reads.includes(image);
  return { areNoted, buffer: areNoted ? to.places(image, dy) : to.buffer(image) };
}

/** Writes the places of sample `n`'s maxima to `into`, from the operand "maxima", which is that of `placesOf`. */
export function writePlaces(
  k: KernelBuilder,
  r: Routed,
  areNoted: boolean,
  n: Reg,
  into: PooledView,
  steps: PlaceSteps,
): void {
  const { rows, columns, vectors, pixel } = r;
  const { lanes } = vectors;
  // what is read for a window, and from a row and a column of windows to the next
  const place = areNoted ? notedPlace(k, r, steps) : foundPlace(k, r, steps);
  const ofImage = { row: rows.stride * columns.extent * pixel, pixel: columns.stride * pixel };
  const windows = areNoted
    ? pooledView(k, "maxima", r)
    : view(k, "maxima", { sample: r.imageSample, ...ofImage, channel: 1 });
  const maxima = windows.at({ sample: n }).here().pointer().keep("maxima");
  const row = (oy: Reg) => {
    const from = maxima.at({ row: oy }).keep("from");
    const to = into.at({ row: oy }).keep("to");
    const first = k.var(k.add(k.mul(oy, steps.window[0]), steps.origin), "first");
    const window = () => {
      const base = k.splatInt(first, lanes);
      eachGroup(k, vectors, 1, (channel, [index]) => {
        const at = { channel: index! * lanes };
        const found = place(from.plus(channel).pointer().at(at));
        to.plus(channel).pointer().store(k.vadd(base, found), at);
      });
      from.advance({ pixel: 1 });
      to.advance({ pixel: 1 });
      k.advance(first, steps.window[1]);
    };
    k.loop(0, columns.outputs, window, { frame: false, name: "window column" });
  };
  k.loop(0, rows.outputs, row, { name: "window row" });
}

/** Where in its window a vector of maxima is, from the window's first tap on, in what `steps` counts. */
type PlaceIn = (from: PooledView) => Reg;

/** From what `pooled-store.ts` noted. */
function notedPlace(k: KernelBuilder, { vectors: { lanes } }: Routed, { tap }: PlaceSteps): PlaceIn {
  return (from) => {
    const noted = k.loadI32(...from.place({}), lanes);
    const below = k.vmul(k.vshr(noted, 1), k.splatI32(tap[0], lanes));
    const beside = k.vmul(k.vand(noted, k.splatI32(1, lanes)), k.splatI32(tap[1], lanes));
    return k.vadd(below, beside);
  };
}

/** From the image: of equal maxima the first, as `pool/gradient.ts` finds it. */
function foundPlace(k: KernelBuilder, r: Routed, steps: PlaceSteps): PlaceIn {
  const { rows, columns, vectors } = r;
  const { lanes } = vectors;
  const taps = Array.from({ length: rows.kernel * columns.kernel }, (_, i) => {
    const [y, x] = [Math.floor(i / columns.kernel) * rows.dilation, (i % columns.kernel) * columns.dilation];
    return { at: { channel: (y * columns.extent + x) * r.pixel }, place: y * steps.tap[0] + x * steps.tap[1] };
  });
  return (from) => {
    const tap = ({ at }: (typeof taps)[number]) => from.load(lanes, at);
    // One tap at a time: windows of many do not fit the registers at once.
    const most = taps.slice(1).reduce((most, next) => maxNaN(k, most, tap(next)), tap(taps[0]!));
    const bits = k.asInt(most);
    let found = k.splatI32(taps[taps.length - 1]!.place, lanes);
    for (const { at, place } of taps.slice(0, -1).reverse()) {
      const hit = k.cmpI32("eq", k.loadI32(...from.place(at), lanes), bits);
      found = k.select(hit, k.splatI32(place, lanes), found);
    }
    return found;
  };
}

/** Vectors over a run of elements, the last of which may reach beyond its end. */
export interface RunVector {
  readonly at: number;
  readonly lanes: Lanes;
}

/**
 * Over pixels of `pixel` elements: no wider than these, so that none lies across two cache lines where whole pixels are
 * vectors.
 */
export function vectorsOver(elements: number, pixel: number, target: Target): RunVector[] {
  const lanes = pixel === 8 && target.lanes > 8 ? 8 : target.lanes;
  const vectors: RunVector[] = [];
  for (let at = 0; at < elements; ) {
    const width = ([4, 8, 16] as const).find((w) => w === lanes || w >= elements - at)!;
    vectors.push({ at, lanes: width });
    at += width;
  }
  return vectors;
}

/** Elements from the first of `vectorsOver` to the end of the last. */
export function spanOf(vectors: readonly RunVector[]): number {
  const last = vectors[vectors.length - 1]!;
  return last.at + last.lanes;
}

/** A convolution in front of such a pool, as both of its gradients see it; distances in elements. */
export interface RoutedConvolution {
  readonly routed: Routed;
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  /** What the convolution reads, or the gradient of that. */
  readonly image: readonly [rows: number, columns: number];
  readonly channels: number;
  readonly pixel: number;
  readonly bordered: Bordered;
  /** Elements of the workspace before the places, where the image lies with its border, and in all. */
  readonly placesAt: number;
  readonly workspace: number;
}

/**
 * An image with its border, so that every tap of every output is a pixel: rows and columns, and where the image begins.
 */
export interface Bordered {
  readonly rows: number;
  readonly columns: number;
  readonly before: readonly [number, number];
}

/**
 * Undefined where no such pool follows, and for groups, dilation and images that half of a core's second cache does not
 * hold.
 */
export function routedConvolution(
  node: Value,
  image: Value,
  gradient: Value,
  target: Target,
): RoutedConvolution | undefined {
  const { kernel, stride, padding, dilation, groups } = node.attributes as ConvAttributes;
  const routed = routedOf(gradient, target);
  if (routed === undefined || groups !== 1 || dilation[0] !== 1 || dilation[1] !== 1) return undefined;
  const extent = (axis: 0 | 1) =>
    Math.max(padding[2 * axis]! + image.shape[axis]!, (gradient.shape[axis]! - 1) * stride[axis] + kernel[axis]);
  const { channelStride, channels } = layoutOf(image, target);
  const bordered = { rows: extent(0), columns: extent(1), before: [padding[0], padding[2]] as const };
  const placesAt = Math.ceil((bordered.rows * bordered.columns * channelStride + target.lanes) / 16) * 16;
  const workspace = placesAt + placeElements(routed);
  if (F32 * workspace > target.caches.l2 / 2) return undefined;
  return {
    routed,
    kernel,
    stride,
    image: [image.shape[0]!, image.shape[1]!],
    channels,
    pixel: channelStride,
    bordered,
    placesAt,
    workspace,
  };
}

/** The workspace: the image with its border, and behind it the places. */
export type BorderedView = View<"row" | "pixel" | "channel">;

export function borderedView(k: KernelBuilder, { bordered, pixel }: RoutedConvolution): BorderedView {
  return view(k, "workspace", { row: bordered.columns * pixel, pixel, channel: 1 });
}

export function placesView(k: KernelBuilder, { routed, placesAt }: RoutedConvolution): PooledView {
  return pooledView(k, "workspace", routed).pointer().moved({ channel: placesAt });
}

/** Accumulators that there are registers for, beside a number in every lane for each width among the vectors. */
export function accumulatorsFor(row: readonly RunVector[], target: Target): number {
  return target.registers.vector - 1 - new Set(row.map((v) => v.lanes)).size;
}

/** One number in every lane, for each width among the vectors. */
export function broadcastTo(
  k: KernelBuilder,
  number: readonly [pointer: Reg, offset: number],
  vectors: readonly RunVector[],
): Map<Lanes, Reg> {
  const widths = [...new Set(vectors.map((v) => v.lanes))];
  return new Map(widths.map((lanes) => [lanes, k.broadcast(...number, lanes)]));
}
