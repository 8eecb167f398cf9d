/** Normalisation, GELU, adaptive pools and label smoothing: worked by hand, and beside PyTorch (scripts/fixtures/normalization.py). */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { OptionError, ShapeError } from "#fovea/base/errors.js";
import { evaluate } from "#fovea/graph/evaluate.js";
import { Graph } from "#fovea/graph/graph.js";
import { type Tensor, tensor } from "#fovea/graph/tensor.js";
import * as nn from "#fovea/nn/index.js";
import * as ops from "#fovea/ops/index.js";
import { type Given, numbers, run, runWithGradients } from "../support/run-op.js";

interface Numbers {
  shape: number[];
  data: number[];
}
interface Passed<Options> {
  options: Options;
  x: Numbers;
  y: Numbers;
  dy: Numbers;
  dx: Numbers;
}
interface Fixture {
  batchNorms: (Passed<nn.BatchNorm2dOptions> &
    Record<"predicted" | "dweight" | "dbias" | "runningMean" | "runningVar", Numbers> & {
      start: Record<"weight" | "bias" | "mean" | "var", Numbers>;
    })[];
  localResponseNorms: Passed<ops.LocalResponseNormOptions>[];
  gelu: Passed<object>;
  adaptiveAvgPools: Passed<{ output: [number, number] }>[];
  smoothedCrossEntropy: {
    smoothing: number;
    logits: Numbers;
    labels: number[];
    loss: Numbers;
    gradientOfMean: Numbers;
  };
}
const fixture = JSON.parse(readFileSync(new URL("../fixtures/normalization.json", import.meta.url), "utf8")) as Fixture;

function expectClose(got: Tensor, expected: Numbers): void {
  expect(got.shape).toEqual(expected.shape);
  for (const [i, value] of expected.data.entries()) expect(got.data[i]).toBeCloseTo(value, 8);
}

/** A norm on its own: what it gives, sends back and leaves in its statistics. */
function batchNorm(x: Numbers, dy: Numbers, options: nn.BatchNorm2dOptions, states: Record<string, Numbers>) {
  const trace = (training: boolean) => nn.trace(nn.batchNorm2d(options), { input: x.shape.slice(1), training });
  const training = trace(true);
  const { graph, input, output, parameters, updates } = training;
  const weights = graph.input("dy", output);
  const loss = ops.sum(ops.multiply(output, weights), { batch: true });
  const gradients = ops.differentiate(loss, [input, ...[...parameters.values()].map(({ value }) => value)]);
  const of = ({ shape, data }: Numbers) => tensor(shape, data);
  const feeds = {
    inputs: { input: of(x), dy: of(dy) },
    states: Object.fromEntries(Object.entries(states).map(([name, numbers]) => [name, of(numbers)])),
  };
  const batch = x.shape[0]!;
  const [y, dx, dweight, dbias] = evaluate([output, ...gradients], feeds, batch);
  const after = evaluate(
    updates.map(({ value }) => value),
    feeds,
    batch,
  );
  const [predicted] = evaluate([trace(false).output], feeds, batch);
  const names = updates.map(({ state }) => state.attributes.name);
  return { y: y!, dx: dx!, dweight: dweight!, dbias: dbias!, predicted: predicted!, after, names };
}

describe("PyTorch computes the same", () => {
  for (const c of fixture.batchNorms) {
    it(`batchNorm2d of ${c.x.shape.join("x")}: forward, gradients, running statistics, prediction`, () => {
      const { weight, bias, mean, var: variance } = c.start;
      const states = { weight, bias, running_mean: mean, running_var: variance };
      const got = batchNorm(c.x, c.dy, c.options, states);
      expectClose(got.y, c.y);
      expectClose(got.dx, c.dx);
      expectClose(got.dweight, c.dweight);
      expectClose(got.dbias, c.dbias);
      expectClose(got.predicted, c.predicted);
      expect(got.names).toEqual(["running_mean", "running_var"]);
      expectClose(got.after[0]!, c.runningMean);
      expectClose(got.after[1]!, c.runningVar);
    });
  }
  for (const c of fixture.localResponseNorms) {
    it(`localResponseNorm ${JSON.stringify(c.options)}`, () => {
      const { y, gradients } = runWithGradients([c.x], c.dy.data, (x) => ops.localResponseNorm(x!, c.options));
      expectClose(y, c.y);
      expectClose(gradients[0]!, c.dx);
    });
  }
  it("gelu", () => {
    const c = fixture.gelu;
    const { y, gradients } = runWithGradients([c.x], c.dy.data, (x) => ops.gelu(x!));
    expectClose(y, c.y);
    expectClose(gradients[0]!, c.dx);
  });
  for (const c of fixture.adaptiveAvgPools) {
    it(`adaptiveAvgPool2d ${c.x.shape.slice(1, 3).join("x")} to ${c.options.output.join("x")}`, () => {
      const pool = nn.adaptiveAvgPool2d(c.options.output);
      const { y, gradients } = runWithGradients([c.x], c.dy.data, (x) => pool.forward(x!));
      expectClose(y, c.y);
      expectClose(gradients[0]!, c.dx);
    });
  }
  it("cross-entropy with label smoothing", () => {
    const { smoothing, logits, labels, loss, gradientOfMean } = fixture.smoothedCrossEntropy;
    const given: Given[] = [logits, { shape: [labels.length], data: labels, dtype: "i32" }];
    const entropy = (x: Parameters<typeof nn.lossOf>[1], t: typeof x) =>
      nn.lossOf({ kind: "crossEntropy", smoothing }, x, t);
    expectClose(
      run(given, (x, t) => entropy(x!, t!)),
      loss,
    );
    const { gradients } = runWithGradients(given, [1], (x, t) => ops.mean(entropy(x!, t!), { batch: true }));
    expectClose(gradients[0]!, gradientOfMean);
  });
});

describe("worked by hand", () => {
  const one = (...data: number[]): Numbers => ({ shape: [1], data });

  it("batch norm of 1, 3 and 8: mean 4, variance 26/3, unbiased 13", () => {
    const x = { shape: [3, 1, 1, 1], data: [1, 3, 8] };
    const states = { weight: one(2), bias: one(1), running_mean: one(10), running_var: one(3) };
    const got = batchNorm(x, x, { channels: 1, eps: 1 / 3, momentum: 0.25 }, states);
    // sqrt(26/3 + 1/3) = 3
    const close = (data: number[], to: number[]) => {
      for (const [i, value] of to.entries()) expect(data[i]).toBeCloseTo(value, 12);
    };
    close(numbers(got.y), [2 * (-3 / 3) + 1, 2 * (-1 / 3) + 1, 2 * (4 / 3) + 1]);
    close(numbers(got.after[0]!), [0.75 * 10 + 0.25 * 4]);
    close(numbers(got.after[1]!), [0.75 * 3 + 0.25 * 13]);
    const root = Math.sqrt(3 + 1 / 3);
    close(numbers(got.predicted), [(2 * -9) / root + 1, (2 * -7) / root + 1, (2 * -2) / root + 1]);
  });

  it("batch norm of a single number a channel: variance 0, and statistics left as they are", () => {
    const x = { shape: [1, 1, 1, 1], data: [5] };
    const states = { weight: one(2), bias: one(7), running_mean: one(0), running_var: one(1) };
    const got = batchNorm(x, x, { channels: 1 }, states);
    expect([...numbers(got.y), ...numbers(got.dx)]).toEqual([7, 0]);
    expect(got.after.map((t) => t.data[0])).toEqual([0, 1]);
  });

  it("local response norm, in both conventions of alpha", () => {
    // Channels 1, 2, 3, windows of 3: energies 5, 14, 13.
    const x = { shape: [1, 3], data: [1, 2, 3] };
    const norm = (alphaDivided: boolean) =>
      numbers(run([x], (v) => ops.localResponseNorm(v!, { size: 3, alpha: 3, beta: 1, k: 1, alphaDivided })));
    const close = (data: number[], to: number[]) => {
      for (const [i, value] of to.entries()) expect(data[i]).toBeCloseTo(value, 12);
    };
    close(norm(true), [1 / 6, 2 / 15, 3 / 14]);
    close(norm(false), [1 / 16, 2 / 43, 3 / 40]);
  });

  it("adaptive bins overlap: 5 pixels in 3 are 0-1, 1-3, 3-4; the global mean is one bin", () => {
    const x = { shape: [1, 5, 1, 1], data: [1, 2, 3, 4, 6] };
    const pool = nn.adaptiveAvgPool2d([3, 1]);
    expect(numbers(run([x], (v) => pool.forward(v!)))).toEqual([1.5, 3, 5]);
    const global = run([x], (v) => nn.globalAvgPool2d().forward(v!));
    expect([global.shape, numbers(global)]).toEqual([[1, 1], [3.2]]);
  });

  it("gelu at 0, 1, -1 and far out", () => {
    const [zero, one, minus, far, low] = numbers(run([{ shape: [5], data: [0, 1, -1, 9, -9] }], (x) => ops.gelu(x!)));
    expect(zero).toBe(0);
    expect(one).toBeCloseTo(0.8413447460685429, 14);
    expect(minus).toBeCloseTo(-0.15865525393145707, 14);
    expect(far).toBe(9);
    expect(low! / (-9 * 1.1285884059538408e-19)).toBeCloseTo(1, 12);
  });
});

describe("a layer used twice", () => {
  it("moves its statistics twice, the second time from where the first left them", () => {
    const bn = nn.batchNorm2d({ channels: 1, momentum: 0.5 });
    class Twice extends nn.Module {
      readonly bn = bn;
      override forward(x: Parameters<nn.Module["forward"]>[0]) {
        return this.bn.forward(ops.scale(this.bn.forward(x), 1, 6));
      }
    }
    const { updates } = nn.trace(new Twice(), { input: [1, 1, 1], training: true });
    const of = (value: number) => tensor([1], [value]);
    const states = { "bn.weight": of(1), "bn.bias": of(0), "bn.running_mean": of(8), "bn.running_var": of(1) };
    const [mean] = evaluate([updates[0]!.value], { inputs: { input: tensor([2, 1, 1, 1], [1, 3]) }, states }, 2);
    // (8 + 2) / 2 = 5, then (5 + 6) / 2.
    expect(mean!.data[0]).toBeCloseTo(5.5, 12);
    expect(updates.map(({ state }) => state.attributes.name)).toEqual(["bn.running_mean", "bn.running_var"]);
  });
});

describe("what cannot be", () => {
  const image = () => new Graph().input("x", { shape: [4, 4, 3] });
  it("options and shapes out of range, with their cure", () => {
    expect(() => nn.batchNorm2d({ channels: 0 })).toThrow(OptionError);
    expect(() => nn.batchNorm2d({ channels: 3, eps: 0 })).toThrow("eps is 0, expected more than 0");
    expect(() => nn.batchNorm2d({ channels: 3, momentum: 2 })).toThrow("momentum is 2, expected a share from 0 to 1");
    const net = nn.sequential({ bn1: nn.batchNorm2d({ channels: 4 }) });
    expect(() => nn.trace(net, { input: [4, 4, 3], training: true })).toThrow(
      "batchNorm2d(bn1): channels 4 does not fit its input 4x4x3; set channels to 3",
    );
    expect(() => nn.localResponseNorm({ size: 0 })).toThrow("size is 0, expected a whole number from 1");
    expect(() => nn.localResponseNorm({ size: 5, k: 0 })).toThrow("k is 0, expected more than 0");
    expect(() => nn.adaptiveAvgPool2d([0, 1])).toThrow("output height is 0");
    expect(() => nn.globalAvgPool2d().forward(ops.flatten(image()))).toThrow(ShapeError);
    const graph = new Graph();
    const logits = graph.input("x", { shape: [3] });
    const labels = graph.input("t", { shape: [], dtype: "i32" });
    expect(() => ops.crossEntropy(logits, labels, 1)).toThrow("smoothing is 1, expected 0 to less than 1");
  });
});
