/**
 * The report of a run on positions of games, in its folder: report.html and report/curves.png. It tells what is known
 * after the last evaluation, whether the run came to its end or was stopped.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { paperOn } from "../../analysis/figures/paper.js";
import { documentOf, madeBy } from "../../analysis/report/document.js";
import { newDocument, toPng } from "../../analysis/report/draw-node.js";
import { sheet } from "../../analysis/report/figure.js";
import { count, definitions, machineRows, percent, section, table, time } from "../../analysis/report/parts.js";
import { machineOf } from "../../analysis/report/report-node.js";
import { writeFileAtomically } from "../../host/atomic-write-node.js";
import { foveaVersion } from "../../host/package-node.js";
import { describeOptimizer, describeSchedule, named } from "../../run/config.js";
import type { RunPlan, RunResult } from "../../run/run-node.js";
import type { EpochRecord } from "../../train/records.js";
import type { PolicyConfig } from "./epochs.js";
import { positionsFigures } from "./position-curves.js";

export interface PositionsReportOptions {
  readonly config: PolicyConfig;
  readonly plan: RunPlan;
  readonly result: RunResult;
  /** Which games are test games, in words. */
  readonly testGames: string;
}

/** Gives the path of the page. @throws FileError where it cannot be written. */
export async function writePositionsReport(options: PositionsReportOptions): Promise<string> {
  const { config, result } = options;
  const { history, folder } = result;
  const title = `${named(config.network, config.options)} on ${config.data}`;
  const figures =
    history.length === 0
      ? undefined
      : positionsFigures(await paperOn(newDocument()), history, stepsOf(config) * config.batchSize);
  if (figures !== undefined) {
    const pictures = join(folder.path, "report");
    await mkdir(pictures, { recursive: true });
    const both = sheet(title, "", [figures.accuracy, figures.loss]);
    await writeFileAtomically(join(pictures, "curves.png"), [toPng(both)]);
  }
  const curves =
    figures === undefined
      ? "<p>There is no evaluation yet.</p>"
      : `<div class="pair"><figure>${figures.accuracy.svg}</figure><figure>${figures.loss.svg}</figure></div>`;
  const file = join(folder.path, "report.html");
  const footer = madeBy(foveaVersion(), new Date(), folder.path);
  const body = `${headline(options)}
${section("How it learned", curves, slope(history))}
${section("Evaluations", evaluations(options))}
<div class="pair">
${section("Settings", definitions(settings(options)))}
${section("Machine", definitions(machineRows({ machine: machineOf(options.plan), history })))}
</div>`;
  await writeFileAtomically(file, [documentOf({ title, subtitle: state(options), footer }, body)]);
  return file;
}

const stepsOf = (config: PolicyConfig): number => config.positions.evaluateEvery;

function state({ config, result }: PositionsReportOptions): string {
  const steps = config.epochs * stepsOf(config);
  if (result.completed) return `${count(steps)} steps, finished.`;
  return `Stopped after ${count(result.step)} of ${count(steps)} steps. What follows is about the evaluations until then.`;
}

/** Until the end of each evaluation. */
function secondsUntil(history: readonly EpochRecord[]): number[] {
  let seconds = 0;
  return history.map(({ trainSeconds, testSeconds }) => {
    seconds += trainSeconds + testSeconds;
    return seconds;
  });
}

function headline({ config, plan, result: { history } }: PositionsReportOptions): string {
  const last = history.at(-1);
  const figures: [string, string][] = [];
  if (last?.test !== undefined) {
    const { accuracy, top5 = Number.NaN } = last.test;
    const positions = last.epoch * stepsOf(config) * config.batchSize;
    const training = history.reduce((sum, { trainSeconds }) => sum + trainSeconds, 0);
    figures.push(
      ["top-1", percent(accuracy)],
      ["top-5", percent(top5)],
      ["positions seen", count(positions)],
      ["positions a second", count(positions / training)],
      ["time", time(secondsUntil(history).at(-1)!)],
    );
  }
  figures.push(["parameters", count(plan.parameters)]);
  return `<div class="figures">${figures.map(([name, value]) => `<div><b>${value}</b><span>${name}</span></div>`).join("")}</div>`;
}

/** What the last doubling of the positions brought: nobody knows what the next one brings, but it is seldom more. */
function slope(history: readonly EpochRecord[]): string {
  const last = history.at(-1);
  const half = history.find(({ epoch }) => last !== undefined && 2 * epoch === last.epoch - (last.epoch % 2));
  if (last?.test === undefined || half?.test === undefined) return "";
  const gained = 100 * (last.test.accuracy - half.test.accuracy);
  return (
    `The second half of the run brought ${gained.toFixed(2)} points of top-1, from ${percent(half.test.accuracy)} to ` +
    `${percent(last.test.accuracy)}; a falling learning rate has its part in that.`
  );
}

function evaluations({ config, result: { history } }: PositionsReportOptions): string {
  if (history.length === 0) return "";
  const until = secondsUntil(history);
  const each = stepsOf(config) * config.batchSize;
  const rows = history.map(({ epoch, train, test, learningRate, trainSeconds }, i) => [
    count(epoch * stepsOf(config)),
    count(epoch * each),
    train.loss.toFixed(4),
    test?.loss.toFixed(4) ?? "",
    test === undefined ? "" : percent(test.accuracy),
    test?.top5 === undefined ? "" : percent(test.top5),
    String(Number(learningRate.toPrecision(3))),
    time(until[i]!),
    count(each / trainSeconds),
  ]);
  const head = ["step", "positions", "loss", "test loss", "top-1", "top-5", "learning rate", "time", "positions/s"];
  return table(head, rows);
}

function settings({ config, testGames }: PositionsReportOptions): [string, string][] {
  const { network, options, data, batchSize, optimizer, schedule, seed, positions } = config;
  return [
    ["data", data],
    ["test games", testGames],
    ["test sample", `${count(positions.testPositions)} positions, evenly spread over these games`],
    ["network", named(network, options)],
    ["steps", `${count(config.epochs * stepsOf(config))}, an evaluation every ${count(stepsOf(config))}`],
    ["batch size", String(batchSize)],
    ["optimizer", describeOptimizer(optimizer)],
    ["schedule", describeSchedule(schedule)],
    ["symmetries", "each position in one of 8, drawn anew"],
    ["seed", String(seed)],
  ];
}
