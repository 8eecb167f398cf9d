/**
 * The report of a training run, in its folder: report.html, one page that stands alone, and report/*.png, its figures.
 * It tells what is known after the last whole epoch, whether the run came to its end or was stopped.
 */
import { mkdir, rm } from "node:fs/promises";
import { arch, availableParallelism, cpus, platform, release, totalmem } from "node:os";
import { join } from "node:path";
import { FileError } from "../../base/errors.js";
import type { Dataset } from "../../data/sets/dataset.js";
import type { MachineOptions } from "../../devices/machine-options.js";
import { writeFileAtomically } from "../../host/atomic-write-node.js";
import { foveaVersion } from "../../host/package-node.js";
import { loadModel } from "../../model/model-file-node.js";
import type { TrainedModel } from "../../model/trained-model.js";
import { create } from "../../models/index.js";
import type { TrainingConfig } from "../../run/config.js";
import { exists } from "../../run/folder-node.js";
import type { RunPlan, RunResult } from "../../run/run-node.js";
import type { Evaluation } from "../../train/evaluate/evaluator.js";
import { evaluate } from "../../train/train.js";
import { summarize } from "../summary.js";
import { toPng } from "./draw-node.js";
import { firstLayerFilters } from "./filters.js";
import { findMistakes } from "./mistakes.js";
import { page } from "./page.js";
import { drawPictures } from "./pictures-node.js";
import type { Machine, ReportData, Tested } from "./report-data.js";

export interface ReportOptions {
  readonly config: TrainingConfig;
  readonly data: { readonly train: Dataset; readonly test?: Dataset | undefined };
  readonly plan: RunPlan;
  readonly result: RunResult;
  /** Where the test pictures are asked about. */
  readonly session: Choice;
}

export interface WrittenReport {
  readonly page: string;
  readonly pictures: readonly string[];
}

/** Names of the pictures that a report may have. */
const PICTURES = ["curves", "confusion", "wrong", "filters"];

/** @throws FileError where it cannot be written. */
export async function writeReport(options: ReportOptions): Promise<WrittenReport> {
  const { result } = options;
  const data = await gather(options);
  const pictures = await drawPictures(data);
  const { path } = result.folder;
  const folder = join(path, "report");
  await mkdir(folder, { recursive: true }).catch((cause: Error) => {
    throw new FileError(`${folder}: could not be made: ${cause.message}`, { cause });
  });
  const written: string[] = [];
  for (const name of PICTURES) {
    const file = join(folder, `${name}.png`);
    const figure = pictures.files.get(name);
    // One of an earlier report would tell of another state of the run.
    if (figure === undefined) await rm(file, { force: true });
    else {
      await writeFileAtomically(file, [toPng(figure)]);
      written.push(file);
    }
  }
  const file = join(path, "report.html");
  await writeFileAtomically(file, [page(data, pictures)]);
  return { page: file, pictures: written };
}

async function gather({ config, data, plan, result, session }: ReportOptions): Promise<ReportData> {
  const { folder, completed, history, step } = result;
  const model = (await exists(folder.model)) ? await loadModel(folder.model) : undefined;
  const { test } = data;
  const evaluation =
    model === undefined || test === undefined
      ? undefined
      : await evaluationOf(model, test, options(session), result.evaluation);
  return {
    folder: folder.path,
    config,
    completed,
    step,
    stepsPerEpoch: plan.stepsPerEpoch,
    history,
    // The network may have a scaling of its own.
    train: { ...data.train, ...model?.scaling },
    test,
    machine: machineOf(plan),
    summary: await summarize(create(config.network, config.options)),
    tested:
      model === undefined || test === undefined || evaluation === undefined
        ? undefined
        : await testedWith(model, test, evaluation, options(session)),
    filters: model === undefined ? undefined : firstLayerFilters(model),
    version: foveaVersion(),
    date: new Date(),
  };
}

type Choice = Pick<MachineOptions, "device" | "backend" | "threads" | "winograd">;

/** The run has said already which backend it took and why. */
const options = ({ device, backend, threads, winograd }: Choice) => ({
  device,
  backend,
  threads,
  winograd,
  note: () => {},
});

/** A run that was resumed and did no whole epoch since has not measured its model. */
async function evaluationOf(
  model: TrainedModel,
  test: Dataset,
  choice: Choice,
  known: Evaluation | undefined,
): Promise<Evaluation> {
  return known ?? (await evaluate(model, test, choice));
}

async function testedWith(
  model: TrainedModel,
  test: Dataset,
  { confusion, accuracy, samples, predictions }: Evaluation,
  choice: Choice,
): Promise<Tested> {
  const classes = confusion.map((_, label) => test.classes[label] ?? model.classes[label] ?? String(label));
  return { confusion, classes, accuracy, samples, mistakes: await findMistakes(model, test, predictions, choice) };
}

/** What the run was on. */
export function machineOf({ backend, threads, memory }: RunPlan): Machine {
  const processors = cpus();
  return {
    processor: processors[0]?.model.trim() || arch(),
    cores: processors.length || availableParallelism(),
    memoryBytes: totalmem(),
    system: `${platform()} ${release()}, ${arch()}`,
    node: process.versions.node,
    backend,
    threads,
    plannedBytes: Object.values(memory).reduce((sum, bytes) => sum + bytes, 0),
  };
}
