/**
 * The folder of a training run:
 *
 *     config.json              all hyper-parameters
 *     checkpoint.safetensors   where the run is: see checkpoint-node.ts
 *     checkpoint-before.safetensors   the checkpoint before that one, until the run is complete
 *     model.safetensors        the network after the last whole epoch
 *     best.safetensors         the network after the epoch that was best on the test pictures
 *     log.jsonl                one line an epoch
 *     tensorboard/             event files for TensorBoard, where they were asked for
 *     run.lock                 the process that works on the run; gone when none does
 *
 * Each file is written whole or not at all, and the folder appears with its config.json in it, so that a run killed at
 * any moment can be resumed.
 */
import { randomBytes } from "node:crypto";
import { link, mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { FileError } from "../base/errors.js";
import { parseJson } from "../formats/json.js";
import { writeFileAtomically } from "../host/atomic-write-node.js";
import { readWholeFile, whyUnreadable } from "../host/read-node.js";
import type { EpochRecord } from "../train/records.js";
import { savedConfig, type TrainingConfig } from "./config.js";

/** The folder of a training run, and the paths of its files. */
export interface RunFolder {
  /** The folder. */
  readonly path: string;
  /** `config.json`: all hyper-parameters. */
  readonly config: string;
  /** `checkpoint.safetensors`: where the run is, for a later process to go on from. */
  readonly checkpoint: string;
  /** The checkpoint before that one, for where that one is damaged; gone when the run is complete. */
  readonly before: string;
  /** The checkpoint that a resumed run goes on from, where that is not the last one. */
  readonly resumeFrom?: string | undefined;
  /** `model.safetensors`: the network after the last whole epoch. */
  readonly model: string;
  /** `best.safetensors`: the network after the epoch that was best on the test pictures. */
  readonly best: string;
  /** `log.jsonl`: one line an epoch. */
  readonly log: string;
  /** `tensorboard/`: event files for TensorBoard, where they were asked for. */
  readonly tensorboard: string;
  /** `run.lock`: the process that works on the run. */
  readonly lock: string;
}

const BEFORE = "checkpoint-before.safetensors";

export function runFolder(path: string): RunFolder {
  return {
    path,
    config: join(path, "config.json"),
    checkpoint: join(path, "checkpoint.safetensors"),
    before: join(path, BEFORE),
    model: join(path, "model.safetensors"),
    best: join(path, "best.safetensors"),
    log: join(path, "log.jsonl"),
    tensorboard: join(path, "tensorboard"),
    lock: join(path, "run.lock"),
  };
}

/** `mnist`, of `fashion-mnist:./data/fashion` the name, of a folder its last part. */
export function dataLabel(data: string): string {
  const colon = data.indexOf(":");
  const label = colon > 1 ? data.slice(0, colon) : basename(data);
  return label.replace(/[^\w.-]+/g, "-").replace(/^[.-]+/, "") || "data";
}

/**
 * What can be known of a new run's folder before its data is read.
 * @throws FileError where it holds something, or is no folder.
 */
export async function checkRunFolder(out: string): Promise<void> {
  const held = (await readdirOrNothing(out)).filter((name) => !name.includes(".tmp-"));
  if (held.length === 0) return;
  const cure = held.includes("config.json") ? `resume the run in it with --resume ${out}, or ` : "";
  throw new FileError(`${out}: already holds ${held.slice(0, 3).join(", ")}; ${cure}name another folder`);
}

/**
 * Makes the folder of a new run: `out`, which may exist when it is empty, or else the first of `runs/lenet5-mnist`,
 * `runs/lenet5-mnist-2`, ... that is free.
 * @throws FileError where `out` holds something, or nothing can be written there.
 */
export async function createRunFolder(config: TrainingConfig, out?: string): Promise<RunFolder> {
  if (out !== undefined) {
    await checkRunFolder(out);
    // A folder that is there, perhaps a mount of its own, is taken as it is.
    if (await exists(out)) return writeConfig(out, config);
    if (!(await place(out, config))) return createRunFolder(config, out);
    return runFolder(out);
  }
  const network = config.network.replace(/\.[cm]?[jt]s(?=#|$)/, "").replace(/[^\w.-]+/g, "-");
  const name = join("runs", `${network}-${dataLabel(config.data)}`);
  for (let number = 1; ; number++) {
    const path = number === 1 ? name : `${name}-${number}`;
    if (!(await exists(path)) && (await place(path, config))) return runFolder(path);
  }
}

/** Puts a folder with its config.json in place at once; false where another run was quicker. */
async function place(path: string, config: TrainingConfig): Promise<boolean> {
  let temporary: string | undefined;
  try {
    await mkdir(dirname(path), { recursive: true });
    temporary = `${path}.tmp-${process.pid}-${randomBytes(4).toString("hex")}`;
    await mkdir(temporary);
    await writeConfig(temporary, config, path);
    await rename(temporary, path);
    return true;
  } catch (error) {
    if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
    if (["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw error instanceof FileError ? error : new FileError(`${path}: ${whyNotMade(error)}`, { cause: error });
  }
}

function whyNotMade(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case "EROFS":
      return "could not be made: the file system is read-only; choose another place with --out";
    case "EACCES":
    case "EPERM":
      return "could not be made: permission denied; choose another place with --out";
    case "ENOTDIR":
      return "could not be made: a part of its path is a file; choose another place with --out";
    case "ENOSPC":
      return "could not be made: the disk is full; free space or choose another place with --out";
    default:
      return `could not be made: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** `place` is where the folder will be: the file of a network of one's own is told from there. */
async function writeConfig(path: string, config: TrainingConfig, place = path): Promise<RunFolder> {
  const folder = runFolder(path);
  const { module } = config;
  const file = module && relative(resolve(place), resolve(module.path)).split(sep).join("/");
  const told = module === undefined ? config : { ...config, module: { ...module, path: file } };
  await writeFileAtomically(folder.config, [`${JSON.stringify(told, undefined, 2)}\n`]);
  return folder;
}

/**
 * The folder of a run that was begun, and its configuration. `path` may also name a file in it; the checkpoint before
 * the last one is then the one that the run goes on from.
 * @throws FileError where there is no run.
 */
export async function openRunFolder(path: string): Promise<{
  /** The folder, and the paths of its files. */
  folder: RunFolder;
  /** Its configuration. */
  config: TrainingConfig;
}> {
  const found = runFolder(/\.(safetensors|jsonl?)$/.test(path) ? dirname(path) : path);
  const folder = basename(path) === BEFORE ? { ...found, resumeFrom: found.before } : found;
  if (!(await readdirOrNothing(folder.path)).includes("config.json")) {
    const why = (await exists(folder.path)) ? "holds no run (no config.json in it)" : "no such folder";
    throw new FileError(`${folder.path}: ${why}; name the folder that \`fovea train\` wrote`);
  }
  const text = new TextDecoder().decode(await readWholeFile(folder.config));
  const json = parseJson(text, (why, cause) => new FileError(`${folder.config}: ${why}`, { cause }));
  return { folder, config: savedConfig(json, folder.config) };
}

/** The checkpoint that a run goes on from; undefined where it has none yet. */
export async function checkpointIn(folder: RunFolder): Promise<string | undefined> {
  for (const path of folder.resumeFrom === undefined ? [folder.checkpoint, folder.before] : [folder.resumeFrom]) {
    if (await exists(path)) return path;
  }
  return undefined;
}

/**
 * Keeps the last checkpoint as the one before, under both names until another is written; not where links are unknown.
 */
export async function keepBefore({ checkpoint, before }: RunFolder): Promise<void> {
  const beside = `${before}.tmp-${process.pid}-${randomBytes(4).toString("hex")}`;
  try {
    await link(checkpoint, beside);
    await rename(beside, before);
  } catch {
    // There is none yet, or the file system has no links: the run does without.
  }
  // A link over itself is no renaming.
  await rm(beside, { force: true });
}

/**
 * One line an epoch, all of them anew: so that a resumed run's log has no line twice. `beside` is what each says
 * besides its record.
 */
export async function writeLog(
  folder: RunFolder,
  history: readonly EpochRecord[],
  beside: readonly object[] = [],
): Promise<void> {
  await writeFileAtomically(
    folder.log,
    history.map((record, i) => `${JSON.stringify({ ...record, ...beside[i] })}\n`),
  );
}

export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ENOENT";
  }
}

async function readdirOrNothing(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return [];
    const why = code === "ENOTDIR" ? "is a file, not a folder" : whyUnreadable(error);
    throw new FileError(`${path}: ${why}; name a folder`, { cause: error });
  }
}
