/**
 * Max and average pooling of NHWC images: one piece is one output row, vectors run over channels, and each output is
 * reduced in registers from the taps that are real pixels (see taps.ts).
 */

import { defineKernel } from "../../codegen/definition.js";
import type { Reg } from "../../codegen/ir.js";
import type { AvgPoolGradAttributes, Divisor, Window } from "../../graph/attributes.js";
import type { Value } from "../../graph/graph.js";
import type { Shape } from "../../graph/shape.js";
import type { Lanes } from "../../target/target.js";
import { elementsNanoseconds } from "../contract/cost.js";
import { type RowLayout, rowLayout } from "../contract/layout.js";
import type { Strategy } from "../contract/strategy.js";
import type { Epilogue } from "../fusion/epilogue.js";
import { type Prologue, prologueOf, prologueOperands, readThrough } from "../fusion/prologue.js";
import { resultOf, resultOperands, rowPlace, storeResult } from "../fusion/result.js";
import {
  channelVectors,
  cleaned,
  eachGroup,
  isPartial,
  loadChannels,
  storeTail,
  tailElements,
} from "../language/channels.js";
import { maxNaN } from "../language/math.js";
import { pieces } from "../language/pieces.js";
import {
  type Axis,
  allReal,
  axisOf,
  type Bounds,
  eachTap,
  hasEmpty,
  isUnrolled,
  type Run,
  runsOf,
  tapBounds,
} from "../language/taps.js";
import { type View, view } from "../language/view.js";
import { divideBy } from "./divisor.js";

type PoolAttributes = Window & Partial<Pick<AvgPoolGradAttributes, "divisor" | "inputShape">>;

export const poolStrategy: Strategy = {
  name: "pool",
  ops: ["maxPool2d", "avgPool2d"],
  fuses: true,
  readsThrough: true,
  accepts: () => true,
  cost: elementsNanoseconds,
  lower(work, to) {
    const { root } = work;
    const input = root.inputs[0]!;
    const windows = windowsOf(root, input.shape, root.shape);
    const { prologue, image, buffers } = prologueOf(work, to);
    const result = resultOf(work, to);
    const kernel = to.kernel(poolKernel, {
      ...windows,
      inputSample: to.layout(input).sampleStride,
      output: rowLayout(to.layout(root)),
      prologue,
      epilogue: result.epilogue,
    });
    to.step(kernel, [image, ...buffers, ...result.buffers], {
      count: windows.rows.outputs,
      samples: 1,
      isLocal: true,
    });
  },
};

/** The windows of a pool, or of its gradient. */
export interface Windows {
  readonly rows: Axis;
  readonly columns: Axis;
  readonly divisor: Divisor | "max";
}

/** `image` is the shape that windows lie on, `pooled` that of one pixel a window. */
export function windowsOf({ op, attributes }: Value, image: Shape, pooled: Shape): Windows {
  const window = attributes as PoolAttributes;
  return {
    rows: axisOf(window, 0, image, pooled),
    columns: axisOf(window, 1, image, pooled),
    divisor: op.name.startsWith("max") ? "max" : (window.divisor ?? "window"),
  };
}

interface Pool extends Windows {
  /** Elements from one sample of the image to the next. */
  readonly inputSample: number;
  readonly output: RowLayout;
  readonly prologue: Prologue;
  readonly epilogue: Epilogue;
}

const poolKernel = defineKernel<Pool>("pool", {
  title: ({ divisor }) => (divisor === "max" ? "maxPool2d" : "avgPool2d"),
  operands: ({ prologue, epilogue }) => [["x", "read"], ...prologueOperands(prologue), ...resultOperands(epilogue)],
  write(k, pool) {
    const { rows, columns, divisor, inputSample, output, prologue, epilogue } = pool;
    const vectors = channelVectors(output, k.target);
    const { channelStride: pixel, sampleStride } = output;
    const image = view(k, "x", { sample: inputSample, row: columns.extent * pixel, pixel, channel: 1 });
    const result = view(k, "result", { sample: sampleStride, row: columns.outputs * pixel, pixel, channel: 1 });
    const emptyRows = hasEmpty(rows);
    pieces(k, { n: k.batch, oy: rows.outputs }, (index) => {
      const n = k.var(index.n(), "n");
      const oy = k.var(index.oy(), "oy");
      const bounds = allReal(rows) ? { lo: 0, hi: rows.kernel } : tapBounds(k, rows, oy);
      const divide = divisor === "max" ? undefined : divideBy(k, divisor, rows, bounds, oy);
      const corner = image.at({ row: k.mul(oy, rows.stride) }).moved({ row: -rows.before, pixel: -columns.before });
      const from = image.at({ sample: n }).plus(corner.offset()).here();
      const into = result.at({ sample: n, row: oy }).here();
      for (const run of runsOf(columns)) {
        const body = (ox: Reg) => {
          const window = from.at({ pixel: ox }, columns.stride).pointer();
          const stored = into.at({ pixel: ox }).here();
          eachGroup(k, vectors, 4, (channel, indices) => {
            const start = window.plus(channel).pointer();
            const row = stored.plus(channel).here();
            for (const index of indices) {
              const through = readThrough(k, prologue, vectors, channel, index);
              const load = (p: Reg, offset: number) => through(loadChannels(k, vectors, p, offset, index));
              const total = reduceTaps(pool, { rows: bounds, columns: run }, start, load, vectors.lanes);
              const value = divide === undefined ? total : divide(run, total, vectors.lanes);
              // A window without a pixel is minus infinity in pad lanes, too.
              const dirty = divisor === "max" && (emptyRows || run.hi === 0) && isPartial(vectors, index);
              const stored = dirty && !vectors.packed ? cleaned(k, value, vectors.lastLanes) : value;
              storeResult(k, epilogue, rowPlace(vectors, row, channel, index), stored);
            }
          });
        };
        k.loop(run.from, run.to, body, { frame: false, name: "ox" });
      }
      if (tailElements(output) > 0) {
        k.if(oy, "eq", rows.outputs - 1, () => {
          storeTail(k, output, result.at({ sample: n }).address());
        });
      }
    });
  },
});

/** The maximum or the sum of one window's real taps, for one vector of channels. */
function reduceTaps(
  pool: Pool,
  taps: { readonly rows: Bounds; readonly columns: Run },
  start: View<"row" | "pixel">,
  load: (pointer: Reg, offset: number) => Reg,
  lanes: Lanes,
): Reg {
  const { k } = start;
  const max = pool.divisor === "max";
  const join = (a: Reg, b: Reg) => (max ? maxNaN(k, a, b) : k.fadd(a, b));
  const rowStep = start.bytes({ row: pool.rows.dilation });
  const columnStep = start.bytes({ pixel: pool.columns.dilation });
  const unrolled = isUnrolled(taps.rows) && isUnrolled(taps.columns);
  let total = unrolled ? undefined : k.acc(max ? Number.NEGATIVE_INFINITY : 0, lanes);
  eachTap(k, taps.rows, [start.address()], rowStep, (row, rowOffset) => {
    eachTap(k, taps.columns, row, columnStep, ([tap], offset) => {
      const x = load(tap!, rowOffset + offset);
      if (total === undefined) total = x;
      else if (unrolled) total = join(total, x);
      else k.set(total, join(total, x));
    });
  });
  return total ?? k.splat(max ? Number.NEGATIVE_INFINITY : 0, lanes);
}
