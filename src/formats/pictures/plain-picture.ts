/**
 * Pictures of formats so plain that no library is asked for them: Windows' bitmaps (bmp.ts), and netpbm's maps
 * (pnm.ts).
 */

import { isBmp, parseBmp } from "./bmp.js";
import type { PlainPicture } from "./pixels.js";
import { isPnm, parsePnm } from "./pnm.js";

export const isPlainPicture = (bytes: Uint8Array): boolean => isBmp(bytes) || isPnm(bytes);

/** @throws FileError that names `file` where the head makes no sense. */
export const parsePlainPicture = (bytes: Uint8Array, file: string): PlainPicture =>
  isBmp(bytes) ? parseBmp(bytes, file) : parsePnm(bytes, file);
