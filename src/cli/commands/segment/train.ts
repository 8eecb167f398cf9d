/** `fovea segment train`: trains a network that labels pixels, and keeps the run in a folder as `fovea train` does. */
import type { Command } from "commander";
import { OptionError } from "../../../base/errors.js";
import { parseSize } from "../../../data/open-options.js";
import { definitionOf, list } from "../../../models/index.js";
import type { ModuleRecord, TrainingConfig } from "../../../run/config.js";
import { checkRunFolder } from "../../../run/folder-node.js";
import { openScenes } from "../../../segmentation/open-scenes-node.js";
import { sceneDataset } from "../../../segmentation/scene-dataset.js";
import { classWeights, commonSize, type SceneSplits } from "../../../segmentation/scene-set.js";
import { OPTIMIZERS } from "../../../train/optimizers/index.js";
import { WATCHED_OF_PIXELS } from "../../../train/techniques/techniques.js";
import { oneOf } from "../../options/arguments.js";
import { type MachineFlags, machineOptions, sessionOptions } from "../../options/machine.js";
import { declare, FLAGS, keepingOptions, option, resumedRun, scheduleOptions } from "../../options/training.js";
import { ownNetworkFrom } from "../../own/record.js";
import { Output } from "../../terminal/output.js";
import { showTraining } from "../../terminal/show-training.js";
import { newConfig, resumedConfig, type TrainFlags } from "../train/config.js";
import { TrainDisplay } from "../train/display.js";

const BALANCES = ["none", "sqrt", "median"] as const;
const BATCH_SIZE = 4;

interface Flags extends TrainFlags, MachineFlags {
  readonly classes?: string;
  readonly crop?: readonly [number, number];
  readonly balance?: (typeof BALANCES)[number];
}

/** What a run is begun with, and stays with: its configuration has what was made of these. */
const BEGUN_WITH = ["crop", "balance"] as const satisfies readonly (keyof Flags)[];

const names = () => list("segmentation").map(({ name }) => name);

export function segmentTrainCommand(segment: Command): void {
  const command = segment
    .command("train")
    .summary("train a network on pictures and label pictures")
    .description(
      "Trains a network that labels pixels and keeps the run in a folder, as fovea train does: Ctrl-C saves and stops, --resume goes on and ends " +
        "in the same bits. Pictures and labels are cropped, scaled and reflected together.",
    )
    .argument("[network]", `a network by name: ${names().join(", ")}`);
  declare(command, undefined, [
    FLAGS.data("a folder with train, trainannot, val, valannot; or scenes, composed of MNIST's digits"),
    option("--classes <file>", "a JSON file with the classes, or camvid (default: classes.json in the data's folder)"),
    FLAGS.size("to which pictures and labels are brought, such as 180x240 (default: their own)"),
    option(
      "--crop <pixels>",
      "what is cut out of a picture to train on, such as 160x160 (default: all of it)",
      parseSize,
    ),
    option(
      "--balance <how>",
      `weights of classes in the loss: ${BALANCES.join(", ")} (default: none)`,
      oneOf("--balance", BALANCES),
    ),
    FLAGS.augment("what pictures and labels go through, such as randomResizedCrop:0.3-1,flip,colorJitter:0.2"),
    FLAGS.module(),
    FLAGS.changedModule(),
    FLAGS.option("an option of the network, such as widths=16,32,64; may be repeated"),
    FLAGS.weights(),
    FLAGS.map(),
    FLAGS.resetClassifier("start those layers anew whose shapes are others"),
    FLAGS.epochs(),
    FLAGS.batchSize(`pictures a step (default: ${BATCH_SIZE})`),
    FLAGS.seed(),
  ]);
  declare(command, "Optimizer and schedule:", [
    FLAGS.optimizer(`${OPTIMIZERS.join(", ")} (default: adamw)`),
    FLAGS.lr("learning rate (default: 0.001)"),
    FLAGS.momentum(),
    FLAGS.nesterov(),
    FLAGS.weightDecay(),
    FLAGS.noDecay(),
    FLAGS.group(
      "parameters whose names match a regular expression: lr, a factor of the rate, and decay, such as 'features:lr=0.1'; may be repeated",
    ),
    FLAGS.freeze(
      "keep parameters whose names match a regular expression as they are, such as 'features'; may be repeated",
    ),
    FLAGS.labelSmoothing(),
    FLAGS.clipNorm(),
    FLAGS.accumulate(),
    FLAGS.ema("measure and keep a moving average of the weights after each update, such as 0.999"),
    FLAGS.emaWarmup(),
    ...scheduleOptions(),
  ]);
  declare(command, "Run:", [
    FLAGS.patience(),
    option(
      "--watch <figure>",
      `what tells a better epoch, of which best.safetensors is: ${WATCHED_OF_PIXELS.join(", ")} (default: miou)`,
      oneOf("--watch", WATCHED_OF_PIXELS),
    ),
    FLAGS.out(),
    FLAGS.resume(),
    FLAGS.checkpointEvery(),
    FLAGS.tensorboard(),
    FLAGS.json(),
  ]);
  command.helpOption("-h, --help", "show this");
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
    return {
      options: { config, data, resume, session, ...keepingOptions(flags) },
      display: new TrainDisplay(output, config, data.train, { prefix: "segment ", module: flags.module }),
    };
  });
}

async function prepare(named: string | undefined, flags: Flags) {
  if (flags.resume !== undefined) {
    const { folder, config: saved } = await resumedRun("segment train", flags.resume, flags, BEGUN_WITH);
    const config = resumedConfig(saved, named, flags);
    const options = { classes: flags.classes ?? config.classList, size: config.size };
    return { config, resume: folder, scenes: await openScenes(flags.data ?? config.data, options) };
  }
  const own = await ownNetworkFrom(flags, named);
  const network = own?.name ?? named;
  if (network === undefined) {
    throw new OptionError(
      `segment train: name a network (${names().join(", ")}), one of your own by --module FILE, or a run to go on with: --resume RUN`,
    );
  }
  if (definitionOf(network).task !== "segmentation") {
    throw new OptionError(
      `segment train: ${network} gives a class a picture; choose one that labels pixels (${names().join(", ")})`,
    );
  }
  if (flags.data === undefined)
    throw new OptionError("segment train: say what to learn from, such as --data scenes or --data ./camvid");
  if (flags.out !== undefined) await checkRunFolder(flags.out);
  const scenes = await openScenes(flags.data, { classes: flags.classes, size: flags.size });
  return { config: await configFor(network, flags.data, scenes, flags, own?.record), resume: undefined, scenes };
}

/** Adam's kind of steps and small batches suit pictures of which every pixel teaches. */
async function configFor(
  network: string,
  data: string,
  { train }: SceneSplits,
  flags: Flags,
  module?: ModuleRecord,
): Promise<TrainingConfig> {
  const [height, width] = flags.crop ?? commonSize(train);
  const weights = classWeights(train, flags.balance ?? "none");
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
  const config = await newConfig(
    network,
    data,
    { train: sceneDataset(train) },
    {
      batchSize: BATCH_SIZE,
      watch: "miou",
      ...flags,
      ...lr,
      ...augment,
      optimizer,
      option,
    },
    module,
  );
  return flags.classes === undefined ? config : { ...config, classList: flags.classes };
}
