/** Reads PyTorch's .pth files (pth.ts), and weights of either format by what a file begins with. */

import { readWholeFile } from "../../host/read-node.js";
import type { SafetensorsFile } from "../safetensors/safetensors.js";
import { parseTensors } from "../tensors.js";
import { parsePth } from "./pth.js";

/**
 * Reads the tensors of a .pth file that PyTorch wrote, in file layout, by name. No code of the file runs.
 * @throws FileError if the file cannot be read, or is not such a file
 */
export async function readPthFile(path: string): Promise<SafetensorsFile> {
  return parsePth(await readWholeFile(path), path);
}

/** A .safetensors or .pth file. */
export async function readTensorsFile(path: string): Promise<SafetensorsFile> {
  return parseTensors(await readWholeFile(path), path);
}
