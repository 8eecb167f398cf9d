/**
 * Measures how fast a run would be, before its length is fixed. Weights and figures of these steps are thrown away;
 * positions are those of the test sample, which are there already, and what encoding others takes is measured by
 * itself.
 */
import type { Dataset } from "../../data/sets/dataset.js";
import type { OpenStream } from "../../data/sets/stream.js";
import type { MachineOptions } from "../../devices/machine-options.js";
import { openDevice } from "../../devices/open.js";
import { create, type Model } from "../../models/index.js";
import type { TrainingConfig } from "../../run/config.js";
import { optimizerFrom } from "../../train/defaults.js";
import { Trainer } from "../../train/trainer.js";
import type { GameStore } from "../games/store.js";
import { createBlock, encodeGame } from "../games/stream.js";
import { PlaneEncoder } from "../policy/planes.js";
import type { Speed } from "./config.js";

/** First steps, in which buffers are touched for the first time, do not count. */
const WARM_UP = 2;
const FEWEST_STEPS = 6;
/** Positions that are measured to know what an evaluation takes. */
const EVALUATED = 512;
/** Positions that a stream encodes before it gives the first. */
const FIRST_BLOCK = 16_384;

export interface SpeedOptions {
  readonly config: TrainingConfig;
  /** In place of the configuration's network. */
  readonly network?: Pick<Model, "module" | "input"> | undefined;
  readonly store: GameStore;
  readonly test: Dataset;
  readonly session: MachineOptions;
  /** How long to train for it, about. */
  readonly seconds: number;
  /** Ends it after the step under way where it is aborted. @default none */
  readonly signal?: AbortSignal | undefined;
}

export async function measureSpeed(options: SpeedOptions): Promise<Speed> {
  const { config, store, test, seconds } = options;
  const encodingSeconds = measureEncoding(store, test.shape[2]);
  const device = await openDevice({ ...options.session, note: () => {} });
  try {
    const { module, input } = options.network ?? create(config.network, config.options);
    const { batchSize } = config;
    // Steps so short that no rate is too high: how fast they are does not depend on it.
    const optimizer = optimizerFrom({ ...config.optimizer, lr: 1e-9 });
    const train = endless(test, batchSize);
    const trainer = await Trainer.create(
      device,
      module,
      input,
      { train },
      {
        ...config,
        epochs: 1,
        optimizer,
      },
    );
    const began = performance.now();
    const ends: number[] = [];
    await trainer.run({
      step: () => ends.push(performance.now()),
      shouldStop: () =>
        options.signal?.aborted === true ||
        (ends.length >= FEWEST_STEPS && performance.now() - began >= 1000 * seconds),
    });
    const counted = ends.slice(WARM_UP);
    const computing = (counted.at(-1)! - counted[0]!) / (counted.length - 1) / 1000;
    const some = { ...test, length: Math.min(EVALUATED, test.length) };
    // The first one loads what the second one finds.
    await trainer.evaluate({ ...some, length: 1 });
    const { seconds: evaluating } = await trainer.evaluate(some);
    return {
      // Encoding goes on beside training, on the same processors.
      stepSeconds: computing + (batchSize * encodingSeconds) / device.threads,
      evaluationSeconds: (evaluating * test.length) / some.length,
      startSeconds: Math.min(FIRST_BLOCK, trainingPositions(store)) * encodingSeconds,
    };
  } finally {
    await device.close();
  }
}

/** Positions of a sample over and over. */
function endless(test: Dataset, batchSize: number): Dataset {
  const open = test.stream!;
  const again: OpenStream = (options) => {
    const stream = open(options);
    const turned = (indices: Uint32Array) => indices.map((index) => index % test.length);
    return { ...stream, fill: (indices, ...rest) => stream.fill(turned(indices), ...rest) };
  };
  return { ...test, length: 10_000 * batchSize, stream: again, labels: new Int32Array(), inOrder: true };
}

const trainingPositions = (store: GameStore): number =>
  store.select("train").reduce((sum, game) => sum + store.positionCount(game), 0);

/** Seconds to encode a position, over the first games. */
function measureEncoding(store: GameStore, planes: number): number {
  const encoder = new PlaneEncoder(store.size, planes);
  let [positions, milliseconds] = [0, 0];
  for (let game = 0; game < store.games && milliseconds < 200; game++) {
    const block = createBlock(store.size, store.positionCount(game));
    const began = performance.now();
    encodeGame(store, game, encoder, block, 0);
    const took = performance.now() - began;
    // The first game is also the one during which the engine compiles.
    if (game === 0 && store.games > 1) continue;
    milliseconds += took;
    positions += store.positionCount(game);
  }
  return positions === 0 ? 0 : milliseconds / 1000 / positions;
}
