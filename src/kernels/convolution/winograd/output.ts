/**
 * The output transform of a block of tiles for one panel of channels: Y = A^T M A, stored through the epilogue. What of
 * a tile lies beyond the image is computed but not stored.
 */
import type { KernelBuilder } from "../../../codegen/builder/builder.js";
import type { Reg } from "../../../codegen/ir.js";
import type { Epilogue } from "../../fusion/epilogue.js";
import { prefetchTile, storeTile } from "../../fusion/store-tile.js";
import { type ImageView, imageView, type TileView, type WinogradPlan } from "./plan.js";
import { TILE_INPUTS, tileOutputs, transformOutput } from "./transform.js";

export interface OutputPlaces {
  readonly first: Reg;
  readonly rows: Reg;
  /** Vectors of the panel, and bytes from a pixel's first channel to the panel's. */
  readonly vectors: number;
  readonly channel: Reg;
  /** Whether the panel has the pad lanes. */
  readonly last: boolean;
  m(): TileView;
}

export function transformOutputBlock(
  k: KernelBuilder,
  plan: WinogradPlan,
  epilogue: Epilogue,
  places: OutputPlaces,
): void {
  const { destination, tileRows, tileColumns } = plan;
  const outputs = tileOutputs(plan.taps);
  const image = imageView(k, "destination", destination);
  const certain = destination.rows - outputs * (tileRows - 1);
  k.loop(
    0,
    places.rows,
    (row) => {
      const all = k.add(places.first, row);
      const y = k.mul(k.mod(all, tileRows), outputs);
      const left = k.var(k.sub(destination.rows, y), "left");
      const first = image.at({ sample: k.div(all, tileRows), row: y });
      const to = first.plus(places.channel).keep("to", { frame: true });
      const m = places.m().at({ tile: row }, tileColumns).keep("m", { frame: true });
      const tile = (columns: number) => {
        eachVector(k, plan, places, (vector, last) => {
          const bytes = vector === undefined ? undefined : image.at({ channel: vector }, plan.lanes).offset();
          const from = bytes === undefined ? m.fetched() : m.plus(bytes).pointer();
          const into = to.plus(bytes).keep("into", { frame: false });
          const channel = k.var(bytes === undefined ? places.channel : k.add(places.channel, bytes), "channel");
          oneTile(k, plan, epilogue, { from, into, channel, left, certain, columns, last });
        });
        m.advance({ tile: 1 });
        to.advance({ pixel: outputs });
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
  readonly from: TileView;
  readonly into: ImageView;
  readonly channel: Reg;
  readonly left: Reg;
  readonly certain: number;
  readonly columns: number;
  readonly last: boolean;
}

function oneTile(k: KernelBuilder, plan: WinogradPlan, epilogue: Epilogue, t: Tile): void {
  const { lanes, destination } = plan;
  const outputs = tileOutputs(plan.taps);
  const pixelBytes = t.into.bytes({ pixel: 1 });
  // the next tile's: this one would wait for its own
  const next = t.into.moved({ pixel: outputs });
  for (let r = 0; r < outputs; r++)
    prefetchTile(k, outputs, 1, {
      lanes,
      epilogue,
      result: "destination",
      offset: next.moved({ row: r }).offset(),
      rowBytes: pixelBytes,
    });
  transformOutput(
    k,
    plan.taps,
    lanes,
    (c) => (r) => t.from.load(lanes, { point: r * TILE_INPUTS + c }),
    (r, values) => {
      const store = () =>
        storeTile(
          k,
          values.slice(0, t.columns).map((value) => [value]),
          {
            lanes,
            epilogue,
            result: "destination",
            offset: t.into.moved({ row: r }).offset(),
            rowBytes: pixelBytes,
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
