/**
 * A loss in the middle (GoogLeNet, Szegedy et al. 2014): a small head behind the first layers is to tell the classes too, and its loss counts
 * 0.3 times. What predicts leaves that head out.
 *
 *     node examples/own-step/auxiliary-loss.mjs
 *
 * @import { Value } from "fovea"
 */
import { initialWeights, minimize, nn, openDevice, ops, sgd, trace } from "fovea";
import { loadMnist } from "fovea/node";

/** @param {number} inputs @param {number} out */
const block = (inputs, out) =>
  nn.sequential({
    conv: nn.conv2d({ in: inputs, out, kernel: 3, stride: 2, padding: 1, bias: false }),
    norm: nn.batchNorm2d({ channels: out }),
    relu: nn.relu(),
  });
/** @param {number} channels */
const head = (channels) =>
  nn.sequential({ pool: nn.adaptiveAvgPool2d(2), flatten: nn.flatten(), fc: nn.linear({ in: 4 * channels, out: 10 }) });

class Net extends nn.Module {
  early = nn.sequential(block(1, 8), block(8, 16));
  late = nn.sequential(block(16, 32), block(32, 32));
  auxiliary = head(16);
  main = head(32);

  /** @param {Value} digit */
  forward(digit) {
    const middle = this.early.forward(digit);
    return { main: this.main.forward(this.late.forward(middle)), auxiliary: this.auxiliary.forward(middle) };
  }
}

const network = new Net();
const { graph, output, updates } = trace(network, { input: [28, 28, 1], training: true });
const labels = graph.input("labels", { shape: [], dtype: "i32" });
const lossOf = (/** @type {Value} */ scores) => ops.mean(ops.crossEntropy(scores, labels), { batch: true });
const [main, auxiliary] = [lossOf(output.main), lossOf(output.auxiliary)];
const totalSteps = 200;
const learning = minimize(ops.add(main, ops.scale(auxiliary, 0.3)), sgd({ lr: 0.05, momentum: 0.9 }), {
  schedule: { kind: "cosine", warmupSteps: 10 },
  totalSteps,
});

const device = await openDevice();
const assigns = [...learning.assigns, ...updates];
const step = await device.compile({ name: "step", outputs: { main, auxiliary }, assigns });
const answer = trace(nn.pick(network, "main"), { input: [28, 28, 1] });
const truth = answer.graph.input("labels", { shape: [], dtype: "i32" });
const right = ops.mean(ops.correct(answer.output, truth), { batch: true });
const predict = await device.compile({ name: "predict", outputs: { right }, assigns: [] });
for (const [name, { data }] of initialWeights(network, 1)) await device.writeState(name, data);

const { train: mnist } = await loadMnist();
const batch = (/** @type {number} */ first, /** @type {number} */ count) => ({
  input: Float32Array.from(mnist.images.subarray(784 * first, 784 * (first + count)), (byte) => byte / 255),
  labels: Int32Array.from(mnist.labels.subarray(first, first + count)),
});
for (let n = 1; n <= totalSteps; n++) {
  const { main, auxiliary } = await step.run({ ...batch(64 * n, 64), ...learning.at(n) });
  if (n === 1 || n % 50 === 0)
    console.log(`step ${n}: loss ${main[0].toFixed(3)}, auxiliary ${auxiliary[0].toFixed(3)}`);
}
const found = await predict.run(batch(20_000, 250));
console.log(`of 250 other digits ${(100 * found.right[0]).toFixed(1)} % are told, without the auxiliary head`);
await device.close();
