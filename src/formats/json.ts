/** JSON from files of others. Values that are nested a million times parse, but nothing that walks them ends well. */
import type { FoveaError } from "../base/errors.js";

/** Twice as deep as anything that fovea writes. */
const DEEPEST = 32;

/** @param refuse makes the error of why this is not read: "is not JSON: ..." */
export function parseJson(text: string, refuse: (why: string, cause?: unknown) => FoveaError): unknown {
  if (depthOf(text) > DEEPEST) throw refuse(`is nested deeper than ${DEEPEST} levels`);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw refuse(`is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
}

function depthOf(text: string): number {
  let [depth, deepest] = [0, 0];
  for (let at = 0; at < text.length; at++) {
    const letter = text[at];
    if (letter === '"') at = endOfText(text, at);
    else if (letter === "[" || letter === "{") deepest = Math.max(deepest, ++depth);
    else if (letter === "]" || letter === "}") depth--;
  }
  return deepest;
}

function endOfText(text: string, at: number): number {
  for (let end = at + 1; end < text.length; end++) {
    if (text[end] === "\\") end++;
    else if (text[end] === '"') return end;
  }
  return text.length;
}
