import { expect, test } from "vitest";
import type { Executable, Slot } from "#fovea/devices/device.js";
import { models } from "#fovea/index.js";
import { sgd } from "#fovea/train/optimizers/sgd.js";
import { trainingEntries } from "#fovea/train/step.js";
import { StepInputs } from "#fovea/train/step-inputs.js";

const optimizer = sgd({ lr: 0.5 });

/** What goes into the inputs of a program that has these, by name. */
function filled(inputs: StepInputs, names: readonly string[], step: number): Record<string, number[]> {
  const found: Record<string, number[]> = {};
  const executable = { inputs: names.map((name) => ({ name })) } as unknown as Executable;
  const slot = {
    fill(name: string, values: number[]) {
      found[name] = values;
    },
  } as unknown as Slot;
  inputs.fill(executable, slot, step, []);
  return found;
}

test("a rate's multiple is told beside the graph, not read from the name of its input", () => {
  const { module, input } = models.create("lenet5");
  const groups = [
    { match: "conv1", lr: 64 },
    { match: "conv2", lr: 0.25 },
  ];
  const { rates } = trainingEntries(module, input, optimizer, { groups });
  expect([...rates.values()].sort((a, b) => a - b)).toEqual([0.25, 1, 64]);
  const options = {
    optimizer,
    schedule: { kind: "constant" },
    seed: 2 ** 32 + 3,
    epochs: 2,
    average: undefined,
  } as const;
  const batches = { pictures: 10, batchSize: 4, accumulate: 2 };
  const inputs = new StepInputs(options, batches, rates);
  const names = [...rates.keys(), "learningRate x 7", "share", "random", "input"];
  // The third batch of an epoch is a group of its own: its two pictures count whole.
  expect(filled(inputs, names, 2)).toEqual({
    ...Object.fromEntries([...rates].map(([name, factor]) => [name, [0.5 * factor]])),
    share: [1],
    random: [3, 1, 2],
  });
  expect(filled(inputs, ["share"], 0)).toEqual({ share: [0.5] });
});
