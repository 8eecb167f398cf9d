/** Options under PyTorch's names: the message says ours, for every layer, optimiser and schedule, and for train. */

import { describe, expect, it } from "vitest";
import { TORCH_NAMES, torchHint } from "#fovea/base/torch-names.js";
import { Graph } from "#fovea/graph/graph.js";
import * as fovea from "#fovea/index.js";
import { checkSchedule } from "#fovea/train/schedules/schedule.js";

const { nn } = fovea;
type Call = (options: object) => unknown;
const any = (call: unknown) => call as (...given: unknown[]) => unknown;
const schedule = (kind: string): Call => {
  return (options) => checkSchedule({ kind, ...options } as never);
};

const CALLS: Readonly<Record<string, Call>> = {
  conv2d: any(nn.conv2d),
  convTranspose2d: any(nn.convTranspose2d),
  partialConv2d: any(nn.partialConv2d),
  whiteningConv2d: any(nn.whiteningConv2d),
  linear: any(nn.linear),
  batchNorm2d: any(nn.batchNorm2d),
  maxPool2d: (options) => nn.maxPool2d(2, options),
  avgPool2d: (options) => nn.avgPool2d(2, options),
  subsample2d: any(nn.subsample2d),
  upsample: any(nn.upsample),
  localResponseNorm: any(nn.localResponseNorm),
  radialBasis: any(nn.radialBasis),
  sum: (options) => fovea.ops.sum(new Graph().input("x", { shape: [2] }), options),
  sgd: any(fovea.sgd),
  adam: any(fovea.adam),
  adamw: any(fovea.adamw),
  constant: schedule("constant"),
  step: schedule("step"),
  cosine: schedule("cosine"),
  "one-cycle": schedule("one-cycle"),
  triangular: schedule("triangular"),
  train: (options) => any(fovea.train)(nn.relu(), {}, options),
  evaluate: (options) => any(fovea.evaluate)({}, {}, options),
  lenet5: (options) => fovea.models.create("lenet5", options as never),
};

async function messageOf(call: Call, key: string): Promise<string> {
  try {
    await call({ [key]: 1 });
  } catch (error) {
    expect(error).toBeInstanceOf(fovea.OptionError);
    return (error as Error).message;
  }
  return "nothing was refused";
}

const knownOf = async (call: Call): Promise<string[]> => {
  const list = /\(known: (.*)\)$/.exec(await messageOf(call, "xyzzyPlugh"))?.[1];
  if (list === undefined) throw new Error("no list of options");
  return list.split(", ");
};
const camel = (name: string) => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

describe("every name of the table", () => {
  it.each(Object.keys(CALLS))("is refused by %s with ours, in both spellings", async (name) => {
    const call = CALLS[name]!;
    const known = await knownOf(call);
    for (const [torch, ours] of TORCH_NAMES) {
      if (known.includes(torch) || known.includes(camel(torch))) continue;
      const meant = ours.find((option) => known.includes(option));
      for (const key of [torch, camel(torch)]) {
        const message = await messageOf(call, key);
        expect(message).toContain(`"${key}"`);
        if (meant !== undefined)
          expect(message).toMatch(new RegExp(`; (did you mean "${meant}"\\?|here it is ${meant}: .+) \\(`));
        else if (ours.length === 0) expect(message).toContain(`"${key}"; leave it out: `);
      }
    }
  });

  it("means an option that there is", async () => {
    const all = new Set((await Promise.all(Object.values(CALLS).map(knownOf))).flat());
    for (const [name, ours] of TORCH_NAMES) {
      expect([name, ours.filter((option) => !all.has(option))]).toEqual([name, []]);
    }
  });
});

// PyTorch's own signatures, with what is said of each name that is not ours.
it.each<[string, string, string]>([
  ["conv2d", "in_channels", 'did you mean "in"?'],
  ["conv2d", "out_channels", 'did you mean "out"?'],
  ["conv2d", "kernel_size", 'did you mean "kernel"?'],
  ["conv2d", "padding_mode", "leave it out: images are padded with zeros"],
  ["convTranspose2d", "output_padding", 'did you mean "outputPadding"?'],
  ["linear", "in_features", 'did you mean "in"?'],
  ["linear", "out_features", 'did you mean "out"?'],
  ["batchNorm2d", "num_features", 'did you mean "channels"?'],
  ["batchNorm2d", "affine", "leave it out: weight and bias are always there"],
  ["maxPool2d", "ceil_mode", 'did you mean "ceil"?'],
  ["avgPool2d", "count_include_pad", 'here it is divisor: "window" counts the padding, "valid" leaves it out'],
  ["avgPool2d", "divisor_override", "here it is divisor: a number divides each sum"],
  ["upsample", "scale_factor", 'did you mean "scaleFactor"?'],
  ["upsample", "align_corners", "leave it out: pixels are placed as with align_corners=False"],
  ["sgd", "weight_decay", 'did you mean "weightDecay"?'],
  ["sgd", "learning_rate", 'did you mean "lr"?'],
  ["adam", "momentum", "here it is betas: [momentum, 0.999]"],
  ["adam", "amsgrad", "leave it out: it is plain Adam"],
  ["one-cycle", "pct_start", 'did you mean "rise"?'],
  ["one-cycle", "max_lr", "leave it out: the peak is the optimizer's lr"],
  ["cosine", "T_max", "leave it out: a schedule ends with the training"],
  ["cosine", "eta_min", "here it is final: eta_min / lr"],
  ["lenet5", "num_classes", 'did you mean "classes"?'],
  ["train", "batch_size", 'did you mean "batchSize"?'],
  ["train", "max_epochs", 'did you mean "epochs"?'],
  ["train", "learning_rate", "here it is optimizer: sgd({ lr: ... })"],
  ["train", "weight_decay", "here it is optimizer: sgd({ lr: ..., weightDecay: ... })"],
  ["train", "max_norm", 'did you mean "clipNorm"?'],
])("%s says of %s: %s", async (name, key, hint) => {
  expect(await messageOf(CALLS[name]!, key)).toContain(`"${key}"; ${hint} (`);
});

it("says nothing of a name that means none of the options", () => {
  expect(torchHint("in_channels", ["size"])).toBeUndefined();
  expect(torchHint("in", ["in"])).toBeUndefined();
});
