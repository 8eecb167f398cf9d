/**
 * What `fovea go train` shows: a head, one bar for the whole run, a line an evaluation, and what to do next; or JSON
 * lines.
 */
import type { TestGames } from "../../../go/games/position-sets.js";
import type { PolicyConfig } from "../../../go/training/epochs.js";
import { describeOptimizer, describeSchedule, named } from "../../../run/config.js";
import type { RunPlan, RunResult } from "../../../run/run-node.js";
import { type EpochRecord, NOTABLE_WAIT, type Progress as TrainingProgress } from "../../../train/records.js";
import { bytes, invocation, type Output, percent, quoted, seconds } from "../../terminal/output.js";
import { Progress, showCount, showTime } from "../../terminal/progress.js";
import { machineRow, type Row, RunDisplay } from "../../terminal/run-display.js";

export class GoTrainDisplay extends RunDisplay {
  readonly #config: PolicyConfig;
  readonly #games: TestGames;
  /** Steps between evaluations, and positions. */
  readonly #every: number;
  readonly #epoch: number;

  constructor(output: Output, config: PolicyConfig, games: TestGames) {
    super(output, "go train");
    this.#config = config;
    this.#games = games;
    this.#every = config.positions.evaluateEvery;
    this.#epoch = this.#every * config.batchSize;
  }

  get #steps(): number {
    return this.#config.epochs * this.#every;
  }

  protected head(plan: RunPlan): readonly Row[] {
    const { network, options, epochs, batchSize, optimizer, schedule, seed, positions } = this.#config;
    const { games, of, split } = this.#games;
    return [
      ["network", `${named(network, options)}, ${showCount(plan.parameters)} parameters`],
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
      machineRow(plan),
      ["memory", `${bytes(plan.memory.total)} planned`],
    ];
  }

  protected startEvent({ parameters, backend, threads, memory, resumedAt }: RunPlan): object {
    return {
      config: this.#config,
      steps: this.#steps,
      testGames: this.#games,
      parameters,
      backend,
      threads,
      memory,
      resumedAt: resumedAt === undefined ? null : { step: resumedAt.step },
    };
  }

  protected goesOn(_: RunPlan, { step }: NonNullable<RunPlan["resumedAt"]>): string {
    return `Goes on after step ${showCount(step)}.`;
  }

  progress({ phase, epoch, epochs, done, loss, accuracy, waited = 0 }: TrainingProgress): void {
    const { stream, json } = this.output;
    if (json && stream.isTTY !== true) return;
    const total = epochs * this.#epoch;
    // While it is measured the bar stands.
    const all = phase === "test" ? epoch * this.#epoch : (epoch - 1) * this.#epoch + done;
    this.bar ??= new Progress({ total, label: "training", unit: "positions", done: all, stream });
    const figures = { loss, "top-1": percent(accuracy) };
    const wait = `${Math.round(100 * waited)}% for positions`;
    if (phase === "train") this.bar.update(all, waited < NOTABLE_WAIT ? figures : { ...figures, waited: wait });
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
    if (this.bar === undefined) this.output.say(line);
    else this.bar.log(line);
    this.output.event({
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

  protected endEvent({ folder, history, best, step }: RunResult): object {
    return {
      ...(history.length > 0 ? { model: folder.model, log: folder.log } : {}),
      checkpoint: folder.checkpoint,
      step,
      seconds: secondsOf(history),
      test: history.at(-1)?.test ?? null,
      best: best === undefined ? null : { step: best.epoch * this.#every, test: best.test, model: folder.best },
    };
  }

  protected summary({ history, step }: RunResult): readonly string[] {
    const test = history.at(-1)?.test;
    if (test === undefined) return [];
    const took = secondsOf(history);
    const time = took < 120 ? seconds(took) : showTime(1000 * took);
    return [
      `Top-1 ${percent(test.accuracy)}, top-5 ${percent(test.top5 ?? Number.NaN)} on the sample of the test games, after ` +
        `${showCount(step * this.#config.batchSize)} positions and ${time}.`,
    ];
  }

  protected next({ folder }: RunResult): readonly Row[] {
    const run = quoted(folder.path);
    return [
      [
        `${invocation()} go eval ${run} ${quoted(this.#config.data)}`,
        "measure it on all test games, by phase of the game",
      ],
      [`${invocation()} go gtp --model ${run}`, "play against it in GoGui or Sabaki"],
      [`${invocation()} go analyse GAME.sgf --model ${run}`, "what it thinks of a game"],
    ];
  }
}

/** Of training and evaluation. */
const secondsOf = (history: readonly EpochRecord[]) =>
  history.reduce((sum, { trainSeconds, testSeconds }) => sum + trainSeconds + testSeconds, 0);
