/**
 * The weights' transform: U = G g G^T in the order in which the products read it,
 *
 *     [panel of outputs][point][input channel][output of the panel]
 *
 * For the input gradient, the weights are turned by 180 degrees, and their inputs and outputs change places: 16 x 16 of
 * them (or as the lanes are) are first copied the other way round into a workspace.
 */
import type { KernelBuilder } from "../../../codegen/builder/builder.js";
import { defineKernel } from "../../../codegen/definition.js";
import type { Reg } from "../../../codegen/ir.js";
import type { Value } from "../../../graph/graph.js";
import type { Buffer } from "../../contract/emitter.js";
import type { Layout } from "../../contract/layout.js";
import { definePacking } from "../../contract/packing.js";
import type { Lowering } from "../../contract/strategy.js";
import { blocksOf, oneBlock } from "../../language/blocks.js";
import { pieces } from "../../language/pieces.js";
import { F32, type View, view } from "../../language/view.js";
import type { WinogradPlan } from "./plan.js";
import { TILE_INPUTS, transformWeight } from "./transform.js";

/** Plain data, for the specs of kernels and of packed weights. */
export interface WeightOrder {
  readonly taps: WinogradPlan["taps"];
  readonly lanes: WinogradPlan["lanes"];
  /** Summed over, and made. */
  readonly channels: number;
  readonly outputs: number;
  /** Vectors of outputs: of a panel, and all. */
  readonly panelVectors: number;
  readonly vectors: number;
  readonly panels: number;
  readonly uPoint: number;
  readonly uPanel: number;
  /** Elements from a tap to the next, from a stored input channel to the next. */
  readonly tap: number;
  readonly row: number;
  readonly backward: boolean;
}

export function weightOrder(plan: WinogradPlan, weight: Value, layout: Layout, backward: boolean): WeightOrder {
  return {
    taps: plan.taps,
    lanes: plan.lanes,
    channels: plan.source.channels,
    outputs: plan.destination.channels,
    panelVectors: plan.tile.vectors,
    vectors: plan.destination.vectors,
    panels: plan.panels,
    uPoint: plan.uPoint,
    uPanel: plan.uPanel,
    tap: weight.shape[2]! * layout.channelStride,
    row: layout.channelStride,
    backward,
  };
}

/** The steps that make U of `weight` in `u`. `after`: what else must be there before they run. */
export function transformWeights(
  to: Pick<Lowering, "kernel" | "step" | "workspace">,
  weight: Buffer,
  u: Buffer,
  order: WeightOrder,
  after?: Buffer,
): void {
  const { taps, lanes, backward, vectors } = order;
  const kernel = to.kernel(weightsKernel, { order, waits: after !== undefined });
  const turned = backward ? [to.workspace(taps ** 2 * lanes * lanes * F32)] : [];
  const count = vectors * chunksOf(order);
  to.step(kernel, [weight, ...turned, ...(after ? [after] : []), u], { count });
}

export const winogradWeights = definePacking<WeightOrder>("winograd weights", {
  bytes: ({ panels, uPanel }) => panels * uPanel * F32,
  pack: (to, weight, u, order) => transformWeights(to, weight, u, order),
});

const chunksOf = ({ channels, lanes }: WeightOrder): number => Math.ceil(channels / lanes);

interface Weights {
  readonly order: WeightOrder;
  /** Whether it waits for what it does not read. */
  readonly waits: boolean;
}

const weightsKernel = defineKernel<Weights>("winogradWeights", {
  operands: ({ order, waits }) => [
    ["weight", "read"],
    ...(order.backward ? [["turned", "readwrite"] as const] : []),
    ...(waits ? [["after", "read"] as const] : []),
    ["u", "write"],
  ],
  write: (k, { order }) => writeKernel(k, order, order.vectors, chunksOf(order)),
});

type Taps = View<"tap" | "row" | "output">;

function weightView(k: KernelBuilder, { tap, row }: WeightOrder): Taps {
  return view(k, "weight", { tap, row, output: 1 });
}

/** Weights with inputs and outputs in each other's place. */
function turnedView(k: KernelBuilder, { lanes }: WeightOrder): Taps {
  return view(k, "turned", { tap: lanes * lanes, row: lanes, output: 1 });
}

function writeKernel(k: KernelBuilder, o: WeightOrder, vectors: number, chunks: number): void {
  const { lanes, taps } = o;
  const u = view(k, "u", { panel: o.uPanel, point: o.uPoint, output: 1 });
  pieces(
    k,
    { vector: vectors, chunk: chunks },
    (index) => {
      const vector = k.var(index.vector(), "vector");
      const first = k.var(k.mul(index.chunk(), lanes), "first");
      const count = k.var(k.min(k.sub(o.channels, first), lanes), "count");
      const panel = k.div(vector, o.panelVectors);
      const within = k.mod(vector, o.panelVectors);
      // the last panel may be narrower
      const width = k.min(k.sub(vectors, k.mul(panel, o.panelVectors)), o.panelVectors);
      const step = u.at({ output: width }, lanes).keep("step").offset();
      const into = u.at({ panel }).pointer().keep("into");
      into.advanceBy(u.at({ output: within }, lanes).offset());
      into.advanceBy(k.mul(first, step));
      const start = into.keep("u");
      if (o.backward) turn(k, o, vector, first, count);
      const from = (o.backward ? turnedView(k, o) : weightView(k, o).at({ output: vector }, lanes).at({ row: first }))
        .pointer()
        .keep("from");
      const at = start.keep("at");
      k.loop(0, count, () => {
        transformWeight(
          k,
          taps,
          lanes,
          (c) => (r) => from.load(lanes, { tap: o.backward ? taps ** 2 - 1 - r * taps - c : r * taps + c }),
          (r, values) => {
            for (const [c, value] of values.entries()) at.store(value, { point: r * TILE_INPUTS + c });
          },
        );
        from.advance({ row: 1 });
        at.advanceBy(step);
      });
    },
    { keepsEnd: true },
  );
}

/** turned[tap][output of the convolution][its input channel], for one vector of input channels and some outputs. */
function turn(k: KernelBuilder, o: WeightOrder, vector: Reg, first: Reg, count: Reg): void {
  const { lanes } = o;
  const zero = k.splat(0, lanes);
  const copy = (real: number) => {
    k.loop(
      0,
      o.taps ** 2,
      (tap) => {
        const element = k.add(k.mul(tap, o.tap), k.add(k.mul(vector, lanes * o.row), first));
        const from = weightView(k, o).at({ output: element }).pointer().keep("from");
        const into = turnedView(k, o).at({ tap }).pointer().keep("into");
        k.loop(0, count, () => {
          if (real < lanes) into.store(zero);
          for (let i = 0; i < real; i++) into.store(from.load(1, { row: i }), { output: i });
          from.advance({ output: 1 });
          into.advance({ row: 1 });
        });
      },
      { name: "tap" },
    );
  };
  oneBlock(k, blocksOf(o.outputs, lanes), vector, copy);
}
