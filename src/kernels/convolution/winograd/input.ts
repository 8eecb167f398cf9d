/**
 * The transform of a block of tiles to their 36 points, straight from NHWC, where a tile reaches over the edges of the
 * image: of the input, V = B^T d B with d of 6x6, and for weight gradients of the output's gradient, A dy A^T. Rows of
 * pixels above and below are read from a row of zeros; columns outside are left out of the code, so tiles at the left
 * and right edges have code of their own.
 */
import type { KernelBuilder } from "../../../codegen/builder/builder.js";
import type { Reg } from "../../../codegen/ir.js";
import type { Lanes } from "../../../target/target.js";
import type { ImageView, TiledImage, TileView } from "./plan.js";
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
  readonly source: ImageView;
  v(): TileView;
  /** A row of zeros. */
  zeros(): ImageView;
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
  const { lanes, source, start, tileRows, tileColumns } = block;
  const outputs = tileOutputs(block.taps);
  k.loop(
    0,
    places.rows,
    (row) => {
      const all = k.var(k.add(places.first, row), "all", { frame: false });
      const y = k.var(k.add(k.mul(k.mod(all, tileRows), outputs), start[0]), "y", { frame: false });
      const samples = places.source.pointer();
      const image = samples.at({ sample: k.div(all, tileRows) }).keep("image", { frame: false });
      if (places.channel !== undefined) image.advanceBy(places.channel);
      const zeros = places.zeros().keep("zeros", { frame: false });
      const pixels = Array.from({ length: extentOf(block) }, (_, i) => {
        const at = k.add(y, i);
        const line = zeros.keep("pixels", { frame: true });
        const inside = () => k.set(line.address(), image.at({ row: at }).address());
        k.if(at, "ge", 0, () => k.if(at, "lt", source.rows, inside));
        return line;
      });
      const x = places.source.at({ pixel: start[1] }).keep("x", { frame: true });
      const v = places.v().at({ tile: row }, tileColumns).keep("v", { frame: true });
      for (const { tiles, from, to } of runsOf(block)) {
        const one = () => {
          const rows = pixels.map((line) => line.plus(x.offset()).keep("row"));
          const at = v.keep("at");
          k.loop(
            0,
            places.vectors,
            () => {
              if (source.pixel <= k.target.prefetching.longestRun) {
                for (const row of rows) for (let c = 0; c < outputs; c++) row.prefetch({ pixel: extentOf(block) + c });
              }
              const load = (c: number) =>
                c >= from && c < to ? (r: number) => rows[r]!.load(lanes, { pixel: c }) : undefined;
              const store = (r: number, values: readonly Reg[]) => {
                for (const [c, value] of values.entries()) at.store(value, { point: r * TILE_INPUTS + c });
              };
              if (block.ofGradient) transformOutputGradient(k, block.taps, lanes, load, store);
              else transformInput(k, lanes, load, store);
              for (const place of [...rows, at]) place.advance({ channel: lanes });
            },
            { frame: true, name: "channels" },
          );
          x.advance({ pixel: outputs });
          v.advance({ tile: 1 });
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
  v: () => TileView,
  from: Reg,
  to: Reg,
): void {
  const zero = k.splat(0, block.lanes);
  k.loop(
    from,
    to,
    (tile) => {
      const at = v().at({ tile }).keep("at");
      k.loop(0, vectors, () => {
        for (let point = 0; point < POINTS; point++) at.store(zero, { point });
        at.advance({ channel: block.lanes });
      });
    },
    { name: "tile" },
  );
}
