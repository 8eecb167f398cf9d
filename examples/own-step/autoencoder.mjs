/**
 * An autoencoder: convolutions bring a digit to 12 numbers, and transposed ones draw it again from these alone. Its forward gives the code
 * beside the picture. What it is to come to is its own input.
 *
 *     node examples/own-step/autoencoder.mjs
 *
 * @import { Value } from "fovea"
 */
import { adam, initialWeights, minimize, nn, openDevice, ops, trace } from "fovea";
import { loadMnist } from "fovea/node";

class Autoencoder extends nn.Module {
  encoder = nn.sequential({
    conv1: nn.conv2d({ in: 1, out: 8, kernel: 4, stride: 2, padding: 1 }),
    act1: nn.gelu(),
    conv2: nn.conv2d({ in: 8, out: 16, kernel: 4, stride: 2, padding: 1 }),
    act2: nn.gelu(),
    flatten: nn.flatten(),
    fc: nn.linear({ in: 16 * 7 * 7, out: 12 }),
  });
  decoder = nn.sequential({
    fc: nn.linear({ in: 12, out: 16 * 7 * 7 }),
    act1: nn.gelu(),
    map: (/** @type {Value} */ x) => ops.reshape(x, [7, 7, 16]),
    conv1: nn.convTranspose2d({ in: 16, out: 8, kernel: 4, stride: 2, padding: 1 }),
    act2: nn.gelu(),
    conv2: nn.convTranspose2d({ in: 8, out: 1, kernel: 4, stride: 2, padding: 1 }),
    sigmoid: nn.sigmoid(),
  });

  /** @param {Value} digit */
  forward(digit) {
    const code = this.encoder.forward(digit);
    return { code, drawn: this.decoder.forward(code) };
  }
}

const network = new Autoencoder();
const { input, output } = trace(network, { input: [28, 28, 1], training: true });
const loss = ops.mean(ops.square(ops.subtract(output.drawn, input)), { batch: true });
const learning = minimize(loss, adam({ lr: 0.005 }), { schedule: { kind: "cosine" }, totalSteps: 600 });

const device = await openDevice();
const step = await device.compile({ name: "step", outputs: { loss }, assigns: learning.assigns });
const draw = await device.compile({ name: "draw", outputs: { ...output, loss }, assigns: [] });
for (const [name, { data }] of initialWeights(network, 1)) await device.writeState(name, data);

const { train: mnist } = await loadMnist();
const digits = (/** @type {number} */ first, /** @type {number} */ count) =>
  Float32Array.from(mnist.images.subarray(784 * first, 784 * (first + count)), (byte) => byte / 255);
for (let n = 1; n <= 600; n++) {
  const { loss } = await step.run({ input: digits(32 * n, 32), ...learning.at(n) });
  if (n === 1 || n % 200 === 0) console.log(`step ${n}: mean squared error ${loss[0].toFixed(4)}`);
}
const other = await draw.run({ input: digits(20_000, 100) });
console.log(`of 100 other digits, from ${other.code.length / 100} numbers each: ${other.loss[0].toFixed(4)}`);

const text = (/** @type {Float32Array} */ pixels) =>
  Array.from({ length: 14 }, (_, y) =>
    Array.from({ length: 28 }, (_, x) => " .:*#"[Math.min(4, Math.floor(5 * pixels[56 * y + x]))]).join(""),
  );
const [given, drawn] = [digits(20_000, 1), other.drawn].map((pixels) => text(Float32Array.from(pixels)));
console.log(given.map((line, i) => `${line} | ${drawn[i]}`).join("\n"));
await device.close();
