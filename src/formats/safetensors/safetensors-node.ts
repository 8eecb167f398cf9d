/** Reads and writes safetensors files; a file is written whole or not at all. */
import { writeFileAtomically } from "../../host/atomic-write-node.js";
import { readWholeFile } from "../../host/read-node.js";
import { encodeSafetensors, parseSafetensors, type SafetensorsFile, type TensorToWrite } from "./safetensors.js";

/**
 * Reads a .safetensors file: its tensors in file layout, by name, and its metadata.
 * @throws FileError if the file cannot be read, or is not such a file
 */
export async function readSafetensorsFile(path: string): Promise<SafetensorsFile> {
  return parseSafetensors(await readWholeFile(path), path);
}

/**
 * Writes tensors to a .safetensors file, whole or not at all.
 * @throws FileError if the file cannot be written, in which case a file that was there is unchanged
 */
export async function writeSafetensorsFile(
  path: string,
  tensors: Iterable<readonly [name: string, tensor: TensorToWrite]>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeFileAtomically(path, encodeSafetensors(tensors, metadata));
}
