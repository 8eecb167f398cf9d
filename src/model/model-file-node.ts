/** Writes and reads models as files; model-file.ts says what is in them. A file is written whole or not at all. */
import { writeFileAtomically } from "../host/atomic-write-node.js";
import { readWholeFile } from "../host/read-node.js";
import { encodeModel, type LoadModelOptions, parseModel } from "./model-file.js";
import type { TrainedModel } from "./trained-model.js";

export type { LoadModelOptions } from "./model-file.js";

/** @throws FileError where it cannot be written; a file that was there is then as it was. */
export async function saveModel(
  path: string,
  model: TrainedModel,
  notes: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeFileAtomically(path, encodeModel(model, path, notes));
}

/** @throws FileError where the file is not a model of this network, naming each tensor that does not fit. */
export async function loadModel(path: string, options: LoadModelOptions = {}): Promise<TrainedModel> {
  return parseModel(await readWholeFile(path), options, path);
}
