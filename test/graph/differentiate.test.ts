import { describe, expect, it } from "vitest";
import { evaluate } from "#fovea/graph/evaluate.js";
import { Graph } from "#fovea/graph/graph.js";
import { printGraph } from "#fovea/graph/print.js";
import { tensor } from "#fovea/graph/tensor.js";
import * as ops from "#fovea/ops/index.js";

describe("differentiate", () => {
  it("adds up what several readers send back", () => {
    const graph = new Graph();
    const x = graph.input("x", { shape: [], batched: false });
    // y = x^2 + 3x, read twice more: loss = y * y. d = 2y (2x + 3).
    const y = ops.add(ops.square(x), ops.scale(x, 3));
    const [slope] = ops.differentiate(ops.multiply(y, y), [x]);
    expect(evaluate([slope!], { inputs: { x: tensor([], [2]) } }, 1)[0]!.data[0]).toBe(2 * 10 * 7);
  });

  it("makes nothing for what is not asked, and keeps each node's layer", () => {
    const graph = new Graph();
    const x = graph.input("x", { shape: [4, 4, 1] });
    const conv = graph.state("conv.weight", "parameter", [3, 3, 1, 2]);
    const fc = graph.state("fc.weight", "parameter", [8, 1]);
    const maps = graph.scope("conv", () => ops.relu(ops.conv2d(x, conv)));
    const y = graph.scope("fc", () => ops.linear(ops.flatten(maps), fc));
    const loss = graph.scope("loss", () => ops.mean(y, { batch: true }));
    const before = graph.values.length;
    const gradients = ops.differentiate(loss, [conv, fc]);
    // No conv2dInputGrad: nobody asked for the picture's gradient.
    expect(printGraph(graph).split("\n").slice(before).join("\n")).toMatchInlineSnapshot(`
      "%8 = constant 1 : scalar
      %9 = expand(%8) shape=1 batched=true axes=0 batch=true mean=true : Nx1   # loss
      %10 = linearInputGrad(%9, %2) inputShape=2x2x2 : Nx2x2x2   # fc
      %11 = linearWeightGrad(%4, %9) : 8x1   # fc
      %12 = reluGrad(%4, %10) : Nx2x2x2   # conv
      %13 = conv2dWeightGrad(%0, %12) kernel=3x3 stride=1x1 padding=0x0x0x0 dilation=1x1 groups=1 : 3x3x1x2   # conv"
    `);
    expect(gradients.map((g) => g.path)).toEqual(["conv", "fc"]);
    expect(printGraph([maps])).toMatchInlineSnapshot(`
      "%0 = input "x" : Nx4x4x1
      %1 = parameter "conv.weight" : 3x3x1x2
      %3 = conv2d(%0, %1) kernel=3x3 stride=1x1 padding=0x0x0x0 dilation=1x1 groups=1 : Nx2x2x2   # conv
      %4 = relu(%3) : Nx2x2x2   # conv"
    `);
  });

  it("gives zeros for what the loss does not depend on, and 1 for the loss itself", () => {
    const graph = new Graph();
    const used = graph.state("used", "parameter", []);
    const idle = graph.state("idle", "parameter", [2]);
    const loss = ops.square(used);
    const gradients = ops.differentiate(loss, [idle, loss]);
    expect(evaluate(gradients, { states: { used: tensor([], [3]) } }, 1).map((t) => [...t.data])).toEqual([
      [0, 0],
      [1],
    ]);
  });

  it("refuses a loss that is not one number", () => {
    const graph = new Graph();
    const x = graph.input("x", { shape: [3] });
    expect(() => graph.scope("head", () => ops.differentiate(ops.relu(x), [x]))).toThrow(
      "differentiate(head): the loss is Nx3, expected one number for the whole batch",
    );
  });
});

describe("graph", () => {
  it("makes equal nodes once, and tells apart numbers that JSON does not", () => {
    const graph = new Graph();
    const x = graph.input("x", { shape: [2] });
    expect(ops.relu(x)).toBe(ops.relu(x));
    expect(ops.pad(x, [1], [0], 1)).not.toBe(ops.pad(x, [1], [0], 2));
    expect(ops.pad(x, [1], [0], Number.NaN)).not.toBe(ops.pad(x, [1], [0], -Infinity));
    expect(graph.constant(0)).not.toBe(graph.constant(-0));
  });

  it("refuses a second input of one name and values of another graph", () => {
    const graph = new Graph();
    const x = graph.input("x", { shape: [2] });
    expect(() => graph.input("x", { shape: [2] })).toThrow('there is already an input "x"');
    expect(() => ops.add(new Graph().input("x", { shape: [2] }), x)).toThrow("belongs to another graph");
  });
});

describe("evaluate", () => {
  it("says which feed is missing or of another shape", () => {
    const graph = new Graph();
    const x = graph.input("x", { shape: [2] });
    expect(() => evaluate([x], {}, 1)).toThrow('the input "x" is not given');
    expect(() => evaluate([x], { inputs: { x: tensor([3, 2]) } }, 1)).toThrow(
      'the input "x" has shape [3, 2], expected [1, 2]',
    );
  });
});
