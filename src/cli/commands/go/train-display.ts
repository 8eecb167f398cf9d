/** What `fovea go train` shows: a head, one bar for the whole run, a line an evaluation, and what to do next; or JSON lines. */
import type { TestGames } from "../../../go/games/position-sets.js";
import type { PolicyConfig } from "../../../go/training/epochs.js";
import { describeOptimizer, describeSchedule, named } from "../../../run/config.js";
import type { RunPlan, RunResult } from "../../../run/run-node.js";
import { type EpochRecord, NOTABLE_WAIT, type Progress as TrainingProgress } from "../../../train/records.js";
import { bytes, invocation, type Output, percent, quoted, seconds, twoColumns } from "../../terminal/output.js";
import { Progress, showCount, showTime } from "../../terminal/progress.js";
import { resumeLine, sayStopped, type TrainingDisplay } from "../../terminal/show-training.js";

export class GoTrainDisplay implements TrainingDisplay {
  readonly #output: Output;
  readonly #config: PolicyConfig;
  readonly #games: TestGames;
  /** Steps between evaluations, and positions. */
  readonly #every: number;
  readonly #epoch: number;
  #progress: Progress | undefined;
  #plan: RunPlan | undefined;

  constructor(output: Output, config: PolicyConfig, games: TestGames) {
    this.#output = output;
    this.#config = config;
    this.#games = games;
    this.#every = config.positions.evaluateEvery;
    this.#epoch = this.#every * config.batchSize;
  }

  get planned(): boolean {
    return this.#plan !== undefined;
  }

  get #steps(): number {
    return this.#config.epochs * this.#every;
  }

  plan(plan: RunPlan): void {
    this.#plan = plan;
    const { network, options, epochs, batchSize, optimizer, schedule, seed, positions } = this.#config;
    const { parameters, backend, threads, memory, folder, resumedAt, notes } = plan;
    const { games, of, split } = this.#games;
    this.#output.say(
      twoColumns([
        ["network", `${named(network, options)}, ${showCount(parameters)} parameters`],
        ["data", this.#config.data],
        [
          "training",
          `${showCount(this.#steps)} steps of ${batchSize}: ${showCount(epochs * this.#epoch)} positions, seed ${seed}`,
        ],
        ["optimizer", `${describeOptimizer(optimizer)}, schedule ${describeSchedule(schedule)}`],
        [
          "measured",
          `every ${showCount(this.#every)} steps on ${showCount(positions.testPositions)} positions of the test games`,
        ],
        ["test games", `${showCount(games)} of ${showCount(of)}: ${split}`],
        ["machine", `${backend}, ${threads} ${threads === 1 ? "thread" : "threads"}`],
        ["memory", `${bytes(memory.total)} planned`],
        ["folder", folder.path],
      ]),
    );
    this.#output.say();
    this.#output.event({
      event: "start",
      folder: folder.path,
      config: this.#config,
      steps: this.#steps,
      testGames: this.#games,
      parameters,
      backend,
      threads,
      memory,
      resumedAt: resumedAt === undefined ? null : { step: resumedAt.step },
    });
    for (const note of notes) this.#output.note(`fovea: ${note}`);
    if (resumedAt !== undefined) this.#output.say(`Goes on after step ${showCount(resumedAt.step)}.`);
  }

  progress({ phase, epoch, epochs, done, loss, accuracy, waited = 0 }: TrainingProgress): void {
    const { stream, json } = this.#output;
    if (json && stream.isTTY !== true) return;
    const total = epochs * this.#epoch;
    // While it is measured the bar stands.
    const all = phase === "test" ? epoch * this.#epoch : (epoch - 1) * this.#epoch + done;
    this.#progress ??= new Progress({ total, label: "training", unit: "positions", done: all, stream });
    const figures = { loss, "top-1": percent(accuracy) };
    const wait = `${Math.round(100 * waited)}% for positions`;
    if (phase === "train") this.#progress.update(all, waited < NOTABLE_WAIT ? figures : { ...figures, waited: wait });
  }

  epoch(record: EpochRecord): void {
    const { epoch, train, test, learningRate, trainSeconds, testSeconds, waited } = record;
    const { loss = Number.NaN, accuracy = Number.NaN, top5 = Number.NaN } = test ?? {};
    const step = epoch * this.#every;
    const width = showCount(this.#steps).length;
    const line =
      `step ${showCount(step).padStart(width)}  loss ${train.loss.toFixed(4)}  test loss ${loss.toFixed(4)}  ` +
      `top-1 ${percent(accuracy)}  top-5 ${percent(top5)}  ${showCount(this.#epoch / trainSeconds)} positions/s` +
      (waited === undefined ? "" : `  waited ${Math.round(100 * waited)}% for positions`);
    if (this.#progress === undefined) this.#output.say(line);
    else this.#progress.log(line);
    this.#output.event({
      event: "evaluation",
      step,
      positions: epoch * this.#epoch,
      train,
      test: test ?? null,
      learningRate,
      trainSeconds,
      testSeconds,
      ...(waited === undefined ? {} : { waited }),
    });
  }

  /** Takes an unfinished bar away. */
  clear(): void {
    this.#progress?.stop();
    this.#progress = undefined;
  }

  stopping(): void {
    this.clear();
    this.#output.note("Stopping after this step; once more ends at once.");
  }

  /** `report` is the path of the page, if it could be written. */
  end(result: RunResult, report: string | undefined): void {
    const { folder, history, completed, best, step } = result;
    const took = history.reduce((sum, record) => sum + record.trainSeconds + record.testSeconds, 0);
    const test = history.at(-1)?.test;
    const run = quoted(folder.path);
    const again = resumeLine("go train", folder.path);
    this.#output.event({
      event: completed ? "end" : "stopped",
      folder: folder.path,
      ...(history.length > 0 ? { model: folder.model, log: folder.log } : {}),
      checkpoint: folder.checkpoint,
      step,
      seconds: took,
      test: test ?? null,
      best: best === undefined ? null : { step: best.epoch * this.#every, test: best.test, model: folder.best },
      report: report ?? null,
      ...(completed ? {} : { resume: again }),
    });
    if (!completed) {
      sayStopped(this.#output, result, again, report);
      return;
    }
    this.#output.say();
    if (test !== undefined) {
      const time = took < 120 ? seconds(took) : showTime(1000 * took);
      this.#output.say(
        `Top-1 ${percent(test.accuracy)}, top-5 ${percent(test.top5 ?? Number.NaN)} on the sample of the test games, after ` +
          `${showCount(step * this.#config.batchSize)} positions and ${time}.`,
      );
    }
    this.#output.say(`Wrote ${folder.model} (also best.safetensors, checkpoint.safetensors and log.jsonl).`);
    this.#output.say();
    if (report !== undefined) this.#output.say(`Report: ${report} (open it in a browser)`);
    this.#output.say(
      `What to try next:\n${twoColumns([
        [
          `${invocation()} go eval ${run} ${quoted(this.#config.data)}`,
          "measure it on all test games, by phase of the game",
        ],
        [`${invocation()} go gtp --model ${run}`, "play against it in GoGui or Sabaki"],
        [`${invocation()} go analyse GAME.sgf --model ${run}`, "what it thinks of a game"],
      ])}`,
    );
  }
}
