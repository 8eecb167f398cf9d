/** What `fovea train` shows: a head, a bar and a line an epoch, and what to do next; or the same as JSON lines. */
import { onOneLine } from "../../../base/text.js";
import { describeAugmentation } from "../../../data/augment/grammar.js";
import { type Dataset, describeDataset } from "../../../data/sets/dataset.js";
import { describeRecomputed, type TrainingMemory } from "../../../devices/training-memory.js";
import { describeOptimizer, describeSchedule, named, type TrainingConfig } from "../../../run/config.js";
import type { RunPlan, RunResult } from "../../../run/run-node.js";
import { type EpochRecord, NOTABLE_WAIT, type Progress as TrainingProgress } from "../../../train/records.js";
import { watchName } from "../../../train/techniques/techniques.js";
import { bytes, invocation, type Output, percent, quoted, seconds } from "../../terminal/output.js";
import { Progress, showCount } from "../../terminal/progress.js";
import { machineRow, type Row, RunDisplay } from "../../terminal/run-display.js";
import { techniqueRows } from "./techniques.js";

function partsOf({
  parameters,
  optimizerState,
  activations,
  gradients,
  packedWeights,
  pictures,
  other,
  evaluation,
}: TrainingMemory) {
  const parts: [string, number][] = [
    ["parameters", parameters],
    ["optimizer state", optimizerState],
    ["activations", activations],
    ["gradients", gradients],
    ["packed weights", packedWeights],
    ["pictures", pictures],
    ["other", other],
    ["evaluation", evaluation],
  ];
  return parts.map(([name, size]) => `${name} ${bytes(size)}`).join(", ");
}

const metricsText = (metrics: Readonly<Record<string, number>> = {}) =>
  Object.entries(metrics)
    .map(([name, value]) => `  ${onOneLine(name)} ${value.toFixed(4)}`)
    .join("");

const meanIoUText = ({ meanIoU }: { readonly meanIoU?: number }) =>
  meanIoU === undefined ? "" : `  mean IoU ${percent(meanIoU)}`;

/** The part of the time in which nothing was computed, for want of pictures. */
const forData = (waited: number) => `${Math.round(100 * waited)}% for data`;

interface DisplayOptions {
  /** Stands before "train" in what the reader called. */
  readonly prefix?: "" | "segment ";
  /** The file of one's own network. */
  readonly module?: string | undefined;
}

export class TrainDisplay extends RunDisplay {
  readonly #config: TrainingConfig;
  readonly #train: Dataset;
  readonly #prefix: string;
  #label = "";

  constructor(output: Output, config: TrainingConfig, train: Dataset, { prefix = "", module }: DisplayOptions = {}) {
    super(output, `${prefix}train`, module);
    this.#prefix = prefix;
    this.#config = config;
    this.#train = train;
  }

  protected head(plan: RunPlan): readonly Row[] {
    const {
      network,
      options,
      epochs,
      batchSize,
      accumulate,
      optimizer,
      schedule,
      seed,
      distort,
      augment,
      testTimeAugmentation,
    } = this.#config;
    const { parameters, memory, stepsPerEpoch } = plan;
    const again = describeRecomputed(memory);
    return [
      ["network", `${named(network, options)}, ${showCount(parameters)} parameters`],
      ["data", describeDataset(this.#train)],
      [
        "training",
        `${epochs} ${epochs === 1 ? "epoch" : "epochs"} of ${showCount(stepsPerEpoch)} steps, batch ${batchText(batchSize, accumulate)}, seed ${seed}${distort ? `, ${named("distorted", { ...distort })}` : ""}`,
      ],
      ...(augment === undefined ? [] : [["augment", describeAugmentation(augment)] as const]),
      ...(testTimeAugmentation === undefined ? [] : [["test views", testTimeAugmentation] as const]),
      ["optimizer", `${describeOptimizer(optimizer)}, schedule ${describeSchedule(schedule)}`],
      ...techniqueRows(this.#config, parameters, plan.frozen),
      machineRow(plan),
      ["memory", `${bytes(memory.total)} planned: ${partsOf(memory)}; the engine about ${bytes(memory.engine)} more`],
      ...(again === undefined ? [] : [["computed twice", again] as const]),
    ];
  }

  protected startEvent({ parameters, frozen, backend, threads, memory, resumedAt }: RunPlan): object {
    const images = this.#train.length;
    const resumed = resumedAt ?? null;
    return { config: this.#config, parameters, frozen, images, backend, threads, memory, resumedAt: resumed };
  }

  protected goesOn({ stepsPerEpoch }: RunPlan, { step, epoch, batch }: NonNullable<RunPlan["resumedAt"]>): string {
    return `Goes on after step ${showCount(step)} (epoch ${epoch + 1}, batch ${batch} of ${stepsPerEpoch}).`;
  }

  progress({ phase, epoch, epochs, done, total, loss, accuracy, waited = 0 }: TrainingProgress): void {
    const label = `epoch ${epoch}/${epochs}${phase === "train" ? "" : ` ${phase}`}`;
    if (label !== this.#label) {
      this.bar?.stop();
      this.#label = label;
      // With --json the bar goes to standard error, and only where someone looks at it.
      const { stream, json } = this.output;
      const shown = !json || stream.isTTY === true;
      // The clock starts now, when these are done.
      this.bar = shown ? new Progress({ total, label, unit: "images", done, stream }) : undefined;
    }
    const figures = { loss, accuracy: percent(accuracy) };
    this.bar?.update(done, waited < NOTABLE_WAIT ? figures : { ...figures, waited: forData(waited) });
  }

  epoch({ epoch, train, val, test, learningRate, gradientNorm, trainSeconds, testSeconds, waited }: EpochRecord): void {
    const speed = this.#train.length / trainSeconds;
    const chosenBy =
      val === undefined ? "" : `  val loss ${val.loss.toFixed(4)}  val accuracy ${percent(val.accuracy)}`;
    const tested =
      test === undefined
        ? ""
        : `  test loss ${test.loss.toFixed(4)}  test accuracy ${percent(test.accuracy)}${meanIoUText(test)}${metricsText(test.metrics)}`;
    const line =
      `epoch ${epoch}/${this.#config.epochs}  loss ${train.loss.toFixed(4)}  accuracy ${percent(train.accuracy)}${chosenBy}${tested}` +
      `  ${seconds(trainSeconds)}  ${showCount(speed)} images/s${waited === undefined ? "" : `  waited ${forData(waited)}`}`;
    this.clear();
    this.output.say(line);
    this.output.event({
      event: "epoch",
      epoch,
      train,
      ...(val && { val }),
      test: test ?? null,
      learningRate,
      ...(gradientNorm && { gradientNorm }),
      trainSeconds,
      testSeconds,
      ...(waited === undefined ? {} : { waited }),
    });
  }

  override clear(): void {
    super.clear();
    this.#label = "";
  }

  protected endEvent({ folder, history, completed, stoppedEarly, best, step }: RunResult): object {
    const files = { model: folder.model, checkpoint: folder.checkpoint, log: folder.log };
    return {
      ...(history.length > 0 || completed ? files : { checkpoint: folder.checkpoint }),
      epochs: history.length,
      step,
      trainSeconds: trainSecondsOf(history),
      test: history.at(-1)?.test ?? null,
      best:
        best === undefined
          ? null
          : { epoch: best.epoch, ...(best.val && { val: best.val }), test: best.test, model: folder.best },
      ...(stoppedEarly && { stoppedEarly }),
    };
  }

  protected summary({ folder, history, stoppedEarly, best }: RunResult): readonly string[] {
    const lines: string[] = [];
    const epochs = history.length;
    const last = history.at(-1);
    const test = last?.test;
    if (test !== undefined) {
      const { patience, watch } = this.#config;
      const chosenBy = last?.val === undefined ? "test" : "val";
      if (stoppedEarly)
        lines.push(
          `Stopped early: no better ${chosenBy} ${watchName(watch)} in ${patience} ${patience === 1 ? "epoch" : "epochs"}.`,
        );
      lines.push(
        `Test accuracy ${percent(test.accuracy)} (error ${percent(1 - test.accuracy)})${meanIoUText(test).replace("  ", ", ")} after ${epochs} ${epochs === 1 ? "epoch" : "epochs"} ` +
          `and ${seconds(trainSecondsOf(history))} of training.`,
      );
    }
    if (best?.test !== undefined && best.epoch !== epochs) {
      const { loss, accuracy, meanIoU } = best.test;
      const overlap = meanIoU === undefined ? "" : `mean IoU ${percent(meanIoU)}, `;
      lines.push(
        `Epoch ${best.epoch} was the best${best.val === undefined ? "" : " on the val pictures"}: ${overlap}test accuracy ${percent(accuracy)}, loss ${loss.toFixed(4)}; its network is ${folder.best}.`,
      );
    }
    return lines;
  }

  protected next({ folder, tensorboard }: RunResult): readonly Row[] {
    const run = quoted(folder.path);
    const command = `${invocation()} ${this.#prefix}`;
    return [
      [`${command}predict ${run} PICTURES...${this.flags}`, "ask it about pictures of your own"],
      [`${command}eval ${run}${this.flags}`, "measure it: loss, accuracy and confusion matrix"],
      ...(tensorboard
        ? [[`tensorboard --logdir ${quoted(folder.tensorboard)}`, "loss and rate of every batch"] as const]
        : []),
      [`${command}train --help`, "other networks, data and settings"],
    ];
  }
}

const trainSecondsOf = (history: readonly EpochRecord[]) =>
  history.reduce((sum, { trainSeconds }) => sum + trainSeconds, 0);

const batchText = (size: number, accumulate = 1) =>
  accumulate === 1 ? `${size}` : `${size} x ${accumulate} an update`;
