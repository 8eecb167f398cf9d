/** An op of a user's own, trained and run on every backend, by one and two threads: first by its reference, then by kernels of its own. */
import { beforeAll, describe, expect, it } from "vitest";
import { compileEntry } from "#fovea/compiler/compile.js";
import { detectTargets } from "#fovea/devices/cpu/native/cpu.js";
import { Session } from "#fovea/devices/cpu/session.js";
import type { Value } from "#fovea/graph/graph.js";
import { Graph } from "#fovea/graph/graph.js";
import { createClassifier, nn, ops, sgd, type TrainedModel, train } from "#fovea/index.js";
import { AVX2, AVX512, WASM } from "#fovea/target/targets.js";
import { pictures } from "../support/pictures.js";
import { PRelu, prelu, preluGrad, registerPreluCode, registerPreluGradStrategy } from "../support/prelu.js";

const BACKENDS = [...detectTargets().slice(0, 1), "wasm"] as const;
const data = pictures(96);
const network = () =>
  nn.sequential({
    conv1: nn.conv2d({ in: 1, out: 6, kernel: 5, stride: 2 }),
    prelu1: new PRelu(6),
    conv2: nn.conv2d({ in: 6, out: 3, kernel: 3, stride: 2 }),
    prelu2: new PRelu(3),
    flatten: nn.flatten(),
    fc: nn.linear({ in: 75, out: 10 }),
  });

interface Trained {
  readonly model: TrainedModel;
  readonly weights: readonly number[];
  /** Of the first picture, by the trained network. */
  readonly scores: readonly number[];
  readonly notes: readonly string[];
}

async function trained(backend: (typeof BACKENDS)[number], threads: number): Promise<Trained> {
  const notes: string[] = [];
  const machine = { backend, threads, note: (text: string) => void notes.push(text) };
  const options = { epochs: 2, batchSize: 32, optimizer: sgd({ lr: 0.02, momentum: 0.9 }), seed: 3 };
  const { model } = await train(network(), data, { ...options, ...machine });
  const classify = await createClassifier(model, { ...machine, batch: 4 });
  const all = await classify.all([0, 1, 2, 3].map((n) => data.images.subarray(784 * n, 784 * (n + 1))));
  await classify.close();
  return {
    model,
    weights: [...model.weights.values()].flatMap(({ data }) => [...data]),
    scores: all.flatMap(({ probabilities }) => [...probabilities]),
    notes,
  };
}

/** The largest difference. */
const distance = (a: readonly number[], b: readonly number[]) =>
  Math.max(...a.map((value, i) => Math.abs(value - b[i]!)), a.length === b.length ? 0 : Number.POSITIVE_INFINITY);

const byReference = new Map<string, Trained>();

describe.each(BACKENDS)("without a kernel, on %s", (backend) => {
  it("it is trained and run by its reference, to the same bits by one and two threads", async () => {
    const [one, two] = [await trained(backend, 1), await trained(backend, 2)];
    byReference.set(backend, one);
    expect(two.weights).toEqual(one.weights);
    expect(two.scores).toEqual(one.scores);
    const slopes = [...one.model.weights.get("prelu1.slope")!.data];
    expect(slopes.every((slope) => slope !== 0.25 && Math.abs(slope - 0.25) < 0.2)).toBe(true);
    const target = backend === "wasm" ? "wasm" : backend;
    // by the session that trains, and by the one that predicts
    expect(one.notes.filter((text) => text.includes("no kernel"))).toEqual(
      ["my.prelu", "my.preluGrad", "my.prelu"].map(
        (op) =>
          `fovea: ${op} has no kernel for ${target}: it is computed by its reference, which is slow; registerStrategy gives it one`,
      ),
    );
  });
});

it("backends agree about it", () => {
  const [native, wasm] = BACKENDS.map((backend) => byReference.get(backend)!);
  expect(distance(native!.weights, wasm!.weights)).toBeLessThan(2e-5);
});

describe("with kernels of its own", () => {
  beforeAll(() => {
    registerPreluCode();
    registerPreluGradStrategy();
  });

  it.each(BACKENDS)("it is trained and run as by its reference, on %s", async (backend) => {
    const [one, two] = [await trained(backend, 1), await trained(backend, 2)];
    expect(two.weights).toEqual(one.weights);
    expect(one.notes.filter((text) => text.includes("no kernel"))).toEqual([]);
    expect(distance(one.weights, byReference.get(backend)!.weights)).toBeLessThan(2e-5);
    expect(distance(one.scores, byReference.get(backend)!.scores)).toBeLessThan(2e-5);
  });

  it.each([AVX512, AVX2, WASM])("its code melts into a convolution's store on $name", (target) => {
    const graph = new Graph();
    const x = graph.input("x", { shape: [8, 8, 3] });
    const w = graph.input("w", { shape: [3, 3, 3, 16], batched: false });
    const a = graph.input("a", { shape: [16], batched: false });
    const y = ops.call(prelu, [ops.conv2d(x, w, { padding: 1 }), a]);
    const program = compileEntry({ name: "y", outputs: { y }, assigns: [] }, { target, maxBatch: 2 });
    expect(program.steps.map(({ label }) => label).at(-1)).toContain("conv2d+my.prelu");
  });

  it.each([1, 3, 4, 5, 16, 33])("its strategy computes the gradient for %i channels", async (channels) => {
    const graph = new Graph();
    const shape = [3, 5, channels];
    const x = graph.input("x", { shape });
    const a = graph.input("a", { shape: [channels], batched: false });
    const dy = graph.input("dy", { shape });
    const dx = graph.add(preluGrad, {}, [x, a, dy]) as Value;
    const session = await Session.create({ backend: "interpreter", check: true, note: () => {} });
    const entry = { name: "dx", outputs: { dx }, assigns: [] };
    const program = compileEntry(entry, { target: session.target, maxBatch: 2 });
    expect(program.steps.map(({ unit }) => unit?.strategy)).toEqual(["my.preluGrad"]);
    const numbers = (count: number, factor: number) =>
      Float32Array.from({ length: count }, (_, i) => ((i * factor) % 17) - 8);
    const count = 2 * 15 * channels;
    const feeds = { x: numbers(count, 5), a: numbers(channels, 3), dy: numbers(count, 7) };
    const found = await (await session.load(program)).run(feeds, 2);
    const expected = feeds.x.map((value, i) => feeds.dy[i]! * (value > 0 ? 1 : feeds.a[i % channels]!));
    expect(found["dx"]).toEqual(expected);
    await session.close();
  });
});
