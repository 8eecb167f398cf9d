/**
 * Rows of classes (the last axis) as vectors, for softmax, the losses and argmax: loops over all rows of a piece, the
 * class index of each lane, and folds over a row. A piece is a few samples.
 */
import { buildKernel, type KernelBuilder } from "../codegen/builder.js";
import type { Access, Reg } from "../codegen/ir.js";
import type { Value } from "../graph/value.js";
import {
  type ChannelVectors,
  channelVectors,
  eachGroup,
  isPartial,
  layoutKey,
  loadChannels,
  storeZeros,
} from "./channels.js";
import { attributesKey } from "./epilogue.js";
import type { Layout } from "./layout.js";
import { axisStrides, type Dimension, merged, nest } from "./nest.js";
import type { Lowering, Pieces } from "./strategy.js";

/** One row: where its classes are, and where its one number (label, loss) is, in bytes. */
export interface ClassRow {
  readonly classes: Reg;
  readonly number: Reg;
}

/** One vector of a row's classes. */
export interface ClassVector {
  readonly channel: Reg | undefined;
  readonly index: number;
}

export class ClassRows {
  readonly vectors: ChannelVectors;

  constructor(
    readonly k: KernelBuilder,
    layout: Layout,
  ) {
    this.vectors = channelVectors(layout, k.target);
  }

  get lanes() {
    return this.vectors.lanes;
  }

  each(visit: (vector: ClassVector) => void): void {
    eachGroup(this.k, this.vectors, 2, (channel, indices) => {
      for (const index of indices) visit({ channel, index });
    });
  }

  pointer(operand: string, row: ClassRow, { channel }: ClassVector): Reg {
    const { k } = this;
    return k.ptrAdd(k.operand(operand), channel === undefined ? row.classes : k.add(row.classes, channel));
  }

  /** The classes of a vector, with `fill` in lanes that are none. */
  load(operand: string, row: ClassRow, vector: ClassVector, fill = 0): Reg {
    const { k, vectors } = this;
    const x = loadChannels(k, vectors, this.pointer(operand, row, vector), 0, vector.index);
    if (fill === 0 || !isPartial(vectors, vector.index)) return x;
    return k.select(k.firstLanes(vectors.lastLanes, this.lanes), x, k.splat(fill, this.lanes));
  }

  /** The class index of each lane, i32. */
  indices({ channel, index }: ClassVector): Reg {
    const { k, lanes } = this;
    const first = index * lanes;
    if (channel === undefined) return k.vadd(k.iota(lanes), k.splatI32(first, lanes));
    return k.vadd(k.iota(lanes), k.splatInt(k.add(k.div(channel, 4), first), lanes));
  }

  /** Where the label (i32, in every lane) is: among real classes only, whatever the label. */
  isLabel(label: Reg, vector: ClassVector): Reg {
    const { k, vectors } = this;
    const equal = k.cmpI32("eq", this.indices(vector), label);
    return isPartial(vectors, vector.index) ? k.maskAnd(equal, k.firstLanes(vectors.lastLanes, this.lanes)) : equal;
  }

  /** The largest class of a row, in every lane. NaN is passed over. */
  maximum(operand: string, row: ClassRow): Reg {
    const { k } = this;
    const most = k.acc(Number.NEGATIVE_INFINITY, this.lanes);
    this.each((v) => k.updateTo(most, "pmax", this.load(operand, row, v, Number.NEGATIVE_INFINITY)));
    return k.splatLane0(k.reduceMax(most), this.lanes);
  }

  /** `value` in the lanes that are classes, 0 in the others. */
  real(value: Reg, vector: ClassVector): Reg {
    const { k, vectors } = this;
    if (!isPartial(vectors, vector.index)) return value;
    return k.select(k.firstLanes(vectors.lastLanes, this.lanes), value, k.splat(0, this.lanes));
  }

  /** The sum over lanes, in every lane. */
  fold(sum: Reg): Reg {
    return this.k.splatLane0(this.k.reduceAdd(sum), this.lanes);
  }
}

/** Steps for an op over rows: `write` writes one row; `numbers` is the value with one number a row, if there is one. */
export function lowerClassRows(
  to: Lowering,
  root: Value,
  classes: Value,
  numbers: Value | undefined,
  operands: readonly (readonly [string, Access])[],
  write: (rows: ClassRows, row: ClassRow) => void,
): void {
  const layout = to.layout(classes);
  const single = numbers === undefined ? undefined : to.layout(numbers);
  const result = to.layout(root);
  const samples = [16, 8, 4, 2].find((n) => n * layout.sampleStride <= 1024) ?? 1;
  const key = `${root.op.name}${attributesKey(root)} ${classes.shape.join("x")} ${layoutKey(layout)} ${samples}`;
  const kernel = to.kernel(key, () => {
    const [name] = operands[operands.length - 1]!;
    return buildKernel({ key, name: root.op.name, target: to.target, operands }, (k): void => {
      const rows = new ClassRows(k, layout);
      const dimensions = leadingDimensions(layout, single);
      const one = (n: Reg) => {
        const into = k.mul(n, 4 * result.sampleStride);
        // What the rows leave out: pads of a result of one number a row, the tail of a result of classes.
        const used = root.shape.length < classes.shape.length ? 0 : result.rows * result.channelStride;
        if (root.shape.length > 0 && used < result.sampleStride)
          storeZeros(k, k.ptrAdd(k.operand(name), into), 4 * used, result.sampleStride - used);
        const starts = [k.mul(n, 4 * layout.sampleStride), k.mul(n, 4 * (single?.sampleStride ?? 0))];
        nest(k, dimensions, starts, ([from, number]) => {
          const row = {
            classes: k.var(from!, "row", { frame: true }),
            number: k.var(number!, "number", { frame: true }),
          };
          write(rows, row);
        });
      };
      const piece = (p: Reg) => {
        if (!classes.batched || samples === 1) {
          one(p);
          return;
        }
        const first = k.mul(p, samples);
        k.loop(first, k.min(k.add(first, samples), k.batch), one, { frame: true, name: "n" });
      };
      k.loop(k.begin, k.end, piece, { frame: true, name: "piece" });
    });
  });
  const pieces: Pieces = classes.batched ? { count: 1, samples, isLocal: true } : { count: 1 };
  to.step(
    kernel,
    [...root.inputs, root].map((v) => to.buffer(v)),
    pieces,
  );
}

/** The axes but the last: byte distances among the classes and among the numbers. */
function leadingDimensions(layout: Layout, single: Layout | undefined): Dimension[] {
  const strides = axisStrides(layout);
  const others = single === undefined ? [] : axisStrides(single);
  const leading = layout.shape.slice(0, -1);
  return merged(leading.map((extent, a) => ({ extent, strides: [strides[a]!, others[a] ?? 0] })));
}
