/**
 * One network with two heads and a loss for each: its code of 6 numbers is to tell which digit it sees, and to be enough to draw the digit
 * again (an autoencoder). Both heads learn in one step, from the sum of their losses.
 *
 *     node examples/own-step/two-heads.mjs
 */
import { adam, initialWeights, minimize, nn, openDevice, ops, trace } from "fovea";
import { loadMnist } from "fovea/node";

const { train: mnist } = await loadMnist();
const network = nn.sequential({
  flatten: nn.flatten(),
  encoder: nn.linear({ in: 784, out: 64 }),
  relu: nn.relu(),
  code: nn.linear({ in: 64, out: 6 }),
  tanh: nn.tanh(),
  heads: nn.linear({ in: 6, out: 10 + 784 }),
});

const optimizer = adam();
const { graph, input, output } = trace(network, { input: [28, 28, 1], training: true });
const labels = graph.input("labels", { shape: [], dtype: "i32" });
const logits = ops.slice(output, 0, 0, 10);
const drawn = ops.reshape(ops.sigmoid(ops.slice(output, 0, 10, 794)), [28, 28, 1]);
const classLoss = ops.mean(ops.crossEntropy(logits, labels), { batch: true });
const drawnLoss = ops.mean(ops.meanSquaredError(drawn, input), { batch: true });
const assigns = minimize(ops.add(classLoss, ops.scale(drawnLoss, 10)), optimizer);
const right = ops.sum(ops.correct(logits, labels), { batch: true });

const device = await openDevice();
const step = await device.compile({ name: "step", outputs: { classLoss, drawnLoss }, assigns });
const measure = await device.compile({ name: "measure", outputs: { right, drawnLoss }, assigns: [] });
for (const [name, { data }] of initialWeights(network, 1)) await device.writeState(name, data);

const batch = (first, count) => ({
  input: Float32Array.from(mnist.images.subarray(784 * first, 784 * (first + count)), (byte) => byte / 255),
  labels: Int32Array.from(mnist.labels.subarray(first, first + count)),
});
for (let n = 1; n <= 200; n++) {
  const inputs = { ...batch(50 * (n - 1), 50), learningRate: 0.003, ...optimizer.scalars(n) };
  const { classLoss, drawnLoss } = await step.run(inputs);
  if (n === 1 || n % 50 === 0)
    console.log(`step ${n}: classes ${classLoss[0].toFixed(3)}, pixels ${drawnLoss[0].toFixed(4)}`);
}
const measured = await measure.run(batch(20_000, 200));
console.log(`of 200 other digits ${measured.right[0]} are told; pixels ${measured.drawnLoss[0].toFixed(4)}`);
await device.close();
