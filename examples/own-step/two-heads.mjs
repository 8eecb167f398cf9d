/**
 * One network with two heads and a loss for each: its code of 6 numbers is to tell which digit it sees, and to be enough to draw the digit
 * again. Its forward gives two values by name. Both heads learn in one step, from the sum of their losses.
 *
 *     node examples/own-step/two-heads.mjs
 *
 * @import { Value } from "fovea"
 */
import { adam, initialWeights, minimize, nn, openDevice, ops, trace } from "fovea";
import { loadMnist } from "fovea/node";

class TwoHeads extends nn.Module {
  encoder = nn.sequential({
    flatten: nn.flatten(),
    fc1: nn.linear({ in: 784, out: 64 }),
    relu: nn.relu(),
    fc2: nn.linear({ in: 64, out: 6 }),
    tanh: nn.tanh(),
  });
  classes = nn.linear({ in: 6, out: 10 });
  pixels = nn.linear({ in: 6, out: 784 });

  /** @param {Value} digit */
  forward(digit) {
    const code = this.encoder.forward(digit);
    const drawn = ops.reshape(ops.sigmoid(this.pixels.forward(code)), digit.shape);
    return { logits: this.classes.forward(code), drawn };
  }
}

const network = new TwoHeads();
const { graph, input, output } = trace(network, { input: [28, 28, 1], training: true });
const labels = graph.input("labels", { shape: [], dtype: "i32" });
const classLoss = ops.mean(ops.crossEntropy(output.logits, labels), { batch: true });
const drawnLoss = ops.mean(ops.meanSquaredError(output.drawn, input), { batch: true });
const learning = minimize(ops.add(classLoss, ops.scale(drawnLoss, 10)), adam({ lr: 0.003 }));
const right = ops.sum(ops.correct(output.logits, labels), { batch: true });

const device = await openDevice();
const step = await device.compile({ name: "step", outputs: { classLoss, drawnLoss }, assigns: learning.assigns });
const measure = await device.compile({ name: "measure", outputs: { right, drawnLoss }, assigns: [] });
for (const [name, { data }] of initialWeights(network, 1)) await device.writeState(name, data);

const { train: mnist } = await loadMnist();
const batch = (/** @type {number} */ first, /** @type {number} */ count) => ({
  input: Float32Array.from(mnist.images.subarray(784 * first, 784 * (first + count)), (byte) => byte / 255),
  labels: Int32Array.from(mnist.labels.subarray(first, first + count)),
});
for (let n = 1; n <= 200; n++) {
  const { classLoss, drawnLoss } = await step.run({ ...batch(50 * (n - 1), 50), ...learning.at(n) });
  if (n === 1 || n % 50 === 0)
    console.log(`step ${n}: classes ${classLoss[0].toFixed(3)}, pixels ${drawnLoss[0].toFixed(4)}`);
}
const measured = await measure.run(batch(20_000, 200));
console.log(`of 200 other digits ${measured.right[0]} are told; pixels ${measured.drawnLoss[0].toFixed(4)}`);
await device.close();
