/**
 * A network that draws digits (Goodfellow et al. 2014): the generator makes pictures of noise, the discriminator tells them from real ones, and
 * each learns by an optimiser of its own, in one step. The losses are squares, as Mao et al. 2017 take them.
 *
 *     node examples/own-step/gan.mjs          # writes gan.svg: 40 digits that it draws
 *
 * @import { Value } from "fovea"
 */
import { writeFile } from "node:fs/promises";
import { adam, initialWeights, minimize, nn, openDevice, ops, trace } from "fovea";
import { loadMnist } from "fovea/node";

class Gan extends nn.Module {
  generator = nn.sequential({
    fc1: nn.linear({ in: 24, out: 256 }),
    relu: nn.relu(),
    fc2: nn.linear({ in: 256, out: 784 }),
    sigmoid: nn.sigmoid(),
  });
  discriminator = nn.sequential({
    flatten: nn.flatten(),
    fc1: nn.linear({ in: 784, out: 256 }),
    gelu: nn.gelu(),
    drop: nn.dropout(0.3),
    fc2: nn.linear({ in: 256, out: 1 }),
  });

  /** @param {{ noise: Value, digit: Value }} inputs */
  forward({ noise, digit }) {
    const drawn = this.generator.forward(noise);
    return { drawn, ofDrawn: this.discriminator.forward(drawn), ofReal: this.discriminator.forward(digit) };
  }
}

const network = new Gan();
const inputs = { noise: [24], digit: [28, 28, 1] };
const { output, parametersOf } = trace(network, { input: inputs, training: true });
/** @param {Value} scores @param {number} wanted */
const off = (scores, wanted) => ops.mean(ops.square(ops.scale(scores, 1, -wanted)), { batch: true });
const losses = { told: ops.add(off(output.ofReal, 1), off(output.ofDrawn, 0)), fooled: off(output.ofDrawn, 1) };
const discriminator = minimize(losses.told, adam({ lr: 0.001, betas: [0.5, 0.999] }), {
  name: "discriminator",
  parameters: parametersOf(network.discriminator),
});
const generator = minimize(losses.fooled, adam({ lr: 0.0005, betas: [0.5, 0.999] }), {
  name: "generator",
  parameters: parametersOf(network.generator),
});

const device = await openDevice();
const assigns = [...discriminator.assigns, ...generator.assigns];
const step = await device.compile({ name: "step", outputs: losses, assigns });
const { drawn } = trace(network, { input: inputs }).output;
const draw = await device.compile({ name: "draw", outputs: { drawn }, assigns: [] });
for (const [name, { data }] of initialWeights(network, 1)) await device.writeState(name, data);

const { train: mnist } = await loadMnist();
const digits = Float32Array.from(mnist.images.subarray(0, 784 * 6400), (byte) => byte / 255);
let seed = 1;
const uniform = () => {
  seed = (seed * 16807) % 2147483647;
  return seed / 2147483647;
};
/** Sums of uniform numbers are nearly normal. @param {number} count */
const noise = (count) => Float32Array.from({ length: 24 * count }, () => 2 * (uniform() + uniform() + uniform() - 1.5));

const batch = 64;
for (let n = 1; n <= 3000; n++) {
  const digit = digits.subarray(784 * batch * (n % 100), 784 * batch * ((n % 100) + 1));
  const given = { noise: noise(batch), digit, random: [1, 0, n], ...discriminator.at(n), ...generator.at(n) };
  const { told, fooled } = await step.run(given);
  if (n % 500 === 0) console.log(`step ${n}: discriminator ${told[0].toFixed(3)}, generator ${fooled[0].toFixed(3)}`);
}
const { drawn: pictures } = await draw.run({ noise: noise(40) });
await device.close();

const pixel = (/** @type {number} */ grey, /** @type {number} */ i) => {
  const [n, y, x] = [Math.floor(i / 784), Math.floor(i / 28) % 28, i % 28];
  const [left, top] = [(n % 10) * 30 + x, Math.floor(n / 10) * 30 + y];
  return grey < 0.1 ? "" : `<rect x="${left}" y="${top}" width="1" height="1" opacity="${grey.toFixed(1)}"/>`;
};
const box = 'viewBox="-2 -2 302 122" width="900" shape-rendering="crispEdges"';
await writeFile(
  "gan.svg",
  `<svg xmlns="http://www.w3.org/2000/svg" ${box}>${Array.from(pictures, pixel).join("")}</svg>`,
);
