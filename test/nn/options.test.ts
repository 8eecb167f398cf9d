/** Layers refuse options that they do not have, and networks written by mistake, in one sentence. */
import { describe, expect, it } from "vitest";
import { layersOf } from "#fovea/analysis/layers.js";
import { OptionError } from "#fovea/base/errors.js";
import type { Value } from "#fovea/graph/graph.js";
import * as nn from "#fovea/nn/index.js";
import * as ops from "#fovea/ops/index.js";

// As JavaScript calls them.
const js = nn as unknown as Readonly<Record<string, (...args: unknown[]) => nn.Module>>;
const messageOf = (make: () => unknown) => {
  try {
    make();
  } catch (error) {
    expect(error).toBeInstanceOf(OptionError);
    return (error as Error).message;
  }
  return "nothing was refused";
};

it.each<[string, readonly unknown[], string]>([
  [
    "conv2d",
    [3, 4, 3],
    "conv2d: is given 3, 4, 3, expected an object of options: nn.conv2d({ in: 3, out: 4, kernel: 3 })",
  ],
  [
    "conv2d",
    [],
    "conv2d: is given nothing, expected an object of options: nn.conv2d({ in: ..., out: ..., kernel: ... })",
  ],
  ["conv2d", [{ in: 3, out: 4, kernel: 3, strides: 2 }], 'unknown option of conv2d "strides"; did you mean "stride"?'],
  ["conv2d", [{ in_channels: 3, out: 4, kernel: 3 }], 'unknown option of conv2d "in_channels"; did you mean "in"?'],
  ["conv2d", [{ in: 3, out: 4, kernel_size: 3 }], 'unknown option of conv2d "kernel_size"; did you mean "kernel"?'],
  ["conv2d", [{}], "conv2d: in, out and kernel are missing, and must be given"],
  ["linear", [{ bias: false }], "linear: in and out are missing, and must be given"],
  ["conv2d", [{ in: 3, out: 4 }], "conv2d: kernel is missing, expected a number, or [height, width]"],
  ["conv2d", [{ in: 3, out: 4, kernel: "3" }], 'conv2d: kernel is "3", expected a number, or [height, width]'],
  [
    "conv2d",
    [{ in: 3, out: 4, kernel: 3, padding: "valid" }],
    'conv2d: padding is "valid", expected a number, [height, width], { top, bottom, left, right } or "same"',
  ],
  ["conv2d", [{ in: 3, out: 4, kernel: 3, padding: { up: 1 } }], "conv2d: padding is { up }, expected"],
  ["conv2d", [{ in: 3, out: 4, kernel: 3, bias: 0 }], "conv2d: bias is 0, expected true or false"],
  ["conv2d", [{ in: 3, out: 4, kernel: 3, weightInit: "he" }], 'conv2d: weightInit is "he", expected an initializer'],
  ["conv2d", [{ in: 3.5, out: 4, kernel: 3 }], "conv2d: in is 3.5, expected a whole number from 1"],
  ["linear", [{ in: 3, units: 4 }], 'unknown option of linear "units"; did you mean "out"?'],
  ["linear", [3, 4], "linear: is given 3, 4, expected an object of options: nn.linear({ in: 3, out: 4 })"],
  ["batchNorm2d", [{ channels: 3, epsilon: 1e-5 }], 'unknown option of batchNorm2d "epsilon"; did you mean "eps"?'],
  ["batchNorm2d", [{ num_features: 3 }], 'unknown option of batchNorm2d "num_features"; did you mean "channels"?'],
  ["convTranspose2d", [{ in: 3, out: 4, kernel: 2, output_padding: 1 }], 'did you mean "outputPadding"?'],
  [
    "partialConv2d",
    [{ in: 3, kernel: 2, connections: 4 }],
    "partialConv2d: connections is 4, expected for each output map",
  ],
  ["whiteningConv2d", [{ in: 3, kernel: 2, fixed: true }], 'unknown option of whiteningConv2d "fixed"'],
  ["maxPool2d", [{ stride: 2 }], "maxPool2d: kernel is missing, expected a number, or [height, width]"],
  ["maxPool2d", [{ kernel_size: 2 }], 'unknown option of maxPool2d "kernel_size"; did you mean "kernel"?'],
  ["avgPool2d", [{ kernel: 2, strides: 2 }], 'unknown option of avgPool2d "strides"; did you mean "stride"?'],
  ["adaptiveAvgPool2d", [], "adaptiveAvgPool2d: is given nothing, expected a number, or [height, width]"],
  [
    "maxPool2d",
    [2, 2],
    "maxPool2d: is given 2, 2, expected a kernel and an object of options: nn.maxPool2d(2, { stride: 2 })",
  ],
  ["maxPool2d", [2, { strides: 2 }], 'unknown option of maxPool2d "strides"; did you mean "stride"?'],
  ["avgPool2d", [2, { divisor: "none" }], 'avgPool2d: divisor is "none", expected "window", "valid" or a number'],
  ["subsample2d", [{ channel: 2 }], 'unknown option of subsample2d "channel"; did you mean "channels"?'],
  ["upsample", [2], "upsample: is given 2, expected an object of options"],
  ["upsample", [{ scale_factor: 2 }], 'did you mean "scaleFactor"?'],
  ["upsample", [{ size: 4, mode: "cubic" }], 'upsample: mode is "cubic", expected "nearest" or "bilinear"'],
  ["localResponseNorm", [{ size: 5, gamma: 1 }], 'unknown option of localResponseNorm "gamma"'],
  ["radialBasis", [{ centres: 4 }], "radialBasis: centres is 4, expected for each unit its centre"],
  [
    "sequential",
    [nn.relu(), undefined],
    "sequential: layer 1 is undefined, expected a module or a function of one value",
  ],
  ["sequential", [{ a: nn.relu(), b: 3 }], "sequential: layer b is 3, expected a module or a function of one value"],
  [
    "sequential",
    [(x: unknown, _y: unknown) => x],
    "sequential: layer 0 is a function of 2 arguments, expected one value; write (x) => ..., with the others filled in",
  ],
  [
    "sequential",
    [{ act: nn.Conv2d }],
    "sequential: layer act is the class Conv2d, expected a layer; make one: new Conv2d(...)",
  ],
  [
    "sequential",
    [[nn.relu(), nn.relu()]],
    "sequential: layer 0 is [an Activation, an Activation], expected a module or a function of one value; write nn.sequential(...layers)",
  ],
  [
    "sequential",
    [
      new (class Loose {
        forward(x: unknown) {
          return x;
        }
      })(),
    ],
    "sequential: layer 0 is a Loose, expected a module or a function of one value; let its class extend nn.Module",
  ],
  ["sequential", [Promise.resolve(nn.relu())], "sequential: layer 0 is a Promise, expected a module"],
  ["lambda", [3], "lambda is 3, expected a function of one value"],
])("%s(%j)", (name, args, message) => {
  expect(messageOf(() => js[name]!(...args))).toContain(message);
});

const traced = (module: nn.Module) => messageOf(() => nn.trace(module, { input: [4], training: false }));

describe("a class whose forward", () => {
  it("returns nothing, or what is no value", () => {
    class Silent extends nn.Module {
      readonly fc = nn.linear({ in: 4, out: 2 });
      override forward(x: Value): Value {
        this.fc.forward(x);
        return undefined as never;
      }
    }
    expect(traced(new Silent())).toBe("Silent: forward gave nothing, expected a value; end it with return");
    expect(traced(nn.sequential({ head: new Silent() }))).toBe(
      "head: forward gave nothing, expected a value; end it with return",
    );
    class Numbers extends nn.Module {
      override forward(): Value {
        return [1, 2] as never;
      }
    }
    expect(traced(new Numbers())).toBe(
      "Numbers: forward gave [1, 2], expected a value; return what ops and layers give",
    );
  });

  it("is asynchronous", () => {
    class Late extends nn.Module {
      override forward(x: Value): Value {
        return Promise.resolve(x) as never;
      }
    }
    expect(traced(new Late())).toBe(
      "Late: forward gave a Promise, expected a value; leave async out: a network is drawn once, at once",
    );
  });

  it("is not given its second argument, is missing, or is given what is no value", () => {
    class Two extends nn.Module {
      override forward(x: Value, y: Value): Value {
        return ops.reshape(x, y.shape);
      }
    }
    expect(traced(new Two() as never)).toBe(
      "Two: forward takes 2 arguments, and is given 1; of trace give the shapes of all of them: { input: [[28, 28, 1], [10]] }",
    );
    class None extends nn.Module {
      declare forward: (x: Value) => Value;
    }
    expect(traced(new None())).toBe("None: has no forward; write forward(x) { return ...; }, or forward = (x) => ...");
    expect(messageOf(() => nn.relu().forward(new Float32Array(4) as never))).toBe(
      "Activation: forward is given Float32Array(4), expected a value of a graph",
    );
  });

  it("is an arrow, is drawn in its path and refused like a method", () => {
    class Arrow extends nn.Module {
      readonly fc = nn.linear({ in: 4, out: 2 });
      override forward = (x: Value): Value => ops.relu(this.fc.forward(x));
    }
    const net = nn.sequential({ head: new Arrow() });
    for (const _ of [1, 2]) {
      const { graph, layers } = nn.trace(net, { input: [4], training: false });
      expect(graph.values.slice(-3).map((value) => `${value.path} ${value.op.name}`)).toEqual([
        "head.fc linear",
        "head.fc add",
        "head relu",
      ]);
      expect([...layers.keys()]).toEqual(["head.fc", "head", ""]);
    }
    class Silent extends nn.Module {
      override forward = ((_: Value) => {}) as never;
    }
    expect(traced(new Silent())).toBe("Silent: forward gave nothing, expected a value; end it with return");
    class Late extends nn.Module {
      override forward = (async (x: Value) => x) as never;
    }
    expect(traced(new Late())).toContain("Late: forward gave a Promise, expected a value; leave async out");
  });
});

describe("a function in a sequence", () => {
  const fc = () => nn.linear({ in: 4, out: 2 });

  it.each<[string, nn.Sequential, readonly string[], readonly string[]]>([
    ["among layers", nn.sequential(fc(), (x) => ops.relu(x), nn.identity()), ["0", "1", "2", ""], ["1 relu"]],
    ["in a record", nn.sequential({ fc: fc(), act: ops.tanh }), ["fc", "act", ""], ["act tanh"]],
    ["alone", nn.sequential((x) => ops.sigmoid(ops.relu(x))), ["0", ""], ["0 relu", "0 sigmoid"]],
    ["alone in a record", nn.sequential({ act: (x) => ops.relu(x) }), ["act", ""], ["act relu"]],
  ])("is a layer with a path: %s", (_, network, paths, drawn) => {
    const { graph, layers } = nn.trace(network, { input: [4], training: false });
    expect([...layers.keys()]).toEqual(paths);
    expect(graph.values.slice(-drawn.length).map((value) => `${value.path} ${value.op.name}`)).toEqual(drawn);
  });

  it("is listed in a summary", () => {
    const layers = layersOf(nn.sequential({ fc: fc(), act: (x) => ops.relu(x) }), [4]);
    expect(layers.map(({ path, kind, output }) => [path, kind, output])).toEqual([
      ["fc", "Linear", [2]],
      ["act", "relu", [2]],
    ]);
  });

  it.each<[unknown, string]>([
    [() => {}, "act: forward gave nothing, expected a value; end it with return"],
    [() => 3, "act: forward gave 3, expected a value; return what ops and layers give"],
    [async (x: Value) => x, "act: forward gave a Promise, expected a value; leave async out"],
    [() => nn.relu(), "act: forward gave an Activation, expected a value; call the layer on the value"],
  ])("is refused with what it gave: %s", (act, message) => {
    expect(traced(nn.sequential({ act: act as () => Value }))).toContain(message);
  });
});

it("pools take their kernel in front of the options, or among them", () => {
  const shapeOf = (layer: nn.Module) => nn.trace(layer, { input: [8, 8, 3] }).output.shape;
  for (const pool of [nn.maxPool2d, nn.avgPool2d]) {
    expect(shapeOf(pool({ kernel: [3, 2], stride: 2, padding: 1 }))).toEqual([4, 5, 3]);
    expect(pool({ kernel: [3, 2], stride: 2, padding: 1 })).toEqual(pool([3, 2], { stride: 2, padding: 1 }));
    expect(pool({ kernel: 2 })).toEqual(pool(2));
  }
});
