/** `fovea eval`: measures a trained model on a data set. */
import type { Command } from "commander";
import { OptionError } from "../../base/errors.js";
import { type TestTimeAugmentation, VIEWS } from "../../data/augment/views.js";
import { openDataset } from "../../data/open-node.js";
import { parseBrokenLimit } from "../../data/open-options.js";
import { isPolicyConfig } from "../../go/training/epochs.js";
import { scalingText } from "../../model/scalings.js";
import type { TrainingConfig } from "../../run/config.js";
import { type ConfusionMatrix, classFigures, confusionText, macroFigures } from "../../train/evaluate/metrics.js";
import { evaluate } from "../../train/train.js";
import { MAP, NETWORK, oneOf, pairOf, wholeOf } from "../options/arguments.js";
import { CLASSES, withClassNames } from "../options/class-names.js";
import { type HalvesFlags, halvesFrom, halvesOfRun, halvesOptions } from "../options/halves.js";
import { type MachineFlags, machineOptions, sessionOptions } from "../options/machine.js";
import { type ModelFlags, openModel } from "../options/model-argument.js";
import { MEAN, type ScalingFlags, STD, scalingOf } from "../options/scaling.js";
import { MODULE } from "../own/own-network.js";
import { Output, percent, seconds, table } from "../terminal/output.js";
import { Progress, showCount } from "../terminal/progress.js";

interface Flags extends ModelFlags, MachineFlags, ScalingFlags, HalvesFlags {
  readonly data?: string;
  readonly split: "train" | "val" | "test";
  readonly maxBroken?: string;
  readonly stream?: boolean;
  readonly crops?: TestTimeAugmentation;
  readonly resize?: number;
  readonly classes?: string;
  readonly json?: boolean;
}

export function evalCommand(program: Command): void {
  machineOptions(
    program
      .command("eval")
      .summary("measure a trained model")
      .description(
        "Measures a trained model: loss, accuracy and confusion matrix over every picture of a data set, each once.",
      )
      .argument("<model>", "a .safetensors or .pth file, or the folder of a run")
      .option(
        "--data <data>",
        "as `fovea train` takes it; pictures are brought to what the network takes (default: what the run learned from)",
      )
      .option("--max-broken <n>", "pictures that may fail to decode, such as 20 or 0.1% (default: 1%)")
      .option(
        "--stream",
        "leave pictures on disk and decode them as they are measured (default: where they take over 512 MiB)",
      )
      .option("--no-stream", "decode all pictures into memory first")
      .option(
        "--split <half>",
        "train, val or test",
        oneOf("--split", ["train", "val", "test"] as const),
        "test" as const,
      )
      .addOption(halvesOptions()[0]!)
      .addOption(halvesOptions()[1]!)
      .addOption(halvesOptions()[2]!)
      .option(
        "--crops <views>",
        `average over views of each picture: ${VIEWS.join(", ")} (default: as the run did, else none)`,
        oneOf("--crops", VIEWS),
      )
      .option(
        "--resize <pixels>",
        "to which picture files are brought before the network's part is cut out, such as 256 (default: the network's size)",
        wholeOf("--resize", 1),
      )
      .option(...CLASSES)
      .option(...NETWORK)
      .option(...MODULE)
      .option("--option <key=value>", "an option of that network; may be repeated", pairOf("--option"))
      .option(...MAP)
      .option(...MEAN)
      .option(...STD),
  )
    .optionsGroup("Output:")
    .option("--json", "one JSON object on standard output, for programs")
    .helpOption("-h, --help", "show this")
    .addHelpText(
      "after",
      `
Examples:
  $ fovea eval runs/lenet5-mnist
  $ fovea eval runs/lenet5-mnist/model.safetensors --data mnist --split train
  $ fovea eval from-pytorch.safetensors --network lenet5 --data mnist --json
  $ fovea eval runs/alexnet-pictures --crops ten --resize 256
  $ fovea eval resnet20.pth --network resnet20 --data cifar10:./cifar-10-batches-bin`,
    )
    .action(evaluateModel);
}

/** Classes of which five are no few. */
const FEW_CLASSES = 10;
/** Classes whose confusion matrix is shown. */
const MOST_IN_MATRIX = 25;
/** Classes that are shown of more. */
const LEAST_FOUND = 10;

/** Those of the run, on its own data, unless said. */
function halvesFor(flags: Flags, config: TrainingConfig | undefined) {
  const halves = halvesFrom(flags);
  return halves !== undefined || flags.data !== undefined || config === undefined ? { halves } : halvesOfRun(config);
}

async function evaluateModel(path: string, flags: Flags): Promise<void> {
  const output = new Output(flags.json ?? false);
  const { split } = flags;
  const opened = await openModel(path, flags, { scaling: scalingOf(flags), note: (text) => output.note(text) });
  const found = { ...opened, model: await withClassNames(opened.model, flags.classes) };
  if (found.config !== undefined && isPolicyConfig(found.config) && flags.data === undefined) {
    throw new OptionError(`eval: ${path} is a policy for Go; measure it with fovea go eval ${path}`);
  }
  const source = flags.data ?? found.config?.data;
  if (source === undefined) throw new OptionError("eval: say what to measure on, such as --data mnist");
  const { input } = found.model;
  const maxBroken = flags.maxBroken ?? found.config?.maxBroken;
  const sets = await openDataset(source, {
    size: flags.resize === undefined ? [input[0]!, input[1]!] : [flags.resize, flags.resize],
    channels: input[2]!,
    maxBroken: maxBroken === undefined ? undefined : parseBrokenLimit(maxBroken),
    stream: flags.stream,
    half: split,
    ...halvesFor(flags, found.config),
    note: (text) => output.note(text),
  });
  const data = sets[split];
  if (data === undefined) {
    throw new OptionError(
      `--split val: ${source} has no pictures of its own to choose by; its test pictures serve for that`,
    );
  }
  // Weights of others were trained on such data, where nothing else is said.
  const { isScalingAssumed, ...said } = found.model;
  const model = isScalingAssumed ? { ...said, scaling: { mean: data.mean, std: data.std } } : said;
  const { halves } = sets;
  const isSplit =
    halves !== undefined && [halves.val, halves.test].every((half) => half === undefined || half === "none");
  if (isSplit && flags.data === undefined && found.config !== undefined && found.config.halves === undefined) {
    output.note(
      `fovea: ${source}: the run is of a version that split pictures by their order, and so they are again; if some were added or taken ` +
        "away since, it is measured on ones that it learned from",
    );
  }
  const views = flags.crops ?? found.config?.testTimeAugmentation ?? (flags.resize === undefined ? undefined : "none");

  const { stream, json } = output;
  const progress =
    json && stream.isTTY !== true
      ? undefined
      : new Progress({ total: data.length, label: "evaluating", unit: "images", stream });
  const result = await evaluate(model, data, {
    ...sessionOptions(flags, (text) => output.note(text)),
    ...(views === undefined ? {} : { testTimeAugmentation: views }),
    top5: model.classes.length > FEW_CLASSES,
    calibration: true,
    onProgress: ({ done }) => progress?.update(done),
  }).finally(() => progress?.stop());

  const { loss, accuracy, samples, confusion, top5, calibration, rocAuc, metrics = {} } = result;
  const macro = macroFigures(confusion);
  output.event({
    model: found.path,
    data: data.name,
    testTimeAugmentation: views ?? "none",
    samples,
    loss,
    accuracy,
    ...(top5 === undefined ? {} : { top5 }),
    ...(rocAuc === undefined ? {} : { rocAuc }),
    ...(calibration === undefined ? {} : { calibration }),
    ...(result.metrics && { metrics }),
    macro,
    confusion,
    classes: classFigures(confusion),
    scaling: model.scaling,
    seconds: result.seconds,
  });
  output.say(
    `${found.path} on ${data.name}: ${showCount(samples)} images in ${seconds(result.seconds)}${views === undefined || views === "none" ? "" : `, test-time augmentation ${views}`}`,
  );
  output.say(`  loss      ${loss.toFixed(4)}`);
  output.say(
    `  accuracy  ${percent(accuracy)} (${showCount(samples * (1 - accuracy))} wrong, error ${percent(1 - accuracy)})`,
  );
  if (top5 !== undefined) output.say(`  top 5     ${percent(top5)}`);
  output.say(
    `  macro F1  ${percent(macro.f1)} (recall ${percent(macro.recall)}, precision ${percent(macro.precision)})`,
  );
  if (rocAuc !== undefined && !Number.isNaN(rocAuc)) output.say(`  ROC AUC   ${rocAuc.toFixed(4)}`);
  if (calibration !== undefined)
    output.say(
      `  calibration error ${percent(calibration.error)}: how far probabilities are from the share that is right, in the mean`,
    );
  for (const [name, value] of Object.entries(metrics)) output.say(`  ${name.padEnd(9)} ${value.toFixed(4)}`);
  output.say(
    `  pixels    ${scalingText(model.scaling)}${isScalingAssumed ? ", the data's: the model does not say" : ""}`,
  );
  output.say();
  const names = confusion.map((_, label) => found.model.classes[label] ?? data.classes[label] ?? String(label));
  if (names.length <= MOST_IN_MATRIX) {
    output.say("Rows are what the pictures show, columns what the network says:");
    output.say(confusionText(confusion, names));
    output.say();
  }
  output.say(classesText(confusion, names));
}

/** Recall and precision of each class, of many those that are found least. */
function classesText(confusion: ConfusionMatrix, names: readonly string[]): string {
  const share = (part: number) => (Number.isNaN(part) ? "" : percent(part));
  const rows = classFigures(confusion)
    .map((figures, label) => ({ label, ...figures }))
    .filter(({ recall, precision }) => !Number.isNaN(recall) || !Number.isNaN(precision));
  const isAll = rows.length <= MOST_IN_MATRIX;
  const shown = isAll ? rows : rows.toSorted((a, b) => (a.recall || 0) - (b.recall || 0)).slice(0, LEAST_FOUND);
  const text = table(
    ["class", "pictures", "recall", "precision", "F1"],
    shown.map(({ label, recall, precision, f1 }) => {
      const pictures = confusion[label]!.reduce((a, b) => a + b, 0);
      return [names[label]!, showCount(pictures), share(recall), share(precision), share(f1)];
    }),
  );
  return isAll
    ? text
    : `The ${LEAST_FOUND} of ${showCount(rows.length)} classes that are found least (--json has the matrix):\n${text}`;
}
