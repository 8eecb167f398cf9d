/** A convolution in front of pools whose windows lie in the padding: what goes nowhere is not in the bias's gradient either. */
import { describe, expect, it } from "vitest";
import { compileEntry } from "#fovea/compiler/compile.js";
import { detectTargets } from "#fovea/devices/cpu/native/cpu.js";
import { Session } from "#fovea/devices/cpu/session.js";
import type { Value } from "#fovea/graph/graph.js";
import * as nn from "#fovea/nn/index.js";
import { differentiate, multiply, sum } from "#fovea/ops/index.js";

const native = detectTargets();

describe.each(["avx512", "avx2", "wasm"] as const)("on %s", (backend) => {
  it.skipIf(backend !== "wasm" && !native.includes(backend)).each([3, 5, 20])(
    "%i channels: maxima of windows of 1x1 at stride 2, padding 1",
    async (channels) => {
      const network = nn.sequential({
        conv: nn.conv2d({ in: 1, out: channels, kernel: 1 }),
        pool: nn.maxPool2d(1, { stride: 2, padding: 1 }),
      });
      const { graph, output, parameters } = nn.trace(network, { input: [4, 4, 1], training: true });
      const dy = graph.input("dy", output);
      const bias = parameters.get("conv.bias")!.value;
      const [gradient] = differentiate(sum(multiply(output, dy), { batch: true }), [bias]);
      const session = await Session.create({ backend, threads: 1, check: true, note: () => {} });
      try {
        const outputs: Record<string, Value> = { y: output, gradient: gradient! };
        const entry = { name: "pool", outputs, assigns: [] };
        const loaded = await session.load(compileEntry(entry, { target: session.target, maxBatch: 1 }));
        await session.writeState("conv.weight", new Float32Array(channels).fill(2));
        await session.writeState("conv.bias", new Float32Array(channels).fill(-100));
        const slot = await loaded.acquire();
        slot.fill(
          "input",
          Array.from({ length: 16 }, (_, i) => i),
        );
        // 1 for the first window, 2, 4 ... for the next: nine windows, four of them on the pixels 5, 7, 13 and 15.
        slot.fill(
          "dy",
          Array.from({ length: 9 * channels }, (_, i) => [1, 2, 4, 8, 16, 32, 64, 128, 256][Math.floor(i / channels)]!),
        );
        await slot.run(1);
        const first = Array.from(slot.output("y")).filter((_, i) => i % channels === 0);
        const none = -Infinity;
        expect(first).toEqual([none, none, none, none, -90, -86, none, -74, -70]);
        expect(Array.from(slot.output("gradient"))).toEqual(new Array<number>(channels).fill(16 + 32 + 128 + 256));
        slot.release();
      } finally {
        await session.close();
      }
    },
  );
});
