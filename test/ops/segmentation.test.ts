/** Ops of nets that label pixels: worked by hand, and against PyTorch's numbers (scripts/fixtures/segmentation.py). */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Value } from "#fovea/graph/graph.js";
import type { Tensor } from "#fovea/graph/tensor.js";
import { upsample } from "#fovea/nn/index.js";
import * as ops from "#fovea/ops/index.js";
import { filter, type Given, image, numbers, run, runWithGradients, table } from "../support/run-op.js";

interface Numbers {
  shape: number[];
  data: number[];
}
type Two = [number, number];
interface Both {
  x: Numbers;
  y: Numbers;
  dy: Numbers;
  dx: Numbers;
}
interface Transposed extends Both {
  options: { stride: Two; padding: Two; outputPadding: Two; dilation: Two; groups: number };
  w: Numbers;
  dw: Numbers;
}
interface Fixture {
  transposed: Transposed[];
  outputPaddings: Transposed[];
  scaled: (Both & { mode: "nearest" | "bilinear"; scaleFactor: Two })[];
  resized: (Both & { mode: "nearest" | "bilinear"; size: Two })[];
  pixelLosses: { weights: number[]; logits: Numbers; labels: number[]; losses: Numbers; gradientOfMean: Numbers }[];
}
const fixture = JSON.parse(readFileSync(new URL("../fixtures/segmentation.json", import.meta.url), "utf8")) as Fixture;

function expectClose(got: Tensor, expected: Numbers): void {
  expect(got.shape).toEqual(expected.shape);
  for (const [i, value] of expected.data.entries()) expect(got.data[i]).toBeCloseTo(value, 9);
}

describe("resize", () => {
  const line = image([1, 2]);
  it("repeats the nearest pixel", () => {
    expect(numbers(run([line], (x) => ops.resize(x!, [1, 4], "nearest")))).toEqual([1, 1, 2, 2]);
    expect(numbers(run([image([1, 2, 3])], (x) => ops.resize(x!, [1, 2], "nearest")))).toEqual([1, 2]);
  });

  it("interpolates between the middles of pixels, and holds the edges", () => {
    expect(numbers(run([line], (x) => ops.resize(x!, [1, 4], "bilinear")))).toEqual([1, 1.25, 1.75, 2]);
    expect(numbers(run([image([1, 2, 3, 4])], (x) => ops.resize(x!, [1, 2], "bilinear")))).toEqual([1.5, 3.5]);
    expect(table(run([image([0, 4], [8, 12])], (x) => ops.resize(x!, 1, "bilinear")))).toEqual([[6]]);
  });

  it("sends back what it took", () => {
    const { gradients } = runWithGradients([line], [1, 1, 1, 10], (x) => ops.resize(x!, [1, 4], "bilinear"));
    expect(numbers(gradients[0]!)).toEqual([2, 11]);
  });

  it("refuses sizes that are none", () => {
    expect(() => run([line], (x) => ops.resize(x!, [0, 4], "bilinear"))).toThrow(
      "resize: extent is 0, expected a whole number from 1 to 16384",
    );
  });

  const line5 = image([0, 1, 2, 3, 4]);
  const by = (scaleFactor: Two, mode: "nearest" | "bilinear") => (x: Value | undefined) =>
    upsample({ scaleFactor, mode }).forward(x!);

  it("places pixels by the factor, of which the size is only the whole part", () => {
    const wider = numbers(run([line5], by([1, 1.5], "bilinear")));
    expect(wider.map((y) => Math.round(y * 1e6) / 1e6)).toEqual([0, 0.5, 1.166667, 1.833333, 2.5, 3.166667, 3.833333]);
    const ten = image([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(numbers(run([ten], by([1, 0.75], "nearest")))).toEqual([0, 1, 2, 4, 5, 6, 8]);
    // What keeps its extent is copied.
    expect(numbers(run([line5], by([1, 1.1], "bilinear")))).toEqual([0, 1, 2, 3, 4]);
    // 5 by 2.1 is 10: PyTorch doubles pixels there, though bilinear goes by the factor.
    expect(numbers(run([line5], by([1, 2.1], "nearest")))).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 4, 4]);
    expect(run([line5], by([1, 2.1], "bilinear")).data[8]).toBeCloseTo(8.5 / 2.1 - 0.5, 6);
  });

  it("rounds the nearest place to float32, as PyTorch does", () => {
    const ramp = image(Array.from({ length: 31 }, (_, i) => i));
    const y = numbers(run([ramp], by([1, 2.3], "nearest")));
    // 69 / 2.3 is 30, but 69 times the float32 of 1 / 2.3 is a little less.
    expect([y[46], y[68], y[69], y[70]]).toEqual([20, 29, 29, 30]);
    const wide = image(Array.from({ length: 26 }, (_, i) => i));
    expect(run([wide], (x) => ops.resize(x!, [1, 22], "nearest")).data[11]).toBe(12);
  });

  for (const c of fixture.scaled) {
    it(`as PyTorch: ${c.mode} ${c.x.shape.join("x")} by ${c.scaleFactor.join(" and ")}`, () => {
      const { y, gradients } = runWithGradients([c.x], c.dy.data, by(c.scaleFactor, c.mode));
      expectClose(y, c.y);
      expectClose(gradients[0]!, c.dx);
    });
  }

  for (const c of fixture.resized) {
    it(`as PyTorch: ${c.mode} ${c.x.shape.join("x")} to ${c.size.join("x")}`, () => {
      const { y, gradients } = runWithGradients([c.x], c.dy.data, (x) => ops.resize(x!, c.size, c.mode));
      expectClose(y, c.y);
      expectClose(gradients[0]!, c.dx);
    });
  }
});

describe("convTranspose2d", () => {
  it("stamps its kernel onto the output", () => {
    const ones = filter([1, 1], [1, 1]);
    const doubled = run([image([1, 2]), ones], (x, w) => ops.convTranspose2d(x!, w!, { stride: 2 }));
    expect(table(doubled)).toEqual([
      [1, 1, 2, 2],
      [1, 1, 2, 2],
    ]);
    const overlapping = run([image([1, 1]), filter([1, 2, 3])], (x, w) => ops.convTranspose2d(x!, w!));
    expect(table(overlapping)).toEqual([[1, 3, 5, 3]]);
  });

  it("refuses an output padding that the stride does not leave open, and an output of nothing", () => {
    const given = [image([1, 2]), filter([1, 1], [1, 1])];
    expect(() => run(given, (x, w) => ops.convTranspose2d(x!, w!, { stride: 2, outputPadding: 2 }))).toThrow(
      "convTranspose2d: outputPadding is 2, expected a whole number from 0 to 1",
    );
    expect(() => run(given, (x, w) => ops.convTranspose2d(x!, w!, { padding: 1 }))).toThrow(
      "convTranspose2d: its output would have 0 rows; lower the padding 1, 1, 1, 1",
    );
  });

  it("takes an output padding below the dilation, which gives back what the padding took, and zeros", () => {
    const options = { dilation: 2, outputPadding: 1 };
    const three = image([1, 2, 3], [4, 5, 6], [7, 8, 9]);
    expect(table(run([three, filter([1, 0], [0, 0])], (x, w) => ops.convTranspose2d(x!, w!, options)))).toEqual([
      [1, 2, 3, 0, 0, 0],
      [4, 5, 6, 0, 0, 0],
      [7, 8, 9, 0, 0, 0],
      [0, 0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0, 0],
    ]);
    const padded = { dilation: [1, 3], padding: [0, 1], outputPadding: [0, 2] } as const;
    expect(numbers(run([image([1]), filter([5, 7])], (x, w) => ops.convTranspose2d(x!, w!, padded)))).toEqual([
      0, 0, 7, 0,
    ]);
  });

  for (const c of [...fixture.transposed, ...fixture.outputPaddings]) {
    it(`as PyTorch: ${c.w.shape.join("x")} ${JSON.stringify(c.options)}`, () => {
      const weights: Given = { ...c.w, batched: false };
      const { y, gradients } = runWithGradients([c.x, weights], c.dy.data, (x, w) =>
        ops.convTranspose2d(x!, w!, c.options),
      );
      expectClose(y, c.y);
      expectClose(gradients[0]!, c.dx);
      expectClose(gradients[1]!, c.dw);
    });
  }
});

describe("pixelCrossEntropy", () => {
  /** Two pictures of one row of three pixels, two classes. */
  const logits: Given = { shape: [2, 1, 3, 2], data: [0, 0, 0, 0, 9, -9, 0, 0, 1, 2, 3, 4] };
  const labels = (...data: number[]): Given => ({ shape: [2, 1, 3], data, dtype: "i32" });

  it("is the weighted mean over a picture's pixels, without those that are ignored", () => {
    const losses = run([logits, labels(0, 1, -1, -1, -1, -1)], (x, t) => ops.pixelCrossEntropy(x!, t!));
    expect(losses.data[0]).toBeCloseTo(Math.log(2), 12);
    expect(losses.data[1]).toBe(0);
    const weighted = run([logits, labels(0, -1, 1, 0, 1, 1)], (x, t) =>
      ops.pixelCrossEntropy(x!, t!, { weights: [3, 1] }),
    );
    expect(weighted.data[0]).toBeCloseTo((3 * Math.log(2) + Math.log(1 + Math.exp(18))) / 4, 12);
  });

  it("gives an all-ignored picture no gradient", () => {
    const given = [logits, labels(0, 1, -1, -1, -1, -1)];
    const { gradients } = runWithGradients(given, [1, 1], (x, t) => ops.pixelCrossEntropy(x!, t!));
    expect(numbers(gradients[0]!).map((g) => Math.round(g * 1e12) / 1e12)).toEqual([
      -0.25, 0.25, 0.25, -0.25, 0, 0, 0, 0, 0, 0, 0, 0,
    ]);
  });

  it("is not a number where a label is no class", () => {
    expect(run([logits, labels(0, 2, -1, 0, 0, 0)], (x, t) => ops.pixelCrossEntropy(x!, t!)).data[0]).toBeNaN();
  });

  it("counts the right ones among those that are not ignored", () => {
    const right = run([logits, labels(0, 1, -1, -1, -1, 1)], (x, t) => ops.pixelAccuracy(x!, t!));
    expect(numbers(right)).toEqual([0.5, 1]);
  });

  for (const c of fixture.pixelLosses) {
    it(`as PyTorch with weights ${c.weights.join(", ")}`, () => {
      const [n, h, w] = c.logits.shape as [number, number, number];
      const given: Given[] = [c.logits, { shape: [n, h, w], data: c.labels, dtype: "i32" }];
      const each = new Array<number>(n).fill(1 / n);
      const { y, gradients } = runWithGradients(given, each, (x, t) =>
        ops.pixelCrossEntropy(x!, t!, { weights: c.weights }),
      );
      expectClose(y, c.losses);
      expectClose(gradients[0]!, c.gradientOfMean);
    });
  }
});
