/**
 * The lecture's claim, of AlexNet's figure 1 (Krizhevsky, Sutskever, Hinton 2012): a network of rectified linear units learns several
 * times as fast as the same network of tanh units. As there, four convolutions without any regularisation, and for either the
 * learning rate with which it learns fastest; weights start as suits each: He et al. 2015 and Glorot and Bengio 2010.
 */
import { nn, sgd, train } from "fovea";
import { lineChart } from "fovea/analysis";
import { count, experiment, first, say, table } from "./experiment.mjs";

const claim = "With rectified linear units a network gets to the same training loss in fewer steps than with tanh.";

const activations = {
  ReLU: { layer: nn.relu, init: (fanIn) => ({ kind: "kaimingNormal", fanIn, negativeSlope: 0 }) },
  tanh: { layer: nn.tanh, init: (fanIn, fanOut) => ({ kind: "xavierNormal", fanIn, fanOut, gain: 5 / 3 }) },
};

function network({ layer, init }) {
  const conv = (from, to) => [
    nn.conv2d({ in: from, out: to, kernel: 3, padding: 1, weightInit: init(9 * from, 9 * to) }),
    layer(),
  ];
  return nn.sequential(
    ...[...conv(1, 8), ...conv(8, 16), nn.maxPool2d(2), ...conv(16, 16), ...conv(16, 32), nn.maxPool2d(2)],
    ...[nn.flatten(), nn.linear({ in: 32 * 7 * 7, out: 10 })],
  );
}

/** The mean of the losses of the last `window` steps, at each step. */
function smoothed(losses, window) {
  let sum = 0;
  return losses.map((loss, i) => {
    sum += loss - (losses[i - window] ?? 0);
    return { x: i + 1, y: sum / Math.min(i + 1, window) };
  });
}

async function run({ digits, quick, seed, document, picture }) {
  const learned = first(digits.train, quick ? 1000 : 20_000);
  const rates = quick ? [0.03] : [0.01, 0.03, 0.1];
  const window = quick ? 5 : 50;
  const levels = quick ? [1] : [0.1, 0.03, 0.01];

  const runs = [];
  for (const [name, activation] of Object.entries(activations)) {
    for (const lr of rates) {
      const losses = [];
      await train(network(activation), learned, {
        epochs: quick ? 1 : 3,
        optimizer: sgd({ lr, momentum: 0.9 }),
        schedule: { kind: "constant" },
        seed,
        onStep: ({ loss }) => losses.push(loss),
      });
      const points = smoothed(losses, window);
      const steps = levels.map((level) => points.find(({ x, y }) => x >= window && y <= level)?.x);
      say(`${name} at rate ${lr}: loss ${points.at(-1).y.toPrecision(3)} after ${losses.length} steps`);
      runs.push({ name, lr, points, steps });
    }
  }
  const shown = (steps) => (steps === undefined ? "-" : count(steps));
  table([
    ["units", "rate", ...levels.map((level) => `steps to ${level}`), "loss at the end"],
    ...runs.map(({ name, lr, steps, points }) => [name, lr, ...steps.map(shown), points.at(-1).y.toPrecision(3)]),
  ]);
  const best = Object.keys(activations).map((name) =>
    runs.filter((run) => run.name === name).reduce((a, b) => (b.points.at(-1).y < a.points.at(-1).y ? b : a)),
  );
  const chart = lineChart(document, {
    label: "training loss by step, with rectified linear units and with tanh",
    x: { label: "training steps of 64 pictures" },
    y: { label: `training loss, mean of ${window} steps`, scale: "log" },
    lines: best.map(({ name, lr, points }) => ({
      name: `${name}, rate ${lr}`,
      points: points.filter(({ x }) => x % 5 === 0),
    })),
  });
  await picture([chart], {
    title: "ReLU and tanh",
    note: "The same net of four convolutions, each with its own best learning rate.",
  });
}

await experiment({ name: "relu-against-tanh", claim }, run);
