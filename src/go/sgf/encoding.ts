/**
 * The letters of an SGF file. UTF-8 and UTF-16 are told by their bytes. In the encodings of East Asia the second byte
 * of a letter may be that of a bracket or a backslash, so that a text in the wrong one falls apart; of those that a
 * file may be in, the one is taken in which it holds together. What the file says itself (CA) counts where several do,
 * for many files say it wrongly.
 */
import { flawsOf } from "./scanner.js";

/** In this order, where nothing else tells. */
const LIKELY = ["shift_jis", "gb18030", "big5", "euc-kr", "euc-jp", "utf-8", "windows-1252"];

/** Bytes in which every line break is one byte: UTF-16 as UTF-8, everything else as it is. */
export function withByteLines(bytes: Uint8Array): Uint8Array {
  const [a, b] = bytes;
  const byMark = a === 0xff && b === 0xfe ? "utf-16le" : a === 0xfe && b === 0xff ? "utf-16be" : undefined;
  const bracket = 0x28;
  const label = byMark ?? (a === bracket && b === 0 ? "utf-16le" : a === 0 && b === bracket ? "utf-16be" : undefined);
  return label === undefined ? bytes : new TextEncoder().encode(new TextDecoder(label).decode(bytes));
}

export function decodeSgf(bytes: Uint8Array): string {
  const unicode = decodeWith("utf-8", bytes, { fatal: true });
  // Japanese mail has seven bits: what begins with escape, dollar is no ASCII.
  if (unicode !== undefined && !unicode.includes("\x1b$")) return unicode;
  const said = saidEncoding(bytes);
  const candidates = unicode === undefined ? LIKELY : ["iso-2022-jp", "utf-8"];
  let best = "";
  let least = Number.POSITIVE_INFINITY;
  for (const label of said === undefined ? candidates : [said, ...candidates]) {
    const text = decodeWith(label, bytes);
    const flaws = text === undefined ? Number.POSITIVE_INFINITY : flawsOf(text);
    if (text !== undefined && flaws < least) [best, least] = [text, flaws];
    if (least === 0) break;
  }
  return best;
}

/** CA, wherever it stands. */
function saidEncoding(bytes: Uint8Array): string | undefined {
  const text = decodeWith("windows-1252", bytes) ?? "";
  return /CA\s*\[\s*([\w.:-]{1,40})\s*\]/.exec(text)?.[1];
}

/** Undefined where the engine does not know the encoding, or the bytes are none of it. */
function decodeWith(label: string, bytes: Uint8Array, options?: TextDecoderOptions): string | undefined {
  try {
    return new TextDecoder(label, options).decode(bytes);
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) return undefined;
    throw error;
  }
}
