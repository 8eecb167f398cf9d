/**
 * Every option of every call takes part or is refused: each is given here a value that must change what comes of it, and many that
 * make no sense. The lists are typed by the options, so that a new one does not compile before it stands here.
 */
import { describe, expect, it } from "vitest";
import { LOOK_OPTIONS, type LookOptions, lookInside } from "#fovea/analysis/inspect/look.js";
import { summarize } from "#fovea/analysis/summary.js";
import { FoveaError, OptionError } from "#fovea/base/errors.js";
import type { Fields } from "#fovea/base/options.js";
import { compileAugmentation } from "#fovea/data/augment/augment.js";
import { parseAugmentation } from "#fovea/data/augment/grammar.js";
import { CLASSIFIER_OPTIONS, type ClassifierOptions, createClassifier } from "#fovea/model/classifier.js";
import { parseModel } from "#fovea/model/model-file.js";
import { untrained } from "#fovea/model/trained-model.js";
import { initialWeights } from "#fovea/model/weights/weights.js";
import * as nn from "#fovea/nn/index.js";
import { createLabeller, LABELLER_OPTIONS, type LabellerOptions } from "#fovea/segmentation/labeller.js";
import { sgd } from "#fovea/train/optimizers/sgd.js";
import {
  EVALUATE_OPTIONS,
  type EvaluateOptions,
  evaluate,
  TRAIN_OPTIONS,
  type TrainOptions,
  train,
} from "#fovea/train/train.js";
import type { TrainingRun } from "#fovea/train/training-run.js";
import { toy, toyNetwork } from "../support/toy.js";

const data = toy({ length: 30 });
const test = toy({ length: 9, seed: 2 });
const normed = () =>
  nn.sequential({
    conv: nn.conv2d({ in: 1, out: 4, kernel: 3 }),
    norm: nn.batchNorm2d({ channels: 4 }),
    flatten: nn.flatten(),
    fc: nn.linear({ in: 64, out: 3 }),
  });

/** All that a run leaves, but for seconds. */
const facts = ({ model, best, history, completed, stoppedEarly }: TrainingRun) =>
  JSON.stringify([
    [model, best?.model].map((m) => m && [...m.weights].map(([name, { data }]) => [name, [...data]])),
    best?.epoch,
    history.map(({ trainSeconds: _, testSeconds: __, waited: ___, ...record }) => record),
    completed,
    stoppedEarly,
  ]);

const base: TrainOptions = {
  epochs: 3,
  batchSize: 10,
  optimizer: sgd({ lr: 0.5, weightDecay: 0.1 }),
  threads: 1,
  note: () => {},
};
const learn = async (options: TrainOptions) => facts(await train(normed(), data, { ...base, ...options }));

/** What an option is given, beside what else, so that the run is another one; or why no other numbers come of it. */
type Effect<T> = {
  readonly [K in keyof T]-?: { readonly value: T[K]; readonly beside?: T } | "speed" | "callback" | "machine";
};

const EFFECTS: Effect<TrainOptions> = {
  device: "machine",
  backend: "machine",
  threads: "speed",
  relaxedSimd: "speed",
  winograd: "speed",
  memoryLimit: "machine",
  note: "callback",
  test: { value: test },
  val: { value: toy({ length: 9, seed: 3 }), beside: { test } },
  epochs: { value: 2 },
  batchSize: { value: 15 },
  optimizer: { value: sgd({ lr: 0.25 }) },
  schedule: { value: { kind: "constant" } },
  distort: { value: { translate: 2 } },
  augment: { value: "flip" },
  testTimeAugmentation: { value: "flip", beside: { test } },
  top5: { value: true, beside: { test } },
  seed: { value: 1 },
  initial: { value: initialWeights(normed(), 7) },
  keepBest: { value: true, beside: { test } },
  onEpoch: "callback",
  onStep: "callback",
  onProgress: "callback",
  signal: { value: AbortSignal.abort() },
  groups: { value: [{ match: "fc", lr: 2 }] },
  noDecay: { value: "norms-and-biases" },
  freeze: { value: ["conv"] },
  frozenNorms: { value: "batch", beside: { freeze: ["conv", "norm"] } },
  clipNorm: { value: 0.01 },
  clipValue: { value: 0.001 },
  accumulate: { value: 2 },
  average: { value: { kind: "ema", decay: 0.9 } },
  labelSmoothing: { value: 0.1 },
  mixup: { value: 0.4 },
  patience: { value: 1, beside: { test } },
  watch: { value: "loss", beside: { test, keepBest: true, seed: 3 } },
};

describe("train", () => {
  const changing = Object.entries(EFFECTS).filter(([, effect]) => typeof effect === "object") as [
    string,
    { readonly value: unknown; readonly beside?: TrainOptions },
  ][];

  it("has each of its options here", () => {
    expect(Object.keys(EFFECTS).sort()).toEqual(Object.keys(TRAIN_OPTIONS).sort());
  });

  it.each(changing.filter(([name]) => name !== "watch"))(
    "%s changes what comes of it",
    async (name, { value, beside = {} }) => {
      expect(await learn({ ...beside, [name]: value })).not.toBe(await learn(beside));
    },
  );

  it("watch says which epoch is the best", async () => {
    const histories = await Promise.all(
      ["accuracy", "loss"].map(async (watch) => {
        const { best, history } = await train(normed(), data, {
          ...base,
          epochs: 6,
          test,
          keepBest: true,
          watch: watch as "loss",
        });
        return { best: best!.epoch, history };
      }),
    );
    const [byAccuracy, byLoss] = histories;
    const losses = byLoss!.history.map((record) => record.test!.loss);
    expect(byLoss!.best).toBe(losses.indexOf(Math.min(...losses)) + 1);
    const accuracies = byAccuracy!.history.map((record) => record.test!.accuracy);
    expect(accuracies[byAccuracy!.best - 1]).toBe(Math.max(...accuracies));
  });

  it("takes callbacks, and what it may take of the machine", async () => {
    const called = new Set<string>();
    const callbacks = Object.fromEntries(
      ["onEpoch", "onStep", "onProgress"].map((name) => [name, () => called.add(name)]),
    );
    await train(normed(), data, { ...base, ...callbacks, epochs: 1 });
    expect(called.size).toBe(3);
    await expect(learn({ memoryLimit: 1 })).rejects.toThrow("memoryLimit allows");
    await expect(learn({ device: "gpu" })).rejects.toThrow('unknown device "gpu"');
    await expect(learn({ device: "reference" })).rejects.toThrow('unknown option of device "reference" "threads"');
    await expect(learn({ backend: "avx" as never })).rejects.toThrow('unknown backend "avx"; did you mean "avx2"?');
  });

  it.each<[object, string]>([
    [{ epoch: 3 }, 'unknown option of train "epoch"; did you mean "epochs"?'],
    [{ batch_size: 3 }, 'unknown option of train "batch_size"; did you mean "batchSize"?'],
    [{ label_smoothing: 0.1 }, 'did you mean "labelSmoothing"?'],
    [{ Mixup: 0.4 }, 'did you mean "mixup"?'],
    [{ mixup: -5 }, "mixup is -5, expected a number above 0"],
    [{ epochs: 1e308 }, "epochs is 1e+308, expected a whole number of at most 1000000"],
    [{ optimizer: "adam" }, 'optimizer is "adam", expected an optimizer, such as sgd({ lr: 0.1 })'],
    [{ schedule: "cosine" }, 'schedule is "cosine", expected an object with kind'],
    [{ schedule: { kind: "cosin" } }, 'unknown schedule kind "cosin"; did you mean "cosine"?'],
    [{ schedule: { kind: "cosine", warmup: 3 } }, 'unknown option of schedule cosine "warmup"; did you mean'],
    [{ average: { kind: "ema" } }, "average ema: decay is missing; 0.999 is usual"],
    [{ average: { kind: "ema", decay: 0.9, every: 2 } }, 'unknown option of average ema "every"'],
    [{ groups: [{ match: "fc", rate: 2 }] }, 'unknown option of group "fc" "rate"'],
    [{ groups: [{ lr: 2 }] }, "groups[0]: match is missing, expected a text"],
    [{ augment: [{ kind: "flipp" }] }, 'unknown transform of augment "flipp"; did you mean "flip"?'],
    [{ augment: "flipp" }, 'did you mean "flip"?'],
    [{ distort: { rotate: 1 } }, 'unknown distortion "rotate"'],
    [{ distort: { scale: 2 } }, "distort: scale is 2, expected a number from 0 to 0.5"],
    [{ test, testTimeAugmentation: "tenn" }, 'testTimeAugmentation is "tenn", expected'],
    [
      { testTimeAugmentation: "flip" },
      "testTimeAugmentation: is about test pictures, and there are none; give test, or leave testTimeAugmentation out",
    ],
    [{ keepBest: true }, "keepBest: is about test pictures, and there are none"],
    [{ top5: true }, "top5: is about test pictures, and there are none"],
    [{ watch: "loss", test }, 'watch is "loss", but no best epoch is looked for; give keepBest or patience'],
    [{ signal: new AbortController() }, "signal is an AbortController, expected the signal of an AbortController"],
    [{ initial: {} }, "initial is {}, expected a map of weights"],
    [{ threads: 1.5 }, "threads 1.5: expected a whole number from 1 to 256"],
  ])("refuses %o", async (options, message) => {
    const error = await learn(options as TrainOptions).catch((e: unknown) => e as Error);
    expect(error).toBeInstanceOf(OptionError);
    expect((error as Error).message).toContain(message);
  });
});

// --- Values that make no sense

const NONSENSE: readonly unknown[] = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  -1,
  -0.5,
  1e308,
  "nonsense",
  null,
  Symbol.iterator,
  [Number.NaN],
  { nonsense: 1 },
  10n,
];

/** Values of NONSENSE that an option takes all the same. */
const SENSE: Readonly<Record<string, (value: unknown) => boolean>> = {
  // As much memory as there is.
  memoryLimit: (value) => value === Number.POSITIVE_INFINITY || value === 1e308,
  mostLayers: (value) => value === Number.POSITIVE_INFINITY || value === 1e308,
  clipNorm: (value) => value === 1e308,
  clipValue: (value) => value === 1e308,
};

const refusesNonsense = <T extends object>(
  call: string,
  fields: Fields<T>,
  attempt: (options: Readonly<Record<string, unknown>>) => Promise<unknown>,
) =>
  it.each(Object.keys(fields))(`${call}: %s refuses what makes no sense, by name`, async (name) => {
    for (const value of NONSENSE) {
      if (SENSE[name]?.(value)) continue;
      const error = await attempt({ [name]: value }).then(
        () => undefined,
        (e: unknown) => e as Error,
      );
      expect(error, `${name}: ${String(value)}`).toBeInstanceOf(FoveaError);
      expect(error!.message, String(value)).toMatch(
        new RegExp(`${name === "target" ? "target|class" : name}|test|val`),
      );
    }
  });

const model = untrained(toyNetwork(), { data });
const picture = new Float32Array(36);
const seen = untrained(normed(), { data });

refusesNonsense<TrainOptions>("train", TRAIN_OPTIONS, (options) =>
  train(toyNetwork(), data, { threads: 1, epochs: 1, ...options } as TrainOptions),
);
refusesNonsense<EvaluateOptions>("evaluate", EVALUATE_OPTIONS, (options) => evaluate(model, test, options));
refusesNonsense<ClassifierOptions>("createClassifier", CLASSIFIER_OPTIONS, async (options) =>
  (await createClassifier(model, options)).close(),
);
refusesNonsense<LookOptions>("inspect", LOOK_OPTIONS, (options) => lookInside(seen, picture, options as LookOptions));

class PixelNet extends nn.Module {
  readonly conv = nn.conv2d({ in: 3, out: 2, kernel: 3, padding: 1 });
  override loss = { kind: "pixelCrossEntropy", classes: 2 } as const;
  override forward(x: Parameters<nn.Conv2d["forward"]>[0]) {
    return this.conv.forward(x);
  }
}
const pixels = untrained(new PixelNet(), { data: toy({ shape: [6, 6, 3], classes: 2 }) });
refusesNonsense<LabellerOptions>("createLabeller", LABELLER_OPTIONS, async (options) =>
  (await createLabeller(pixels, options)).close(),
);

it.each<[string, () => Promise<unknown>]>([
  ["evaluate", () => evaluate(model, test, { batchsize: 3 } as object)],
  ["createClassifier", () => createClassifier(model, { batchSize: 3 } as object)],
  ["createLabeller", () => createLabeller(pixels, { tiles: 3 } as object)],
  ["inspect", () => lookInside(seen, picture, { layers: "fc" } as object)],
])("%s refuses an option that it does not have", async (call, attempt) => {
  await expect(attempt()).rejects.toThrow(`unknown option of ${call} "`);
  await expect(attempt()).rejects.toThrow("did you mean");
});

it.each<[string, () => unknown, string]>([
  ["parseAugmentation", () => parseAugmentation(5 as never, [6, 6, 1]), "augment is 5, expected a text such as"],
  [
    "twice",
    () => parseAugmentation("padCrop:4:padding=8", [6, 6, 1]),
    "--augment padCrop:4:padding=8: padding is given twice",
  ],
  [
    "compileAugmentation",
    () => compileAugmentation([{ kind: "flipp" } as never], [6, 6, 1], data),
    'unknown transform of augment "flipp"; did you mean "flip"?',
  ],
  [
    "parseModel",
    () => parseModel("bytes" as never),
    'model: the bytes is "bytes", expected a file\'s bytes in a Uint8Array',
  ],
  [
    "parseModel's options",
    () => parseModel(new Uint8Array(9), { model: "lenet5" } as never),
    'unknown option of loadModel "model"',
  ],
])("%s refuses what makes no sense", (_, attempt, message) => {
  expect(attempt).toThrow(OptionError);
  expect(attempt).toThrow(message);
});

it("summarize refuses options that it does not have", async () => {
  await expect(summarize(normed(), { input: [6, 6, 1], batchSize: 3 } as never)).rejects.toThrow(
    'unknown option of summarize "batchSize"',
  );
  await expect(summarize(normed(), { input: [6, 6, 1], batch: 0.5 })).rejects.toThrow("summarize: batch is 0.5");
});
