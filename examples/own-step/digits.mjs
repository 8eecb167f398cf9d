/**
 * An epoch of LeNet-5 by a training step that is written out by hand, and the same epoch by `train`: the weights are equal to the bit.
 *
 *     node examples/own-step/digits.mjs
 *
 * @import { Dataset } from "fovea"
 */
import { initialWeights, minimize, models, openDevice, ops, sgd, trace, train } from "fovea";
import { loadMnist } from "fovea/node";

const { train: mnist } = await loadMnist();
const length = 3000;
// `inOrder`: `train` takes the pictures as they come, as the loop below does.
/** @type {Dataset} */
const data = {
  ...mnist,
  length,
  images: mnist.images.subarray(0, 784 * length),
  labels: mnist.labels.subarray(0, length),
  inOrder: true,
};
const [batchSize, seed] = [50, 1];
const { module: network, input: shape } = models.create("lenet5");
const optimizer = sgd({ lr: 0.05, momentum: 0.9 });

// The step: forward, loss, gradients, update.
const { graph, output } = trace(network, { input: shape, training: true });
const labels = graph.input("labels", { shape: [], dtype: "i32" });
const loss = ops.mean(ops.crossEntropy(output, labels), { batch: true });
const learning = minimize(loss, optimizer);

const device = await openDevice();
const step = await device.compile(
  { name: "step", outputs: { loss }, assigns: learning.assigns },
  { maxBatch: batchSize },
);
for (const [name, { data }] of initialWeights(network, seed)) await device.writeState(name, data);

// Pixels from 0 to 255 become numbers of mean 0 and standard deviation 1.
const table = Float32Array.from({ length: 256 }, (_, byte) => (byte / 255 - data.mean[0]) / data.std[0]);
for (let n = 1; n <= length / batchSize; n++) {
  const first = (n - 1) * batchSize;
  const pictures = data.images.subarray(784 * first, 784 * (first + batchSize));
  const { loss } = await step.run({
    input: Float32Array.from(pictures, (byte) => table[byte]),
    labels: Int32Array.from(data.labels.subarray(first, first + batchSize)),
    ...learning.at(n),
  });
  if (first % 500 === 0) console.log(`loss of digits ${first} to ${first + batchSize - 1}: ${loss[0].toFixed(3)}`);
}

const { model } = await train(network, data, { epochs: 1, batchSize, seed, optimizer, schedule: { kind: "constant" } });
let unequal = 0;
for (const [name, { data: expected }] of model.weights) {
  const found = await device.readState(name);
  unequal += found.filter((weight, i) => weight !== expected[i]).length;
}
console.log(`${unequal} weights differ from those of train`);
await device.close();
