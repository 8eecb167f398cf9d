/** Broadcasting of elementwise ops: worked by hand, and by the rule of NumPy over random shapes, values and gradients. */
import { describe, expect, it } from "vitest";
import { Graph } from "#fovea/graph/graph.js";
import type { Signature } from "#fovea/graph/shape.js";
import * as ops from "#fovea/ops/index.js";
import { random } from "../support/random.js";
import { type Given, numbers, run, runWithGradients, vector } from "../support/run-op.js";

/** Two samples of one row, two columns, two channels. */
const image: Given = { shape: [2, 1, 2, 2], data: [1, 2, 3, 4, 5, 6, 7, 8] };
const ones = new Array<number>(8).fill(1);

describe("an image and a gate", () => {
  // As many samples as columns: [N, C] is a number a sample and channel all the same, since it has a batch.
  it.each([
    ["[N, C]", [2, 2]],
    ["[N, 1, 1, C]", [2, 1, 1, 2]],
    ["[N, 1, C]", [2, 1, 2]],
  ])("%s: one number a sample and channel", (_name, shape) => {
    const gate = { shape, data: [1, 10, 100, 1000] };
    const { y, gradients } = runWithGradients([image, gate], ones, (x, g) => ops.multiply(x!, g!));
    expect(numbers(y)).toEqual([1, 20, 3, 40, 500, 6000, 700, 8000]);
    expect(numbers(gradients[0]!)).toEqual([1, 10, 1, 10, 100, 1000, 100, 1000]);
    expect(gradients[1]!.shape).toEqual(shape);
    expect(numbers(gradients[1]!)).toEqual([4, 6, 12, 14]);
    const swapped = runWithGradients([gate, image], ones, (g, x) => ops.multiply(g!, x!));
    expect(numbers(swapped.y)).toEqual(numbers(y));
    expect(numbers(swapped.gradients[0]!)).toEqual([4, 6, 12, 14]);
  });

  it("[W, C] without a batch: the same for every sample", () => {
    const gate = { shape: [2, 2], data: [1, 10, 100, 1000], batched: false };
    const { y, gradients } = runWithGradients([image, gate], ones, (x, g) => ops.multiply(x!, g!));
    expect(numbers(y)).toEqual([1, 20, 300, 4000, 5, 60, 700, 8000]);
    expect(numbers(gradients[1]!)).toEqual([6, 8, 10, 12]);
  });

  it("[N, H, W, 1]: one number a pixel", () => {
    const gate = { shape: [2, 1, 2, 1], data: [1, 10, 100, 1000] };
    const { y, gradients } = runWithGradients([image, gate], ones, (x, g) => ops.multiply(x!, g!));
    expect(numbers(y)).toEqual([1, 2, 30, 40, 500, 600, 7000, 8000]);
    expect(numbers(gradients[0]!)).toEqual([1, 1, 10, 10, 100, 100, 1000, 1000]);
    expect(numbers(gradients[1]!)).toEqual([3, 7, 11, 15]);
    expect(gradients[1]!.shape).toEqual([2, 1, 2, 1]);
  });

  it("of the smaller on the left, what cannot be swapped", () => {
    const gate = { shape: [2, 2], data: [8, 12, 210, 24] };
    expect(numbers(run([gate, image], (g, x) => ops.subtract(g!, x!)))).toEqual([7, 10, 5, 8, 205, 18, 203, 16]);
    const { y, gradients } = runWithGradients([gate, image], ones, (g, x) => ops.divide(g!, x!));
    expect(numbers(y)).toEqual([8, 6, 8 / 3, 3, 42, 4, 30, 3]);
    expect(gradients[0]!.data[1]).toBeCloseTo(1 / 2 + 1 / 4, 12);
    expect(gradients[1]!.data[4]).toBeCloseTo(-210 / 25, 12);
  });

  it("and of two that are both spread", () => {
    const each = { shape: [2, 2], data: [1, 2, 3, 4] };
    const { y, gradients } = runWithGradients([vector(10, 20), each], [1, 2, 3, 4], (a, b) => ops.subtract(a!, b!));
    expect(numbers(y)).toEqual([9, 18, 7, 16]);
    expect(gradients.map(numbers)).toEqual([
      [4, 6],
      [-1, -2, -3, -4],
    ]);
    const row: Given = { shape: [1, 2, 1], data: [1, 2], batched: false };
    const sample: Given = { shape: [2, 2], data: [10, 20, 30, 40] };
    expect(numbers(run([row, sample], (a, b) => ops.add(a!, b!)))).toEqual([11, 21, 12, 22, 31, 41, 32, 42]);
  });
});

describe("the rule of NumPy, the batch an axis of its own", () => {
  const BATCH = 3;
  type Binary = (a: number, b: number) => number;
  const kinds: readonly (readonly [typeof ops.add, Binary, Binary, Binary])[] = [
    [ops.add, (a, b) => a + b, () => 1, () => 1],
    [ops.subtract, (a, b) => a - b, () => 1, () => -1],
    [ops.multiply, (a, b) => a * b, (_a, b) => b, (a) => a],
    [ops.divide, (a, b) => a / b, (_a, b) => 1 / b, (a, b) => -a / b / b],
  ];
  const expectNear = (got: readonly number[], expected: readonly number[], text: string) => {
    expect(got.length, text).toBe(expected.length);
    for (const [i, value] of got.entries()) expect(value, text).toBeCloseTo(expected[i]!, 9);
  };

  it.each(kinds.map((kind, i) => [["add", "subtract", "multiply", "divide"][i]!, ...kind] as const))(
    "%s",
    (name, op, f, da, db) => {
      const rng = random(name.length);
      for (let i = 0; i < 150; i++) {
        const extents = [rng.integer(1, 3), rng.integer(1, 4), rng.integer(1, 5)];
        const draw = (): Given => {
          const whole = extents.slice(rng.integer(0, 3)).map((n) => (rng.uniform() < 0.35 ? 1 : n));
          const batched = rng.uniform() < 0.6;
          const shape = batched ? [BATCH, ...whole] : whole;
          const size = shape.reduce((a, b) => a * b, 1);
          return { shape, batched, data: Array.from({ length: size }, () => rng.pick([-2, -1, 0.5, 1, 3])) };
        };
        const [a, b] = [draw(), draw()];
        const own = (g: Given) => (g.batched ? g.shape.slice(1) : g.shape);
        const rank = Math.max(own(a).length, own(b).length);
        // All axes of both, the batch first; a value without one has one element there.
        const full = (g: Given) => [
          g.batched ? BATCH : 1,
          ...new Array<number>(rank - own(g).length).fill(1),
          ...own(g),
        ];
        const shape = full(a).map((n, axis) => Math.max(n, full(b)[axis]!));
        const at = (g: Given, index: readonly number[]) =>
          full(g).reduce((place, n, axis) => place * n + (n === 1 ? 0 : index[axis]!), 0);
        const size = shape.reduce((x, y) => x * y, 1);
        const dy = Array.from({ length: size }, () => rng.pick([-1, 1, 2]));
        const y = new Array<number>(size);
        const wanted = [new Array<number>(a.data.length).fill(0), new Array<number>(b.data.length).fill(0)];
        for (let e = 0; e < size; e++) {
          const index = new Array<number>(shape.length);
          for (let axis = shape.length - 1, rest = e; axis >= 0; axis--) {
            index[axis] = rest % shape[axis]!;
            rest = Math.floor(rest / shape[axis]!);
          }
          const [i, j] = [at(a, index), at(b, index)];
          const [x, z] = [a.data[i]!, b.data[j]!];
          y[e] = f(x, z);
          wanted[0]![i]! += dy[e]! * da(x, z);
          wanted[1]![j]! += dy[e]! * db(x, z);
        }
        const text = `${name} of ${JSON.stringify([a, b])}`;
        const got = runWithGradients([a, b], dy, (x, z) => op(x!, z!));
        expect(got.y.shape, text).toEqual(a.batched || b.batched ? shape : shape.slice(1));
        expectNear(numbers(got.y), y, text);
        for (const [side, gradient] of got.gradients.entries()) expectNear(numbers(gradient), wanted[side]!, text);
      }
    },
  );

  it("says what does not fit", () => {
    const graph = new Graph();
    const value = (
      name: string,
      { shape, batched = true }: { shape: number[]; batched?: boolean },
    ): ReturnType<Graph["input"]> => graph.input(name, { shape, batched } satisfies Omit<Signature, "dtype">);
    const x = value("x", { shape: [3, 3, 4] });
    expect(() => graph.scope("gate", () => ops.multiply(x, value("rows", { shape: [3] })))).toThrow(
      "multiply(gate): b is Nx3, which does not fit a of Nx3x3x4; expected extents that are the same or 1, " +
        "from the last axis on (the batch N is an axis of its own)",
    );
    expect(() => ops.divide(value("two", { shape: [2, 4], batched: false }), x)).toThrow(
      "divide: b is Nx3x3x4, which does not fit a of 2x4",
    );
  });
});
