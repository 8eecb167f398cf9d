/** The float64 references and gradients against PyTorch's numbers (test/fixtures/ops.json, made by scripts/fixtures/ops.py). */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Value } from "#fovea/graph/graph.js";
import type { Tensor } from "#fovea/graph/tensor.js";
import * as ops from "#fovea/ops/index.js";
import { type Given, run, runWithGradients } from "../support/run-op.js";

interface Numbers {
  shape: number[];
  data: number[];
}
type Two = [number, number];
interface Fixture {
  convolutions: {
    options: { stride: Two; padding: Two; dilation: Two; groups: number };
    x: Numbers;
    w: Numbers;
    y: Numbers;
    dy: Numbers;
    dx: Numbers;
    dw: Numbers;
  }[];
  pools: {
    kind: "max" | "avg";
    kernel: Two;
    options: { stride: Two; padding: Two; ceil: boolean; dilation?: Two; divisor?: "window" | "valid" | number };
    x: Numbers;
    y: Numbers;
    dy: Numbers;
    dx: Numbers;
  }[];
  activations: { op: string; x: Numbers; y: Numbers; dy: Numbers; dx: Numbers }[];
  crossEntropy: { logits: Numbers; labels: number[]; loss: Numbers; gradientOfMean: Numbers };
  flattenLinear: { x: Numbers; w: Numbers; y: Numbers; dy: Numbers; dx: Numbers; dw: Numbers };
}
const fixture = JSON.parse(readFileSync(new URL("../fixtures/ops.json", import.meta.url), "utf8")) as Fixture;

function expectClose(got: Tensor, expected: Numbers): void {
  expect(got.shape).toEqual(expected.shape);
  for (const [i, value] of expected.data.entries()) expect(got.data[i]).toBeCloseTo(value, 9);
}
const weights = (given: Numbers): Given => ({ ...given, batched: false });

describe("PyTorch computes the same", () => {
  for (const c of fixture.convolutions) {
    it(`conv2d ${c.w.shape.join("x")} ${JSON.stringify(c.options)}`, () => {
      const { y, gradients } = runWithGradients([c.x, weights(c.w)], c.dy.data, (x, w) =>
        ops.conv2d(x!, w!, c.options),
      );
      expectClose(y, c.y);
      expectClose(gradients[0]!, c.dx);
      expectClose(gradients[1]!, c.dw);
    });
  }
  for (const p of fixture.pools) {
    it(`${p.kind}Pool2d ${p.kernel.join("x")} ${JSON.stringify(p.options)}`, () => {
      const pool = p.kind === "max" ? ops.maxPool2d : ops.avgPool2d;
      const { y, gradients } = runWithGradients([p.x], p.dy.data, (x) => pool(x!, p.kernel, p.options));
      expectClose(y, p.y);
      expectClose(gradients[0]!, p.dx);
    });
  }
  for (const a of fixture.activations) {
    it(a.op, () => {
      const f = (ops as unknown as Record<string, (x: Value) => Value>)[a.op]!;
      const { y, gradients } = runWithGradients([a.x], a.dy.data, (x) => f(x!));
      expectClose(y, a.y);
      expectClose(gradients[0]!, a.dx);
    });
  }
  it("cross-entropy and the gradient of its mean", () => {
    const { logits, labels, loss, gradientOfMean } = fixture.crossEntropy;
    const given: Given[] = [logits, { shape: [labels.length], data: labels, dtype: "i32" }];
    expectClose(
      run(given, (x, t) => ops.crossEntropy(x!, t!)),
      loss,
    );
    const { gradients } = runWithGradients(given, [1], (x, t) => ops.mean(ops.crossEntropy(x!, t!), { batch: true }));
    expectClose(gradients[0]!, gradientOfMean);
  });
  it("flatten and linear, channels first", () => {
    const f = fixture.flattenLinear;
    const { y, gradients } = runWithGradients([f.x, weights(f.w)], f.dy.data, (x, w) =>
      ops.linear(ops.flatten(x!), w!),
    );
    expectClose(y, f.y);
    expectClose(gradients[0]!, f.dx);
    expectClose(gradients[1]!, f.dw);
  });
});
