/**
 * Several labels a picture: there is an upright bar in it or not, a level one or not, and a disc or not. Each label has a score of its own, and
 * the loss is the mean binary cross-entropy: cross-entropy between "not", whose score is 0, and the label's.
 *
 *     node examples/own-step/several-labels.mjs
 */
import { adam, initialWeights, minimize, nn, openDevice, ops, trace } from "fovea";

const [size, names] = [16, ["upright", "level", "disc"]];
const network = nn.sequential({
  conv1: nn.conv2d({ in: 1, out: 8, kernel: 3, stride: 2 }),
  relu1: nn.relu(),
  conv2: nn.conv2d({ in: 8, out: 8, kernel: 3 }),
  relu2: nn.relu(),
  flatten: nn.flatten(),
  fc: nn.linear({ in: 8 * 5 * 5, out: names.length }),
});

let seed = 1;
const random = (/** @type {number} */ below) => {
  seed = (seed * 16807) % 2147483647;
  return seed % below;
};
/** A picture and its labels, 0 or 1 each. */
function example() {
  const labels = names.map(() => random(2));
  const [column, row, x, y] = [random(size), random(size), 3 + random(10), 3 + random(10)];
  const input = Array.from({ length: size * size }, (_, i) => {
    const [left, top] = [i % size, Math.floor(i / size)];
    const isInk = [left === column, top === row, (left - x) ** 2 + (top - y) ** 2 < 9];
    return Number(isInk.some((is, label) => is && labels[label] === 1)) + random(100) / 200;
  });
  return { input, labels };
}
const batch = (/** @type {number} */ count) => {
  const examples = Array.from({ length: count }, example);
  return { input: examples.flatMap(({ input }) => input), labels: examples.flatMap(({ labels }) => labels) };
};

const { graph, output } = trace(network, { input: [size, size, 1], training: true });
const labels = graph.input("labels", { shape: [names.length], dtype: "i32" });
const scores = ops.reshape(output, [names.length, 1]);
const pairs = ops.concat([ops.scale(scores, 0), scores], 1);
const loss = ops.mean(ops.crossEntropy(pairs, labels), { batch: true });
const right = ops.mean(ops.correct(pairs, labels), { batch: true, axes: [] });
const learning = minimize(loss, adam({ lr: 0.005 }));

const device = await openDevice();
const step = await device.compile({ name: "step", outputs: { loss }, assigns: learning.assigns });
const measure = await device.compile({ name: "measure", outputs: { right }, assigns: [] });
for (const [name, { data }] of initialWeights(network, 1)) await device.writeState(name, data);
for (let n = 1; n <= 500; n++) {
  const { loss } = await step.run({ ...batch(32), ...learning.at(n) });
  if (n === 1 || n % 100 === 0) console.log(`step ${n}: loss ${loss[0].toFixed(3)}`);
}
const found = await measure.run(batch(200));
console.log(
  `right of new pictures: ${names.map((name, i) => `${name} ${(100 * found.right[i]).toFixed(1)} %`).join(", ")}`,
);
await device.close();
