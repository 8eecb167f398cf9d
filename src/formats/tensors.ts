/** Weights of either format, safetensors or PyTorch's .pth, told by their first bytes. */
import { isZip, parsePth } from "./pth.js";
import { parseSafetensors, type SafetensorsFile } from "./safetensors.js";

/** @throws FileError as parseSafetensors and parsePth. */
export function parseTensors(bytes: Uint8Array, file?: string): SafetensorsFile {
  const isPickle = bytes[0] === 0x80 && bytes[1] !== undefined && bytes[1] >= 2 && bytes[1] <= 5 && bytes[8] !== 0x7b;
  return isZip(bytes) || isPickle ? parsePth(bytes, file) : parseSafetensors(bytes, file);
}
