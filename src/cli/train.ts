/** `fovea train`: trains a network of the zoo and keeps the run in a folder. */
import type { Command } from "commander";
import type { ReportOptions } from "../analysis/report/report-node.js";
import { PRESETS } from "../data/augment/grammar.js";
import { TRANSFORM_KINDS } from "../data/augment/transform.js";
import { openDataset } from "../data/open-node.js";
import { parseBrokenLimit, parseSize } from "../data/open-options.js";
import { VIEWS } from "../data/views.js";
import { OptionError } from "../errors.js";
import type { Shape } from "../graph/value.js";
import { definitionOf, list, type ModelOptions } from "../models/index.js";
import { OPTIMIZERS, SCHEDULES, TRAINING_DEFAULTS } from "../train/config.js";
import { openRunFolder } from "../train/run-folder-node.js";
import { WATCHED } from "../train/techniques.js";
import { listOf, networkOptions, numberOf, oneOf, pairOf, wholeOf } from "./arguments.js";
import { type MachineFlags, machineOptions, sessionOptions, TRAINING_MACHINE } from "./machine-options.js";
import { Output } from "./output.js";
import { showTraining } from "./show-training.js";
import { newConfig, openOptionsOf, resumedConfig, type TrainFlags } from "./train-config.js";
import { TrainDisplay } from "./train-display.js";
import { groupOf, repeated } from "./train-techniques.js";

interface Flags extends TrainFlags, MachineFlags {
  readonly out?: string;
  readonly resume?: string;
  readonly checkpointEvery?: number;
  readonly tensorboard?: boolean;
  /** True unless --no-report. */
  readonly report: boolean;
  readonly json?: boolean;
}

const { epochs, batchSize, optimizer, schedule } = TRAINING_DEFAULTS;

export function trainCommand(program: Command): void {
  machineOptions(
    program
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
      )
      .option(
        "--data <data>",
        "mnist; a folder with a sub-folder a class, tar shards, CIFAR or IDX files; or with its kind, as cifar10:FOLDER",
      )
      .option(
        "--size <pixels>",
        "to which pictures are brought, such as 64 or HEIGHTxWIDTH (default: their own)",
        parseSize,
      )
      .option("--max-broken <n>", "pictures that may fail to decode, such as 20 or 0.1% (default 1%)", checkedBroken)
      .option(
        "--stream",
        "leave pictures on disk and decode them while training (default: where they take over 512 MiB)",
      )
      .option("--no-stream", "decode all pictures into memory first")
      .option("--workers <n>", "threads that decode pictures (default: one a processor)", wholeOf("--workers", 0))
      .option("--weights <file>", "start from published weights, a .safetensors or .pth file")
      .option("--reset-classifier", "start the last layer of those weights anew, for other classes")
      .option(
        "--option <key=value>",
        "an option of the network, such as classes=26; may be repeated",
        pairOf("--option"),
      )
      .option("--epochs <n>", `passes over the training pictures (default ${epochs})`, wholeOf("--epochs", 1))
      .option("--batch-size <n>", `pictures a step (default ${batchSize})`, wholeOf("--batch-size", 1))
      .option("--seed <n>", "of the first weights and the order of pictures (default 0)", wholeOf("--seed", 0))
      .option("--distort", "shift, scale, squeeze and shear each training picture a little, anew in every epoch")
      .option(
        "--augment <list>",
        `what training pictures go through: ${Object.keys(PRESETS).join(", ")}, or a list such as padCrop:4,flip,cutout:8 ` +
          `(of ${TRANSFORM_KINDS.join(", ")})`,
      )
      .option("--mixup <alpha>", "mix pairs of pictures, with shares from Beta(alpha, alpha)", numberOf("--mixup"))
      .option(
        "--crops <views>",
        `average test figures over views of each picture: ${VIEWS.join(", ")}`,
        oneOf("--crops", VIEWS),
      )
      .optionsGroup("Optimizer:")
      .option(
        "--optimizer <name>",
        `${OPTIMIZERS.join(", ")} (default ${optimizer.name})`,
        oneOf("--optimizer", OPTIMIZERS),
      )
      .option("--lr <rate>", `learning rate (default ${optimizer.lr}; 0.001 for adam and adamw)`, numberOf("--lr"))
      .option("--momentum <m>", `of sgd (default ${optimizer.momentum})`, numberOf("--momentum"))
      .option("--nesterov", "Nesterov's momentum, of sgd")
      .option(
        "--weight-decay <w>",
        `pulls weights towards zero (default ${optimizer.weightDecay}; 0 for adam, 0.01 for adamw)`,
        numberOf("--weight-decay"),
      )
      .option("--betas <b1,b2>", "of adam and adamw (default 0.9,0.999)", listOf("--betas"))
      .option("--eps <e>", "of adam and adamw (default 1e-8)", numberOf("--eps"))
      .option(
        "--group <pattern:settings>",
        "parameters whose names match a regular expression: lr, a factor of the rate, and decay, such as 'bias$:lr=64,decay=0'; may be repeated",
        groupOf,
      )
      .option(
        "--no-decay <which>",
        "leave norms-and-biases out of weight decay",
        oneOf("--no-decay", ["norms-and-biases"]),
      )
      .option("--clip-norm <n>", "scale all gradients together to this norm at most", numberOf("--clip-norm"))
      .option("--clip-value <v>", "limit each number of the gradients to this size", numberOf("--clip-value"))
      .option("--accumulate <n>", "batches whose gradients make one update (default 1)", wholeOf("--accumulate", 1))
      .option(
        "--label-smoothing <s>",
        "share of the target that is spread over all classes",
        numberOf("--label-smoothing"),
      )
      .optionsGroup("Fine-tuning:")
      .option(
        "--freeze <pattern>",
        "keep parameters whose names match a regular expression as they are, such as 'layer[1-3]'; may be repeated",
        repeated,
      )
      .option(
        "--frozen-norms <which>",
        "what frozen batch norms take: running statistics (default), or those of the batch",
        oneOf("--frozen-norms", ["running", "batch"]),
      )
      .optionsGroup("Averaged weights (measured and kept in place of the last ones):")
      .option("--ema <decay>", "a moving average of the weights after each update, such as 0.999", numberOf("--ema"))
      .option("--ema-warmup", "let the decay grow with the first updates")
      .option("--lookahead <n>", "average after every n updates, and go on from the average", wholeOf("--lookahead", 1))
      .option("--lookahead-decay <d>", "what the average keeps (default 0.5)", numberOf("--lookahead-decay"))
      .option("--lookahead-ramp <r>", "let that grow as progress^r (default 0)", wholeOf("--lookahead-ramp", 0))
      .optionsGroup("Learning rate schedule:")
      .option("--schedule <kind>", `${SCHEDULES.join(", ")} (default ${schedule.kind})`, oneOf("--schedule", SCHEDULES))
      .option("--warmup <steps>", "steps in which the rate rises from zero (default 0)", wholeOf("--warmup", 0))
      .option(
        "--milestones <epochs>",
        "of step: after which epochs the rate falls, such as 3,5",
        listOf("--milestones"),
      )
      .option("--gamma <factor>", "of step: times which it falls (default 0.1)", numberOf("--gamma"))
      .option(
        "--final <part>",
        "of cosine, one-cycle, triangular: the last rate, as a part of the highest (default 0; one-cycle 4e-6)",
        numberOf("--final"),
      )
      .option(
        "--rise <part>",
        "of one-cycle, triangular: the part of the steps in which it rises (default 0.3, 0.25)",
        numberOf("--rise"),
      )
      .option("--initial <part>", "of one-cycle, triangular: the first rate (default 0.04, 0)", numberOf("--initial"))
      .option("--shape <shape>", "of one-cycle: cosine (default) or linear", oneOf("--shape", ["cosine", "linear"]))
      .optionsGroup("Run:")
      .option(
        "--patience <n>",
        "stop after n epochs without a better one on the test pictures",
        wholeOf("--patience", 1),
      )
      .option("--watch <figure>", "what tells a better epoch: accuracy (default) or loss", oneOf("--watch", WATCHED))
      .option("--out <folder>", "where the run is kept (default runs/NETWORK-DATA, the next free one)")
      .option("--resume <run>", "goes on with the run in this folder")
      .option(
        "--checkpoint-every <s>",
        "seconds between checkpoints within an epoch (default 30)",
        numberOf("--checkpoint-every"),
      )
      .option("--tensorboard", "write event files for TensorBoard into the folder of the run"),
    TRAINING_MACHINE,
  )
    .optionsGroup("Output:")
    .option("--no-report", "leave out report.html and its pictures, which take a second or two at the end")
    .option("--json", "JSON lines on standard output, for programs")
    .helpOption("-h, --help", "show this")
    .addHelpText(
      "after",
      `
Examples:
  $ fovea train lenet5 --data mnist
  $ fovea train lenet5 --data fashion-mnist:./data/fashion --epochs 12 --optimizer adamw --lr 0.002
  $ fovea train mlp --data ./data/letters --option classes=26 --schedule step --milestones 4,6
  $ fovea train resnet20 --data cifar10:./cifar-10-batches-bin --augment cifar --crops flip
  $ fovea train resnet18 --weights resnet18.pth --freeze 'layer[1-3]' --data ./pictures
  $ fovea train --resume runs/lenet5-mnist`,
    )
    .action(async (network: string | undefined, flags: Flags) => {
      process.exitCode = await train(network, flags);
    });
}

function train(network: string | undefined, flags: Flags): Promise<number> {
  const output = new Output(flags.json ?? false);
  return showTraining(output, async () => {
    const { config, data, resume } = await prepare(network, flags, (text) => output.note(text));
    const session = sessionOptions(flags, (text) => output.note(text));
    const { out, checkpointEvery: checkpointEverySeconds = 30, tensorboard } = flags;
    return {
      options: { config, data, out, resume, session, checkpointEverySeconds, tensorboard },
      display: new TrainDisplay(output, config, data.train),
      report: flags.report ? (plan, result) => reportOn({ config, data, plan, result, session }) : undefined,
    };
  });
}

async function reportOn(options: ReportOptions): Promise<string> {
  // Its libraries take a while to load, which no training should wait for.
  const { writeReport } = await import("../analysis/report/report-node.js");
  return (await writeReport(options)).page;
}

/** What a network takes where the data does not decide it. */
function usualInput(network: string, options: ModelOptions): Shape {
  const { defaults, input } = definitionOf(network);
  return input({ ...defaults, ...options });
}

const checkedBroken = (text: string): string => {
  parseBrokenLimit(text);
  return text;
};

/** Everything that can be wrong with the flags is found here, before anything is computed. */
async function prepare(network: string | undefined, flags: Flags, note: (text: string) => void) {
  if (flags.resume !== undefined) {
    if (flags.out !== undefined) throw new OptionError("--out: a resumed run stays in its folder; leave --out out");
    const { folder, config: saved } = await openRunFolder(flags.resume);
    if (saved.positions !== undefined) {
      throw new OptionError(
        `--resume ${flags.resume}: is a run of go train; go on with fovea go train --resume ${flags.resume}`,
      );
    }
    const config = resumedConfig(saved, network, flags);
    const usual = usualInput(config.network, config.options);
    return {
      config,
      resume: folder,
      data: await openDataset(flags.data ?? config.data, openOptionsOf(config, usual, note, flags.workers)),
    };
  }
  if (network === undefined) {
    const names = list().map((definition) => definition.name);
    throw new OptionError(`train: name a network (${names.join(", ")}), or a run to go on with: --resume RUN`);
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
  const usual = usualInput(network, networkOptions(network, flags.option));
  const data = await openDataset(flags.data, openOptionsOf(flags, usual, note, flags.workers));
  return { config: await newConfig(network, flags.data, data.train, flags), data, resume: undefined };
}
