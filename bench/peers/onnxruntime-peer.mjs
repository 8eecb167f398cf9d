/**
 * onnxruntime-node as one of the systems that are measured: inference, on one thread and on two. The network is the file
 * that a PyTorch peer exported. Each call makes a tensor around the input and reads the output.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import ort from "onnxruntime-node";
import { serve } from "../serve.mjs";

const { version } = createRequire(import.meta.url)("onnxruntime-node/package.json");
const MODES = { "1 thread": 1, "2 threads": 2 };

let prepared;

serve({
  hello: () => ({ system: "ONNX Runtime", details: { version, node: process.version } }),

  async prepare({ workload, folder }) {
    const sessions = {};
    for (const [mode, intraOpNumThreads] of Object.entries(MODES))
      sessions[mode] = await ort.InferenceSession.create(join(folder, "model.onnx"), {
        intraOpNumThreads,
        interOpNumThreads: 1,
        executionMode: "sequential",
        graphOptimizationLevel: "all",
      });
    const { tensors } = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
    const { shape, file } = tensors.find(({ name }) => name === "input");
    const bytes = readFileSync(join(folder, file));
    const nhwc = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    const [n, h, w, c] = shape;
    prepared = { sessions, input: toPlanes(nhwc, n, h * w, c), dims: [n, c, h, w], workload };
    return { modes: Object.keys(MODES) };
  },

  async check({ mode, file }) {
    const { data } = await call(prepared.sessions[mode]);
    writeFileSync(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  },

  async run({ mode, calls }) {
    const session = prepared.sessions[mode];
    const started = performance.now();
    for (let n = 0; n < calls; n++) await call(session);
    return { ms: (performance.now() - started) / calls };
  },
});

async function call(session) {
  const { input, dims } = prepared;
  const { logits } = await session.run({ input: new ort.Tensor("float32", input, dims) });
  return { data: logits.data };
}

function toPlanes(nhwc, samples, pixels, channels) {
  const nchw = new Float32Array(nhwc.length);
  for (let n = 0; n < samples; n++)
    for (let p = 0; p < pixels; p++)
      for (let c = 0; c < channels; c++)
        nchw[(n * channels + c) * pixels + p] = nhwc[(n * pixels + p) * channels + c];
  return nchw;
}
