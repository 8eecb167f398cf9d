/** The results as Markdown. */
import { operationsOf } from "./workloads.mjs";

const TITLES = {
  train: "Training step, milliseconds",
  infer: "Inference, milliseconds",
  layers: "Single convolutions, GFLOP/s",
};

const NOTES = {
  train:
    "Forward, cross-entropy, backward, SGD with momentum, on a batch that lies in memory already. fovea's steps are queued, " +
    'as in training; "awaited" waits for each before submitting the next. Weights are packed within each step.',
  infer:
    "One call after the other, each awaited; fovea and ONNX Runtime take the input from an array and give the result back as one " +
    "(fovea also the softmax), PyTorch has the input as a tensor. Weights were packed before.",
  layers:
    "fovea's weights were brought into its order before, as in inference; PyTorch does that in each call. The peak is that of " +
    "multiply-adds on two threads, measured in the same run.",
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
    "Medians of quiet repeats, taken in turns; \\* marks a figure that has fewer than three quiet repeats. NHWC is channels-last.",
    "",
    ...systems.map(({ name, details }) => `- ${name}: ${detailText(details)}`),
  ];
  for (const what of ["train", "infer", "layers"]) {
    const chosen = rows.filter((row) => row.workload.what === what);
    if (chosen.length > 0) lines.push("", `## ${TITLES[what]}`, "", NOTES[what], "", ...tableOf(what, chosen));
  }
  return `${lines.join("\n")}\n`;
}

function tableOf(what, rows) {
  const names = [...new Set(rows.flatMap((row) => row.contenders.map((c) => c.name)))];
  const families = ["PyTorch", "ONNX Runtime"].filter((f) => rows.some((row) => row.against[f] !== undefined));
  const head = [
    what === "layers" ? "layer, batch 16" : "network, batch",
    ...names,
    ...(what === "layers" ? ["part of peak"] : []),
    ...families.map((f) => `times faster than the best ${f}`),
  ];
  const body = rows.map(({ workload, contenders, against, partOfPeak }) => [
    workload.title,
    ...names.map((name) => cell(workload, contenders.find((c) => c.name === name))),
    ...(what === "layers" ? [partOfPeak === undefined ? "" : `${(100 * partOfPeak).toFixed(0)}%`] : []),
    ...families.map((f) => ratio(against[f])),
  ]);
  return [head, head.map(() => "---"), ...body].map((cells) => `| ${cells.join(" | ")} |`);
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
