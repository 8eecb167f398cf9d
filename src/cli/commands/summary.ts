/** `fovea summary`: a network's layers and costs. */

import type { Command } from "commander";
import { type Summary, summarize } from "../../analysis/summary.js";
import { OptionError } from "../../base/errors.js";
import { BACKEND_NAMES, type BackendName } from "../../devices/machine-options.js";
import { describeRecomputed, type TrainingMemory } from "../../devices/training-memory.js";
import { inputsText } from "../../nn/inputs.js";
import { usualOptimizer } from "../../train/defaults.js";
import { OPTIMIZERS, type OptimizerName } from "../../train/optimizers/index.js";
import { bytesOf, MAP, NETWORK, oneOf, pairOf, wholeOf } from "../options/arguments.js";
import { DEVICE } from "../options/machine.js";
import {
  findNetwork,
  inputSize,
  isInside,
  NETWORK_ARGUMENT,
  type NetworkFlags,
  noSuchLayer,
} from "../options/network-argument.js";
import { MODULE } from "../own/own-network.js";
import { bytes, Output, table, twoColumns } from "../terminal/output.js";
import { showCount } from "../terminal/progress.js";

interface Flags extends NetworkFlags {
  readonly layer?: string;
  readonly batch?: number;
  readonly optimizer?: OptimizerName;
  readonly device?: string;
  readonly backend?: BackendName;
  readonly memoryLimit?: number;
  readonly json?: boolean;
  readonly markdown?: boolean;
}

export function summaryCommand(program: Command): void {
  program
    .command("summary")
    .summary("show a network's layers and costs")
    .description(
      "Shows a network's layers: what each gives for one picture, its parameters, multiply-adds and activations in bytes, and " +
        "which part of the picture a number of its output sees (size, stride, first pixel). With --batch also the memory that " +
        "inference and training are planned to take.",
    )
    .argument(...NETWORK_ARGUMENT)
    .option("--option <key=value>", "an option of the network, such as classes=26; may be repeated", pairOf("--option"))
    .option(...NETWORK)
    .option(...MODULE)
    .option(...MAP)
    .option("--input <size>", "pictures of another size, such as 320x240 (height, width)", inputSize)
    .option("--layer <path>", "only this layer and those inside it, such as layer1.0")
    .option("--batch <n>", "plan inference and training with this many pictures at once", wholeOf("--batch", 1))
    .option("--optimizer <name>", `for that plan: ${OPTIMIZERS.join(", ")}`, oneOf("--optimizer", OPTIMIZERS))
    .option(...DEVICE)
    .option("--backend <name>", `for that plan: ${BACKEND_NAMES.join(", ")}`, oneOf("--backend", BACKEND_NAMES))
    .option("--memory-limit <size>", "for that plan: what training may take, such as 2GB", bytesOf("--memory-limit"))
    .option("--markdown", "a table in Markdown")
    .option("--json", "one JSON object on standard output, for programs")
    .helpOption("-h, --help", "show this")
    .addHelpText(
      "after",
      `
Examples:
  $ fovea summary lenet5
  $ fovea summary lenet5 --option classes=26 --batch 128 --optimizer adamw
  $ fovea summary resnet50 --input 320x240 --markdown
  $ fovea summary runs/lenet5-mnist`,
    )
    .action(showSummary);
}

async function showSummary(name: string | undefined, flags: Flags): Promise<void> {
  if (flags.json && flags.markdown) throw new OptionError("--json and --markdown: give one of the two");
  const output = new Output(flags.json ?? false);
  const { network, input, title } = await findNetwork(name, flags);
  const { batch, backend, device, memoryLimit } = flags;
  const optimizer = usualOptimizer(flags.optimizer);
  const whole = await summarize(network, {
    input,
    batch,
    backend,
    device,
    memoryLimit,
    optimizer,
    note: (text) => output.note(text),
  });
  const summary = flags.layer === undefined ? whole : { ...whole, layers: layersIn(whole.layers, flags.layer) };
  output.event({ network: title, ...summary });
  output.say(flags.markdown ? summaryMarkdown(title, summary) : summaryText(title, summary));
}

function layersIn(layers: Summary["layers"], path: string): Summary["layers"] {
  const found = layers.filter((layer) => isInside(layer.path, path));
  if (found.length > 0) return found;
  throw noSuchLayer(
    path,
    layers.map((layer) => layer.path),
    "fovea summary",
  );
}

// --- As text

const HEAD = ["layer", "kind", "output", "parameters", "multiply-adds", "activations", "sees", "stride", "from"];

export function summaryText(title: string, summary: Summary): string {
  const lines = [
    `${title}: takes ${inputsText(summary.input)}`,
    "",
    table(HEAD, [...layerRows(summary), totalRow(summary)]),
    "",
    twoColumns(totals(summary)),
  ];
  for (const { head, rows } of memories(summary)) lines.push("", head, twoColumns(rows));
  return lines.join("\n");
}

function summaryMarkdown(title: string, summary: Summary): string {
  const row = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  const lists = [{ head: "", rows: totals(summary) }, ...memories(summary)].flatMap(({ head, rows }) => [
    "",
    ...(head === "" ? [] : [head, ""]),
    ...rows.map(([name, value]) => `- ${name.trim()}: ${value}`),
  ]);
  return [
    `### ${title}`,
    "",
    `Takes ${inputsText(summary.input)}.`,
    "",
    row(HEAD),
    row(HEAD.map((_, i) => (i < 3 ? "---" : "--:"))),
    ...layerRows(summary).map(row),
    row(totalRow(summary).map((cell) => (cell === "" ? "" : `**${cell}**`))),
    ...lists,
  ].join("\n");
}

function layerRows({ layers }: Summary): string[][] {
  return layers.map((layer) => [
    layer.path || "(network)",
    layer.kind,
    layer.output.join("x"),
    showCount(layer.parameters),
    showCount(layer.multiplyAdds),
    layer.activationBytes === 0 ? "" : showCount(layer.activationBytes),
    ...fieldCells(layer),
  ]);
}

/** Size, stride and first pixel; a number where rows and columns are alike. */
function fieldCells({ receptiveField: field }: Summary["layers"][number]): string[] {
  if (field === undefined) return ["", "", ""];
  if (field.whole) return ["all", "", ""];
  const { rows, columns } = field;
  const both = (y: number, x: number) => {
    const [a, b] = [y, x].map((n) => String(Number(n.toFixed(2))));
    return a === b ? a! : `${a}x${b}`;
  };
  return [both(rows.size, columns.size), both(rows.stride, columns.stride), both(rows.offset, columns.offset)];
}

/** Of the whole network. */
const totalRow = ({ parameters, multiplyAdds, activationBytes }: Summary): string[] => [
  "total",
  "",
  "",
  showCount(parameters),
  showCount(multiplyAdds),
  showCount(activationBytes),
  "",
  "",
  "",
];

function totals(summary: Summary): [string, string][] {
  const { parameters, multiplyAdds, trainingMultiplyAdds, activationBytes } = summary;
  return [
    ["parameters", `${showCount(parameters)}, ${bytes(4 * parameters)}`],
    ["activations of a picture", `${bytes(activationBytes)}, every layer's kept`],
    ["multiply-adds of a picture", `${giga(multiplyAdds)} in inference, ${giga(trainingMultiplyAdds)} in training`],
  ];
}

const giga = (count: number): string =>
  count >= 1e8 ? `${(count / 1e9).toFixed(2)} G` : count >= 1e5 ? `${(count / 1e6).toFixed(2)} M` : showCount(count);

interface MemoryLines {
  readonly head: string;
  readonly rows: [string, string][];
}

/** What a limit cost. */
function again(training: TrainingMemory): [string, string][] {
  const text = describeRecomputed(training);
  return text === undefined ? [] : [["computed twice", text]];
}

function memories({ inference, training, refusal }: Summary): MemoryLines[] {
  const lines: MemoryLines[] = [];
  if (inference !== undefined)
    lines.push({
      head: `Inference at batch ${inference.batch} takes ${bytes(inference.total)}, and the engine about ${bytes(inference.engine)}:`,
      rows: [
        ["parameters as they are", bytes(inference.store)],
        ["packed weights", bytes(inference.prepared)],
        ["activations", bytes(inference.scratch)],
        ["pictures under way", bytes(inference.slots)],
      ],
    });
  if (training !== undefined)
    lines.push({
      head: `Training at batch ${training.batch} with ${training.optimizer} takes ${bytes(training.total)}, and the engine about ${bytes(training.engine)}:`,
      rows: [
        ["parameters", bytes(training.parameters)],
        ["optimizer state", bytes(training.optimizerState)],
        ["activations", bytes(training.activations)],
        ["gradients", bytes(training.gradients)],
        ["packed weights", bytes(training.packedWeights)],
        ["pictures under way", bytes(training.pictures)],
        ["code, workspaces, gaps", bytes(training.other)],
        ["evaluation beside it", bytes(training.evaluation)],
        ...again(training),
      ],
    });
  if (refusal !== undefined) lines.push({ head: "What cannot be planned:", rows: [["", refusal]] });
  return lines;
}
