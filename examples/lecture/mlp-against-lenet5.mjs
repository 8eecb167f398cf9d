/**
 * The lecture's claim: a network that knows that a picture is a picture needs fewer parameters and makes fewer mistakes. LeNet-5
 * against two fully connected networks, one as large as those of its time (784-300-100-10) and one of as many parameters as LeNet-5.
 */
import { models, nn, train } from "fovea";
import { lineChart } from "fovea/analysis";
import { count, experiment, first, percent, say, table } from "./experiment.mjs";

const claim = "LeNet-5 makes fewer mistakes than fully connected networks, with fewer parameters.";

async function run({ digits, quick, seed, document, picture }) {
  const learned = quick ? first(digits.train, 3000) : digits.train;
  const test = quick ? first(digits.test, 500) : digits.test;
  const epochs = quick ? 2 : 8;

  const lenet5 = models.create("lenet5");
  // One hidden layer of h units has 784 h + h + 10 h + 10 parameters.
  const hidden = Math.round((nn.parameterCount(lenet5.module) - 10) / (784 + 1 + 10));
  const small = nn.sequential(
    nn.flatten(),
    nn.linear({ in: 784, out: hidden }),
    nn.relu(),
    nn.linear({ in: hidden, out: 10 }),
  );
  const networks = [
    { name: "MLP 784-300-100-10", network: models.create("mlp") },
    { name: `MLP 784-${hidden}-10`, network: small },
    { name: "LeNet-5", network: lenet5 },
  ];

  const rows = [["network", "parameters", "training error", "test error", "test accuracy"]];
  const lines = [];
  for (const { name, network } of networks) {
    const parameters = nn.parameterCount(network.module ?? network);
    const { history } = await train(network, learned, {
      test,
      epochs,
      batchSize: quick ? 16 : 64,
      seed,
      onEpoch: ({ epoch, test }) =>
        say(`${name}, epoch ${epoch} of ${epochs}: test error ${percent(1 - test.accuracy)}`),
    });
    const last = history.at(-1);
    rows.push([
      name,
      count(parameters),
      percent(1 - last.train.accuracy),
      percent(1 - last.test.accuracy),
      percent(last.test.accuracy),
    ]);
    const points = history.map(({ epoch, test }) => ({ x: epoch, y: 100 * (1 - test.accuracy) }));
    lines.push({ name: `${name}: ${count(parameters)}`, points });
  }
  table(rows);
  const chart = await lineChart(document, {
    label: "test error by epoch of two fully connected networks and LeNet-5",
    x: { label: "epoch", ticks: wholeNumbers(epochs) },
    y: { label: "test error (%)", scale: "log" },
    lines,
  });
  await picture([chart], {
    title: "Fully connected networks and LeNet-5",
    note: "Beside each line the network and its parameters.",
  });
}

const wholeNumbers = (epochs) => Array.from({ length: epochs }, (_, i) => i + 1);

await experiment({ name: "mlp-against-lenet5", claim }, run);
