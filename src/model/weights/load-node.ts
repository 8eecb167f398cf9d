/** Reads published weights from a file (load.ts). */
import { readTensorsFile } from "../../formats/pth/pth-node.js";
import type { AnyNetwork } from "../trained-model.js";
import { type LoadedWeights, type LoadWeightsOptions, weightsFor } from "./load.js";

/**
 * Reads the weights of a .safetensors or .pth file for a network: to train on from them, or to use them.
 *
 * @example
 * ```js
 * import { initialWeights, nn } from "fovea";
 * import { loadWeights, saveWeights } from "fovea/node";
 *
 * const network = nn.linear({ in: 2, out: 1 });
 * await saveWeights("net.safetensors", network, initialWeights(network));
 * const { fresh, unused } = await loadWeights("net.safetensors", network);
 * console.log(fresh, unused); // [] []
 * ```
 *
 * @throws FileError if the file cannot be read, or differs from the network in what was not allowed, naming each tensor
 */
export async function loadWeights(
  path: string,
  network: AnyNetwork,
  options: LoadWeightsOptions = {},
): Promise<LoadedWeights> {
  return weightsFor(path, await readTensorsFile(path), network, options);
}
