/** TensorFlow.js's WebAssembly backend in the page. Each call makes a tensor of the input and reads the logits. */
import { parametersOf } from "../../numbers.mjs";
import { create, noting } from "../tensorflow-models.mjs";

export async function start(threads) {
  // It takes half of the processors at most, and looks at their number when it is loaded.
  Object.defineProperty(navigator, "hardwareConcurrency", { value: 2 * threads });
  const tf = await import("@tensorflow/tfjs");
  const { getThreadsCount, setThreadsCount, setWasmPaths } = await import("@tensorflow/tfjs-backend-wasm");
  setWasmPaths("/tfjs/");
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", threads > 1);
  setThreadsCount(threads);
  if (!(await tf.setBackend("wasm"))) throw new Error("its WebAssembly backend does not start");
  await tf.ready();
  const started = threads > 1 ? getThreadsCount() : 1;
  if (started !== threads) throw new Error(`it started ${started} threads instead of ${threads}`);
  let prepared;
  const call = () => {
    const { network, input, shape } = prepared;
    return tf.tidy(() => network(tf.tensor4d(input, shape)).dataSync());
  };
  return {
    about: { system: "TensorFlow.js", details: { version: tf.version.tfjs, threads } },
    prepare(workload, numbers) {
      for (const tensor of prepared?.weights ?? []) tensor.dispose();
      const weights = [];
      const network = create(noting(tf, weights), workload, parametersOf(numbers));
      const { shape, data } = numbers.get("input");
      prepared = { network, weights, input: data, shape };
      return { modes: [threads === 1 ? "1 thread" : `${threads} threads`] };
    },
    check: call,
    run(_mode, calls) {
      const started = performance.now();
      for (let n = 0; n < calls; n++) call();
      return (performance.now() - started) / calls;
    },
  };
}
