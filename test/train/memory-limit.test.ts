/** Training within a memory limit: the same bits as without, and a refusal that names what would do. */
import { describe, expect, it } from "vitest";
import { MemoryError } from "#fovea/base/errors.js";
import type { BackendName } from "#fovea/devices/cpu/backends/backend.js";
import { CpuDevice } from "#fovea/devices/cpu/cpu-device.js";
import type { Value } from "#fovea/graph/graph.js";
import type { TrainedModel } from "#fovea/model/trained-model.js";
import * as nn from "#fovea/nn/index.js";
import { add } from "#fovea/ops/index.js";
import { sgd } from "#fovea/train/optimizers/sgd.js";
import { evaluate, type TrainOptions, train } from "#fovea/train/train.js";
import { Trainer } from "#fovea/train/trainer.js";
import { pictures } from "../support/pictures.js";

const learn = pictures(64, 1);
const test = pictures(40, 2);
const detected = await CpuDevice.create({ note: () => {} });
const native = detected.backend;
await detected.close();

class Residual extends nn.Module {
  readonly conv1 = nn.conv2d({ in: 1, out: 16, kernel: 3, padding: 1, bias: false });
  readonly bn1 = nn.batchNorm2d({ channels: 16 });
  readonly blocks = nn.sequential(...[1, 2, 3].map(() => new Block()));
  readonly pool = nn.globalAvgPool2d();
  readonly fc = nn.linear({ in: 16, out: 10 });
  override forward(x: Value): Value {
    const first = nn.relu().forward(this.bn1.forward(this.conv1.forward(x)));
    return this.fc.forward(nn.flatten().forward(this.pool.forward(this.blocks.forward(first))));
  }
}

class Block extends nn.Module {
  readonly conv1 = nn.conv2d({ in: 16, out: 16, kernel: 3, padding: 1, bias: false });
  readonly bn1 = nn.batchNorm2d({ channels: 16 });
  readonly conv2 = nn.conv2d({ in: 16, out: 16, kernel: 3, padding: 1, bias: false });
  readonly bn2 = nn.batchNorm2d({ channels: 16 });
  override forward(x: Value): Value {
    const inside = nn.relu().forward(this.bn1.forward(this.conv1.forward(x)));
    return nn.relu().forward(add(this.bn2.forward(this.conv2.forward(inside)), x));
  }
}

const plain = () =>
  nn.sequential(
    nn.conv2d({ in: 1, out: 16, kernel: 3, padding: 1 }),
    nn.relu(),
    nn.conv2d({ in: 16, out: 16, kernel: 3, padding: 1 }),
    nn.relu(),
    nn.maxPool2d(2),
    nn.conv2d({ in: 16, out: 32, kernel: 3, padding: 1 }),
    nn.relu(),
    nn.conv2d({ in: 32, out: 32, kernel: 3, padding: 1 }),
    nn.relu(),
    nn.conv2d({ in: 32, out: 32, kernel: 3, padding: 1 }),
    nn.relu(),
    nn.maxPool2d(2),
    nn.flatten(),
    nn.linear({ in: 32 * 49, out: 64 }),
    nn.relu(),
    nn.linear({ in: 64, out: 10 }),
  );

const dropping = () =>
  nn.sequential(
    nn.conv2d({ in: 1, out: 16, kernel: 3, padding: 1 }),
    nn.batchNorm2d({ channels: 16 }),
    nn.relu(),
    nn.dropout(0.3),
    nn.conv2d({ in: 16, out: 16, kernel: 3, padding: 1 }),
    nn.batchNorm2d({ channels: 16 }),
    nn.relu(),
    nn.dropout(0.3),
    nn.conv2d({ in: 16, out: 16, kernel: 3, padding: 1 }),
    nn.tanh(),
    nn.maxPool2d(4),
    nn.flatten(),
    nn.linear({ in: 16 * 49, out: 10 }),
  );

const options = (backend: BackendName): TrainOptions => ({
  note: () => {},
  backend,
  test,
  epochs: 1,
  batchSize: 32,
  optimizer: sgd({ lr: 0.02, momentum: 0.9, weightDecay: 1e-4 }),
});

const bits = ({ weights }: TrainedModel) =>
  [...weights].map(([name, { data }]) => `${name} ${Buffer.from(data.slice().buffer).toString("base64")}`);

/** The bytes that the refusal of one kilobyte says would do. */
async function leastOf(network: nn.Module, backend: BackendName): Promise<number> {
  const error = await train(network, learn, { ...options(backend), memoryLimit: 1000 }).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(MemoryError);
  const { message } = error as Error;
  const [, megabytes] = /the least that would do is a memoryLimit of (\d+)MB/.exec(message) ?? [];
  expect(megabytes, message).toBeDefined();
  return Number(megabytes) * 1e6;
}

async function planned(network: nn.Module, backend: BackendName, memoryLimit?: number) {
  const session = await CpuDevice.create({ backend, memoryLimit, note: () => {} });
  const { optimizer } = options(backend);
  const trainer = await Trainer.create(
    session,
    network,
    [28, 28, 1],
    { train: learn, test },
    {
      epochs: 1,
      batchSize: 32,
      optimizer: optimizer!,
      schedule: { kind: "constant" },
      seed: 0,
    },
  );
  const { memory } = trainer;
  const taken = Object.values(session.memory).reduce((a, b) => a + b, 0);
  await session.close();
  return { memory, taken };
}

const networks: [string, () => nn.Module][] = [
  ["a residual network with batch normalisation", () => new Residual()],
  ["convolutions, pools and linear layers", plain],
  ["dropout and batch normalisation", dropping],
];

describe.each([...new Set<BackendName>([native, "wasm"])])("%s", (backend) => {
  it.each(networks)(
    "%s: the least that would do does, and gives the bits of a run without a limit",
    async (_, make) => {
      const free = await planned(make(), backend);
      const memoryLimit = await leastOf(make(), backend);
      const tight = await planned(make(), backend, memoryLimit);
      expect(free.memory.recomputed).toEqual([]);
      expect(free.memory.total).toBe(free.taken);
      expect(tight.memory.total).toBe(tight.taken);
      expect(tight.taken).toBeLessThanOrEqual(memoryLimit);
      expect(tight.memory.recomputed.length).toBeGreaterThan(1);
      expect(tight.memory.extraTime).toBeGreaterThan(0.02);
      expect(tight.memory.activations).toBeLessThan(0.8 * free.memory.activations);
      const whole = await train(make(), learn, options(backend));
      const within = await train(make(), learn, { ...options(backend), memoryLimit });
      expect(bits(within.model)).toEqual(bits(whole.model));
      expect(within.history[0]!.test).toEqual(whole.history[0]!.test);
    },
  );
});

it("takes no more than it must: between the least and all, it computes fewer values again", async () => {
  const all = (await planned(new Residual(), native)).memory;
  const least = await leastOf(new Residual(), native);
  const limit = least + 0.2 * (all.total - least);
  const half = (await planned(new Residual(), native, limit)).memory;
  const tight = (await planned(new Residual(), native, least)).memory;
  expect(half.total).toBeLessThanOrEqual(limit);
  expect(half.extraTime).toBeLessThan(tight.extraTime);
  expect(half.extraTime).toBeGreaterThan(0);
});

it("refuses a limit below the least, naming the parts", async () => {
  const least = await leastOf(plain(), native);
  const error = await train(plain(), learn, { ...options(native), memoryLimit: least - 1.1e6 }).catch(
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(MemoryError);
  expect((error as Error).message).toMatch(
    /at batch 32 \(.*scratch [\d.]+ MiB.*\).*memoryLimit allows .* smaller batch than 32/,
  );
});

it("states parts that sum up to the whole", async () => {
  const { memory } = await planned(new Residual(), native);
  const { total, engine, recomputed: _, extraTime: __, ...parts } = memory;
  expect(engine).toBeGreaterThan(20e6);
  expect(Object.values(parts).reduce((a, b) => a + b, 0)).toBe(total);
  for (const bytes of Object.values(parts)) expect(bytes).toBeGreaterThanOrEqual(0);
  // Sixteen channels over 28x28 pixels, 32 pictures: three values for each of 7 norms' inputs at the least.
  expect(memory.activations).toBeGreaterThan(7 * 2 * 28 * 28 * 16 * 4 * 32);
});

it("evaluates in smaller batches, and refuses what cannot be", async () => {
  const { model } = await train(plain(), learn, options(native));
  const whole = await evaluate(model, test, { note: () => {}, backend: native });
  const error = await evaluate(model, test, { note: () => {}, backend: native, memoryLimit: 1000 }).catch(
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(MemoryError);
  const [, megabytes] = /the least that would do is a memoryLimit of (\d+)MB/.exec((error as Error).message) ?? [];
  const few = await evaluate(model, test, { note: () => {}, backend: native, memoryLimit: Number(megabytes) * 1e6 });
  expect({ ...few, seconds: 0 }).toEqual({ ...whole, seconds: 0 });
});
