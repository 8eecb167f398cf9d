/**
 * The JSON header of a safetensors file, checked before it is parsed: it is an object of objects of lists, and no
 * deeper, with as many entries as networks have tensors. JSON that is nested a million times, or a million empty
 * tensors, take gigabytes to parse.
 */
import { FileError } from "../../base/errors.js";

/** The header, a tensor, its shape. */
const DEEPEST = 3;
/** Large language models come to thousands of tensors; each has four names. */
const MOST_NAMES = 400_000;
/** As PyTorch has it at most. */
export const HIGHEST_RANK = 64;

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/** @throws FileError where the header is no JSON, or more of it than a file of tensors has. */
export function parseHeaderJson(bytes: Uint8Array, file: string): unknown {
  checkExtent(bytes, file);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new FileError(`${file}: the header at offset 8 is not JSON: ${why}`, { cause: error });
  }
}

function checkExtent(bytes: Uint8Array, file: string): void {
  let depth = 0;
  let names = 0;
  /** Of the list that is open; one that stands around others is none of the format, which is told later. */
  let commas: number | undefined;
  for (let at = 0; at < bytes.length; at++) {
    switch (bytes[at]) {
      case QUOTE:
        at = endOfText(bytes, at);
        break;
      case OPEN_LIST:
      case OPEN_OBJECT:
        commas = bytes[at] === OPEN_LIST ? 0 : undefined;
        if (++depth > DEEPEST) {
          throw new FileError(
            `${file}: the header at offset ${8 + at} is nested deeper than ${DEEPEST} levels; no tensors are`,
          );
        }
        break;
      case CLOSE_LIST:
      case CLOSE_OBJECT:
        depth--;
        commas = undefined;
        break;
      case COMMA:
        if (commas !== undefined && ++commas >= HIGHEST_RANK) {
          throw new FileError(
            `${file}: a list in the header at offset ${8 + at} has more than ${HIGHEST_RANK} numbers, more than a shape can have`,
          );
        }
        break;
      case COLON:
        if (++names > MOST_NAMES) {
          throw new FileError(
            `${file}: the header has more than ${MOST_NAMES} names, those of ${MOST_NAMES / 4} tensors; no network has as many`,
          );
        }
        break;
    }
  }
}

/** Where the text that begins at `at` has its closing quote. */
function endOfText(bytes: Uint8Array, at: number): number {
  for (let end = at + 1; end < bytes.length; end++) {
    if (bytes[end] === BACKSLASH) end++;
    else if (bytes[end] === QUOTE) return end;
  }
  return bytes.length;
}
