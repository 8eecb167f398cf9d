/** Reads PyTorch's .pth files (pth.ts), and weights of either format by what a file begins with. */
import { parsePth } from "./pth.js";
import { readWholeFile } from "./read-node.js";
import type { SafetensorsFile } from "./safetensors.js";
import { parseTensors } from "./tensors.js";

/** @throws FileError where the file cannot be read, is none of PyTorch, or wants to run code. */
export async function readPthFile(path: string): Promise<SafetensorsFile> {
  return parsePth(await readWholeFile(path), path);
}

/** A .safetensors or .pth file. */
export async function readTensorsFile(path: string): Promise<SafetensorsFile> {
  return parseTensors(await readWholeFile(path), path);
}
