/**
 * A max pool that is computed as the convolution before it is stored: the bits of a network, forward and backward, are those of the
 * pool by itself, whose image lies in memory.
 */
import { describe, expect, it } from "vitest";
import { compileEntry } from "#fovea/compiler/compile.js";
import { detectTargets } from "#fovea/devices/cpu/native/cpu.js";
import { Session } from "#fovea/devices/cpu/session.js";
import type { Numbers } from "#fovea/devices/index.js";
import type { Value } from "#fovea/graph/graph.js";
import type { Strategy } from "#fovea/kernels/contract/strategy.js";
import { STRATEGIES } from "#fovea/kernels/index.js";
import * as nn from "#fovea/nn/index.js";
import { differentiate, multiply, sum } from "#fovea/ops/index.js";
import { AVX512 } from "#fovea/target/targets.js";
import { random } from "../support/random.js";

const BATCH = 5;
const native = detectTargets();
const apart = STRATEGIES.map((strategy): Strategy => ({ ...strategy, pools: () => false }));

interface Case {
  readonly input: readonly [number, number, number];
  readonly outputs: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: number;
  /** Before the pool, and behind it. */
  readonly relu?: "before" | "behind";
  /** Whether another kind of weight gradient is cheaper with the widest vectors, which reads what the pool would. */
  readonly readsImage?: boolean;
}

const CASES: readonly Case[] = [
  { input: [12, 12, 1], outputs: 6, kernel: 5, relu: "behind" },
  { input: [8, 10, 6], outputs: 16, kernel: 4, relu: "before" }, // the last column and row are in no window
  { input: [31, 7, 3], outputs: 20, kernel: 2 },
  { input: [9, 60, 2], outputs: 33, kernel: 2, stride: 2, relu: "behind", readsImage: true },
  { input: [28, 28, 1], outputs: 6, kernel: 5, padding: 2, relu: "behind" }, // edge tiles have code of their own
  { input: [10, 14, 3], outputs: 8, kernel: 3, padding: 1, relu: "before" },
  { input: [2, 2, 5], outputs: 7, kernel: 1 },
  { input: [6, 6, 24], outputs: 48, kernel: 1, relu: "before" },
];

function network({ input, outputs, kernel, stride = 1, padding = 0, relu }: Case, trains: boolean) {
  const { graph, output, parameters } = nn.trace(
    nn.sequential({
      conv: nn.conv2d({ in: input[2], out: outputs, kernel, stride, padding }),
      ...(relu === "before" ? { relu: nn.relu() } : {}),
      pool: nn.maxPool2d(2),
      ...(relu === "behind" ? { relu: nn.relu() } : {}),
    }),
    { input, training: true },
  );
  const names = [...parameters.keys()];
  const found: Record<string, Value> = { output };
  if (trains) {
    const dy = graph.input("dy", { shape: output.shape, dtype: "f32" }) as unknown as Value;
    const weights = names.map((name) => parameters.get(name)!.value);
    const gradients = differentiate(sum(multiply(output, dy), { batch: true }), weights);
    for (const [i, name] of names.entries()) found[`d ${name}`] = gradients[i]!;
  }
  return {
    entry: { name: "network", outputs: found, assigns: [] },
    names,
    size: output.shape.reduce((a, b) => a * b, 1),
  };
}

describe.each(["avx512", "avx2", "wasm"] as const)("on %s", (backend) => {
  const runs = backend === "wasm" || native.includes(backend);
  for (const trains of [false, true]) {
    it.skipIf(!runs).each(CASES)(
      `${trains ? "trains" : "infers"} %o with the bits of the pool by itself`,
      async (c) => {
        const found: Record<string, Numbers>[] = [];
        for (const strategies of [STRATEGIES, apart]) {
          const session = await Session.create({ backend, threads: 2, check: true, note: () => {} });
          try {
            const { entry, names, size } = network(c, trains);
            const program = compileEntry(entry, {
              target: session.target,
              maxBatch: BATCH,
              strategies,
              winograd: false,
            });
            const kernels = program.kernels.map(({ name }) => name);
            const needsImage = trains && !kernels.includes("routedWeightGradient");
            expect(kernels.includes("maxPool2d")).toBe(strategies === apart || needsImage);
            expect(needsImage).toBe(trains && c.readsImage === true && backend === "avx512");
            const loaded = await session.load(program);
            const rng = random(3);
            // of whole numbers many are equal
            const whole = (count: number) => Float32Array.from({ length: count }, () => Math.round(2 * rng.normal()));
            for (const name of names) await session.writeState(name, whole((await session.readState(name)).length));
            const slot = await loaded.acquire();
            const image = whole(BATCH * c.input.reduce((a, b) => a * b, 1));
            for (const [i, x] of [Number.NaN, Number.POSITIVE_INFINITY, -0].entries()) image[i % image.length] = x;
            for (const batch of [BATCH, 1, 2]) {
              // which of several NaN counts as the first is another matter where their bits differ
              slot.fill("input", trains ? image.map((x) => (Number.isNaN(x) ? 1 : x)) : image);
              if (trains) slot.fill("dy", whole(BATCH * size));
              await slot.run(batch);
              found.push(
                Object.fromEntries(Object.keys(entry.outputs).map((name) => [name, slot.output(name).slice()])),
              );
            }
          } finally {
            await session.close();
          }
        }
        expect(found.slice(0, 3)).toEqual(found.slice(3));
        for (const name of Object.keys(found[0]!)) expect(found[0]![name]!.some((x) => x !== 0)).toBe(true);
      },
    );
  }
});

describe("the choice", () => {
  it("leaves the pool by itself where its image is needed, or its windows overlap or meet a border", () => {
    const kernels = (pool: nn.Module, keeps: boolean) => {
      const { output } = nn.trace(nn.sequential({ conv: nn.conv2d({ in: 1, out: 6, kernel: 5 }), pool }), {
        input: [13, 13, 1],
        training: false,
      });
      const kept: Record<string, Value> = keeps ? { image: output.inputs[0]! } : {};
      const entry = { name: "forward", outputs: { output, ...kept }, assigns: [] };
      return compileEntry(entry, { target: AVX512, maxBatch: 2 }).kernels.map(({ name }) => name);
    };
    expect(kernels(nn.maxPool2d(2), false)).not.toContain("maxPool2d");
    expect(kernels(nn.maxPool2d(2), true)).toContain("maxPool2d");
    expect(kernels(nn.maxPool2d(3), false)).toContain("maxPool2d");
    expect(kernels(nn.maxPool2d(2, { stride: 1 }), false)).toContain("maxPool2d");
    expect(kernels(nn.maxPool2d(2, { padding: 1 }), false)).toContain("maxPool2d");
  });
});
