import { expect, it } from "vitest";
import {
  describeOptimizer,
  describeSchedule,
  differences,
  parseConfig,
  savedConfig,
  type TrainingConfig,
} from "#fovea/run/config.js";
import { TRAINING_DEFAULTS } from "#fovea/train/defaults.js";

const config: TrainingConfig = { ...TRAINING_DEFAULTS, network: "mlp", options: { classes: 10 }, data: "mnist" };
const json = (changes: Record<string, unknown> = {}) =>
  JSON.parse(JSON.stringify({ ...config, ...changes })) as unknown;
const refuses = (value: unknown, text: string) => expect(() => parseConfig(value, "config.json")).toThrow(text);

it("reads what it wrote", () => {
  expect(parseConfig(json(), "config.json")).toEqual(config);
});

// As a run wrote it before: `fovea train mlp --data mnist --epochs 1 --crops flip`.
const EARLIER = {
  epochs: 1,
  batchSize: 64,
  optimizer: { name: "sgd", lr: 0.03, momentum: 0.9, nesterov: false, weightDecay: 0.0005 },
  schedule: { kind: "cosine" },
  seed: 0,
  network: "mlp",
  options: { classes: 10, channels: 1, size: 28 },
  data: "mnist",
  views: "flip",
};

it("reads files of earlier versions, whose keys have other names today", () => {
  const { views, ...same } = EARLIER;
  expect(savedConfig(EARLIER, "config.json")).toEqual({ ...same, testTimeAugmentation: views });
  expect(savedConfig(json(), "config.json")).toEqual(config);
  refuses(EARLIER, 'unknown key of config.json "views"');
  expect(() => savedConfig({ ...EARLIER, views: "tenn" }, "config.json")).toThrow('testTimeAugmentation "tenn" is not');
});

it("refuses unknown keys, at every depth, with the nearest", () => {
  refuses(json({ epoch: 3 }), 'unknown key of config.json "epoch"; did you mean "epochs"?');
  refuses(
    json({ optimizer: { ...config.optimizer, beta: 1 } }),
    'config.json: optimizer: unknown option of sgd "beta"',
  );
  refuses(json({ schedule: { kind: "cosine", warmUpSteps: 1 } }), 'did you mean "warmupSteps"?');
  refuses(json({ schedule: { kind: "cosin" } }), 'did you mean "cosine"?');
});

it("refuses what is missing, of another kind or out of range", () => {
  refuses(json({ seed: undefined }), "config.json: seed: expected a number, it is missing");
  refuses(json({ epochs: "3" }), 'config.json: epochs: expected a number, found "3"');
  refuses(json({ optimizer: { ...config.optimizer, lr: -1 } }), "sgd: lr is -1");
  refuses(json({ distort: { scale: 0.1 } }), "config.json: distort: translate: expected a number, it is missing");
  refuses([], "config.json: expected an object, found []");
});

it("says what differs", () => {
  expect(differences(config, config)).toEqual([]);
  const other = { ...config, epochs: 9, schedule: { kind: "cosine", warmupSteps: 3 } };
  expect(differences(other, config)).toEqual(["epochs is 9, was 8", "schedule.warmupSteps is 3, was not set"]);
  expect(differences(other, config, ["epochs", "schedule.warmupSteps"])).toEqual([]);
});

it("shows settings without those that are off", () => {
  expect(describeOptimizer(config.optimizer)).toBe("sgd (lr 0.03, momentum 0.9, weightDecay 0.0005)");
  expect(describeOptimizer({ name: "adam", lr: 0.1, betas: [0.9, 0.99], eps: 1e-8, weightDecay: 0 })).toBe(
    "adam (lr 0.1, betas 0.9, 0.99, eps 1e-8)",
  );
  expect(describeSchedule({ kind: "step", milestones: [2, 4], warmupSteps: 10 })).toBe(
    "step (milestones 2, 4, warmup 10)",
  );
});
