/**
 * `fovea segment eval`: pixel and class accuracy, mean IoU and the confusion of a trained network on labelled scenes.
 */
import type { Command } from "commander";
import { parseSize } from "../../../data/open-options.js";
import { checkFileWritable, writeFileAtomically } from "../../../host/atomic-write-node.js";
import { evaluateScenes, type SegmentationEvaluation } from "../../../segmentation/evaluate.js";
import { createLabeller } from "../../../segmentation/labeller.js";
import { openScenes } from "../../../segmentation/open-scenes-node.js";
import type { SceneSet } from "../../../segmentation/scene-set.js";
import { confusionText } from "../../../train/evaluate/metrics.js";
import { MAP, NETWORK, oneOf, pairOf, wholeOf } from "../../options/arguments.js";
import { type MachineFlags, machineOptions, sessionOptions } from "../../options/machine.js";
import type { ModelFlags } from "../../options/model-argument.js";
import { MODULE } from "../../own/own-network.js";
import { Output, percent, seconds, table } from "../../terminal/output.js";
import { Progress } from "../../terminal/progress.js";
import { openSegmenter, scenesOf } from "./options.js";

interface Flags extends MachineFlags, ModelFlags {
  readonly data?: string;
  readonly classes?: string;
  readonly size?: readonly [number, number];
  readonly split: "train" | "test";
  readonly vote?: boolean;
  readonly tile?: number;
  readonly report?: string;
  readonly json?: boolean;
}

export function segmentEvalCommand(segment: Command): void {
  const command = segment
    .command("eval")
    .summary("measure a trained network on labelled scenes")
    .description(
      "Measures a trained network on scenes of any size: the share of pixels and of classes that are right, mean IoU, and which is taken for which.",
    )
    .argument("<model>", "a .safetensors or .pth file, or the folder of a run")
    .option("--data <data>", "as `fovea segment train` takes it (default: what the run learned from)")
    .option("--classes <file>", "a JSON file with the classes, or camvid")
    .option("--size <pixels>", "to which pictures and labels are brought", parseSize)
    .option("--split <half>", "train or test", oneOf("--split", ["train", "test"] as const), "test" as const)
    .option("--vote", "let superpixels vote")
    .option("--tile <pixels>", "label pictures larger than this in tiles (default: 1024)", wholeOf("--tile", 1))
    .option(
      "--option <key=value>",
      "set an option of the network anew, such as instances=1; may be repeated",
      pairOf("--option"),
    )
    .option(...NETWORK)
    .option(...MODULE)
    .option(...MAP)
    .option("--report <file>", "a page with the figures and the worst and best scenes, such as report.html")
    .option("--json", "one JSON object on standard output, for programs")
    .helpOption("-h, --help", "show this");
  machineOptions(command).action((path: string, flags: Flags) => evaluate(path, flags));
}

async function evaluate(path: string, flags: Flags): Promise<void> {
  if (flags.report !== undefined) await checkFileWritable(flags.report);
  const output = new Output(flags.json ?? false);
  const { model, config } = await openSegmenter(path, flags, (text) => output.note(text));
  const { data, options } = scenesOf(config, flags);
  const scenes = (await openScenes(data, options))[flags.split];
  const { tile, vote = false } = flags;
  const labeller = await createLabeller(model, {
    ...sessionOptions(flags, (text) => output.note(text)),
    ...(tile !== undefined && { tile }),
    vote,
  });
  const progress = new Progress({
    total: scenes.scenes.length,
    label: "eval",
    unit: "images",
    done: 0,
    stream: output.stream,
  });
  try {
    const said: Uint8Array[] = [];
    const result = await evaluateScenes(labeller, scenes, {
      onProgress({ done, labels }) {
        if (flags.report !== undefined) said.push(labels);
        progress.update(done, {});
      },
    });
    progress.stop();
    if (flags.report !== undefined) await writeReport(flags.report, `${path} on ${scenes.name}`, result, scenes, said);
    const { pixelAccuracy, classAccuracy, meanIoU, classes, confusion } = result;
    const names = scenes.classes.classes.map(({ name }) => name);
    output.event({
      data: scenes.name,
      pictures: scenes.scenes.length,
      pixelAccuracy,
      classAccuracy,
      meanIoU,
      classes: classes.map((figures, i) => ({ name: names[i], ...figures })),
      confusion,
      scenes: result.scenes,
      seconds: result.seconds,
    });
    const speed = scenes.scenes.length / result.seconds;
    output.say(
      `${scenes.name}: ${scenes.scenes.length} pictures in ${seconds(result.seconds)}, ${speed.toFixed(1)} a second\n`,
    );
    output.say(`  pixels    ${percent(pixelAccuracy)}`);
    output.say(`  classes   ${percent(classAccuracy)}`);
    output.say(`  mean IoU  ${percent(meanIoU)}\n`);
    const figure = (x: number) => (Number.isNaN(x) ? "" : percent(x));
    const rows = classes.map((c, i) => [names[i]!, figure(c.share), figure(c.accuracy), figure(c.iou)]);
    output.say(table(["class", "of pixels", "found", "IoU"], rows));
    output.say("\nRows are what the pictures show, columns what the network says, in thousandths of the row:");
    const thousandths = confusion.map((row) => {
      const sum = row.reduce((a, b) => a + b, 0);
      return row.map((n) => (sum === 0 ? 0 : Math.round((1000 * n) / sum)));
    });
    output.say(confusionText(thousandths, names));
    const ranked = [...result.scenes].sort((a, b) => a.pixelAccuracy - b.pixelAccuracy);
    if (ranked.length > 1)
      output.say(
        `\nWorst ${ranked[0]!.name} (${percent(ranked[0]!.pixelAccuracy)}), best ${ranked.at(-1)!.name} (${percent(ranked.at(-1)!.pixelAccuracy)}).`,
      );
  } finally {
    progress.stop();
    await labeller.close();
  }
}

const SHOWN = 4;

async function writeReport(
  file: string,
  title: string,
  result: SegmentationEvaluation,
  { classes, scenes }: SceneSet,
  said: readonly Uint8Array[],
): Promise<void> {
  const { segmentationPage } = await import("../../../segmentation/report-node.js");
  const ranked = scenes
    .map((scene, i) => ({ scene, labels: said[i]!, pixelAccuracy: result.scenes[i]!.pixelAccuracy }))
    .sort((a, b) => a.pixelAccuracy - b.pixelAccuracy);
  const worst = ranked.slice(0, SHOWN);
  const best = ranked.slice(SHOWN).reverse().slice(0, SHOWN);
  await writeFileAtomically(file, [await segmentationPage({ title, result, classes, worst, best })]);
}
