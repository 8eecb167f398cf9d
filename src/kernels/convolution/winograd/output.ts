/**
 * The output transform of a block of tiles for one panel of channels: Y = A^T M A, stored through the epilogue. What of a
 * tile lies beyond the image is computed but not stored.
 */
import type { KernelBuilder } from "../../../codegen/builder/builder.js";
import type { Reg } from "../../../codegen/ir.js";
import type { Epilogue } from "../../fusion/epilogue.js";
import { prefetchTile, storeTile } from "../../fusion/store-tile.js";
import type { WinogradPlan } from "./plan.js";
import { TILE_INPUTS, tileOutputs, transformOutput } from "./transform.js";

export interface OutputPlaces {
  readonly first: Reg;
  readonly rows: Reg;
  /** Vectors of the panel, and bytes from a pixel's first channel to the panel's. */
  readonly vectors: number;
  readonly channel: Reg;
  /** Whether the panel has the pad lanes. */
  readonly last: boolean;
  m(): Reg;
}

export function transformOutputBlock(
  k: KernelBuilder,
  plan: WinogradPlan,
  epilogue: Epilogue,
  places: OutputPlaces,
): void {
  const { destination, tileRows, tileColumns, mTile } = plan;
  const outputs = tileOutputs(plan.taps);
  const pixel = destination.pixel * 4;
  const certain = destination.rows - outputs * (tileRows - 1);
  k.loop(
    0,
    places.rows,
    (row) => {
      const all = k.add(places.first, row);
      const y = k.mul(k.mod(all, tileRows), outputs);
      const left = k.var(k.sub(destination.rows, y), "left");
      const pixels = k.add(k.mul(k.div(all, tileRows), destination.sample * 4), k.mul(y, destination.columns * pixel));
      const to = k.var(k.add(pixels, places.channel), "to", { frame: true });
      const m = k.var(k.ptrAdd(places.m(), k.mul(row, tileColumns * mTile * 4)), "m", { frame: true });
      const tile = (columns: number) => {
        eachVector(k, plan, places, (vector, last) => {
          const bytes = vector === undefined ? undefined : k.mul(vector, plan.lanes * 4);
          const from = bytes === undefined ? k.ptrAdd(m, 0) : k.ptrAdd(m, bytes);
          const offset = k.var(bytes === undefined ? to : k.add(to, bytes), "offset", { frame: false });
          const channel = k.var(bytes === undefined ? places.channel : k.add(places.channel, bytes), "channel");
          oneTile(k, plan, epilogue, { from, offset, channel, left, certain, columns, last });
        });
        k.advance(m, mTile * 4);
        k.advance(to, outputs * pixel);
      };
      const whole = Math.floor(destination.columns / outputs);
      if (whole === 1) tile(outputs);
      else if (whole > 1) k.loop(0, whole, () => tile(outputs), { frame: true, name: "tile" });
      if (whole < tileColumns) tile(destination.columns - outputs * whole);
    },
    { name: "tileRow" },
  );
}

/** All vectors of the panel; the one with pad lanes apart where its code differs. */
function eachVector(
  k: KernelBuilder,
  plan: WinogradPlan,
  { vectors, last }: OutputPlaces,
  body: (vector: Reg | undefined, last: boolean) => void,
): void {
  const pads = last && plan.destination.channels % plan.lanes > 0;
  const same = pads ? vectors - 1 : vectors;
  if (same === 1 && !pads) body(undefined, false);
  else if (same > 0) k.loop(0, same, (vector) => body(vector, false), { frame: true, name: "vector" });
  if (pads) body(same === 0 ? undefined : k.int(same), true);
}

interface Tile {
  readonly from: Reg;
  readonly offset: Reg;
  readonly channel: Reg;
  readonly left: Reg;
  readonly certain: number;
  readonly columns: number;
  readonly last: boolean;
}

function oneTile(k: KernelBuilder, plan: WinogradPlan, epilogue: Epilogue, t: Tile): void {
  const { lanes, destination, mPoint } = plan;
  const outputs = tileOutputs(plan.taps);
  const pixel = destination.pixel * 4;
  const row = destination.columns * pixel;
  // the next tile's: this one would wait for its own
  const next = k.add(t.offset, outputs * pixel);
  for (let r = 0; r < outputs; r++)
    prefetchTile(k, outputs, 1, {
      lanes,
      epilogue,
      result: "destination",
      offset: k.add(next, r * row),
      rowBytes: pixel,
    });
  transformOutput(
    k,
    plan.taps,
    lanes,
    (c) => (r) => k.load(t.from, (r * TILE_INPUTS + c) * mPoint * 4, lanes),
    (r, values) => {
      const store = () =>
        storeTile(
          k,
          values.slice(0, t.columns).map((value) => [value]),
          {
            lanes,
            epilogue,
            result: "destination",
            offset: k.add(t.offset, r * destination.columns * pixel),
            rowBytes: pixel,
            channel: t.channel,
            real: t.last ? destination.channels % lanes : undefined,
            narrow: false,
          },
        );
      if (r < t.certain) store();
      else k.if(t.left, "gt", r, store);
    },
    epilogue.registers + (t.last ? 1 : 0),
  );
}
