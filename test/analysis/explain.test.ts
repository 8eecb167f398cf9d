import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { axesOf } from "#fovea/analysis/explain/axis.js";
import {
  type ConvolutionExplanation,
  convolutionStep,
  explainConvolution,
} from "#fovea/analysis/explain/convolution.js";
import { frame, stepCount } from "#fovea/analysis/explain/frames.js";
import { imageOf, kernelOf, parsePlanes } from "#fovea/analysis/explain/matrix-text.js";
import { explainPool, poolStep } from "#fovea/analysis/explain/pooling.js";
import { PAINTS } from "#fovea/analysis/figures/palette.js";
import { standalone } from "#fovea/analysis/figures/standalone.js";
import { DataError, OptionError, ShapeError } from "#fovea/base/errors.js";

const IMAGE = "100001 010010 001100 100010 010010 001010".split(" ").flatMap((row) => [...row].map(Number));
const FALLING = [1, -1, -1, -1, 1, -1, -1, -1, 1];
const UPRIGHT = [-1, 1, -1, -1, 1, -1, -1, 1, -1];
const lecture = { input: [6, 6, 1], values: IMAGE, kernel: 3, weights: FALLING };

describe("the lecture's numbers", () => {
  it("the first filter's map at a stride of 1 and of 2", () => {
    expect([...explainConvolution(lecture).result!]).toEqual([
      3, -1, -3, -1, -3, 1, 0, -3, -3, -3, 0, 1, 3, -2, -2, -1,
    ]);
    expect([...explainConvolution({ ...lecture, stride: 2 }).result!]).toEqual([3, -3, -3, 0]);
  });

  it("two filters side by side", () => {
    const weights = FALLING.flatMap((w, i) => [w, UPRIGHT[i]!]);
    const { output, result } = explainConvolution({ ...lecture, filters: 2, weights });
    expect(output).toEqual([4, 4, 2]);
    expect([...result!].filter((_, i) => i % 2 === 0).slice(0, 4)).toEqual([3, -1, -3, -1]);
    expect([...result!].filter((_, i) => i % 2 === 1)).toEqual([
      -1, -1, -1, -1, -1, -1, -2, 1, -1, -1, -2, 1, -1, 0, -4, 3,
    ]);
  });

  it("zeros above and at the left", () => {
    const values = [1, 0, 0.5, 0.5, 0, 0.5, 1, 0, 0, 1, 0.5, 1, 1, 0.5, 0.5, 1];
    const asked = { input: [4, 4, 1], values, kernel: 2, weights: [1, 0, 0, 0.5], padding: { top: 1, left: 1 } };
    expect([...explainConvolution(asked).result!]).toEqual([
      0.5, 0, 0.25, 0.25, 0, 1.25, 0.5, 0.5, 0, 0.5, 0.75, 1.5, 0.5, 0.25, 1.25, 1,
    ]);
  });

  it("64x64x16 by 32 filters of 6x6 at stride 2 and padding 1", () => {
    const { output, convolution, dense, matrix, rows } = explainConvolution({
      input: [64, 64, 16],
      kernel: 6,
      filters: 32,
      stride: 2,
      padding: 1,
    });
    expect(output).toEqual([31, 31, 32]);
    expect(convolution).toEqual({ weights: 18_432, biases: 32, multiplyAdds: 31 * 31 * 18_432 });
    expect(dense.weights).toBe(64 * 64 * 16 * 31 * 31 * 32);
    expect([matrix, rows.formula, rows.rounded]).toEqual([undefined, "floor((64 + 1 + 1 - 6) / 2) + 1 = 31", "no"]);
  });

  it("the largest of each 2x2 window", () => {
    const values = [3, -1, -3, -1, -3, 1, 0, -3, -3, -3, 0, 1, 3, -2, -2, -1];
    const pooled = explainPool({ input: [4, 4, 1], values, kernel: 2 });
    expect([...pooled.result!]).toEqual([3, 0, 3, 1]);
    const step = poolStep(pooled, { row: 0, column: 1, channel: 0 });
    expect(step.taps.map(({ x, chosen }) => [x, chosen])).toEqual([
      [-3, false],
      [-1, false],
      [0, true],
      [-3, false],
    ]);
  });
});

describe("an axis", () => {
  const rowsOf = (
    input: number,
    window: { kernel: number; stride?: number; padding?: number; dilation?: number },
    ceil = false,
  ) => {
    const { kernel, stride = 1, padding = 0, dilation = 1 } = window;
    return axesOf(
      {
        kernel: [kernel, kernel],
        stride: [stride, stride],
        padding: [padding, padding, padding, padding],
        dilation: [dilation, dilation],
      },
      [input, input, 1],
      ceil,
    ).rows;
  };

  it("says what is lost where the size does not come out whole", () => {
    expect(rowsOf(6, { kernel: 3, stride: 2 })).toMatchObject({
      places: 2.5,
      rounded: "down",
      lost: { input: 1, padding: 0 },
    });
    // Of 224 + 3 + 3 rows ResNet's first convolution leaves one, of the padding; of 7 + 1 + 1 a stride of 4 leaves two and two.
    expect(rowsOf(224, { kernel: 7, stride: 2, padding: 3 })).toMatchObject({
      output: 112,
      lost: { input: 0, padding: 1 },
    });
    expect(rowsOf(7, { kernel: 3, stride: 5, padding: 1 })).toMatchObject({
      output: 2,
      rounded: "down",
      lost: { input: 0, padding: 1 },
    });
    expect(rowsOf(10, { kernel: 3, stride: 6, padding: 1 })).toMatchObject({
      output: 2,
      lost: { input: 2, padding: 1 },
    });
  });

  it("says what is skipped and what is beyond", () => {
    expect(rowsOf(9, { kernel: 2, stride: 4 })).toMatchObject({ output: 2, lost: { input: 3 }, skipped: 2 });
    expect(rowsOf(7, { kernel: 2, stride: 2 }, true)).toMatchObject({ output: 4, rounded: "up", beyond: 1 });
    expect(rowsOf(9, { kernel: 3, dilation: 4 })).toMatchObject({ span: 9, output: 1, skipped: 6 });
  });
});

const question = fc
  .record({
    height: fc.integer({ min: 1, max: 5 }),
    width: fc.integer({ min: 1, max: 5 }),
    perGroup: fc.integer({ min: 1, max: 2 }),
    groups: fc.integer({ min: 1, max: 2 }),
    perFilter: fc.integer({ min: 1, max: 2 }),
    kernel: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    stride: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    top: fc.integer({ min: 0, max: 2 }),
    left: fc.integer({ min: 0, max: 2 }),
    dilation: fc.integer({ min: 1, max: 2 }),
  })
  .filter(
    ({ height, width, kernel, top, left, dilation }) =>
      dilation * (kernel[0] - 1) < height + top && dilation * (kernel[1] - 1) < width + left,
  );

it("the equal matrix times the image is the output, and each step's terms sum to its number", () => {
  fc.assert(
    fc.property(question, ({ height, width, perGroup, groups, perFilter, kernel, stride, top, left, dilation }) => {
      const [channels, filters] = [perGroup * groups, perFilter * groups];
      const values = Float64Array.from({ length: height * width * channels }, (_, i) => ((i * 7) % 11) - 5);
      const weights = Float64Array.from(
        { length: kernel[0] * kernel[1] * perGroup * filters },
        (_, i) => ((i * 5) % 7) - 3,
      );
      const asked = { kernel, stride, dilation, groups, filters, padding: { top, left } };
      const explained = explainConvolution({ input: [height, width, channels], values, weights, ...asked });
      const { matrix, result, edges, output, convolution, onPadding } = explained;
      const { rows, columns, weightAt } = matrix!;
      const product = Array.from({ length: rows }, (_, o) =>
        values.reduce((sum, x, i) => {
          const at = weightAt[o * columns + i]!;
          return at < 0 ? sum : sum + x * weights[at]!;
        }, 0),
      );
      expect([...result!]).toEqual(product);
      expect(weightAt.filter((at) => at >= 0).length).toBe(edges);
      expect(edges + onPadding).toBe(convolution.multiplyAdds);
      for (let step = 0; step < stepCount(explained); step++) {
        const [row, column, filter] = [
          Math.floor(step / filters / output[1]!),
          Math.floor(step / filters) % output[1]!,
          step % filters,
        ];
        const { terms, result: given } = convolutionStep(explained, { row, column, filter });
        expect(terms.reduce((sum, { x, weight }) => sum + x * weight, 0)).toBe(given);
      }
    }),
    { numRuns: 60, seed: 8 },
  );
});

describe("matrices as text", () => {
  it("reads rows, planes, remarks and one-line forms", () => {
    expect(parsePlanes("1 2 # first\n3,4\n\n5\t6\n7 8\n", "a")).toEqual([
      [
        [1, 2],
        [3, 4],
      ],
      [
        [5, 6],
        [7, 8],
      ],
    ]);
    expect(parsePlanes("1 -.5; 0 2e1", "a")).toEqual([
      [
        [1, -0.5],
        [0, 20],
      ],
    ]);
    expect([...imageOf(parsePlanes("1 2\n\n3 4", "a")).values]).toEqual([1, 3, 2, 4]);
  });

  it("orders a kernel's planes filter after filter", () => {
    // Two filters that see two channels each.
    const { filters, weights } = kernelOf(parsePlanes("1\n\n2\n\n3\n\n4", "a"), 2, "a");
    expect([filters, [...weights]]).toEqual([2, [1, 3, 2, 4]]);
  });

  it("names what is wrong", () => {
    expect(() => parsePlanes("1 2\n3 x", "a.txt")).toThrow('a.txt: line 2: "x" is not a number');
    expect(() => parsePlanes("1 2\n3", "a.txt")).toThrow("a.txt: line 2 has 1 numbers, expected 2");
    expect(() => parsePlanes("1\n2\n\n3", "a.txt")).toThrow("a.txt: plane 2 has 1 rows, expected 2");
    expect(() => parsePlanes("# nothing", "a.txt")).toThrow(DataError);
    expect(() => kernelOf(parsePlanes("1\n\n2\n\n3", "k.txt"), 2, "k.txt")).toThrow("expected a multiple of 2");
  });
});

it("refuses what cannot be", () => {
  expect(() => explainConvolution({ ...lecture, stride: 0 })).toThrow("stride is 0x0");
  expect(() => explainConvolution({ ...lecture, kernel: 0, weights: undefined })).toThrow("kernel is 0x0");
  expect(() => explainConvolution({ input: [4, 4, 1], kernel: 7 })).toThrow("is larger than its padded input 4x4");
  expect(() => explainConvolution({ ...lecture, filters: 0 })).toThrow(ShapeError);
  expect(() => explainConvolution({ ...lecture, weights: [1, 2] })).toThrow("the kernel has 2 numbers, expected 3 x 3");
  expect(() => explainConvolution({ input: [4, 4, 3], kernel: 3, groups: 2 })).toThrow("groups 2 does not divide");
  expect(() => explainPool({ input: [4, 4, 1], kernel: 2, stride: 0 })).toThrow(ShapeError);
  const sizes = explainConvolution({ input: [4, 4, 1], kernel: 3 });
  expect(() => convolutionStep(sizes, { row: 0, column: 0, filter: 0 })).toThrow("numbers of image and kernel");
});

describe("pictures of the steps", () => {
  const small: ConvolutionExplanation = explainConvolution({ ...lecture, stride: 2, padding: { top: 1 } });
  const text = (svg: string) => [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, words]) => words!);

  it("show the window, the kernel and the output as far as it is filled", () => {
    const { svg } = frame(small, 1);
    const words = text(svg);
    // Window 0, 1 covers columns 2 to 4 of the row of zeros, then 0 0 0 and 0 0 1 of the image.
    expect(words).toContain("0·(−1) + 0·1 + 0·(−1) + 0·(−1) + 0·(−1) + 1·1 + 3 × 0 = 1");
    expect(words.filter((word) => /^×/.test(word))).toEqual(FALLING.map((w) => `×${w === 1 ? "1" : "−1"}`));
    // 7x6 cells, 9 weights below, the kernel's 9, and two numbers of the output.
    expect(words.filter((word) => /^[×−]?[\d.−]+$/.test(word))).toHaveLength(42 + 9 + 9 + 2);
    expect(words).toContain("read by no window");
  });

  it("have no colour that is not in the palette, and a dark form of each", () => {
    const { svg } = standalone([frame(small, 0), frame(small, 1)], { title: "a < b", columns: 2 });
    expect(svg).not.toContain("var(");
    expect(svg).toContain("a &lt; b");
    const lights = Object.values(PAINTS).map(([light]) => light as string);
    expect(new Set(lights).size).toBe(lights.length);
    const style = /<style>([\s\S]*)<\/style>/.exec(svg)![1]!;
    const used = new Set(
      [...svg.replace(style, "").matchAll(/(fill|stroke)="(#\w+)"/g)].map(([, a, c]) => `${a} ${c}`),
    );
    expect(used.size).toBeGreaterThan(8);
    for (const colour of used) {
      const [attribute, value] = colour.split(" ");
      expect(lights).toContain(value);
      expect(style).toContain(`[${attribute}="${value}"]{${attribute}:#`);
    }
  });

  it("are refused where the image is too large", () => {
    const values = new Float64Array(200 * 200);
    const large = explainConvolution({ input: [200, 200, 1], values, kernel: 1, weights: [1] });
    expect(() => frame(large, 0)).toThrow(OptionError);
  });
});
