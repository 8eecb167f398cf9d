/**
 * The lecture's claim, of VGG (Simonyan and Zisserman 2014, section 2.3): three 3x3 convolutions see as much as one of 7x7, with 27 C^2
 * weights in place of 49 C^2 and three nonlinearities in place of one. Two networks that differ in nothing else, trained from several seeds.
 */
import { createClassifier, nn, sgd, train, untrained } from "fovea";
import { coloured, layersOf, lineChart, receptiveFieldsOf, tileFigure, VIRIDIS } from "fovea/analysis";
import { pictureUri } from "fovea/analysis/node";
import { count, experiment, first, percent, say, table } from "./experiment.mjs";

const claim = "Three 3x3 convolutions see as far as one 7x7, with fewer parameters, and do as well.";

const channels = 16;
const he = (fanIn) => ({ kind: "kaimingNormal", fanIn, negativeSlope: 0 });
const conv = (kernel, from = channels) =>
  nn.conv2d({ in: from, out: channels, kernel, padding: (kernel - 1) / 2, weightInit: he(kernel ** 2 * from) });
const blocks = {
  "three 3x3": () => nn.sequential(conv(3), nn.relu(), conv(3), nn.relu(), conv(3)),
  "one 7x7": () => conv(7),
};
const network = (block) =>
  nn.sequential({
    stem: nn.sequential(conv(3, 1), nn.relu(), nn.maxPool2d(2)),
    block,
    end: nn.sequential(nn.relu(), nn.maxPool2d(2), nn.flatten(), nn.linear({ in: channels * 7 * 7, out: 10 })),
  });

async function run({ digits, quick, seed, document, picture }) {
  const learned = first(digits.train, quick ? 1000 : 20_000);
  const test = first(digits.test, quick ? 200 : 10_000);
  const epochs = quick ? 1 : 3;
  const recipe = {
    epochs,
    batchSize: quick ? 16 : 64,
    optimizer: sgd({ lr: 0.01, momentum: 0.9, weightDecay: 5e-4 }),
    schedule: { kind: "cosine", warmupSteps: quick ? 10 : 100 },
  };
  const seeds = Array.from({ length: quick ? 1 : 3 }, (_, i) => seed + i);

  const rows = [["block", "sees", "its parameters", "multiply-adds", "test error", "least to most"]];
  const lines = [];
  for (const [name, make] of Object.entries(blocks)) {
    const field = receptiveFieldsOf(make(), [14, 14, channels]).get("").rows.size;
    const multiplyAdds = layersOf(make(), [14, 14, channels]).reduce((sum, layer) => sum + layer.multiplyAdds, 0);
    const runs = [];
    for (const seed of seeds) {
      const { history } = await train(network(make()), learned, { ...recipe, test, seed });
      runs.push(history.map(({ test }) => 1 - test.accuracy));
      say(`${name}, seed ${seed}: test error ${percent(runs.at(-1).at(-1))}`);
    }
    const mean = Array.from(
      { length: epochs },
      (_, epoch) => runs.reduce((sum, run) => sum + run[epoch], 0) / runs.length,
    );
    const last = runs.map((run) => run.at(-1));
    rows.push([
      name,
      `${field}x${field}`,
      count(nn.parameterCount(make())),
      count(multiplyAdds),
      percent(mean.at(-1)),
      `${percent(Math.min(...last))} to ${percent(Math.max(...last))}`,
    ]);
    lines.push({ name, points: mean.map((error, i) => ({ x: i + 1, y: 100 * error })) });
  }
  table(rows);
  const chart = await lineChart(document, {
    label: "test error by epoch with three 3x3 convolutions and with one of 7x7",
    x: { label: "epoch", ticks: Array.from({ length: epochs }, (_, i) => i + 1) },
    y: { label: `test error, mean of ${seeds.length} ${seeds.length === 1 ? "seed" : "seeds"} (%)` },
    lines,
  });
  await picture([await reachFigure(document), chart], {
    title: "Three 3x3 convolutions and one of 7x7",
    note: "In how many ways each pixel reaches a number behind such layers; and how a network with either learns.",
    columns: 1,
  });
}

// --- What a number sees

/**
 * In how many ways each of 9x9 pixels reaches the middle number behind convolutions: what they make of a single lit pixel with
 * all weights 1, since their windows are symmetric.
 */
async function waysThrough(kernels) {
  const one = { kind: "constant", value: 1 };
  const convolutions = kernels.map((kernel) =>
    nn.conv2d({ in: 1, out: 1, kernel, padding: (kernel - 1) / 2, bias: false, weightInit: one }),
  );
  const data = { shape: [9, 9, 1], classes: [], mean: [0], std: [1] };
  const module = nn.sequential(...convolutions, nn.flatten());
  const answer = await createClassifier(untrained(module, { data }), { layers: [String(kernels.length - 1)] });
  const lit = new Float32Array(81);
  lit[40] = 1;
  const { layers } = await answer(lit);
  await answer.close();
  return [...layers.values()][0].data.map(Math.round);
}

async function reachFigure(document) {
  const stacks = { "one 3x3": [3], "two 3x3": [3, 3], "three 3x3": [3, 3, 3], "one 7x7": [7] };
  const tiles = await Promise.all(
    Object.entries(stacks).map(async ([name, kernels]) => {
      const ways = await waysThrough(kernels);
      const most = Math.max(...ways);
      const seen = Math.sqrt(ways.filter((n) => n > 0).length);
      // What is not seen is grey.
      const colours = coloured(ways, VIRIDIS, 0, most).map((byte, i) => (ways[Math.floor(i / 3)] > 0 ? byte : 225));
      const pixels = await pictureUri(colours, 9, 9, 3);
      return {
        picture: pixels,
        lines: [name, `sees ${seen}x${seen}`, most === 1 ? "1 way" : `1 to ${most} ways`],
        title: name,
      };
    }),
  );
  const label = "which pixels reach a number behind one, two and three 3x3 convolutions and one of 7x7";
  return tileFigure(document, tiles, { label, columns: 4, width: 150, height: 150, gaps: [20, 16], characters: 24 });
}

await experiment({ name: "three-3x3-against-one-7x7", claim }, run);
