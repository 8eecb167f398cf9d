/**
 * Images made larger or smaller along one axis, bilinear or to the nearest; an image is resized along both, one axis
 * after the other, which is the same sum in two steps.
 *
 * Pixels are areas (PyTorch's align_corners=False). With r input pixels for an output pixel, the middle of output pixel
 * o lies at
 *
 *     s(o) = max(0, (o + 1/2) r - 1/2)
 *
 * counted in input pixels. Bilinear: y[o] = sum over i of hat(s(o) - i) x[i] with hat(t) = max(0, 1 - |t|), which is
 * the two neighbours, or the last pixel alone beyond it. Nearest (PyTorch's "nearest"): y[o] = x[floor(o r)].
 *
 * To a size, r = in / out: both grids cover the same square. By a factor f, r = 1 / f even where out = floor(in f) is
 * less than in f, as in PyTorch (recompute_scale_factor=False): a part of the last pixel is then left out. Places are
 * computed in whole numbers from a fraction for r, so that no rounding moves a pixel. PyTorch rounds r and o r to
 * float32, which moves the nearest pixel where o r is a whole number or all but one: `step` follows it there.
 */
import { needed, oneOf } from "../base/options.js";
import type { ResizeAttributes, ResizeGradAttributes, ResizeMode } from "../graph/attributes.js";
import { type AxisReads, OWN_PLACE } from "../graph/axis-reads.js";
import type { Op, Value } from "../graph/graph.js";
import { type Shape, type Signature, sameShape, shapeText } from "../graph/shape.js";
import { makes } from "./makes.js";
import { bytesOf, emptyTensor, expectInputs, refuse } from "./support.js";
import { type Pair, pair, pairOf } from "./window.js";

export type { ResizeAttributes, ResizeGradAttributes, ResizeMode } from "../graph/attributes.js";

/** Of pixels along an axis. */
const MOST = 2 ** 14;

/** The pixels that output pixel `o` reads of `input`, and with what weight. */
export function resizeTaps(attributes: ResizeAttributes, o: number, input: number): [number, number][] {
  const { mode, extent, step, ratio = [input, extent] } = attributes;
  const [from, to] = ratio;
  if (mode === "nearest") {
    const at = step === undefined ? Math.floor((o * from) / to) : Math.floor(Math.fround(o * step));
    return [[Math.min(at, input - 1), 1]];
  }
  const place = Math.max(0, (2 * o + 1) * from - to);
  const low = Math.floor(place / (2 * to));
  const share = (place % (2 * to)) / (2 * to);
  return [
    [low, 1 - share],
    [Math.min(low + 1, input - 1), share],
  ];
}

function readsNearest({ inputs: [x], attributes }: Value<ResizeAttributes>, _input: number, axis: 0 | 1): AxisReads {
  if (attributes.axis !== axis) return OWN_PLACE;
  const [from, to] = attributes.ratio ?? [x!.shape[axis]!, attributes.extent];
  return { kind: "interpolation", from, to };
}

function checkAttributes(op: string, path: string, { mode, axis, extent }: ResizeAttributes): void {
  if (mode !== "nearest" && mode !== "bilinear") {
    refuse(op, path, `mode is ${JSON.stringify(mode)}, expected "nearest" or "bilinear"`);
  }
  if (axis !== 0 && axis !== 1) refuse(op, path, `axis is ${axis}, expected 0 for rows or 1 for columns`);
  if (!Number.isInteger(extent) || extent < 1 || extent > MOST) {
    refuse(op, path, `extent is ${extent}, expected a whole number from 1 to ${MOST}`);
  }
}

const withExtent = (shape: Shape, axis: number, extent: number): Shape =>
  shape.map((n, a) => (a === axis ? extent : n));

/** Calls `visit` with the positions of all pairs of elements that belong together, and their weight. */
function eachPair(
  attributes: ResizeAttributes,
  image: Shape,
  batch: number,
  visit: (x: number, y: number, weight: number) => void,
): void {
  const [height, width, channels] = image as readonly [number, number, number];
  const { axis, extent: output } = attributes;
  const input = image[axis]!;
  const outer = batch * (axis === 0 ? 1 : height);
  const inner = channels * (axis === 0 ? width : 1);
  for (let part = 0; part < outer; part++) {
    for (let o = 0; o < output; o++) {
      for (const [i, weight] of resizeTaps(attributes, o, input)) {
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
  reference([x], attributes, output, batch) {
    const y = emptyTensor(output, batch);
    eachPair(attributes, x!.shape.slice(1), batch, (xi, yi, weight) => {
      y.data[yi]! += weight * x!.data[xi]!;
    });
    return y;
  },
  cost,
  traits: { reads: readsNearest },
};

/**
 * Input dy. dx[i] = the sum of weight dy[o] over the o that read i; what is read with the weight 0 is not counted, were
 * it infinite.
 */
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
  reference([dy], attributes, output, batch) {
    const dx = emptyTensor(output, batch);
    eachPair(attributes, output.shape, batch, (xi, yi, weight) => {
      if (weight !== 0) dx.data[xi]! += weight * dy!.data[yi]!;
    });
    return dx;
  },
  cost,
};

/** Where the numerators and denominators of fractions end: products with places stay below 2^31. */
const LARGEST = 2 ** 15;

/** The fraction of numbers below `LARGEST` that comes nearest to `x`, by continued fractions. */
function fractionOf(x: number): readonly [number, number] {
  let [before, now]: [readonly [number, number], readonly [number, number]] = [
    [0, 1],
    [1, 0],
  ];
  for (let rest = x; ; ) {
    const whole = Math.floor(rest);
    const next = [whole * now[0] + before[0], whole * now[1] + before[1]] as const;
    if (Math.max(...next) >= LARGEST) return now;
    [before, now] = [now, next];
    if (Math.abs(now[0] / now[1] - x) < 1e-12 * x) return now;
    rest = 1 / (rest - whole);
  }
}

/** How `input` pixels become `extent`, by a factor or (undefined) in their own proportion. */
function attributesOf(
  mode: ResizeMode,
  axis: 0 | 1,
  input: number,
  extent: number,
  factor: number | undefined,
): ResizeAttributes {
  const plain = { mode, axis, extent };
  const ratio = factor === undefined ? undefined : fractionOf(1 / factor);
  const exact = ratio === undefined || ratio[0] * extent === ratio[1] * input ? plain : { ...plain, ratio };
  if (mode !== "nearest" || Math.max(input, extent) > MOST) return exact;
  // PyTorch doubles pixels whatever the factor was.
  if (extent === 2 * input) return plain;
  const step = Math.fround(factor === undefined ? input / extent : 1 / factor);
  const rounded = { ...exact, step };
  const differs = Array.from({ length: extent }, (_, o) => o).some(
    (o) => resizeTaps(exact, o, input)[0]![0] !== resizeTaps(rounded, o, input)[0]![0],
  );
  return differs ? rounded : exact;
}

/** Options of `ops.resize`. */
export interface ResizeOptions {
  /**
   * Output pixels an input pixel along each axis, where the size came of a factor and should be placed by it.
   * @default the proportion of the sizes
   */
  readonly scaleFactor?: Pair;
}

/**
 * Resizes an image: x [H, W, C], with a batch, to [height, width, C]. Pixels are areas (PyTorch's align_corners=False).
 * PyTorch: `F.interpolate`.
 * @param size height and width in pixels: one number for both, or [height, width]
 * @throws ShapeError if x is no image, or the size is none
 */
export const resize = makes(
  "resize",
  ["x"],
  (x: Value, size: Pair, mode: ResizeMode, { scaleFactor }: ResizeOptions = {}): Value => {
    const [rows, columns] = pair(size);
    const factors = scaleFactor === undefined ? undefined : pair(scaleFactor);
    const along = (value: Value, axis: 0 | 1, extent: number): Value => {
      const input = value.shape[axis] ?? 1;
      if (input === extent) return value;
      return value.graph.add(resizeOp, attributesOf(mode, axis, input, extent, factors?.[axis]), [value]);
    };
    const [height = 1, width = 1] = x.shape;
    const rowsFirst = rows / height <= columns / width;
    return rowsFirst ? along(along(x, 0, rows), 1, columns) : along(along(x, 1, columns), 0, rows);
  },
  { size: needed(pairOf), mode: needed(oneOf(["nearest", "bilinear"])) },
  { scaleFactor: pairOf },
);
