/** `fovea print`: a network at every stage on its way to machine code. */
import type { Command } from "commander";
import { stageData } from "../../../analysis/print/data.js";
import { graphText } from "../../../analysis/print/graph.js";
import { codeText, kernelsText } from "../../../analysis/print/kernels.js";
import { overviewText, STAGES, type Stage } from "../../../analysis/print/overview.js";
import { type Plan, PRINT_BATCH, planOf, TARGET_NAMES, type TargetName } from "../../../analysis/print/plan.js";
import { programText } from "../../../analysis/print/program.js";
import { hanging } from "../../../analysis/print/text.js";
import { unitsText } from "../../../analysis/print/units.js";
import { OptionError } from "../../../base/errors.js";
import { jsonText, printable } from "../../../base/text.js";
import { checkFileWritable, writeFileAtomically } from "../../../host/atomic-write-node.js";
import { usualOptimizer } from "../../../train/defaults.js";
import { OPTIMIZERS, type OptimizerName } from "../../../train/optimizers/index.js";
import { MAP, NETWORK, oneOf, pairOf, wholeOf } from "../../options/arguments.js";
import { PROCESSOR } from "../../options/machine.js";
import { findNetwork, inputSize, NETWORK_ARGUMENT, type NetworkFlags } from "../../options/network-argument.js";
import { MODULE } from "../../own/own-network.js";
import { invocation, Output, quoted } from "../../terminal/output.js";

interface Flags extends NetworkFlags {
  readonly stage?: Stage;
  readonly layer?: string;
  readonly training?: boolean;
  readonly batch?: number;
  readonly target?: TargetName;
  readonly winograd: boolean;
  readonly optimizer?: OptimizerName;
  readonly out?: string;
  readonly json?: boolean;
}

export function printCommand(program: Command): void {
  program
    .command("print")
    .summary("show a network at every stage on its way to machine code")
    .description(
      "Shows how a network becomes machine code: its graph, the units that are computed at once, the program with its memory, and the " +
        "kernels of the program as the kernel language and as code. Nothing is run, so every target can be shown on every machine.",
    )
    .argument(...NETWORK_ARGUMENT)
    .option("--stage <name>", `${STAGES.join(", ")} (default: how large each is)`, oneOf("--stage", STAGES))
    .option("--layer <path>", "only what this layer and those inside it take part in, such as conv1")
    .option("--training", "the training step in place of inference: forward, backward and update")
    .option("--batch <n>", `pictures at once (default: ${PRINT_BATCH})`, wholeOf("--batch", 1))
    .option(
      "--target <name>",
      `${TARGET_NAMES.join(", ")} (default: this machine's best)`,
      oneOf("--target", TARGET_NAMES),
    )
    .option(...PROCESSOR)
    .option("--no-winograd", "without Winograd's convolutions")
    .option("--optimizer <name>", `of --training: ${OPTIMIZERS.join(", ")}`, oneOf("--optimizer", OPTIMIZERS))
    .option("--option <key=value>", "an option of the network, such as classes=26; may be repeated", pairOf("--option"))
    .option("--input <size>", "pictures of another size, such as 320x240 (height, width)", inputSize)
    .option(...NETWORK)
    .option(...MODULE)
    .option(...MAP)
    .option("--out <file>", "write it there; of --stage program, a name that ends in .svg gets a picture of the memory")
    .option("--json", "one JSON object, for programs")
    .helpOption("-h, --help", "show this")
    .addHelpText(
      "after",
      `
Examples:
  $ fovea print lenet5
  $ fovea print lenet5 --stage graph --training
  $ fovea print resnet18 --stage units --layer layer1.0 --target avx2
  $ fovea print lenet5 --stage program --training --batch 64 --out memory.svg
  $ fovea print lenet5 --stage code --layer conv1 --target wasm`,
    )
    .action(print);
}

const TEXTS: Readonly<Record<Stage, (plan: Plan, width?: number) => string>> = {
  graph: graphText,
  units: unitsText,
  program: programText,
  kernel: kernelsText,
  code: codeText,
};

async function print(name: string | undefined, flags: Flags): Promise<void> {
  const { stage, layer, batch, target, winograd, out, json = false } = flags;
  const isPicture = out?.endsWith(".svg") === true;
  if (isPicture && stage !== "program")
    throw new OptionError(`--out ${out}: only --stage program has a picture; name a text file, or add --stage program`);
  if (isPicture && json) throw new OptionError(`--json and --out ${out}: a picture is no JSON; give one of the two`);
  if (flags.optimizer !== undefined && !flags.training)
    throw new OptionError("--optimizer: inference has none; add --training, or leave it out");
  const { network, input, title } = await findNetwork(name, flags);
  const plan = await planOf("fovea print", network, {
    input,
    layer,
    batch,
    target,
    training: flags.training,
    winograd: winograd ? undefined : false,
    optimizer: optimizerOf(flags),
  });
  const output = new Output(json);
  if (out !== undefined) await checkFileWritable(out);
  if (out !== undefined && isPicture) {
    const { livesFigure } = await import("../../../analysis/print/lives-figure.js");
    await writeFileAtomically(out, [livesFigure(plan, title).svg]);
  } else if (out !== undefined) {
    const text = json ? jsonText({ network: title, ...stageData(plan, stage) }) : printable(textOf(plan, title, stage));
    await writeFileAtomically(out, [`${text}\n`]);
  } else {
    if (json) output.event({ network: title, ...stageData(plan, stage) });
    else output.say(textOf(plan, title, stage, widthOfTerminal()));
    if (stage === undefined) output.say(`\n${more(name, flags)}`);
  }
  if (out !== undefined) output.note(`fovea: wrote ${quoted(out)}`);
}

/** A stage's text, the network's name in its first line. */
function textOf(plan: Plan, title: string, stage: Stage | undefined, width?: number): string {
  const [first = "", ...others] = (stage === undefined ? overviewText : TEXTS[stage])(plan, width).split("\n");
  return [...hanging("", `${title}: ${first}`, width ?? Number.POSITIVE_INFINITY), ...others].join("\n");
}

/** Pipes and files get every line whole. */
const widthOfTerminal = (): number | undefined => (process.stdout.isTTY ? process.stdout.columns : undefined);

function optimizerOf({ training, optimizer }: Flags) {
  return training ? usualOptimizer(optimizer) : undefined;
}

function more(name: string | undefined, { layer, training, module }: Flags): string {
  const words = [
    invocation(),
    "print",
    ...(name === undefined ? [] : [quoted(name)]),
    ...(module === undefined ? [] : ["--module", quoted(module)]),
    ...(training ? ["--training"] : []),
  ].join(" ");
  return [
    "to see one:",
    ...STAGES.map((stage) => `  ${words} --stage ${stage}${layer === undefined ? "" : ` --layer ${quoted(layer)}`}`),
    ...(layer === undefined ? [`  ${words} --stage code --layer LAYER`] : []),
  ].join("\n");
}
