/**
 * An op of one's own with two inputs, its gradient and a kernel: the product of two vectors, a number for each sample. With it a network of two
 * pictures tells whether they show the same digit (a siamese network, Bromley et al. 1993).
 *
 *     node examples/own-op/similarity.mjs [avx512 | avx2 | wasm]
 *
 * @import { Value } from "fovea"
 * @import { Lanes } from "fovea/kernels"
 */
import { adam, initialWeights, minimize, nn, openDevice, ops, registerOp, registerStrategy, trace } from "fovea";
import { defineKernel, eachPiece, view } from "fovea/kernels";
import { loadMnist } from "fovea/node";

// d(a . b) = da . b + a . db
const product = registerOp({
  name: "my.product",
  infer: () => ({ shape: [], batched: true, dtype: "f32" }),
  gradient: ({ inputs: [a, b], upstream }) => [ops.multiply(b, upstream), ops.multiply(a, upstream)],
  reference([a, b], _attributes, _output, batch) {
    const each = a.data.length / batch;
    const sum = (/** @type {number} */ n) =>
      a.data.subarray(n * each, (n + 1) * each).reduce((total, value, i) => total + value * b.data[n * each + i], 0);
    return { shape: [batch], data: Float64Array.from({ length: batch }, (_, n) => sum(n)) };
  },
});

const productKernel = defineKernel("my.product", {
  operands: [
    ["a", "read"],
    ["b", "read"],
    ["product", "write"],
  ],
  write(k, /** @type {{ size: number, lanes: Lanes }} */ { size, lanes }) {
    const [as, bs] = [view(k, "a", { sample: size, element: 1 }), view(k, "b", { sample: size, element: 1 })];
    const result = view(k, "product", { sample: 1 });
    eachPiece(k, (sample) => {
      const [a, b] = [as.at({ sample }).keep("a"), bs.at({ sample }).keep("b")];
      const sum = k.acc(0, lanes);
      k.loop(0, size, (element) => k.fmaTo(sum, a.at({ element }).load(lanes), b.at({ element }).load(lanes)), {
        step: lanes,
      });
      result.at({ sample }).store(k.reduceAdd(sum));
    });
  },
});

registerStrategy({
  name: "my.product",
  ops: ["my.product"],
  fuses: false,
  accepts: ({ inputs: [a, b] }) => a.batched && b.batched && a.shape.length === 1,
  cost: ({ inputs: [a] }) => a.shape[0] / 8,
  lower({ root }, to) {
    const [a, b] = root.inputs;
    const spec = { size: to.layout(a).sampleStride, lanes: to.target.lanes };
    to.step(to.kernel(productKernel, spec), [to.buffer(a), to.buffer(b), to.buffer(root)], { count: 1, samples: 1 });
  },
});

class Siamese extends nn.Module {
  code = nn.sequential({
    flatten: nn.flatten(),
    fc1: nn.linear({ in: 784, out: 64 }),
    relu: nn.relu(),
    fc2: nn.linear({ in: 64, out: 20 }),
  });

  /** @param {Value} left @param {Value} right */
  forward(left, right) {
    return ops.call(product, [this.code.forward(left), this.code.forward(right)]);
  }
}

const network = new Siamese();
const digit = [28, 28, 1];
const { graph, output } = trace(network, { input: [digit, digit], training: true });
const same = graph.input("same", { shape: [], dtype: "i32" });
const score = ops.reshape(output, [1]);
const pair = ops.concat([ops.scale(score, 0), score], 0);
const loss = ops.mean(ops.crossEntropy(pair, same), { batch: true });
const right = ops.mean(ops.correct(pair, same), { batch: true });
const learning = minimize(loss, adam({ lr: 0.002 }));

const backend = /** @type {"avx512" | "avx2" | "wasm" | undefined} */ (process.argv[2]);
const device = await openDevice({ backend });
const step = await device.compile({ name: "step", outputs: { loss }, assigns: learning.assigns });
const measure = await device.compile({ name: "measure", outputs: { loss, right }, assigns: [] });
for (const [name, { data }] of initialWeights(network, 1)) await device.writeState(name, data);

const { train: mnist } = await loadMnist();
const byClass = mnist.classes.map((_, label) =>
  Array.from(mnist.labels.keys()).filter((n) => mnist.labels[n] === label),
);
const numbers = (/** @type {number} */ n) =>
  Array.from(mnist.images.subarray(784 * n, 784 * (n + 1)), (byte) => byte / 255);
/** Every second pair is of one class. @param {number} first @param {number} count */
function pairs(first, count) {
  const lefts = Array.from({ length: count }, (_, i) => first + i);
  const rights = lefts.map((n, i) => {
    const among = byClass[(mnist.labels[n] + (i % 2 === 0 ? 0 : 1 + (n % 9))) % 10];
    return among[(7 * n) % among.length];
  });
  const same = lefts.map((n, i) => Number(mnist.labels[n] === mnist.labels[rights[i]]));
  return { "input.0": lefts.flatMap(numbers), "input.1": rights.flatMap(numbers), same };
}
for (let n = 1; n <= 300; n++) {
  const { loss } = await step.run({ ...pairs(64 * n, 64), ...learning.at(n) });
  if (n === 1 || n % 100 === 0) console.log(`step ${n}: loss ${loss[0].toFixed(3)}`);
}
const found = await measure.run(pairs(30_000, 200));
console.log(`of 200 other pairs ${(100 * found.right[0]).toFixed(1)} % are told, loss ${found.loss[0].toFixed(4)}`);
await device.close();
