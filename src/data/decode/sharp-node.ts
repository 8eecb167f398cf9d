/** sharp, which decodes, resizes and encodes pictures: loaded with the first of them. */
import type Sharp from "sharp";
import { loadAddon } from "../../host/addon-node.js";

let known: typeof Sharp | undefined;

/** @throws BackendError where it cannot be loaded. */
export function loadSharp(): typeof Sharp {
  if (known === undefined) {
    known = loadAddon<typeof Sharp>("sharp", "Reading and writing pictures");
    known.cache(false); // what is decoded once is not asked for again
  }
  return known;
}
