/**
 * Direct convolution: the output tile stays in registers while taps and input channels are summed, straight from NHWC,
 * with no copy of the input and no halo. Borders are trimmed while the code is written: a tile at the left or right edge has
 * its own code without the taps that fall outside; at the top and bottom the loop over kernel rows has shorter bounds.
 *
 * One kernel serves the forward convolution and, through the phases of `axis.ts`, the input gradient of any stride.
 * Weights are read from a panel in the order of use: [output block][tap y][input channel][tap x][output in block].
 */
import type { KernelBuilder } from "../../../codegen/builder/builder.js";
import { defineKernel } from "../../../codegen/definition.js";
import type { Reg } from "../../../codegen/ir.js";
import type { Value } from "../../../graph/graph.js";
import type { Buffer } from "../../contract/emitter.js";
import type { Lowering, PoolWork, Strategy, Work } from "../../contract/strategy.js";
import { type Epilogue, epilogueOf, type Fused } from "../../fusion/epilogue.js";
import { isPooledStore, POOLED, storePooled } from "../../fusion/pooled-store.js";
import { epilogueOperands, prefetchTile, storeTile } from "../../fusion/store-tile.js";
import { packPanel } from "../../language/panel.js";
import { pieces } from "../../language/pieces.js";
import { accumulate, stepsOfTurn, zeroTile } from "../../language/tile.js";
import { allReach, reaches, tileReaches, tileRuns } from "../axis.js";
import type { ConvAttributes } from "../general/shape.js";
import { codeSize, MAXIMUM_CODE, planOf, type TapConvolution, unrollOf } from "./plan.js";

/** Multiply-adds an output beside which asking for the tile's memory costs nothing. */
const LEAST_PREFETCHING = 32;

export const direct: Strategy = {
  name: "direct",
  ops: ["conv2d", "conv2dInputGrad"],
  fuses: true,
  accepts: (node, target) => {
    const { groups } = node.attributes as ConvAttributes;
    const plan = planOf(node, target);
    if (groups > 1 && (groups > 4 || plan.some((p) => p.outputs % p.lanes !== 0 || p.destinationPixel <= 4)))
      return false;
    return plan.every((p) => codeSize(p, target) <= MAXIMUM_CODE);
  },
  cost: (node, target) => {
    let nanoseconds = 0;
    for (const p of planOf(node, target)) {
      const vectors = Math.ceil(p.outputs / p.lanes);
      const multiplyAdds = p.y.count * p.x.count * p.y.taps * p.x.taps * p.channels * vectors;
      nanoseconds += multiplyAdds * 0.35 + p.y.count * p.x.count * vectors * 1.5;
    }
    return nanoseconds;
  },
  pools: (node, chain, pool, { target, maxBatch }) => {
    if (node.op.name !== "conv2d" || !isPooledStore(pool.node, target)) return false;
    const [{ epilogue }, { epilogue: after }] = epiloguesOf(node, chain, pool);
    if (after.inputs.length > 0 || epilogue.inputs.includes("full")) return false;
    return planOf(node, target, registersOf(epilogue, after), maxBatch, pool).every(
      (p) =>
        p.rowsPerPiece % POOLED === 0 &&
        tileRuns(p.x, p.tile.rows).every(({ from, size }) => from % POOLED === 0 && size % POOLED === 0) &&
        codeSize(p, target) <= MAXIMUM_CODE,
    );
  },
  lower,
};

/** What is done with a number before the pool and after it. */
function epiloguesOf(root: Value, chain: readonly Value[], pool: PoolWork): [Fused, Fused] {
  return [epilogueOf({ root, chain }), epilogueOf({ root: pool.node, chain: pool.chain })];
}

/** Vector registers that the store needs beside the tile. */
function registersOf(epilogue: Epilogue, after: Epilogue | undefined): number {
  return after === undefined ? epilogue.registers : epilogue.registers + after.registers + POOL_REGISTERS;
}

/** Of a pooled store: what two maxima are compared with. */
const POOL_REGISTERS = 4;

function lower(work: Work, to: Lowering): void {
  const { root, pool } = work;
  const [source, weight] = root.inputs as [Value, Value];
  const forward = root.op.name === "conv2d";
  const [{ epilogue, values }, pooled] = pool === undefined ? [epilogueOf(work)] : epiloguesOf(root, work.chain, pool);
  const after = pooled?.epilogue;
  const w = to.layout(weight);
  const {
    kernel: [, kx],
    groups,
  } = root.attributes as ConvAttributes;
  const perGroup = w.shape[2]!; // input channels of one group
  const outputsPerGroup = w.channels / groups;
  for (const p of planOf(root, to.target, registersOf(epilogue, after), to.maxBatch, pool)) {
    const group = forward ? p.destinationChannel / outputsPerGroup : p.sourceChannel / outputsPerGroup;
    const blockOutputs = p.tile.vectors * p.lanes;
    const panel =
      p.y.taps * p.x.taps === 0
        ? undefined
        : packPanel(to, weight, {
            lanes: p.lanes,
            blockOutputs,
            outputs: p.outputs,
            // order of the panel between block and output
            extents: [p.y.taps, p.channels, p.x.taps],
            source: ([ty, channel, tx], output) => {
              const row = p.y.weight + ty * p.y.weightStep;
              const column = p.x.weight + tx * p.x.weightStep;
              const [input, out] = forward
                ? [channel, group * outputsPerGroup + output]
                : [output, group * outputsPerGroup + channel];
              return ((row * kx + column) * perGroup + input) * w.channelStride + out;
            },
          });
    const kernel = to.kernel(directKernel, {
      convolution: p,
      store: { epilogue, after },
      hasPanel: panel !== undefined,
    });
    const blocks = Math.ceil(Math.ceil(p.outputs / p.lanes) / p.tile.vectors);
    const count = Math.ceil(p.y.count / p.rowsPerPiece) * Math.ceil(blocks / p.blocksPerPiece);
    const operands: Buffer[] = [
      to.buffer(source),
      ...(panel ? [panel] : []),
      ...values.map((v) => to.buffer(v)),
      ...(pool?.hasPlaces ? [to.places(pool.node.inputs[0]!, pool.node)] : []),
    ];
    to.step(kernel, [...operands, to.buffer(work.result)], { count, samples: 1, isLocal: true });
  }
}

/** What is done as a tile is stored; `after`: behind the max pool, where there is one. */
interface Store {
  readonly epilogue: Epilogue;
  readonly after: Epilogue | undefined;
}

interface Direct {
  readonly convolution: TapConvolution;
  readonly store: Store;
  /** False where no tap reads anything. */
  readonly hasPanel: boolean;
}

const directKernel = defineKernel<Direct>("direct", {
  operands: ({ convolution: { pooled }, store, hasPanel }) => [
    ["source", "read"],
    ...(hasPanel ? [["panel", "read"] as const] : []),
    ...epilogueOperands(store.epilogue),
    ...(pooled?.hasPlaces ? [["places", "readwrite"] as const] : []),
    ["destination", pooled === undefined ? "write" : "readwrite"],
  ],
  write: (k, { convolution, store, hasPanel }) => new Writer(k, convolution, store, hasPanel).write(),
});

class Writer {
  /** Rows and columns of the convolution to one of the destination. */
  readonly #pixels: number;
  /** Which row of a pool's windows it is. */
  #windowRow: Reg | undefined;
  readonly #blockBytes: number;
  readonly #tapRowBytes: number;
  /** Of the source: from the pixel of one output to that of the next, and from tap to tap. */
  readonly #pixelBytes: number;
  readonly #tapBytes: number;

  constructor(
    readonly k: KernelBuilder,
    readonly p: TapConvolution,
    readonly store: Store,
    readonly hasPanel: boolean,
  ) {
    this.#pixels = p.pooled === undefined ? 1 : POOLED;
    const full = p.tile.vectors * p.lanes;
    this.#tapRowBytes = p.channels * p.x.taps * full * 4;
    this.#blockBytes = p.y.taps * this.#tapRowBytes;
    this.#pixelBytes = p.x.scale * p.sourcePixel * 4;
    this.#tapBytes = p.x.stride * p.sourcePixel * 4;
  }

  write(): void {
    const { k, p } = this;
    const vectors = Math.ceil(p.outputs / p.lanes);
    const blocks = Math.ceil(vectors / p.tile.vectors);
    const rest = vectors % p.tile.vectors;
    const rowPieces = Math.ceil(p.y.count / p.rowsPerPiece);
    const blockPieces = Math.ceil(blocks / p.blocksPerPiece);
    const axes = { sample: k.batch, rows: rowPieces, blocks: blockPieces };
    pieces(
      k,
      axes,
      (index) => {
        const sample = index.sample();
        const rowPiece = index.rows();
        const source = k.var(k.ptrAdd(k.operand("source"), k.mul(sample, p.sourceSample * 4)), "sample");
        const destination = k.var(k.mul(sample, p.destinationSample * 4), "destination");
        const rowFrom = k.var(k.mul(rowPiece, p.rowsPerPiece), "rowFrom");
        const rowTo = k.var(k.min(k.add(rowFrom, p.rowsPerPiece), p.y.count), "rowTo");
        const blockFrom = k.var(k.mul(index.blocks(), p.blocksPerPiece), "blockFrom");
        const blockTo = k.var(k.add(blockFrom, p.blocksPerPiece), "blockTo");
        // the block with the pad lanes is not among those of the loop
        const apart = rest > 0 || p.outputs % p.lanes > 0;
        const looped = apart ? blocks - 1 : blocks;
        if (looped > 0) {
          const to = k.var(k.min(blockTo, looped), "fullTo");
          k.loop(
            blockFrom,
            to,
            (block) =>
              this.#block(block, p.tile.vectors, vectors === p.tile.vectors, source, destination, rowFrom, rowTo),
            { name: "block" },
          );
        }
        if (apart) {
          k.if(blockTo, "ge", blocks, () => {
            const block = k.var(looped, "block");
            this.#block(block, rest > 0 ? rest : p.tile.vectors, true, source, destination, rowFrom, rowTo);
          });
        }
        if (p.tail > 0) k.if(rowTo, "eq", p.y.count, () => this.#zeroTail(destination));
      },
      { keepsEnd: true, copies: true },
    );
  }

  /** All rows of the piece for one block of `vectors` output vectors; `last`: it has the pad lanes, if there are any. */
  #block(block: Reg, vectors: number, last: boolean, source: Reg, destination: Reg, rowFrom: Reg, rowTo: Reg): void {
    const { k, p } = this;
    k.loop(
      rowFrom,
      rowTo,
      (row) => {
        const bounds = this.#tapRows(row);
        const first = typeof bounds.from === "number" ? k.int(bounds.from) : bounds.from;
        // the source row of the first tap; the tile adds its own column
        const sourceRow = k.add(k.add(k.mul(row, p.y.scale), p.y.start), k.mul(first, p.y.stride));
        const from = k.ptrAdd(source, k.mul(sourceRow, p.x.extent * p.sourcePixel * 4));
        const panel = this.hasPanel
          ? k.ptrAdd(
              k.ptrAdd(k.operand("panel"), k.mul(block, this.#blockBytes)),
              k.mul(first, this.#tapRowBytesOf(vectors)),
            )
          : from;
        if (p.pooled !== undefined) this.#windowRow = k.var(k.mod(row, POOLED), "windowRow");
        const destinationRow = p.pooled === undefined ? row : k.div(row, POOLED);
        const pixel = k.mul(destinationRow, p.y.step * p.destinationWidth * p.destinationPixel * 4);
        const start = ((p.y.first * p.destinationWidth + p.x.first) * p.destinationPixel + p.destinationChannel) * 4;
        const channel = k.mul(block, p.tile.vectors * p.lanes * 4);
        const to = k.add(k.add(k.add(destination, pixel), channel), start);
        for (const run of tileRuns(p.x, p.tile.rows)) {
          const column = (run.from * p.x.scale + p.x.start) * p.sourcePixel * 4 + p.sourceChannel * 4;
          const outColumn = (run.from / this.#pixels) * p.x.step * p.destinationPixel * 4;
          const tile = (s: Reg, d: Reg) =>
            this.#tile(
              run.from,
              run.size,
              vectors,
              last,
              k.ptrAdd(s, column),
              panel,
              k.add(d, outColumn),
              block,
              bounds,
            );
          if (run.tiles === 1) tile(from, to);
          else {
            const s = k.var(from, "s", { frame: true });
            const d = k.var(to, "d", { frame: true });
            k.loop(
              0,
              run.tiles,
              () => {
                tile(s, d);
                k.advance(s, run.size * p.x.scale * p.sourcePixel * 4);
                k.advance(d, (run.size / this.#pixels) * p.x.step * p.destinationPixel * 4);
              },
              { frame: true, name: "tile" },
            );
          }
        }
      },
      { frame: true, name: "row" },
    );
  }

  #tapRowBytesOf(vectors: number): number {
    return (this.#tapRowBytes / this.p.tile.vectors) * vectors;
  }

  /** The kernel rows that reach the input from output row `row`: ceil and floor divisions made of non-negative ones. */
  #tapRows(row: Reg): { from: Reg | number; to: Reg | number } {
    const { k } = this;
    const { y } = this.p;
    if (allReach(y)) return { from: 0, to: y.taps };
    const base = k.add(k.mul(row, y.scale), y.start);
    const short = k.max(k.sub(0, base), 0);
    const from = y.stride === 1 ? short : k.div(k.add(short, y.stride - 1), y.stride);
    const room = k.max(k.sub(y.extent - 1 + y.stride, base), 0);
    const to = y.stride === 1 ? room : k.div(room, y.stride);
    return {
      from: k.var(k.min(from, y.taps), "tapFrom"),
      to: k.var(k.min(to, y.taps), "tapTo"),
    };
  }

  #tile(
    from: number,
    size: number,
    vectors: number,
    last: boolean,
    source: Reg,
    panel: Reg,
    destination: Reg,
    block: Reg,
    bounds: { from: Reg | number; to: Reg | number },
  ): void {
    const { k, p } = this;
    const acc = zeroTile(k, { rows: size, vectors }, p.lanes);
    if (this.hasPanel) {
      const to = k.var(destination, "to");
      if (p.y.taps * p.x.taps * p.channels >= LEAST_PREFETCHING) {
        const rowBytes = p.x.step * p.destinationPixel * 4;
        prefetchTile(k, size / this.#pixels, vectors, {
          lanes: p.lanes,
          epilogue: this.store.epilogue,
          result: "destination",
          offset: destination,
          rowBytes,
        });
      }
      const s = k.var(source, "s");
      const w = k.var(panel, "w");
      const unroll = unrollOf(p, k.target);
      const vectorBytes = vectors * p.lanes * 4;
      const written = () => {
        for (let u = 0; u < unroll; u++) {
          for (let tx = 0; tx < p.x.taps; tx++) {
            const place = tx * this.#tapBytes + u * 4;
            accumulate(
              k,
              acc,
              p.lanes,
              (i) => (reaches(p.x, from + i, tx) ? [s, i * this.#pixelBytes + place] : undefined),
              (v) => [w, (u * p.x.taps + tx) * vectorBytes + v * p.lanes * 4],
            );
          }
        }
        // One tap: nothing of the next tile has been read yet. What several taps read, the tile before has mostly brought.
        if (p.y.taps * p.x.taps === 1) {
          for (let i = 0; i < size; i++) k.prefetch(s, (size + i) * this.#pixelBytes);
        }
        k.advance(s, unroll * 4);
        k.advance(w, unroll * p.x.taps * vectorBytes);
      };
      const oneByOne = stepsOfTurn(k.target, p.x.taps) < p.x.taps && tileReaches(p.x, from, size);
      const turn = oneByOne ? () => this.#tapByTap(acc, s, w) : written;
      k.loop(
        bounds.from,
        bounds.to,
        () => {
          if (p.channels === unroll) turn();
          else k.loop(0, p.channels, turn, { step: unroll, frame: false, name: "channel" });
          k.advance(s, (p.y.stride * p.x.extent * p.sourcePixel - p.channels) * 4);
        },
        { frame: false, name: "tap" },
      );
      this.#store(acc, k.add(to, 0), block, last);
    } else this.#store(acc, destination, block, last);
  }

  /** The taps of one channel in a loop: `s` and `w` are left where those of the next channel begin. */
  #tapByTap(acc: readonly (readonly Reg[])[], s: Reg, w: Reg): void {
    const { k, p } = this;
    const vectors = acc[0]!.length;
    const tap = k.var(s, "x");
    k.loop(0, p.x.taps, () => {
      accumulate(
        k,
        acc,
        p.lanes,
        (i) => [tap, i * this.#pixelBytes],
        (v) => [w, v * p.lanes * 4],
      );
      k.advance(tap, this.#tapBytes);
      k.advance(w, vectors * p.lanes * 4);
    });
    k.advance(s, 4);
  }

  #store(acc: Reg[][], offset: Reg, block: Reg, last: boolean): void {
    const { k, p } = this;
    const { epilogue, after } = this.store;
    const pads = p.outputs % p.lanes;
    const rowBytes = p.x.step * p.destinationPixel * 4;
    const channel = k.add(k.mul(block, p.tile.vectors * p.lanes * 4), p.destinationChannel * 4);
    const real = last && pads > 0 ? pads : undefined;
    const to = { lanes: p.lanes, epilogue, offset, channel, real };
    if (p.pooled === undefined)
      storeTile(k, acc, { ...to, result: "destination", rowBytes, narrow: p.destinationPixel <= 4 });
    else
      storePooled(k, acc, {
        ...to,
        after: after!,
        windowBytes: rowBytes,
        row: this.#windowRow!,
        hasPlaces: p.pooled.hasPlaces,
      });
  }

  /** Zeros between the last pixel of a sample and the next sample. */
  #zeroTail(destination: Reg): void {
    const { k, p } = this;
    const zero = k.splat(0, 1);
    const end = k.ptrAdd(k.operand("destination"), destination);
    for (let i = 0; i < p.tail; i++) k.store(end, (p.destinationSample - p.tail + i) * 4, zero);
  }
}
