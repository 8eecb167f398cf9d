/** Writes weights of any network to a file, as `loadWeights` and PyTorch read them. */
import { writeSafetensorsFile } from "../../formats/safetensors/safetensors-node.js";
import { inTurns } from "../../host/event-loop.js";
import { savedOf } from "../../nn/index.js";
import { type AnyNetwork, moduleOf } from "../trained-model.js";
import { toFile, weightKinds } from "./layout.js";
import { checkWeights, type Weights } from "./weights.js";

/**
 * Writes a .safetensors file of a network's weights: torchvision's names, convolutions OIHW and linear layers [out,
 * in]. `saveModel` writes that of a classifier, with all that a page or server needs to use it.
 *
 * @example
 * ```js
 * import { initialWeights, nn } from "fovea";
 * import { loadWeights, saveWeights } from "fovea/node";
 *
 * const network = nn.linear({ in: 2, out: 1 });
 * await saveWeights("net.safetensors", network, initialWeights(network));
 * const { weights } = await loadWeights("net.safetensors", network);
 * console.log(weights.get("weight")?.shape); // [ 2, 1 ]
 * ```
 *
 * @throws OptionError if they are not the network's weights; FileError if the file cannot be written, in which case a
 * file that was there is unchanged
 */
export async function saveWeights(path: string, network: AnyNetwork, weights: Weights): Promise<void> {
  const module = moduleOf(network, "saveWeights");
  await inTurns(checkWeights(module, weights, `${path}: the weights to save`));
  const kinds = weightKinds(module);
  const tensors = [...savedOf(module)].map(
    ([name, part]) => [name, toFile(weights.get(name)!, kinds.get(part))] as const,
  );
  await writeSafetensorsFile(path, tensors);
}
