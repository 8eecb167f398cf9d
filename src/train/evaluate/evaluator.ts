/** Measures a network on a data set: loss, accuracy and confusion matrix, each sample once. */

import { DataError } from "../../base/errors.js";
import type { TestTimeAugmentation } from "../../data/augment/views.js";
import type { Dataset } from "../../data/sets/dataset.js";
import { batchCount, inOrder } from "../../data/sets/sampler.js";
import type { Device, Executable } from "../../devices/device.js";
import { inSequence, runQueue } from "../../devices/queue.js";
import { type Shape, sizeOf } from "../../graph/shape.js";
import type { Module } from "../../nn/index.js";
import { CROSS_ENTROPY, classesOf } from "../../nn/loss.js";
import { checkData, type Written } from "../feed.js";
import { openFeeder } from "../feeder.js";
import { evaluationEntry, metricOutput, viewEntry } from "../step.js";
import { evaluateViews, type ViewFigures } from "./evaluate-views.js";
import { addBatch, type ConfusionMatrix, confusionMatrix, type EpochFigures, figures, noSums } from "./metrics.js";
import { addPixels, pixelFigures } from "./pixel-figures.js";
import { type Calibration, type ScoreFigures, Scores } from "./scores.js";

/** The figures of a network on a data set. */
export interface Evaluation extends EpochFigures {
  /** Pictures that were measured. Broken files are left out. */
  readonly samples: number;
  /**
   * How often each class was predicted as each: `confusion[actual][predicted]`, of pictures, or of pixels where these
   * are labelled.
   */
  readonly confusion: ConfusionMatrix;
  /** The likeliest class of each picture, in the data set's order; -1 for a picture on disk that would not decode. */
  readonly predictions: Int32Array;
  /** Seconds that measuring took, on this machine. */
  readonly seconds: number;
  /**
   * Mean over classes of intersection over union, where pixels are labelled. Confusion matrix and accuracy then count
   * pixels, too.
   */
  readonly meanIoU?: number;
  /** The share of pictures whose label is among the five likeliest classes, from 0 to 1, where it was asked for. */
  readonly top5?: number;
  /** How far the probabilities can be trusted, where it was asked for. */
  readonly calibration?: Calibration;
  /** The area under the ROC curve of the second of two classes, from 0 to 1, where calibration was asked for. */
  readonly rocAuc?: number;
  /** Means of the network's own metrics over the pictures, by name, where it has some. */
  readonly metrics?: Readonly<Record<string, number>>;
}

export interface EvaluatorOptions {
  readonly batchSize?: number | undefined;
  /** The names of states whose averages are measured. */
  readonly averaged?: ReadonlySet<string> | undefined;
  /**
   * Measures the mean of the probabilities over these views; pictures may then be larger than what the network takes.
   */
  readonly testTimeAugmentation?: TestTimeAugmentation | undefined;
  /** Counts the labels among the five likeliest classes. */
  readonly top5?: boolean | undefined;
  /** Bins the likeliest classes by their probabilities; of networks whose loss is cross-entropy. */
  readonly calibration?: boolean | undefined;
  /** Compiled from `entry` with the same options; compiled here where left out. */
  readonly executable?: Executable | undefined;
}

/** The figures that need a number a class. */
interface Wanted {
  readonly top5: boolean;
  readonly calibration: boolean;
}

const wantedOf = ({ top5, ...others }: ScoreFigures, wanted: Wanted): Partial<ScoreFigures> => ({
  ...(wanted.top5 && { top5 }),
  ...(wanted.calibration && others),
});

export class Evaluator {
  readonly #executable: Executable;
  readonly #input: Shape;
  readonly #classes: number;
  readonly #metrics: readonly string[];
  readonly #views: TestTimeAugmentation | undefined;
  readonly #wanted: Wanted;

  /** Compiles for a device, whose states are the weights. */
  static async create(
    device: Device,
    network: Module,
    input: Shape,
    options: EvaluatorOptions = {},
  ): Promise<Evaluator> {
    const { testTimeAugmentation: views, batchSize, top5 = false } = options;
    const calibration = options.calibration === true && (network.loss ?? CROSS_ENTROPY).kind === "crossEntropy";
    const { entry, traced } = Evaluator.entry(network, input, options);
    const executable = options.executable ?? (await device.compile(entry, { maxBatch: batchSize }));
    const metrics = Object.keys(network.metrics ?? {});
    return new Evaluator(executable, input, classesOf(network, traced.output), metrics, views, { top5, calibration });
  }

  static entry(
    network: Module,
    input: Shape,
    { averaged, testTimeAugmentation: views, top5, calibration }: EvaluatorOptions,
  ) {
    const withLogits = (top5 ?? false) || (calibration ?? false);
    return views === undefined
      ? evaluationEntry(network, input, averaged, withLogits)
      : viewEntry(network, input, averaged);
  }

  private constructor(
    executable: Executable,
    input: Shape,
    classes: number,
    metrics: readonly string[],
    views: TestTimeAugmentation | undefined,
    wanted: Wanted,
  ) {
    this.#executable = executable;
    this.#input = input;
    this.#classes = classes;
    this.#metrics = metrics;
    this.#views = views;
    this.#wanted = wanted;
  }

  /** @throws DataError where the data does not fit the network, or brings no labels to measure by. */
  async run(data: Dataset, progress?: (done: number, figures: EpochFigures) => void): Promise<Evaluation> {
    const started = performance.now();
    if (!data.pixelLabels && data.labels.length < data.length) {
      throw new DataError(`${data.name}: has ${data.length} pictures, but ${data.labels.length} labels to measure by`);
    }
    if (data.pixelLabels) {
      const confusion = Array.from({ length: this.#classes }, () => new Array<number>(this.#classes).fill(0));
      const { sums, predictions, metrics } = await this.#once(data, progress, confusion);
      const { pixelAccuracy, meanIoU } = pixelFigures(confusion);
      return {
        loss: figures(sums).loss,
        accuracy: pixelAccuracy,
        samples: sums.samples,
        confusion,
        predictions,
        meanIoU,
        seconds: (performance.now() - started) / 1000,
        ...metrics,
      };
    }
    const { top5, calibration } = this.#wanted;
    const scores = top5 || calibration ? new Scores(this.#classes) : undefined;
    const { sums, predictions, metrics } =
      this.#views === undefined
        ? await this.#once(data, progress, undefined, scores)
        : {
            ...(await evaluateViews(this.#executable, this.#views, data, this.#classes, progress, scores)),
            metrics: undefined,
          };
    return {
      ...figures(sums),
      samples: sums.samples,
      confusion: confusionMatrix(data.labels, predictions, this.#classes),
      predictions,
      seconds: (performance.now() - started) / 1000,
      ...(scores && wantedOf(scores.figures(), this.#wanted)),
      ...metrics,
    };
  }

  /**
   * Each picture as it is. Where every pixel is labelled, they are counted in `pixels`, and there are no predictions a
   * picture.
   */
  async #once(
    data: Dataset,
    progress?: (done: number, figures: EpochFigures) => void,
    pixels?: number[][],
    scores?: Scores,
  ): Promise<ViewFigures & { readonly metrics: Pick<Evaluation, "metrics"> | undefined }> {
    checkData(data, this.#input, this.#classes);
    const sums = noSums();
    const totals = new Map(this.#metrics.map((name) => [name, 0]));
    const predictions = new Int32Array(data.length);
    const order = inOrder(data.length);
    const { maxBatch, inputs } = this.#executable;
    const labelsEach = sizeOf(inputs.find(({ name }) => name === "labels")!.shape);
    const feeder = openFeeder(this.#executable, data, { seed: 0 });
    const leftOut = new Map<number, readonly number[]>();
    const labelled = new Map<number, Int32Array>();
    try {
      await runQueue(this.#executable, batchCount(data.length, maxBatch), {
        fill: (slot, batch) => {
          const indices = order.subarray(batch * maxBatch, (batch + 1) * maxBatch);
          const keepLabels =
            pixels && (({ labels }: Written) => labelled.set(batch, labels.slice(0, indices.length * labelsEach)));
          const filled = feeder.fill(slot, indices, 0, keepLabels);
          if (!(filled instanceof Promise)) return indices.length;
          return filled.then((replaced) => {
            leftOut.set(batch, replaced);
            return indices.length;
          });
        },
        done: (slot, batch, count) => {
          const replaced = leftOut.get(batch) ?? [];
          addBatch(sums, slot.output("loss"), slot.output("correct"), count, replaced);
          for (const [name, before] of totals) {
            const numbers = slot.output(metricOutput(name));
            let total = before;
            for (let n = 0; n < count; n++) if (!replaced.includes(n)) total += numbers[n]!;
            totals.set(name, total);
          }
          const first = batch * maxBatch;
          const kept = labelled.get(batch);
          labelled.delete(batch);
          if (pixels !== undefined) addPixels(pixels, kept!, slot.output("prediction"));
          else predictions.set(slot.output("prediction").subarray(0, count), first);
          for (const n of replaced) predictions[first + n] = -1;
          if (scores !== undefined) {
            const logits = slot.output("logits");
            for (let n = 0; n < count; n++)
              if (!replaced.includes(n)) scores.add(logits, n * this.#classes, data.labels[first + n]!, true);
          }
          return inSequence([() => progress?.(sums.samples, figures(sums))], () => true);
        },
      });
    } finally {
      await feeder.close();
    }
    const means = [...totals].map(([name, total]) => [name, total / Math.max(1, sums.samples)]);
    return {
      sums,
      predictions,
      metrics: totals.size === 0 ? undefined : { metrics: Object.fromEntries(means) },
    };
  }
}
