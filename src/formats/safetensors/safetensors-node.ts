/** Reads and writes safetensors files; a file is written whole or not at all. */
import { writeFileAtomically } from "../../host/atomic-write-node.js";
import { readWholeFile } from "../../host/read-node.js";
import { encodeSafetensors, parseSafetensors, type SafetensorsFile, type TensorToWrite } from "./safetensors.js";

/** @throws FileError where the file cannot be read or is not valid safetensors. */
export async function readSafetensorsFile(path: string): Promise<SafetensorsFile> {
  return parseSafetensors(await readWholeFile(path), path);
}

/**
 * Writes tensors and metadata to `path`, in place of what was there. The arrays must not change until this is done.
 * @throws FileError where it cannot be written; what was there is then as it was.
 */
export async function writeSafetensorsFile(
  path: string,
  tensors: Iterable<readonly [name: string, tensor: TensorToWrite]>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeFileAtomically(path, encodeSafetensors(tensors, metadata));
}
