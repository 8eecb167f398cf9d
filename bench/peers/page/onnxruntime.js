/** onnxruntime-web in the page. The network is the file that a PyTorch peer exported into the workload's folder. */
import * as ort from "onnxruntime-web/wasm";
import { planes } from "../../numbers.mjs";
import { call } from "../onnx.mjs";

export async function start(threads) {
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmPaths = "/ort/";
  ort.env.logLevel = "error";
  let prepared;
  return {
    about: { system: "ONNX Runtime Web", details: { version: ort.env.versions.web ?? ort.env.versions.common, threads } },
    async prepare(_workload, numbers) {
      await prepared?.session.release();
      const session = await ort.InferenceSession.create("/inputs/model.onnx", {
        executionProviders: ["wasm"],
        graphOptimizationLevel: "all",
      });
      prepared = { session, input: planes(numbers) };
      return { modes: [threads === 1 ? "1 thread" : `${threads} threads`] };
    },
    check: () => call(ort, prepared.session, prepared.input),
    async run(_mode, calls) {
      const started = performance.now();
      for (let n = 0; n < calls; n++) await call(ort, prepared.session, prepared.input);
      return (performance.now() - started) / calls;
    },
  };
}
