/** Machines that are not built: other registers and caches than those that there are. */
import { describe, expect, it } from "vitest";
import { encodeX64 } from "#fovea/codegen/x64/encode.js";
import { compileEntry } from "#fovea/compiler/compile.js";
import { Session } from "#fovea/devices/cpu/session.js";
import type { Shape } from "#fovea/graph/shape.js";
import { predictionEntry } from "#fovea/model/prediction.js";
import { initialWeights, writeWeights } from "#fovea/model/weights/weights.js";
import { create } from "#fovea/models/index.js";
import * as nn from "#fovea/nn/index.js";
import type { Target } from "#fovea/target/target.js";
import { AVX2, AVX512 } from "#fovea/target/targets.js";
import { sgd } from "#fovea/train/optimizers/sgd.js";
import { trainingEntries } from "#fovea/train/step.js";

/** Half of the registers, and of every cache. */
function halved(target: Target): Target {
  const { registers, caches } = target;
  return {
    ...target,
    registers: { ...registers, vector: registers.vector / 2 },
    caches: { l1: caches.l1 / 2, l2: caches.l2 / 2, l3: caches.l3 / 2 },
  };
}

const NETWORKS: Readonly<Record<string, () => { module: nn.Module; input: Shape }>> = {
  "LeNet-5": () => create("lenet5"),
  "a depthwise network": () => ({
    module: nn.sequential(
      nn.conv2d({ in: 3, out: 24, kernel: 3, stride: 2, padding: 1 }),
      nn.relu(),
      nn.conv2d({ in: 24, out: 24, kernel: 3, padding: 1, groups: 24 }),
      nn.relu(),
      nn.conv2d({ in: 24, out: 40, kernel: 1 }),
      nn.adaptiveAvgPool2d(1),
      nn.flatten(),
      nn.linear({ in: 40, out: 5 }),
    ),
    input: [12, 10, 3],
  }),
};

describe.each(Object.entries(NETWORKS))("half a machine, for %s", (_, network) => {
  it.each([AVX512, AVX2])("has kernels of its own, which encode: of $name", (whole) => {
    const half = halved(whole);
    const keysFor = (target: Target) => {
      const { module, input } = network();
      const { step } = trainingEntries(module, input, sgd({ lr: 0.1, momentum: 0.9 }));
      const kernels = [step, predictionEntry(module, input).entry].flatMap(
        (entry) => compileEntry(entry, { target, maxBatch: 4 }).kernels,
      );
      for (const kernel of kernels) {
        expect(kernel.target.registers).toEqual(target.registers);
        expect(encodeX64(kernel).length).toBeGreaterThan(0);
      }
      return new Set(kernels.map(({ key }) => key));
    };
    const own = keysFor(half);
    expect(own.size).toBeGreaterThan(5);
    expect([...keysFor(whole)].filter((key) => own.has(key))).toEqual([]);
  });

  it("computes what the whole does", async () => {
    const answer = async (interpreterTarget: Target) => {
      const { module, input } = network();
      const session = await Session.create({ backend: "interpreter", interpreterTarget });
      const { entry } = predictionEntry(module, input);
      const program = await session.load(compileEntry(entry, { target: session.target, maxBatch: 2 }));
      await writeWeights(session, initialWeights(module, 7));
      const slot = await program.acquire();
      const size = 2 * input.reduce((product, extent) => product * extent, 1);
      slot.fill(
        "input",
        Float32Array.from({ length: size }, (_, i) => ((i * 37) % 101) / 50 - 1),
      );
      await slot.run(2);
      const probabilities = [...slot.output("probabilities")];
      await session.close();
      return probabilities;
    };
    const [half, whole] = [await answer(halved(AVX512)), await answer(AVX512)];
    expect(half.length).toBe(whole.length);
    for (const [i, p] of half.entries()) expect(p).toBeCloseTo(whole[i]!, 6);
    expect(new Set(whole).size).toBeGreaterThan(5);
  });
});

describe("a machine of smaller caches", () => {
  const small: Target = { ...AVX512, caches: { ...AVX512.caches, l2: AVX512.caches.l2 / 4 } };
  const compiled = (target: Target, channels: number) => {
    const net = nn.conv2d({ in: channels, out: 32, kernel: 3, padding: 1 });
    const { entry } = predictionEntry(net, [32, 32, channels]);
    return compileEntry(entry, { target, maxBatch: 16, winograd: false });
  };
  const piecesOf = (target: Target, channels: number) => {
    const { steps } = compiled(target, channels);
    return steps.find(({ unit }) => unit?.strategy === "direct")!.pieces.count;
  };

  it("cuts a large image into more pieces", () => {
    expect(piecesOf(small, 64)).toBeGreaterThan(piecesOf(AVX512, 64));
  });

  it("shares kernels where the code is the same: caches and costs are in no key", () => {
    const slow: Target = { ...small, costs: { ...small.costs, store: 100 } };
    const keys = (target: Target) => compiled(target, 4).kernels.map(({ key }) => key);
    expect(keys(slow)).toEqual(keys(AVX512));
  });
});
