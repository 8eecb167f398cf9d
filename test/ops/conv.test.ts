/** The lecture's worked convolutions, and shape errors. */
import { describe, expect, it } from "vitest";
import { Graph } from "#fovea/graph/graph.js";
import { shapeText } from "#fovea/graph/shape.js";
import { ALL_OPS } from "#fovea/ops/all.js";
import { conv2dOp } from "#fovea/ops/conv.js";
import { conv2d, linear, maxPool2d } from "#fovea/ops/index.js";
import { filter, image, numbers, run, runWithGradients, table } from "../support/run-op.js";

const picture = image(
  [1, 0, 0, 0, 0, 1],
  [0, 1, 0, 0, 1, 0],
  [0, 0, 1, 1, 0, 0],
  [1, 0, 0, 0, 1, 0],
  [0, 1, 0, 0, 1, 0],
  [0, 0, 1, 0, 1, 0],
);
const diagonal = filter([1, -1, -1], [-1, 1, -1], [-1, -1, 1]);
const vertical = filter([-1, 1, -1], [-1, 1, -1], [-1, 1, -1]);
const map1 = [
  [3, -1, -3, -1],
  [-3, 1, 0, -3],
  [-3, -3, 0, 1],
  [3, -2, -2, -1],
];
const map2 = [
  [-1, -1, -1, -1],
  [-1, -1, -2, 1],
  [-1, -1, -2, 1],
  [-1, 0, -4, 3],
];

describe("the lecture's 6x6 picture", () => {
  it("under two 3x3 filters", () => {
    expect(table(run([picture, diagonal], (x, w) => conv2d(x!, w!)))).toEqual(map1);
    expect(table(run([picture, vertical], (x, w) => conv2d(x!, w!)))).toEqual(map2);
  });
  it("at stride 2", () => {
    const y = run([picture, diagonal], (x, w) => conv2d(x!, w!, { stride: 2 }));
    expect(table(y)).toEqual([
      [3, -3],
      [-3, 0],
    ]);
  });
  it("keeps its size with one ring of zeros, which makes it 8x8", () => {
    const y = run([picture, diagonal], (x, w) => conv2d(x!, w!, { padding: 1 }));
    expect(y.shape).toEqual([1, 6, 6, 1]);
    expect(
      table(y)
        .slice(1, 5)
        .map((row) => row.slice(1, 5)),
    ).toEqual(map1);
    // The upper left corner: filter rows (1, -1), (-1, 1) on image rows (1, 0), (0, 1), shifted by one.
    expect(y.data[0]).toBe(2);
  });
  it("max pooled 2x2 after the filters", () => {
    const pooled = (w: typeof diagonal) => table(run([picture, w], (x, v) => maxPool2d(conv2d(x!, v!), 2)));
    expect(pooled(diagonal)).toEqual([
      [3, 0],
      [3, 1],
    ]);
    expect(pooled(vertical)).toEqual([
      [-1, 1],
      [0, 3],
    ]);
  });
  it("equals a fully connected layer with 36x16 weights, 144 of them present and 9 different", () => {
    const dense: number[] = [];
    for (let pixel = 0; pixel < 36; pixel++) {
      const unit = { ...picture, data: Array.from({ length: 36 }, (_, i) => (i === pixel ? 1 : 0)) };
      dense.push(...numbers(run([unit, filter([1, 2, 3], [4, 5, 6], [7, 8, 9])], (x, w) => conv2d(x!, w!))));
    }
    expect(dense.length).toBe(576);
    expect(dense.filter((w) => w !== 0).length).toBe(144);
    expect(new Set(dense.filter((w) => w !== 0)).size).toBe(9);
    const weights = { shape: [36, 16], data: dense, batched: false };
    const connected = run([picture, weights], (x, w) => linear(x!, w!));
    const convolved = run([picture, filter([1, 2, 3], [4, 5, 6], [7, 8, 9])], (x, w) => conv2d(x!, w!));
    expect(numbers(connected)).toEqual(numbers(convolved));
  });
});

it("the lecture's padded example: a row of zeros above, a column at the left", () => {
  const x = image([1, 0, 0.5, 0.5], [0, 0.5, 1, 0], [0, 1, 0.5, 1], [1, 0.5, 0.5, 1]);
  const y = run([x, filter([1, 0], [0, 0.5])], (v, w) => conv2d(v!, w!, { padding: { top: 1, left: 1 } }));
  expect(table(y)).toEqual([
    [0.5, 0, 0.25, 0.25],
    [0, 1.25, 0.5, 0.5],
    [0, 0.5, 0.75, 1.5],
    [0.5, 0.25, 1.25, 1],
  ]);
});

describe("shapes", () => {
  const shapeOf = (x: number[], w: number[], options: Parameters<typeof conv2d>[2]): string => {
    const graph = new Graph();
    const given = graph.input("x", { shape: x });
    return shapeText(conv2d(given, graph.input("w", { shape: w, batched: false }), options));
  };
  it("64x64x16 under 32 filters of 6x6, stride 2, padding 1", () => {
    expect(shapeOf([64, 64, 16], [6, 6, 16, 32], { stride: 2, padding: 1 })).toBe("Nx31x31x32");
  });
  it('"same" padding: the output is the input over the stride', () => {
    expect(shapeOf([12, 9, 2], [3, 4, 2, 5], { stride: [1, 3], padding: "same" })).toBe("Nx12x3x5");
    expect(shapeOf([12, 10, 2], [5, 4, 2, 5], { stride: [5, 3], padding: "same" })).toBe("Nx3x4x5");
  });
  it("a stride larger than the kernel skips pixels, and dilation spreads the taps", () => {
    const x = { shape: [1, 1, 7, 1], data: [1, 2, 3, 4, 5, 6, 7] };
    const w = { shape: [1, 2, 1, 1], data: [10, 1], batched: false };
    expect(numbers(run([x, w], (v, u) => conv2d(v!, u!, { stride: [1, 3] })))).toEqual([12, 45]);
    expect(numbers(run([x, w], (v, u) => conv2d(v!, u!, { dilation: [1, 3] })))).toEqual([14, 25, 36, 47]);
  });
  it("groups see their own channels only", () => {
    const x = { shape: [1, 1, 1, 4], data: [1, 2, 3, 4] };
    // Two groups of two channels to one map: (1, 10) on channels 0 and 1, (100, 1000) on 2 and 3.
    const w = { shape: [1, 1, 2, 2], data: [1, 100, 10, 1000], batched: false };
    expect(numbers(run([x, w], (v, u) => conv2d(v!, u!, { groups: 2 })))).toEqual([21, 4300]);
  });
});

it("gradients by hand: a 1x3 image under a 1x2 filter", () => {
  const x = { shape: [1, 1, 3, 1], data: [1, 2, 3] };
  const w = { shape: [1, 2, 1, 1], data: [10, 20], batched: false };
  const { y, gradients } = runWithGradients([x, w], [1, 100], (v, u) => conv2d(v!, u!));
  expect(numbers(y)).toEqual([50, 80]);
  // dx = (10 * 1, 20 * 1 + 10 * 100, 20 * 100); dw = (1 * 1 + 2 * 100, 2 * 1 + 3 * 100).
  expect(gradients.map(numbers)).toEqual([
    [10, 1020, 2000],
    [201, 302],
  ]);
});

it("counts its multiply-adds", () => {
  // C3 of LeNet-5 today: 10x10x16 outputs of 5x5x6 products.
  const graph = new Graph();
  const inputs = [graph.input("x", { shape: [14, 14, 6] }), graph.input("w", { shape: [5, 5, 6, 16], batched: false })];
  const y = conv2d(inputs[0]!, inputs[1]!);
  expect(y.op.cost(inputs, y.attributes, y)).toEqual({ multiplyAdds: 240_000, bytes: 4 * (1176 + 2400 + 1600) });
  expect(ALL_OPS).toContain(conv2dOp);
});

describe("says what does not fit", () => {
  const error = (x: number[], w: number[], options: Parameters<typeof conv2d>[2] = {}): string => {
    const graph = new Graph();
    const values = [graph.input("x", { shape: x }), graph.input("w", { shape: w, batched: false })] as const;
    try {
      return shapeText(graph.scope("features.0", () => conv2d(...values, options)));
    } catch (e) {
      return (e as Error).message;
    }
  };
  it("kernels", () => {
    expect(error([5, 5, 1], [7, 7, 1, 8])).toMatchInlineSnapshot(
      `"conv2d(features.0): kernel 7 (=7x7) is larger than its padded input 5x5; add padding or lower the kernel"`,
    );
    expect(error([5, 5, 1], [3, 3, 1, 8], { dilation: 3 })).toMatchInlineSnapshot(
      `"conv2d(features.0): kernel 3 (=3x3) with dilation 3x3, spanning 7x7, is larger than its padded input 5x5; add padding or lower the kernel"`,
    );
  });
  it("channels and groups", () => {
    expect(error([5, 5, 4], [3, 3, 6, 8])).toMatchInlineSnapshot(
      `"conv2d(features.0): weights 3x3x6x8 read 6 channels, but its input 5x5x4 has 4; make the input channels 6 or the weights 3x3x4x8"`,
    );
    expect(error([5, 5, 6], [3, 3, 6, 8], { groups: 2 })).toMatchInlineSnapshot(
      `"conv2d(features.0): weights 3x3x6x8 read 6 channels in each of 2 groups, but its input 5x5x6 has 6; make the input channels 12 or the weights 3x3x3x8"`,
    );
    expect(error([5, 5, 6], [3, 3, 6, 8], { groups: 4 })).toMatchInlineSnapshot(
      `"conv2d(features.0): groups 4 does not divide its 6 input and 8 output channels"`,
    );
  });
  it("numbers out of range and ranks", () => {
    expect(error([5, 5, 1], [3, 3, 1, 8], { stride: 0 })).toMatchInlineSnapshot(
      `"conv2d(features.0): stride is 0x0, expected whole numbers of at least 1"`,
    );
    expect(error([5, 5, 1], [3, 3, 1, 8], { padding: -1 })).toMatchInlineSnapshot(
      `"conv2d(features.0): padding is -1x-1x-1x-1, expected whole numbers of at least 0"`,
    );
    expect(error([25], [3, 3, 1, 8])).toMatchInlineSnapshot(
      `"conv2d(features.0): input is Nx25, expected rank 3 (an image [height, width, channels]) a sample"`,
    );
  });
});
