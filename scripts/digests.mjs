/**
 * `node scripts/digests.mjs`: short hashes of what is compiled and of what training gives, to hold a change of the code to "no bit
 * of any result changes": run it before and after, and compare what it prints.
 *
 *     kernels  every strategy on random cases of every op, encoded for a target, and how they are run (--no-kernels leaves them out)
 *     code     the kernels of a network's program, encoded for a target
 *     plan     its steps, operands and memory (--no-programs leaves out both)
 *     trained  the weights after four steps on made-up pictures, on each backend of this machine (--no-trained leaves them out)
 *
 * `--only TEXT` takes networks, ops and strategies whose name contains TEXT. A target that this machine lacks is encoded all the same.
 */
import { createHash } from "node:crypto";
import { parseArgs } from "node:util";
import { BackendError, models } from "fovea";
import { encodeWasm } from "#fovea/codegen/wasm/encode.js";
import { encodeX64 } from "#fovea/codegen/x64/encode.js";
import { compileEntry } from "#fovea/compiler/compile.js";
import { Session } from "#fovea/devices/cpu/session.js";
import { predictionEntry } from "#fovea/model/prediction.js";
import { initialWeights, readWeights, writeWeights } from "#fovea/model/weights/weights.js";
import { AVX2, AVX512, WASM, WASM_RELAXED } from "#fovea/target/targets.js";
import { sgd } from "#fovea/train/optimizers/sgd.js";
import { trainingEntries } from "#fovea/train/step.js";
import { kernelCases, stepsOf } from "./kernel-digests.mjs";

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    "no-kernels": { type: "boolean", default: false },
    "no-programs": { type: "boolean", default: false },
    "no-trained": { type: "boolean", default: false },
  },
});

const TARGETS = { avx512: AVX512, avx2: AVX2, wasm: WASM, "wasm-relaxed": WASM_RELAXED };
/** Name, batch of training (none: inference alone), batch of inference. */
const NETWORKS = [
  ["lenet5", 64, 256],
  ["lenet5-1998", 8, 1],
  ["mlp", 32, 32],
  ["resnet20", 16, 16],
  ["fast-cifar", 16, 16],
  ["alexnet", 8, 1],
  ["resnet18", 4, 1],
  ["resnet50", undefined, 1],
  ["vgg16_bn", undefined, 2],
  ["squeezenet1_1", 4, 1],
  ["alphago-policy", 4, 1],
  ["unet", 2, 1],
  ["fcn8s", undefined, 1],
  ["farabet-multiscale", 1, 1],
  ["pinheiro-rcnn", 1, 1],
];

const short = (hash) => hash.digest("hex").slice(0, 16);
const wanted = ([name]) => options.only === undefined || name.includes(options.only);

function codeOf(kernels, target) {
  const hash = createHash("sha256");
  if (target.isa === "wasm") hash.update(encodeWasm(kernels, { initialPages: 1, maximumPages: 65536, shared: false }));
  else for (const kernel of kernels) hash.update(encodeX64(kernel));
  return short(hash);
}

/** All of a program but the kernels' code and the target; numbers of typed arrays are taken as their bytes. */
function planOf({ kernels, target, ...plan }) {
  const hash = createHash("sha256");
  hash.update(
    JSON.stringify(plan, (_, value) =>
      ArrayBuffer.isView(value)
        ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64")
        : value,
    ),
  );
  return short(hash);
}

const optimizer = sgd({ lr: 0.1, momentum: 0.9, weightDecay: 1e-4 });

/** Made-up numbers in [0, 1), always the same. */
function* madeUp() {
  for (let x = 1; ; ) {
    x = (x * 48271) % 2147483647;
    yield x / 2147483647;
  }
}

async function trained(module, input, batch, backend) {
  const session = await Session.create({ backend, note: () => {} });
  try {
    const { step } = trainingEntries(module, input, optimizer);
    const program = compileEntry(step, { target: session.target, winograd: session.winograd, maxBatch: batch });
    const loaded = await session.load(program, { slots: 1 });
    await writeWeights(session, initialWeights(module, 0));
    const slot = await loaded.acquire();
    const numbers = madeUp();
    for (let n = 0; n < 4; n++) {
      for (const { name, layout } of program.inputs) {
        const length = layout.rows * layout.channels * (layout.batched ? batch : 1);
        if (name === "learningRate") slot.fill(name, [0.01]);
        else if (name === "labels")
          slot.fill(
            name,
            Int32Array.from({ length }, () => Math.floor(numbers.next().value * 2)),
          );
        else if (name === "random")
          slot.fill(
            name,
            Int32Array.from({ length }, () => Math.floor(numbers.next().value * 2 ** 31)),
          );
        else
          slot.fill(
            name,
            Float32Array.from({ length }, () => numbers.next().value - 0.5),
          );
      }
      await slot.run(batch);
    }
    const hash = createHash("sha256");
    for (const [name, { data }] of await readWeights(session, module, new Map())) {
      hash.update(name).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
    return short(hash);
  } finally {
    await session.close();
  }
}

for (const one of options["no-kernels"] ? [] : kernelCases(options.only)) {
  for (const [target, machine] of Object.entries(TARGETS)) {
    const steps = stepsOf(one, machine);
    if (steps.length === 0) continue;
    const kernels = [...new Set(steps.map((step) => step.kernel))];
    const run = planOf(steps.map(({ kernel, ...how }) => ({ kernel: kernels.indexOf(kernel), ...how })));
    console.log(`${one.name} ${target}: code ${codeOf(kernels, machine)} steps ${run}`);
  }
}

for (const [name, training, inference] of NETWORKS.filter(wanted)) {
  const { module, input } = models.create(name, {});
  const entries = [["infer", () => predictionEntry(module, input).entry, inference]];
  if (training !== undefined) {
    entries.push(["train", () => trainingEntries(module, input, optimizer).step, training]);
  }
  for (const [target, machine] of options["no-programs"] ? [] : Object.entries(TARGETS)) {
    for (const [kind, entryOf, maxBatch] of entries) {
      const program = compileEntry(entryOf(), { target: machine, winograd: true, maxBatch });
      console.log(
        `${name} ${kind} ${maxBatch} ${target}: code ${codeOf(program.kernels, machine)} plan ${planOf(program)}`,
      );
    }
  }
  if (training === undefined || options["no-trained"]) continue;
  for (const backend of ["avx512", "avx2", "wasm"]) {
    try {
      console.log(`${name} trained ${training} ${backend}: ${await trained(module, input, training, backend)}`);
    } catch (error) {
      if (!(error instanceof BackendError)) throw error;
      console.log(`${name} trained ${training} ${backend}: not on this machine`);
    }
  }
}
