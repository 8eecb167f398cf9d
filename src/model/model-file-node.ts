/** Writes and reads models as files; model-file.ts says what is in them. A file is written whole or not at all. */
import { writeFileAtomically } from "../host/atomic-write-node.js";
import { readWholeFile } from "../host/read-node.js";
import { encodeModel, type LoadModelOptions, parseModel } from "./model-file.js";
import type { TrainedModel } from "./trained-model.js";

export type { LoadModelOptions } from "./model-file.js";

/**
 * Writes a model to a .safetensors file, which PyTorch reads too. The file is written whole or not at all.
 *
 * @example
 * ```js
 * import { models, untrained } from "fovea";
 * import { loadModel, saveModel } from "fovea/node";
 *
 * const network = models.create("lenet5", { classes: 2 });
 * const model = untrained(network, {
 *   data: { shape: [28, 28, 1], classes: ["zero", "one"], mean: [0.13], std: [0.31] },
 * });
 * await saveModel("digits.safetensors", model);
 * const { network: found, classes } = await loadModel("digits.safetensors");
 * console.log(found?.name, classes); // lenet5 [ 'zero', 'one' ]
 * ```
 *
 * @param notes further metadata, which nothing reads
 * @throws FileError if the file cannot be written, in which case a file that was there is unchanged
 */
export async function saveModel(
  path: string,
  model: TrainedModel,
  notes: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeFileAtomically(path, encodeModel(model, path, notes));
}

/**
 * Reads a model from a file that `saveModel` wrote, or weights from a .safetensors or .pth file of another origin, for
 * which `network` says what they belong to.
 *
 * @example
 * ```js
 * import { createClassifier, models, untrained } from "fovea";
 * import { loadModel, saveModel } from "fovea/node";
 *
 * const network = models.create("lenet5", { classes: 2 });
 * const model = untrained(network, {
 *   data: { shape: [28, 28, 1], classes: ["zero", "one"], mean: [0.13], std: [0.31] },
 * });
 * await saveModel("digits.safetensors", model);
 * const classify = await createClassifier(await loadModel("digits.safetensors"));
 * const { probabilities } = await classify(new Uint8Array(28 * 28));
 * await classify.close();
 * console.log(probabilities.length); // 2
 * ```
 *
 * @throws FileError if the file is not a model of this network, naming each tensor that does not fit
 */
export async function loadModel(path: string, options: LoadModelOptions = {}): Promise<TrainedModel> {
  return parseModel(await readWholeFile(path), options, path);
}
