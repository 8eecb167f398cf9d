/** What the kernel of a depthwise convolution, or of its input gradient, is made for. */
import type { ConvAttributes } from "../../../graph/attributes.js";
import type { Value } from "../../../graph/graph.js";
import type { CodeTarget, Target } from "../../../target/target.js";
import { type Layout, layoutOf, type RowLayout, rowLayout } from "../../contract/layout.js";
import { type ChannelVectors, channelVectors } from "../../language/channels.js";
import { axisOf } from "../../language/taps.js";
import { evenBlock } from "../../language/tile.js";
import { F32 } from "../../language/view.js";
import { forwardPhase, inputGradientPhases, type Phase, tileRuns } from "../axis.js";

/** Everything that shapes the code. Plain data. */
export interface Depthwise {
  /** The rows that are written, and the pixels of a row: each phase has taps of its own. */
  readonly ys: readonly Phase[];
  readonly xs: readonly Phase[];
  /** Taps of a kernel row. */
  readonly kernelColumns: number;
  readonly source: RowLayout;
  readonly result: RowLayout;
  /** Pixels of a row of the result. */
  readonly columns: number;
  readonly vectors: ChannelVectors;
  /** Pixels whose sums are in registers at once. */
  readonly width: number;
  /** Rows of each phase in a piece of work. */
  readonly rowsPerPiece: number;
  readonly asksAhead: boolean;
}

/** Whether every channel is a group of its own, and channels fill vectors. */
export function isDepthwise(attributes: ConvAttributes, image: Value["shape"], result: Value["shape"]): boolean {
  const channels = image[2]!;
  return channels > 4 && attributes.groups === channels && result[2] === channels;
}

/**
 * Whether memory is asked for ahead of its use: where images come from afar. Tiles of a few pixels by one vector of
 * channels go through them in steps that a processor does not see ahead by itself.
 */
export function asksAhead(image: Layout, { caches }: Target): boolean {
  return image.sampleStride * F32 > caches.l2 / 2;
}

/**
 * The plan of a `conv2d` or `conv2dInputGrad`; undefined where it is not depthwise, or where a row of taps has no room
 * in registers.
 */
export function planOf(node: Value, target: Target): Depthwise | undefined {
  const a = node.attributes as ConvAttributes;
  const source = node.inputs[0]!;
  const forward = node.op.name === "conv2d";
  const [image, result] = forward ? [source.shape, node.shape] : [node.shape, source.shape];
  if (!isDepthwise(a, image, result)) return undefined;
  const phases = (axis: 0 | 1): readonly Phase[] =>
    forward
      ? [forwardPhase(axisOf(a, axis, image, result), image[axis]!, result[axis]!)]
      : inputGradientPhases(axisOf(a, axis, image, result), image[axis]!, result[axis]!);
  const xs = phases(1);
  const layout = layoutOf(node, target);
  const taps = Math.max(...xs.map((x) => x.taps));
  const width = widthOf(target, taps, Math.max(...xs.map((x) => x.count)));
  if (width === undefined) return undefined;
  return {
    ys: phases(0),
    xs,
    kernelColumns: a.kernel[1],
    source: rowLayout(layoutOf(source, target)),
    result: rowLayout(layout),
    columns: node.shape[1]!,
    vectors: channelVectors(layout, target),
    width,
    rowsPerPiece: ROWS_OF_PIECE,
    asksAhead: asksAhead(layoutOf(forward ? source : node, target), target),
  };
}

/** A tile goes through the rows of a piece one by one, and finds in the first cache what the row before has read. */
const ROWS_OF_PIECE = 4;
/** The most pixels of a tile: more would only be more to compile. */
const MOST_PIXELS = 14;
/** Fewer sums than these wait for each other's weights. */
const LEAST_PIXELS = 2;
/** Vector registers for a number of the source, and for what a store needs. */
const RESERVED = 2;

/** Pixels of a tile: a row of weights stays in registers beside their sums. */
function widthOf({ registers, hoistsLoads }: CodeTarget, taps: number, count: number): number | undefined {
  const weights = hoistsLoads ? 1 : taps;
  const most = Math.min(registers.vector - weights - RESERVED, MOST_PIXELS);
  if (most < LEAST_PIXELS) return undefined;
  for (let width = Math.min(most, count); width > most / 2; width--) if (count % width === 0) return width;
  return evenBlock(count, most);
}

/** Rows of the longest phase, which the pieces of a sample go through. */
export function rowsOf({ ys }: Depthwise): number {
  return Math.max(...ys.map((y) => y.count));
}

/** Pieces of a sample. */
export function rowPieces(c: Depthwise): number {
  return Math.ceil(rowsOf(c) / c.rowsPerPiece);
}

/** Multiply-adds that are written out. */
export function codeSize({ ys, xs, width, vectors }: Depthwise): number {
  const copies = Math.min(vectors.count, 2);
  const tiles = xs.reduce((sum, x) => sum + tileRuns(x, width).length * x.taps, 0);
  return ys.length * tiles * width * copies;
}
