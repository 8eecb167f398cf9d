/**
 * What a kernel of the direct convolution (`direct.ts`) is made for: extents and strides, the register tile, and the
 * cut into pieces of work.
 */

import type { ConvAttributes } from "../../../graph/attributes.js";
import type { Value } from "../../../graph/graph.js";
import type { CodeTarget, Lanes, Target } from "../../../target/target.js";
import { layoutOf, vectorLanes } from "../../contract/layout.js";
import { remembered } from "../../contract/remembered.js";
import type { PoolWork } from "../../contract/strategy.js";
import { POOLED } from "../../fusion/pooled-store.js";
import { axisOf } from "../../language/taps.js";
import { stepsOfTurn, type TileSize } from "../../language/tile.js";
import { F32 } from "../../language/view.js";
import { forwardPhase, inputGradientPhases, type Phase, tileRuns } from "../axis.js";
import { manyGroups } from "../groups.js";
import { cutDirect, type DirectCut } from "./cut.js";

/** Everything that shapes the code of one direct convolution kernel. */
export interface TapConvolution {
  readonly y: Phase;
  readonly x: Phase;
  readonly sourcePixel: number; // elements from pixel to pixel
  readonly sourceSample: number;
  readonly sourceChannel: number; // first channel read (a group's)
  readonly channels: number; // channels summed over
  readonly destinationWidth: number; // pixels in a row of the destination
  readonly destinationPixel: number;
  readonly destinationSample: number;
  readonly destinationChannel: number; // first channel written
  readonly outputs: number; // channels written
  readonly lanes: Lanes;
  readonly tile: TileSize;
  readonly tail: number; // elements after the last pixel that must be zeroed
  readonly rowsPerPiece: number;
  readonly blocksPerPiece: number;
  /** Many groups, in one kernel: the outputs are those of all of them, and a block is one group's. */
  readonly groups?: ManyGroups;
  /** Whether the destination is that of a max pool, and whether the places of the maxima are noted. */
  readonly pooled?: { readonly hasPlaces: boolean };
}

export interface ManyGroups {
  /** Blocks of a group's outputs. */
  readonly blocks: number;
  /** Channels of a pixel behind the last output, which must be zeroed. */
  readonly pads: number;
}

/** What the size of the code depends on. */
type TileCode = Pick<TapConvolution, "x" | "tile" | "channels">;

/**
 * The kernels of a node: one for each group and each pair of phases. `inStore`: registers that the store needs beside
 * the tile; `samples`: the largest batch.
 */
export const planOf = remembered(planTaps);

function planTaps(
  node: Value,
  target: Target,
  inStore = 0,
  samples = Number.POSITIVE_INFINITY,
  pool?: PoolWork,
): TapConvolution[] {
  const a = node.attributes as ConvAttributes;
  const forward = node.op.name === "conv2d";
  const [sourceValue] = node.inputs as [Value, Value];
  const source = layoutOf(sourceValue, target);
  const stored = pool?.node ?? node;
  const destination = layoutOf(stored, target);
  const [inputShape, outputShape] = forward ? [sourceValue.shape, node.shape] : [node.shape, sourceValue.shape];
  const window = (axis: 0 | 1) => axisOf(a, axis, inputShape, outputShape);
  const phases = (axis: 0 | 1): Phase[] =>
    forward
      ? [forwardPhase(window(axis), inputShape[axis]!, pool ? POOLED * stored.shape[axis]! : outputShape[axis]!)]
      : inputGradientPhases(window(axis), inputShape[axis]!, outputShape[axis]!);
  const channels = source.channels / a.groups;
  const groupOutputs = destination.channels / a.groups;
  const wide: Lanes = destination.channelStride <= 4 ? 4 : vectorLanes(destination, target);
  const many = manyGroups(a.groups, groupOutputs, target);
  const lanes = many ?? wide;
  const outputs = many === undefined ? groupOutputs : destination.channels;
  const groupVectors = Math.ceil(groupOutputs / lanes);
  const divides = (tile: TileSize) => many === undefined || groupVectors % tile.vectors === 0;
  const plans: TapConvolution[] = [];
  for (let g = 0; g < (many === undefined ? a.groups : 1); g++) {
    const all = phases(0).flatMap((y) => phases(1).map((x) => ({ y, x })));
    for (const { y, x } of all) {
      const vectors = Math.ceil(outputs / lanes);
      // while storing, the registers of the operands are free
      const reserved = Math.max(0, inStore + (outputs % lanes > 0 ? 1 : 0) - 2);
      const shape = {
        rows: y.count,
        columns: x.count,
        vectors,
        groupVectors,
        reserved,
        depth: y.taps * x.taps * channels,
        lanes,
        rowBytes: x.extent * source.channelStride * F32,
        taps: y.taps,
        stride: y.stride,
        scale: y.scale,
      };
      const fits = (tile: TileSize) =>
        divides(tile) && codeSize({ x, tile, channels }, target) <= target.costs.largestKernel.direct;
      const cut = cutDirect(target, shape, samples, fits);
      const last = y === all[all.length - 1]!.y && x === all[all.length - 1]!.x;
      plans.push({
        y,
        x,
        sourcePixel: source.channelStride,
        sourceSample: source.sampleStride,
        sourceChannel: g * channels,
        channels,
        destinationWidth: stored.shape[1]!,
        destinationPixel: destination.channelStride,
        destinationSample: destination.sampleStride,
        destinationChannel: g * outputs,
        outputs,
        lanes,
        tail: last ? destination.sampleStride - destination.rows * destination.channelStride : 0,
        ...(many && {
          groups: {
            blocks: groupVectors / cut.tile.vectors,
            pads: destination.channelStride - destination.channels,
          },
        }),
        ...(pool ? { pooled: { hasPlaces: pool.hasPlaces }, ...pooledCut(cut) } : cut),
      });
    }
  }
  return plans;
}

/** The same with an even number of pixels in a tile, and of rows in a piece. */
function pooledCut(cut: DirectCut): DirectCut {
  const even = (n: number) => Math.max(POOLED, n - (n % POOLED));
  return { ...cut, tile: { ...cut.tile, rows: even(cut.tile.rows) }, rowsPerPiece: even(cut.rowsPerPiece) };
}

export function codeSize(p: TileCode, target: CodeTarget): number {
  const unroll = unrollOf(p, target);
  return tileRuns(p.x, p.tile.rows).length * p.x.taps * unroll * p.tile.rows * p.tile.vectors * 2;
}

/** Multiply-adds beside which a turn's counting is nothing: more of them would only be more to compile. */
const LONG_TURN = 32;

/** How many input channels one turn of the innermost loop does. */
export function unrollOf(p: TileCode, target: CodeTarget): number {
  const one = p.x.taps * p.tile.rows * p.tile.vectors;
  const most = one < LONG_TURN ? 128 / one : 1;
  const wanted = [8, 4, 2].find((u) => p.channels % u === 0 && u <= most) ?? 1;
  return stepsOfTurn(target, wanted);
}
