/** Pictures of formats so plain that no library is asked for them: Windows' bitmaps (bmp.ts), and netpbm's maps (pnm.ts). */
import { isBmp, parseBmp } from "./bmp.js";
import { isPnm, parsePnm } from "./pnm.js";

/** What the head of a file says; its pixels when they are asked for. */
export interface PlainPicture {
  readonly width: number;
  readonly height: number;
  /** Grey, RGB, or RGB with an alpha channel. */
  readonly channels: 1 | 3 | 4;
  /** Row-major from the top, channels last, a byte each. @throws FileError where the file is damaged or cut short. */
  decode(): Uint8Array;
}

export const isPlainPicture = (bytes: Uint8Array): boolean => isBmp(bytes) || isPnm(bytes);

/** @throws FileError that names `file` where the head makes no sense. */
export const parsePlainPicture = (bytes: Uint8Array, file: string): PlainPicture =>
  isBmp(bytes) ? parseBmp(bytes, file) : parsePnm(bytes, file);
