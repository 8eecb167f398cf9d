/**
 * A pool behind batch normalisation computes it as it reads: the normalised image is not in memory, and every number has the
 * bits that it has where the image is handed back and so must be there.
 */
import { describe, expect, it } from "vitest";
import { compileEntry } from "#fovea/compiler/compile.js";
import { detectTargets } from "#fovea/devices/cpu/native/cpu.js";
import { Session } from "#fovea/devices/cpu/session.js";
import type { Value } from "#fovea/graph/graph.js";
import * as nn from "#fovea/nn/index.js";
import { avgPool2d, differentiate, maxPool2d, multiply, scale, subtract, sum } from "#fovea/ops/index.js";
import { AVX512 } from "#fovea/target/targets.js";
import { sgd } from "#fovea/train/optimizers/sgd.js";
import { trainingEntries } from "#fovea/train/step.js";
import { random } from "../support/random.js";

const BATCH = 5;
const native = detectTargets();

/** y = pool(normalize(x)), the gradients of its product with dy, and weights that learn by them. */
function network(shape: readonly number[], pool: (x: Value) => Value) {
  const channels = shape[2]!;
  const { graph, input, output, parameters, updates } = nn.trace(nn.batchNorm2d({ channels }), {
    input: shape as [number, number, number],
    training: true,
  });
  const y = pool(output);
  const dy = graph.input("dy", { shape: y.shape, dtype: "f32", batched: true } as never);
  const weights = [...parameters.values()].map(({ value }) => value);
  const [dx, ...gradients] = differentiate(sum(multiply(y, dy), { batch: true }), [input, ...weights]);
  const learned = weights.map((value, i) => ({ state: value, value: subtract(value, scale(gradients[i]!, 0.1)) }));
  return { normalized: output, outputs: { y, dx: dx! }, assigns: [...updates, ...learned] as typeof updates, y };
}

const CASES = [
  {
    what: "3x3 of stride 2",
    shape: [9, 8, 37],
    pool: (x: Value) => maxPool2d(x, [3, 3], { stride: [2, 2], padding: [1, 1] }),
  },
  { what: "2x2", shape: [6, 8, 16], pool: (x: Value) => maxPool2d(x, [2, 2]) },
  {
    what: "3x3 with gaps, of three channels",
    shape: [11, 7, 3],
    pool: (x: Value) => maxPool2d(x, [3, 3], { stride: [4, 4] }),
  },
  { what: "one pixel", shape: [1, 1, 20], pool: (x: Value) => maxPool2d(x, [1, 1]) },
  { what: "5x5 of many channels", shape: [7, 7, 160], pool: (x: Value) => maxPool2d(x, [5, 5], { stride: [1, 1] }) },
  { what: "the mean of all", shape: [5, 6, 24], pool: (x: Value) => avgPool2d(x, [5, 6]) },
] as const;

describe.each(["avx512", "avx2", "wasm"] as const)("on %s", (backend) => {
  const runs = backend === "wasm" || native.includes(backend);
  it.skipIf(!runs).each(CASES)("computes the normalised image as it reads it: $what", async ({ shape, pool }) => {
    const found = [];
    for (const keeps of [false, true]) {
      const { normalized, outputs, assigns, y } = network(shape, pool);
      const session = await Session.create({ backend, threads: 1, check: true, note: () => {} });
      try {
        const entry = { name: "pooled", outputs: keeps ? { ...outputs, normalized } : outputs, assigns };
        const program = compileEntry(entry, { target: session.target, maxBatch: BATCH });
        const has = (name: string) => (node: { op: string }) => node.op.includes(name);
        const alone = program.steps.filter(
          ({ unit }) => unit?.nodes.some(has("normalize")) && !unit.nodes.some(has("Pool2d")),
        );
        expect(alone).toHaveLength(keeps ? 1 : 0);
        const loaded = await session.load(program);
        const rng = random(7);
        const draw = (size: number) => Float32Array.from({ length: size }, () => rng.normal());
        for (const name of ["weight", "bias", "running_mean", "running_var"])
          await session.writeState(name, draw(shape[2]));
        const slot = await loaded.acquire();
        slot.fill("input", draw(BATCH * shape.reduce<number>((a, b) => a * b, 1)));
        slot.fill("dy", draw(BATCH * y.shape.reduce((a, b) => a * b, 1)));
        await slot.run(BATCH);
        found.push([
          ...Object.keys(outputs).map((name) => slot.output(name).slice()),
          await session.readState("weight"),
          await session.readState("bias"),
        ]);
        slot.release();
      } finally {
        await session.close();
      }
    }
    expect(found[0]).toEqual(found[1]);
  });
});

it("says of a training step in which pass it is computed", () => {
  const net = nn.sequential({
    conv1: nn.conv2d({ in: 3, out: 16, kernel: 3, padding: 1, bias: false }),
    bn1: nn.batchNorm2d({ channels: 16 }),
    relu1: nn.relu(),
    pool1: nn.maxPool2d([2, 2]),
    flatten: nn.flatten(),
    fc: nn.linear({ in: 64, out: 5 }),
  });
  const { step } = trainingEntries(net, [4, 4, 3], sgd({ lr: 0.1 }));
  const { steps } = compileEntry(step, { target: AVX512, maxBatch: 2 });
  const pools = steps.flatMap(({ unit }) => (unit?.nodes.some(({ op }) => op.includes("Pool2d")) ? [unit.nodes] : []));
  expect(pools.map((nodes) => nodes.map(({ op, isForward }) => `${op} ${isForward}`))).toEqual([
    ["normalize true", "maxPool2d true", "relu true"],
    ["normalize false", "maxPool2dGrad false"],
  ]);
});
