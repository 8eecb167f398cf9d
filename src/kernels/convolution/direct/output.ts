/**
 * Where a direct convolution's tiles go: to the destination, or through a max pool on the way to it. Chosen once for a
 * kernel.
 */
import type { KernelBuilder } from "../../../codegen/builder/builder.js";
import type { Reg } from "../../../codegen/ir.js";
import type { Epilogue } from "../../fusion/epilogue.js";
import { POOLED, storePooled } from "../../fusion/pooled-store.js";
import { storeTile } from "../../fusion/store-tile.js";
import type { TapConvolution } from "./plan.js";

/** What is done as a tile is stored; `after`: behind the max pool, where there is one. */
export interface Store {
  readonly epilogue: Epilogue;
  readonly after: Epilogue | undefined;
}

/**
 * Where a tile lies: bytes of its first element in the destination, of its first channel in a channel vector, and so
 * on.
 */
export interface TilePlace {
  readonly offset: Reg;
  readonly channel: Reg;
  /** Bytes from one pixel of the destination to the next. */
  readonly pixelBytes: number;
  /** Channels in the last vector if it is not full. */
  readonly real: number | undefined;
}

/** A row of the convolution on its way to memory. */
export interface OutputRow {
  /** The row of the destination that it goes to. */
  readonly row: Reg;
  store(tile: readonly (readonly Reg[])[], place: TilePlace): void;
}

export interface Output {
  /** Rows, and columns, of the convolution for one of the destination. */
  readonly pixels: number;
  row(row: Reg): OutputRow;
}

export function outputOf(k: KernelBuilder, p: TapConvolution, store: Store): Output {
  return p.pooled === undefined ? plainOutput(k, p, store) : pooledOutput(k, p, store);
}

function plainOutput(k: KernelBuilder, p: TapConvolution, { epilogue }: Store): Output {
  const how = { lanes: p.lanes, epilogue, result: "destination", narrow: p.destinationPixel <= 4 };
  const store: OutputRow["store"] = (tile, { pixelBytes, ...place }) =>
    storeTile(k, tile, { ...how, ...place, rowBytes: pixelBytes });
  return { pixels: 1, row: (row) => ({ row, store }) };
}

function pooledOutput(k: KernelBuilder, p: TapConvolution, { epilogue, after }: Store): Output {
  const how = { lanes: p.lanes, epilogue, after: after!, hasPlaces: p.pooled!.hasPlaces };
  return {
    pixels: POOLED,
    row(row) {
      const inWindow = k.var(k.mod(row, POOLED), "windowRow");
      const store: OutputRow["store"] = (tile, { pixelBytes, ...place }) =>
        storePooled(k, tile, { ...how, ...place, windowBytes: pixelBytes, row: inWindow });
      return { row: k.div(row, POOLED), store };
    },
  };
}
