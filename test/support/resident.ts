/** The resident size of this process after what is garbage was given back. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { CpuDevice } from "#fovea/devices/cpu/cpu-device.js";
import type { Model } from "#fovea/models/index.js";
import { sgd } from "#fovea/train/optimizers/sgd.js";
import { Trainer } from "#fovea/train/trainer.js";
import { pictures } from "./pictures.js";

export function residentBytes(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  collect();
  return process.memoryUsage.rss();
}

/** Trains in batches of 8 and gives the resident size after each epoch. */
export async function residentByEpoch({ module, input }: Model, epochs: number, stepsPerEpoch: number) {
  const session = await CpuDevice.create({ note: () => {} });
  const train = pictures(8 * stepsPerEpoch);
  const options = {
    epochs,
    batchSize: 8,
    optimizer: sgd({ lr: 1e-3, momentum: 0.9 }),
    schedule: { kind: "constant" } as const,
    seed: 0,
  };
  const trainer = await Trainer.create(session, module, input, { train }, options);
  const sizes: number[] = [];
  await trainer.run({
    progress: () => {},
    epoch: () => {
      sizes.push(residentBytes());
    },
  });
  const { step } = trainer.state;
  await session.close();
  return { sizes, steps: step };
}
