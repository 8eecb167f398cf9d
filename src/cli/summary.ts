/** `fovea summary`: a network's layers and costs. */
import type { Command } from "commander";
import { type Summary, summarize } from "../analysis/summary.js";
import { create, list } from "../models/index.js";
import { BACKEND_NAMES, type BackendName } from "../runtime/backend.js";
import { OPTIMIZERS, type OptimizerConfig, TRAINING_DEFAULTS } from "../train/config.js";
import { adam, adamw, sgd } from "../train/optimizer.js";
import type { Network } from "../train/trained-model.js";
import { networkOptions, oneOf, pairOf, wholeOf } from "./arguments.js";
import { openModel } from "./model-argument.js";
import { bytes, Output, table, twoColumns } from "./output.js";
import { showCount } from "./progress.js";

interface Flags {
  readonly batch?: number;
  readonly optimizer?: OptimizerConfig["name"];
  readonly option?: Readonly<Record<string, string>>;
  readonly backend?: BackendName;
  readonly json?: boolean;
}

export function summaryCommand(program: Command): void {
  program
    .command("summary")
    .summary("show a network's layers and costs")
    .description(
      "Shows a network's layers with their outputs, parameters and multiply-adds for one picture, and with --batch the " +
        "memory that training is planned to take.",
    )
    .argument(
      "<network>",
      `a network by name (${list()
        .map((d) => d.name)
        .join(", ")}), a .safetensors file, or a run`,
    )
    .option("--option <key=value>", "an option of the network, such as classes=26; may be repeated", pairOf("--option"))
    .option("--batch <n>", "plan a training with this many pictures a step", wholeOf("--batch", 1))
    .option("--optimizer <name>", `for that plan: ${OPTIMIZERS.join(", ")}`, oneOf("--optimizer", OPTIMIZERS))
    .option("--backend <name>", `for that plan: ${BACKEND_NAMES.join(", ")}`, oneOf("--backend", BACKEND_NAMES))
    .option("--json", "one JSON object on standard output, for programs")
    .helpOption("-h, --help", "show this")
    .addHelpText(
      "after",
      `
Examples:
  $ fovea summary lenet5
  $ fovea summary lenet5 --option classes=26 --batch 128 --optimizer adamw
  $ fovea summary runs/lenet5-mnist`,
    )
    .action(showSummary);
}

async function showSummary(name: string, flags: Flags): Promise<void> {
  const output = new Output(flags.json ?? false);
  const { network, input, title } = await find(name, flags);
  const { batch, backend } = flags;
  const optimizer =
    flags.optimizer === "adam" ? adam() : flags.optimizer === "adamw" ? adamw() : sgd(TRAINING_DEFAULTS.optimizer);
  const summary = await summarize(network, { input, batch, backend, optimizer, note: (text) => output.note(text) });
  output.event({ network: title, ...summary });
  output.say(summaryText(title, summary));
}

/** A path has a slash or an extension; everything else is a name. */
async function find(name: string, flags: Flags) {
  if (/[/\\]|\.safetensors$/.test(name)) {
    const { model, path } = await openModel(name);
    return {
      network: model.module as Network,
      input: model.input,
      title: `${model.network?.name ?? "model"} (${path})`,
    };
  }
  const network = create(name, networkOptions(name, flags.option));
  return { network: network as Network, input: network.input, title: name };
}

export function summaryText(title: string, { input, layers, parameters, multiplyAdds, training }: Summary): string {
  const text = (shape: readonly number[]) => shape.join("x");
  const rows = layers.map((layer) => [
    layer.path || "(network)",
    layer.kind,
    text(layer.output),
    showCount(layer.parameters),
    showCount(layer.multiplyAdds),
  ]);
  const lines = [
    `${title}: takes ${text(input)}`,
    "",
    table(
      ["layer", "kind", "output", "parameters", "multiply-adds"],
      [...rows, ["total", "", "", showCount(parameters), showCount(multiplyAdds)]],
    ),
  ];
  if (training !== undefined) {
    const { batch, optimizer, ...sizes } = training;
    lines.push(
      "",
      `Training at batch ${batch} with ${optimizer} takes ${bytes(sizes.total)}:`,
      twoColumns([
        ["parameters", bytes(sizes.parameters)],
        ["optimizer state", bytes(sizes.optimizerState)],
        ["activations, gradients", bytes(sizes.scratch)],
        ["packed weights", bytes(sizes.prepared)],
        ["pictures under way", bytes(sizes.slots)],
      ]),
    );
  }
  return lines.join("\n");
}
