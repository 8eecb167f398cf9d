/** Layer, group, instance and RMS norm, held to PyTorch's values and gradients: in float64, as machine code and as WebAssembly. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { openDevice } from "#fovea/devices/open.js";
import * as nn from "#fovea/nn/index.js";
import { trace } from "#fovea/nn/trace.js";
import * as ops from "#fovea/ops/index.js";

interface Case {
  readonly name: "layerNorm" | "rmsNorm" | "groupNorm" | "instanceNorm2d";
  readonly options: object;
  /** Of the batch, [N, H, W, C] or [N, C]. */
  readonly shape: readonly number[];
  readonly start: Readonly<Record<string, readonly number[]>>;
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly dy: readonly number[];
  readonly dx: readonly number[];
  readonly gradients: Readonly<Record<string, readonly number[]>>;
}

const { cases } = JSON.parse(readFileSync(new URL("../fixtures/norms.json", import.meta.url), "utf8")) as {
  readonly cases: readonly Case[];
};

const { layerNorm, rmsNorm, groupNorm, instanceNorm2d } = nn;
const MAKERS = { layerNorm, rmsNorm, groupNorm, instanceNorm2d };
const make = ({ name, options }: Case): nn.Module => MAKERS[name](options as never);

function expectNear(found: ArrayLike<number>, expected: readonly number[], tolerance: number, what: string): void {
  expect(found.length).toBe(expected.length);
  for (const [i, value] of expected.entries())
    expect(Math.abs(found[i]! - value), `${what}: number ${i} is ${found[i]}, expected ${value}`).toBeLessThanOrEqual(
      tolerance * Math.max(1, Math.abs(value)),
    );
}

describe.each(cases)("$name $options of $shape", (c) => {
  it.each([
    ["reference", undefined, 2e-6],
    ["cpu", undefined, 5e-6],
    ["cpu", "wasm", 5e-6],
  ] as const)("is PyTorch's on %s %s", async (name, backend, tolerance) => {
    const { graph, output } = trace(make(c), { input: c.shape.slice(1), training: true });
    const input = graph.inputs[0]!;
    const loss = ops.sum(ops.multiply(output, graph.input("dy", { shape: c.shape.slice(1) })), { batch: true });
    const states = graph.states;
    const [dx, ...gradients] = ops.differentiate(loss, [input, ...states]);
    const outputs = {
      y: output,
      dx: dx!,
      ...Object.fromEntries(states.map((s, i) => [s.attributes.name, gradients[i]!])),
    };
    const device = await openDevice({ device: name, backend, ...(name === "cpu" && { threads: 1 }), note: () => {} });
    try {
      const step = await device.compile({ name: "norm", outputs, assigns: [] }, { maxBatch: c.shape[0]! });
      for (const { name: state } of device.states()) await device.writeState(state, c.start[state]!);
      const found = await step.run({ input: c.x, dy: c.dy });
      // A number near 10,000 is known to 5e-4 in float32, and so are those that it is told apart from.
      const loose = Math.abs(c.x[0]!) > 1000 ? 200 * tolerance : tolerance;
      expectNear(found["y"]!, c.y, loose, "y");
      expectNear(found["dx"]!, c.dx, loose, "dx");
      expect(Object.keys(c.gradients).sort()).toEqual(states.map((s) => s.attributes.name).sort());
      for (const [state, gradient] of Object.entries(c.gradients)) expectNear(found[state]!, gradient, loose, state);
    } finally {
      await device.close();
    }
  });
});

describe("what does not fit", () => {
  const traced = (layer: nn.Module, input: readonly number[]) => () => trace(layer, { input });
  it("is refused with the cure", () => {
    expect(traced(nn.layerNorm({ shape: 4 }), [3, 3, 5])).toThrow(
      "layerNorm: shape 4 does not fit the last axes of its input 3x3x5; set shape to 5",
    );
    expect(traced(nn.rmsNorm({ shape: [2, 4] }), [3, 3, 5])).toThrow("set shape to [3, 5]");
    expect(traced(nn.groupNorm({ groups: 2, channels: 4 }), [3, 3, 6])).toThrow("set channels to 6");
    expect(traced(nn.instanceNorm2d({ channels: 6 }), [1, 1, 6])).toThrow("has one pixel, which has no variance");
    expect(() => nn.groupNorm({ groups: 3, channels: 4 })).toThrow("groups 3 does not divide the 4 channels");
    expect(() => nn.layerNorm({ shape: [] })).toThrow("layerNorm: shape is [], expected the extents of the last axes");
    expect(() => nn.layerNorm({ shape: 4, eps: 0 })).toThrow("layerNorm: eps is 0, expected more than 0");
    expect(() => nn.layerNorm({ normalized_shape: 4 } as never)).toThrow(
      'unknown option of layerNorm "normalized_shape"',
    );
    expect(() => nn.instanceNorm2d({ channels: 4, track_running_stats: true } as never)).toThrow(
      'unknown option of instanceNorm2d "track_running_stats"',
    );
  });
  it("one pixel and one channel have the offset alone", async () => {
    const { output, graph } = trace(nn.layerNorm({ shape: 1 }), { input: [2, 1, 1] });
    const device = await openDevice({ threads: 1, note: () => {} });
    const step = await device.compile({ name: "norm", outputs: { output }, assigns: [] });
    for (const { attributes } of graph.states)
      await device.writeState(attributes.name, [attributes.name === "weight" ? 3 : 0.5]);
    expect([...(await step.run({ input: [7, -8] }))["output"]!]).toEqual([0.5, 0.5]);
    await device.close();
  });
});
