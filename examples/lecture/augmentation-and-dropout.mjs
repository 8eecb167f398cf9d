/**
 * The lecture's claim: where pictures to learn from are few, a network learns them by heart; pictures that are distorted anew in every
 * epoch, and dropout (Srivastava et al. 2014), make it right more often on pictures that it has not seen. With and without each, four
 * trainings of the same network.
 */
import { evaluate, nn, train } from "fovea";
import { lineChart } from "fovea/analysis";
import { count, experiment, first, percent, say, table } from "./experiment.mjs";

const claim = "Augmentation and dropout make a network that has few pictures to learn from better on others.";

const network = (dropout) =>
  nn.sequential(
    nn.conv2d({ in: 1, out: 16, kernel: 5, padding: 2 }),
    nn.relu(),
    nn.maxPool2d(2),
    nn.conv2d({ in: 16, out: 32, kernel: 5, padding: 2 }),
    nn.relu(),
    nn.maxPool2d(2),
    nn.flatten(),
    nn.dropout(dropout),
    nn.linear({ in: 32 * 7 * 7, out: 256 }),
    nn.relu(),
    nn.dropout(dropout),
    nn.linear({ in: 256, out: 10 }),
  );

async function run({ digits, quick, seed, document, picture }) {
  const learned = first(digits.train, quick ? 300 : 1000);
  const test = first(digits.test, quick ? 500 : 10_000);
  const watched = first(test, quick ? 100 : 1000);
  const epochs = quick ? 2 : 40;

  const rows = [["augmentation", "dropout", "training accuracy", "test accuracy", "test loss"]];
  const lines = [];
  for (const augmentation of [false, true]) {
    for (const dropout of [false, true]) {
      const name =
        [augmentation ? "augmentation" : "", dropout ? "dropout" : ""].filter(Boolean).join(" + ") || "neither";
      const { model, history } = await train(network(dropout ? 0.5 : 0), learned, {
        test: watched,
        epochs,
        batchSize: quick ? 8 : 32,
        distort: augmentation,
        seed,
      });
      // The same pictures, undistorted, and nothing dropped.
      const onTraining = await evaluate(model, learned);
      const onTest = await evaluate(model, test);
      say(`${name}: test accuracy ${percent(onTest.accuracy)}`);
      rows.push([
        augmentation ? "yes" : "no",
        dropout ? "0.5" : "no",
        percent(onTraining.accuracy),
        percent(onTest.accuracy),
        onTest.loss.toFixed(4),
      ]);
      lines.push({
        name,
        training: history.map(({ epoch, train }) => ({ x: epoch, y: train.loss })),
        test: history.map(({ epoch, test }) => ({ x: epoch, y: test.loss })),
      });
    }
  }
  table(rows);
  const losses = lines.flatMap(({ training, test }) => [...training, ...test].map(({ y }) => y));
  const chart = (half, heading) =>
    lineChart(document, {
      label: `${heading} by epoch, with and without augmentation and dropout`,
      heading,
      x: { label: "epoch" },
      y: {
        label: "loss",
        scale: "log",
        domain: [Math.max(1e-3, Math.min(...losses) / 1.2), Math.max(...losses) * 1.2],
      },
      lines: lines.map((line) => ({
        name: line.name,
        points: line[half].map(({ x, y }) => ({ x, y: Math.max(1e-3, y) })),
      })),
      width: 380,
    });
  await picture([chart("training", "training loss"), chart("test", "test loss")], {
    title: "Augmentation and dropout",
    note: `${count(learned.length)} pictures to learn from. The training loss is that of distorted pictures, with units dropped; at most 0.001 is drawn as 0.001.`,
  });
}

await experiment({ name: "augmentation-and-dropout", claim }, run);
