/** fovea in the page. What is timed includes scaling the digits from bytes and bringing them into the program's memory. */
import { createClassifier, models, openDevice, sgd, train as trainNetwork } from "fovea";

const quiet = { note: () => {} };

/** What can be measured here: threads need a page that is cross-origin isolated. */
export function modes() {
  return crossOriginIsolated && navigator.hardwareConcurrency > 1 ? ["1 thread", "2 threads"] : ["1 thread"];
}

const threadsOf = (mode) => Number(mode.split(" ")[0]);

export async function describe() {
  const device = await openDevice(quiet);
  const { backend, arithmetic } = device;
  await device.close();
  const [target] = arithmetic.split(",");
  return `${backend}${target === "wasm" ? "" : `, ${target}`}`;
}

/** Digits a second of training steps, from the first step's end to the last one's. */
export async function train(mode, { images, labels }, batchSize) {
  let first;
  let last;
  await trainNetwork(models.create("lenet5"), dataset(images, labels), {
    ...quiet,
    threads: threadsOf(mode),
    batchSize,
    epochs: 1,
    optimizer: sgd({ lr: 0.05, momentum: 0.9 }),
    onProgress({ done }) {
      last = { done, at: performance.now() };
      first ??= last;
    },
  });
  return (1000 * (last.done - first.done)) / (last.at - first.at);
}

/** Digits a second from bytes to probabilities. */
export async function predict(mode, { images, labels }, batch) {
  const { mean, std } = scaling;
  const module = models.create("lenet5");
  const { model } = await trainNetwork(module, dataset(images.subarray(0, 784 * batch), labels.subarray(0, batch)), {
    ...quiet,
    epochs: 1,
  });
  const classify = await createClassifier({ ...model, scaling: { mean, std } }, { ...quiet, threads: threadsOf(mode), batch });
  const pictures = Array.from(labels, (_, i) => images.subarray(784 * i, 784 * (i + 1)));
  await classify.all(pictures.slice(0, 2 * batch));
  const started = performance.now();
  await classify.all(pictures);
  const seconds = (performance.now() - started) / 1000;
  await classify.close();
  return pictures.length / seconds;
}

const scaling = { mean: [0.1307], std: [0.3081] };

function dataset(images, labels) {
  const classes = Array.from({ length: 10 }, (_, label) => String(label));
  return { name: "digits", length: labels.length, classes, shape: [28, 28, 1], images, labels, ...scaling };
}
