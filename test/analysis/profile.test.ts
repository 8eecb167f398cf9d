/** Profiles: every step in one row, figures that add up and equal the summary's, hand-worked rooflines, and drawing. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { barsOf } from "#fovea/analysis/profile/figures.js";
import { type Profile, profile, timeSteps } from "#fovea/analysis/profile/profile-node.js";
import { type ProfileRow, rowsOf } from "#fovea/analysis/profile/rows.js";
import { profileRows } from "#fovea/analysis/profile/table.js";
import { drawProfile } from "#fovea/analysis/profile/write-node.js";
import { summarize } from "#fovea/analysis/summary.js";
import { layerNames } from "#fovea/cli/commands/profile/text.js";
import type { Kernel } from "#fovea/codegen/ir.js";
import type { Place, PlannedNode, PlannedUnit, Program, Step } from "#fovea/compiler/program.js";
import { create } from "#fovea/models/index.js";
import * as nn from "#fovea/nn/index.js";
import { call, registerOp } from "#fovea/ops/registry.js";

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

it.each([1, 2])("a profile times ops that are computed by their reference, by %i threads", async (threads) => {
  const swap = registerOp({
    name: `my.swap${threads}`,
    infer: ([x]) => x!,
    gradient: ({ upstream }) => [upstream],
    reference: ([x]) => {
      const until = performance.now() + 3;
      while (performance.now() < until);
      return x!;
    },
  });
  const slow = nn.sequential({ slow: new nn.Activation((x) => call(swap, [x])), fc: nn.linear({ in: 4, out: 2 }) });
  const options = { input: [4], batch: 2, threads, repeats: 1, note: () => {} };
  const { programs } = await profile(slow, options);
  for (const { rows } of programs) {
    const row = rows.find(({ strategy }) => strategy === "reference")!;
    expect(row.layer).toBe("slow");
    expect(row.milliseconds).toBeGreaterThanOrEqual(3);
  }
});

describe.each([
  { title: "on the backend that is chosen", backend: undefined, threads: 1 },
  { title: "with WebAssembly", backend: "wasm" as const, threads: 1 },
  { title: "on two threads", backend: undefined, threads: 2 },
])("a profile $title", ({ backend, threads }) => {
  const model = create("resnet20");
  const batch = 2;
  let found: Profile;

  it("adds up: every step is in one row, and the rows make the total", async () => {
    found = await profile(model, { batch, backend, threads, repeats: 2 });
    expect(found.programs.map(({ what }) => what)).toEqual(["infer", "train"]);
    for (const { rows, total, passes, repeats } of found.programs) {
      const steps = rows.flatMap((row) => row.steps.map(({ step }) => step)).sort((a, b) => a - b);
      expect(steps).toEqual(steps.map((_, i) => i));
      expect(repeats).toBe(2);
      expect(sum(rows.map((row) => row.milliseconds))).toBeCloseTo(total.milliseconds, 9);
      expect(sum(passes.map((pass) => pass.milliseconds))).toBeCloseTo(total.milliseconds, 9);
      expect(sum(rows.map((row) => row.share))).toBeCloseTo(1, 9);
      expect(rows.every((row) => row.steps.every((step) => step.milliseconds > 0 && step.pieces > 0))).toBe(true);
    }
  });

  it("counts the multiply-adds of the summary", async () => {
    const { multiplyAdds, trainingMultiplyAdds } = await summarize(model);
    const [infer, train] = found.programs;
    expect([infer!.total.multiplyAdds, train!.total.multiplyAdds]).toEqual([
      batch * multiplyAdds,
      batch * trainingMultiplyAdds,
    ]);
    expect(train!.passes.find(({ pass }) => pass === "forward")!.multiplyAdds).toBe(batch * multiplyAdds);
  });

  it("lists all layers of a fused step, and tells passes apart", () => {
    const [infer, train] = found.programs;
    const last = infer!.rows.find((row) => row.layer === "layer1.0.conv2")!;
    expect([last.layers, last.pass, last.computes]).toEqual([
      ["layer1.0.conv2", "layer1.0.bn2", "layer1.0"],
      "forward",
      "conv2d+affine+add+relu",
    ]);
    const conv = train!.rows.filter((row) => row.layers.includes("layer1.0.conv1"));
    expect(new Set(conv.map(({ pass }) => pass))).toEqual(new Set(["forward", "backward", "update"]));
    const gradients = conv.filter(({ pass }) => pass === "backward").map(({ computes }) => computes.split("+")[0]);
    expect(gradients.sort()).toEqual(["conv2dInputGrad", "conv2dWeightGrad"]);
    expect(train!.passes.map(({ pass }) => pass)).toEqual(["forward", "backward", "packing", "update", "loss"]);
    expect(infer!.preparation.length).toBeGreaterThan(0);
  });

  it("measures the machine, and is plain data", () => {
    expect(found.machine).toMatchObject({ threads });
    expect(found.machine.gflops).toBeGreaterThan(0.5);
    expect(found.machine.gigabytesPerSecond).toBeGreaterThan(0.1);
    expect(structuredClone(found)).toEqual(found);
    expect(JSON.parse(JSON.stringify(found))).toEqual(found);
  });

  it("is drawn and tabled", async () => {
    const drawn = await drawProfile("resnet20", found);
    expect([...drawn.keys()]).toEqual(["infer-time", "infer-roofline", "train-time", "train-roofline"]);
    const time = drawn.get("train-time")!.svg;
    for (const word of [
      "layer1.0.conv1",
      "packing of weights",
      "update",
      "forward",
      "backward",
      "time of a batch (ms)",
    ])
      expect(time).toContain(word);
    expect(drawn.get("train-roofline")!.svg).toContain("operations a byte moved");
    expect([...drawn.values()].some(({ svg }) => svg.includes("var(--") || svg.includes("NaN"))).toBe(false);
    expect(profileRows(found)).toHaveLength(sum(found.programs.map(({ rows }) => rows.length)));
  });
});

describe("rows", () => {
  const node = (path: string, op: string, more: Partial<PlannedNode> = {}): PlannedNode => ({
    path,
    op,
    multiplyAdds: 0,
    isBatched: true,
    isForward: true,
    isAssigned: false,
    ...more,
  });
  const place = (region: Place["region"], offset: number, bytes: number): Place => ({
    region,
    offset,
    bytes,
    label: "",
  });
  const kernel = (name: string, ...access: ("read" | "write" | "readwrite")[]) =>
    ({ name, operands: access.map((a, i) => ({ name: `${i}`, access: a })) }) as unknown as Kernel;
  const step = (kernel: number, unit: PlannedUnit, ...operands: Place[]): Step => ({
    kernel,
    unit,
    operands,
    pieces: { count: 3, samples: 2 },
    label: "",
    barrier: false,
    nanoseconds: { fixed: 0, perSample: 0 },
  });
  const named = { layers: new Set(["", "conv", "relu", "bn"]), parameters: new Set(["conv.weight"]) };
  const program = (steps: readonly Step[]) =>
    ({
      maxBatch: 4,
      prepare: [],
      steps,
      kernels: [kernel("k", "read", "write"), kernel("add", "readwrite", "read")],
    }) as unknown as Program;
  const machine = { gflops: 100, gigabytesPerSecond: 10 };

  it("are a unit each: its steps together, what two of them read once, workspaces never", () => {
    const unit = {
      strategy: "direct",
      isPacking: false,
      nodes: [node("conv", "conv2d", { multiplyAdds: 1e6 }), node("relu", "relu", { multiplyAdds: 5e4 })],
    };
    const input = place("scratch", 0, 1e5);
    const output = place("scratch", 1e5, 2e5);
    const [row, ...others] = rowsOf(
      program([
        step(0, unit, input, output),
        step(0, unit, input, output),
        step(1, unit, place("workspace", 0, 1e6), place("store", 0, 1e5)),
      ]),
      "steps",
      [0.1, 0.2, 0.1],
      named,
      machine,
    );
    expect(others).toEqual([]);
    // 2 x 4 samples x 1e6 and 4 x 5e4 operations; read 0.1 + 0.1 and write 0.2 million bytes
    expect(row).toMatchObject({
      layer: "conv",
      layers: ["conv", "relu"],
      pass: "forward",
      computes: "conv2d+relu",
      strategy: "direct",
      multiplyAdds: 4e6,
      operations: 8.2e6,
      bytes: 4e5,
      intensity: 20.5,
      bound: "peak",
      share: 1,
    });
    expect(row!.milliseconds).toBeCloseTo(0.4, 12);
    expect(row!.gflops).toBeCloseTo(20.5, 9);
    // 8.2e6 operations at 100 GFLOP/s are 0.082 ms, 4e5 bytes at 10 GB/s 0.04 ms
    expect(row!.ofRoofline).toBeCloseTo(0.082 / 0.4, 9);
    expect(row!.steps.map(({ kernel, pieces, bytes }) => [kernel, pieces, bytes])).toEqual([
      ["k", 6, 3e5],
      ["k", 6, 3e5],
      ["add", 6, 1e5],
    ]);
  });

  it("have the slope of memory for a roof where few operations are done", () => {
    const unit = { strategy: "elementwise", isPacking: false, nodes: [node("relu", "relu", { multiplyAdds: 1e4 })] };
    const [row] = rowsOf(
      program([step(1, unit, place("scratch", 0, 1e5), place("scratch", 1e5, 2e5))]),
      "steps",
      [0.05],
      named,
      machine,
    );
    expect(row).toMatchObject({ operations: 4e4, bytes: 4e5, intensity: 0.1, bound: "memory" });
    expect(row!.ofRoofline).toBeCloseTo(0.04 / 0.05, 9);
  });

  it("know what a step is for", () => {
    const passes = (strategy: string, nodes: PlannedNode[], isPacking = false) =>
      rowsOf(
        program([step(0, { strategy, isPacking, nodes }, place("scratch", 0, 8), place("scratch", 8, 8))]),
        "steps",
        [1],
        named,
        machine,
      ).map(({ pass, layers }) => [pass, layers.join()])[0];
    const back = { isForward: false };
    expect(passes("direct", [node("conv", "conv2dInputGrad", back), node("relu", "reluGrad", back)])).toEqual([
      "backward",
      "conv,relu",
    ]);
    // The update of a weight, melted into its gradient, is still the gradient.
    expect(
      passes("linear", [
        node("conv", "conv2dWeightGrad", back),
        node("conv.weight", "add", { ...back, isAssigned: true }),
      ]),
    ).toEqual(["backward", "conv"]);
    expect(
      passes("elementwise", [
        node("conv.weight", "multiply", back),
        node("conv.weight", "add", { ...back, isAssigned: true }),
      ]),
    ).toEqual(["update", "conv"]);
    expect(passes("elementwise", [node("bn", "add", { ...back, isAssigned: true })])).toEqual(["update", "bn"]);
    expect(passes("direct", [node("conv", "state", back)], true)).toEqual(["packing", "conv"]);
    expect(passes("softmax", [node("loss", "crossEntropyGrad", back)])).toEqual(["loss", ""]);
    expect(passes("softmax", [node("probabilities", "softmax")])).toEqual(["other", ""]);
    // What the network itself does between its layers is its own.
    expect(passes("elementwise", [node("", "add")])).toEqual(["forward", ""]);
  });

  it("make bars in the order of the layers, forward before backward, the rest last", () => {
    const row = (layer: string, pass: ProfileRow["pass"], milliseconds: number) =>
      ({ layer, pass, milliseconds }) as ProfileRow;
    expect(
      barsOf([
        row("conv", "packing", 1),
        row("conv", "forward", 2),
        row("relu", "forward", 3),
        row("relu", "backward", 4),
        row("conv", "backward", 5),
      ]).map(({ name, side, from, to }) => [name, side, from, to]),
    ).toEqual([
      ["conv", "forward", 0, 2],
      ["conv", "backward", 2, 7],
      ["relu", "forward", 0, 3],
      ["relu", "backward", 3, 7],
      ["packing of weights", "outside layers", 0, 1],
    ]);
    // Many layers are drawn by their blocks.
    const many = Array.from({ length: 60 }, (_, i) => row(`layer${i % 3}.${i}`, "forward", 1));
    expect(barsOf(many).map(({ name, to }) => [name, to])).toEqual([
      ["layer0", 20],
      ["layer1", 20],
      ["layer2", 20],
    ]);
  });
});

describe("a profile that cannot be", () => {
  const model = create("lenet5");
  it.each([
    [{ batch: 0 }, "profile: batch 0: expected a whole number of at least 1"],
    [{ batch: 1.5 }, "profile: batch 1.5"],
    [{ threads: 0 }, "profile: threads 0"],
    [{ backend: "interpreter" as const, repeats: 1 }, "the interpreter checks instead of being fast"],
    [{ memoryLimit: 1e5 }, "the least that would do is a memoryLimit of"],
  ])("says why: %j", async (options, message) => {
    await expect(profile(model, options)).rejects.toThrow(message);
  });

  it("stops between runs", async () => {
    const { programs } = await profile(model, {
      batch: 1,
      what: ["infer"],
      repeats: 1000,
      signal: AbortSignal.abort(),
    });
    expect(programs[0]!.repeats).toBe(1);
  });
});

it("says what is computed again where memory is scarce", async () => {
  const options = { batch: 16, what: ["train"] as const, repeats: 1, memoryLimit: 26e6 };
  const { programs } = await profile(create("resnet20"), options);
  const again = programs[0]!.rows.filter(({ isAgain }) => isAgain);
  expect(again.length).toBeGreaterThan(0);
  expect(again.every(({ pass }) => pass === "forward")).toBe(true);
  const steps = programs[0]!.rows.flatMap((row) => row.steps.map(({ step }) => step));
  expect(new Set(steps).size).toBe(steps.length);
});

it("names neighbours of a block together", () => {
  expect(layerNames(["layer1.0.conv2", "layer1.0.bn2", "layer1.0"])).toBe("layer1.0.{conv2,bn2} + layer1.0");
  expect(layerNames(["conv1", "relu1"])).toBe("conv1 + relu1");
  expect(layerNames([])).toBe("");
});

it("leaves the walkers that programs run on without a clock", () => {
  const source = (file: string) => readFileSync(new URL(`../../src/devices/cpu/team/${file}`, import.meta.url), "utf8");
  const clock = /performance|hrtime|Date\b|Timing/;
  expect(source("crew.ts")).not.toMatch(clock);
  const walk = source("walk.ts");
  const alone = walk.slice(
    walk.indexOf("export function walkAlone"),
    walk.indexOf("export async function walkInSlices"),
  );
  expect(alone).toContain("functions[");
  expect(alone).not.toMatch(clock);
  expect(timeSteps.toString()).toContain("walk");
});
