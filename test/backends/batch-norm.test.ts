/**
 * Batch normalisation as it is compiled: beside the float64 meaning where the mean hides the variance (a plain sum of
 * squares would lose all of it), and melted into the convolution before it where it only predicts.
 */
import { describe, expect, it } from "vitest";
import { compileEntry } from "#fovea/compiler/compile.js";
import { detectTargets } from "#fovea/devices/cpu/native/cpu.js";
import { Session } from "#fovea/devices/cpu/session.js";
import { evaluate } from "#fovea/graph/evaluate.js";
import type { Tensor } from "#fovea/graph/tensor.js";
import * as nn from "#fovea/nn/index.js";
import { differentiate, multiply, sum } from "#fovea/ops/index.js";
import { random } from "../support/random.js";

const native = detectTargets();

describe.each(["avx512", "avx2", "wasm"] as const)("on %s", (backend) => {
  const runs = backend === "wasm" || native.includes(backend);
  it.skipIf(!runs).each([
    [7, 5, 3],
    [40, 33, 16],
    [3, 2, 37],
  ])("trains %ix%ix%i around a mean of a thousand as the float64 meaning does", async (...shape) => {
    const channels = shape[2]!;
    const batch = 6;
    const rng = random(channels);
    const draw = (size: number, mean: number, deviation: number) =>
      Float32Array.from({ length: size }, () => mean + deviation * rng.normal());
    const { graph, input, output, parameters, updates } = nn.trace(nn.batchNorm2d({ channels, momentum: 0.5 }), {
      input: shape,
      training: true,
    });
    const dy = graph.input("dy", output);
    const loss = sum(multiply(output, dy), { batch: true });
    const [dx, dweight, dbias] = differentiate(loss, [input, ...[...parameters.values()].map(({ value }) => value)]);
    const outputs = { y: output, dx: dx!, dweight: dweight!, dbias: dbias! };
    const session = await Session.create({ backend, threads: 1, check: true, note: () => {} });
    try {
      const entry = { name: "norm", outputs, assigns: updates };
      const loaded = await session.load(compileEntry(entry, { target: session.target, maxBatch: batch }));
      const size = batch * shape.reduce((a, b) => a * b, 1);
      const inputs = { input: draw(size, 1000, 1), dy: draw(size, 0, 1) };
      const states = {
        weight: draw(channels, 1, 0.1),
        bias: draw(channels, 0, 1),
        running_mean: draw(channels, 990, 1),
        running_var: draw(channels, 3, 0.1),
      };
      for (const [name, data] of Object.entries(states)) await session.writeState(name, data);
      const slot = await loaded.acquire();
      for (const [name, data] of Object.entries(inputs)) slot.fill(name, data);
      await slot.run(batch);
      const whole = (data: Float32Array): Tensor => ({ shape: [batch, ...shape], data: Float64Array.from(data) });
      const expected = evaluate(
        [...Object.values(outputs), ...updates.map(({ value }) => value)],
        {
          inputs: { input: whole(inputs.input), dy: whole(inputs.dy) },
          states: Object.fromEntries(
            Object.entries(states).map(([name, data]) => [name, { shape: [channels], data: Float64Array.from(data) }]),
          ),
        },
        batch,
      );
      const got = [
        ...Object.keys(outputs).map((name) => slot.output(name)),
        await session.readState("running_mean"),
        await session.readState("running_var"),
      ];
      slot.release();
      for (const [i, tensor] of expected.entries()) {
        const largest = tensor.data.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
        // A float32 sum of thousands gives the mean to 1e-4, which stays in what is centred by it. A sum of squares: 0.1.
        const off = tensor.data.reduce((most, x, n) => Math.max(most, Math.abs(got[i]![n]! - x)), 0) / largest;
        expect(off, `output ${i}`).toBeLessThan(4e-4);
      }
    } finally {
      await session.close();
    }
  });
});

it("predicts with a multiply-add in the convolution's store, its factors made when weights change", async () => {
  const net = nn.sequential({
    conv1: nn.conv2d({ in: 16, out: 32, kernel: 3, padding: 1, bias: false }),
    bn1: nn.batchNorm2d({ channels: 32 }),
    relu1: nn.relu(),
  });
  const { output } = nn.trace(net, { input: [8, 8, 16], training: false });
  const session = await Session.create({ threads: 1, note: () => {} });
  try {
    const entry = { name: "predict", outputs: { y: output }, assigns: [] };
    const program = compileEntry(entry, { target: session.target, maxBatch: 1 });
    expect(program.steps).toHaveLength(1);
    expect(program.kernels[program.steps[0]!.kernel]!.key).toMatch(/"affine".*"relu"/);
    expect(program.prepare.length).toBeGreaterThan(1);
  } finally {
    await session.close();
  }
});
