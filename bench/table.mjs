/** The results as Markdown. */
import { familiesOf, geometricMean, hardest } from "./summary.mjs";
import { operationsOf, tableOf } from "./workloads.mjs";

const TITLES = {
  train: "Training step, milliseconds",
  infer: "Inference, milliseconds",
  wasm: "Inference in WebAssembly, milliseconds",
  layers: "Single convolutions, GFLOP/s",
};

const NOTES = {
  train:
    "Forward, cross-entropy, backward, SGD with momentum, on a batch that lies in memory already. fovea's steps are queued, " +
    'as in training; "awaited" waits for each before submitting the next. Weights are packed within each step.',
  infer:
    "One call after the other, each awaited; fovea and ONNX Runtime take the input from an array and give the result back as one " +
    "(fovea also the softmax), PyTorch has the input as a tensor. Weights were packed before.",
  wasm:
    "In Node, or where a browser is named in a page of it: one call after the other, from an array to an array. Batch norm is melted into the convolutions " +
    "of all three; one thread and two, each in a process of its own, for the others; fovea has two and chooses itself.",
  layers:
    "fovea's weights were brought into its order before, as in inference; PyTorch does that in each call. The peak is that of " +
    "multiply-adds on two threads, measured beside each repeat.",
};

/**
 * @param {object} result   as it is saved: machine, systems, rows
 */
export function markdown({ machine, systems, rows, date }) {
  const lines = [
    `# ${machine.processor}, ${date}`,
    "",
    `${machine.cores} cores, ${machine.memoryGiB} GiB, Node ${machine.node}, ${machine.kernel}. Two threads each. Multiply-add peak ` +
      `${machine.peaks.map((p) => `${p.gflops.toFixed(0)} GFLOP/s on two threads and ${p.gflopsOfOne.toFixed(0)} on one (${p.backend})`).join(", ")}; ` +
      `memory read ${machine.gigabytesPerSecond.toFixed(0)} GB/s.`,
    "",
    "Medians of quiet repeats, taken in turns; \\* marks a figure that has fewer than three quiet repeats. NHWC is channels-last." +
      (rows.some(({ contenders }) => contenders.some((c) => c.leftOut !== undefined))
        ? " Where a cell is empty, that form of a peer was far slower than its best form."
        : ""),
    "",
    ...systems.map(({ name, details }) => `- ${name}: ${detailText(details)}`),
  ];
  for (const what of Object.keys(TITLES)) {
    const chosen = rows.filter((row) => tableOf(row.workload) === what);
    if (chosen.length > 0) lines.push("", `## ${TITLES[what]}`, "", NOTES[what], "", ...linesOf(what, chosen));
  }
  return `${lines.join("\n")}\n`;
}

function linesOf(what, rows) {
  const names = [...new Set(rows.flatMap((row) => row.contenders.map((c) => c.name)))];
  const columns = comparisons(rows);
  const head = [
    what === "layers" ? "layer, batch 16" : "network, batch",
    ...names,
    ...(what === "layers" ? ["part of peak"] : []),
    ...columns.map(({ title }) => `times faster than ${title}`),
  ];
  const body = rows.map((row) => [
    row.workload.title,
    ...names.map((name) => cell(row.workload, row.contenders.find((c) => c.name === name))),
    ...(what === "layers" ? [row.partOfPeak === undefined ? "" : `${(100 * row.partOfPeak).toFixed(0)}%`] : []),
    ...columns.map(({ of }) => ratio(of(row))),
  ]);
  const table = [head, head.map(() => "---"), ...body].map((cells) => `| ${cells.join(" | ")} |`);
  const means = columns.map(({ title, of }) => meanText(rows.map(of), title)).filter((text) => text !== undefined);
  return means.length === 0 ? table : [...table, "", `Geometric mean: ${means.join("; ")}.`];
}

/** With each family that was measured, and where there are several with the best of them all. */
function comparisons(rows) {
  const families = familiesOf(rows);
  const columns = families.map((family) => ({ title: `the best ${family}`, of: (row) => row.against[family] }));
  if (families.length > 1) columns.push({ title: "the best of them", of: (row) => hardest(row.against) });
  return columns;
}

function meanText(found, title) {
  const known = found.filter((one) => one !== undefined);
  if (known.length < 2) return undefined;
  const mean = geometricMean(known.map(({ timesFaster }) => timesFaster));
  const ahead = known.filter(({ timesFaster }) => timesFaster > 1).length;
  return `${mean.toFixed(2)} times ${title} (ahead on ${ahead} of ${known.length} rows)`;
}

function ratio(found) {
  if (found === undefined) return "";
  return `**${found.timesFaster.toFixed(2)}**${found.noisy ? "\\*" : ""} (${found.name})`;
}

function cell(workload, contender) {
  if (contender === undefined) return "";
  const { summary } = contender;
  if (summary === undefined) return contender.failure === undefined ? "" : "failed";
  const operations = operationsOf(workload);
  const value =
    operations === undefined ? milliseconds(summary.median) : (operations / summary.median / 1e6).toFixed(0);
  return `${value}${summary.noisy ? "\\*" : ""}`;
}

export function milliseconds(ms) {
  return ms >= 100 ? ms.toFixed(0) : ms >= 10 ? ms.toFixed(1) : ms >= 1 ? ms.toFixed(2) : ms.toFixed(3);
}

function detailText(details) {
  return Object.entries(details)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");
}
