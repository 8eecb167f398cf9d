/** `fovea data`: describes a data set before one trains on it. */
import type { Command } from "commander";
import { OptionError } from "../../../base/errors.js";
import { openDataset } from "../../../data/open-node.js";
import { parseSize } from "../../../data/open-options.js";
import type { Dataset } from "../../../data/sets/dataset.js";
import { type HalvesFlags, halvesFrom, halvesOptions } from "../../options/halves.js";
import { EXIT } from "../../terminal/errors.js";
import { bytes, Output, table, twoColumns } from "../../terminal/output.js";
import { showCount } from "../../terminal/progress.js";
import { previewCommand } from "./preview.js";

interface Flags extends HalvesFlags {
  readonly size?: readonly [number, number];
  readonly json?: boolean;
}

/** Sizes that are shown, the most frequent first. */
const SIZES = 5;

export function dataCommand(program: Command): void {
  const data = program
    .command("data")
    .summary("describe a data set")
    .description(
      "Describes a data set: classes, pictures in each half, their sizes, and every picture that will not decode, by name. " +
        "The exit code is 1 where there are such.",
    )
    .argument("<data>", "as `fovea train --data` takes it")
    .option(
      "--size <pixels>",
      "to which pictures are brought, such as 64 or HEIGHTxWIDTH (default: their own)",
      parseSize,
    )
    .addOption(halvesOptions()[0]!)
    .addOption(halvesOptions()[1]!)
    .addOption(halvesOptions()[2]!)
    .option("--json", "one JSON object on standard output, for programs")
    .helpOption("-h, --help", "show this")
    .addHelpText(
      "after",
      `
Examples:
  $ fovea data ./pictures                   a folder with a sub-folder a class
  $ fovea data cifar10:./cifar-10-batches-bin
  $ fovea data shards:./shards --json
  $ fovea data preview mnist --augment rotate:15   a picture of what training would see`,
    )
    .action(async (data: string, flags: Flags) => {
      process.exitCode = await describe(data, flags);
    });
  previewCommand(data);
}

async function describe(source: string, flags: Flags): Promise<number> {
  if (source === "") throw new OptionError("data: name a data set, such as mnist or ./pictures");
  const output = new Output(flags.json ?? false);
  const sets = await openDataset(source, {
    ...{ size: flags.size, halves: halvesFrom(flags), maxBroken: { part: 1 }, whole: true },
  });
  const { train, val, test, notes = [] } = sets;
  for (const text of notes) output.note(text);
  const halves = val === undefined ? [train, test] : [train, val, test];
  const broken = halves.flatMap((half) => half.report?.broken ?? []);
  output.event({
    data: source,
    classes: train.classes,
    shape: train.shape,
    mean: train.mean,
    std: train.std,
    onDisk: train.stream !== undefined,
    train: factsOf(train),
    ...(val && { val: factsOf(val) }),
    test: factsOf(test),
    broken,
    notes,
  });
  output.say(
    twoColumns([
      ["data", source],
      ["classes", showCount(train.classes.length)],
      ["pictures", halves.map(({ name, length }) => `${showCount(length)} (${name})`).join(", ")],
      ["as", `${train.shape.join("x")}, height x width x channels`],
      ...halves.flatMap((half) => (half.report === undefined ? [] : [["sizes", sizesOf(half)] as const])),
      ...(train.stream === undefined ? [] : [["memory", decodedOf(halves)] as const]),
      ["mean", train.mean.map((value) => value.toFixed(4)).join(", ")],
      ["deviation", train.std.map((value) => value.toFixed(4)).join(", ")],
      ...(train.report?.endings === undefined ? [] : [["files", endingsText(halves)] as const]),
    ]),
  );
  output.say();
  const counts = halves.map(countsOf);
  const rows = train.classes.map((name, label) => [name, ...counts.map((count) => String(count[label]!))]);
  output.say(table(["class", "train", ...(val === undefined ? [] : ["val"]), "test"], rows));
  if (broken.length === 0) return EXIT.ok;
  output.say();
  output.say(`${broken.length} ${broken.length === 1 ? "picture" : "pictures"} will not decode:`);
  for (const { why } of broken) output.say(`  ${why}`);
  return EXIT.failed;
}

/** Of a set on disk; what is measured of its pixels is of a sample. */
function decodedOf(halves: readonly Dataset[]): string {
  const total = halves.reduce((sum, { length, shape }) => sum + length * shape[0] * shape[1] * shape[2], 0);
  return `would take ${bytes(total)}, so that pictures stay on disk and are decoded while a network learns`;
}

function factsOf(half: Dataset) {
  const sizes = half.report === undefined ? null : Object.fromEntries(half.report.sizes);
  return { name: half.name, pictures: half.length, classCounts: countsOf(half), sizes };
}

function countsOf({ classes, labels }: Dataset): number[] {
  const counts = new Array<number>(classes.length).fill(0);
  for (const label of labels) counts[label]!++;
  return counts;
}

function endingsText(halves: readonly Dataset[]): string {
  const counts = new Map<string, number>();
  for (const { report } of halves) {
    for (const [ending, count] of report?.endings ?? []) counts.set(ending, (counts.get(ending) ?? 0) + count);
  }
  return [...counts].map(([ending, count]) => `${showCount(count)} ${ending}`).join(", ");
}

function sizesOf({ name, report }: Dataset): string {
  const sorted = [...(report?.sizes ?? [])].sort(([, a], [, b]) => b - a);
  const shown = sorted.slice(0, SIZES).map(([size, count]) => `${size} (${showCount(count)})`);
  const more = sorted.length > SIZES ? `, and ${sorted.length - SIZES} other sizes` : "";
  return `${shown.join(", ")}${more} (${name})`;
}
