/** Winograd's convolutions against the float64 meaning of the op: odd sizes, any padding, chains, short batches; and how far off they are. */
import { describe, expect, it } from "vitest";
import { compileEntry } from "#fovea/compiler/compile.js";
import { Session } from "#fovea/devices/cpu/session.js";
import type { Attributes, Op, Value } from "#fovea/graph/graph.js";
import { Graph } from "#fovea/graph/graph.js";
import type { Signature } from "#fovea/graph/shape.js";
import type { Tensor } from "#fovea/graph/tensor.js";
import { winogradWeightGradient } from "#fovea/kernels/convolution/winograd/weight-gradient.js";
import { winograd } from "#fovea/kernels/convolution/winograd/winograd.js";
import { conv2dInputGradOp, conv2dOp, conv2dWeightGradOp } from "#fovea/ops/conv.js";
import { AVX512 } from "#fovea/target/targets.js";
import { finiteMismatch, spoiled } from "../support/infinities.js";
import { MACHINES, mismatch, TestLowering } from "../support/lowering.js";
import { feedsOf } from "../support/op-cases.js";
import { random } from "../support/random.js";

interface Shape {
  readonly taps: number;
  readonly size: readonly [number, number];
  readonly channels: number;
  readonly outputs: number;
  readonly padding: readonly [number, number, number, number];
}

const SHAPES: readonly Shape[] = [
  { taps: 3, size: [1, 1], channels: 16, outputs: 16, padding: [1, 1, 1, 1] },
  { taps: 3, size: [4, 4], channels: 16, outputs: 32, padding: [1, 1, 1, 1] },
  { taps: 3, size: [7, 7], channels: 33, outputs: 40, padding: [1, 1, 1, 1] },
  { taps: 3, size: [9, 5], channels: 17, outputs: 24, padding: [0, 0, 0, 0] },
  { taps: 3, size: [5, 14], channels: 24, outputs: 17, padding: [2, 1, 0, 2] },
  { taps: 3, size: [3, 19], channels: 20, outputs: 80, padding: [1, 1, 1, 1] },
  { taps: 3, size: [2, 3], channels: 48, outputs: 16, padding: [3, 4, 2, 3] },
  { taps: 5, size: [1, 1], channels: 16, outputs: 16, padding: [2, 2, 2, 2] },
  { taps: 5, size: [6, 6], channels: 16, outputs: 32, padding: [2, 2, 2, 2] },
  { taps: 5, size: [7, 7], channels: 33, outputs: 40, padding: [2, 2, 2, 2] },
  { taps: 5, size: [9, 5], channels: 17, outputs: 24, padding: [0, 0, 0, 0] },
  { taps: 5, size: [5, 10], channels: 24, outputs: 17, padding: [4, 1, 0, 3] },
  { taps: 5, size: [3, 13], channels: 20, outputs: 80, padding: [1, 1, 2, 2] },
  { taps: 5, size: [2, 3], channels: 48, outputs: 16, padding: [5, 6, 4, 5] },
];

const batched = (...shape: number[]): Signature => ({ shape, batched: true, dtype: "f32" });
const single = (...shape: number[]): Signature => ({ shape, batched: false, dtype: "f32" });

function signaturesOf(
  op: "forward" | "inputGradient" | "weightGradient",
  s: Shape,
): { op: Op; attributes: Attributes; inputs: Signature[] } {
  const [height, width] = s.size;
  const [top, bottom, left, right] = s.padding;
  const attributes = { kernel: [s.taps, s.taps], stride: [1, 1], padding: s.padding, dilation: [1, 1], groups: 1 };
  const weight = single(s.taps, s.taps, s.channels, s.outputs);
  if (op === "forward") return { op: conv2dOp, attributes, inputs: [batched(height, width, s.channels), weight] };
  const gradient = batched(height + top + bottom - s.taps + 1, width + left + right - s.taps + 1, s.outputs);
  if (op === "weightGradient") {
    return { op: conv2dWeightGradOp, attributes, inputs: [batched(height, width, s.channels), gradient] };
  }
  return {
    op: conv2dInputGradOp,
    attributes: { ...attributes, inputShape: [height, width, s.channels] },
    inputs: [gradient, weight],
  };
}

describe.each(MACHINES)("winograd for $target.name by $engine", ({ target, engine }) => {
  for (const direction of ["forward", "inputGradient", "weightGradient"] as const) {
    const strategy = direction === "weightGradient" ? winogradWeightGradient : winograd;
    it.each(SHAPES)(`${direction} of $taps taps, $size, $channels to $outputs, padding $padding`, (shape) => {
      for (const batch of engine === "interpreter" ? [1] : [1, 2, 3]) {
        const { op, attributes, inputs } = signaturesOf(direction, shape);
        const graph = new Graph();
        const [x, w] = inputs.map((s, i) =>
          s.batched ? graph.input(`in${i}`, s) : graph.state(`in${i}`, "parameter", s.shape, s.dtype),
        ) as unknown as [Value, Value];
        const root = graph.add(op, attributes, [x, w]) as Value;
        expect(strategy.accepts(root, target)).toBe(true);
        const rng = random(7 * batch + shape.channels);
        const feeds = feedsOf({ inputs, attributes }, batch, rng);
        const expected = op.reference(feeds, attributes, root, batch);
        // compiled for more samples than are given
        const to = new TestLowering(target, batch + 1, batch === 1);
        strategy.lower({ root, chain: [], result: root }, to);
        const [actual] = to.run(new Map([x, w].map((v, i) => [v, feeds[i]!])), [root], batch, { engine });
        expect(mismatch(actual!, expected, 1e-5)).toBeUndefined();

        // Pad lanes are +0 and numbers right, or none, beside infinities.
        const { feeds: odd, zeros } = spoiled(feeds, [0, 1], rng);
        const [spread] = to.run(new Map([x, w].map((v, i) => [v, odd[i]!])), [root], batch, { engine });
        expect(finiteMismatch(spread!, op.reference(zeros, attributes, root, batch), 1e-5)).toBeUndefined();
        const meaning = op.reference(odd, attributes, root, batch);
        for (const [i, number] of meaning.data.entries())
          if (!Number.isFinite(number)) expect(spread!.data[i]).not.toSatisfy(Number.isFinite);
      }
    });
  }
});

/** Root of the mean square and largest error, as parts of those of what is expected. */
function errorOf(actual: ArrayLike<number>, expected: ArrayLike<number>) {
  let [squares, total, most, largest] = [0, 0, 0, 0];
  for (let i = 0; i < expected.length; i++) {
    const off = actual[i]! - expected[i]!;
    squares += off * off;
    total += expected[i]! ** 2;
    most = Math.max(most, Math.abs(off));
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return { mean: Math.sqrt(squares / total), most: most / largest };
}

const machine = MACHINES.filter(({ engine }) => engine !== "interpreter")[0]!;

describe("winograd's rounding on normally distributed numbers", () => {
  it.each([
    ["forward", { taps: 3, size: [10, 10], channels: 32, outputs: 32, padding: [1, 1, 1, 1] }, 1],
    ["forward", { taps: 3, size: [10, 10], channels: 512, outputs: 32, padding: [1, 1, 1, 1] }, 1],
    ["inputGradient", { taps: 3, size: [10, 10], channels: 32, outputs: 512, padding: [1, 1, 1, 1] }, 1],
    ["weightGradient", { taps: 3, size: [12, 12], channels: 32, outputs: 32, padding: [1, 1, 1, 1] }, 1],
    ["weightGradient", { taps: 3, size: [28, 28], channels: 16, outputs: 16, padding: [1, 1, 1, 1] }, 8],
    ["forward", { taps: 5, size: [10, 10], channels: 32, outputs: 32, padding: [2, 2, 2, 2] }, 1],
    ["forward", { taps: 5, size: [10, 10], channels: 512, outputs: 32, padding: [2, 2, 2, 2] }, 1],
    ["inputGradient", { taps: 5, size: [10, 10], channels: 32, outputs: 512, padding: [2, 2, 2, 2] }, 1],
    ["weightGradient", { taps: 5, size: [12, 12], channels: 32, outputs: 32, padding: [2, 2, 2, 2] }, 1],
    ["weightGradient", { taps: 5, size: [28, 28], channels: 16, outputs: 16, padding: [2, 2, 2, 2] }, 8],
  ] as const)("%s of %o stays below what is promised", (direction, shape, batch) => {
    const { op, attributes, inputs } = signaturesOf(direction, shape);
    const graph = new Graph();
    const values = inputs.map((s, i) =>
      s.batched ? graph.input(`in${i}`, s) : graph.state(`in${i}`, "parameter", s.shape, s.dtype),
    ) as unknown as Value[];
    const root = graph.add(op, attributes, values) as Value;
    const feeds = feedsOf({ inputs, attributes }, batch, random(5));
    const expected = op.reference(feeds, attributes, root, batch);
    const to = new TestLowering(machine.target, batch);
    const strategy = direction === "weightGradient" ? winogradWeightGradient : winograd;
    strategy.lower({ root, chain: [], result: root }, to);
    const [actual] = to.run(new Map(values.map((v, i) => [v, feeds[i]!])), [root], batch, { engine: machine.engine });
    const { mean, most } = errorOf(actual!.data, expected.data);
    expect(mean).toBeLessThan(3e-6);
    expect(most).toBeLessThan(1e-5);
  });
});

describe("a number that is none, or huge, among others", () => {
  const SIZE = 20;
  /** [pixel, taps, first and last row and column that it may change, and those that hold it]. Tiles of 6x6 pixels give 4x4, or 2x2. */
  const PLACES = [
    { pixel: 9, taps: 3, tiles: [8, 11], reads: [8, 10] },
    { pixel: 11, taps: 3, tiles: [8, 15], reads: [10, 12] },
    { pixel: 9, taps: 5, tiles: [6, 11], reads: [7, 11] },
    { pixel: 10, taps: 5, tiles: [8, 13], reads: [8, 12] },
  ] as const;

  it.each(PLACES)(
    "pixel $pixel of $taps taps spreads over its tiles and no further",
    ({ pixel, taps, tiles, reads }) => {
      const padding = (taps - 1) / 2;
      const shape: Shape = {
        taps,
        size: [SIZE, SIZE],
        channels: 16,
        outputs: 16,
        padding: [padding, padding, padding, padding],
      };
      const { op, attributes, inputs } = signaturesOf("forward", shape);
      const run = (value?: number) => {
        const graph = new Graph();
        const x = graph.input("x", inputs[0]!) as unknown as Value;
        const w = graph.state("w", "parameter", inputs[1]!.shape) as unknown as Value;
        const root = graph.add(op, attributes, [x, w]) as Value;
        const [image, weights] = feedsOf({ inputs, attributes }, 1, random(3)) as [Tensor, Tensor];
        if (value !== undefined) image.data[(pixel * SIZE + pixel) * 16 + 5] = value;
        const to = new TestLowering(machine.target, 1);
        winograd.lower({ root, chain: [], result: root }, to);
        const feeds = new Map([
          [x, image],
          [w, weights],
        ]);
        const exact = op.reference([image, weights], attributes, root, 1).data;
        return { exact, y: to.run(feeds, [root], 1, { engine: machine.engine })[0]!.data };
      };
      const within = ([first, last]: readonly [number, number], i: number) => {
        const [row, column] = [Math.floor(i / 16 / SIZE), Math.floor(i / 16) % SIZE];
        return row >= first && row <= last && column >= first && column <= last;
      };
      const { y: usual } = run();
      for (const value of [Number.NaN, Infinity, 1e6]) {
        const { y, exact } = run(value);
        for (const [i, number] of y.entries()) {
          if (!within(tiles, i)) expect(number).toBe(usual[i]!);
          // 1e6 counts as the largest number of its tiles: all of them err by no more than 1e-5 of it, times the weights.
          else if (value === 1e6) expect(Math.abs(number - exact[i]!)).toBeLessThan(1e-5 * 4 * value);
          else if (within(reads, i)) expect(number).not.toSatisfy(Number.isFinite);
        }
      }
    },
  );
});

describe("the choice of winograd", () => {
  const kernelsOf = (channels: number, options: { maxBatch: number; winograd?: boolean }) => {
    const graph = new Graph();
    const x = graph.input("x", { shape: [14, 14, channels] });
    const w = graph.state("w", "parameter", [3, 3, channels, channels]);
    const attributes = { kernel: [3, 3], stride: [1, 1], padding: [1, 1, 1, 1], dilation: [1, 1], groups: 1 };
    const result = graph.add(conv2dOp as Op, attributes, [x, w] as unknown as Value[]) as Value;
    const entry = { name: "forward", outputs: { result }, assigns: [] };
    return compileEntry(entry, { target: AVX512, ...options }).kernels.map((kernel) => kernel.name);
  };

  it("is the same for every batch, so that the bits are", () => {
    for (const maxBatch of [1, 16]) expect(kernelsOf(64, { maxBatch })).toEqual(["winogradWeights", "winograd"]);
  });

  it("leaves it out where it is switched off, and where channels do not fill a vector", () => {
    expect(kernelsOf(64, { maxBatch: 16, winograd: false })).toEqual(["panel", "direct"]);
    expect(kernelsOf(3, { maxBatch: 16 })).not.toContain("winograd");
  });

  it("is the session's to say, then FOVEA_WINOGRAD's", async () => {
    const before = process.env["FOVEA_WINOGRAD"];
    const chosen = async (winograd?: boolean) => {
      const session = await Session.create({ backend: "wasm", threads: 1, note: () => {}, winograd });
      await session.close();
      return session.winograd;
    };
    try {
      delete process.env["FOVEA_WINOGRAD"];
      expect(await chosen()).toBe(true);
      process.env["FOVEA_WINOGRAD"] = "off";
      expect(await chosen()).toBe(false);
      expect(await chosen(true)).toBe(true);
      process.env["FOVEA_WINOGRAD"] = "no";
      await expect(chosen()).rejects.toThrow('FOVEA_WINOGRAD "no": expected "on" or "off"');
    } finally {
      if (before === undefined) delete process.env["FOVEA_WINOGRAD"];
      else process.env["FOVEA_WINOGRAD"] = before;
    }
  });
});
