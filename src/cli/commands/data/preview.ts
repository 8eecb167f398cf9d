/** `fovea data preview`: a picture of what training would see of a data set. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { Command } from "commander";
import { OptionError } from "../../../base/errors.js";
import { describeAugmentation, PRESETS, parseAugmentation } from "../../../data/augment/grammar.js";
import { TRANSFORM_KINDS } from "../../../data/augment/transform.js";
import { openDataset } from "../../../data/open-node.js";
import { parseSize } from "../../../data/open-options.js";
import { checkFolderWritable, writeFileAtomically } from "../../../host/atomic-write-node.js";
import { networkOptions, oneOf, pairOf, wholeOf } from "../../options/arguments.js";
import { type HalvesFlags, halvesFrom } from "../../options/halves.js";
import { MODULE } from "../../own/own-network.js";
import { type OwnFlags, ownNetworkFrom } from "../../own/record.js";
import { Output } from "../../terminal/output.js";
import { newConfig, openOptionsOf, usualInput } from "../train/config.js";

interface Flags extends HalvesFlags, OwnFlags {
  readonly augment?: string;
  readonly network?: string;
  readonly option?: Readonly<Record<string, string>>;
  readonly size?: readonly [number, number];
  readonly maxBroken?: string;
  readonly split: "train" | "val" | "test";
  readonly seed: number;
  readonly count: number;
  readonly out: string;
  readonly json?: boolean;
}

export function previewCommand(data: Command): void {
  data
    .command("preview")
    .summary("a picture of what training would see")
    .description(
      "Draws a sheet of a data set's pictures: each as it is, and beside it as each of the first epochs would see it, with the same " +
        "transforms and the same seed as `fovea train` of these flags. Without --augment, more pictures as they are.",
    )
    .argument("<data>", "as `fovea train --data` takes it")
    .option(
      "--augment <list>",
      `${Object.keys(PRESETS).join(", ")}, or a list such as padCrop:4,flip,cutout:8 (of ${TRANSFORM_KINDS.join(", ")})`,
    )
    .option("--network <name>", "for which network; one that takes pictures of this size unless said")
    .option(...MODULE)
    .option("--option <key=value>", "an option of that network; may be repeated", pairOf("--option"))
    .option(
      "--size <pixels>",
      "to which pictures are brought, such as 64 or HEIGHTxWIDTH (default: their own)",
      parseSize,
    )
    .option("--max-broken <n>", "pictures that may fail to decode, such as 20 or 0.1% (default: 1%)")
    .option(
      "--split <half>",
      "train, val or test",
      oneOf("--split", ["train", "val", "test"] as const),
      "train" as const,
    )
    .option("--seed <n>", "of the training", wholeOf("--seed", 0), 0)
    .option("--count <n>", "rows", wholeOf("--count", 1), 8)
    .option("--out <file>", "the picture, a PNG", "preview.png")
    .option("--json", "one JSON object on standard output, for programs")
    .helpOption("-h, --help", "show this")
    .addHelpText(
      "after",
      `
Examples:
  $ fovea data preview mnist --augment 'rotate:15,translate:0.1'
  $ fovea data preview ./pictures --size 128 --augment imagenet --out imagenet.png
  $ fovea data preview cifar10:./cifar-10-batches-bin --augment 'cifar,cutout:8' --count 12`,
    )
    .action(preview);
}

async function preview(source: string, given: Flags, command: Command): Promise<void> {
  // Flags that `fovea data` has as well are taken by it.
  const flags: Flags = { ...given, ...(command.parent?.opts() as Partial<Flags>) };
  const { seed, count, out } = flags;
  const network = (await ownNetworkFrom(flags, flags.network))?.name ?? flags.network;
  if (!/\.png$/i.test(out))
    throw new OptionError(`--out ${out}: the sheet is a PNG; expected a name that ends in .png`);
  if (flags.option !== undefined && network === undefined) {
    throw new OptionError("--option: options are of the network that --network names; give both");
  }
  await checkFolderWritable(dirname(out));
  const output = new Output(flags.json ?? false);
  const usual = network === undefined ? undefined : usualInput(network, networkOptions(network, flags.option));
  const options = openOptionsOf(flags, usual, (text) => output.note(text));
  const sets = await openDataset(source, { ...options, halves: halvesFrom(flags) });
  const data = sets[flags.split];
  if (data === undefined) throw new OptionError(`--split val: ${source} has no pictures of its own to choose by`);
  // As training would choose them: a network fits the pictures where it can.
  const config = network === undefined ? undefined : await newConfig(network, source, sets, flags);
  const target = config === undefined ? data.shape : usualInput(config.network, config.options)!;
  const augment = flags.augment === undefined ? undefined : parseAugmentation(flags.augment, target);
  // Drawing loads libraries that no other command should wait for.
  const { previewSheet } = await import("../../../analysis/preview/preview-node.js");
  const sheet = await previewSheet(data, { target, augment, seed, count });
  await mkdir(dirname(out), { recursive: true });
  await writeFileAtomically(out, [sheet]);
  output.event({ data: data.name, augment: augment ?? null, seed, target, file: out });
  output.say(`Wrote ${out}: ${data.name}${augment === undefined ? "" : `, ${describeAugmentation(augment)}`}.`);
}
