/**
 * The transform of a block of tiles to their 36 points, straight from NHWC, where a tile reaches over the edges of the image:
 * of the input, V = B^T d B with d of 6x6, and for weight gradients of the output's gradient, A dy A^T. Rows of pixels above and below are read from a row of zeros; columns outside are left out of the code, so tiles at the
 * left and right edges have code of their own.
 */
import type { KernelBuilder } from "../../../codegen/builder/builder.js";
import type { Reg } from "../../../codegen/ir.js";
import type { Lanes } from "../../../target/target.js";
import type { TiledImage } from "./plan.js";
import { POINTS, type Taps, TILE_INPUTS, tileOutputs, transformInput, transformOutputGradient } from "./transform.js";

export interface InputBlock {
  readonly taps: Taps;
  readonly lanes: Lanes;
  readonly source: TiledImage;
  readonly start: readonly [number, number];
  readonly tileRows: number;
  readonly tileColumns: number;
  readonly vTile: number;
  readonly vPoint: number;
  /** The source is an output's gradient: tiles of what is put out, which do not overlap. */
  readonly ofGradient?: boolean;
}

/** What a block is at run time. Pointers are asked for where they are used: to hold them would take registers. */
export interface InputPlaces {
  /** First row of tiles, counted over all samples, and how many there are. */
  readonly first: Reg;
  readonly rows: Reg;
  /** Vectors of channels to transform, from byte `channel` of a pixel on. */
  readonly vectors: Reg | number;
  readonly channel?: Reg;
  source(): Reg;
  v(): Reg;
  zeros(): Reg;
}

const extentOf = (block: InputBlock): number => (block.ofGradient ? tileOutputs(block.taps) : TILE_INPUTS);

/** Equal tiles next to each other, by the columns of a tile that lie inside the image. */
interface Run {
  readonly tiles: number;
  readonly from: number;
  readonly to: number;
}

function runsOf(block: InputBlock): Run[] {
  const { source, start, tileColumns } = block;
  const outputs = tileOutputs(block.taps);
  const runs: { tiles: number; from: number; to: number }[] = [];
  for (let t = 0; t < tileColumns; t++) {
    const x = outputs * t + start[1];
    const [from, to] = [Math.max(0, -x), Math.min(extentOf(block), source.columns - x)];
    const last = runs[runs.length - 1];
    if (last?.from === from && last.to === to) last.tiles++;
    else runs.push({ tiles: 1, from, to });
  }
  return runs;
}

export function transformInputBlock(k: KernelBuilder, block: InputBlock, places: InputPlaces): void {
  const { lanes, source, start, tileRows, tileColumns, vTile, vPoint } = block;
  const pixel = source.pixel * 4;
  const outputs = tileOutputs(block.taps);
  k.loop(
    0,
    places.rows,
    (row) => {
      const all = k.var(k.add(places.first, row), "all", { frame: false });
      const y = k.var(k.add(k.mul(k.mod(all, tileRows), outputs), start[0]), "y", { frame: false });
      const image = k.var(k.ptrAdd(places.source(), k.mul(k.div(all, tileRows), source.sample * 4)), "image", {
        frame: false,
      });
      if (places.channel !== undefined) k.advance(image, places.channel);
      const zeros = k.var(places.zeros(), "zeros", { frame: false });
      const pixels = Array.from({ length: extentOf(block) }, (_, i) => {
        const at = k.add(y, i);
        const pointer = k.var(zeros, "pixels", { frame: true });
        k.if(at, "ge", 0, () =>
          k.if(at, "lt", source.rows, () => k.set(pointer, k.ptrAdd(image, k.mul(at, source.columns * pixel)))),
        );
        return pointer;
      });
      const x = k.var(start[1] * pixel, "x", { frame: true });
      const v = k.var(k.ptrAdd(places.v(), k.mul(row, tileColumns * vTile * 4)), "v", { frame: true });
      for (const { tiles, from, to } of runsOf(block)) {
        const one = () => {
          const rows = pixels.map((p) => k.var(k.ptrAdd(p, x), "row"));
          const at = k.var(v, "at");
          k.loop(
            0,
            places.vectors,
            () => {
              if (source.pixel <= k.target.prefetching.longestRun) {
                for (const row of rows)
                  for (let c = 0; c < outputs; c++) k.prefetch(row, (extentOf(block) + c) * pixel);
              }
              const load = (c: number) =>
                c >= from && c < to ? (r: number) => k.load(rows[r]!, c * pixel, lanes) : undefined;
              const store = (r: number, values: readonly Reg[]) => {
                for (const [c, value] of values.entries()) k.store(at, (r * TILE_INPUTS + c) * vPoint * 4, value);
              };
              if (block.ofGradient) transformOutputGradient(k, block.taps, lanes, load, store);
              else transformInput(k, lanes, load, store);
              for (const pointer of [...rows, at]) k.advance(pointer, lanes * 4);
            },
            { frame: true, name: "channels" },
          );
          k.advance(x, outputs * pixel);
          k.advance(v, vTile * 4);
        };
        if (tiles === 1) one();
        else k.loop(0, tiles, one, { name: "tile" });
      }
    },
    { name: "tileRow" },
  );
}

/** Zeros for tiles `from` to `to` of V: the last of a group that has no tile of its own for each of its rows. */
export function zeroTiles(
  k: KernelBuilder,
  block: InputBlock,
  vectors: number,
  v: () => Reg,
  from: Reg,
  to: Reg,
): void {
  const zero = k.splat(0, block.lanes);
  k.loop(
    from,
    to,
    (tile) => {
      const at = k.var(k.ptrAdd(v(), k.mul(tile, block.vTile * 4)), "at");
      k.loop(0, vectors, () => {
        for (let point = 0; point < POINTS; point++) k.store(at, point * block.vPoint * 4, zero);
        k.advance(at, block.lanes * 4);
      });
    },
    { name: "tile" },
  );
}
