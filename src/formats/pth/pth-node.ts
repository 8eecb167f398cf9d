/** Reads PyTorch's .pth files (pth.ts), and weights of either format by what a file begins with. */

import { readWholeFile } from "../../host/read-node.js";
import type { SafetensorsFile } from "../safetensors/safetensors.js";
import { parseTensors } from "../tensors.js";
import { parsePth } from "./pth.js";

/** @throws FileError where the file cannot be read, is none of PyTorch, or wants to run code. */
export async function readPthFile(path: string): Promise<SafetensorsFile> {
  return parsePth(await readWholeFile(path), path);
}

/** A .safetensors or .pth file. */
export async function readTensorsFile(path: string): Promise<SafetensorsFile> {
  return parseTensors(await readWholeFile(path), path);
}
