/**
 * Stores a convolution's tile through a max pool of 2x2 that follows it, so that what the convolution itself computes
 * is nowhere in memory. Of two rows of pixels the first leaves its maxima where the result will lie, and the second
 * joins its own to them. Where the pool's gradient is asked for, the place of each maximum is noted beside it: 0 to 3,
 * row by row, of equal ones the first. The bits are those of the pool by itself (`pool.ts`, `pool/gradient.ts`).
 */

import { plainText } from "../../base/plain.js";
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import type { Reg } from "../../codegen/ir.js";
import type { Value } from "../../graph/graph.js";
import type { Lanes, Target } from "../../target/target.js";
import { layoutOf } from "../contract/layout.js";
import { cleaned } from "../language/channels.js";
import { maxNaN } from "../language/math.js";
import { type Axis, allReal } from "../language/taps.js";
import { F32 } from "../language/view.js";
import { windowsOf } from "../pool/pool.js";
import { applyEpilogue, type Epilogue } from "./epilogue.js";

/** Pixels of a window along an axis, and from one to the next. */
export const POOLED = 2;

export const isMaxPool = (node: Value): boolean => node.op.name === "maxPool2d";

/**
 * Whether it is a max pool of 2x2 whose windows lie side by side, none of them across a border, of an image of whole
 * vectors.
 */
export function isPooledStore(pool: Value, target: Target): boolean {
  if (!isMaxPool(pool)) return false;
  const [image] = pool.inputs as [Value];
  const { rows, columns } = windowsOf(pool, image.shape, pool.shape);
  const plain = (a: Axis) =>
    a.kernel === POOLED && a.stride === POOLED && a.dilation === 1 && a.before === 0 && allReal(a);
  return plain(rows) && plain(columns) && layoutOf(image, target).channelStride > 4;
}

/** Whether a node is the gradient of a max pool with the very windows of `pool`. */
export function isPoolGradient(node: Value, pool: Value): boolean {
  if (node.op.name !== "maxPool2dGrad") return false;
  const [image, dy] = node.inputs as [Value, Value];
  return (
    image === pool.inputs[0] &&
    plainText(windowsOf(node, image.shape, dy.shape)) === plainText(windowsOf(pool, image.shape, pool.shape))
  );
}

export interface PooledStore {
  readonly lanes: Lanes;
  /** Of the convolution, and of the pool: neither reads anything of the size of an image. */
  readonly epilogue: Epilogue;
  readonly after: Epilogue;
  /**
   * Bytes from the start of the result, and of the places, to the tile's first window, and from one window to the next.
   */
  readonly offset: Reg;
  readonly windowBytes: number;
  /** Bytes of the tile's first channel in a channel vector. */
  readonly channel: Reg;
  /** Channels in the last vector if it is not full. */
  readonly real: number | undefined;
  /** 0 in the first row of the windows, 1 in the second. */
  readonly row: Reg;
  readonly hasPlaces: boolean;
}

export function storePooled(k: KernelBuilder, acc: readonly (readonly Reg[])[], to: PooledStore): void {
  const { lanes, epilogue, after, hasPlaces } = to;
  const result = k.ptrAdd(k.operand("destination"), to.offset);
  const places = hasPlaces ? k.ptrAdd(k.operand("places"), to.offset) : undefined;
  const inputs = epilogue.inputs.map((kind, i) =>
    kind === "scalar" ? k.operand(`extra${i}`) : k.ptrAdd(k.operand(`extra${i}`), to.channel),
  );
  const vectors = acc[0]!.length;
  for (let v = 0; v < vectors; v++) {
    const bytes = v * lanes * F32;
    const loaded = epilogue.inputs.map((kind, i) =>
      kind === "scalar" ? k.broadcast(inputs[i]!, 0, lanes) : k.load(inputs[i]!, bytes, lanes),
    );
    const windows: { readonly most: Reg; readonly place: Reg | undefined; readonly at: number }[] = [];
    for (let i = 0; i < acc.length; i += POOLED) {
      const [left, right] = [acc[i]![v]!, acc[i + 1]![v]!].map((x) => applyEpilogue(k, epilogue, x, loaded)) as [
        Reg,
        Reg,
      ];
      const most = maxNaN(k, left, right);
      const place = hasPlaces ? placeOf(k, left, most, k.splatI32(0, lanes), k.splatI32(1, lanes)) : undefined;
      windows.push({ most, place, at: (i / POOLED) * to.windowBytes + bytes });
    }
    const first = () => {
      for (const { most, place, at } of windows) {
        k.store(result, at, most);
        if (place !== undefined) k.store(places!, at, place);
      }
    };
    const pads = v === vectors - 1 && to.real !== undefined;
    const second = () => {
      for (const { most: below, place, at } of windows) {
        const above = k.load(result, at, lanes);
        const most = maxNaN(k, above, below);
        if (place !== undefined) {
          const second = k.vadd(place, k.splatI32(POOLED, lanes));
          k.store(places!, at, placeOf(k, above, most, k.loadI32(places!, at, lanes), second));
        }
        const value = applyEpilogue(k, after, most, []);
        k.store(result, at, pads ? cleaned(k, value, to.real!) : value);
      }
    };
    k.if(to.row, "eq", 0, first, second);
  }
}

/** Where the maximum is: at `first` if it is that number, bit by bit. */
function placeOf(k: KernelBuilder, number: Reg, most: Reg, first: Reg, second: Reg): Reg {
  return k.select(k.cmpI32("eq", k.asInt(number), k.asInt(most)), first, second);
}
