/**
 * The gradient of a max pool behind a convolution is in memory only where it is handed back; the gradients of what is in front
 * have the same bits either way.
 */
import { describe, expect, it } from "vitest";
import { compileEntry } from "#fovea/compiler/compile.js";
import { detectTargets } from "#fovea/devices/cpu/native/cpu.js";
import { Session } from "#fovea/devices/cpu/session.js";
import type { Numbers } from "#fovea/devices/index.js";
import type { Value } from "#fovea/graph/graph.js";
import * as nn from "#fovea/nn/index.js";
import { differentiate, multiply, sum } from "#fovea/ops/index.js";
import { random } from "../support/random.js";

const BATCH = 5;
const native = detectTargets();

/** Two convolutions, each in front of a pool, and the gradients of the product with dy. */
function network() {
  const { graph, input, output, parameters } = nn.trace(
    nn.sequential({
      conv1: nn.conv2d({ in: 1, out: 6, kernel: 5, padding: 2 }),
      relu1: nn.relu(),
      pool1: nn.maxPool2d(2),
      conv2: nn.conv2d({ in: 6, out: 16, kernel: 5 }),
      relu2: nn.relu(),
      pool2: nn.maxPool2d(2),
    }),
    { input: [16, 16, 1], training: true },
  );
  const dy = graph.input("dy", { shape: output.shape, dtype: "f32" }) as unknown as Value;
  const names = [...parameters.keys()];
  const weights = names.map((name) => parameters.get(name)!.value);
  const [dx, ...gradients] = differentiate(sum(multiply(output, dy), { batch: true }), [input, ...weights]);
  const outputs: Record<string, Value> = { dx: dx! };
  for (const [i, name] of names.entries()) outputs[`d ${name}`] = gradients[i]!;
  const pooled = ["conv1", "conv2"].map((name) => outputs[`d ${name}.weight`]!.inputs[1]!);
  return { outputs, names, pooled };
}

describe.each(["avx512", "avx2", "wasm"] as const)("on %s", (backend) => {
  const runs = backend === "wasm" || native.includes(backend);
  it.skipIf(!runs)("computes gradients through max pools without the pools' own", async () => {
    const found: Record<string, Numbers>[] = [];
    for (const keeps of [false, true]) {
      const { outputs, names, pooled } = network();
      expect(pooled.map(({ op }) => op.name)).toEqual(["maxPool2dGrad", "maxPool2dGrad"]);
      const kept: Record<string, Value> = keeps ? { "pool 1": pooled[0]!, "pool 2": pooled[1]! } : {};
      const entry = { name: "gradients", outputs: { ...outputs, ...kept }, assigns: [] };
      const session = await Session.create({ backend, threads: 2, check: true, note: () => {} });
      try {
        const program = compileEntry(entry, { target: session.target, maxBatch: BATCH });
        const kernels = program.steps.map((step) => program.kernels[step.kernel]!.name);
        expect(kernels.filter((name) => name === "maxPool2dGrad")).toHaveLength(keeps ? 2 : 0);
        expect(kernels.filter((name) => name === "routedWeightGradient")).toHaveLength(2);
        expect(kernels.filter((name) => name === "routedInputGradient").length).toBeGreaterThanOrEqual(1);
        const loaded = await session.load(program);
        const rng = random(3);
        const draw = (size: number) => Float32Array.from({ length: size }, () => rng.normal());
        for (const name of names) await session.writeState(name, draw((await session.readState(name)).length));
        const slot = await loaded.acquire();
        slot.fill("input", draw(BATCH * 16 * 16));
        slot.fill("dy", draw(BATCH * 2 * 2 * 16));
        await slot.run(BATCH);
        found.push(Object.fromEntries(Object.keys(outputs).map((name) => [name, slot.output(name).slice()])));
      } finally {
        await session.close();
      }
    }
    expect(found[0]).toEqual(found[1]);
    for (const gradient of Object.values(found[0]!)) expect(gradient.some((x) => x !== 0)).toBe(true);
  });
});
