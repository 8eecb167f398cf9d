/** Weights of either format, safetensors or PyTorch's .pth, told by their first bytes. */
import { plainBytes } from "../base/bytes.js";
import { isPth, parsePth } from "./pth/pth.js";
import { parseSafetensors, type SafetensorsFile } from "./safetensors/safetensors.js";

/** @throws FileError as parseSafetensors and parsePth. */
export function parseTensors(source: Uint8Array, file = "weights"): SafetensorsFile {
  const bytes = plainBytes(source, file);
  const isPickle = bytes[0] === 0x80 && bytes[1] !== undefined && bytes[1] >= 2 && bytes[1] <= 5 && bytes[8] !== 0x7b;
  return isPth(bytes) || isPickle ? parsePth(bytes, file) : parseSafetensors(bytes, file);
}
