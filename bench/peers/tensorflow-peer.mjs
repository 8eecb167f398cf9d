/**
 * TensorFlow.js's WebAssembly backend in Node as one of the systems that are measured: inference with SIMD, on as many
 * threads as FOVEA_BENCH_THREADS says, which it takes once a process. Each call makes a tensor of the input and reads the
 * logits.
 */
import { createRequire } from "node:module";
import { readInputs, writeNumbers } from "../inputs.mjs";
import { parametersOf } from "../numbers.mjs";
import { serve } from "../serve.mjs";
import { create, noting } from "./tensorflow-models.mjs";

const require = createRequire(import.meta.url);
const threads = Number(process.env.FOVEA_BENCH_THREADS ?? 2);
const MODE = threads === 1 ? "1 thread" : `${threads} threads`;

if (threads > 1) letItStartWorkers();
const tf = require("@tensorflow/tfjs");
const wasm = require("@tensorflow/tfjs-backend-wasm");

let prepared;

serve({
  async hello() {
    tf.env().set("WASM_HAS_SIMD_SUPPORT", true);
    // It looks for a browser's way to share memory, and does not find it in Node.
    tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", threads > 1);
    wasm.setThreadsCount(threads);
    if (!(await tf.setBackend("wasm"))) throw new Error("its WebAssembly backend does not start");
    await tf.ready();
    const started = threads > 1 ? wasm.getThreadsCount() : 1;
    if (started !== threads) throw new Error(`it started ${started} threads instead of ${threads}`);
    return { system: "TensorFlow.js", details: { version: tf.version.tfjs, threads, node: process.version } };
  },

  prepare({ workload, folder }) {
    for (const tensor of prepared?.weights ?? []) tensor.dispose();
    const numbers = readInputs(folder);
    const { shape, data } = numbers.get("input");
    const weights = [];
    const network = create(noting(tf, weights), workload, parametersOf(numbers));
    prepared = { network, weights, input: data, shape };
    return { modes: [MODE] };
  },

  check({ file }) {
    writeNumbers(file, call());
  },

  run({ calls }) {
    const started = performance.now();
    for (let n = 0; n < calls; n++) call();
    return { ms: (performance.now() - started) / calls };
  },
});

function call() {
  const { network, input, shape } = prepared;
  return tf.tidy(() => network(tf.tensor4d(input, shape)).dataSync());
}

/**
 * In Node its threads start from the address of a text in memory, which worker threads do not read: they get the text, and the
 * path of the module that they load. It takes half of the processors at most, so that it is told of twice as many threads as it
 * shall have. Must run before the backend is loaded.
 */
function letItStartWorkers() {
  const system = require("node:os");
  const processors = system.cpus();
  system.cpus = () => Array.from({ length: 2 * threads }, () => processors[0]);
  const threadsOfNode = require("node:worker_threads");
  const module = require.resolve("@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.js");
  const { wasmWorkerContents } = require(module.replace(/\.js$/, ".worker.js"));
  const text = wasmWorkerContents.replaceAll("\n", "\\n");
  const { Worker } = threadsOfNode;
  threadsOfNode.Worker = class extends Worker {
    constructor(address, options) {
      const isText = String(address).startsWith("blob:");
      super(isText ? text : address, isText ? { eval: true } : options);
    }

    postMessage(message, transfer) {
      super.postMessage(message?.cmd === "load" ? { ...message, urlOrBlob: module } : message, transfer);
    }
  };
}
