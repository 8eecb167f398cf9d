/**
 * A trained model by what a user writes: a .safetensors file, or the folder of a run; and the flags that say whose
 * weights a file holds.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { FileError, OptionError } from "../../base/errors.js";
import { parseJson } from "../../formats/json.js";
import { parseTensors } from "../../formats/tensors.js";
import { readWholeFile } from "../../host/read-node.js";
import { type LoadModelOptions, parseModel } from "../../model/model-file.js";
import type { TrainedModel } from "../../model/trained-model.js";
import { definitionOf, type ModelOptions } from "../../models/index.js";
import { isRegistered } from "../../models/registry.js";
import type { TrainingConfig } from "../../run/config.js";
import { exists, openRunFolder } from "../../run/folder-node.js";
import { ownNetwork } from "../own/own-network.js";
import { changeOf, type OwnFlags, ownNetworkOf } from "../own/record.js";
import { networkOptions } from "./arguments.js";

export interface ModelFlags extends OwnFlags {
  /** Whose weights a file holds, where it does not say it. */
  readonly network?: string;
  readonly option?: Readonly<Record<string, string>>;
  readonly map?: Readonly<Record<string, string>>;
}

export interface FoundModel {
  readonly path: string;
  readonly model: TrainedModel;
  /** Of the run, where a run was named. */
  readonly config: TrainingConfig | undefined;
}

export interface OpenModelOptions extends Pick<LoadModelOptions, "scaling"> {
  /** Is told that the file of the run's network has changed. */
  readonly note?: (text: string) => void;
  /** Options that are set anew, of the network that the file names. */
  readonly anew?: ModelOptions;
}

/** @throws OptionError where flags do not belong together, FileError where there is no model of this network. */
export async function openModel(
  path: string,
  flags: ModelFlags = {},
  { scaling, note, anew }: OpenModelOptions = {},
): Promise<FoundModel> {
  if (flags.network !== undefined && flags.module !== undefined) {
    throw new OptionError("--network and --module: both say which network it is; give one of the two");
  }
  if (flags.option !== undefined && flags.network === undefined && flags.module === undefined) {
    throw new OptionError("--option: options are of the network that --network names; give both");
  }
  const { file, config } = await findFile(path);
  const bytes = await readWholeFile(file);
  const { metadata } = parseTensors(bytes, file);
  const own = await ownNetworkFor(path, metadata, config, flags, note);
  const network = flags.network ?? own?.asked;
  const given = network === undefined ? undefined : networkOptions(network, flags.option);
  const options = anew ?? (given && { ...sizeIn(metadata, network!), ...given });
  return { path: file, model: parseModel(bytes, { network, options, map: flags.map, scaling }, file), config };
}

/**
 * Registers the user's own network, if it is one. `asked` is its name where the file does not say that.
 * @throws OptionError where the file is of such a network, and --module does not name its code.
 */
async function ownNetworkFor(
  path: string,
  metadata: Readonly<Record<string, string>>,
  config: TrainingConfig | undefined,
  { module, network }: ModelFlags,
  note?: (text: string) => void,
): Promise<{ readonly asked?: string } | undefined> {
  if (config !== undefined && network === undefined) {
    const own = await ownNetworkOf({ folder: path, config }, { module });
    const change = own && changeOf(own, config.module!);
    if (change !== undefined) note?.(`fovea: --module ${module}: ${change}`);
    return own && {};
  }
  const said = metadata["format"] === "fovea" ? metadata["network"] : undefined;
  const isOwn = said !== undefined && !isRegistered(said);
  if (module !== undefined) {
    const own = await ownNetwork(module, isOwn ? said : undefined);
    return isOwn ? {} : { asked: own.name };
  }
  if (network !== undefined || (said !== undefined && !isOwn)) return undefined;
  if (said === undefined && metadata["format"] !== "fovea") return undefined;
  if (said === undefined) {
    throw new OptionError(
      `${path}: is a model of a network that is not of the zoo; name the file of its code: --module FILE`,
    );
  }
  throw new OptionError(
    `${path}: is of the network ${said}, which is not of the zoo; if it is your own, name its file: --module FILE`,
  );
}

/** The input that a file says, as options of a network that leaves them open. */
function sizeIn({ input }: Readonly<Record<string, string>>, network: string): ModelOptions {
  if (input === undefined || definitionOf(network).defaults["height"] !== 0) return {};
  const extents = parseJson(input, (why, cause) => new FileError(`metadata "input": ${why}`, { cause }));
  const [height, width, channels] = Array.isArray(extents) ? (extents as unknown[]).map(Number) : [];
  return channels === undefined ? {} : { height: height!, width: width!, channels };
}

async function findFile(path: string): Promise<{ readonly file: string; readonly config: TrainingConfig | undefined }> {
  if (!(await isFolder(path))) return { file: path, config: undefined };
  const file = join(path, "model.safetensors");
  const { config } = await openRunFolder(path);
  if (await exists(file)) return { file, config };
  throw new FileError(`${path}: has no model yet: it is written after the first epoch; resume with --resume ${path}`);
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false; // reading it as a file says what is wrong
  }
}
