/** What is printed of every stage: LeNet-5's first layer word for word, and others as far as they must be. */
import { describe, expect, it } from "vitest";
import {
  drawProgram,
  type PrintOptions,
  printCode,
  printGraph,
  printKernels,
  printProgram,
  printStages,
  printUnits,
} from "#fovea/analysis/index.js";
import { graphText, graphValues } from "#fovea/analysis/print/graph.js";
import { codeText, kernelsText } from "#fovea/analysis/print/kernels.js";
import { livesOf } from "#fovea/analysis/print/lives.js";
import { overviewText } from "#fovea/analysis/print/overview.js";
import { planOf, TARGET_NAMES } from "#fovea/analysis/print/plan.js";
import { programText } from "#fovea/analysis/print/program.js";
import { hanging } from "#fovea/analysis/print/text.js";
import { fusionUnits, unitsText } from "#fovea/analysis/print/units.js";
import type { Value } from "#fovea/index.js";
import * as models from "#fovea/models/index.js";
import * as nn from "#fovea/nn/index.js";
import * as ops from "#fovea/ops/index.js";

const lenet5 = models.create("lenet5");
const CONV1: PrintOptions = { layer: "conv1", target: "avx2", winograd: true };
/** Estimates are tuned now and then; nothing here is about them. */
const timeless = (text: string) => text.replace(/[\d.,]+ (ns|us|ms)/g, "TIME");
const PRINTERS = { printStages, printGraph, printUnits, printProgram, printKernels, printCode };

describe("LeNet-5's conv1", () => {
  it("as a graph", async () => {
    expect(await printGraph(lenet5, CONV1)).toMatchInlineSnapshot(`
      "graph of inference at batch 16 for avx2: N is the batch

      given: inputs, states and constants
        %1   conv1  parameter "conv1.weight"  5x5x1x6    f32
        %2   conv1  parameter "conv1.bias"    6          f32

      forward
        %11  conv1  conv2d(%0, %1)            Nx28x28x6  f32  {kernel: 5x5, stride: 1x1, padding: 2x2x2x2, dilation: 1x1, groups: 1}
        %12  conv1  add(%11, %2)              Nx28x28x6  f32"
    `);
  });

  it("as a graph of training", async () => {
    expect(await printGraph(lenet5, { ...CONV1, training: true, width: 90 })).toMatchInlineSnapshot(`
      "graph of training step at batch 16 for avx2: N is the batch

      given: inputs, states and constants
        %1   conv1         parameter "conv1.weight"           5x5x1x6    f32
        %2   conv1         parameter "conv1.bias"             6          f32
        %70  conv1.weight  optimizer "conv1.weight.momentum"  5x5x1x6    f32
        %73  conv1.weight  input "learningRate"               scalar     f32
        %78  conv1.bias    optimizer "conv1.bias.momentum"    6          f32

      forward
        %11  conv1         conv2d(%0, %1)                     Nx28x28x6  f32
            {kernel: 5x5, stride: 1x1, padding: 2x2x2x2, dilation: 1x1, groups: 1}
        %12  conv1         add(%11, %2)                       Nx28x28x6  f32

      backward
        %55  conv1         sum(%54)                           6          f32
            {axes: 0x1, batch: true, mean: false}
        %56  conv1         conv2dWeightGrad(%0, %54)          5x5x1x6    f32
            {kernel: 5x5, stride: 1x1, padding: 2x2x2x2, dilation: 1x1, groups: 1}

      update
        %68  conv1.weight  scale(%1)                          5x5x1x6    f32
            {factor: 0.0005, offset: 0}
        %69  conv1.weight  add(%56, %68)                      5x5x1x6    f32
        %71  conv1.weight  scale(%70)                         5x5x1x6    f32
            {factor: 0.9, offset: 0}
        %72  conv1.weight  add(%71, %69)                      5x5x1x6    f32
            -> state "conv1.weight.momentum"
        %74  conv1.weight  multiply(%72, %73)                 5x5x1x6    f32
        %75  conv1.weight  subtract(%1, %74)                  5x5x1x6    f32
            -> state "conv1.weight"
        %76  conv1.bias    scale(%2)                          6          f32
            {factor: 0.0005, offset: 0}
        %77  conv1.bias    add(%55, %76)                      6          f32
        %79  conv1.bias    scale(%78)                         6          f32
            {factor: 0.9, offset: 0}
        %80  conv1.bias    add(%79, %77)                      6          f32
            -> state "conv1.bias.momentum"
        %81  conv1.bias    multiply(%80, %73)                 6          f32
        %82  conv1.bias    subtract(%2, %81)                  6          f32
            -> state "conv1.bias""
    `);
  });

  it("as units, with rivals", async () => {
    expect(timeless(await printUnits(lenet5, { ...CONV1, layer: "conv2" }))).toMatchInlineSnapshot(`
      "1 unit of inference at batch 16 for avx2

      unit 0: conv2 conv2d+add+maxPool2d+relu -> %20 Nx5x5x16
        by direct: TIME a sample, estimated; rivals: winograd TIME, generalConvolution TIME
          %16  conv2  conv2d     computed by the strategy
          %17  conv2  add        fused into the store
          %19  pool2  maxPool2d  the store goes through this pool: the image is nowhere in memory
          %20  relu2  relu       fused behind the pool
          reads %3 %4 %15"
    `);
  });

  it("as steps of the program", async () => {
    expect(timeless(await printProgram(lenet5, CONV1))).toMatchInlineSnapshot(`
      "program of inference at batch 16 for avx2: 6 steps, 4 steps before the first run, 10 kernels

      before the first run, and when a weight has changed
          0  conv1 conv2d+add+maxPool2d+relu
             kernel 0 (direct: panel), 5 pieces, TIME
             reads   weight  store+0     832 B  conv1.weight
             writes  panel   prepared+0  832 B  conv1 panel

      steps (pieces of work and estimated time on one core at this batch)
          0  conv1 conv2d+add+maxPool2d+relu
             kernel 4 (direct), 16 pieces: 1 for each sample, TIME
             reads    source       slot+0      49.1 KiB  input
             reads    panel        prepared+0  832 B     conv1 panel
             reads    extra0       store+832   64 B      conv1.bias
             changes  destination  scratch+0   98.1 KiB  relu1 relu

      8 more steps are of other layers"
    `);
  });

  it("as kernels, each with its steps and its spec", async () => {
    const text = await printKernels(lenet5, CONV1);
    expect(text).toMatch(/^2 kernels of inference at batch 16 for avx2\n/);
    expect(text).toMatch(/^kernel 0: panel, \d+ instructions\n {2}runs in step 0 before the first run \(conv1 /m);
    expect(text).toMatch(/^ {2}written from panel \{"lanes":8, /m);
    expect(text).toMatch(/^kernel direct\(source: read, panel: read, extra0: read, .*\) for avx2, fused \{\n {2}%/m);
  });

  it.each([
    ["avx2", /vfmadd\d+ps/],
    ["avx512", /vfmadd\d+ps/],
    ["wasm", /f32x4\.mul/],
    ["wasm-relaxed", /f32x4\.relaxed_madd/],
  ] as const)("as code for %s, under the kernel's own instructions", async (target, multiply) => {
    const text = await printCode(lenet5, { ...CONV1, target });
    expect(text).toMatch(new RegExp(`^code of 2 kernels of inference at batch 16 for ${target}: [\\d,]+ bytes\n`));
    expect(text).toMatch(
      /^kernel \d+: direct, [\d,]+ bytes\n {2}runs in step 0 \(conv1 conv2d\+add\+maxPool2d\+relu\)$/m,
    );
    expect(text).toMatch(/^; loop %piece\.\d+ = /m);
    // What multiplies and adds stands below the kernel's own instruction for it.
    const above = text.slice(0, text.search(multiply)).split("\n");
    expect(above.findLast((line) => line.startsWith("; "))).toMatch(/ = fma /);
  });
});

it("shows the whole program with its memory", async () => {
  expect(timeless(await printProgram(models.create("mlp"), { target: "avx2", winograd: true }))).toMatchInlineSnapshot(`
    "program of inference at batch 16 for avx2: 4 steps, 2 steps before the first run, 6 kernels

    memory
      store        1.0 MiB  states: parameters, statistics, what the optimizer keeps
      prepared     1.0 MiB  constants, and weights in the order in which kernels read them
      slot        51.2 KiB  inputs and outputs; a session has some slots of these, so that batches can be queued
      scratch     25.6 KiB  everything else; shared by all programs of a session
      workspace        0 B  what a kernel keeps within a call; each thread has its own

    given and handed back
      input   input          Nx28x28x1  slot+0  49.1 KiB
      output  logits         Nx10       slot+50240  1,088 B
      output  probabilities  Nx10       slot+51328  1,088 B

    before the first run, and when a weight has changed
        0  fc1 linear+add+relu
           kernel 0 (linear: panel), 14,896 pieces, TIME
           reads   weight  store+0     931.0 KiB  fc1.weight
           writes  panel   prepared+0  931.0 KiB  fc1 panel
        1  fc2 linear+add+relu
           kernel 1 (linear: panel), 3,900 pieces, TIME
           reads   weight  store+954560     121.9 KiB  fc2.weight
           writes  panel   prepared+953344  121.9 KiB  fc2 panel

    steps (pieces of work and estimated time on one core at this batch)
        0  fc1 linear+add+relu
           kernel 2 (linear), 19 pieces, TIME
           reads   input   slot+0        49.1 KiB   input
           reads   panel   prepared+0    931.0 KiB  fc1 panel
           reads   extra0  store+953344  1,216 B    fc1.bias
           writes  output  scratch+0     19.1 KiB   relu1 relu
      -- barrier
        1  fc2 linear+add+relu
           kernel 3 (linear), 13 pieces: 13 for each 16 samples, TIME
           reads   input   scratch+0        19.1 KiB   relu1 relu
           reads   panel   prepared+953344  121.9 KiB  fc2 panel
           reads   extra0  store+1079360    448 B      fc2.bias
           writes  output  scratch+19520    6,720 B    relu2 relu
      -- barrier, left out where samples fall evenly on the threads
        2  fc3 linear+add
           kernel 4 (linear), 1 piece: 1 for each 16 samples, TIME
           reads   input   scratch+19520  6,720 B  relu2 relu
           reads   panel   store+1079808  6,400 B  fc3.weight
           reads   extra0  store+1086208  64 B     fc3.bias
           writes  output  slot+50240     1,088 B  logits
      -- barrier, left out where samples fall evenly on the threads
        3  probabilities softmax
           kernel 5 (softmax), 1 piece: 1 for each 16 samples, TIME
           reads    x  slot+50240  1,088 B  logits
           changes  y  slot+51328  1,088 B  probabilities

    scratch: who lies where from step 0 to 3 (a column is a step; W writes, r reads, X both, - keeps)
      buffer         offset      bytes  0
      relu1 relu          0   19.1 KiB  Wr..
      relu2 relu      19520    6,720 B  .Wr."
  `);
});

it("says how large each stage is", async () => {
  const text = await printStages(lenet5, { target: "avx2", training: true, batch: 64, winograd: true });
  const count = /(\d+) values: (\d+) given, (\d+) forward, (\d+) backward, (\d+) update/
    .exec(text)!
    .slice(1)
    .map(Number);
  expect(count[0]).toBe(count.slice(1).reduce((a, b) => a + b));
  const values = graphValues(await planOf("test", lenet5, { target: "avx2", training: true, winograd: true }));
  expect(values.length).toBe(count[0]);
});

it("marks what trains: outputs forward, gradients backward, what becomes a state in the update", async () => {
  const values = graphValues(await planOf("test", lenet5, { target: "avx2", training: true, winograd: true }));
  expect(values.filter(({ output }) => output.length > 0).map(({ pass }) => pass)).toEqual(["forward", "forward"]);
  expect(new Set(values.filter(({ call }) => /Grad\(/.test(call)).map(({ pass }) => pass))).toEqual(
    new Set(["backward"]),
  );
  const assigned = values.filter(({ assignedTo }) => assignedTo.length > 0);
  expect(new Set(assigned.map(({ pass }) => pass))).toEqual(new Set(["update"]));
  expect(assigned.flatMap(({ assignedTo }) => assignedTo)).toContain("conv1.weight");
});

it("has the chosen strategy among its candidates, and no rival that is cheaper", async () => {
  for (const target of TARGET_NAMES) {
    const units = fusionUnits(await planOf("test", lenet5, { target, training: true, winograd: true }));
    for (const { candidates, strategy } of units.filter((unit) => unit.candidates.length > 0)) {
      expect(candidates[0]!.strategy).toBe(strategy);
      expect(Math.min(...candidates.map(({ nanoseconds }) => nanoseconds))).toBe(candidates[0]!.nanoseconds);
    }
  }
});

it("prints a module of one's own, which must say what it takes", async () => {
  const net = nn.sequential({
    first: nn.conv2d({ in: 3, out: 4, kernel: 3 }),
    flat: nn.flatten(),
    last: nn.linear({ in: 144, out: 2 }),
  });
  for (const print of Object.values(PRINTERS)) {
    expect(await print(net, { input: [8, 8, 3], target: "wasm", layer: "first" })).toContain(
      "inference at batch 16 for wasm",
    );
    await expect(print(net, { target: "wasm" })).rejects.toThrow("the input's shape is not given");
  }
});

it("refuses what it does not know, and names the nearest", async () => {
  const refused = (options: object) => printGraph(lenet5, options as PrintOptions);
  await expect(refused({ layer: "conf1" })).rejects.toThrow(
    'layer "conf1": there is no such layer; did you mean "conv1"?',
  );
  await expect(refused({ layer: "something else" })).rejects.toThrow(
    "there is no such layer; there are conv1, conv2, fc1",
  );
  await expect(refused({ target: "avx3" })).rejects.toThrow('printGraph: target is "avx3"');
  await expect(refused({ stage: "graph" })).rejects.toThrow('unknown option of printGraph "stage"');
  await expect(refused({ batch: 0 })).rejects.toThrow("printGraph: batch is 0");
  await expect(printUnits("lenet5" as never)).rejects.toThrow('write models.create("lenet5")');
});

it("draws who lies where", async () => {
  const options = { target: "avx2", training: true, batch: 64, winograd: true } as const;
  const { svg } = await drawProgram(lenet5, options, "LeNet-5");
  const { program } = await planOf("test", lenet5, options);
  expect(svg.match(/<title>/g)).toHaveLength(livesOf(program).length);
  expect(svg).toContain("LeNet-5");
  // Two buffers that lie in the same bytes live at different times.
  const lives = livesOf(program).map(({ offset, bytes, writes, reads }) => {
    const steps = [...writes, ...reads];
    return { offset, bytes, from: Math.min(...steps), to: Math.max(...steps) };
  });
  for (const [i, a] of lives.entries())
    for (const b of lives.slice(i + 1)) {
      const meetInMemory = a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
      if (meetInMemory) expect(a.from <= b.to && b.from <= a.to).toBe(false);
    }
});

it("breaks long lines behind blanks, commas and plus signs, and puts what has no room below", () => {
  expect(hanging("unit 0: ", "conv1 conv2d+add+maxPool2d+relu and so on", 36)).toEqual([
    "unit 0: conv1 conv2d+add+maxPool2d+",
    "        relu and so on",
  ]);
  expect(hanging("a long beginning of a line  ", "12,34", 30)).toEqual(["a long beginning of a line", "      12,34"]);
  expect(hanging("short ", "text", 10)).toEqual(["short text"]);
});

/** Small ones; test/slow/print.test.ts has them all. */
it.each(["lenet5", "mlp"])("every stage of %s on every target", async (name) => {
  for (const [i, target] of TARGET_NAMES.entries()) {
    const training = (i + name.length) % 2 === 0;
    const plan = await planOf("test", models.create(name), { target, training, batch: 2, winograd: true });
    for (const text of [overviewText, graphText, unitsText, programText]) {
      expect(text(plan, 100)).not.toMatch(/undefined|\[object/);
      for (const line of text(plan, 100).split("\n")) expect(line.length, line).toBeLessThan(112);
    }
    for (const text of [kernelsText, codeText]) expect(text(plan, 100)).not.toMatch(/undefined|\[object/);
  }
});

describe("a network of two inputs and two outputs", () => {
  class Pair extends nn.Module {
    score = nn.linear({ in: 2, out: 1 });
    override forward({ left, right }: { left: Value; right: Value }) {
      const shown = ops.subtract(left, right);
      return { score: this.score.forward(shown), heads: [ops.relu(shown)] };
    }
  }
  const input = { left: [2], right: [2] };

  it("is printed at every stage, with its inputs and outputs by name", async () => {
    const graph = await printGraph(new Pair(), { input, target: "avx2", winograd: true });
    expect(
      graph
        .split("\n")
        .filter((line) => /input|subtract|relu|linear/.test(line))
        .join("\n"),
    ).toMatchInlineSnapshot(`
      "given: inputs, states and constants
        %0         input "left"              Nx2  f32
        %1         input "right"             Nx2  f32
        %4         subtract(%0, %1)          Nx2  f32
        %5  score  linear(%4, %2)            Nx1  f32
        %7         relu(%4)                  Nx2  f32  -> output "heads.0""
    `);
    for (const print of Object.values(PRINTERS)) {
      expect((await print(new Pair(), { input, target: "wasm", winograd: true })).length).toBeGreaterThan(100);
    }
    const { entry } = await planOf("test", new Pair(), { input, target: "wasm", winograd: true });
    expect(Object.entries(entry.outputs).map(([name, { shape }]) => `${name} ${shape.join("x")}`)).toEqual([
      "score 1",
      "heads.0 2",
    ]);
  });

  it("has no training step of its own", async () => {
    await expect(printGraph(new Pair(), { input, training: true, target: "wasm" })).rejects.toThrow(
      "printGraph: training is of classifiers, and this network has several inputs or outputs; leave training out",
    );
  });

  it("refuses what is no shape", async () => {
    await expect(printGraph(new Pair(), { input: "2x2" as never })).rejects.toThrow(
      'printGraph: input is "2x2", expected [height, width, channels], or the shapes of several inputs by name or in a list',
    );
  });
});
