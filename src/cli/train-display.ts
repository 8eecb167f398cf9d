/** What `fovea train` shows: a head, a bar and a line an epoch, and what to do next; or the same as JSON lines. */
import { type Dataset, describeDataset } from "../data/dataset.js";
import { describeOptimizer, describeSchedule, named, type TrainingConfig } from "../train/config.js";
import type { RunPlan, RunResult } from "../train/run-node.js";
import type { EpochRecord, Progress as TrainingProgress } from "../train/trainer.js";
import { bytes, invocation, type Output, percent, quoted, seconds, twoColumns } from "./output.js";
import { Progress, showCount } from "./progress.js";

export class TrainDisplay {
  readonly #output: Output;
  readonly #config: TrainingConfig;
  readonly #train: Dataset;
  #progress: Progress | undefined;
  #label = "";
  #plan: RunPlan | undefined;

  constructor(output: Output, config: TrainingConfig, train: Dataset) {
    this.#output = output;
    this.#config = config;
    this.#train = train;
  }

  plan(plan: RunPlan): void {
    this.#plan = plan;
    const { network, options, epochs, batchSize, optimizer, schedule, seed } = this.#config;
    const { parameters, backend, threads, memory, folder, stepsPerEpoch, resumedAt, notes } = plan;
    const total = Object.values(memory).reduce((sum, region) => sum + region, 0);
    const regions = Object.entries(memory).map(([name, size]) => `${name} ${bytes(size)}`);
    this.#output.say(
      twoColumns([
        ["network", `${named(network, options)}, ${showCount(parameters)} parameters`],
        ["data", describeDataset(this.#train)],
        ["training", `${epochs} epochs of ${showCount(stepsPerEpoch)} steps, batch ${batchSize}, seed ${seed}`],
        ["optimizer", `${describeOptimizer(optimizer)}, schedule ${describeSchedule(schedule)}`],
        ["machine", `${backend}, ${threads} ${threads === 1 ? "thread" : "threads"}`],
        ["memory", `${bytes(total)} planned (${regions.join(", ")})`],
        ["folder", folder.path],
      ]),
    );
    this.#output.say();
    this.#output.event({
      event: "start",
      folder: folder.path,
      config: this.#config,
      parameters,
      images: this.#train.length,
      backend,
      threads,
      memory: { total, ...memory },
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

  progress({ phase, epoch, epochs, done, total, loss, accuracy }: TrainingProgress): void {
    const label = `epoch ${epoch}/${epochs}${phase === "test" ? " test" : ""}`;
    if (label !== this.#label) {
      this.#progress?.stop();
      this.#label = label;
      // With --json the bar goes to standard error, and only where someone looks at it.
      const { stream, json } = this.#output;
      const shown = !json || stream.isTTY === true;
      const before = Math.max(0, done - (phase === "train" ? this.#config.batchSize : 0));
      this.#progress = shown ? new Progress({ total, label, unit: "images", done: before, stream }) : undefined;
    }
    this.#progress?.update(done, { loss, accuracy: percent(accuracy) });
  }

  epoch({ epoch, train, test, learningRate, trainSeconds, testSeconds }: EpochRecord): void {
    const speed = this.#train.length / trainSeconds;
    const tested =
      test === undefined ? "" : `  test loss ${test.loss.toFixed(4)}  test accuracy ${percent(test.accuracy)}`;
    const line =
      `epoch ${epoch}/${this.#config.epochs}  loss ${train.loss.toFixed(4)}  accuracy ${percent(train.accuracy)}${tested}` +
      `  ${seconds(trainSeconds)}  ${showCount(speed)} images/s`;
    this.clear();
    this.#output.say(line);
    this.#output.event({ event: "epoch", epoch, train, test: test ?? null, learningRate, trainSeconds, testSeconds });
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

  end({ folder, history, completed, step }: RunResult): void {
    const trainSeconds = history.reduce((sum, record) => sum + record.trainSeconds, 0);
    const test = history.at(-1)?.test;
    const files = { model: folder.model, checkpoint: folder.checkpoint, log: folder.log };
    const again = `${invocation()} train --resume ${quoted(folder.path)}`;
    this.#output.event({
      event: completed ? "end" : "stopped",
      folder: folder.path,
      ...(history.length > 0 || completed ? files : { checkpoint: folder.checkpoint }),
      epochs: history.length,
      step,
      trainSeconds,
      test: test ?? null,
      ...(completed ? {} : { resume: again }),
    });
    if (!completed) {
      this.#output.say(
        `Stopped after step ${showCount(step)}; the run is kept in ${folder.path}. Go on with:\n  ${again}`,
      );
      return;
    }
    this.#output.say();
    if (test !== undefined) {
      const { epochs } = this.#config;
      this.#output.say(
        `Test accuracy ${percent(test.accuracy)} (error ${percent(1 - test.accuracy)}) after ${epochs} ${epochs === 1 ? "epoch" : "epochs"} ` +
          `and ${seconds(trainSeconds)} of training.`,
      );
    }
    this.#output.say(`Wrote ${folder.model} (also checkpoint.safetensors and log.jsonl).`);
    this.#output.say(`Look closer: ${invocation()} eval ${quoted(folder.path)}`);
  }

  get planned(): boolean {
    return this.#plan !== undefined;
  }
}
