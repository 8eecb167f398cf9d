/** Reads published weights from a file (load.ts). */
import { readTensorsFile } from "../../formats/pth/pth-node.js";
import type { AnyNetwork } from "../trained-model.js";
import { type LoadedWeights, type LoadWeightsOptions, weightsFor } from "./load.js";

/**
 * The weights of a .safetensors or .pth file for a network.
 * @throws FileError where it cannot be read, or differs from the network in what was not allowed, naming each tensor.
 */
export async function loadWeights(
  path: string,
  network: AnyNetwork,
  options: LoadWeightsOptions = {},
): Promise<LoadedWeights> {
  return weightsFor(path, await readTensorsFile(path), network, options);
}
