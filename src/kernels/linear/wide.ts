/**
 * Linear layers whose weights are too large for a cache and change at every step, so that to bring them into another order
 * first would cost more than the product: `linear` on the weights as they lie, each number of them fetched from memory once
 * for the whole batch. `wide-input-gradient.ts` is its input gradient.
 *
 * y[n][o] = sum over f of x[n][f] w[f][o]: the inputs are brought into the order [samples in tiles][feature][sample in tile],
 * which are few bytes. A tile of samples times vectors of outputs sums up a band of features, narrow enough that the
 * next tile of samples finds its weights in the first cache; between bands the sums wait in the workspace.
 */
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import { defineKernel } from "../../codegen/definition.js";
import type { Reg } from "../../codegen/ir.js";
import type { Value } from "../../graph/graph.js";
import type { Lanes } from "../../target/target.js";
import type { Layout } from "../contract/layout.js";
import type { Lowering, Work } from "../contract/strategy.js";
import { type Epilogue, epilogueOf } from "../fusion/epilogue.js";
import { epilogueOperands, storeTile } from "../fusion/store-tile.js";
import { eachPiece, pieces } from "../language/pieces.js";
import { weightRows } from "../language/reading-order.js";
import { accumulate, evenBlock, zeroTile } from "../language/tile.js";
import { GRADIENT_ROWS, lowerWideGradient } from "./wide-input-gradient.js";

/** Bytes of weights from which on they do not stay in a core's cache. */
const WIDE = 1 << 20;
const BAND = 16; // features

/** Whether a linear node, or an input gradient of one, is computed here. */
export function isWide(work: Work, to: Lowering): boolean {
  const { root } = work;
  const weight = root.inputs[1]!;
  const w = to.layout(weight);
  const image = to.layout(root.op.name === "linear" ? root.inputs[0]! : root);
  if (to.isStatic(weight) || 4 * w.sampleStride < WIDE || w.channels < 4 * to.target.lanes) return false;
  if (root.op.name === "linear") return true;
  return image.channels % GRADIENT_ROWS === 0 && image.channelStride % to.target.lanes === 0;
}

export function lowerWide(work: Work, to: Lowering): void {
  if (work.root.op.name === "linear") lowerForward(work, to);
  else lowerWideGradient(work, to);
}

interface Forward {
  readonly samples: number; // of a tile
  readonly vectors: number; // of a tile
  readonly features: number;
  readonly weightRow: number;
  readonly outputs: number;
  readonly outputSample: number;
  readonly blocksPerPiece: number;
}

function lowerForward(work: Work, to: Lowering): void {
  const { root, result } = work;
  const [given, weight] = root.inputs as [Value, Value];
  const { epilogue, values } = epilogueOf(work);
  const input = to.layout(given);
  const w = to.layout(weight);
  const { vectorRegisters, lanes } = to.target;
  const samples = evenBlock(to.maxBatch, vectorRegisters >= 32 ? 16 : 6);
  const inStore = epilogue.registers + 2;
  const fits = (v: number) => samples * v + Math.max(v + 1, inStore) <= vectorRegisters;
  const vectors = [4, 3, 2].find(fits) ?? 1;
  const blocks = Math.ceil(Math.ceil(w.channels / lanes) / vectors);
  const p: Forward = {
    samples,
    vectors,
    features: w.rows,
    weightRow: w.channelStride,
    outputs: w.channels,
    outputSample: to.layout(root).sampleStride,
    blocksPerPiece: Math.max(1, Math.min(Math.ceil(12 / vectors), Math.floor(blocks / 8))),
  };
  const tiles = Math.ceil(to.maxBatch / samples);
  const ordered = to.temporary("inputs by feature", { fixedBytes: 4 * tiles * samples * w.rows });
  orderInputs(to, given, ordered, samples, input);
  const kernel = to.kernel(forwardKernel, { product: p, epilogue });
  const sums = to.workspace(4 * p.blocksPerPiece * vectors * lanes * samples * tiles);
  to.step(kernel, [ordered, to.buffer(weight), ...values.map((v) => to.buffer(v)), sums, to.buffer(result)], {
    count: Math.ceil(blocks / p.blocksPerPiece),
  });
}

const ORDERED_PIECE = 256; // channels

/** [tile of samples][feature][sample in the tile], zeros for samples that are not there. */
function orderInputs(
  to: Lowering,
  given: Value,
  into: ReturnType<Lowering["buffer"]>,
  samples: number,
  image: Layout,
): void {
  const { rows, channels, channelStride, sampleStride } = image;
  const step = weightRows(image);
  const parts = Math.ceil(channels / ORDERED_PIECE);
  const kernel = to.kernel(orderInputsKernel, { rows, channels, channelStride, sampleStride, step, samples, parts });
  to.step(kernel, [to.buffer(given), into], { count: rows * parts, samples });
}

interface InputOrder extends Pick<Layout, "rows" | "channels" | "channelStride" | "sampleStride"> {
  readonly step: ReturnType<typeof weightRows>;
  /** Samples of a tile, and parts of a row. */
  readonly samples: number;
  readonly parts: number;
}

const orderInputsKernel = defineKernel<InputOrder>("order inputs", {
  operands: [
    ["x", "read"],
    ["ordered", "write"],
  ],
  write(k, { rows, channels, channelStride, sampleStride, step, samples, parts }) {
    pieces(
      k,
      { tile: k.batch, row: rows, part: parts },
      (index) => {
        const tile = k.var(index.tile(), "tile");
        const row = index.row();
        const first = k.mul(index.part(), ORDERED_PIECE);
        const count = k.var(k.min(k.sub(channels, first), ORDERED_PIECE), "count");
        const inSample = k.add(k.mul(row, channelStride), first);
        const feature = k.add(k.mul(row, step.pixel), k.mul(first, step.channel));
        const from = k.var(k.ptrAdd(k.operand("x"), k.mul(inSample, 4)), "from");
        const target = k.add(k.mul(k.mul(tile, rows * channels), samples), k.mul(feature, samples));
        const start = k.var(k.ptrAdd(k.operand("ordered"), k.mul(target, 4)), "start");
        for (let i = 0; i < samples; i++) {
          const sample = k.add(k.mul(tile, samples), i);
          const y = k.var(k.ptrAdd(start, 4 * i), "y");
          const each = (value: () => Reg) =>
            k.loop(0, count, () => {
              k.store(y, 0, value());
              k.advance(y, 4 * samples * step.channel);
            });
          k.if(
            sample,
            "lt",
            k.batch,
            () => {
              const x = k.var(k.ptrAdd(from, k.mul(sample, 4 * sampleStride)), "x");
              each(() => {
                const value = k.load(x, 0, 1);
                k.advance(x, 4);
                return value;
              });
            },
            () => each(() => k.splat(0, 1)),
          );
        }
      },
      { keepsEnd: true, copies: true },
    );
  },
});

interface ForwardSpec {
  readonly product: Forward;
  readonly epilogue: Epilogue;
}

const forwardKernel = defineKernel<ForwardSpec>("wideLinear", {
  operands: ({ epilogue }) => [
    ["x", "read"],
    ["weight", "read"],
    ...epilogueOperands(epilogue),
    ["sums", "readwrite"],
    ["y", "write"],
  ],
  write(k, { product: p, epilogue }) {
    const { lanes } = k.target;
    const total = Math.ceil(p.outputs / lanes);
    const blocks = Math.ceil(total / p.vectors);
    const rest = total % p.vectors;
    const pads = p.outputs % lanes;
    const tileBytes = 4 * p.samples * p.vectors * lanes;
    const tiles = k.var(k.div(k.add(k.batch, p.samples - 1), p.samples), "tiles");
    eachPiece(
      k,
      (piece) => {
        const first = k.var(k.mul(piece, p.blocksPerPiece), "first");
        const next = k.var(k.add(first, p.blocksPerPiece), "next");
        const band = (from: Reg) => {
          const end = k.var(k.min(k.add(from, BAND), p.features), "bandEnd");
          const block = (index: Reg, vectors: number, last: boolean) => {
            const column = k.var(k.mul(index, 4 * p.vectors * lanes), "column");
            const slot = k.mul(k.sub(index, first), tileBytes);
            const sums = k.var(k.ptrAdd(k.operand("sums"), slot), "sums", { frame: true });
            k.loop(
              0,
              tiles,
              (tile) => {
                forwardTile(k, p, epilogue, { lanes, vectors, last, pads, from, end, column, tile, sums });
                k.advance(sums, p.blocksPerPiece * tileBytes);
              },
              { name: "tile" },
            );
          };
          const apart = rest > 0 || pads > 0;
          const looped = apart ? blocks - 1 : blocks;
          if (looped > 0) {
            const to = k.var(k.min(next, looped), "to");
            k.loop(first, to, (index) => block(index, p.vectors, false), { name: "block" });
          }
          if (apart)
            k.if(next, "ge", blocks, () => block(k.var(blocks - 1, "block"), rest > 0 ? rest : p.vectors, true));
        };
        k.loop(0, p.features, band, { step: BAND, name: "from" });
      },
      { keepsEnd: true },
    );
  },
});

interface ForwardTile {
  readonly lanes: Lanes;
  readonly vectors: number;
  readonly last: boolean;
  readonly pads: number;
  /** The band of features. */
  readonly from: Reg;
  readonly end: Reg;
  /** Bytes of the block's first output. */
  readonly column: Reg;
  readonly tile: Reg;
  readonly sums: Reg;
}

function forwardTile(k: KernelBuilder, p: Forward, epilogue: Epilogue, t: ForwardTile): void {
  const { lanes, vectors, from, end, column, tile, sums } = t;
  const acc = zeroTile(k, { rows: p.samples, vectors }, lanes);
  const place = (i: number, v: number) => 4 * (i * vectors + v) * lanes;
  k.if(from, "gt", 0, () => {
    for (const [i, row] of acc.entries()) for (const [v, sum] of row.entries()) k.loadTo(sum, sums, place(i, v));
  });
  const x = k.var(k.ptrAdd(k.operand("x"), k.mul(k.add(k.mul(tile, p.features), from), 4 * p.samples)), "x");
  const w = k.var(k.ptrAdd(k.ptrAdd(k.operand("weight"), k.mul(from, 4 * p.weightRow)), column), "w");
  k.loop(from, end, () => {
    accumulate(
      k,
      acc,
      lanes,
      (i) => [x, 4 * i],
      (v) => [w, 4 * v * lanes],
    );
    for (let v = 0; v < vectors; v++) k.prefetch(w, 4 * (BAND * p.weightRow + v * lanes));
    k.advance(x, 4 * p.samples);
    k.advance(w, 4 * p.weightRow);
  });
  k.if(
    end,
    "lt",
    p.features,
    () => {
      for (const [i, row] of acc.entries()) for (const [v, sum] of row.entries()) k.store(sums, place(i, v), sum);
    },
    () => {
      const sample = k.mul(tile, p.samples);
      const offset = k.var(k.add(k.mul(sample, 4 * p.outputSample), column), "offset");
      const left = k.var(k.sub(k.batch, sample), "left");
      const store = (rows: readonly Reg[][], at: Reg) =>
        storeTile(k, rows, {
          lanes,
          epilogue,
          result: "y",
          offset: at,
          rowBytes: 4 * p.outputSample,
          channel: column,
          real: t.last && t.pads > 0 ? t.pads : undefined,
          narrow: false,
        });
      k.if(
        left,
        "ge",
        p.samples,
        () => store(acc, offset),
        () => {
          for (const [i, row] of acc.entries())
            k.if(left, "gt", i, () => store([row], k.add(offset, 4 * i * p.outputSample)));
        },
      );
    },
  );
}
