/** A gate a sample and channel, a gate a pixel, and both as they are compiled: forward and backward beside the float64 meaning. */
import { describe, expect, it } from "vitest";
import { compileEntry } from "#fovea/compiler/compile.js";
import { detectTargets } from "#fovea/devices/cpu/native/cpu.js";
import { Session } from "#fovea/devices/cpu/session.js";
import { evaluate } from "#fovea/graph/evaluate.js";
import type { Value } from "#fovea/graph/graph.js";
import { tensor } from "#fovea/graph/tensor.js";
import * as nn from "#fovea/nn/index.js";
import { differentiate, multiply, sigmoid, sum } from "#fovea/ops/index.js";
import { random } from "../support/random.js";

/** Squeeze and excitation (Hu et al. 2018), then a gate a pixel, as in attention blocks. */
class Gated extends nn.Module {
  readonly conv: nn.Module;
  readonly squeeze: nn.Module;
  readonly pixel: nn.Module;

  constructor(
    channels: number,
    readonly keepsImage: boolean,
  ) {
    super();
    this.conv = nn.conv2d({ in: 3, out: channels, kernel: 3, padding: 1 });
    this.squeeze = keepsImage
      ? nn.sequential(nn.adaptiveAvgPool2d(1), nn.conv2d({ in: channels, out: channels, kernel: 1 }))
      : nn.sequential(nn.globalAvgPool2d(), nn.linear({ in: channels, out: channels }));
    this.pixel = nn.conv2d({ in: channels, out: 1, kernel: 1 });
  }
  override forward(x: Value): Value {
    const image = this.conv.forward(x);
    const gated = multiply(image, sigmoid(this.squeeze.forward(image)));
    return multiply(gated, sigmoid(this.pixel.forward(gated)));
  }
}

const native = detectTargets();

describe.each(["avx512", "avx2", "wasm"] as const)("on %s", (backend) => {
  it.skipIf(backend !== "wasm" && !native.includes(backend)).each([
    [2, false],
    [3, true],
    [5, false],
    [16, true],
    [37, false],
  ])("trains %i channels behind gates (images of 1x1: %s)", async (channels, keepsImage) => {
    const batch = 3;
    const input = [5, 4, 3];
    const network = new Gated(channels, keepsImage);
    const { graph, output, parameters } = nn.trace(network, { input, training: true });
    const dy = graph.input("dy", output);
    const wrt = [...parameters.values()].map(({ value }) => value);
    const gradients = differentiate(sum(multiply(output, dy), { batch: true }), wrt);
    const outputs: Record<string, Value> = { y: output };
    for (const [i, name] of [...parameters.keys()].entries()) outputs[`d ${name}`] = gradients[i]!;
    // The gate a sample and channel is read where it lies.
    const gates = graph.values.filter((v) => v.op.name === "expand" && v.shape.join() === `5,4,${channels}`);
    expect(gates.every((v) => v.inputs[0]!.op.name !== "sigmoid" || v.inputs[0]!.shape.at(-1) === 1)).toBe(true);

    const rng = random(channels);
    const draw = (size: number) => Float32Array.from({ length: size }, () => rng.normal());
    const session = await Session.create({ backend, threads: 1, check: true, note: () => {} });
    try {
      const entry = { name: "gates", outputs, assigns: [] };
      const loaded = await session.load(compileEntry(entry, { target: session.target, maxBatch: batch }));
      const states = new Map(
        [...parameters].map(([name, { value }]) => [
          name,
          { value, data: draw(value.shape.reduce((a, b) => a * b, 1)) },
        ]),
      );
      for (const [name, { data }] of states) await session.writeState(name, data);
      const inputs = { input: draw(batch * 60), dy: draw(batch * 20 * channels) };
      const slot = await loaded.acquire();
      for (const [name, data] of Object.entries(inputs)) slot.fill(name, data);
      await slot.run(batch);
      const feeds = {
        inputs: { input: tensor([batch, ...input], inputs.input), dy: tensor([batch, ...output.shape], inputs.dy) },
        states: Object.fromEntries([...states].map(([name, { value, data }]) => [name, tensor(value.shape, data)])),
      };
      const expected = evaluate(Object.values(outputs), feeds, batch);
      for (const [i, name] of Object.keys(outputs).entries()) {
        const got = slot.output(name);
        const largest = expected[i]!.data.reduce((most, v) => Math.max(most, Math.abs(v)), 1);
        for (const [e, value] of expected[i]!.data.entries()) {
          expect(Math.abs(got[e]! - value), `${name}[${e}]`).toBeLessThanOrEqual(1e-5 * largest);
        }
      }
      slot.release();
    } finally {
      await session.close();
    }
  });
});
