/** The recipe of examples/lenet5-1998, run as a user runs it: at most 1.0% test error, and the model that it saves has it too. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { loadMnist } from "#fovea/data/open-node.js";
import { loadModel } from "#fovea/model/model-file-node.js";
import { parameterCount } from "#fovea/nn/index.js";
import { evaluate } from "#fovea/train/train.js";
import { temporaryFolder } from "../support/temporary.js";

it("trains LeNet-5 as published to 1.0% or less on MNIST", async () => {
  const path = join(temporaryFolder(), "lenet5-1998.safetensors");
  const { stdout } = await promisify(execFile)(process.execPath, ["examples/lenet5-1998/train.mjs", path]);
  const said = Number(/test error ([\d.]+)% after/.exec(stdout)?.[1]);
  expect(said).toBeLessThanOrEqual(1.0);
  const model = await loadModel(path);
  expect(parameterCount(model.module)).toBe(60_000);
  const { accuracy } = await evaluate(model, (await loadMnist()).test, { note: () => {} });
  expect(100 * (1 - accuracy)).toBeCloseTo(said, 2);
});
