/** What `fovea train` shows: a head, a bar and a line an epoch, and what to do next; or the same as JSON lines. */
import { describeAugmentation } from "../../../data/augment/grammar.js";
import { type Dataset, describeDataset } from "../../../data/sets/dataset.js";
import { describeOptimizer, describeSchedule, named, type TrainingConfig } from "../../../run/config.js";
import type { RunPlan, RunResult } from "../../../run/run-node.js";
import { type EpochRecord, NOTABLE_WAIT, type Progress as TrainingProgress } from "../../../train/records.js";
import { watchName } from "../../../train/techniques/techniques.js";
import { describeRecomputed, type TrainingMemory } from "../../../train/training-memory.js";
import { bytes, invocation, type Output, percent, quoted, seconds, twoColumns } from "../../terminal/output.js";
import { Progress, showCount } from "../../terminal/progress.js";
import { resumeLine, sayStopped, type TrainingDisplay } from "../../terminal/show-training.js";
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

const meanIoUText = ({ meanIoU }: { readonly meanIoU?: number }) =>
  meanIoU === undefined ? "" : `  mean IoU ${percent(meanIoU)}`;

/** The part of the time in which nothing was computed, for want of pictures. */
const forData = (waited: number) => `${Math.round(100 * waited)}% for data`;

export class TrainDisplay implements TrainingDisplay {
  readonly #output: Output;
  readonly #config: TrainingConfig;
  readonly #train: Dataset;
  #progress: Progress | undefined;
  #label = "";
  #plan: RunPlan | undefined;
  readonly #command: "" | "segment ";

  /** `command`: what the reader called, for lines to copy. */
  constructor(output: Output, config: TrainingConfig, train: Dataset, command: "" | "segment " = "") {
    this.#command = command;
    this.#output = output;
    this.#config = config;
    this.#train = train;
  }

  plan(plan: RunPlan): void {
    this.#plan = plan;
    const { network, options, epochs, batchSize, accumulate, optimizer, schedule, seed, distort, augment, views } =
      this.#config;
    const { parameters, backend, threads, memory, folder, stepsPerEpoch, resumedAt, notes } = plan;
    const again = describeRecomputed(memory);
    this.#output.say(
      twoColumns([
        ["network", `${named(network, options)}, ${showCount(parameters)} parameters`],
        ["data", describeDataset(this.#train)],
        [
          "training",
          `${epochs} ${epochs === 1 ? "epoch" : "epochs"} of ${showCount(stepsPerEpoch)} steps, batch ${batchText(batchSize, accumulate)}, seed ${seed}${distort ? `, ${named("distorted", { ...distort })}` : ""}`,
        ],
        ...(augment === undefined ? [] : [["augment", describeAugmentation(augment)] as const]),
        ...(views === undefined ? [] : [["test views", views] as const]),
        ["optimizer", `${describeOptimizer(optimizer)}, schedule ${describeSchedule(schedule)}`],
        ...techniqueRows(this.#config, parameters, plan.frozen),
        ["machine", `${backend}, ${threads} ${threads === 1 ? "thread" : "threads"}`],
        ["memory", `${bytes(memory.total)} planned: ${partsOf(memory)}; the engine about ${bytes(memory.engine)} more`],
        ...(again === undefined ? [] : [["computed twice", again] as const]),
        ["folder", folder.path],
      ]),
    );
    this.#output.say();
    this.#output.event({
      event: "start",
      folder: folder.path,
      config: this.#config,
      parameters,
      frozen: plan.frozen,
      images: this.#train.length,
      backend,
      threads,
      memory,
      resumedAt: resumedAt ?? null,
    });
    for (const note of notes) this.#output.note(`fovea: ${note}`);
    if (resumedAt !== undefined) {
      const { step, epoch, batch } = resumedAt;
      this.#output.say(
        `Goes on after step ${showCount(step)} (epoch ${epoch + 1}, batch ${batch} of ${stepsPerEpoch}).`,
      );
    }
  }

  progress({ phase, epoch, epochs, done, total, loss, accuracy, waited = 0 }: TrainingProgress): void {
    const label = `epoch ${epoch}/${epochs}${phase === "train" ? "" : ` ${phase}`}`;
    if (label !== this.#label) {
      this.#progress?.stop();
      this.#label = label;
      // With --json the bar goes to standard error, and only where someone looks at it.
      const { stream, json } = this.#output;
      const shown = !json || stream.isTTY === true;
      // The clock starts now, when these are done.
      this.#progress = shown ? new Progress({ total, label, unit: "images", done, stream }) : undefined;
    }
    const figures = { loss, accuracy: percent(accuracy) };
    this.#progress?.update(done, waited < NOTABLE_WAIT ? figures : { ...figures, waited: forData(waited) });
  }

  epoch({ epoch, train, val, test, learningRate, gradientNorm, trainSeconds, testSeconds, waited }: EpochRecord): void {
    const speed = this.#train.length / trainSeconds;
    const chosenBy =
      val === undefined ? "" : `  val loss ${val.loss.toFixed(4)}  val accuracy ${percent(val.accuracy)}`;
    const tested =
      test === undefined
        ? ""
        : `  test loss ${test.loss.toFixed(4)}  test accuracy ${percent(test.accuracy)}${meanIoUText(test)}`;
    const line =
      `epoch ${epoch}/${this.#config.epochs}  loss ${train.loss.toFixed(4)}  accuracy ${percent(train.accuracy)}${chosenBy}${tested}` +
      `  ${seconds(trainSeconds)}  ${showCount(speed)} images/s${waited === undefined ? "" : `  waited ${forData(waited)}`}`;
    this.clear();
    this.#output.say(line);
    this.#output.event({
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

  /** Takes an unfinished bar away. */
  clear(): void {
    this.#progress?.stop();
    this.#progress = undefined;
    this.#label = "";
  }

  stopping(): void {
    this.clear();
    this.#output.note("Stopping after this step; once more ends at once.");
  }

  /** `report` is the path of the page, if it could be written. */
  end(result: RunResult, report: string | undefined): void {
    const { folder, history, completed, stoppedEarly, best, tensorboard, step } = result;
    const trainSeconds = history.reduce((sum, record) => sum + record.trainSeconds, 0);
    const test = history.at(-1)?.test;
    const files = { model: folder.model, checkpoint: folder.checkpoint, log: folder.log };
    const again = resumeLine(`${this.#command}train`, folder.path);
    this.#output.event({
      event: completed ? "end" : "stopped",
      folder: folder.path,
      ...(history.length > 0 || completed ? files : { checkpoint: folder.checkpoint }),
      epochs: history.length,
      step,
      trainSeconds,
      test: test ?? null,
      best:
        best === undefined
          ? null
          : { epoch: best.epoch, ...(best.val && { val: best.val }), test: best.test, model: folder.best },
      ...(stoppedEarly && { stoppedEarly }),
      report: report ?? null,
      ...(completed ? {} : { resume: again }),
    });
    if (!completed) {
      sayStopped(this.#output, result, again, report);
      return;
    }
    this.#output.say();
    if (test !== undefined) {
      const epochs = history.length;
      const { patience, watch } = this.#config;
      const chosenBy = history.at(-1)?.val === undefined ? "test" : "val";
      if (stoppedEarly)
        this.#output.say(
          `Stopped early: no better ${chosenBy} ${watchName(watch)} in ${patience} ${patience === 1 ? "epoch" : "epochs"}.`,
        );
      this.#output.say(
        `Test accuracy ${percent(test.accuracy)} (error ${percent(1 - test.accuracy)})${meanIoUText(test).replace("  ", ", ")} after ${epochs} ${epochs === 1 ? "epoch" : "epochs"} ` +
          `and ${seconds(trainSeconds)} of training.`,
      );
    }
    if (best?.test !== undefined && best.epoch !== history.length) {
      const { loss, accuracy, meanIoU } = best.test;
      const overlap = meanIoU === undefined ? "" : `mean IoU ${percent(meanIoU)}, `;
      this.#output.say(
        `Epoch ${best.epoch} was the best${best.val === undefined ? "" : " on the val pictures"}: ${overlap}test accuracy ${percent(accuracy)}, loss ${loss.toFixed(4)}; its network is ${folder.best}.`,
      );
    }
    this.#output.say(`Wrote ${folder.model} (also best.safetensors, checkpoint.safetensors and log.jsonl).`);
    const run = quoted(folder.path);
    const next: (readonly [string, string])[] = [
      [`${invocation()} ${this.#command}predict ${run} PICTURES...`, "ask it about pictures of your own"],
      [`${invocation()} ${this.#command}eval ${run}`, "measure it: loss, accuracy and confusion matrix"],
      ...(tensorboard
        ? [[`tensorboard --logdir ${quoted(folder.tensorboard)}`, "loss and rate of every batch"] as const]
        : []),
      [`${invocation()} ${this.#command}train --help`, "other networks, data and settings"],
    ];
    this.#output.say();
    if (report !== undefined) this.#output.say(`Report: ${report} (open it in a browser)`);
    this.#output.say(`What to try next:\n${twoColumns(next)}`);
  }

  get planned(): boolean {
    return this.#plan !== undefined;
  }
}

const batchText = (size: number, accumulate = 1) =>
  accumulate === 1 ? `${size}` : `${size} x ${accumulate} an update`;
