/**
 * Convolution of 3x3 and of 5x5, stride 1, by Winograd's F(4x4, 3x3) and F(2x2, 5x5), forward and input gradient (a
 * convolution with the weights turned and transposed): 36 products for 16 outputs in place of 144, or for 4 in place of
 * 100.
 *
 * A piece of work takes a block of tiles and a panel of output channels: input transform into the thread's workspace,
 * 36 small matrix products with the register tile, output transform through the epilogue. A thread that goes on with
 * the next panel of the same block keeps the transformed input.
 *
 * Accuracy: float32 throughout. For normally distributed numbers the largest error was measured at 4.1e-6 of the
 * largest result with 512 input channels (0.6e-6 with 32; weight gradients 0.8e-6); 1e-5 is what a test holds. The
 * outputs of a tile share its 36 sums, so that each errs by that part of the largest number in the tile, its own window
 * or not, and a pixel that is infinite or NaN is in all of them. To keep it to the windows that hold it, every tile
 * would have to be looked through for such pixels and computed a second time by the direct form, in a kernel twice the
 * size; `winograd: false` is there for who needs it.
 */
import type { KernelBuilder } from "../../../codegen/builder/builder.js";
import { defineKernel } from "../../../codegen/definition.js";
import type { Reg } from "../../../codegen/ir.js";
import type { Value } from "../../../graph/graph.js";
import type { Buffer } from "../../contract/emitter.js";
import type { Lowering, Strategy, Work } from "../../contract/strategy.js";
import { type Epilogue, epilogueOf } from "../../fusion/epilogue.js";
import { epilogueOperands } from "../../fusion/store-tile.js";
import { blocksOf, oneBlock } from "../../language/blocks.js";
import { pieces } from "../../language/pieces.js";
import { accumulate, stepsOfTurn, zeroTile } from "../../language/tile.js";
import { F32, type View, view } from "../../language/view.js";
import { transformInputBlock, zeroTiles } from "./input.js";
import { transformOutputBlock } from "./output.js";
import { type ImageView, imageView, isWinogradShape, planOf, type TileView, type WinogradPlan } from "./plan.js";
import { POINTS } from "./transform.js";
import { transformWeights, weightOrder, winogradWeights } from "./weights.js";

export const winograd: Strategy = {
  name: "winograd",
  ops: ["conv2d", "conv2dInputGrad"],
  fuses: true,
  accepts: isWinogradShape,
  cost: (node, target) => {
    const { multiplyAdd, transform, encoding } = target.costs;
    const { source, destination, tileRows, tileColumns } = planOf(node, target, 1);
    const products = POINTS * source.channels * destination.vectors;
    const transforms = source.vectors + destination.vectors;
    return tileRows * tileColumns * (products * multiplyAdd.tiled + transforms * transform) + encoding;
  },
  lower,
};

function lower(work: Work, to: Lowering): void {
  const { root } = work;
  const [source, weight] = root.inputs as [Value, Value];
  const backward = root.op.name !== "conv2d";
  const plan = planOf(root, to.target, to.maxBatch);
  const { epilogue, values } = epilogueOf(work);
  const u = weightsOf(to, weight, source, plan, backward);
  const kernel = to.kernel(winogradKernel, { plan, epilogue });
  const operands: Buffer[] = [
    to.buffer(source),
    u,
    to.workspace(plan.workspace * F32),
    ...values.map((v) => to.buffer(v)),
    to.buffer(work.result),
  ];
  to.step(kernel, operands, { count: plan.blocksPerPeriod * plan.panels, samples: plan.period });
}

/**
 * Made once where the weights stay. In training they are made right before they are used, so that they are still in the
 * cache then, and the memory of one layer's serves the next.
 */
function weightsOf(to: Lowering, weight: Value, source: Value, plan: WinogradPlan, backward: boolean): Buffer {
  const order = weightOrder(plan, weight, to.layout(weight), backward);
  if (to.isStatic(weight)) return to.packed(winogradWeights, weight, order);
  const u = to.temporary("winograd weights", { fixedBytes: winogradWeights.bytes(order) });
  transformWeights(to, to.buffer(weight), u, order, to.buffer(source));
  return u;
}

interface Winograd {
  readonly plan: WinogradPlan;
  readonly epilogue: Epilogue;
}

const winogradKernel = defineKernel<Winograd>("winograd", {
  operands: ({ epilogue }) => [
    ["source", "read"],
    ["u", "read"],
    ["workspace", "readwrite"],
    ...epilogueOperands(epilogue),
    ["destination", "write"],
  ],
  write: (k, { plan, epilogue }) => new Writer(k, plan, epilogue).write(),
});

class Writer {
  constructor(
    readonly k: KernelBuilder,
    readonly p: WinogradPlan,
    readonly epilogue: Epilogue,
  ) {}

  /** What lies in the workspace: asked for where it is used, since to hold it would take registers. */
  readonly #v = (): TileView =>
    view(this.k, "workspace", { tile: this.p.vTile, point: this.p.vPoint, channel: 1 }).pointer();
  readonly #m = (): TileView => {
    const { mTile: tile, mPoint: point, mStart } = this.p;
    return view(this.k, "workspace", { tile, point, channel: 1 }).pointer().moved({ channel: mStart });
  };
  readonly #zeros = (): ImageView =>
    imageView(this.k, "workspace", this.p.source).pointer().moved({ channel: this.p.zeroStart });

  write(): void {
    const { k, p } = this;
    this.#zeroRow();
    const held = k.var(-1, "held", { frame: true });
    pieces(
      k,
      { block: p.blocksPerPeriod, panel: p.panels },
      (index) => {
        const block = k.var(index.block(), "block");
        const panel = k.var(index.panel(), "panel");
        const first = k.var(k.mul(block, p.blockRows), "first");
        const left = k.sub(k.mul(k.batch, p.tileRows), first);
        const rows = k.var(k.min(left, p.blockRows), "rows");
        k.if(rows, "gt", 0, () => {
          const tiles = k.mul(rows, p.tileColumns);
          const groups = k.var(k.div(k.add(tiles, p.tile.rows - 1), p.tile.rows), "groups");
          k.if(block, "ne", held, () => {
            this.#transformInput(first, rows, groups);
            k.set(held, block);
          });
          this.#panel(panel, first, rows, groups);
        });
      },
      { keepsEnd: true },
    );
  }

  #zeroRow(): void {
    const { k, p } = this;
    const zero = k.splat(0, p.lanes);
    const at = this.#zeros().keep("zeros");
    k.loop(0, at.strides.row / p.lanes, () => {
      at.store(zero);
      at.advance({ channel: p.lanes });
    });
  }

  #transformInput(first: Reg, rows: Reg, groups: Reg): void {
    const { k, p } = this;
    const { vectors } = p.source;
    const source = imageView(k, "source", p.source);
    transformInputBlock(k, p, { first, rows, vectors, source, v: this.#v, zeros: this.#zeros });
    const from = k.mul(rows, p.tileColumns);
    const to = k.var(k.mul(groups, p.tile.rows), "to");
    zeroTiles(k, p, vectors, this.#v, from, to);
  }

  #panel(panel: Reg, first: Reg, rows: Reg, groups: Reg): void {
    const { k, p } = this;
    const blocks = blocksOf(p.destination.vectors, p.tile.vectors, p.destination.channels % p.lanes > 0);
    const destination = imageView(k, "destination", p.destination);
    oneBlock(k, blocks, panel, (vectors, last) => {
      this.#products(panel, groups, vectors);
      const channel = destination
        .at({ channel: panel }, p.tile.vectors * p.lanes)
        .keep("channel")
        .offset();
      transformOutputBlock(k, p, this.epilogue, { first, rows, vectors, channel, last, m: this.#m });
    });
  }

  /** M[point] = V[point] U[point] for all points and groups of tiles. */
  #products(panel: Reg, groups: Reg, vectors: number): void {
    const { k, p } = this;
    const weights = view(k, "u", { panel: p.uPanel, point: p.uPoint, channel: vectors * p.lanes, output: 1 });
    const u = weights.at({ panel }).pointer().keep("u", { frame: true });
    k.loop(
      0,
      POINTS,
      (point) => {
        const v = this.#v().at({ point }).keep("v", { frame: true });
        const m = this.#m().at({ point }).keep("m", { frame: true });
        k.loop(
          0,
          groups,
          () => {
            this.#tile(v, u, m, vectors);
            v.advance({ tile: p.tile.rows });
            m.advance({ tile: p.tile.rows });
          },
          { name: "group" },
        );
        u.advance({ point: 1 });
      },
      { name: "point" },
    );
  }

  #tile(v: TileView, u: View<"channel" | "output">, m: TileView, vectors: number): void {
    const { k, p } = this;
    const acc = zeroTile(k, { rows: p.tile.rows, vectors }, p.lanes);
    const a = v.keep("a");
    const b = u.keep("b");
    const { channels } = p.source;
    const turn = (unroll: number) => {
      for (let c = 0; c < unroll; c++) {
        accumulate(
          k,
          acc,
          p.lanes,
          (i) => a.place({ tile: i, channel: c }),
          (n) => b.place({ channel: c, output: n * p.lanes }),
        );
      }
      a.advance({ channel: unroll });
      b.advance({ channel: unroll });
    };
    const most = Math.max(1, Math.floor(128 / (p.tile.rows * vectors)));
    const unroll = stepsOfTurn(k.target, [8, 4, 2].find((n) => n <= most && n <= channels) ?? 1);
    const whole = channels - (channels % unroll);
    k.loop(0, whole, () => turn(unroll), { step: unroll, name: "channel" });
    if (whole < channels) turn(channels - whole);
    const to = m.fetched();
    for (const [i, row] of acc.entries())
      for (const [n, value] of row.entries()) to.store(value, { tile: i, channel: n * p.lanes });
  }
}
