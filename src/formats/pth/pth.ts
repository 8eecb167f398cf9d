/**
 * PyTorch's .pth, .pt and .th files as `torch.save` writes them. Since 1.6: a zip archive with a pickle, data.pkl, that
 * says names, shapes and strides, and one entry a storage, data/0, data/1, ...; before: legacy.ts. Nothing in the
 * pickle is executed (pickle.ts, values.ts): what is no weights is left out, and listed. This file works on bytes
 * alone.
 */

import { plainBytes } from "../../base/bytes.js";
import { FileError } from "../../base/errors.js";
import { parseZip } from "../archives/zip.js";
import { Budget } from "../budget.js";
import type { SafetensorsFile } from "../safetensors/safetensors.js";
import { sniff } from "../sniff.js";
import { isLegacyPth, isTar, type PthContent, readLegacyPth, readTarPth } from "./legacy.js";
import { readPickle } from "./pickle.js";
import { findStateDict } from "./state-dict.js";
import { partOf, TensorNumbers } from "./tensors.js";
import { PthValues } from "./values.js";

/** Whether the bytes begin as a file of PyTorch does. */
export function isPth(bytes: Uint8Array): boolean {
  return isZip(bytes) || isLegacyPth(bytes) || isTar(bytes);
}

const isZip = (bytes: Uint8Array) => bytes[0] === 0x50 && bytes[1] === 0x4b && (bytes[2] === 3 || bytes[2] === 5);

/**
 * The tensors of a state dict, by name, wherever in the file it is; also of a module that was saved whole.
 * Half-precision numbers are widened to float32.
 * @throws FileError that names `file`, and what in it is not what weights are saved with.
 */
export function parsePth(source: Uint8Array, file = "PyTorch data"): SafetensorsFile {
  const bytes = plainBytes(source, file);
  const budget = new Budget(file, bytes.length);
  const { top, bytesOf } = readContent(bytes, file, budget);
  const { tensors, leftOut } = findStateDict(top, file);
  const beside = [...leftOut];
  return { tensors: new TensorNumbers(file, budget, bytesOf).read(tensors, beside), metadata: {}, leftOut: beside };
}

function readContent(bytes: Uint8Array, file: string, budget: Budget): PthContent {
  if (isZip(bytes)) return readZipPth(bytes, file, budget);
  if (isLegacyPth(bytes)) return readLegacyPth(bytes, file);
  if (isTar(bytes)) return readTarPth(bytes, file);
  if (bytes.length === 0) throw new FileError(`${file}: the file is empty; expected a zip archive of PyTorch`);
  const what = sniff(bytes);
  throw new FileError(`${file}: not a .pth file of PyTorch${what === undefined ? "" : `: this looks like ${what}`}`);
}

function readZipPth(bytes: Uint8Array, file: string, budget: Budget): PthContent {
  const zip = parseZip(bytes, file, budget);
  const pickle = zip.names.find((name) => name.endsWith("/data.pkl") || name === "data.pkl");
  if (pickle === undefined) {
    throw new FileError(`${file}: is a zip archive, but not one of PyTorch: it has no data.pkl`);
  }
  const folder = pickle.slice(0, -"data.pkl".length);
  if (zip.names.some((name) => name.startsWith(`${folder}code/`))) {
    throw new FileError(
      `${file}: is a TorchScript program; save its weights alone: torch.save(model.state_dict(), FILE)`,
    );
  }
  const order = zip.names.includes(`${folder}byteorder`) ? text(zip.read(`${folder}byteorder`)) : "little";
  if (order !== "little") throw new FileError(`${file}: its numbers are ${order}-endian; expected little`);
  return {
    top: readPickle(zip.read(pickle), file, new PthValues(file)),
    bytesOf: (storage) => partOf(zip.read(`${folder}data/${storage.key}`), storage, file),
  };
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes.subarray(0, 16)).trim();
