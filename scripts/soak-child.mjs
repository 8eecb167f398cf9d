/** One part of a soak (soak.mjs), in a process of its own: PART and COUNT are its arguments. Exit status 1: something grew. */
import { readdirSync, readFileSync } from "node:fs";
import { profile } from "#fovea/analysis/profile/profile-node.js";
import { datasetFromIdx } from "#fovea/data/sets/dataset.js";
import { createClassifier } from "#fovea/model/classifier.js";
import { untrained } from "#fovea/model/trained-model.js";
import { create } from "#fovea/models/index.js";
import { sgd } from "#fovea/train/optimizers/sgd.js";
import { train } from "#fovea/train/train.js";

const [part, text] = process.argv.slice(2);
const count = Number(text);
const MIB = 2 ** 20;

/**
 * What may come on top between the start and the end. The engine goes on to compile and to move its pages for a while, which a
 * leak of every round outgrows.
 */
const MOST = { resident: 16 * MIB, threads: 0, mappings: 64, executable: 16 };

const classes = Array.from({ length: 10 }, (_, digit) => String(digit));

function digits(length) {
  const pixels = Uint8Array.from({ length: length * 784 }, (_, i) => (i * 7919) % 251);
  const labels = Uint8Array.from({ length }, (_, i) => i % 10);
  return datasetFromIdx({
    name: "stripes",
    images: { shape: [length, 28, 28], data: pixels },
    labels: { shape: [length], data: labels },
    imagesFile: "images",
    labelsFile: "labels",
    classes,
    scaling: { mean: [0.5], std: [0.25] },
  });
}

const model = () => untrained(create("lenet5"), { data: { shape: [28, 28, 1], classes, mean: [0.5], std: [0.25] } });

/** Each part calls `done` after every round, with how many there were until then. */
const PARTS = {
  async steps(done) {
    const batchSize = 8;
    const stepsPerEpoch = Math.max(1, Math.floor(count / 40));
    const epochs = Math.ceil(count / stepsPerEpoch);
    await train(create("lenet5"), digits(batchSize * stepsPerEpoch), {
      epochs,
      batchSize,
      optimizer: sgd({ lr: 1e-3 }),
      onEpoch: ({ epoch }) => done(Math.min(count, epoch * stepsPerEpoch)),
      note: () => {},
    });
  },
  async predictions(done) {
    const classify = await createClassifier(model());
    const picture = new Uint8Array(784);
    const chunk = Math.max(1, Math.floor(count / 40));
    for (let n = 0; n < count; n += chunk) {
      for (let i = n; i < Math.min(count, n + chunk); i++) {
        picture[i % 784] = i % 256;
        await classify(picture);
      }
      await done(Math.min(count, n + chunk));
    }
    await classify.close();
  },
  async cycles(done) {
    for (let n = 1; n <= count; n++) {
      const classify = await createClassifier(model(), { threads: 2 });
      await classify(new Uint8Array(784));
      await classify.close();
      await done(n);
    }
  },
  async crews(done) {
    const data = digits(64);
    for (let n = 1; n <= count; n++) {
      await train(create("lenet5"), data, { epochs: 1, batchSize: 32, threads: 3, note: () => {} });
      await done(n);
    }
  },
  async profiles(done) {
    for (let n = 1; n <= count; n++) {
      await profile(create("lenet5"), { batch: 2, threads: 3, repeats: 1, note: () => {} });
      await done(n);
    }
  },
};

/** Threads and mappings are told by Linux alone. */
function figures() {
  const found = { resident: process.memoryUsage.rss() };
  try {
    const maps = readFileSync("/proc/self/maps", "utf8").trim().split("\n");
    found.threads = readdirSync("/proc/self/task").length;
    found.mappings = maps.length;
    found.executable = maps.filter((line) => line.split(" ")[1]?.includes("x")).length;
  } catch {
    // Not here.
  }
  return found;
}

function say(when, of, { resident, threads, mappings, executable }) {
  const more = threads === undefined ? "" : `, ${threads} threads, ${mappings} mappings, ${executable} executable`;
  console.log(
    `${part.padEnd(12)}${when.padEnd(7)}${String(of).padStart(7)}  ${(resident / MIB).toFixed(1)} MiB${more}`,
  );
}

/** Where the start is measured. */
const WARM = Math.max(count / 10, Math.min(10, count / 2));
let [start, middle] = [undefined, false];
let latest = 0;
const started = performance.now();
await PARTS[part](async (done) => {
  latest = done;
  // What is garbage is no leak.
  globalThis.gc();
  const isStart = start === undefined && done >= WARM;
  const isMiddle = !isStart && !middle && done >= (WARM + count) / 2;
  if (!isStart && !isMiddle) return;
  const now = await settled();
  if (isStart) start = now;
  else middle = true;
  say(isStart ? "start" : "middle", done, now);
});
const end = await settled();
say("end", latest, end);
const grown = Object.keys(end).filter((what) => end[what] - start[what] > MOST[what]);
for (const what of grown)
  console.log(`${part}: ${what} grew from ${start[what]} to ${end[what]}, ${MOST[what]} allowed`);
console.log(
  `${part.padEnd(12)}${grown.length === 0 ? "flat" : "grew"} in ${((performance.now() - started) / 1000).toFixed(0)} s`,
);
// Threads that are kept let the process end.
process.exitCode = grown.length === 0 ? 0 : 1;

/** Threads that were told to end take a moment. */
async function settled() {
  await new Promise((resolve) => setTimeout(resolve, 400));
  globalThis.gc();
  globalThis.gc();
  return figures();
}
