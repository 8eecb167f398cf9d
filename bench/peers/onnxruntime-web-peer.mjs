/**
 * onnxruntime-web in Node as one of the systems that are measured: inference in WebAssembly SIMD, on as many threads as
 * FOVEA_BENCH_THREADS says, which it takes once a process. The network is the file that a PyTorch peer exported.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import ort from "onnxruntime-web";
import { readInputs, writeNumbers } from "../inputs.mjs";
import { planes } from "../numbers.mjs";
import { serve } from "../serve.mjs";
import { call } from "./onnx.mjs";

const threads = Number(process.env.FOVEA_BENCH_THREADS ?? 2);
const MODE = threads === 1 ? "1 thread" : `${threads} threads`;

// Its package keeps package.json to itself.
const { dependencies } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));
const version = ort.env.versions?.web ?? ort.env.versions?.common ?? dependencies["onnxruntime-web"];

ort.env.wasm.numThreads = threads;
ort.env.logLevel = "error";

let prepared;

serve({
  hello: () => ({ system: "ONNX Runtime Web", details: { version, threads, node: process.version } }),

  async prepare({ folder }) {
    await prepared?.session.release();
    prepared = undefined;
    const session = await ort.InferenceSession.create(readFileSync(join(folder, "model.onnx")), {
      executionProviders: ["wasm"],
      graphOptimizationLevel: "all",
    });
    prepared = { session, input: planes(readInputs(folder)) };
    return { modes: [MODE] };
  },

  async check({ file }) {
    writeNumbers(file, await call(ort, prepared.session, prepared.input));
  },

  async run({ calls }) {
    const started = performance.now();
    for (let n = 0; n < calls; n++) await call(ort, prepared.session, prepared.input);
    return { ms: (performance.now() - started) / calls };
  },
});
