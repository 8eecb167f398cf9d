/** `fovea train`: trains a network of the zoo and keeps the run in a folder. */
import type { Command } from "commander";
import type { ReportOptions } from "../../../analysis/report/report-node.js";
import { OptionError } from "../../../base/errors.js";
import { VIEWS } from "../../../data/augment/views.js";
import { openDataset } from "../../../data/open-node.js";
import { parseBrokenLimit } from "../../../data/open-options.js";
import { definitionOf, list } from "../../../models/index.js";
import { checkRunFolder } from "../../../run/folder-node.js";
import { WATCHED } from "../../../train/techniques/techniques.js";
import { listOf, networkOptions, numberOf, oneOf, wholeOf } from "../../options/arguments.js";
import { halvesFrom, halvesOfRun, halvesOptions } from "../../options/halves.js";
import { type MachineFlags, machineOptions, sessionOptions, TRAINING_MACHINE } from "../../options/machine.js";
import { MEAN, STD } from "../../options/scaling.js";
import { declare, FLAGS, keepingOptions, option, resumedRun, scheduleOptions } from "../../options/training.js";
import { ownNetworkFrom } from "../../own/record.js";
import { Output, table } from "../../terminal/output.js";
import { showTraining } from "../../terminal/show-training.js";
import { channelsFor, newConfig, openOptionsOf, resumedConfig, type TrainFlags, usualInput } from "./config.js";
import { TrainDisplay } from "./display.js";

interface Flags extends TrainFlags, MachineFlags {
  /** True unless --no-report. */
  readonly report: boolean;
}

export function trainCommand(program: Command): void {
  const command = program
    .command("train")
    .summary("train a network on pictures")
    .description(
      "Trains a network and keeps the run in a folder: its configuration, a log, the model (safetensors, as PyTorch reads it), " +
        "a checkpoint and a report to look at. Ctrl-C saves and stops; the run goes on with --resume and ends in the same bits as one never stopped.",
    )
    .argument(
      "[network]",
      `a network by name: ${list()
        .map((d) => d.name)
        .join(", ")}`,
    );
  declare(command, undefined, [
    FLAGS.data(),
    ...halvesOptions(),
    FLAGS.size(),
    option("--max-broken <n>", "pictures that may fail to decode, such as 20 or 0.1% (default: 1%)", checkedBroken),
    option("--stream", "leave pictures on disk and decode them while training (default: where they take over 512 MiB)"),
    option("--no-stream", "decode all pictures into memory first"),
    option("--workers <n>", "threads that decode pictures (default: one a processor)", wholeOf("--workers", 0)),
    FLAGS.weights(),
    FLAGS.map(),
    option(...MEAN),
    option(...STD),
    FLAGS.resetClassifier(),
    FLAGS.module(),
    FLAGS.changedModule(),
    FLAGS.option(),
    FLAGS.epochs(),
    FLAGS.batchSize(),
    FLAGS.seed(),
    option("--distort", "shift, scale, squeeze and shear each training picture a little, anew in every epoch"),
    FLAGS.augment(),
    option("--mixup <alpha>", "mix pairs of pictures, with shares from Beta(alpha, alpha)", numberOf("--mixup")),
    option(
      "--crops <views>",
      `average test figures over views of each picture: ${VIEWS.join(", ")}`,
      oneOf("--crops", VIEWS),
    ),
  ]);
  declare(command, "Optimizer:", [
    FLAGS.optimizer(),
    FLAGS.lr(),
    FLAGS.momentum(),
    FLAGS.nesterov(),
    FLAGS.weightDecay(),
    option("--betas <b1,b2>", "of adam, adamw, nadam (default: 0.9,0.999)", listOf("--betas")),
    option("--eps <e>", "of all but sgd (default: 1e-8)", numberOf("--eps")),
    option(
      "--dampening <d>",
      "of sgd: the share of a gradient that stays out of the momentum",
      numberOf("--dampening"),
    ),
    option("--alpha <a>", "of rmsprop: the part of the mean square that is kept (default: 0.99)", numberOf("--alpha")),
    option("--centered", "of rmsprop: divide by the gradient's standard deviation"),
    option(
      "--momentum-decay <d>",
      "of nadam: how fast its momentum rises (default: 0.004)",
      numberOf("--momentum-decay"),
    ),
    option("--decoupled-weight-decay", "of nadam: take weight decay off the weights, as adamw does"),
    FLAGS.group(),
    FLAGS.noDecay(),
    FLAGS.clipNorm(),
    option("--clip-value <v>", "limit each number of the gradients to this size", numberOf("--clip-value")),
    FLAGS.accumulate(),
    FLAGS.labelSmoothing(),
  ]);
  declare(command, "Fine-tuning:", [
    FLAGS.freeze(),
    option(
      "--frozen-norms <which>",
      "what frozen batch norms take: running statistics (default), or those of the batch",
      oneOf("--frozen-norms", ["running", "batch"]),
    ),
  ]);
  declare(command, "Averaged weights (measured and kept in place of the last ones):", [
    FLAGS.ema(),
    FLAGS.emaWarmup(),
    option("--lookahead <n>", "average after every n updates, and go on from the average", wholeOf("--lookahead", 1)),
    option("--lookahead-decay <d>", "what the average keeps (default: 0.5)", numberOf("--lookahead-decay")),
    option("--lookahead-ramp <r>", "let that grow as progress^r (default: 0)", wholeOf("--lookahead-ramp", 0)),
  ]);
  declare(command, "Learning rate schedule:", scheduleOptions());
  declare(command, "Run:", [
    FLAGS.patience(),
    option("--watch <figure>", "what tells a better epoch: accuracy (default) or loss", oneOf("--watch", WATCHED)),
    FLAGS.out(),
    FLAGS.resume(),
    FLAGS.checkpointEvery(),
    FLAGS.tensorboard(),
  ]);
  machineOptions(command, TRAINING_MACHINE);
  declare(command, "Output:", [FLAGS.noReport(), FLAGS.json()]);
  command
    .helpOption("-h, --help", "show this")
    .addHelpText(
      "after",
      `
${ownDefaults()}

Examples:
  $ fovea train lenet5 --data mnist
  $ fovea train lenet5 --data fashion-mnist:./data/fashion --epochs 12 --optimizer adamw --lr 0.002
  $ fovea train mlp --data ./data/letters --option classes=26 --schedule step --milestones 4,6
  $ fovea train resnet20 --data cifar10:./cifar-10-batches-bin --augment cifar --crops flip
  $ fovea train resnet18 --weights resnet18.pth --freeze 'layer[1-3]' --data ./pictures
  $ fovea train --module ./net.ts --data mnist
  $ fovea train --resume runs/lenet5-mnist`,
    )
    .action(async (network: string | undefined, flags: Flags) => {
      process.exitCode = await train(network, flags);
    });
}

/**
 * What networks learn with where that is not the common default; those that follow one another and are alike, in one
 * row.
 */
function ownDefaults(): string {
  const rows: { names: string[]; cells: string[] }[] = [];
  for (const { name, training = {} } of list()) {
    const { lr, batchSize, epochs, weightDecay, warmupSteps } = training;
    const cells = [lr, batchSize, epochs, weightDecay, warmupSteps].map((value) => value?.toString() ?? "");
    const last = rows.at(-1);
    if (last !== undefined && last.cells.join() === cells.join()) last.names.push(name);
    else rows.push({ names: [name], cells });
  }
  const own = rows.filter(({ cells }) => cells.some((cell) => cell !== ""));
  const named = own.map(({ names, cells }) => [
    names.length === 1 ? names[0]! : `${names[0]} to ${names.at(-1)}`,
    ...cells,
  ]);
  return `Networks with defaults of their own (rate and weight decay: with sgd):\n${table(["network", "lr", "batch-size", "epochs", "weight-decay", "warmup"], named)}`;
}

function train(network: string | undefined, flags: Flags): Promise<number> {
  const output = new Output(flags.json ?? false);
  return showTraining(output, async () => {
    const { config, data, resume } = await prepare(network, flags, (text) => output.note(text));
    const session = sessionOptions(flags, (text) => output.note(text));
    return {
      options: { config, data, resume, session, ...keepingOptions(flags) },
      display: new TrainDisplay(output, config, data.train, { module: flags.module }),
      report: flags.report ? (plan, result) => reportOn({ config, data, plan, result, session }) : undefined,
    };
  });
}

async function reportOn(options: ReportOptions): Promise<string> {
  // Its libraries take a while to load, which no training should wait for.
  const { writeReport } = await import("../../../analysis/report/report-node.js");
  return (await writeReport(options)).page;
}

const checkedBroken = (text: string): string => {
  parseBrokenLimit(text);
  return text;
};

/** Everything that can be wrong with the flags is found here, before anything is computed. */
async function prepare(named: string | undefined, flags: Flags, note: (text: string) => void) {
  if (flags.resume !== undefined) {
    const { folder, config: saved } = await resumedRun("train", flags.resume, flags, ["train", "val", "test"]);
    const config = resumedConfig(saved, named, flags);
    const usual = usualInput(config.network, config.options);
    return {
      config,
      resume: folder,
      data: await openDataset(flags.data ?? config.data, {
        ...openOptionsOf(config, usual, note, flags.workers),
        channels: channelsFor(config.network, config.options),
        ...halvesOfRun(config),
      }),
    };
  }
  const own = await ownNetworkFrom(flags, named);
  const network = own?.name ?? named;
  if (network === undefined) {
    const names = list().map((definition) => definition.name);
    throw new OptionError(
      `train: name a network (${names.join(", ")}), or one of your own by --module FILE, or a run to go on with: --resume RUN`,
    );
  }
  if (definitionOf(network).task === "segmentation") {
    throw new OptionError(
      `train: ${network} labels every pixel, which is learned from label pictures: fovea segment train ${network}`,
    );
  }
  if (flags.data === undefined) throw new OptionError("train: say what to learn from, such as --data mnist");
  if (flags.resetClassifier && flags.weights === undefined) {
    throw new OptionError("--reset-classifier: is of the weights that --weights names; give both");
  }
  if (flags.out !== undefined) await checkRunFolder(flags.out);
  const usual = usualInput(network, networkOptions(network, flags.option));
  const data = await openDataset(flags.data, {
    ...openOptionsOf(flags, usual, note, flags.workers),
    channels: channelsFor(network, networkOptions(network, flags.option)),
    halves: halvesFrom(flags),
  });
  return { config: await newConfig(network, flags.data, data, flags, own?.record), data, resume: undefined };
}
