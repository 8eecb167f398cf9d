/**
 * The lecture's claim, of figures 1 and 6 of He, Zhang, Ren and Sun 2015: a plain network that is deep enough is worse than a shallower
 * one even on the pictures that it learns from; with shortcuts it is not. Their networks for CIFAR-10 (3x3 convolutions with batch
 * normalisation, three stages of n blocks, 6n + 2 layers) made for pictures of 14x14, with and without the shortcuts.
 */
import { nn, ops, sgd, train } from "fovea";
import { lineChart } from "fovea/analysis";
import { count, experiment, first, mapped, percent, say, shrunk, table } from "./experiment.mjs";

const claim =
  "Deep plain networks learn their own training pictures worse than shallow ones; residual networks do not.";

/** y = relu(main(x) + x); where main halves the picture, every second pixel of x, and channels of zeros. */
class Residual extends nn.Module {
  constructor(main, { stride, added }) {
    super();
    Object.assign(this, { main, stride, added });
  }
  forward(x) {
    const sampled = this.stride === 1 ? x : ops.avgPool2d(x, 1, { stride: this.stride });
    const shortcut = this.added === 0 ? sampled : ops.pad(sampled, [0, 0, 0], [0, 0, this.added]);
    return ops.relu(ops.add(this.main.forward(x), shortcut));
  }
}

const convolution = (from, to, stride = 1) => [
  nn.conv2d({
    ...{ in: from, out: to, kernel: 3, stride, padding: 1, bias: false },
    weightInit: { kind: "kaimingNormal", fanIn: 9 * from, negativeSlope: 0 },
  }),
  nn.batchNorm2d({ channels: to }),
];

function block(residual, from, to) {
  const stride = from === to ? 1 : 2;
  const main = nn.sequential(...convolution(from, to, stride), nn.relu(), ...convolution(to, to));
  return residual ? new Residual(main, { stride, added: to - from }) : nn.sequential(main, nn.relu());
}

function network(residual, depth, width) {
  const blocks = (depth - 2) / 6;
  const stage = (from, to) => Array.from({ length: blocks }, (_, i) => block(residual, i === 0 ? from : to, to));
  return nn.sequential(
    ...[...convolution(1, width), nn.relu()],
    ...[...stage(width, width), ...stage(width, 2 * width), ...stage(2 * width, 4 * width)],
    ...[nn.globalAvgPool2d(), nn.flatten(), nn.linear({ in: 4 * width, out: 10 })],
  );
}

async function run({ digits, quick, seed, document, picture }) {
  const depths = quick ? [8, 14] : [8, 20, 44];
  const width = quick ? 4 : 8;
  const epochs = quick ? 1 : 6;
  const half = (data) => mapped(data, [14, 14, 1], (bytes) => shrunk(bytes, data.shape, 2));
  const learned = half(first(digits.train, quick ? 512 : 10_000));
  const test = half(first(digits.test, quick ? 200 : 2000));

  const rows = [["network", "layers", "parameters", "training error", "training loss", "test error"]];
  const runs = [];
  for (const kind of ["plain", "residual"]) {
    for (const depth of depths) {
      const module = network(kind === "residual", depth, width);
      const { history } = await train(module, learned, {
        test,
        epochs,
        batchSize: quick ? 32 : 128,
        optimizer: sgd({ lr: 0.1, momentum: 0.9, weightDecay: 1e-4 }),
        seed,
        onEpoch: ({ epoch, train, trainSeconds }) =>
          say(
            `${kind} ${depth}, epoch ${epoch}: training error ${percent(1 - train.accuracy)}, ${trainSeconds.toFixed(1)} s`,
          ),
      });
      const last = history.at(-1);
      rows.push([
        kind,
        depth,
        count(nn.parameterCount(module)),
        percent(1 - last.train.accuracy),
        last.train.loss.toFixed(4),
        percent(1 - last.test.accuracy),
      ]);
      const points = history.map(({ epoch, train }) => ({ x: epoch, y: 100 * (1 - train.accuracy) }));
      runs.push({ kind, name: `${depth} layers`, points });
    }
  }
  table(rows);
  const errors = runs.flatMap(({ points }) => points.map(({ y }) => y));
  const charts = ["plain", "residual"].map((kind) =>
    lineChart(document, {
      label: `training error of ${kind} networks by epoch`,
      heading: kind,
      x: { label: "epoch", ticks: Array.from({ length: epochs }, (_, i) => i + 1) },
      y: {
        label: "training error (%)",
        scale: "log",
        domain: [Math.max(0.02, Math.min(...errors)) / 1.2, Math.max(...errors) * 1.2],
      },
      lines: runs.filter((run) => run.kind === kind),
      width: 380,
    }),
  );
  await picture(charts, { title: "Plain and residual networks", note: `${count(learned.length)} pictures of 14x14.` });
}

await experiment({ name: "plain-against-residual", claim }, run);
