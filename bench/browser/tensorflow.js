/**
 * TensorFlow.js in the page: the same network by its layers API, trained by `fit` and asked by `predict`. The digits are
 * tensors before the clock starts.
 */
import * as tf from "@tensorflow/tfjs";
import { setThreadsCount, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";

setWasmPaths("tfjs-wasm/");

/** Its WebAssembly backend takes the number of threads once a page, so that each mode gets a page of its own. */
export function modes() {
  const threads = crossOriginIsolated && navigator.hardwareConcurrency > 1 ? ["wasm, 2 threads"] : [];
  return ["webgl", "wasm, 1 thread", ...threads, "cpu"];
}

export const version = () => tf.version.tfjs;

async function use(mode) {
  const [backend, threads] = mode.split(", ");
  if (threads !== undefined) {
    const count = Number.parseInt(threads, 10);
    // It takes half of the processors at most.
    Object.defineProperty(navigator, "hardwareConcurrency", { value: 2 * count });
    setThreadsCount(count);
  }
  if (!(await tf.setBackend(backend))) throw new Error(`the backend ${backend} could not be started`);
  await tf.ready();
}

function network() {
  const { layers } = tf;
  const activation = "relu";
  return tf.sequential({
    layers: [
      layers.conv2d({ inputShape: [28, 28, 1], filters: 6, kernelSize: 5, padding: "same", activation }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.conv2d({ filters: 16, kernelSize: 5, activation }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.flatten(),
      layers.dense({ units: 120, activation }),
      layers.dense({ units: 84, activation }),
      layers.dense({ units: 10, activation: "softmax" }),
    ],
  });
}

function tensors({ images, labels }, count) {
  const scaled = Float32Array.from(images.subarray(0, 784 * count), (p) => (p / 255 - 0.1307) / 0.3081);
  const hot = tf.oneHot(tf.tensor1d(labels.subarray(0, count), "int32"), 10).toFloat();
  return { x: tf.tensor4d(scaled, [count, 28, 28, 1]), y: hot };
}

export async function train(mode, digits, batchSize) {
  await use(mode);
  const model = network();
  model.compile({ optimizer: tf.train.momentum(0.05, 0.9), loss: "categoricalCrossentropy" });
  const warm = tensors(digits, 2 * batchSize);
  const options = { batchSize, epochs: 1, yieldEvery: "never" };
  await model.fit(warm.x, warm.y, options);
  const count = digits.labels.length;
  const { x, y } = tensors(digits, count);
  await x.data();
  const started = performance.now();
  const { history } = await model.fit(x, y, options);
  const seconds = (performance.now() - started) / 1000;
  if (!Number.isFinite(history.loss[0])) throw new Error(`its loss is ${history.loss[0]}`);
  return count / seconds;
}

export async function predict(mode, digits, batchSize) {
  await use(mode);
  const model = network();
  const count = digits.labels.length;
  const { x } = tensors(digits, count);
  const ask = (pictures) => model.predict(pictures, { batchSize }).data();
  await ask(x.slice([0, 0, 0, 0], [2 * batchSize, 28, 28, 1]));
  const started = performance.now();
  const probabilities = await ask(x);
  const seconds = (performance.now() - started) / 1000;
  if (!Number.isFinite(probabilities[0])) throw new Error(`its first probability is ${probabilities[0]}`);
  return count / seconds;
}
