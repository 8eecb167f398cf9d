/** `fovea segment train`: trains a network that labels pixels, and keeps the run in a folder as `fovea train` does. */
import type { Command } from "commander";
import { parseSize } from "../data/open-options.js";
import { OptionError } from "../errors.js";
import { definitionOf, list } from "../models/index.js";
import { openScenes } from "../segmentation/open-scenes-node.js";
import { sceneDataset } from "../segmentation/scene-dataset.js";
import { classWeights, commonSize, type SceneSplits } from "../segmentation/scene-set.js";
import { OPTIMIZERS, SCHEDULES, type TrainingConfig } from "../train/config.js";
import { openRunFolder } from "../train/run-folder-node.js";
import { WATCHED_OF_PIXELS } from "../train/techniques.js";
import { listOf, numberOf, oneOf, pairOf, wholeOf } from "./arguments.js";
import { type MachineFlags, machineOptions, sessionOptions } from "./machine-options.js";
import { Output } from "./output.js";
import { showTraining } from "./show-training.js";
import { newConfig, resumedConfig, type TrainFlags } from "./train-config.js";
import { TrainDisplay } from "./train-display.js";
import { groupOf, repeated } from "./train-techniques.js";

const BALANCES = ["none", "sqrt", "median"] as const;

interface Flags extends TrainFlags, MachineFlags {
  readonly classes?: string;
  readonly crop?: readonly [number, number];
  readonly balance: (typeof BALANCES)[number];
  readonly out?: string;
  readonly resume?: string;
  readonly checkpointEvery?: number;
  readonly tensorboard?: boolean;
  readonly json?: boolean;
}

const names = () => list("segmentation").map(({ name }) => name);

export function segmentTrainCommand(segment: Command): void {
  const command = segment
    .command("train")
    .summary("train a network on pictures and label pictures")
    .description(
      "Trains a network that labels pixels and keeps the run in a folder, as fovea train does: Ctrl-C saves and stops, --resume goes on and ends " +
        "in the same bits. Pictures and labels are cropped, scaled and reflected together.",
    )
    .argument("[network]", `a network by name: ${names().join(", ")}`)
    .option("--data <data>", "a folder with train, trainannot, val, valannot; or scenes, composed of MNIST's digits")
    .option("--classes <file>", "a JSON file with the classes, or camvid (default: classes.json in the data's folder)")
    .option(
      "--size <pixels>",
      "to which pictures and labels are brought, such as 180x240 (default: their own)",
      parseSize,
    )
    .option(
      "--crop <pixels>",
      "what is cut out of a picture to train on, such as 160x160 (default: all of it)",
      parseSize,
    )
    .option(
      "--balance <how>",
      `weights of classes in the loss: ${BALANCES.join(", ")} (default none)`,
      oneOf("--balance", BALANCES),
      "none" as const,
    )
    .option(
      "--augment <list>",
      "what pictures and labels go through, such as randomResizedCrop:0.3-1,flip,colorJitter:0.2",
    )
    .option(
      "--option <key=value>",
      "an option of the network, such as widths=16,32,64; may be repeated",
      pairOf("--option"),
    )
    .option("--weights <file>", "start from published weights, a .safetensors or .pth file")
    .option("--reset-classifier", "start those layers anew whose shapes are others")
    .option("--epochs <n>", "passes over the training pictures (default 8)", wholeOf("--epochs", 1))
    .option("--batch-size <n>", "pictures a step (default 4)", wholeOf("--batch-size", 1))
    .option("--seed <n>", "of the first weights and the order of pictures (default 0)", wholeOf("--seed", 0))
    .optionsGroup("Optimizer and schedule:")
    .option("--optimizer <name>", `${OPTIMIZERS.join(", ")} (default adamw)`, oneOf("--optimizer", OPTIMIZERS))
    .option("--lr <rate>", "learning rate (default 0.001)", numberOf("--lr"))
    .option("--momentum <m>", "of sgd", numberOf("--momentum"))
    .option("--nesterov", "Nesterov's momentum, of sgd")
    .option("--weight-decay <w>", "pulls weights towards zero", numberOf("--weight-decay"))
    .option(
      "--no-decay <which>",
      "leave norms-and-biases out of weight decay",
      oneOf("--no-decay", ["norms-and-biases"]),
    )
    .option(
      "--group <pattern:settings>",
      "parameters whose names match a regular expression: lr, a factor of the rate, and decay, such as 'features:lr=0.1'; may be repeated",
      groupOf,
    )
    .option(
      "--freeze <pattern>",
      "keep parameters whose names match a regular expression as they are, such as 'features'; may be repeated",
      repeated,
    )
    .option(
      "--label-smoothing <s>",
      "share of the target that is spread over all classes",
      numberOf("--label-smoothing"),
    )
    .option("--clip-norm <n>", "scale all gradients together to this norm at most", numberOf("--clip-norm"))
    .option("--accumulate <n>", "batches whose gradients make one update (default 1)", wholeOf("--accumulate", 1))
    .option(
      "--ema <decay>",
      "measure and keep a moving average of the weights after each update, such as 0.999",
      numberOf("--ema"),
    )
    .option("--ema-warmup", "let the decay grow with the first updates")
    .option("--schedule <kind>", `${SCHEDULES.join(", ")} (default cosine)`, oneOf("--schedule", SCHEDULES))
    .option("--warmup <steps>", "steps in which the rate rises from zero", wholeOf("--warmup", 0))
    .option("--milestones <epochs>", "of step: after which epochs the rate falls", listOf("--milestones"))
    .option("--gamma <factor>", "of step: times which it falls (default 0.1)", numberOf("--gamma"))
    .option(
      "--final <part>",
      "of cosine, one-cycle, triangular: the last rate, as a part of the highest",
      numberOf("--final"),
    )
    .option("--rise <part>", "of one-cycle, triangular: the part of the steps in which it rises", numberOf("--rise"))
    .option("--initial <part>", "of one-cycle, triangular: the first rate", numberOf("--initial"))
    .option("--shape <shape>", "of one-cycle: cosine (default) or linear", oneOf("--shape", ["cosine", "linear"]))
    .optionsGroup("Run:")
    .option("--patience <n>", "stop after n epochs without a better one on the test pictures", wholeOf("--patience", 1))
    .option(
      "--watch <figure>",
      `what tells a better epoch, of which best.safetensors is: ${WATCHED_OF_PIXELS.join(", ")} (default miou)`,
      oneOf("--watch", WATCHED_OF_PIXELS),
    )
    .option("--out <folder>", "where the run is kept (default runs/NETWORK-DATA, the next free one)")
    .option("--resume <run>", "goes on with the run in this folder")
    .option(
      "--checkpoint-every <s>",
      "seconds between checkpoints within an epoch (default 30)",
      numberOf("--checkpoint-every"),
    )
    .option("--tensorboard", "write event files for TensorBoard into the folder of the run")
    .option("--json", "JSON lines on standard output, for programs")
    .helpOption("-h, --help", "show this");
  machineOptions(command).action(async (network: string | undefined, flags: Flags) => {
    process.exitCode = await train(network, flags);
  });
}

function train(network: string | undefined, flags: Flags): Promise<number> {
  const output = new Output(flags.json ?? false);
  return showTraining(output, async () => {
    const { config, scenes, resume } = await prepare(network, flags);
    const learned = sceneDataset(scenes.train);
    const data = { train: learned, test: sceneDataset(scenes.test, learned) };
    const session = sessionOptions(flags, (text) => output.note(text));
    const { out, checkpointEvery: checkpointEverySeconds = 30, tensorboard } = flags;
    return {
      options: { config, data, out, resume, session, checkpointEverySeconds, tensorboard },
      display: new TrainDisplay(output, config, data.train, "segment "),
    };
  });
}

async function prepare(network: string | undefined, flags: Flags) {
  if (flags.resume !== undefined) {
    if (flags.out !== undefined) throw new OptionError("--out: a resumed run stays in its folder; leave --out out");
    const { folder, config: saved } = await openRunFolder(flags.resume);
    const config = resumedConfig(saved, network, flags);
    const options = { classes: flags.classes ?? config.classList, size: config.size };
    return { config, resume: folder, scenes: await openScenes(flags.data ?? config.data, options) };
  }
  if (network === undefined) {
    throw new OptionError(
      `segment train: name a network (${names().join(", ")}), or a run to go on with: --resume RUN`,
    );
  }
  if (definitionOf(network).task !== "segmentation") {
    throw new OptionError(
      `segment train: ${network} gives a class a picture; choose one that labels pixels (${names().join(", ")})`,
    );
  }
  if (flags.data === undefined)
    throw new OptionError("segment train: say what to learn from, such as --data scenes or --data ./camvid");
  const scenes = await openScenes(flags.data, { classes: flags.classes, size: flags.size });
  return { config: await configFor(network, flags.data, scenes, flags), resume: undefined, scenes };
}

/** Adam's kind of steps and small batches suit pictures of which every pixel teaches. */
async function configFor(network: string, data: string, { train }: SceneSplits, flags: Flags): Promise<TrainingConfig> {
  const [height, width] = flags.crop ?? commonSize(train);
  const weights = classWeights(train, flags.balance);
  const option = {
    height: String(height),
    width: String(width),
    ...(weights.length > 0 && { classWeights: weights.join(",") }),
    ...flags.option,
  };
  const optimizer = flags.optimizer ?? "adamw";
  const lr = optimizer === "sgd" || flags.lr !== undefined ? {} : { lr: 0.001 };
  // What stands in a crop is drawn unless it is said how.
  const augment = flags.augment === undefined && flags.crop !== undefined ? { augment: "randomCrop" } : {};
  const config = await newConfig(network, data, sceneDataset(train), {
    batchSize: 4,
    watch: "miou",
    ...flags,
    ...lr,
    ...augment,
    optimizer,
    option,
  });
  return flags.classes === undefined ? config : { ...config, classList: flags.classes };
}
