/**
 * How much a first step takes: `node bench/fovea/memory.mjs '{"network": "vgg16", "what": "train", "batch": 8}'` prints the plan, the
 * growth of this process's resident size from before the network is made until after its first step (of a training also after its
 * first evaluation), and the most. What is measured is what users run: a Trainer, and `createClassifier`. A process of its own for each row,
 * since memory that was touched once stays.
 */
import { readFileSync } from "node:fs";
import { planInference } from "#fovea/analysis/inference.js";
import { sizeOf } from "#fovea/graph/shape.js";
import { create } from "#fovea/models/index.js";
import { savedOf } from "#fovea/nn/index.js";
import { CpuDevice } from "#fovea/devices/cpu/cpu-device.js";
import { createClassifier } from "#fovea/model/classifier.js";
import { sgd } from "#fovea/train/optimizers/sgd.js";
import { Trainer } from "#fovea/train/trainer.js";

const { network, options = {}, what, batch, memoryLimit, steps = 1 } = JSON.parse(process.argv[2]);
const note = () => {};

/** Now, and the most so far. */
function resident() {
  const status = readFileSync("/proc/self/status", "utf8");
  const read = (name) => 1024 * Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)[1]);
  return { now: read("VmRSS"), most: read("VmHWM") };
}

// What is the user's is there before: pictures, as many as fill all slots of a program, and of a trained network the weights (one
// array for all of them, since what they are makes no difference).
const { input } = create(network, options);
const [mean, std] = [0.5, 0.25].map((value) => new Array(input[2]).fill(value));
const data = pictures(4 * batch);
const largest = Math.max(...[...savedOf(create(network, options).module)].map(([, { shape }]) => sizeOf(shape)));
const numbers = new Float32Array(what === "train" ? 0 : largest).fill(1e-3);
const before = resident().now;
const result = what === "train" ? await train() : await infer();
console.log(JSON.stringify(result));

async function train() {
  const { module } = create(network, options);
  const session = await CpuDevice.create({ memoryLimit, note });
  const trainer = await Trainer.create(session, module, input, { train: data }, {
    epochs: steps,
    batchSize: batch,
    optimizer: sgd({ lr: 1e-3, momentum: 0.9 }),
    schedule: { kind: "constant" },
    seed: 0,
  });
  let first;
  await trainer.run({
    step() {
      first ??= resident();
    },
    shouldStop: () => trainer.state.step >= steps,
  });
  await trainer.evaluate(data);
  const last = resident();
  const { memory } = trainer;
  await session.close();
  return {
    planned: memory.total - memory.evaluation + memory.engine,
    growth: first.now - before,
    plannedWithEvaluation: memory.total + memory.engine,
    growthWithEvaluation: last.now - before,
    peak: last.most - before,
    parts: memory,
  };
}

async function infer() {
  const { module } = create(network, options);
  const weights = new Map();
  for (const [name, { shape }] of savedOf(module)) weights.set(name, { shape, data: numbers.subarray(0, sizeOf(shape)) });
  const classes = Array.from({ length: 1000 }, (_, k) => `class ${k}`);
  const classify = await createClassifier({ module, input, classes, scaling: { mean, std }, weights }, { batch, memoryLimit, note });
  const size = data.images.length / data.length;
  const images = Array.from({ length: batch }, (_, i) => data.images.subarray(i * size, (i + 1) * size));
  await classify.all(images);
  const first = resident();
  await classify.close();
  // Only now, since planning it again takes memory, too.
  const session = await CpuDevice.create({ note });
  const parts = await planInference(session, module, input, batch);
  await session.close();
  return { planned: parts.total + parts.engine, growth: first.now - before, peak: first.most - before, parts };
}

function pictures(length) {
  const images = Uint8Array.from({ length: length * input.reduce((a, b) => a * b, 1) }, (_, i) => (i * 37) % 256);
  const labels = Uint8Array.from({ length }, (_, i) => i % 7);
  const classes = Array.from({ length: 7 }, (_, k) => String(k));
  return { name: "made up", length, classes, shape: input, images, labels, mean, std };
}
