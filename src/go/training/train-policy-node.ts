/**
 * Training a network of one's own on the positions of games, in one call: for comparisons, where each may take so long.
 */

import { callback, checkOptions, type Fields, needed, number, oneOf, whole } from "../../base/options.js";
import { MACHINE_OPTIONS, type MachineOptions } from "../../devices/machine-options.js";
import { openDevice } from "../../devices/open.js";
import type { TrainedModel } from "../../model/trained-model.js";
import type { Weights } from "../../model/weights/weights.js";
import type { Module } from "../../nn/index.js";
import { optimizerFrom } from "../../train/defaults.js";
import type { EpochRecord } from "../../train/records.js";
import { Trainer } from "../../train/trainer.js";
import { recordRun } from "../../train/training-run.js";
import type { GameStore } from "../games/store.js";
import { lengthWithin, policyConfig, RECIPES, type RecipeName } from "./config.js";
import { positionData } from "./data-node.js";
import { measureSpeed } from "./speed.js";

/** Options of `trainPolicy`. */
export interface TrainPolicyOptions extends MachineOptions {
  /** Minutes that it may take, measuring included. The speed is measured before, which takes up to 10 seconds more. */
  readonly minutes: number;
  /**
   * Planes of the network's input.
   * @default 48
   */
  readonly planes?: number;
  /**
   * The hyper-parameters: those of today, or of the paper (Silver et al. 2016).
   * @default "modern"
   */
  readonly recipe?: RecipeName;
  /**
   * The highest learning rate.
   * @default the recipe's
   */
  readonly lr?: number;
  /**
   * Positions of the test games that are measured.
   * @default 10,000
   */
  readonly testPositions?: number;
  /**
   * Seed of the initial weights and the order of the positions.
   * @default 0
   */
  readonly seed?: number;
  /**
   * Called after each evaluation with its figures. Training waits for a promise that it returns.
   * @default none
   */
  onEvaluation?(record: EpochRecord): void;
}

const OPTIONS: Fields<TrainPolicyOptions> = {
  ...MACHINE_OPTIONS,
  minutes: needed(number({ above: 0 })),
  planes: whole(1),
  recipe: oneOf(RECIPES),
  lr: number({ above: 0 }),
  testPositions: whole(1),
  seed: whole(0, Number.MAX_SAFE_INTEGER),
  onEvaluation: callback,
};

/** The result of a training. */
export interface PolicyRun {
  /** The network with its weights. */
  readonly model: TrainedModel;
  /** One record an evaluation. */
  readonly history: readonly EpochRecord[];
  /** Positions that it was trained on. */
  readonly positions: number;
  /** Seconds that it took. */
  readonly seconds: number;
  /** Mean loss on the sample of the test games, at the end. */
  readonly loss: number;
  /** Share of these positions whose move is the likeliest, from 0 to 1. */
  readonly top1: number;
  /** Share of these positions whose move is among the five likeliest, from 0 to 1. */
  readonly top5: number;
}

/**
 * Trains a network on the moves of games, for a number of minutes: one that takes planes [size, size, planes] and
 * returns a number for each point of the board.
 * @param store as `openStore` returns it
 * @throws OptionError on an option that is unknown or out of its range; and as `train`
 */
export async function trainPolicy(store: GameStore, network: Module, options: TrainPolicyOptions): Promise<PolicyRun> {
  checkOptions("trainPolicy", options, OPTIONS);
  const {
    minutes,
    planes = 48,
    recipe = RECIPES[0],
    testPositions = 10_000,
    seed = 0,
    lr,
    onEvaluation,
    ...choice
  } = options;
  const data = await positionData(store, "store", { planes, testPositions, note: choice.note });
  const { test } = data;
  const input = test.shape;
  // Only what the configuration says of the training is used.
  const wish = { store: "store", size: store.size, recipe, lr, filters: 1, layers: 2, planes, seed, testPositions };
  const configFor = (length: Parameters<typeof policyConfig>[1]) => policyConfig(wish, length);
  const speed = await measureSpeed({
    config: configFor({ evaluateEvery: 1, evaluations: 1 }),
    network: { module: network, input },
    store,
    test,
    session: choice,
    seconds: Math.min(10, 0.05 * 60 * minutes),
  });
  const length = lengthWithin(60 * minutes, speed);
  const config = configFor(length);
  const device = await openDevice(choice);
  try {
    const train = data.train(length.evaluateEvery * config.batchSize);
    const optimizer = optimizerFrom(config.optimizer);
    const trainer = await Trainer.create(device, network, input, { train, test }, { ...config, optimizer });
    const { classes, mean, std } = test;
    const recorded = {
      model: (weights: Weights) => ({ module: network, input, classes, scaling: { mean, std }, weights }),
    };
    const { model, history } = await recordRun(trainer, recorded, { epoch: (record) => onEvaluation?.(record) });
    const { step } = trainer.state;
    const { loss, accuracy, top5 = Number.NaN } = history.at(-1)!.test!;
    return {
      model,
      history,
      positions: step * config.batchSize,
      seconds: history.reduce((sum, { trainSeconds, testSeconds }) => sum + trainSeconds + testSeconds, 0),
      loss,
      top1: accuracy,
      top5,
    };
  } finally {
    await device.close();
  }
}
