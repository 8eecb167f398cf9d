/** What holds on every registered device, whatever the network: answers, plans, refusals, and memory that is given back. */
import { describe, expect, it } from "vitest";
import { BackendError } from "#fovea/base/errors.js";
import type { Device } from "#fovea/devices/device.js";
import { DEVICE_NAMES } from "#fovea/devices/machine-options.js";
import { totalOf } from "#fovea/devices/memory-use.js";
import { openDevice } from "#fovea/devices/open.js";
import type { Shape } from "#fovea/graph/shape.js";
import { predictionEntry } from "#fovea/model/prediction.js";
import { initialWeights, writeWeights } from "#fovea/model/weights/weights.js";
import * as nn from "#fovea/nn/index.js";
import { sgd } from "#fovea/train/optimizers/sgd.js";
import { evaluationEntry, trainingEntries } from "#fovea/train/step.js";
import { random } from "../support/random.js";

const quiet = { note: () => {} };
const open = (device: string) => openDevice({ device, ...quiet });

interface Drawn {
  readonly module: nn.Module;
  readonly input: Shape;
  readonly batch: number;
}

/** A small classifier of random layers. */
function draw(seed: number): Drawn {
  const { integer } = random(seed);
  const input: Shape = [integer(4, 9), integer(4, 9), integer(1, 5)];
  const layers: nn.Module[] = [];
  let channels = input[2]!;
  for (let n = integer(1, 3); n > 0; n--) {
    const out = integer(1, 20);
    layers.push(
      nn.conv2d({ in: channels, out, kernel: integer(0, 1) === 0 ? 1 : 3, padding: integer(0, 1), stride: 1 }),
    );
    if (integer(0, 1) === 0) layers.push(nn.batchNorm2d({ channels: out }));
    layers.push([nn.relu(), nn.tanh(), nn.sigmoid()][integer(0, 2)]!);
    channels = out;
  }
  layers.push(nn.adaptiveAvgPool2d(1), nn.flatten(), nn.linear({ in: channels, out: integer(2, 7) }));
  return { module: nn.sequential(...layers), input, batch: integer(1, 5) };
}

async function answersOf(device: Device, { module, input, batch }: Drawn, seed: number) {
  const executable = await device.compile(predictionEntry(module, input).entry, { maxBatch: batch, slots: 2 });
  await writeWeights(device, initialWeights(module, seed));
  const { float } = numbersOf(seed);
  const pictures = Float32Array.from({ length: batch * input.reduce((a, b) => a * b) }, float);
  return { executable, outputs: await executable.run({ input: pictures }, batch) };
}

const numbersOf = (seed: number) => {
  const { integer } = random(seed);
  return { float: () => integer(-1000, 1000) / 500 };
};

const SEEDS = Array.from({ length: 12 }, (_, i) => i + 1);

it.each(SEEDS)(
  "every device gives the same answers but for rounding, and takes what it planned: seed %i",
  async (seed) => {
    const drawn = draw(seed);
    const found = new Map<string, ArrayLike<number>>();
    for (const name of DEVICE_NAMES) {
      const device = await open(name);
      try {
        const planned = await device.plan(predictionEntry(drawn.module, drawn.input).entry, {
          maxBatch: drawn.batch,
          slots: 2,
        });
        expect(totalOf(device.memory), name).toBe(0);
        const { executable, outputs } = await answersOf(device, drawn, seed);
        const { total, engine, ...parts } = planned;
        expect(total, name).toBe(totalOf(parts));
        expect(engine).toBeGreaterThanOrEqual(0);
        // Code takes whole pages.
        const { code: _, ...taken } = device.memory;
        const { code: __, ...wanted } = parts;
        expect(taken, name).toEqual(wanted);
        found.set(name, outputs[executable.outputs[0]!.name]!);
      } finally {
        await device.close();
      }
    }
    const [cpu, reference] = [found.get("cpu")!, found.get("reference")!];
    expect(cpu.length).toBe(reference.length);
    for (let i = 0; i < cpu.length; i++) expect(Math.abs(cpu[i]! - reference[i]!)).toBeLessThan(2e-5);
  },
);

describe.each(DEVICE_NAMES)("%s", (name) => {
  const drawn = draw(3);
  const entry = () => predictionEntry(drawn.module, drawn.input).entry;

  it("plans a training as it then compiles it", async () => {
    const device = await open(name);
    const wish = {
      step: trainingEntries(drawn.module, drawn.input, sgd({ lr: 0.1, momentum: 0.9 })).step,
      evaluation: evaluationEntry(drawn.module, drawn.input).entry,
      maxBatch: 4,
    };
    const planned = await device.planTraining(wish);
    expect(device.states()).toEqual([]);
    expect((await device.compileTraining(wish)).memory).toEqual(planned);
    await device.close();
  });

  it("refuses a run of what was unloaded, and everything once it is closed", async () => {
    const device = await open(name);
    const { executable } = await answersOf(device, drawn, 1);
    const slot = await executable.acquire();
    slot.fill("input", new Float32Array(drawn.input.reduce((a, b) => a * b)));
    const running = slot.run(1);
    await executable.unload();
    // What was submitted before has run by then.
    await running;
    expect(slot.output(executable.outputs[0]!.name).length).toBeGreaterThan(0);
    await expect(slot.run(1)).rejects.toThrow(`program "${executable.name}" was unloaded`);
    await device.close();
    const closed = new BackendError("the device was closed");
    await expect(slot.run(1)).rejects.toThrow(closed);
    await expect(device.compile(entry())).rejects.toThrow(closed);
    await expect(device.plan(entry(), { maxBatch: 1 })).rejects.toThrow(closed);
    await expect(executable.unload()).resolves.toBeUndefined();
    await expect(device.close()).resolves.toBeUndefined();
  });

  it("gives its memory back", async () => {
    for (let turn = 0; turn < 30; turn++) {
      const device = await open(name);
      const { executable } = await answersOf(device, drawn, turn);
      await executable.unload();
      const { store: _, scratch: __, ...own } = device.memory;
      expect(totalOf({ store: 0, scratch: 0, ...own })).toBe(0);
      await device.close();
      expect(totalOf(device.memory)).toBe(0);
    }
  });

  it("is given options that are left undefined", async () => {
    const device = await openDevice({
      device: name,
      backend: undefined,
      threads: undefined,
      winograd: undefined,
      ...quiet,
    });
    expect(device.name).toBe(name);
    await device.close();
  });
});
