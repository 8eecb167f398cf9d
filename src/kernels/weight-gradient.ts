/**
 * Weight gradients: dW[row][o] = sum over samples and pixels of a[row] * dy[o], an outer product accumulated in the register
 * tile: a handful of input values are broadcast, a few vectors of dy are shared by them. Both lie contiguously in NHWC.
 *
 * Work is cut over outputs (kernel rows, input channels) first. Where those are too few to go round, the batch is cut into a
 * fixed number of slices too, each with its own partial sum, added in order by a second step: never by the number of threads.
 */
import { buildKernel, type KernelBuilder } from "../codegen/builder.js";
import type { Kernel, Lanes, Reg, Target } from "../codegen/ir.js";
import type { Value } from "../graph/value.js";
import type { ConvAttributes } from "./conv-shape.js";
import { layoutOf, vectorLanes } from "./layout.js";
import type { Buffer, Lowering, Strategy, Work } from "./strategy.js";
import { accumulate, chooseTile, type TileSize } from "./tile.js";

/** One broadcast value of a tile: the tap column it belongs to and its channel. */
interface Item {
  readonly tap: number;
  readonly channel: number;
}

interface Gradient {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly before: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly inputRows: number;
  readonly inputColumns: number;
  readonly inputPixel: number;
  readonly inputSample: number;
  readonly channels: number; // of a group
  readonly firstChannel: number; // of the group
  readonly outputRows: number;
  readonly outputColumns: number;
  readonly outputPixel: number;
  readonly outputSample: number;
  readonly outputs: number; // of a group
  readonly firstOutput: number; // of the group
  readonly weightRow: number; // elements from one row of the weights to the next
  readonly lanes: Lanes;
  readonly tile: TileSize;
  /** Few channels: a tile's rows run over tap columns and channels together. Else: over channels, one tap column at a time. */
  readonly flat: boolean;
  readonly bandRows: number;
  readonly slices: number;
}

const MAXIMUM_PARTIAL_BYTES = 8 * 1024 * 1024;
const WANTED_PIECES = 8;
const WANTED_FLAT_PIECES = 16;
const MAXIMUM_CODE = 16_000; // multiply-add instructions in one kernel

export const weightGradient: Strategy = {
  name: "weightGradient",
  ops: ["conv2dWeightGrad"],
  fuses: false,
  accepts: (node, target) => {
    const a = node.attributes as ConvAttributes;
    const g = gradientOf(node, target);
    if (a.groups > 1 && (a.groups > 4 || g.outputs % g.lanes !== 0 || g.outputPixel <= 4)) return false;
    return codeSize(g) <= MAXIMUM_CODE;
  },
  cost: (node, target) => {
    const g = gradientOf(node, target);
    return (
      (node.attributes as ConvAttributes).groups *
      g.outputRows *
      g.outputColumns *
      node.shape[0]! *
      node.shape[1]! *
      g.channels *
      Math.ceil(g.outputs / g.lanes) *
      0.4
    );
  },
  lower,
};

function gradientOf(node: Value, target: Target, group = 0): Gradient {
  const a = node.attributes as ConvAttributes;
  const [x, dy] = node.inputs as [Value, Value];
  const input = layoutOf(x, target);
  const output = layoutOf(dy, target);
  const weight = layoutOf(node, target);
  const lanes: Lanes = output.channelStride <= 4 ? 4 : vectorLanes(output, target);
  const channels = input.channels / a.groups;
  const outputs = output.channels / a.groups;
  const flat = channels < 8;
  const rows = flat ? a.kernel[1] * channels : channels;
  const tile = chooseTile(target, rows, Math.ceil(outputs / lanes), output.channelStride <= 4 ? 2 : 0);
  const pieces = a.kernel[0] * (flat ? 1 : Math.ceil(rows / tile.rows));
  const bytes = weight.sampleStride * 4;
  const wanted = Math.ceil((flat ? WANTED_FLAT_PIECES : WANTED_PIECES) / pieces);
  const slices = Math.max(1, Math.min(wanted, Math.floor(MAXIMUM_PARTIAL_BYTES / bytes)));
  const rowBytes = dy.shape[1]! * output.channelStride * 4 + a.stride[0] * x.shape[1]! * input.channelStride * 4;
  const bandRows = Math.max(Math.ceil(64 / dy.shape[1]!), Math.floor((256 * 1024) / rowBytes));
  return {
    kernel: a.kernel,
    stride: a.stride,
    before: [a.padding[0], a.padding[2]],
    dilation: a.dilation,
    inputRows: x.shape[0]!,
    inputColumns: x.shape[1]!,
    inputPixel: input.channelStride,
    inputSample: input.sampleStride,
    channels,
    firstChannel: group * channels,
    outputRows: dy.shape[0]!,
    outputColumns: dy.shape[1]!,
    outputPixel: output.channelStride,
    outputSample: output.sampleStride,
    outputs,
    firstOutput: group * outputs,
    weightRow: weight.channelStride,
    lanes,
    tile,
    flat,
    bandRows: Math.min(bandRows, dy.shape[0]!),
    slices,
  };
}

/**
 * Multiply-adds written out: one or two pixels inside, and every border pixel, for each tile that has code of its own. Where a tile is of one tap
 * column, its pixels are those that the tap reads, and there are no borders, however far dilation reaches.
 */
function codeSize(g: Gradient): number {
  const columns = g.outputColumns;
  const reach = (g.kernel[1] - 1) * g.dilation[1];
  const borders = g.flat ? Math.min(columns, Math.ceil((g.before[1] + reach) / g.stride[1]) * 2) : 0;
  const groups = g.flat ? Math.ceil((g.kernel[1] * g.channels) / g.tile.rows) : g.kernel[1] * 2;
  return groups * 2 * (borders + 2) * g.tile.rows * g.tile.vectors;
}

function lower(work: Work, to: Lowering): void {
  const node = work.root;
  const g = gradientOf(node, to.target);
  const [x, dy] = node.inputs as [Value, Value];
  const result = to.buffer(work.result);
  const weight = to.layout(node);
  const elements = weight.sampleStride;
  const target =
    g.slices === 1 ? result : to.temporary("partial weight gradients", { fixedBytes: g.slices * elements * 4 });
  const blocks = g.flat ? 1 : Math.ceil(g.channels / g.tile.rows);
  for (let group = 0; group < (node.attributes as ConvAttributes).groups; group++) {
    const own = gradientOf(node, to.target, group);
    const kernel = to.kernel(`weightGradient ${JSON.stringify(own)}`, (key) =>
      writeKernel(key, to.target, own, elements),
    );
    to.step(kernel, [to.buffer(x), to.buffer(dy), target], { count: g.slices * g.kernel[0] * blocks });
  }
  if (g.slices > 1) addSlices(to, target, result, g.slices, elements);
}

/** result = sum of the slices in order, element by element. */
export function addSlices(to: Lowering, partial: Buffer, result: Buffer, slices: number, elements: number): void {
  const { lanes } = to.target;
  const vectors = Math.ceil(elements / lanes);
  const perPiece = 64;
  const kernel = to.kernel(`addSlices ${slices} ${elements}`, (key) =>
    buildKernel(
      {
        key,
        name: "addSlices",
        target: to.target,
        operands: [
          ["partial", "read"],
          ["result", "write"],
        ],
      },
      (k) => {
        const from = k.mul(k.begin, perPiece);
        const end = k.min(k.mul(k.end, perPiece), vectors);
        k.loop(from, end, (vector) => {
          const at = k.mul(vector, lanes * 4);
          const p = k.ptrAdd(k.operand("partial"), at);
          let total = k.load(p, 0, lanes);
          for (let s = 1; s < slices; s++) total = k.fadd(total, k.load(p, s * elements * 4, lanes));
          k.store(k.ptrAdd(k.operand("result"), at), 0, total);
        });
      },
    ),
  );
  to.step(kernel, [partial, result], { count: Math.ceil(vectors / perPiece) });
}

function writeKernel(key: string, target: Target, g: Gradient, elements: number): Kernel {
  return buildKernel(
    {
      key,
      name: "weightGradient",
      target,
      operands: [
        ["x", "read"],
        ["dy", "read"],
        ["dw", "readwrite"],
      ],
    },
    (k) => new Writer(k, g, elements).write(),
  );
}

class Writer {
  constructor(
    readonly k: KernelBuilder,
    readonly g: Gradient,
    readonly elements: number,
  ) {}

  write(): void {
    const { k, g } = this;
    const blocks = g.flat ? 1 : Math.ceil(g.channels / g.tile.rows);
    const perSlice = g.kernel[0] * blocks;
    k.loop(
      k.begin,
      k.var(k.end, "end", { frame: true }),
      (piece) => {
        const at = k.var(piece, "at");
        const slice = k.div(at, perSlice);
        k.set(at, k.mod(at, perSlice));
        const tapRow = k.var(k.div(at, blocks), "tapRow", { frame: true });
        const block = k.var(k.mod(at, blocks), "block", { frame: true });
        const chunk = k.div(k.add(k.batch, g.slices - 1), g.slices);
        const from = k.var(k.min(k.mul(slice, chunk), k.batch), "from", { frame: true });
        const to = k.var(k.min(k.add(from, chunk), k.batch), "to", { frame: true });
        const base = k.var(k.mul(slice, this.elements * 4), "base", { frame: true });
        if (g.firstOutput === 0) k.if(at, "eq", 0, () => this.#zeroTail(base));
        if (g.flat) {
          // Every block has items of its own, so each has its own code. One piece does all of them, band by band: what it reads
          // of dy is little used by each.
          const items: Item[] = [];
          for (let tap = 0; tap < g.kernel[1]; tap++)
            for (let channel = 0; channel < g.channels; channel++) items.push({ tap, channel });
          const groups = Array.from({ length: Math.ceil(items.length / g.tile.rows) }, (_, b) =>
            items.slice(b * g.tile.rows, (b + 1) * g.tile.rows),
          );
          this.#piece(tapRow, from, to, base, groups, undefined);
        } else {
          const groups = (size: number): Item[][] =>
            Array.from({ length: g.kernel[1] }, (_, tap) =>
              Array.from({ length: size }, (_, channel) => ({ tap, channel })),
            );
          const rest = g.channels % g.tile.rows;
          const full = Math.floor(g.channels / g.tile.rows);
          const first = k.var(k.mul(block, g.tile.rows), "first", { frame: true });
          if (full > 0) k.if(block, "lt", full, () => this.#piece(tapRow, from, to, base, groups(g.tile.rows), first));
          if (rest > 0) k.if(block, "eq", full, () => this.#piece(tapRow, from, to, base, groups(rest), first));
        }
      },
      { frame: true, name: "piece" },
    );
  }

  /** All samples of one slice, for the item groups of one kernel row. `first`: the channel that the items count from. */
  #piece(tapRow: Reg, from: Reg, to: Reg, base: Reg, groups: Item[][], first: Reg | undefined): void {
    const { k, g } = this;
    const [sy] = g.stride;
    const channelBytes = first === undefined ? undefined : k.var(k.mul(first, 4), "channelBytes", { frame: true });
    const rowBytes =
      first === undefined ? undefined : k.var(k.mul(first, g.weightRow * 4), "rowBytes", { frame: true });
    const weights = k.var(k.add(base, k.mul(tapRow, g.kernel[1] * g.channels * g.weightRow * 4)), "weights", {
      frame: true,
    });
    if (rowBytes !== undefined) k.set(weights, k.add(weights, rowBytes));
    this.#zero(groups, weights);
    // output rows whose tap row lies inside the input: ceil and floor divisions made of non-negative ones
    const shift = k.sub(g.before[0], k.mul(tapRow, g.dilation[0]));
    const low = k.div(k.max(k.add(shift, sy - 1), 0), sy);
    const high = k.div(k.max(k.add(shift, g.inputRows - 1 + sy), 0), sy);
    const rowFrom = k.var(low, "rowFrom", { frame: true });
    const rowTo = k.var(k.min(high, g.outputRows), "rowTo", { frame: true });
    // byte offset of the input row that output row 0 reads
    const origin = k.var(k.mul(k.sub(0, shift), g.inputColumns * g.inputPixel * 4), "origin", { frame: true });
    if (channelBytes !== undefined) k.set(origin, k.add(origin, channelBytes));
    if (g.firstChannel > 0) k.set(origin, k.add(origin, 4 * g.firstChannel));
    k.loop(
      from,
      to,
      (sample) => {
        k.loop(
          rowFrom,
          rowTo,
          (band) => {
            const bandTo = k.var(k.min(k.add(band, g.bandRows), rowTo), "bandTo", { frame: true });
            const xAt = k.add(
              k.add(k.mul(sample, g.inputSample * 4), origin),
              k.mul(band, sy * g.inputColumns * g.inputPixel * 4),
            );
            const x = k.var(k.ptrAdd(k.operand("x"), xAt), "x", { frame: true });
            const dyAt = k.add(k.mul(sample, g.outputSample * 4), k.mul(band, g.outputColumns * g.outputPixel * 4));
            const dy = k.var(k.ptrAdd(k.operand("dy"), dyAt), "dy", { frame: true });
            this.#columns((vectors, outputBytes, last) => {
              for (const items of groups) this.#tile(items, vectors, last, x, dy, outputBytes, weights, band, bandTo);
            });
          },
          { step: g.bandRows, frame: true, name: "band" },
        );
      },
      { frame: true, name: "sample" },
    );
  }

  /** Blocks of output vectors: a loop over the full ones, then what is left. */
  #columns(body: (vectors: number, outputBytes: Reg, last: boolean) => void): void {
    const { k, g } = this;
    const total = Math.ceil(g.outputs / g.lanes);
    const full = Math.floor(total / g.tile.vectors);
    const rest = total % g.tile.vectors;
    const width = g.tile.vectors * g.lanes * 4;
    const start = 4 * g.firstOutput;
    if (full === 1) body(g.tile.vectors, k.var(start, "outputBytes", { frame: true }), rest === 0);
    else if (full > 1) {
      // the pads of the last block are zeros in dy, so its code need not differ
      k.loop(start, start + full * width, (outputBytes) => body(g.tile.vectors, outputBytes, true), {
        step: width,
        frame: true,
        name: "outputBytes",
      });
    }
    if (rest > 0) body(rest, k.var(start + full * width, "outputBytes", { frame: true }), true);
  }

  #narrowMask(last: boolean): Reg | undefined {
    const { k, g } = this;
    return g.outputPixel <= 4 && last && g.outputs % g.lanes > 0
      ? k.firstLanes(g.outputs % g.lanes, g.lanes)
      : undefined;
  }

  #weightOffset(item: Item): number {
    return (item.tap * this.g.channels + item.channel) * this.g.weightRow * 4;
  }

  /** Zeros after the last row of the weights. */
  #zeroTail(base: Reg): void {
    const { k, g } = this;
    const used = g.kernel[0] * g.kernel[1] * g.channels * g.weightRow;
    const end = k.ptrAdd(k.operand("dw"), base);
    const zero = k.splat(0, 1);
    for (let e = used; e < this.elements; e++) k.store(end, e * 4, zero);
  }

  #zero(groups: Item[][], weights: Reg): void {
    const { k, g } = this;
    this.#columns((vectors, outputBytes, last) => {
      const dw = k.ptrAdd(k.ptrAdd(k.operand("dw"), weights), outputBytes);
      const zero = k.splat(0, g.lanes);
      const mask = this.#narrowMask(last);
      for (const item of groups.flat()) {
        for (let v = 0; v < vectors; v++) {
          const at = this.#weightOffset(item) + v * g.lanes * 4;
          if (mask) k.storeMasked(dw, at, zero, mask);
          else k.store(dw, at, zero);
        }
      }
    });
  }

  #tile(
    items: Item[],
    vectors: number,
    last: boolean,
    x: Reg,
    dy: Reg,
    outputBytes: Reg,
    weights: Reg,
    band: Reg,
    bandTo: Reg,
  ): void {
    const { k, g } = this;
    const mask = this.#narrowMask(last);
    const dwOf = () => k.ptrAdd(k.ptrAdd(k.operand("dw"), weights), outputBytes);
    const dw = dwOf();
    const acc = items.map((item) =>
      Array.from({ length: vectors }, (_, v) => {
        const at = this.#weightOffset(item) + v * g.lanes * 4;
        return k.var(mask ? k.loadMasked(dw, at, mask) : k.load(dw, at, g.lanes), "acc");
      }),
    );
    // Few accumulators would wait for their own last sum: every second pixel then has a set of its own.
    const spare = items.length * vectors < 10 && 2 * items.length * vectors + vectors + 2 <= k.target.vectorRegisters;
    const second = spare ? items.map(() => Array.from({ length: vectors }, () => k.acc(0, g.lanes))) : acc;
    const xRow = k.var(x, "xRow");
    const dyRow = k.var(k.ptrAdd(dy, outputBytes), "dyRow");
    k.loop(
      band,
      bandTo,
      () => {
        this.#row(items, vectors, mask, [acc, second], xRow, dyRow);
        k.advance(xRow, g.stride[0] * g.inputColumns * g.inputPixel * 4);
        k.advance(dyRow, g.outputColumns * g.outputPixel * 4);
      },
      { name: "row" },
    );
    if (spare)
      for (const [i, row] of acc.entries()) for (const [v, a] of row.entries()) k.updateTo(a, "fadd", second[i]![v]!);
    const into = dwOf();
    for (const [i, item] of items.entries()) {
      for (let v = 0; v < vectors; v++) {
        const at = this.#weightOffset(item) + v * g.lanes * 4;
        if (mask) k.storeMasked(into, at, acc[i]![v]!, mask);
        else k.store(into, at, acc[i]![v]!);
      }
    }
  }

  /** All pixels of one output row: those where every item reads the input in a loop, those at the borders one by one. */
  #row(
    items: Item[],
    vectors: number,
    mask: Reg | undefined,
    sets: readonly [Reg[][], Reg[][]],
    xRow: Reg,
    dyRow: Reg,
  ): void {
    const { k, g } = this;
    const [, sx] = g.stride;
    const column = (pixel: number, item: Item) => pixel * sx - g.before[1] + item.tap * g.dilation[1];
    const valid = (pixel: number, item: Item) => column(pixel, item) >= 0 && column(pixel, item) < g.inputColumns;
    const inside = (pixel: number) => items.every((item) => valid(pixel, item));
    const one = (x: Reg, d: Reg, pixel: number, ahead: number, all: boolean) => {
      const acc = sets[ahead % 2]!;
      const load = (v: number): [Reg, number] => [d, ahead * g.outputPixel * 4 + v * g.lanes * 4];
      const place = (item: Item): [Reg, number] => [
        x,
        (column(pixel + ahead, item) * g.inputPixel + item.channel) * 4 - column(pixel, items[0]!) * g.inputPixel * 4,
      ];
      const source = (i: number) => (all || valid(pixel + ahead, items[i]!) ? place(items[i]!) : undefined);
      if (mask) {
        const operand = k.loadMasked(...load(0), mask);
        for (let i = 0; i < items.length; i++) {
          const p = source(i);
          if (p) k.fmaTo(acc[i]![0]!, k.broadcast(...p, g.lanes), operand);
        }
      } else accumulate(k, acc, g.lanes, source, load);
    };
    let low = 0;
    while (low < g.outputColumns && !inside(low)) low++;
    let high = low;
    while (high < g.outputColumns && inside(high)) high++;
    const border = (pixel: number) => {
      if (!items.some((item) => valid(pixel, item))) return;
      const x = k.ptrAdd(xRow, column(pixel, items[0]!) * g.inputPixel * 4);
      one(x, k.ptrAdd(dyRow, pixel * g.outputPixel * 4), pixel, 0, false);
    };
    for (let pixel = 0; pixel < low; pixel++) border(pixel);
    const count = high - low;
    if (count > 0) {
      const unroll = count % 2 === 0 && items.length * vectors <= 32 ? 2 : 1;
      const x = k.var(k.ptrAdd(xRow, column(low, items[0]!) * g.inputPixel * 4), "x");
      const d = k.var(k.ptrAdd(dyRow, low * g.outputPixel * 4), "d");
      k.loop(
        0,
        count,
        () => {
          for (let u = 0; u < unroll; u++) one(x, d, low, u, true);
          k.advance(x, unroll * sx * g.inputPixel * 4);
          k.advance(d, unroll * g.outputPixel * 4);
        },
        { step: unroll, name: "pixel" },
      );
    }
    for (let pixel = high; pixel < g.outputColumns; pixel++) border(pixel);
  }
}
