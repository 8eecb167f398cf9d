/** The losses that networks declare, and the layers of LeNet-5's output, by hand. */
import { describe, expect, it } from "vitest";
import { compileEntry } from "#fovea/compiler/compile.js";
import { Session } from "#fovea/devices/cpu/session.js";
import { Graph } from "#fovea/graph/graph.js";
import { printGraph } from "#fovea/graph/print.js";
import * as nn from "#fovea/nn/index.js";
import * as ops from "#fovea/ops/index.js";
import { labels, numbers, rows, run, runWithGradients, vector } from "../support/run-op.js";

describe("equation 9 of LeCun et al. 1998", () => {
  const map = (j: number) => nn.lossOf.bind(undefined, { kind: "maximumAPosteriori", j });

  it("is y_D + log(e^-j + the sum of e^-y_i), for outputs -y", () => {
    // Penalties 1 and 2, j = 3, class 0: 1 + ln(e^-3 + e^-1 + e^-2) = 1 + ln(0.0497871 + 0.3678794 + 0.1353353)
    const [first] = numbers(run([rows([-1, -2]), labels(0)], (x, t) => map(3)(x!, t!)));
    expect(first).toBeCloseTo(1 + Math.log(0.5530018), 6);
    expect(first).toBeCloseTo(0.4076059, 6);
    // Class 1 costs one more: 2 + ln(...).
    expect(numbers(run([rows([-1, -2]), labels(1)], (x, t) => map(3)(x!, t!)))[0]).toBeCloseTo(1.4076059, 6);
  });

  it("does not push a wrong class that is well above j, and pulls the right one down to below it", () => {
    // Penalties 0 and 100, j = 10: d(loss)/d(output) = softmax - target, over e^0, e^-100 and e^-10.
    const { gradients } = runWithGradients([rows([0, -100]), labels(0)], [1], (x, t) => map(10)(x!, t!));
    expect(numbers(gradients[0]!)[0]).toBeCloseTo(1 / (1 + Math.exp(-10)) - 1, 12);
    expect(numbers(gradients[0]!)[1]).toBeCloseTo(0, 40);
    // All far away: all of the pull is on the right one.
    const far = runWithGradients([rows([-90, -80]), labels(0)], [1], (x, t) => map(10)(x!, t!));
    expect(numbers(far.gradients[0]!)[0]).toBeCloseTo(-1, 12);
  });

  it("is cross-entropy where a network does not say", () => {
    expect(numbers(run([rows([0, 0]), labels(1)], (x, t) => nn.lossOf(nn.CROSS_ENTROPY, x!, t!)))[0]).toBe(Math.LN2);
    expect(nn.relu().loss).toBeUndefined();
  });
});

describe("radial-basis units", () => {
  it("give the negative squared distances to their centres", () => {
    const layer = nn.radialBasis({
      centres: [
        [1, -1, 1],
        [-1, -1, -1],
      ],
    });
    const y = run([rows([0.5, -1, 1], [2, 0, -1])], (x) => layer.forward(x!));
    // 0.25 and 2.25 + 4; 1 + 1 + 4 and 9 + 1 + 0
    expect(y).toEqual({ shape: [2, 2], data: Float64Array.of(-0.25, -6.25, -6, -10) });
  });
  it("refuse centres of different lengths and inputs that do not fit", () => {
    expect(() => nn.radialBasis({ centres: [[1, 2], [3]] })).toThrow("centres are of 2, 1 numbers");
    expect(() => nn.radialBasis({ centres: [] })).toThrow("centres are of no numbers");
    expect(() => run([rows([1, 2, 3])], (x) => nn.radialBasis({ centres: [[1, 2]] }).forward(x!))).toThrow(
      "centres of 2 numbers do not fit its input 3",
    );
  });
});

describe("squared distances", () => {
  it("have the gradients 2 (x - c) dy and -2 (x - c) dy", () => {
    const centres = { shape: [2, 2], data: [1, 0, 2, 0], batched: false };
    // x = (3, 4): distances to (1, 2) and (0, 0) are 8 and 25.
    const { y, gradients } = runWithGradients([rows([3, 4]), centres], [1, 10], (x, c) => ops.squaredDistance(x!, c!));
    expect(numbers(y)).toEqual([8, 25]);
    expect(numbers(gradients[0]!)).toEqual([2 * 2 + 10 * 2 * 3, 2 * 2 + 10 * 2 * 4]);
    expect(numbers(gradients[1]!)).toEqual([-4, -60, -4, -80]);
  });
  it("refuse centres of other features", () => {
    const centres = { shape: [3, 2], data: [1, 0, 2, 0, 1, 1], batched: false };
    expect(() => run([rows([3, 4]), centres], (x, c) => ops.squaredDistance(x!, c!))).toThrow(
      "centres are 3x2 (features x centres), expected 2 features",
    );
  });
  it("keep small distances to 1e-6 of themselves in float32", async () => {
    const graph = new Graph();
    const x = graph.input("x", { shape: [84] });
    const codes = Array.from({ length: 84 }, (_, i) => (i % 3 === 0 ? 1 : -1));
    const y = ops.squaredDistance(x, graph.table(codes, [84, 1]));
    const session = await Session.create({ backend: "wasm", threads: 1, note: () => {} });
    const program = compileEntry({ name: "d", outputs: { y }, assigns: [] }, { target: session.target, maxBatch: 1 });
    const near = Float32Array.from(codes, (c, i) => c + Math.sin(i) / 64);
    const expected = near.reduce((sum, v, i) => sum + (v - codes[i]!) ** 2, 0);
    const found = (await (await session.load(program)).run({ x: near }, 1))["y"]![0]!;
    expect(Math.abs(found / expected - 1)).toBeLessThan(1e-6);
    await session.close();
  });
});

describe("arrange", () => {
  it("takes channels in any order, several times, or puts zeros", () => {
    const x = rows([1, 2, 3], [4, 5, 6]);
    const { y, gradients } = runWithGradients([x], [1, 10, 100, 1000, 1, 10, 100, 1000], (v) =>
      ops.arrange(v!, [2, -1, 0, 2]),
    );
    expect(y).toEqual({ shape: [2, 4], data: Float64Array.of(3, 0, 1, 3, 6, 0, 4, 6) });
    // Channel 2 went to places 0 and 3, channel 0 to place 2, channel 1 nowhere.
    expect(numbers(gradients[0]!)).toEqual([100, 0, 1001, 100, 0, 1001]);
  });
  it("sends nothing back through a table of zeros", () => {
    const { y, gradients } = runWithGradients([rows([1, 2])], [5], (v) => ops.arrange(v!, [-1]));
    expect([numbers(y), numbers(gradients[0]!)]).toEqual([[0], [0, 0]]);
  });
  it("refuses tables that name no channel", () => {
    const of = (table: number[]) => run([rows([1, 2])], (v) => ops.arrange(v!, table));
    expect(() => of([0, 2])).toThrow("table[1] is 2, expected a channel from 0 to 1, or -1 for 0");
    expect(() => of([])).toThrow("table is empty");
  });
});

describe("tables", () => {
  it("are numbers of a shape", () => {
    const graph = new Graph();
    expect(() => graph.table([1, 2, 3], [2, 2])).toThrow("table: 3 numbers for 2x2, expected 4");
    expect(graph.table([1, 2], [2])).toBe(graph.table([1, 2], [2]));
    expect(printGraph([graph.table([1, 2], [2])])).toBe("%0 = table : 2");
    expect(numbers(run([vector(1, 2)], (x) => ops.add(x!, x!.graph.table([10, 20], [2]))))).toEqual([11, 22]);
  });
  it.each(["wasm", "interpreter"] as const)("reach programs of the %s, outputs and states too", async (backend) => {
    const session = await Session.create({ backend, threads: 1, check: true, note: () => {} });
    const graph = new Graph();
    const table = graph.table([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [2, 5]);
    const x = graph.input("x", { shape: [2, 5] });
    const kept = graph.state("kept", "statistic", [2, 5]);
    const outputs = { sum: ops.add(x, table), table, double: ops.scale(table, 2) };
    const entry = { name: "tables", outputs, assigns: [{ state: kept, value: table }] };
    const program = await session.load(compileEntry(entry, { target: session.target, maxBatch: 2 }));
    for (let run = 0; run < 2; run++) {
      const found = await program.run({ x: new Float32Array(20).fill(100) }, 2);
      const counted = Array.from({ length: 10 }, (_, i) => i + 1);
      expect([...found["sum"]!]).toEqual([...counted, ...counted].map((n) => 100 + n));
      expect([...found["table"]!]).toEqual(counted);
      expect([...found["double"]!]).toEqual(counted.map((n) => 2 * n));
      expect([...(await session.readState("kept"))]).toEqual(counted);
    }
    await session.close();
  });
});

describe("partial convolutions", () => {
  it("refuse maps that are not there, or twice, or none", () => {
    const of = (connections: number[][]) => nn.partialConv2d({ in: 2, kernel: 1, connections });
    expect(() => of([[0], [2]])).toThrow("connections[1] is [2], expected different maps from 0 to 1");
    expect(() => of([[0, 0]])).toThrow("connections[0] is [0, 0]");
    expect(() => of([[]])).toThrow("connections[0] is [], expected");
    expect(() => of([])).toThrow("out is 0");
    expect(() => nn.trace(of([[0]]), { input: [2, 2, 3], training: false })).toThrow(
      "in 2 does not fit its input 2x2x3",
    );
  });
});
