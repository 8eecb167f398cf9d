/** The defaults that doc comments name (`@default`) are those of the code, where they are written as code. */
import { describe, expect, it } from "vitest";
import * as nn from "#fovea/nn/index.js";
import { SUPERPIXEL_DEFAULTS } from "#fovea/segmentation/superpixels.js";
import { TRAINING_DEFAULTS } from "#fovea/train/defaults.js";
import { adam, adamw } from "#fovea/train/optimizers/adam.js";
import { nadam } from "#fovea/train/optimizers/nadam.js";
import type { Optimizer } from "#fovea/train/optimizers/optimizer.js";
import { rmsprop } from "#fovea/train/optimizers/rmsprop.js";
import { sgd } from "#fovea/train/optimizers/sgd.js";
import { readFace } from "../support/face.js";

const { declared } = readFace();

/** The options of a type whose default is code, with its value. Words, such as "none", are left out. */
function defaultsOf(type: string): [option: string, value: unknown][] {
  return declared.flatMap(({ name, tags }): [string, unknown][] => {
    const text = tags.find((tag) => tag.name === "default")?.text;
    if (text === undefined || !name.startsWith(`${type}.`)) return [];
    try {
      return [[name.slice(type.length + 1), new Function("sgd", `return (${text});`)(sgd)]];
    } catch {
      return [];
    }
  });
}

const optimizerText = ({ name, options }: Optimizer) => ({ name, ...options });

it("of train", () => {
  const documented = Object.fromEntries(defaultsOf("TrainOptions"));
  const { optimizer, ...others } = TRAINING_DEFAULTS;
  expect(documented).toMatchObject(others);
  expect(optimizerText(documented["optimizer"] as Optimizer)).toEqual(optimizer);
});

it.each<[string, string, Optimizer]>([
  ["SgdOptions", "sgd", sgd({ lr: 0.1 })],
  ["AdamOptions", "adam", adam()],
  ["NadamOptions", "nadam", nadam()],
  ["RmspropOptions", "rmsprop", rmsprop()],
])("of %s", (type, _name, { options }) => {
  const documented = defaultsOf(type);
  expect(documented.length).toBeGreaterThan(2);
  // Options that are zero or off are recorded only where they are set.
  for (const [option, value] of documented)
    expect(options[option] ?? (value === false ? false : 0), option).toEqual(value);
});

it("of adamw's weight decay, which differs from adam's", () => {
  const { tags } = declared.find(({ name }) => name === "AdamOptions.weightDecay")!;
  expect(tags).toContainEqual({ name: "default", text: `0; ${adamw().options["weightDecay"]} for adamw` });
});

it("of superpixels", () => {
  expect(Object.fromEntries(defaultsOf("SuperpixelOptions"))).toEqual(SUPERPIXEL_DEFAULTS);
});

/** Layers by the type of their options, and the shape that they are drawn on. */
const LAYERS: Readonly<Record<string, (given: object) => nn.Module>> = {
  "nn.AlphaOptions": (given) => nn.sequential(nn.elu(given), nn.celu(given)),
  "nn.BatchNorm2dOptions": (given) => nn.batchNorm2d({ channels: 4, ...given }),
  "nn.Conv2dOptions": (given) => nn.conv2d({ in: 4, out: 4, kernel: 3, ...given }),
  "nn.ConvTranspose2dOptions": (given) => nn.convTranspose2d({ in: 4, out: 4, kernel: 3, ...given }),
  "nn.GeluOptions": (given) => nn.gelu(given),
  "nn.GroupNormOptions": (given) => nn.groupNorm({ channels: 4, groups: 2, ...given }),
  "nn.HardTanhOptions": (given) => nn.hardTanh(given),
  "nn.InstanceNorm2dOptions": (given) => nn.instanceNorm2d({ channels: 4, ...given }),
  "nn.LayerNormOptions": (given) => nn.layerNorm({ shape: 4, ...given }),
  "nn.LeakyReluOptions": (given) => nn.leakyRelu(given),
  "nn.LinearOptions": (given) => nn.linear({ in: 256, out: 4, ...given }),
  "nn.PartialConv2dOptions": (given) => nn.partialConv2d({ in: 4, kernel: 3, connections: [[0, 1], [2]], ...given }),
  "nn.PreluOptions": (given) => nn.prelu(given),
  "nn.Subsample2dOptions": (given) => nn.subsample2d({ channels: 4, ...given }),
  "nn.UpsampleOptions": (given) => nn.upsample({ scaleFactor: 2, ...given }),
  "nn.WhiteningConv2dOptions": (given) => nn.whiteningConv2d({ in: 4, kernel: 2, ...given }),
  "ops.AvgPoolOptions": (given) => nn.avgPool2d(2, given),
  "ops.LocalResponseNormOptions": (given) => nn.localResponseNorm({ size: 5, ...given }),
  "ops.MaxPoolOptions": (given) => nn.maxPool2d(2, given),
};

/** All that training computes with a layer: what it draws, and what its parameters begin with. */
function drawn(layer: nn.Module): unknown {
  const { graph } = nn.trace(layer, { input: [8, 8, 4], training: true });
  const values = graph.values.map(({ op, attributes, inputs }) => [op.name, attributes, inputs.map(({ id }) => id)]);
  const parameters = [...nn.parametersOf(layer)].map(([name, { init, trainable }]) => [name, init, trainable]);
  return { values, parameters };
}

describe.each(Object.entries(LAYERS))("of %s", (type, make) => {
  it("change nothing where they are given", () => {
    const documented = defaultsOf(type);
    expect(documented.length).toBeGreaterThan(0);
    for (const [option, value] of documented) expect(drawn(make({ [option]: value })), option).toEqual(drawn(make({})));
  });
});

it("are checked of every layer that has any", () => {
  const types = new Set(declared.flatMap(({ name }) => /^nn\.\w+Options(?=\.)/.exec(name)?.[0] ?? []));
  const unchecked = [...types].filter((type) => defaultsOf(type).length > 0 && !(type in LAYERS));
  // What tracing is asked for is held by test/nn/trace.test.ts.
  expect(unchecked).toEqual(["nn.TraceOptions"]);
});

it("differ in what is drawn where they are others", () => {
  expect(drawn(nn.conv2d({ in: 4, out: 4, kernel: 3, stride: 2 }))).not.toEqual(drawn(LAYERS["nn.Conv2dOptions"]!({})));
});
