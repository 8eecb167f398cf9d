/**
 * A training run as one safetensors file: every state of the device bit for bit, and in the metadata all that the run
 * depends on. Written whole or not at all, so that a run killed at any moment has its last checkpoint; with a check
 * sum, so that a damaged one is refused.
 */

import { basename } from "node:path";
import { shown } from "../base/bytes.js";
import { FileError, TrainingError } from "../base/errors.js";
import type { Dataset } from "../data/sets/dataset.js";
import type { Device } from "../devices/device.js";
import { parseJson } from "../formats/json.js";
import type { SafetensorsFile, TensorToWrite } from "../formats/safetensors/safetensors.js";
import { readSafetensorsFile, writeSafetensorsFile } from "../formats/safetensors/safetensors-node.js";
import { sameShape, shapeText } from "../graph/shape.js";
import { findNotFinite } from "../model/weights/weights.js";
import type { TrainerState } from "../train/records.js";
import type { Trainer } from "../train/trainer.js";
import { checkSums, findDamage, SUMS } from "./checkpoint-sums-node.js";
import { differences, savedConfig, type TrainingConfig } from "./config.js";
import { datasetFingerprint, planFingerprint } from "./fingerprint.js";

const FORMAT = "fovea checkpoint";
const VERSION = "1";

interface DatasetIdentity {
  readonly name: string;
  readonly length: number;
  readonly fingerprint: string;
}

/** What a run is, apart from where it is. */
export interface RunIdentity {
  readonly config: TrainingConfig;
  readonly data: { readonly train: DatasetIdentity; readonly val?: DatasetIdentity; readonly test?: DatasetIdentity };
  /** Which machine code: with another, numbers agree within rounding only. */
  readonly backend: { readonly name: string; readonly target: string };
  readonly plan: string;
}

export interface Checkpoint extends RunIdentity {
  readonly path: string;
  readonly state: TrainerState;
  readonly tensors: SafetensorsFile["tensors"];
}

export function identify(
  trainer: Trainer,
  config: TrainingConfig,
  data: { readonly train: Dataset; readonly val?: Dataset | undefined; readonly test?: Dataset | undefined },
): RunIdentity {
  const of = (set: Dataset): DatasetIdentity => ({
    name: set.name,
    length: set.length,
    fingerprint: datasetFingerprint(set),
  });
  const { backend, arithmetic } = trainer.device;
  const { module } = config;
  return {
    // Where its file lies is no part of what the run is.
    config: module === undefined ? config : { ...config, module: { ...module, path: basename(module.path) } },
    data: {
      train: of(data.train),
      ...(data.val === undefined ? {} : { val: of(data.val) }),
      ...(data.test === undefined ? {} : { test: of(data.test) }),
    },
    backend: { name: backend, target: arithmetic },
    plan: planFingerprint(trainer.executables),
  };
}

/**
 * Writes where the run is. To be called when nothing runs.
 * @throws TrainingError, and leaves the checkpoint before as it was, where a state is not finite: nobody could go on.
 */
export async function saveCheckpoint(path: string, trainer: Trainer, identity: RunIdentity): Promise<void> {
  const tensors: [string, TensorToWrite][] = [];
  for (const { name, shape } of trainer.device.states()) {
    tensors.push([name, { shape, data: await trainer.device.readState(name) }]);
  }
  const broken = findNotFinite(tensors as [string, { data: Float32Array }][]);
  if (broken !== undefined) throw trainer.notFinite(`a number in "${broken}"`);
  const { config, data, backend, plan } = identity;
  const metadata = {
    format: FORMAT,
    version: VERSION,
    config: JSON.stringify(config),
    data: JSON.stringify(data),
    backend: JSON.stringify(backend),
    plan,
    state: JSON.stringify(trainer.state),
  };
  await writeSafetensorsFile(path, tensors, { ...metadata, [SUMS]: checkSums(tensors, metadata) });
}

/** @throws FileError where the file is not a checkpoint of fovea, or not the one that was written. */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const { tensors, metadata } = await readSafetensorsFile(path);
  const { format, version, plan } = metadata;
  if (format !== FORMAT) {
    const what = format === "fovea" ? "is a model, which cannot be trained further" : "has no metadata of a fovea run";
    throw new FileError(`${path}: not a checkpoint: it ${what}; name a run's folder or its checkpoint.safetensors`);
  }
  if (version !== VERSION || plan === undefined) {
    throw new FileError(
      `${path}: is a checkpoint of version ${shown(String(version))}; this fovea reads version ${VERSION}`,
    );
  }
  const json = (name: string): unknown =>
    parseJson(metadata[name] ?? "", (why, cause) => {
      const what = why.startsWith("is not JSON") ? "is not JSON" : why;
      return new FileError(`${path}: metadata "${name}" ${what}; the checkpoint is damaged`, { cause });
    });
  const [config, data, backend, state] = [json("config"), json("data"), json("backend"), json("state")];
  // Those that were written before there were sums have none.
  const damaged = metadata[SUMS] === undefined ? undefined : findDamage(json(SUMS), tensors, metadata);
  if (damaged !== undefined) {
    throw new FileError(`${path}: the checkpoint is damaged: ${damaged} are not what was written`);
  }
  if (!isState(state)) {
    throw new FileError(`${path}: metadata "state" does not say where a run is; the checkpoint is damaged`);
  }
  return {
    path,
    tensors,
    config: savedConfig(config, `${path}: config`),
    data: data as RunIdentity["data"],
    backend: backend as RunIdentity["backend"],
    plan,
    state,
  };
}

// --- Where a run is, none of which is trusted

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const areNumbers = (value: unknown, ...names: readonly string[]): boolean =>
  isRecord(value) && names.every((name) => Number.isFinite(value[name]));

function isState(value: unknown): value is TrainerState {
  if (!isRecord(value) || ![value["step"], value["epoch"], value["batch"]].every(isCount)) return false;
  const { sums, norms, seconds, waited = 0, history } = value;
  return (
    [seconds, waited].every(Number.isFinite) &&
    areNumbers(sums, "samples", "loss", "correct") &&
    (norms === undefined || areNumbers(norms, "updates", "total", "largest")) &&
    Array.isArray(history) &&
    history.every(isEpoch)
  );
}

function isEpoch(record: unknown): boolean {
  if (!isRecord(record) || !areNumbers(record, "epoch", "learningRate", "trainSeconds", "testSeconds")) return false;
  const { train, val, test, gradientNorm } = record;
  return (
    areNumbers(train, "loss", "accuracy") &&
    [val, test].every((half) => half === undefined || areNumbers(half, "loss", "accuracy")) &&
    (gradientNorm === undefined || areNumbers(gradientNorm, "mean", "largest"))
  );
}

/**
 * Puts a trainer where the checkpoint is. Returns what the reader should know: that backend or plan are others than the
 * run's, so that it will not end in the same bits.
 * @throws TrainingError where the run is another one, naming what differs and both values.
 */
export async function restoreCheckpoint(trainer: Trainer, saved: Checkpoint, now: RunIdentity): Promise<string[]> {
  // Where the data comes from may change as long as it is the same data.
  const others = [
    ...differences(now.config, saved.config, ["data"]),
    ...differences(now.data, saved.data, ["train.name", "val.name", "test.name"]).map((text) => `data ${text}`),
  ];
  if (others.length > 0) {
    throw new TrainingError(
      `${saved.path}: belongs to another run: ${others.join("; ")}. Resume with what the run was started with, or start a new one`,
    );
  }
  await writeStates(trainer.device, saved);
  trainer.restore(saved.state);
  const backend = differences(now.backend, saved.backend).map((text) => `backend ${text}`);
  const plan = now.plan === saved.plan ? [] : ["the plan is not the one it was begun with"];
  const changes = backend.length > 0 ? backend : plan;
  return changes.map((text) => `${text}: the run will not be bit-identical to one never stopped`);
}

async function writeStates(device: Device, { path, tensors }: Checkpoint): Promise<void> {
  const states = device.states();
  const problems = states.flatMap(({ name, shape }) => {
    const tensor = tensors.get(name);
    if (tensor === undefined) return [`state "${name}" is missing`];
    if (sameShape(tensor.shape, shape)) return [];
    return [`state "${name}" is ${shapeText(tensor)}, expected ${shapeText({ shape })}`];
  });
  for (const name of tensors.keys())
    if (!states.some((s) => s.name === name)) problems.push(`state "${name}" is not one of this run`);
  const broken = findNotFinite(tensors as ReadonlyMap<string, { data: Float32Array }>);
  if (broken !== undefined) problems.push(`state "${broken}" holds a number that is not finite`);
  if (problems.length > 0) throw new TrainingError(`${path}: does not fit the run: ${problems.join("; ")}`);
  for (const { name } of states) await device.writeState(name, tensors.get(name)!.data as Float32Array | Int32Array);
}
