/**
 * Models as safetensors files that PyTorch and fovea both load as they are: torchvision's names, convolutions OIHW and
 * linear layers [out, in], float32. The metadata carries what the numbers do not say:
 *
 *     format   "fovea"           version  "1", of this layout
 *     network  "lenet5"          options  {"classes":10,...}     (both absent for a network that is not of the zoo)
 *     input    [28,28,1]         classes  ["0","1",...]          scaling  {"mean":[0.1307],"std":[0.3081]}
 *
 * The classes are the data set's; a network may tell more apart than these. This file works on bytes, as pages fetch
 * them; model-file-node.ts reads and writes files.
 */

import { isBytes } from "../base/bytes.js";
import { FileError, FoveaError } from "../base/errors.js";
import { callback, checkOptions, expecting, type Fields, isRecord, mismatch } from "../base/options.js";
import { atOnce } from "../base/steps.js";
import type { Scaling } from "../data/sets/dataset.js";
import { encodeSafetensors, type SafetensorsFile } from "../formats/safetensors/safetensors.js";
import { parseTensors } from "../formats/tensors.js";
import type { Shape } from "../graph/shape.js";
import { create, type Model, type ModelOptions } from "../models/index.js";
import { Module, savedOf } from "../nn/index.js";
import { traceOne } from "../nn/trace.js";
import { checkModel, type NetworkName, type TrainedModel } from "./trained-model.js";
import { fitWeights, names } from "./weights/fit.js";
import { toFile, weightKinds } from "./weights/layout.js";
import type { Names } from "./weights/names.js";
import { checkFinite, checkWeights } from "./weights/weights.js";

const FORMAT = "fovea";
const VERSION = "1";

/**
 * The bytes of a model's file, in pieces to be written one after another: safetensors that PyTorch reads, with the
 * metadata that `parseModel` needs.
 *
 * @example
 * ```js
 * import { encodeModel, models, parseModel, untrained } from "fovea";
 *
 * const model = untrained(models.create("lenet5", { classes: 2 }), {
 *   data: { shape: [28, 28, 1], classes: ["zero", "one"], mean: [0.13], std: [0.31] },
 * });
 * const bytes = Buffer.concat(encodeModel(model)); // in a page: await new Blob(pieces).arrayBuffer()
 * console.log(parseModel(bytes).classes); // [ 'zero', 'one' ]
 * ```
 *
 * @param notes further metadata, which nothing reads
 * @throws FileError if weights are missing; OptionError if they are not the network's or not finite
 */
export function encodeModel(
  model: TrainedModel,
  path = "model",
  notes: Readonly<Record<string, string>> = {},
): Uint8Array[] {
  checkModel(model, path);
  const kinds = weightKinds(model.module);
  const missing = [...savedOf(model.module).keys()].find((name) => !model.weights.has(name));
  if (missing !== undefined) throw new FileError(`${path}: the model to save has no weights "${missing}"`);
  atOnce(checkWeights(model.module, model.weights, `${path}: the weights to save`));
  const tensors = [...savedOf(model.module)].map(([name, parameter]) => {
    return [name, toFile(model.weights.get(name)!, kinds.get(parameter))] as const;
  });
  const { network, input, classes, scaling } = model;
  return encodeSafetensors(tensors, {
    ...notes,
    format: FORMAT,
    version: VERSION,
    ...(network === undefined ? {} : { network: network.name, options: JSON.stringify(network.options) }),
    input: JSON.stringify(input),
    classes: JSON.stringify(classes),
    scaling: JSON.stringify({ mean: scaling.mean, std: scaling.std }),
  });
}

/** Options of `loadModel` and `parseModel`. A file that fovea wrote needs none. */
export interface LoadModelOptions {
  /**
   * The network whose weights these are: a name of the zoo, or a module.
   * @default the one that the file names
   */
  readonly network?: string | Module | undefined;
  /**
   * Options of a network of the zoo, over those that the file has.
   * @default the file's, or else the network's own
   */
  readonly options?: ModelOptions | undefined;
  /**
   * The network's names of tensors by the file's, where fovea does not know them; `{ "student.": "" }` says where the
   * network lies.
   * @default none
   */
  readonly map?: Names | undefined;
  /**
   * Scaling of pixels for a number of channels, in place of the file's and the network's.
   * @default none: the file's, or else the network's
   */
  readonly scaling?: ((channels: number) => Scaling | undefined) | undefined;
  /**
   * Shape of a picture, [height, width, channels], for a module whose file does not have it.
   * @default the file's
   */
  readonly input?: Shape | undefined;
}

const LOAD_OPTIONS: Fields<LoadModelOptions> = {
  network: expecting("a network's name, or a module", (value) => typeof value === "string" || value instanceof Module),
  options: expecting("the network's options", isRecord),
  map: names,
  scaling: callback,
  input: expecting("[height, width, channels]", (value) => isCounts(value)),
};

/**
 * A model from the bytes of its file: a safetensors file of fovea, or published weights (also PyTorch's .pth) of a
 * network that is named.
 * @throws FileError where they are not a model of this network, naming `path` and each tensor that does not fit.
 */
export function parseModel(bytes: Uint8Array, options: LoadModelOptions = {}, path = "model"): TrainedModel {
  checkOptions("loadModel", options, LOAD_OPTIONS);
  const given: unknown = bytes;
  if (!isBytes(given)) throw mismatch(`${path}: the bytes`, given, "a file's bytes in a Uint8Array");
  const file = parseTensors(bytes, path);
  const { metadata } = file;
  const isOurs = metadata["format"] === FORMAT;
  if (isOurs && metadata["version"] !== VERSION) {
    throw new FileError(
      `${path}: is a fovea model of version ${metadata["version"]}; this fovea reads version ${VERSION}: use a newer one`,
    );
  }
  const parts = networkOf(path, file, options, isOurs);
  const { weights } = fitWeights(path, file.tensors, parts, { map: options.map });
  checkFinite(path, weights);
  const classes = field(path, metadata, "classes", isStrings) ?? numbered(parts.classes);
  const channels = parts.input.at(-1)!;
  const plain: Scaling = { mean: new Array<number>(channels).fill(0), std: new Array<number>(channels).fill(1) };
  const said = options.scaling?.(channels) ?? field(path, metadata, "scaling", isScaling) ?? parts.scaling;
  const scaling = said ?? plain;
  if (scaling.mean.length !== channels || scaling.std.length !== channels) {
    throw new FileError(
      `${path}: metadata "scaling" is of ${scaling.mean.length} channels; the network takes ${channels}`,
    );
  }
  const { module, input, network } = parts;
  return {
    module,
    input,
    classes,
    scaling,
    weights,
    network,
    ...(said === undefined ? { isScalingAssumed: true } : {}),
  };
}

interface FileNetwork {
  readonly module: Module;
  readonly input: Shape;
  readonly classes: number;
  readonly network: NetworkName | undefined;
  /** The network's own. */
  readonly scaling: Scaling | undefined;
}

function networkOf(path: string, file: SafetensorsFile, options: LoadModelOptions, isOurs: boolean): FileNetwork {
  const { metadata } = file;
  const asked = options.network;
  if (typeof asked === "object") {
    const input = options.input ?? field(path, metadata, "input", isCounts);
    if (input === undefined) {
      throw new FileError(`${path}: does not say what its network takes; give input [height, width, channels]`);
    }
    const classes = traceOne(asked, { input, training: false }).output.shape.at(-1)!;
    return { module: asked, input, classes, network: undefined, scaling: undefined };
  }
  const name = asked ?? (isOurs ? metadata["network"] : undefined);
  if (name === undefined) {
    const names = [...file.tensors.keys()];
    const found = `found ${names.length} tensors (${names.slice(0, 3).join(", ")}${names.length > 3 ? ", ..." : ""})`;
    const why = isOurs
      ? "is a model of a network that is not of the zoo: give its module, option network"
      : `has no metadata of fovea: ${found}; say which network they belong to, option network (such as "lenet5")`;
    throw new FileError(`${path}: ${why}`);
  }
  const stored = asked === undefined ? field(path, metadata, "options", isOptions) : undefined;
  const model = createFor(path, name, { ...stored, ...options.options }, asked === undefined);
  return {
    module: model.module,
    input: model.input,
    classes: model.classes,
    network: { name: model.name, options: model.options },
    scaling: model.scaling,
  };
}

/** A network named by a file may be one that this fovea does not know. */
function createFor(path: string, name: string, options: ModelOptions, isFiles: boolean): Model {
  try {
    return create(name, options);
  } catch (error) {
    if (!isFiles || !(error instanceof FoveaError)) throw error;
    throw new FileError(`${path}: names a network that cannot be made: ${error.message}`, { cause: error });
  }
}

// --- Metadata: JSON texts, none of which is trusted

function field<T>(
  path: string,
  metadata: Readonly<Record<string, string>>,
  name: string,
  isRight: (value: unknown) => value is T,
): T | undefined {
  const text = metadata["format"] === FORMAT ? metadata[name] : undefined;
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (isRight(value)) return value;
  throw new FileError(`${path}: metadata "${name}" is ${text.slice(0, 80)}, which is not what fovea writes there`);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isStrings = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === "string");
const isNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((item) => typeof item === "number");
const isCounts = (value: unknown): value is number[] =>
  isNumbers(value) && value.every((item) => Number.isSafeInteger(item) && item > 0);
const isScaling = (value: unknown): value is Scaling =>
  isObject(value) && isNumbers(value["mean"]) && isNumbers(value["std"]) && value["std"].every((x) => x > 0);
const isOptions = (value: unknown): value is ModelOptions =>
  isObject(value) &&
  Object.values(value).every((v) => ["number", "string", "boolean"].includes(typeof v) || isNumbers(v));

const numbered = (count: number) => Array.from({ length: count }, (_, label) => String(label));
