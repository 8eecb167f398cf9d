/**
 * Images made larger or smaller along one axis, bilinear or to the nearest; an image is resized along both, one axis after the
 * other, which is the same sum in two steps.
 *
 * Pixels are areas and the grids of both images cover the same square (PyTorch's align_corners=False): with in and out pixels
 * along an axis, the middle of output pixel o lies at
 *
 *     s(o) = max(0, (o + 1/2) in / out - 1/2)
 *
 * counted in input pixels. Bilinear: y[o] = sum over i of hat(s(o) - i) x[i] with hat(t) = max(0, 1 - |t|), which is the two
 * neighbours, or the last pixel alone beyond it. Nearest (PyTorch's "nearest"): y[o] = x[floor(o in / out)]. Places are
 * computed in whole numbers, (2o + 1) in - out over 2 out, so that no rounding moves a pixel.
 */
import { type Op, type Shape, type Signature, sameShape, shapeText, type Value } from "../graph/value.js";
import { bytesOf, emptyTensor, expectInputs, refuse } from "./support.js";
import { type Pair, pair } from "./window.js";

export type ResizeMode = "nearest" | "bilinear";

export interface ResizeAttributes {
  readonly mode: ResizeMode;
  /** 0 for rows, 1 for columns. */
  readonly axis: number;
  /** The number of them that there will be. */
  readonly extent: number;
}
export interface ResizeGradAttributes extends ResizeAttributes {
  /** The number of them that there were. */
  readonly from: number;
}

/** The pixels that output pixel `o` reads, and with what weight. */
export function resizeTaps(mode: ResizeMode, o: number, input: number, output: number): [number, number][] {
  if (mode === "nearest") return [[Math.floor((o * input) / output), 1]];
  const place = Math.max(0, (2 * o + 1) * input - output);
  const low = Math.floor(place / (2 * output));
  const share = (place % (2 * output)) / (2 * output);
  return [
    [low, 1 - share],
    [Math.min(low + 1, input - 1), share],
  ];
}

function checkAttributes(op: string, path: string, { mode, axis, extent }: ResizeAttributes): void {
  if (mode !== "nearest" && mode !== "bilinear") {
    refuse(op, path, `mode is ${JSON.stringify(mode)}, expected "nearest" or "bilinear"`);
  }
  if (axis !== 0 && axis !== 1) refuse(op, path, `axis is ${axis}, expected 0 for rows or 1 for columns`);
  if (!Number.isInteger(extent) || extent < 1 || extent > 2 ** 14) {
    refuse(op, path, `extent is ${extent}, expected a whole number from 1 to ${2 ** 14}`);
  }
}

const withExtent = (shape: Shape, axis: number, extent: number): Shape =>
  shape.map((n, a) => (a === axis ? extent : n));

/** Calls `visit` with the positions of all pairs of elements that belong together, and their weight. */
function eachPair(
  mode: ResizeMode,
  axis: number,
  image: Shape,
  output: number,
  batch: number,
  visit: (x: number, y: number, weight: number) => void,
): void {
  const [height, width, channels] = image as readonly [number, number, number];
  const input = image[axis]!;
  const outer = batch * (axis === 0 ? 1 : height);
  const inner = channels * (axis === 0 ? width : 1);
  for (let part = 0; part < outer; part++) {
    for (let o = 0; o < output; o++) {
      for (const [i, weight] of resizeTaps(mode, o, input, output)) {
        const x = (part * input + i) * inner;
        const y = (part * output + o) * inner;
        for (let e = 0; e < inner; e++) visit(x + e, y + e, weight);
      }
    }
  }
}

const cost = (inputs: readonly Signature[], { mode }: ResizeAttributes, output: Signature) => ({
  multiplyAdds: mode === "nearest" ? 0 : bytesOf([], output) / 2,
  bytes: bytesOf(inputs, output),
});

export const resizeOp: Op<ResizeAttributes> = {
  name: "resize",
  infer(inputs, attributes, path) {
    expectInputs("resize", path, inputs, [{ name: "input", rank: 3, batched: true }]);
    checkAttributes("resize", path, attributes);
    const { axis, extent } = attributes;
    return { shape: withExtent(inputs[0]!.shape, axis, extent), batched: true, dtype: "f32" };
  },
  // Linear in x: what y[o] took from x[i] with a weight goes back with it.
  gradient: ({ graph, inputs: [x], attributes, upstream }) => [
    graph.add(resizeGradOp, { ...attributes, from: x!.shape[attributes.axis]! }, [upstream]),
  ],
  reference([x], { mode, axis, extent }, output, batch) {
    const y = emptyTensor(output, batch);
    eachPair(mode, axis, x!.shape.slice(1), extent, batch, (xi, yi, weight) => {
      y.data[yi]! += weight * x!.data[xi]!;
    });
    return y;
  },
  cost,
};

/** Input dy. dx[i] = the sum of weight dy[o] over the o that read i. */
export const resizeGradOp: Op<ResizeGradAttributes> = {
  name: "resizeGrad",
  infer(inputs, attributes, path) {
    expectInputs("resizeGrad", path, inputs, [{ name: "output gradient", rank: 3, batched: true }]);
    checkAttributes("resizeGrad", path, attributes);
    const { axis, extent, from } = attributes;
    const dy = inputs[0]!;
    const shape = withExtent(dy.shape, axis, from);
    if (!sameShape(dy.shape, withExtent(shape, axis, extent))) {
      refuse("resizeGrad", path, `the output gradient is ${shapeText(dy)}, expected ${extent} along axis ${axis}`);
    }
    return { shape, batched: true, dtype: "f32" };
  },
  reference([dy], { mode, axis, extent }, output, batch) {
    const dx = emptyTensor(output, batch);
    eachPair(mode, axis, output.shape, extent, batch, (xi, yi, weight) => {
      dx.data[xi]! += weight * dy!.data[yi]!;
    });
    return dx;
  },
  cost,
};

/** x [H, W, C] becomes [size, C]: the axis that grows less, or shrinks more, goes first, since it leaves less to do. */
export function resize(x: Value, size: Pair, mode: ResizeMode): Value {
  const [rows, columns] = pair(size);
  const along = (value: Value, axis: 0 | 1, extent: number): Value =>
    value.shape[axis] === extent ? value : value.graph.add(resizeOp, { mode, axis, extent }, [value]);
  const [height = 1, width = 1] = x.shape;
  const rowsFirst = rows / height <= columns / width;
  return rowsFirst ? along(along(x, 0, rows), 1, columns) : along(along(x, 1, columns), 0, rows);
}
