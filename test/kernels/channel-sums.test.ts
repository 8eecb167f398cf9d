/** Pairs of sums over one image in one pass, against the references of their nodes. */
import { describe, expect, it } from "vitest";
import { evaluate } from "#fovea/graph/evaluate.js";
import type { Value } from "#fovea/graph/graph.js";
import { Graph } from "#fovea/graph/graph.js";
import type { Signature } from "#fovea/graph/shape.js";
import { type Tensor, tensor } from "#fovea/graph/tensor.js";
import { lowerChannelSums, readsTogether, sumsTogether } from "#fovea/kernels/reduce/channel-sums.js";
import { centredProductsOp, channelMeans, channelSums, squaredDeviationsOp } from "#fovea/ops/normalization.js";
import { spoiled } from "../support/infinities.js";
import { leaves, MACHINES, mismatch, TestLowering } from "../support/lowering.js";
import { random } from "../support/random.js";

const BATCH = 5;
/** Of the batch that is planned for, so that slots are left over. */
const MOST = 7;

/** Channels in every layout; slots of several samples, of one, and (where it takes no interpreter) of parts of one. */
const SMALL = [
  [3, 2, 3],
  [5, 1],
  [7, 5, 6],
  [4, 3, 16],
  [9, 11, 37],
];
const LARGE = [
  [40, 33, 40],
  [30, 50, 70],
];

function numbers(value: Value, seed: number): Tensor {
  const shape = value.batched ? [BATCH, ...value.shape] : [...value.shape];
  const rng = random(seed);
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(
    shape,
    Float64Array.from({ length: size }, () => Math.fround(3 + rng.normal())),
  );
}

function meanOf(x: Tensor, channels: number): Tensor {
  const sums = new Float64Array(channels);
  for (const [i, value] of x.data.entries()) sums[i % channels]! += value;
  return tensor(
    [channels],
    sums.map((sum) => Math.fround((sum * channels) / x.data.length)),
  );
}

describe.each(MACHINES)("pairs of sums for $target.name by $engine", ({ target, engine }) => {
  it.each((engine === "interpreter" ? SMALL : [...SMALL, ...LARGE]).map((shape) => ({ shape })))(
    "of images $shape",
    ({ shape }) => {
      const channels = shape.at(-1)!;
      const image: Signature = { shape, batched: true, dtype: "f32" };
      const graph = new Graph();
      const inputs = leaves(graph, [{ shape: [channels], batched: false, dtype: "f32" }, image, image]);
      const [mean, x, d] = inputs as [Value, Value, Value];
      const pairs = [
        [channelSums(x), graph.add(squaredDeviationsOp, { ownMean: true }, [x, mean]) as unknown as Value],
        [channelMeans(x), graph.add(squaredDeviationsOp, { ownMean: true }, [x, mean]) as unknown as Value],
        [channelSums(d), graph.add(centredProductsOp, {}, [d, x, mean])],
      ] as const;
      const drawn = [numbers(x, 3), numbers(d, 4)];
      const { feeds: odd } = spoiled(drawn, [0, 1], random(channels));
      for (const [given, gradient] of [drawn, odd])
        for (const pair of pairs) check(pair, [meanOf(given!, channels), given!, gradient!]);

      function check(pair: readonly [Value, Value], feeds: readonly Tensor[]) {
        // the reference of squared deviations is told the mean that the kernel finds
        const named = Object.fromEntries(feeds.map((tensor, i) => [`in${i}`, tensor]));
        expect(sumsTogether(pair[0].inputs[0]!, pair)).toEqual(pair);
        const to = new TestLowering(target, MOST);
        lowerChannelSums(pair, to);
        const read = new Map(readsTogether(pair[1]).map((v) => [v, feeds[inputs.indexOf(v)]!]));
        const actual = to.run(read, pair, BATCH, { engine });
        const expected = evaluate(pair, { inputs: named, states: named }, BATCH);
        for (const [i, value] of actual.entries()) expect(mismatch(value, expected[i]!, 1e-5)).toBeUndefined();
      }
    },
  );
});

it.each(MACHINES)(
  "finds the nearest float32 to a mean that hides the deviations, $target.name by $engine",
  (machine) => {
    const rng = random(9);
    for (const shape of [
      [6, 5, 3],
      [13, 11, 6],
      [9, 14, 24],
      ...(machine.engine === "interpreter" ? [] : [[40, 33, 40]]),
    ]) {
      const channels = shape.at(-1)!;
      const [x, mean] = leaves(new Graph(), [
        { shape, batched: true, dtype: "f32" },
        { shape: [channels], batched: false, dtype: "f32" },
      ]) as [Value, Value];
      const size = BATCH * shape.reduce((a, b) => a * b, 1);
      // Float32 between 256 and 512 is 2^-15 apart, which is 3,277th of the deviation.
      const data = Float64Array.from({ length: size }, () => Math.fround(300 + 0.1 * rng.normal()));
      const exact = new Float64Array(channels);
      for (const [i, value] of data.entries()) exact[i % channels]! += ((value - 300) * channels) / size;
      const squares = new Float64Array(channels);
      for (const [i, value] of data.entries()) squares[i % channels]! += (value - 300 - exact[i % channels]!) ** 2;
      const pair = [
        channelMeans(x),
        x.graph.add(squaredDeviationsOp, { ownMean: true }, [x, mean]) as unknown as Value,
      ] as const;
      const to = new TestLowering(machine.target, MOST);
      lowerChannelSums(pair, to);
      const feeds = new Map([[x, tensor([BATCH, ...shape], data)]]);
      const [means, deviations] = to.run(feeds, pair, BATCH, { engine: machine.engine });
      for (let c = 0; c < channels; c++) {
        expect(Math.abs(means!.data[c]! - 300 - exact[c]!)).toBeLessThanOrEqual(0.51 * 2 ** -15);
        expect(Math.abs(deviations!.data[c]! - squares[c]!)).toBeLessThanOrEqual(1e-6 * squares[c]!);
      }
    }
  },
);

it("keeps a sum by itself whose other inputs could wait for the image", () => {
  const graph = new Graph();
  const image: Signature = { shape: [2, 2, 4], batched: true, dtype: "f32" };
  const [d, x, mean] = leaves(graph, [image, image, { shape: [4], batched: false, dtype: "f32" }]) as [
    Value,
    Value,
    Value,
  ];
  const products = graph.add(centredProductsOp, {}, [d, x, mean]);
  expect(sumsTogether(d, [channelSums(d), products])).toBeUndefined();
});
