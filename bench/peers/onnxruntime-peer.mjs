/**
 * onnxruntime-node as one of the systems that are measured: inference, on one thread and on two. The network is the file
 * that a PyTorch peer exported. Each call makes a tensor around the input and reads the output.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import ort from "onnxruntime-node";
import { readInputs, writeNumbers } from "../inputs.mjs";
import { planes } from "../numbers.mjs";
import { serve } from "../serve.mjs";
import { call } from "./onnx.mjs";

const { version } = createRequire(import.meta.url)("onnxruntime-node/package.json");
const MODES = { "1 thread": 1, "2 threads": 2 };

let prepared;

serve({
  hello: () => ({ system: "ONNX Runtime", details: { version, node: process.version } }),

  async prepare({ folder }) {
    const sessions = {};
    for (const [mode, intraOpNumThreads] of Object.entries(MODES))
      sessions[mode] = await ort.InferenceSession.create(join(folder, "model.onnx"), {
        intraOpNumThreads,
        interOpNumThreads: 1,
        executionMode: "sequential",
        graphOptimizationLevel: "all",
      });
    prepared = { sessions, input: planes(readInputs(folder)) };
    return { modes: Object.keys(MODES) };
  },

  async check({ mode, file }) {
    writeNumbers(file, await call(ort, prepared.sessions[mode], prepared.input));
  },

  async run({ mode, calls }) {
    const session = prepared.sessions[mode];
    const started = performance.now();
    for (let n = 0; n < calls; n++) await call(ort, session, prepared.input);
    return { ms: (performance.now() - started) / calls };
  },
});
