/** Options that a call does not have are refused with the nearest name before anything is done, whatever the call. */
import { expect, it } from "vitest";
import * as analysis from "#fovea/analysis/index.js";
import { profile } from "#fovea/analysis/index-node.js";
import * as fovea from "#fovea/index.js";
import { openDataset } from "#fovea/index-node.js";
import { evaluateScenes } from "#fovea/segmentation/index.js";

type Call = (...given: unknown[]) => unknown;
const js = (call: unknown) => call as Call;
const { nn, models } = fovea;

async function errorOf(call: () => unknown): Promise<Error | undefined> {
  try {
    await call();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

it.each<[string, (options: object) => unknown, string, string]>([
  ["trace", (options) => js(fovea.trace)(nn.relu(), { input: [4], ...options }), "train", "training"],
  ["openDataset", (options) => js(openDataset)("mnist", options), "sizes", "size"],
  ["compareNetworks", (options) => js(analysis.compareNetworks)(["lenet5"], options), "batch", "batches"],
  ["profile", (options) => js(profile)(models.create("lenet5"), options), "batchs", "batch"],
  ["evaluateScenes", (options) => js(evaluateScenes)({}, {}, options), "progress", "onProgress"],
  ["lenet5", (options) => models.create("lenet5", options as never), "num_classes", "classes"],
  ["adam", js(fovea.adam), "weight_decay", "weightDecay"],
  ['device "cpu"', js(fovea.openDevice), "thread", "threads"],
])("%s", async (what, call, key, meant) => {
  const error = await errorOf(() => call({ [key]: 1 }));
  expect(error).toBeInstanceOf(fovea.OptionError);
  expect(error?.message).toContain(`unknown option of ${what} "${key}"; did you mean "${meant}"? (known: `);
});

it.each<[() => unknown, string]>([
  [() => js(openDataset)(), "openDataset: data is missing, expected a text"],
  [() => js(openDataset)("mnist", { size: 28 }), "openDataset: size is 28, expected [height, width]"],
  [() => js(analysis.compareNetworks)("lenet5"), 'compareNetworks: names is "lenet5", expected a list of names'],
  [() => js(analysis.compareNetworks)(["lenet5"], { batches: 4 }), "compareNetworks: batches is 4, expected a list of"],
  [() => js(profile)(), "profile: the network is undefined, expected a module or what models.create(...) gives"],
  [() => js(profile)(models.create("lenet5"), { what: "infer" }), 'profile: what is "infer", expected a list of'],
  [() => js(evaluateScenes)({}, {}, { signal: true }), "evaluateScenes: signal is true, expected the signal of"],
  [() => js(fovea.trace)(nn.relu(), { input: [4], training: 1 }), "trace: training is 1, expected true or false"],
  [() => js(models.create)(), "models: the name of a network is missing, expected a text"],
])("what makes no sense is refused, case %#", async (call, message) => {
  const error = await errorOf(call);
  expect(error).toBeInstanceOf(fovea.OptionError);
  expect(error?.message).toContain(message);
});
