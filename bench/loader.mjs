/**
 * `npm run bench -- --what loader`: pictures a second from JPEG files to batches as a network takes them, without a network. Files are
 * made for it: waves of many frequencies with noise, at sharp's quality 85. Both the time on the clock and the time of all
 * processors are told: on a machine that others use, the second says more.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { compileAugmentation } from "../dist/data/augment/augment.js";
import { fillAugmented } from "../dist/data/augment/fill.js";
import { openDataset } from "../dist/data/open-node.js";
import { epochOrder } from "../dist/data/sets/sampler.js";

const FLIP = { kind: "flip", mode: "random", probability: 0.5 };
const RESIZED_CROP = { kind: "randomResizedCrop", scale: [0.08, 1], ratio: [0.75, 4 / 3] };
const PAD_CROP = { kind: "padCrop", padding: 4, mode: "zero" };
const ALEXNET = [{ kind: "randomCrop" }, FLIP, { kind: "pcaColor", strength: 0.1, colors: "imagenet" }];

/** A side of 256 to 224 is the ImageNet networks' usual; `wanted` is the aim. */
const ROWS = [
  { id: "224-resized-crop", side: 256, target: 224, transforms: [RESIZED_CROP, FLIP], wanted: 500 },
  { id: "224-alexnet", side: 256, target: 224, transforms: ALEXNET, wanted: 500 },
  { id: "64-pad-crop", side: 64, target: 64, transforms: [PAD_CROP, FLIP], wanted: 4000 },
  { id: "64-resized-crop", side: 64, target: 64, transforms: [RESIZED_CROP, FLIP], wanted: 4000 },
];
const FILES = 256;
const BATCH = 64;
/** As many batches as a training has slots, less the one that runs. */
const AHEAD = 3;

export async function benchLoader({ quick = false, workers = availableParallelism(), only, note = console.error } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "fovea-bench-"));
  const rows = [];
  try {
    for (const row of ROWS.filter(({ id }) => only === undefined || id.includes(only))) {
      const data = await pictures(join(folder, String(row.side)), row.side);
      rows.push({ ...row, ...(await measureRow(row, data, { workers, milliseconds: quick ? 1000 : 4000 })) });
      note(text(rows.at(-1)));
    }
    const held = await heldRow(quick);
    note(held);
    return { rows, held };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The results as Markdown. */
export function loaderTable({ rows, held }, date = new Date()) {
  const lines = rows.map(
    ({ id, side, target, perSecond, cpuUs, wanted }) =>
      `| ${id} | ${side}x${side} | ${target}x${target} | ${Math.round(perSecond)} | ${cpuUs.toFixed(0)} | ${Math.round(2e6 / cpuUs)} | ${wanted} |`,
  );
  return `# The loader by itself, ${date.toISOString().slice(0, 10)}

${cpus()[0].model}, ${availableParallelism()} processors, Node ${process.version.slice(1)}; ${rows[0]?.workers} workers, JPEG files of quality 85, batches of ${BATCH}.
The best of three repeats. Load average at the end ${loadavg()[0].toFixed(1)}: where others use the machine, pictures a second by the clock are
too few, and the time of processors says what two of them would do if nobody else did.

| row | files | batch | pictures/s by the clock | microseconds of processors a picture | two processors to itself, pictures/s | aim |
|---|---|---|---|---|---|---|
${lines.join("\n")}

${held.replace(/^held +/, "")}
`;
}

function text({ id, side, target, perSecond, wallUs, cpuUs, wanted, workers }) {
  return (
    `${id.padEnd(18)} ${side}x${side} JPEG -> ${target}x${target}: ${Math.round(perSecond)} pictures/s on ${workers} workers ` +
    `(${wallUs.toFixed(0)} us of the clock, ${cpuUs.toFixed(0)} us of processors a picture; aim ${wanted}/s; ` +
    `two processors to itself: ${Math.round(2e6 / cpuUs)}/s)`
  );
}

async function measureRow({ target, transforms }, open, { workers, milliseconds }) {
  const { train } = await open(workers);
  const stream = train.stream({ target: [target, target, 3], mean: train.mean, std: train.std, seed: 0, transforms });
  const size = target * target * 3;
  const slots = Array.from({ length: AHEAD }, () => new Float32Array(new SharedArrayBuffer(4 * BATCH * size)));
  const labels = new Int32Array(BATCH);
  let batch = 0;
  const next = (slot) => {
    const epoch = Math.floor((batch * BATCH) / train.length);
    const at = (batch++ * BATCH) % train.length;
    return stream.fill(epochOrder(train.length, 0, epoch).subarray(at, at + BATCH), epoch, slot, labels);
  };
  try {
    for (let i = 0; i < 2; i++) await Promise.all(slots.map(next)); // the workers start, and their code is compiled
    const repeats = [];
    for (let repeat = 0; repeat < 3; repeat++) {
      const first = batch;
      const [started, cpu] = [performance.now(), process.cpuUsage()];
      const lane = async (slot) => {
        while (performance.now() - started < milliseconds / 3) await next(slot);
      };
      await Promise.all(slots.map(lane));
      const count = (batch - first) * BATCH;
      const { user, system } = process.cpuUsage(cpu);
      repeats.push({ wallUs: (1000 * (performance.now() - started)) / count, cpuUs: (user + system) / count });
    }
    const best = (name) => Math.min(...repeats.map((repeat) => repeat[name]));
    return { wallUs: best("wallUs"), cpuUs: best("cpuUs"), perSecond: 1e6 / best("wallUs"), workers, repeats };
  } finally {
    await stream.close();
  }
}

const made = new Map();

/** Opens FILES JPEG files in two classes, the half of which are to learn from; they are made once. */
async function pictures(folder, side) {
  if (!made.has(side)) {
    for (let n = 0; n < FILES; n++) {
      const path = join(folder, n < FILES - 16 ? "train" : "val", `c${n % 2}`);
      mkdirSync(path, { recursive: true });
      writeFileSync(join(path, `${n}.jpg`), await jpeg(side, n + 1));
    }
    made.set(side, folder);
  }
  return (workers) => openDataset(made.get(side), { stream: true, workers });
}

function jpeg(side, seed) {
  let state = seed;
  const random = () => {
    state = (state * 1664525 + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const waves = Array.from({ length: 12 }, () => [random() * 0.4, random() * 0.4, random() * 6, random() * 20, random() * 3]);
  const pixels = new Uint8Array(side * side * 3);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      for (let c = 0; c < 3; c++) {
        let value = 128 + 16 * (random() - 0.5);
        for (const [a, b, phase, height, turn] of waves) value += height * Math.sin(a * x + b * y + phase + turn * c);
        pixels[3 * (y * side + x) + c] = Math.max(0, Math.min(255, value));
      }
    }
  }
  return sharp(pixels, { raw: { width: side, height: side, channels: 3 } }).jpeg({ quality: 85 }).toBuffer();
}

/** What augmentation costs the thread that trains where pictures are in memory: CIFAR's padded crop and flip. */
async function heldRow(quick) {
  const count = 2000;
  const shape = [32, 32, 3];
  const images = Uint8Array.from({ length: count * 3072 }, (_, i) => (i * 31) & 255);
  const scaling = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };
  const data = { name: "held", length: count, classes: ["a", "b"], shape, images, labels: new Int32Array(count), ...scaling };
  const augmenter = compileAugmentation([PAD_CROP, FLIP], shape, scaling);
  const out = new Float32Array(128 * 3072);
  const labels = new Int32Array(128);
  let best = Number.POSITIVE_INFINITY;
  for (let repeat = 0; repeat < (quick ? 5 : 20); repeat++) {
    const order = epochOrder(count, 0, repeat);
    const started = performance.now();
    for (let at = 0; at + 128 <= count; at += 128) {
      fillAugmented(data, order.subarray(at, at + 128), out, labels, shape, { augmenter, key: { seed: 0, epoch: repeat } });
    }
    best = Math.min(best, (1000 * (performance.now() - started)) / (Math.floor(count / 128) * 128));
  }
  return `held               32x32 in memory, padded crop and flip: ${best.toFixed(1)} us a picture on the training thread (aim 15)`;
}
