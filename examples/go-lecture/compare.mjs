/**
 * The lecture's comparison, shown: a board is one plane (1 own stones, -1 the opponent's, 0 empty) and a network is to say the next
 * move. A fully connected network against a convolutional one of as many parameters, each for the same time on the same games:
 *
 *     fovea go prepare ./games --out kgs.store
 *     node examples/go-lecture/compare.mjs kgs.store [minutes for each, 10] [threads] [rate of the fully connected]
 *
 * Both learn by the recipe `modern` of `fovea go train`; both are measured on the same positions of games that neither has seen.
 */
import os from "node:os";
import { nn } from "fovea";
import { openStore, trainPolicy } from "fovea/go/node";

const [path, minutes = "10", threads, rate] = process.argv.slice(2);
if (path === undefined) {
  console.error(
    "usage: node examples/go-lecture/compare.mjs STORE [minutes for each] [threads] [rate of the fully connected]",
  );
  process.exit(2);
}
const store = await openStore(path);
const points = store.size ** 2;

/** Nine layers of 3x3: each point sees 19x19 around it. */
const filters = 64;
const conv = (from, to) => nn.conv2d({ in: from, out: to, kernel: 3, padding: 1 });
const convolutional = nn.sequential(
  conv(1, filters),
  nn.relu(),
  ...Array.from({ length: 7 }, () => [conv(filters, filters), nn.relu()]).flat(),
  conv(filters, 1),
  nn.flatten(),
);
/** Two hidden layers, as wide as makes the parameters equal: 361 h + h + h h + h + 361 h + 361. */
const parameters = nn.parameterCount(convolutional);
const b = 2 * points + 2;
const hidden = Math.round((-b + Math.sqrt(b * b + 4 * (parameters - points))) / 2);
const connected = nn.sequential(
  nn.flatten(),
  nn.linear({ in: points, out: hidden }),
  nn.relu(),
  nn.linear({ in: hidden, out: hidden }),
  nn.relu(),
  nn.linear({ in: hidden, out: points }),
);

console.log(`machine    ${os.cpus()[0]?.model}, ${os.availableParallelism()} cores, Node ${process.version}`);
console.log(`games      ${path}, one plane, ${minutes} minutes for each network\n`);
const rows = [["network", "parameters", "positions", "minutes", "test loss", "top-1", "top-5"]];
for (const [name, network, lr] of [
  ["fully connected", connected, rate],
  ["convolutional", convolutional],
]) {
  const found = await trainPolicy(store, network, {
    minutes: Number(minutes),
    planes: 1,
    testPositions: 10_000,
    ...(threads === undefined ? {} : { threads: Number(threads) }),
    ...(lr === undefined ? {} : { lr: Number(lr) }),
  });
  const percent = (part) => `${(100 * part).toFixed(2)}%`;
  const { positions, seconds, loss, top1, top5 } = found;
  const figures = [nn.parameterCount(network), positions].map((n) => n.toLocaleString("en"));
  rows.push([name, ...figures, (seconds / 60).toFixed(2), loss.toFixed(4), percent(top1), percent(top5)]);
}
const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
for (const row of rows)
  console.log(row.map((text, i) => (i === 0 ? text.padEnd(widths[i]) : text.padStart(widths[i]))).join("  "));
