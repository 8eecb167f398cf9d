/** What programs, and the steps of one, share: kernels and packed weights, where they need the very same and nowhere else. */
import { afterEach, describe, expect, it } from "vitest";
import { compileEntry } from "#fovea/compiler/compile.js";
import { detectTargets } from "#fovea/devices/cpu/native/cpu.js";
import { Session } from "#fovea/devices/cpu/session.js";
import { evaluate } from "#fovea/graph/evaluate.js";
import type { Value } from "#fovea/graph/graph.js";
import { Graph } from "#fovea/graph/graph.js";
import { tensor } from "#fovea/graph/tensor.js";
import {
  avgPool2d,
  concat,
  conv2d,
  differentiate,
  divide,
  linear,
  maxPool2d,
  pad,
  reshape,
  scale,
  slice,
  sum,
} from "#fovea/ops/index.js";

const sequence = (count: number, of: (i: number) => number = (i) => i): number[] =>
  Array.from({ length: count }, (_, i) => of(i));

const detected: readonly string[] = detectTargets();
const BACKENDS = (["interpreter", "wasm", "avx2", "avx512"] as const).filter(
  (name) => !name.startsWith("avx") || detected.includes(name),
);

const sessions: Session[] = [];
afterEach(async () => {
  await Promise.all(sessions.splice(0).map((session) => session.close()));
});

describe.each(BACKENDS)("%s", (backend) => {
  const open = async () => {
    const session = await Session.create({ backend, threads: 1, note: () => {} });
    sessions.push(session);
    return session;
  };
  /** All outputs for one sample of the input "x". */
  const run = async (session: Session, outputs: Readonly<Record<string, Value>>, x: readonly number[]) => {
    const entry = { name: "entry", outputs, assigns: [] };
    const program = await session.load(compileEntry(entry, { target: session.target, maxBatch: 1 }));
    const found = await program.run({ x: Float32Array.from(x) }, 1);
    return Object.fromEntries(Object.keys(outputs).map((name) => [name, [...(found[name] as Float32Array)]]));
  };

  it("slices of as many rows, but not as wide, in one program", async () => {
    const x = new Graph().input("x", { shape: [6, 6, 1] });
    const tall = slice(avgPool2d(x, [3, 1]), 1, 0, 2); // of 2 x 6
    const wide = slice(avgPool2d(x, [1, 3]), 0, 0, 2); // of 6 x 2
    const y = reshape(concat([tall, wide], 2), [8]);
    const { data } = evaluate([y], { inputs: { x: tensor([1, 6, 6, 1], sequence(36)) } }, 1)[0]!;
    const expected = [6, 7, 24, 25, 1, 4, 7, 10];
    expect([...data]).toEqual(expected);
    expect((await run(await open(), { y }, sequence(36)))["y"]).toEqual(expected);
  });

  it("slices of as many rows, but not as wide, in two programs of a session", async () => {
    const session = await open();
    const of = (shape: [number, number, number], axis: number) => {
      const x = new Graph().input("x", { shape });
      return { y: slice(x, axis, 0, 2) };
    };
    expect((await run(session, of([2, 6, 1], 1), sequence(12)))["y"]).toEqual([0, 1, 6, 7]);
    expect((await run(session, of([6, 2, 1], 0), sequence(12)))["y"]).toEqual([0, 1, 2, 3]);
    expect((await run(session, of([3, 4, 1], 1), sequence(12)))["y"]).toEqual([0, 1, 4, 5, 8, 9]);
  });

  it("constants and pads that differ in their sign alone", async () => {
    const graph = new Graph();
    const x = graph.input("x", { shape: [2] });
    const one = graph.constant(1, { shape: [4], batched: true });
    const outputs = {
      plus: divide(x, graph.constant(0)),
      minus: divide(x, graph.constant(-0)),
      padded: divide(one, pad(x, [1], [1], 0)),
      negative: divide(one, pad(x, [1], [1], -0)),
    };
    const infinity = Number.POSITIVE_INFINITY;
    expect(await run(await open(), outputs, [1, 2])).toEqual({
      plus: [infinity, infinity],
      minus: [-infinity, -infinity],
      padded: [infinity, 1, 0.5, infinity],
      negative: [-infinity, 1, 0.5, -infinity],
    });
  });

  it("numbers that JSON writes alike, in three programs of a session", async () => {
    const session = await open();
    const of = (change: (x: Value) => Value) => ({
      y: change(new Graph().input("x", { shape: [3] }) as unknown as Value),
    });
    const infinity = Number.POSITIVE_INFINITY;
    const given = [0.5, 1, 2];
    expect(
      (
        await run(
          session,
          of((x) => scale(x, infinity, 0)),
          given,
        )
      )["y"],
    ).toEqual([infinity, infinity, infinity]);
    expect(
      (
        await run(
          session,
          of((x) => scale(x, -infinity, 0)),
          given,
        )
      )["y"],
    ).toEqual([-infinity, -infinity, -infinity]);
    expect(
      (
        await run(
          session,
          of((x) => scale(x, Number.NaN, 0)),
          given,
        )
      )["y"],
    ).toEqual([NaN, NaN, NaN]);
  });

  it("weights that read an image and a vector: only the image is read channel by channel", async () => {
    const graph = new Graph();
    const x = graph.input("x", { shape: [1, 2, 2] });
    // 1, 2, 3 and 4 for the features, for so many outputs that the weights are packed
    const w = graph.table(
      sequence(4 * 80, (i) => Math.floor(i / 80) + 1),
      [4, 80],
    );
    const flat = concat(
      [slice(x, 1, 0, 1), slice(x, 1, 1, 2)].map((half) => slice(half, 0, 0, 1)),
      2,
    );
    const outputs = { vector: linear(scale(reshape(flat, [4]), 1, 1), w), image: linear(x, w) };
    const { vector, image } = await run(await open(), outputs, [1, 10, 100, 1000]);
    // pixels are (1, 10) and (100, 1000): 2 1 + 11 2 + 101 3 + 1001 4, and 1 1 + 100 2 + 10 3 + 1000 4
    expect(new Set(vector)).toEqual(new Set([4331]));
    expect(new Set(image)).toEqual(new Set([4231]));
  });

  it("a convolution that is pooled twice: each gradient has the places of its own windows", async () => {
    const graph = new Graph();
    const x = graph.input("x", { shape: [12, 12, 1] });
    // The middle of 3x3, so that image[r][c] is x[r + 1][c + 1] = 12 r + c + 13, in each of 8 channels.
    const w = graph.table(
      sequence(72, (i) => (i >> 3 === 4 ? 1 : 0)),
      [3, 3, 1, 8],
    );
    const image = conv2d(x, w);
    const squares = maxPool2d(image, 2);
    const tall = sum(maxPool2d(image, [5, 2]), { axes: [0, 1, 2] });
    // Of the tall windows only the gradient is asked for, and of the squares only the maxima themselves.
    const [dw] = differentiate(sum(tall, { batch: true }), [w]);
    const found = await run(await open(), { squares, dw: dw! }, sequence(144));
    // The maxima are those at the lower right: in rows 1, 3, ... and columns 1, 3, ... of the image;
    expect(found["squares"]).toEqual(sequence(200, (i) => 26 + 24 * Math.floor(i / 40) + 2 * (Math.floor(i / 8) % 5)));
    // in rows 4 and 9, columns 1, 3, ...: the sum of 12 (r + ky) + c + kx.
    expect(found["dw"]).toEqual(sequence(72, (i) => 830 + 120 * Math.floor(i / 24) + 10 * (Math.floor(i / 8) % 3)));
  });
});
