/**
 * Rows of classes (the last axis) as vectors, for softmax, the losses and argmax: loops over all rows of a piece, the
 * class index of each lane, and folds over a row. A piece is a few samples.
 */
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import type { KernelCode, KernelDefinition, OperandList } from "../../codegen/definition.js";
import type { Reg } from "../../codegen/ir.js";
import type { Value } from "../../graph/graph.js";
import type { DType } from "../../graph/shape.js";
import type { Pieces } from "../contract/emitter.js";
import { type Layout, type RowLayout, rowLayout } from "../contract/layout.js";
import type { Lowering } from "../contract/strategy.js";
import { type ChannelVectors, channelVectors, eachGroup, isPartial, loadChannels, storeZeros } from "./channels.js";
import { axisStrides, type Dimension, merged, nest } from "./nest.js";
import { eachPiece } from "./pieces.js";
import { view } from "./view.js";

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
    layout: RowLayout,
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

/** An op over rows of classes, some of whose values have one number a row. */
export interface ClassRowsSpec {
  readonly classes: RowLayout;
  /** The axes but the last: byte distances among the classes and among the numbers. */
  readonly rows: readonly Dimension[];
  /** Elements from one sample of the numbers to the next; 0 where there are none. */
  readonly numberSample: number;
  /** Elements of a sample of the result, and those that rows fill. */
  readonly resultSample: number;
  readonly resultUsed: number;
  /** Of a piece. */
  readonly samples: number;
}

/** `numbers`: the value with one number a row, if there is one. */
export function classRowsSpec(root: Value, classes: Value, numbers: Value | undefined, to: Lowering): ClassRowsSpec {
  const layout = to.layout(classes);
  const single = numbers === undefined ? undefined : to.layout(numbers);
  const { rows, channelStride, sampleStride } = to.layout(root);
  return {
    classes: rowLayout(layout),
    rows: leadingDimensions(layout, single),
    numberSample: single?.sampleStride ?? 0,
    resultSample: sampleStride,
    // Rows leave out pads of a result of one number a row, and the tail of a result of classes.
    resultUsed: root.shape.length < classes.shape.length ? 0 : rows * channelStride,
    samples: [16, 8, 4, 2].find((n) => n * layout.sampleStride <= 1024) ?? 1,
  };
}

/** `write` writes one row; the last operand is the result. */
export function classRowsCode<Spec extends ClassRowsSpec>(
  operands: OperandList,
  write: (rows: ClassRows, row: ClassRow, spec: Spec) => void,
): KernelCode<Spec> {
  const [result] = operands[operands.length - 1]!;
  return { operands, write: (k, spec) => writeRows(k, spec, result, (rows, row) => write(rows, row, spec)) };
}

function writeRows(
  k: KernelBuilder,
  spec: ClassRowsSpec,
  result: string,
  write: (rows: ClassRows, row: ClassRow) => void,
): void {
  const { classes, samples, resultSample, resultUsed } = spec;
  const rows = new ClassRows(k, classes);
  const one = (n: Reg) => {
    const into = view(k, result, { sample: resultSample, element: 1 }).at({ sample: n }).here();
    if (resultSample > 1 && resultUsed < resultSample)
      storeZeros(k, ...into.place({ element: resultUsed }), resultSample - resultUsed);
    const start = (sample: number, type?: DType) => view(k, result, { sample }, type).at({ sample: n }).offset();
    const starts = [start(classes.sampleStride, classes.dtype), start(spec.numberSample)];
    nest(k, spec.rows, starts, ([from, number]) => {
      const row = {
        classes: k.var(from!, "row"),
        number: k.var(number!, "number"),
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
  eachPiece(k, piece);
}

/** The step of an op over rows of classes. */
export function lowerClassRows<Spec extends ClassRowsSpec>(
  to: Lowering,
  root: Value,
  kernel: KernelDefinition<Spec>,
  spec: Spec,
): void {
  const { batched } = spec.classes;
  const pieces: Pieces = batched ? { count: 1, samples: spec.samples, isLocal: true } : { count: 1 };
  to.step(
    to.kernel(kernel, spec),
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
