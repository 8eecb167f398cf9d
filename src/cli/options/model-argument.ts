/** A trained model by what a user writes: a .safetensors file, or the folder of a run. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { FileError } from "../../base/errors.js";
import type { LoadModelOptions } from "../../model/model-file.js";
import { loadModel } from "../../model/model-file-node.js";
import type { TrainedModel } from "../../model/trained-model.js";
import type { TrainingConfig } from "../../run/config.js";
import { exists, openRunFolder } from "../../run/folder-node.js";

export interface FoundModel {
  readonly path: string;
  readonly model: TrainedModel;
  /** Of the run, where a run was named. */
  readonly config: TrainingConfig | undefined;
}

export async function openModel(path: string, options: LoadModelOptions = {}): Promise<FoundModel> {
  if (!(await isFolder(path))) return { path, model: await loadModel(path, options), config: undefined };
  const file = join(path, "model.safetensors");
  const { config } = await openRunFolder(path);
  if (!(await exists(file))) {
    throw new FileError(`${path}: has no model yet: it is written after the first epoch; resume with --resume ${path}`);
  }
  return { path: file, model: await loadModel(file, options), config };
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false; // reading it as a file says what is wrong
  }
}
