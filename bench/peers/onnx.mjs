/** What the peers that compute a network from an ONNX file share: the input as they want it, and the answer. */
import { writeFileSync } from "node:fs";
import { readInputs } from "../inputs.mjs";

/** The workload's input as [N, C, H, W]. */
export function inputOf(folder) {
  const { shape, data } = readInputs(folder).get("input");
  const [n, h, w, c] = shape;
  return { data: toPlanes(data, n, h * w, c), dims: [n, c, h, w] };
}

/** One call: a tensor around the input, and the logits as an array. */
export async function call(ort, session, { data, dims }) {
  const { logits } = await session.run({ input: new ort.Tensor("float32", data, dims) });
  return logits.data;
}

export function write(file, data) {
  writeFileSync(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

function toPlanes(nhwc, samples, pixels, channels) {
  const nchw = new Float32Array(nhwc.length);
  for (let n = 0; n < samples; n++)
    for (let p = 0; p < pixels; p++)
      for (let c = 0; c < channels; c++)
        nchw[(n * channels + c) * pixels + p] = nhwc[(n * pixels + p) * channels + c];
  return nchw;
}
