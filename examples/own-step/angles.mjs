/**
 * A network that tells by which angle a bar is turned: regression, with a loss of one's own. Its two outputs are to be the cosine and the
 * sine of twice the angle, since a bar that is turned by half a turn looks the same. The loss is their mean squared error.
 *
 *     node examples/own-step/angles.mjs
 */
import { adam, initialWeights, minimize, nn, openDevice, ops, trace } from "fovea";

const size = 16;
const network = nn.sequential({
  conv: nn.conv2d({ in: 1, out: 8, kernel: 5, stride: 2 }),
  relu: nn.relu(),
  flatten: nn.flatten(),
  fc: nn.linear({ in: 8 * 6 * 6, out: 2 }),
});

/** Bars through the middle, turned by these angles, from 0 to pi: how dark a pixel is falls with its distance. */
const bars = (/** @type {readonly number[]} */ angles) =>
  Float32Array.from({ length: angles.length * size * size }, (_, i) => {
    const [x, y] = [(i % size) - 7.5, (Math.floor(i / size) % size) - 7.5];
    const angle = angles[Math.floor(i / size / size)];
    return Math.exp(-((x * Math.sin(angle) - y * Math.cos(angle)) ** 2) / 2);
  });
const directions = (/** @type {readonly number[]} */ angles) =>
  angles.flatMap((angle) => [Math.cos(2 * angle), Math.sin(2 * angle)]);

const { graph, output: direction } = trace(network, { input: [size, size, 1], training: true });
const target = graph.input("target", { shape: [2] });
const loss = ops.mean(ops.square(ops.subtract(direction, target)), { batch: true });
const learning = minimize(loss, adam({ lr: 0.005 }));

const device = await openDevice();
const step = await device.compile({ name: "step", outputs: { loss }, assigns: learning.assigns });
const predict = await device.compile({ name: "predict", outputs: { direction }, assigns: [] });
for (const [name, { data }] of initialWeights(network)) await device.writeState(name, data);

const count = 32;
for (let n = 1; n <= 200; n++) {
  // The golden ratio spreads the angles evenly, and no two steps have the same ones.
  const angles = Array.from({ length: count }, (_, i) => Math.PI * (((n * count + i) * 0.618034) % 1));
  const { loss } = await step.run({ input: bars(angles), target: directions(angles), ...learning.at(n) });
  if (n === 1 || n % 50 === 0) console.log(`step ${n}: mean squared error ${loss[0].toFixed(4)}`);
}

const angles = [10, 50, 90, 130, 170].map((degrees) => (degrees * Math.PI) / 180);
const { direction: found } = await predict.run({ input: bars(angles) });
const degrees = (/** @type {number} */ n) => ((Math.atan2(found[2 * n + 1], found[2 * n]) * 90) / Math.PI + 180) % 180;
console.log(`bars at 10, 50, 90, 130 and 170 degrees: ${angles.map((_, n) => degrees(n).toFixed(1)).join(", ")}`);
await device.close();
