/**
 * `npm run bench -- --what segmentation`: a picture of 320x240 labelled by each network, and where Farabet's time goes: pyramid, local
 * normalisation, network, upsampling, superpixels, voting. Weights are random, which makes no difference to the time; the picture is composed of
 * digits on a noisy background.
 */
import { availableParallelism, cpus, loadavg } from "node:os";
import { profile } from "../dist/analysis/profile/profile-node.js";
import { openDataset } from "../dist/data/open-node.js";
import * as models from "../dist/models/index.js";
import { composeScenes } from "../dist/segmentation/compose-scenes.js";
import { createLabeller } from "../dist/segmentation/labeller.js";
import { majorityVote, superpixels } from "../dist/segmentation/superpixels.js";
import { untrained } from "../dist/model/trained-model.js";
import { median } from "./summary.mjs";

const [HEIGHT, WIDTH] = [240, 320];
const CLASSES = 11;
const THREADS = 2;
/** The paper's picture, a second in the paper. */
const WANTED = 150;
const NETWORKS = [
  { name: "farabet-multiscale", options: {} },
  { name: "pinheiro-rcnn", options: {} },
  { name: "fcn8s-small", options: {} },
  { name: "unet", options: { widths: [16, 32, 64, 128, 256] } },
];

export async function benchSegmentation({ quick = false, only, note = console.error } = {}) {
  const repeats = quick ? 7 : 31;
  const picture = await composedPicture();
  const rows = [];
  for (const { name, options } of NETWORKS.filter((n) => only === undefined || n.name.includes(only))) {
    rows.push(await labelled(name, options, picture, repeats));
    note(`${name.padEnd(20)} ${ms(rows.at(-1).labels)} ms, with superpixels ${ms(rows.at(-1).voted)} ms (best ${ms(rows.at(-1).best)})`);
  }
  const parts = only === undefined || "farabet-multiscale".includes(only) ? await partsOfFarabet(picture, repeats) : [];
  for (const { part, milliseconds } of parts) note(`  ${part.padEnd(44)} ${ms(milliseconds)} ms`);
  return { rows, parts };
}

/** The results as Markdown. */
export function segmentationTable({ rows, parts }, date = new Date()) {
  const networks = rows.map(({ name, labels, voted, best }) => `| ${name} | ${ms(labels)} | ${ms(voted)} | ${ms(best)} |`);
  return `# Labelling a picture of ${WIDTH}x${HEIGHT}, ${date.toISOString().slice(0, 10)}

${cpus()[0].model}, ${availableParallelism()} processors, Node ${process.version.slice(1)}; ${THREADS} threads, ${CLASSES} classes. Milliseconds, medians; load average at the end
${loadavg()[0].toFixed(1)}. Aim for \`farabet-multiscale\` with superpixels: ${WANTED}.

| network | labels | with superpixels and voting | best |
|---|---|---|---|
${networks.join("\n")}

Where the time of \`farabet-multiscale\` goes:

| part | milliseconds |
|---|---|
${parts.map(({ part, milliseconds }) => `| ${part} | ${ms(milliseconds)} |`).join("\n")}
`;
}

const ms = (x) => x.toFixed(1);

async function composedPicture() {
  const { test } = await openDataset("mnist");
  const { scenes } = composeScenes(test, { count: 1, height: HEIGHT, width: WIDTH, seed: 1, items: 12 });
  return scenes[0];
}

function create(name, options) {
  const model = models.create(name, { classes: CLASSES, height: HEIGHT, width: WIDTH, ...options });
  const classes = Array.from({ length: CLASSES }, (_, i) => `class ${i}`);
  const third = [0.5, 0.5, 0.5];
  return untrained(model, { data: { shape: [HEIGHT, WIDTH, 3], classes, mean: third, std: third } });
}

async function labelled(name, options, picture, repeats) {
  const model = create(name, options);
  const plain = await createLabeller(model, { threads: THREADS });
  const voting = await createLabeller(model, { threads: THREADS, vote: true });
  try {
    // In turns, so that what else the machine does meets both alike.
    const times = await inTurns([() => plain.label(picture), () => voting.label(picture)], repeats);
    return { name, labels: median(times[0]), voted: median(times[1]), best: Math.min(...times[1]) };
  } finally {
    await plain.close();
    await voting.close();
  }
}

async function inTurns(tasks, repeats) {
  const times = tasks.map(() => []);
  for (let n = -3; n < repeats; n++) {
    for (const [i, task] of tasks.entries()) {
      const started = performance.now();
      await task();
      if (n >= 0) times[i].push(performance.now() - started);
    }
  }
  return times;
}

/** The parts of the program by the paths of their steps, and what comes behind it. */
async function partsOfFarabet(picture, repeats) {
  const options = { classes: CLASSES, height: HEIGHT, width: WIDTH };
  const found = await profile(models.create("farabet-multiscale", options), {
    input: [HEIGHT, WIDTH, 3],
    batch: 1,
    threads: THREADS,
    what: ["infer"],
    repeats,
  });
  const { rows } = found.programs[0];
  const sum = (chosen) => rows.filter(chosen).reduce((total, row) => total + row.milliseconds, 0);
  const of = (...layers) => sum(({ layer }) => layers.includes(layer));
  // Between the layers stand the pyramid's convolutions and interpolations, and the pools and squashing of the network.
  const isPyramid = ({ layer, computes }) => layer === "" && /conv2d|resize|subtract/.test(computes);
  const segments = superpixels(picture.pixels, HEIGHT, WIDTH);
  const labels = Uint8Array.from(segments.of, (n) => n % CLASSES);
  const [pixels, votes] = await inTurns(
    [() => superpixels(picture.pixels, HEIGHT, WIDTH), () => majorityVote(segments, labels, CLASSES)],
    repeats,
  );
  return [
    { part: "colours and pyramid", milliseconds: sum(isPyramid) },
    { part: "local normalisation", milliseconds: of("normalisation") },
    { part: "network over three sizes", milliseconds: of("", "conv1", "conv2", "conv3") - sum(isPyramid) },
    { part: "hidden layer and classifier", milliseconds: of("hidden", "classifier") },
    { part: "upsampling", milliseconds: of("upsampling") },
    { part: `superpixels (${segments.count})`, milliseconds: median(pixels) },
    { part: "voting", milliseconds: median(votes) },
  ];
}
