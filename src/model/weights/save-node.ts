/** Writes weights of any network to a file, as `loadWeights` and PyTorch read them. */
import { writeSafetensorsFile } from "../../formats/safetensors/safetensors-node.js";
import { inTurns } from "../../host/event-loop.js";
import { savedOf } from "../../nn/index.js";
import { type AnyNetwork, moduleOf } from "../trained-model.js";
import { toFile, weightKinds } from "./layout.js";
import { checkWeights, type Weights } from "./weights.js";

/**
 * A .safetensors file of a network's weights: torchvision's names, convolutions OIHW and linear layers [out, in]. `saveModel` writes that of a
 * classifier, with all that it takes to use it.
 *
 * @example
 * await saveWeights("gan.safetensors", network, await readWeights(device, network));
 *
 * @throws OptionError where they are not the network's weights, FileError where the file cannot be written; one that was there is then as it was
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
