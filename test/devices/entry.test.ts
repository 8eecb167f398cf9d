/** What users may get wrong with a graph, an entry, a run or a state: each is refused in words, by either device. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Device, Executable } from "#fovea/devices/device.js";
import { openDevice } from "#fovea/devices/open.js";
import { Graph } from "#fovea/graph/graph.js";
import { initialWeights } from "#fovea/model/weights/weights.js";
import { create } from "#fovea/models/index.js";
import * as nn from "#fovea/nn/index.js";
import { mean, multiply, scale } from "#fovea/ops/index.js";
import { minimize } from "#fovea/train/minimize.js";
import { sgd } from "#fovea/train/optimizers/sgd.js";

const graph = new Graph();
const x = graph.input("x", { shape: [3] });
const w = graph.state("w", "parameter", [3]);
const y = multiply(x, w);
const entry = { name: "product", outputs: { y }, assigns: [] };
/** As where nothing checks types. */
const wrong = (value: unknown) => value as never;

/** What is thrown or rejected with. */
async function refusal(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
  return "nothing";
}

describe.each(["cpu", "reference"])("the device %s", (name) => {
  let device: Device;
  let product: Executable;
  beforeAll(async () => {
    device = await openDevice({ device: name, note: () => {} });
    product = await device.compile(entry, { maxBatch: 4 });
    await device.writeState("w", [1, 10, 100]);
  });
  afterAll(() => device.close());

  it("runs on as many samples as are given, or as many as is said", async () => {
    expect(await product.run({ x: [1, 2, 3, 4, 5, 6] })).toEqual({ y: Float32Array.of(1, 20, 300, 4, 50, 600) });
    expect(await product.run({ x: Float32Array.of(1, 2, 3) }, 1)).toEqual({ y: Float32Array.of(1, 20, 300) });
  });

  it.each<[string, (p: Executable) => unknown]>([
    ['OptionError: unknown input of program "product" "X"; did you mean "x"? (known: x)', (p) => p.run({ X: [1] })],
    ['OptionError: program "product": input "x" is missing; it takes f32 Nx3', (p) => p.run({})],
    ['OptionError: program "product": the inputs is missing, expected an object of', (p) => p.run(wrong(undefined))],
    [
      'OptionError: input "x" of program "product": number 0 is [1, 2, 3], exp',
      (p) => p.run({ x: wrong([[1, 2, 3]]) }),
    ],
    ['OptionError: input "x" of program "product" is null, expected a typed array', (p) => p.run({ x: wrong(null) })],
    [
      'OptionError: input "x" of program "product": 2 numbers given, expected 3 at batch 1',
      (p) => p.run({ x: [1, 2] }),
    ],
    ['OptionError: input "x" of program "product": 3 numbers given, exp', (p) => p.run({ x: [1, 2, 3] }, 2)],
    [
      'OptionError: program "product": batch 5 is not a whole number from 1 to 4;',
      (p) => p.run({ x: Array(15).fill(1) }),
    ],
    ['OptionError: program "product": batch 0.5 is not a whole number', (p) => p.run({ x: [1, 2, 3] }, 0.5)],
  ])("%s", async (message, run) => {
    expect(await refusal(() => run(product))).toContain(message);
    // and the slot is free again
    expect((await product.run({ x: [1, 1, 1] }))["y"]).toEqual(Float32Array.of(1, 10, 100));
  });

  it.each<[string, (d: Device) => unknown]>([
    ['OptionError: unknown state "v"', (d) => d.writeState("v", [1])],
    ['OptionError: unknown state "W"; did you mean "w"?', (d) => d.readState("W")],
    ['OptionError: state "w": 1 numbers given, expected 3', (d) => d.writeState("w", [1])],
    ['OptionError: state "w" is "abc", expected a typed array or a list', (d) => d.writeState("w", wrong("abc"))],
    ["OptionError: compile: the entry is missing", (d) => d.compile(wrong(undefined))],
    ["OptionError: entry: name and assigns are missing", (d) => d.compile(wrong({ outputs: { y } }))],
    ['OptionError: unknown option of an entry "output"; did', (d) => d.compile(wrong({ ...entry, output: { y } }))],
    ["OptionError: entry: outputs is { ", (d) => d.compile({ ...entry, outputs: wrong(y) })],
    [
      "OptionError: entry: assigns is missing, expected a list",
      (d) => d.compile({ ...entry, assigns: wrong(undefined) }),
    ],
    ['OptionError: entry "product": it has no outputs and changes no', (d) => d.compile({ ...entry, outputs: {} })],
    [
      'ShapeError: entry "product": output "y" is 3, expected a val',
      (d) => d.compile({ ...entry, outputs: { y: wrong(3) } }),
    ],
    [
      'ShapeError: entry "product": assigns[0].state is a value (of input), expected a state',
      (d) => d.compile({ ...entry, assigns: [{ state: wrong(x), value: w }] }),
    ],
    [
      'assigns[0]: state "w" takes f32 3, but the value is f32 Nx3; take the sum or the mean over the batch',
      (d) => d.compile({ ...entry, assigns: [{ state: w, value: y }] }),
    ],
    [
      'state "w" takes f32 3, but the value is f32 scalar',
      (d) => d.compile({ ...entry, assigns: [{ state: w, value: graph.constant(1) }] }),
    ],
    [
      'ShapeError: entry "product": state "w" is to take two values',
      (d) => d.compile({ ...entry, assigns: [w, scale(w, 2)].map((value) => ({ state: w, value })) }),
    ],
    [
      'output "z" is of another graph than output "y"',
      (d) => d.compile({ ...entry, outputs: { y, z: new Graph().input("z", { shape: [3] }) } }),
    ],
    ['OptionError: unknown option of compile "batch"', (d) => d.compile(entry, wrong({ batch: 3 }))],
    [
      "OptionError: compile: maxBatch is 0, expected a whole number of at least 1",
      (d) => d.compile(entry, { maxBatch: 0 }),
    ],
  ])("%s", async (message, call) => {
    expect(await refusal(() => call(device))).toContain(message);
  });
});

it.each<[string, () => unknown]>([
  ["OptionError: graph: the name of the input is 3, expected a text", () => graph.input(wrong(3), { shape: [] })],
  ['OptionError: graph: the shape of input "q" is missing, exp', () => graph.input("q", wrong(undefined))],
  ['OptionError: graph: the shape of input "q" is [0], expected', () => graph.input("q", { shape: [0] })],
  ['OptionError: graph: the shape of state "v" is 4, expected', () => graph.state("v", "parameter", wrong(4))],
  ['OptionError: unknown kind of state "v" "param" (known: parameter', () => graph.state("v", wrong("param"), [4])],
  [
    "OptionError: trace: the network is { name, options",
    () => nn.trace(wrong(create("lenet5")), { input: [28, 28, 1] }),
  ],
  ["OptionError: trace: input is missing, expected the ext", () => nn.trace(nn.flatten(), wrong(undefined))],
  ["expected a module; give its property module", () => initialWeights(wrong(create("lenet5")))],
  ["ShapeError: minimize: loss is 3, expected a value", () => minimize(wrong(3), sgd({ lr: 1 }))],
  ["ShapeError: differentiate(): the loss is Nx3, expected one number", () => minimize(y, sgd({ lr: 1 }))],
  [
    'OptionError: minimize: the optimizer is "sgd", expected',
    () => minimize(mean(y, { batch: true, axes: [0] }), wrong("sgd")),
  ],
  [
    "parameters[0] is a value (of input), expected a state",
    () => minimize(mean(y), sgd({ lr: 1 }), { parameters: [wrong(x)] }),
  ],
  ["OptionError: minimize: there are no parameters", () => minimize(mean(y), sgd({ lr: 1 }), { parameters: [] })],
  [
    "expected an object; parameters are given as { parameters: [...] }",
    () => minimize(mean(y), sgd({ lr: 1 }), wrong([w])),
  ],
])("%s", async (message, call) => {
  expect(await refusal(call)).toContain(message);
});
