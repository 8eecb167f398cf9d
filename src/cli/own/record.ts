/**
 * Runs of networks of the user's own. A run's folder says which file its network is of, and never makes it run: whoever
 * opens the folder names the file again. The folder may be another's.
 */
import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { FileError, OptionError } from "../../base/errors.js";
import type { ModuleRecord, TrainingConfig } from "../../run/config.js";
import { quoted } from "../terminal/output.js";
import { type OwnNetwork, ownNetwork } from "./own-network.js";

export interface OwnFlags {
  readonly module?: string;
  /** A run goes on although the file has changed. */
  readonly changedModule?: boolean;
}

export interface FoundRun {
  /** Where its config.json is. */
  readonly folder: string;
  readonly config: TrainingConfig;
}

/**
 * The network of a new run. @throws OptionError where another is named beside it, or a flag is of a run that goes on.
 */
export async function ownNetworkFrom(
  { module, changedModule }: OwnFlags,
  named: string | undefined,
): Promise<OwnNetwork | undefined> {
  if (changedModule) throw new OptionError("--changed-module: is of a run that --resume names; leave it out");
  if (module === undefined) return undefined;
  if (named === undefined) return ownNetwork(module);
  throw new OptionError(`--module ${module}: another network is named, ${named}; leave one of the two out`);
}

/**
 * The network of a run, registered by the name that the run has for it; undefined where it is of the zoo.
 * @throws OptionError where it is the user's own and --module does not name it.
 */
export async function ownNetworkOf(
  { folder, config }: FoundRun,
  { module }: OwnFlags,
): Promise<OwnNetwork | undefined> {
  const { module: record, network } = config;
  if (record === undefined) {
    if (module === undefined) return undefined;
    throw new OptionError(`--module ${module}: ${folder} is a run of ${network}; leave it out`);
  }
  if (module !== undefined) return ownNetwork(module, network);
  const path = relative(".", join(folder, record.path));
  const isThere = existsSync(path);
  const exported = record.export === "default" ? "" : `#${record.export}`;
  const named = `${/^[./]/.test(path) ? "" : "./"}${path}${exported}`;
  throw new OptionError(
    `${folder}: its network is code, ${record.export} of ${quoted(path)}, which ` +
      (isThere
        ? `runs where you name it: add --module ${quoted(named)}`
        : "is not there; name the file that it is now: --module FILE"),
  );
}

/** How the file differs from the one that a run was begun with, as a sentence; undefined where it does not. */
export function changeOf({ record }: OwnNetwork, before: ModuleRecord): string | undefined {
  if (record.sha256 === before.sha256) return undefined;
  const short = (sum: string) => sum.slice(0, 12);
  return `the file has changed since the run was begun (SHA-256 is ${short(record.sha256)}..., was ${short(before.sha256)}...)`;
}

/** @throws FileError where a run would go on with other code, unless that was allowed. */
export function checkUnchanged(own: OwnNetwork, config: TrainingConfig, { module, changedModule }: OwnFlags): void {
  const change = config.module && changeOf(own, config.module);
  if (change === undefined || changedModule) return;
  throw new FileError(`--module ${module}: ${change}; start a new run, or go on with it as it is: --changed-module`);
}
