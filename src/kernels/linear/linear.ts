/**
 * Matrix products for linear layers: `linear` and its input gradient. Samples are the rows of the register tile,
 * outputs its vectors. A flattened image is read as it lies (rows of padded channels): the panel's order turns the CHW
 * order of the weights into that of memory, so nothing is flattened and no pad is multiplied.
 */
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import { defineKernel } from "../../codegen/definition.js";
import type { Reg } from "../../codegen/ir.js";
import type { Value } from "../../graph/graph.js";
import type { Lanes, Target } from "../../target/target.js";
import { type Layout, layoutOf, vectorLanes } from "../contract/layout.js";
import type { Lowering, Strategy, Work } from "../contract/strategy.js";
import { type Epilogue, epilogueOf } from "../fusion/epilogue.js";
import { epilogueOperands, storeTile, type TileStore } from "../fusion/store-tile.js";
import { packPanel } from "../language/panel.js";
import { type Indices, pieces } from "../language/pieces.js";
import { accumulate, maximumRows, stepsOfTurn, zeroTile } from "../language/tile.js";
import { F32, type View, view } from "../language/view.js";
import { isWide, lowerWide } from "./wide.js";

/**
 * out[n][part][o] = sum over rows and channels of in[n][row][channel] * panel, for each of `parts` rows of the output.
 */
interface Product {
  /** Rows of the input that are summed over, their stride, and the channels of each. */
  readonly rows: number;
  readonly rowStride: number;
  readonly channels: number;
  readonly inputSample: number;
  /** Elements of the panel from one channel and from one row to the next, and from block to block of outputs. */
  readonly panelSteps: readonly [channel: number, row: number, block: number];
  /** Rows of the output: each has a matrix of its own. */
  readonly parts: number;
  readonly partStride: number;
  readonly outputs: number;
  readonly outputSample: number;
  readonly lanes: Lanes;
  readonly vectors: number; // of a block
  /** Samples of a tile: the most, and fewer for the rest of a batch. */
  readonly sizes: readonly number[];
  /** Samples of a piece; undefined: all of them, so that a large panel is read once. */
  readonly pieceSamples: number | undefined;
}

interface Planned {
  readonly product: Product;
  readonly panelBytes: number;
}

/** Bytes of a panel that stays in a core's cache while it is read for one piece of samples after the other. */
const smallPanel = ({ caches }: Target): number => caches.l2 / 2;

export const linearProduct: Strategy = {
  name: "linear",
  ops: ["linear", "linearInputGrad"],
  fuses: true,
  accepts: () => true,
  cost: (node, target) => {
    const { product: p } = productOf(node, target);
    return p.parts * p.rows * p.channels * Math.ceil(p.outputs / p.lanes) * target.costs.multiplyAdd.outer;
  },
  lower,
};

/** The weight row that belongs to a channel of a row: a picture is flattened in CHW order, anything else as it lies. */
export function featureOf(image: Layout, row: number, channel: number): number {
  return image.shape.length === 3 ? channel * image.rows + row : row * image.channels + channel;
}

/** `inStore`: registers that the store needs beside the tile, when those of the operands are free. */
function productOf(node: Value, target: Target, inStore = 0): Planned {
  const forward = node.op.name === "linear";
  const [given] = node.inputs as [Value, Value];
  const input = layoutOf(given, target);
  const output = layoutOf(node, target);
  // The image side of the weights is the input of the forward product and the output of the gradient.
  const lanes: Lanes = output.channelStride <= 4 ? 4 : vectorLanes(output, target);
  const total = Math.ceil(output.channels / lanes);
  const parts = forward ? 1 : output.rows;
  const vectors = [3, 2, 4, 1].find((n) => total % n === 0 && n <= total) ?? 1;
  const reserved = Math.max(0, inStore + (output.channels % lanes > 0 ? 1 : 0) - vectors - 1);
  const most = maximumRows(target, vectors, reserved);
  const samples = [16, 8, 4].find((n) => n <= most) ?? most;
  const compact = input.channelStride === input.channels;
  const rows = compact ? 1 : input.rows;
  const channels = compact ? input.rows * input.channels : input.channels;
  const panelBytes = rows * channels * parts * total * lanes * F32;
  const product: Product = {
    rows,
    rowStride: input.channelStride,
    channels,
    inputSample: input.sampleStride,
    panelSteps: [vectors * lanes, channels * vectors * lanes, parts * rows * channels * vectors * lanes],
    parts,
    partStride: output.channelStride,
    outputs: output.channels,
    outputSample: output.sampleStride,
    lanes,
    vectors,
    sizes: tileSizes(samples, panelBytes, target),
    pieceSamples: panelBytes <= smallPanel(target) ? Math.max(samples, 16) : undefined,
  };
  return { product, panelBytes };
}

function lower(work: Work, to: Lowering): void {
  if (isWide(work, to)) {
    lowerWide(work, to);
    return;
  }
  const { root } = work;
  const forward = root.op.name === "linear";
  const [given, weight] = root.inputs as [Value, Value];
  const { epilogue, values } = epilogueOf(work);
  const { product: packed, panelBytes } = productOf(root, to.target, epilogue.registers);
  const w = to.layout(weight);
  const blockOutputs = packed.vectors * packed.lanes;
  const blocks = Math.ceil(Math.ceil(packed.outputs / packed.lanes) / packed.vectors);
  const image = to.layout(forward ? given : root);
  const feature = (row: number, channel: number) => featureOf(image, row, channel);
  // A panel pays where it is made once, or where weights are too many to be fetched line by line.
  const isOwnPanel = image.rows === 1 && blocks === 1;
  const pays = to.isStatic(weight) || panelBytes > smallPanel(to.target);
  const straight = forward && w.channelStride % blockOutputs === 0 && (isOwnPanel || !pays);
  const p: Product = straight
    ? {
        ...packed,
        rows: image.rows,
        channels: image.channels,
        panelSteps: [feature(0, 1) * w.channelStride, feature(1, 0) * w.channelStride, blockOutputs],
      }
    : packed;
  const panel = straight
    ? to.buffer(weight)
    : forward
      ? packPanel(to, weight, {
          lanes: p.lanes,
          blockOutputs,
          outputs: p.outputs,
          extents: [image.rows, image.channels, 1],
          source: ([row, channel], o) => feature(row, channel) * w.channelStride + o,
        })
      : packPanel(to, weight, {
          lanes: p.lanes,
          blockOutputs,
          outputs: p.outputs,
          extents: [p.parts, p.channels, 1],
          source: ([part, o], channel) => feature(part, channel) * w.channelStride + o,
        });
  const kernel = to.kernel(linearKernel, { product: p, epilogue });
  const operands = [to.buffer(given), panel, ...[...values, work.result].map((v) => to.buffer(v))];
  const count = p.parts * blocks;
  to.step(
    kernel,
    operands,
    p.pieceSamples === undefined ? { count } : { count, samples: p.pieceSamples, isLocal: true },
  );
}

interface Linear {
  readonly product: Product;
  readonly epilogue: Epilogue;
}

const linearKernel = defineKernel<Linear>("linear", {
  operands: ({ epilogue }) => [
    ["input", "read"],
    ["panel", "read"],
    ...epilogueOperands(epilogue),
    ["output", "write"],
  ],
  write(k, { product: p, epilogue }) {
    const blocks = Math.ceil(Math.ceil(p.outputs / p.lanes) / p.vectors);
    const width = p.vectors * p.lanes;
    const partElements = p.rows * p.channels * width;
    const [, , blockStep] = p.panelSteps;
    const axes = { part: p.parts, block: blocks };
    const options = { keepsEnd: true, copies: true };
    const body = (index: Indices<"part" | "block">, samples?: () => Reg) => {
      const from = k.var(0, "from", { frame: true });
      const to = k.var(k.batch, "to", { frame: true });
      if (samples !== undefined && p.pieceSamples !== undefined) {
        k.set(from, k.mul(samples(), p.pieceSamples));
        k.set(to, k.min(k.add(from, p.pieceSamples), k.batch));
      }
      const part = index.part();
      const block = index.block();
      const element = k.add(k.mul(block, blockStep), k.mul(part, partElements));
      const panel = panelOf(k, p).at({ output: element }).pointer().keep("panel");
      const output = outputOf(k, p);
      const channel = output.at({ channel: block }, width).keep("channel").offset();
      const column = output.at({ part }).plus(channel).keep("column").offset();
      const real = realLanes(k, p, blocks, block);
      const start = k.var(from, "start", { frame: true });
      for (const size of p.sizes) {
        const many = k.div(k.sub(to, start), size);
        const stop = k.var(k.add(start, k.mul(many, size)), "stop");
        const one = (sample: Reg) => writeTile(k, p, epilogue, { size, sample, panel, channel, column, real });
        k.loop(start, stop, one, { step: size, name: "sample" });
        k.set(start, stop);
      }
    };
    if (p.pieceSamples === undefined) pieces(k, axes, (index) => body(index), options);
    else pieces(k, { samples: k.batch, ...axes }, (index) => body(index, index.samples), options);
  },
});

/** Lanes of a block's last vector that are outputs: only those of the last block may be fewer than all. */
function realLanes(k: KernelBuilder, { outputs, lanes, vectors }: Product, blocks: number, block: Reg): Real {
  if (outputs % lanes === 0) return undefined;
  if (blocks === 1) return outputs % lanes;
  const before = k.mul(block, vectors * lanes);
  return k.var(k.sub(outputs - (vectors - 1) * lanes, before), "real");
}

type Real = TileStore["real"];

/**
 * Samples of a tile. What is left of a batch is done in quarters of that, where a panel is too large for a part of the
 * second cache to be read again for every sample, and then one by one: each size has code of its own.
 */
function tileSizes(samples: number, panelBytes: number, { caches }: Target): number[] {
  return [...new Set([samples, ...(panelBytes > caches.l2 / 4 ? [Math.max(1, samples >> 2)] : []), 1])];
}

/** Multiply-adds of an inner loop's body, about: enough to hide its counting, few enough to encode in no time. */
const BODY = 8;

function unrollOf(channels: number, tile: number): number {
  return [4, 2].find((n) => channels % n === 0 && n * tile < 2 * BODY) ?? 1;
}

type Panel = View<"row" | "channel" | "output">;

/** The weights of a part and a block of outputs, as a tile reads them. */
function panelOf(k: KernelBuilder, { panelSteps: [channel, row] }: Product): Panel {
  return view(k, "panel", { row, channel, output: 1 });
}

function outputOf(k: KernelBuilder, p: Product): View<"sample" | "part" | "channel"> {
  return view(k, "output", { sample: p.outputSample, part: p.partStride, channel: 1 });
}

interface Tile {
  /** Samples, and the first of them. */
  readonly size: number;
  readonly sample: Reg;
  readonly panel: Panel;
  /** Bytes to the tile's first output: from the start of its row, and of its sample. */
  readonly channel: Reg;
  readonly column: Reg;
  readonly real: Real;
}

function writeTile(k: KernelBuilder, p: Product, epilogue: Epilogue, tile: Tile): void {
  const { size, sample, panel, channel, column, real } = tile;
  const acc = zeroTile(k, { rows: size, vectors: p.vectors }, p.lanes);
  const input = view(k, "input", { sample: p.inputSample, row: p.rowStride, channel: 1 });
  const s = input.at({ sample }).pointer().keep("s");
  const w = panel.keep("w");
  const unroll = stepsOfTurn(k.target, unrollOf(p.channels, size * p.vectors));
  const turn = () => {
    for (let u = 0; u < unroll; u++) {
      accumulate(
        k,
        acc,
        p.lanes,
        (i) => s.place({ sample: i, channel: u }),
        (v) => w.place({ channel: u, output: v * p.lanes }),
      );
    }
    s.advance({ channel: unroll });
    w.advance({ channel: unroll });
  };
  const row = () => k.loop(0, p.channels, turn, { step: unroll, name: "channel" });
  if (p.rows === 1) row();
  else {
    const next = () => {
      row();
      s.advance({ row: 1, channel: -p.channels });
      w.advance({ row: 1, channel: -p.channels });
    };
    k.loop(0, p.rows, next, { frame: false, name: "row" });
  }
  const output = outputOf(k, p);
  storeTile(k, acc, {
    lanes: p.lanes,
    epilogue,
    result: "output",
    offset: output.at({ sample }).plus(column).offset(),
    rowBytes: output.bytes({ sample: 1 }),
    channel,
    real,
    narrow: p.partStride <= 4,
  });
  zeroTails(k, p, size, sample);
}

/** Outputs may end in the middle of a vector: the rest of each sample is zeros. */
function zeroTails(k: KernelBuilder, p: Product, size: number, sample: Reg): void {
  const used = p.parts * p.partStride;
  if (p.outputSample === used) return;
  const zero = k.splat(0, 1);
  const output = outputOf(k, p).at({ sample }).pointer();
  for (let i = 0; i < size; i++)
    for (let e = used; e < p.outputSample; e++) output.store(zero, { sample: i, channel: e });
}
