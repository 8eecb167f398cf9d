/** The page that is measured: run.mjs calls `window.bench`. Both systems get the same digits and the same network. */
import * as fovea from "./fovea.js";
import * as tensorflow from "./tensorflow.js";

async function bytes(file) {
  return new Uint8Array(await (await fetch(file)).arrayBuffer());
}

/** The first digits of MNIST; the images and labels are IDX files without their headers. */
async function digits() {
  const [images, labels] = await Promise.all([bytes("digits/images"), bytes("digits/labels")]);
  return { images, labels };
}

window.bench = { fovea, tensorflow, digits, isolated: () => crossOriginIsolated };
