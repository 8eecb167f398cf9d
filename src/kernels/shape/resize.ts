/**
 * Resizing along one axis, and its gradient (ops/resize.ts says what is computed). An image is seen as [outer, extent,
 * inner]: for rows the inner run is a whole line with its pads, for columns one pixel's channels, so that both axes are
 * one kernel: each output line is two input lines with their weights; in the gradient, each input line is the sum of
 * the lines that read it. Pads are +0 in what is read, and stay so.
 */

import type { KernelBuilder } from "../../codegen/builder/builder.js";
import { defineKernel } from "../../codegen/definition.js";
import type { Reg } from "../../codegen/ir.js";
import type { ResizeGradAttributes } from "../../graph/attributes.js";
import type { Lanes } from "../../target/target.js";
import { elementsNanoseconds } from "../contract/cost.js";
import { type RowLayout, rowLayout } from "../contract/layout.js";
import type { Strategy } from "../contract/strategy.js";
import { storeTail, tailElements } from "../language/channels.js";
import { pieces } from "../language/pieces.js";
import { F32, view } from "../language/view.js";

interface Lines {
  readonly backward: boolean;
  readonly mode: ResizeGradAttributes["mode"];
  readonly axis: number;
  /** The number of lines that are made of `from`, by the forward pass. */
  readonly extent: number;
  readonly from: number;
  /** Lines read for a line made, as a fraction. */
  readonly ratio: readonly [number, number];
  /** That as a float32, where places are rounded as it rounds them. */
  readonly step?: number;
  /** Elements of a line, and runs of lines in a sample. */
  readonly inner: number;
  readonly outer: number;
  readonly source: RowLayout;
  readonly destination: RowLayout;
  /** Lines of a run, of x and of y. */
  readonly read: number;
  readonly written: number;
}

export const resizeStrategy: Strategy = {
  name: "resize",
  ops: ["resize", "resizeGrad"],
  fuses: false,
  accepts: () => true,
  cost: elementsNanoseconds,
  lower({ root }, to) {
    const backward = root.op.name === "resizeGrad";
    const { axis, mode, extent, ratio, step, from } = root.attributes as ResizeGradAttributes;
    const [input] = root.inputs;
    const source = to.layout(input!);
    const read = input!.shape[axis]!;
    const made = backward ? from : read;
    const outer = axis === 0 ? 1 : root.shape[0]!;
    const kernel = to.kernel(resizeKernel, {
      backward,
      mode,
      axis,
      extent,
      from: made,
      ratio: ratio ?? [made, extent],
      ...(step === undefined ? {} : { step }),
      inner: source.channelStride * (axis === 0 ? root.shape[1]! : 1),
      outer,
      source: rowLayout(source),
      destination: rowLayout(to.layout(root)),
      read,
      written: root.shape[axis]!,
    });
    const count = axis === 0 ? root.shape[0]! : outer;
    to.step(kernel, [to.buffer(input!), to.buffer(root)], { count, samples: 1 });
  },
};

const resizeKernel = defineKernel<Lines>("resize", {
  title: ({ backward }) => (backward ? "resizeGrad" : "resize"),
  operands: [
    ["x", "read"],
    ["y", "write"],
  ],
  write: (k, lines) => (lines.axis === 0 ? writeRows : writeColumns)(k, lines, lines.backward ? gatherLine : readLine),
});

/**
 * Writes the line with number `at`, given where its run of lines begins in x, and where the line itself begins in y.
 */
type WriteLine = (k: KernelBuilder, lines: Lines, at: Reg, from: Reg, into: Reg) => void;

/** A piece is one line of a sample. */
function writeRows(k: KernelBuilder, lines: Lines, write: WriteLine): void {
  const { source, destination, inner, written: count } = lines;
  pieces(k, { n: k.batch, row: count }, (index) => {
    const n = k.var(index.n(), "n");
    const at = k.var(index.row(), "row");
    const from = view(k, "x", { sample: source.sampleStride }).at({ sample: n }).pointer().keep("from");
    const sample = view(k, "y", { sample: destination.sampleStride, line: inner }).at({ sample: n }).pointer();
    write(k, lines, at, from.address(), sample.at({ line: at }).keep("into").address());
    writeTail(k, destination, n, at, count);
  });
}

/** A piece is one row of pixels. */
function writeColumns(k: KernelBuilder, lines: Lines, write: WriteLine): void {
  const { source, destination, inner, outer, read, written } = lines;
  pieces(k, { n: k.batch, row: outer }, (index) => {
    const n = k.var(index.n(), "n");
    const row = k.var(index.row(), "row");
    const x = view(k, "x", { sample: source.sampleStride, row: read * inner })
      .at({ sample: n, row })
      .here();
    const image = view(k, "y", { sample: destination.sampleStride, row: written * inner, line: inner });
    const y = image.at({ sample: n, row }).here();
    const from = x.pointer().keep("from").address();
    const start = y.pointer().keep("start");
    const column = (at: Reg) => write(k, lines, at, from, start.at({ line: at }).address());
    k.loop(0, written, column, { frame: true, name: "column" });
    writeTail(k, destination, n, row, outer);
  });
}

function writeTail(k: KernelBuilder, layout: RowLayout, n: Reg, piece: Reg, count: number): void {
  if (tailElements(layout) === 0) return;
  k.if(piece, "eq", count - 1, () => {
    storeTail(k, layout, view(k, "y", { sample: layout.sampleStride }).at({ sample: n }).address());
  });
}

const GROUP = 4;

/**
 * The elements of a line, a few vectors at a time: `visit` gets the bytes to the first, and each one's offset and
 * lanes.
 */
function eachVectors(
  k: KernelBuilder,
  count: number,
  visit: (base: Reg | undefined, vectors: readonly { readonly offset: number; readonly lanes: Lanes }[]) => void,
): void {
  const { lanes: widest } = k.target;
  const group = GROUP * widest;
  const looped = count > 2 * group ? count - (count % group) : 0;
  const inside = Array.from({ length: GROUP }, (_, i) => ({ offset: F32 * i * widest, lanes: widest }));
  if (looped > 0)
    k.loop(0, F32 * looped, (base) => visit(base, inside), { step: F32 * group, frame: false, name: "element" });
  const rest: { offset: number; lanes: Lanes }[] = [];
  let at = looped;
  for (const lanes of [16, 8, 4, 1] as const) {
    if (lanes > widest) continue;
    for (; at + lanes <= count; at += lanes) rest.push({ offset: F32 * at, lanes });
  }
  for (let i = 0; i < rest.length; i += GROUP) visit(undefined, rest.slice(i, i + GROUP));
}

const moved = (k: KernelBuilder, ptr: Reg, base: Reg | undefined): Reg =>
  base === undefined ? ptr : k.ptrAdd(ptr, base);

/** Forward: the line `at` of y from one or two lines of x. */
function readLine(k: KernelBuilder, lines: Lines, at: Reg, from: Reg, into: Reg): void {
  const { mode, from: input, ratio, step, inner } = lines;
  const [numerator, denominator] = ratio;
  const bytes = F32 * inner;
  if (mode === "nearest") {
    const nearest = step === undefined ? k.div(k.mul(at, numerator), denominator) : atMost(k, at, step);
    const held = k.min(nearest, input - 1);
    const line = k.ptrAdd(from, k.mul(held, bytes));
    const before = step === undefined ? line : k.ptrAdd(from, k.mul(k.max(k.sub(held, 1), 0), bytes));
    eachVectors(k, inner, (base, vectors) => {
      const [x, y] = [moved(k, line, base), moved(k, into, base)];
      const other = step === undefined ? undefined : moved(k, before, base);
      for (const { offset, lanes } of vectors) {
        const value = k.load(x, offset, lanes);
        if (step === undefined || other === undefined) k.store(y, offset, value);
        else {
          const isBefore = k.cmp("lt", rounded(k, at, step, lanes), k.toFloat(k.splatInt(held, lanes)));
          k.store(y, offset, k.select(isBefore, k.load(other, offset, lanes), value));
        }
      }
    });
    return;
  }
  const place = k.max(k.sub(k.mul(at, 2 * numerator), denominator - numerator), 0);
  const low = k.div(place, 2 * denominator);
  const high = k.min(k.add(low, 1), input - 1);
  const rest = k.sub(place, k.mul(low, 2 * denominator));
  const first = k.ptrAdd(from, k.mul(low, bytes));
  const second = k.ptrAdd(from, k.mul(high, bytes));
  const share = shareOf(k, rest, denominator);
  const other = shareOf(k, k.sub(2 * denominator, rest), denominator);
  eachVectors(k, inner, (base, vectors) => {
    const [a, b, y] = [moved(k, first, base), moved(k, second, base), moved(k, into, base)];
    for (const { offset, lanes } of vectors) {
      const part = k.fmul(k.load(a, offset, lanes), k.splatLane0(other, lanes));
      k.store(y, offset, k.fma(k.load(b, offset, lanes), k.splatLane0(share, lanes), part));
    }
  });
}

/** number / (2 denominator), in one lane. */
function shareOf(k: KernelBuilder, number: Reg, denominator: number): Reg {
  return k.fmul(k.toFloat(k.splatInt(number, 1)), k.splat(1 / (2 * denominator), 1));
}

/** Parts of a pixel that whole numbers count a float32 `step` in. */
const PARTS = 2 ** 16;

/** A little more than `step`, in parts: with less than 2^14 lines the excess is below a quarter of a line. */
const partsOf = (step: number) => Math.floor(step * PARTS) + 1;

/** floor(o step), or one more. */
const atMost = (k: KernelBuilder, o: Reg, step: number): Reg => k.div(k.mul(o, partsOf(step)), PARTS);

/** o step, rounded to float32. */
const rounded = (k: KernelBuilder, o: Reg, step: number, lanes: Lanes): Reg =>
  k.fmul(k.toFloat(k.splatInt(o, lanes)), k.splat(step, lanes));

/** The lines o that may read line `at`, of which all that do lie behind one another. */
function readersOf(k: KernelBuilder, lines: Lines, at: Reg): { begin: Reg; end: Reg } {
  const { mode, extent, from: input, ratio, step } = lines;
  const [numerator, denominator] = ratio;
  if (mode === "bilinear") {
    // Those with i - 1 < s(o) < i + 1.
    const first = k.max(k.sub(k.mul(at, 2 * denominator), denominator - numerator), 0);
    const last = k.add(k.mul(at, 2 * denominator), 3 * denominator + numerator - 1);
    return { begin: k.div(first, 2 * numerator), end: k.min(k.div(last, 2 * numerator), extent) };
  }
  if (step !== undefined) {
    const parts = partsOf(step);
    const end = k.add(k.div(k.mul(k.add(at, 2), PARTS), parts), 1);
    return { begin: k.div(k.mul(at, PARTS), parts), end: k.min(end, extent) };
  }
  // Those with floor(o r) = i.
  const begin = k.div(k.add(k.mul(at, denominator), numerator - 1), numerator);
  const end = k.div(k.add(k.mul(at, denominator), denominator + numerator - 1), numerator);
  return { begin, end: denominator === extent && numerator === input ? end : k.min(end, extent) };
}

/** Gradient: the line `at` of dx from the lines of dy that read it. At the last line these are all to the end. */
function gatherLine(k: KernelBuilder, lines: Lines, at: Reg, from: Reg, into: Reg): void {
  const { mode, extent, from: input, ratio, step, inner } = lines;
  const bytes = F32 * inner;
  const nearest = mode === "nearest";
  const readers = readersOf(k, lines, at);
  const end = k.var(readers.end, "end", { frame: true });
  if (!nearest || ratio[0] !== input || ratio[1] !== extent || step !== undefined) {
    k.if(at, "eq", input - 1, () => k.set(end, extent));
  }
  const start = k.var(readers.begin, "begin");
  eachVectors(k, inner, (base, vectors) => {
    const sums = vectors.map(({ lanes }) => k.acc(0, lanes));
    const line = k.var(moved(k, k.ptrAdd(from, k.mul(start, bytes)), base), "line");
    const add = (o: Reg) => {
      const weight = nearest ? undefined : hat(k, o, at, input, ratio);
      for (const [i, { offset, lanes }] of vectors.entries()) {
        const dy = k.load(line, offset, lanes);
        if (weight !== undefined) k.fmaTo(sums[i]!, dy, k.splatLane0(weight, lanes));
        else if (step === undefined) k.updateTo(sums[i]!, "fadd", dy);
        else {
          const held = k.pmin(k.floor(rounded(k, o, step, lanes)), k.splat(input - 1, lanes));
          const reads = k.cmp("eq", held, k.toFloat(k.splatInt(at, lanes)));
          k.updateTo(sums[i]!, "fadd", k.select(reads, dy, k.splat(0, lanes)));
        }
      }
      k.advance(line, bytes);
    };
    k.loop(start, end, add, { name: "o" });
    const y = moved(k, into, base);
    for (const [i, { offset }] of vectors.entries()) k.store(y, offset, sums[i]!);
  });
}

/**
 * max(0, 1 - |s(o) - i|) where s is held to the last pixel, in parts of 2 out: 2 out - |place - 2 out i| for the
 * fraction in / out.
 */
function hat(k: KernelBuilder, o: Reg, i: Reg, input: number, ratio: readonly [number, number]): Reg {
  const [numerator, denominator] = ratio;
  const last = 2 * denominator * (input - 1);
  const place = k.min(k.max(k.sub(k.mul(o, 2 * numerator), denominator - numerator), 0), last);
  const away = k.sub(place, k.mul(i, 2 * denominator));
  return shareOf(k, k.sub(2 * denominator, k.max(away, k.sub(0, away))), denominator);
}
