/** Programs with steps that only the caller's thread can do, between those of a team's. */
import { afterEach, describe, expect, it } from "vitest";
import { compileEntry } from "#fovea/compiler/compile.js";
import { detectTargets } from "#fovea/devices/cpu/native/cpu.js";
import { Session } from "#fovea/devices/cpu/session.js";
import { validateProgram } from "#fovea/devices/cpu/validate.js";
import type { Value } from "#fovea/graph/graph.js";
import { Graph } from "#fovea/graph/graph.js";
import { conv2d, relu } from "#fovea/ops/index.js";
import { call, registerOp } from "#fovea/ops/registry.js";

const BACKENDS = [...detectTargets().slice(0, 1), "wasm", "interpreter"] as const;

let calls = 0;
const half = registerOp({
  name: "my.half",
  infer: ([x]) => x!,
  reference: ([x]) => {
    calls++;
    return { shape: x!.shape, data: x!.data.map((value) => value / 2) };
  },
});
const picky = registerOp({
  name: "my.picky",
  infer: ([x]) => x!,
  reference: ([x]) => {
    if (x!.data.some((value) => value < 0)) throw new RangeError("a number below 0");
    return x!;
  },
});
const wrong = registerOp({
  name: "my.wrong",
  infer: ([x]) => x!,
  reference: () => ({ shape: [1], data: new Float64Array(1) }),
});
const count = registerOp({
  name: "my.count",
  infer: ([x]) => ({ shape: [], batched: x!.batched, dtype: "i32" }),
  reference: ([x], _attributes, _output, batch) => {
    const each = x!.data.length / batch;
    const counts = Array.from(
      { length: batch },
      (_, n) => x!.data.slice(n * each, (n + 1) * each).filter((value) => value > 0).length,
    );
    return { shape: [batch], data: Float64Array.from(counts) };
  },
});

const sessions: Session[] = [];
afterEach(async () => {
  await Promise.all(sessions.splice(0).map((session) => session.close()));
});

const SIZE = 40;
const BATCH = 8;
const ramp = (length: number, by: number) => Float32Array.from({ length }, (_, i) => ((i * by) % 23) / 8 - 1);

/** relu(conv(x, w / 2)) / 2, with the op on a weight, which is prepared, and between two convolutions. */
function entry(op: typeof half) {
  const graph = new Graph();
  const x = graph.input("x", { shape: [SIZE, SIZE, 3] });
  const w = graph.state("w", "parameter", [3, 3, 3, 8]);
  const v = graph.state("v", "parameter", [3, 3, 8, 8]);
  const y = relu(conv2d(x, call(op, [w]), { padding: 1 }));
  const z = conv2d(call(op, [y]), v, { padding: 1 });
  return { name: "halves", outputs: { z, n: call(count, [z]) } as Record<string, Value>, assigns: [] };
}

async function run(backend: (typeof BACKENDS)[number], threads: number, check: boolean) {
  const session = await Session.create({ backend, threads, check, note: () => {} });
  sessions.push(session);
  const program = compileEntry(entry(half), { target: session.target, maxBatch: BATCH });
  const loaded = await session.load(program, { slots: 2 });
  await session.writeState("w", ramp(3 * 3 * 3 * 8, 7));
  await session.writeState("v", ramp(3 * 3 * 8 * 8, 5));
  const x = ramp(BATCH * SIZE * SIZE * 3, 3);
  // two at once, each in a slot of its own, and one again when nothing needs to be prepared
  const [a, b] = await Promise.all([loaded.run({ x }, BATCH), loaded.run({ x: x.subarray(0, SIZE * SIZE * 3) }, 1)]);
  const c = await loaded.run({ x }, BATCH);
  return { session, program, results: [a!, b!, c].map(({ z, n }) => [[...z!], [...n!]]) };
}

describe.each(BACKENDS)("on %s", (backend) => {
  it("steps of the caller's stand in both sections, and change no bit by one thread or two", async () => {
    calls = 0;
    const one = await run(backend, 1, false);
    const { prepare, steps } = one.program;
    expect(prepare.map(({ reference }) => reference?.op).filter((op) => op !== undefined)).toEqual(["my.half"]);
    expect(steps.map(({ reference }) => reference?.op).filter((op) => op !== undefined)).toEqual([
      "my.half",
      "my.count",
    ]);
    expect(steps.find(({ reference }) => reference !== undefined)!.unit!.strategy).toBe("reference");
    expect(calls).toBe(4); // once for the weight
    const [all, first, again] = one.results;
    expect(again).toEqual(all);
    expect(all![0]!.slice(0, SIZE * SIZE * 8)).toEqual(first![0]);
    if (backend === "interpreter") return;
    const two = await run(backend, 2, false);
    expect(two.session.threads).toBe(2);
    expect(two.results).toEqual(one.results);
    expect((await run(backend, 2, true)).results).toEqual(one.results);
  });

  it.each([1, 2])("what a reference throws ends the run, and no more, by %i threads", async (threads) => {
    const session = await Session.create({ backend, threads, note: () => {} });
    sessions.push(session);
    const loaded = await session.load(compileEntry(entry(picky), { target: session.target, maxBatch: 1 }));
    const x = new Float32Array(SIZE * SIZE * 3);
    await session.writeState("w", new Float32Array(3 * 3 * 3 * 8).fill(-1));
    // what failed to be prepared is prepared again
    for (let n = 0; n < 2; n++)
      await expect(loaded.run({ x }, 1)).rejects.toThrow(
        /^program "halves", prepare step \d+ \(my\.picky\) failed: RangeError: a number below 0$/,
      );
    await session.writeState("w", new Float32Array(3 * 3 * 3 * 8).fill(1));
    expect([...(await loaded.run({ x }, 1))["n"]!]).toEqual([0]);
  });
});

it("a result of another shape is refused", async () => {
  const session = await Session.create({ backend: "interpreter", note: () => {} });
  sessions.push(session);
  const graph = new Graph();
  const y = call(wrong, [graph.input("x", { shape: [2, 3] })]);
  const program = compileEntry({ name: "wrong", outputs: { y }, assigns: [] }, { target: session.target, maxBatch: 2 });
  const loaded = await session.load(program);
  await expect(loaded.run({ x: new Float32Array(12) }, 2)).rejects.toThrow(
    "my.wrong: its reference gives 1 numbers of shape [1], expected shape [2, 2, 3]",
  );
  const renamed = {
    ...program,
    steps: program.steps.map((s) => ({ ...s, reference: { ...s.reference!, op: "my.lost" } })),
  };
  expect(() => validateProgram(renamed, session.target)).toThrow(
    'program "wrong": steps step 0 (my.wrong): there is no op "my.lost", which is to be called; register it before by registerOp',
  );
});

it("each op is noted once", async () => {
  const notes: string[] = [];
  const session = await Session.create({ backend: "interpreter", note: (text) => void notes.push(text) });
  sessions.push(session);
  for (const maxBatch of [1, 2]) await session.load(compileEntry(entry(half), { target: session.target, maxBatch }));
  expect(notes).toEqual([
    "fovea: my.half has no kernel for avx512: it is computed by its reference, which is slow; registerStrategy gives it one",
    "fovea: my.count has no kernel for avx512: it is computed by its reference, which is slow; registerStrategy gives it one",
  ]);
});
