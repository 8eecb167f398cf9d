import { describe, expect, it } from "vitest";
import { evaluate } from "#fovea/graph/evaluate.js";
import type { Value } from "#fovea/graph/graph.js";
import { printGraph } from "#fovea/graph/print.js";
import { type Tensor, tensor } from "#fovea/graph/tensor.js";
import * as nn from "#fovea/nn/index.js";
import * as ops from "#fovea/ops/index.js";

const small = () =>
  nn.sequential(
    nn.conv2d({ in: 1, out: 6, kernel: 5, padding: 2 }),
    nn.tanh(),
    nn.maxPool2d(2),
    nn.flatten(),
    nn.linear({ in: 6, out: 3 }),
  );

describe("trace", () => {
  it("draws a sequential network, each node with its layer", () => {
    const { graph } = nn.trace(small(), { input: [2, 2, 1], training: false });
    expect(printGraph(graph)).toMatchInlineSnapshot(`
      "%0 = input "input" : Nx2x2x1
      %1 = parameter "0.weight" : 5x5x1x6   # 0
      %2 = parameter "0.bias" : 6   # 0
      %3 = parameter "4.weight" : 6x3   # 4
      %4 = parameter "4.bias" : 3   # 4
      %5 = conv2d(%0, %1) kernel=5x5 stride=1x1 padding=2x2x2x2 dilation=1x1 groups=1 : Nx2x2x6   # 0
      %6 = add(%5, %2) : Nx2x2x6   # 0
      %7 = tanh(%6) : Nx2x2x6   # 1
      %8 = maxPool2d(%7) kernel=2x2 stride=2x2 padding=0x0x0x0 dilation=1x1 ceil=false : Nx1x1x6   # 2
      %9 = reshape(%8) shape=6 : Nx6   # 3
      %10 = linear(%8, %3) : Nx3   # 4
      %11 = add(%10, %4) : Nx3   # 4"
    `);
  });

  it("names parameters as PyTorch does", () => {
    const { parameters } = nn.trace(small(), { input: [2, 2, 1], training: false });
    expect([...parameters.keys()]).toEqual(["0.weight", "0.bias", "4.weight", "4.bias"]);
    expect(parameters.get("4.weight")!.init).toEqual({ kind: "kaimingUniform", fanIn: 6, negativeSlope: Math.sqrt(5) });
    const named = nn.sequential({
      conv1: nn.conv2d({ in: 1, out: 2, kernel: 3, bias: false }),
      head: nn.sequential(nn.relu()),
    });
    expect([...nn.parametersOf(named).keys()]).toEqual(["conv1.weight"]);
  });

  it("finds the layers of a class in fields and arrays, and shares what is used twice", () => {
    class Block extends nn.Module {
      readonly conv = nn.conv2d({ in: 2, out: 2, kernel: 1 });
      override forward(x: Value): Value {
        return ops.add(this.conv.forward(x), x);
      }
    }
    class Net extends nn.Module {
      readonly blocks = [new Block(), new Block()];
      readonly again = this.blocks[0]!;
      readonly gain = new nn.Parameter([2], { kind: "constant", value: 1 });
      override forward(x: Value): Value {
        const y = this.blocks.reduce((v, block) => block.forward(v), x);
        return ops.multiply(this.again.forward(y), this.gain.in(x));
      }
    }
    const { graph, parameters } = nn.trace(new Net(), { input: [3, 3, 2], training: true });
    expect([...parameters.keys()]).toEqual([
      "blocks.0.conv.weight",
      "blocks.0.conv.bias",
      "blocks.1.conv.weight",
      "blocks.1.conv.bias",
      "gain",
    ]);
    const convs = graph.values.filter((v) => v.op.name === "conv2d").map((v) => `${v.path} reads ${v.inputs[1]!.id}`);
    const first = parameters.get("blocks.0.conv.weight")!.value.id;
    const second = parameters.get("blocks.1.conv.weight")!.value.id;
    expect(convs).toEqual([
      `blocks.0.conv reads ${first}`,
      `blocks.1.conv reads ${second}`,
      `blocks.0.conv reads ${first}`,
    ]);
    // The residual add belongs to the block, not to its convolution.
    expect(graph.values.filter((v) => v.op.name === "add").map((v) => v.path)).toContain("blocks.1");
  });

  it("says so when a layer with parameters is nowhere in the network", () => {
    class Net extends nn.Module {
      override forward(x: Value): Value {
        return nn.linear({ in: 4, out: 2 }).forward(x);
      }
    }
    expect(() => nn.trace(new Net(), { input: [4], training: false })).toThrow("a parameter of shape 4x2 has no name");
  });
});

describe("a layer that does not fit names its path, both shapes and the cure", () => {
  const error = (network: nn.Module, input: number[]): string => {
    try {
      nn.trace(network, { input, training: false });
      return "no error";
    } catch (e) {
      return (e as Error).message;
    }
  };
  it("conv2d", () => {
    const net = nn.sequential({
      features: nn.sequential(
        nn.conv2d({ in: 3, out: 8, kernel: 3 }),
        nn.relu(),
        nn.conv2d({ in: 16, out: 8, kernel: 3 }),
      ),
    });
    expect(error(net, [28, 28, 3])).toMatchInlineSnapshot(
      `"conv2d(features.2): in 16 does not fit its input 26x26x8, expected 26x26x16; set in to 8, or out of the layer before to 16"`,
    );
    expect(
      error(nn.sequential({ features: nn.sequential(nn.conv2d({ in: 1, out: 8, kernel: 7 })) }), [5, 5, 1]),
    ).toMatchInlineSnapshot(
      `"conv2d(features.0): kernel 7 (=7x7) is larger than its padded input 5x5; add padding or lower the kernel"`,
    );
    expect(error(nn.sequential(nn.conv2d({ in: 1, out: 8, kernel: 7 })), [25])).toMatchInlineSnapshot(
      `"conv2d(0): in 1 does not fit its input 25, expected height x width x 1; give it an image"`,
    );
  });
  it("linear", () => {
    expect(error(nn.sequential(nn.flatten(), nn.linear({ in: 400, out: 10 })), [4, 4, 16])).toMatchInlineSnapshot(
      `"linear(1): in 400 does not fit its input 256, expected 400 features; set in to 256"`,
    );
    expect(error(nn.sequential(nn.linear({ in: 400, out: 10 })), [4, 4, 16])).toMatchInlineSnapshot(
      `"linear(0): in 400 does not fit its input 4x4x16 (256 features), expected 400 features; set in to 256"`,
    );
  });
  it("pools and subsampling", () => {
    expect(error(nn.sequential({ pool1: nn.maxPool2d(3) }), [2, 2, 4])).toMatchInlineSnapshot(
      `"maxPool2d(pool1): kernel 3 (=3x3) is larger than its padded input 2x2; add padding or lower the kernel"`,
    );
    expect(error(nn.sequential({ s2: nn.subsample2d({ channels: 6 }) }), [4, 4, 8])).toMatchInlineSnapshot(
      `"subsample2d(s2): channels 6 does not fit its input 4x4x8; set channels to 8"`,
    );
  });
  it("hyper-parameters, when the layer is made", () => {
    expect(() => nn.conv2d({ in: 6, out: 16, kernel: 5, groups: 4 })).toThrow(
      "groups 4 does not divide in 6 and out 16",
    );
    expect(() => nn.linear({ in: 2.5, out: 1 })).toThrow("linear: in is 2.5, expected a whole number from 1");
    expect(() => nn.dropout(1)).toThrow("dropout: p is 1, expected a probability from 0 to less than 1");
  });
});

describe("layers compute", () => {
  const states = (values: Record<string, number[]>, traced: nn.Traced): Record<string, Tensor> =>
    Object.fromEntries([...traced.parameters].map(([name, { value }]) => [name, tensor(value.shape, values[name])]));

  it("subsample2d: the sum of a window times a coefficient plus a bias", () => {
    const traced = nn.trace(nn.subsample2d({ channels: 2 }), { input: [2, 4, 2], training: false });
    const x = tensor([1, 2, 4, 2], [1, 10, 2, 20, 3, 30, 4, 40, 5, 50, 6, 60, 7, 70, 8, 80]);
    const given = states({ weight: [0.5, 0.1], bias: [1, -1] }, traced);
    const [y] = evaluate([traced.output], { inputs: { input: x }, states: given }, 1);
    // 0.5 (1+2+5+6) + 1, 0.1 (10+20+50+60) - 1, and so on.
    expect([...y!.data]).toEqual([8, 13, 12, 21]);
    expect(nn.parameterCount(nn.subsample2d({ channels: 6 }))).toBe(12);
  });

  it("conv2d with the padding of one side only, and its bias", () => {
    const layer = nn.conv2d({ in: 1, out: 1, kernel: 2, padding: { top: 1, left: 1 } });
    const traced = nn.trace(layer, { input: [2, 2, 1], training: false });
    const given = states({ weight: [1, 0, 0, 0.5], bias: [10] }, traced);
    const [y] = evaluate([traced.output], { inputs: { input: tensor([1, 2, 2, 1], [2, 4, 6, 8]) }, states: given }, 1);
    expect([...y!.data]).toEqual([11, 12, 13, 16]);
  });

  it("linear on an image reads its channels one after another", () => {
    const traced = nn.trace(nn.sequential(nn.flatten(), nn.linear({ in: 4, out: 1 })), {
      input: [1, 2, 2],
      training: false,
    });
    const given = states({ "1.weight": [1000, 100, 10, 1], "1.bias": [0] }, traced);
    const [y] = evaluate([traced.output], { inputs: { input: tensor([1, 1, 2, 2], [1, 3, 2, 4]) }, states: given }, 1);
    expect([...y!.data]).toEqual([1234]);
  });
});

describe("dropout", () => {
  const twice = () => {
    const drop = nn.dropout(0.5);
    return nn.sequential({ first: drop, second: nn.dropout(0.5), third: drop });
  };
  it("is nothing outside training", () => {
    const { input, output } = nn.trace(twice(), { input: [8], training: false });
    expect(output).toBe(input);
  });
  it("reads the input random and drops differently in every layer and use", () => {
    const { graph } = nn.trace(twice(), { input: [8], training: true });
    expect(graph.inputs.map((v) => v.attributes.name)).toEqual(["input", nn.RANDOM_INPUT]);
    const salts = graph.values
      .filter((v) => v.op.name === "dropout")
      .map((v) => (v.attributes as { salt: number }).salt);
    expect(new Set(salts).size).toBe(3);
  });
});
