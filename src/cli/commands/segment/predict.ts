/** `fovea segment predict`: labels pictures, as overlays to look at, label pictures, or runs in JSON. */
import { mkdir } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import type { Command } from "commander";
import { BackendError, FoveaError, OptionError } from "../../../base/errors.js";
import { jsonText } from "../../../base/text.js";
import { decodeShrunk } from "../../../data/decode/read-picture-node.js";
import { findPictures } from "../../../data/sources/picture-files-node.js";
import { EXPECTED_KINDS } from "../../../data/sources/picture-kinds.js";
import { checkFolderWritable, writeFileAtomically } from "../../../host/atomic-write-node.js";
import { readWholeFile } from "../../../host/read-node.js";
import type { ClassList } from "../../../segmentation/class-list.js";
import { createLabeller, type Labeller } from "../../../segmentation/labeller.js";
import { classListOf } from "../../../segmentation/open-scenes-node.js";
import { toRuns } from "../../../segmentation/run-lengths.js";
import { MAP, NETWORK, pairOf, wholeOf } from "../../options/arguments.js";
import { type MachineFlags, machineOptions, sessionOptions } from "../../options/machine.js";
import type { ModelFlags } from "../../options/model-argument.js";
import { MODULE } from "../../own/own-network.js";
import { EXIT } from "../../terminal/errors.js";
import { Output } from "../../terminal/output.js";
import { classesOf, openSegmenter } from "./options.js";

interface Flags extends MachineFlags, ModelFlags {
  readonly out: string;
  readonly overlay?: boolean;
  readonly labels?: boolean;
  readonly runs?: boolean;
  readonly classes?: string;
  readonly vote?: boolean;
  readonly tile?: number;
  readonly json?: boolean;
}

export function segmentPredictCommand(segment: Command): void {
  const command = segment
    .command("predict")
    .summary("label pictures of any size")
    .description(
      `Labels every pixel of pictures (${EXPECTED_KINDS}) of any size, large ones in tiles. Writes NAME.overlay.png unless something else is asked for. ` +
        "A picture that cannot be read is named and skipped; the exit code is then 1.",
    )
    .argument("<model>", "a .safetensors or .pth file, or the folder of a run")
    .argument("<pictures...>", "files, and folders with pictures in them or below")
    .option("--overlay", "NAME.overlay.png: the classes' colours over the picture, with a legend")
    .option("--labels", "NAME.labels.png: class numbers as grey values")
    .option("--runs", "NAME.json: height, width, classes, and runs of labels row by row, [class, length, ...]")
    .option("--out <folder>", "where they go", ".")
    .option("--classes <file>", "a JSON file with the classes' colours, or camvid")
    .option("--vote", "let superpixels vote, for sharp borders")
    .option("--tile <pixels>", "label pictures larger than this in tiles (default: 1024)", wholeOf("--tile", 1))
    .option(
      "--option <key=value>",
      "set an option of the network anew, such as instances=1; may be repeated",
      pairOf("--option"),
    )
    .option(...NETWORK)
    .option(...MODULE)
    .option(...MAP)
    .option("--json", "one JSON object a picture on standard output, for programs")
    .helpOption("-h, --help", "show this");
  machineOptions(command).action(async (path: string, pictures: string[], flags: Flags) => {
    process.exitCode = await predict(path, pictures, flags);
  });
}

async function predict(path: string, pictures: readonly string[], flags: Flags): Promise<number> {
  await checkFolderWritable(flags.out);
  const output = new Output(flags.json ?? false);
  const { model, config } = await openSegmenter(path, flags, (text) => output.note(text));
  const list = classesOf(model, await listOf(flags, config?.data, config?.classList));
  const { files, problems } = await findPictures(pictures);
  const { tile, vote = false } = flags;
  const labeller = await createLabeller(model, {
    ...sessionOptions(flags, (text) => output.note(text)),
    ...(tile !== undefined && { tile }),
    vote,
  });
  let failed = problems.length;
  for (const { message } of problems) output.note(`fovea: ${message}`);
  try {
    await mkdir(flags.out, { recursive: true });
    const taken = new Set<string>();
    for (const file of files) {
      try {
        await labelOne(file, nameFor(file, taken), labeller, list, flags, output);
      } catch (error) {
        if (!(error instanceof FoveaError) || error instanceof OptionError || error instanceof BackendError)
          throw error;
        output.note(`fovea: ${error.message}`);
        output.event({ picture: file, error: error.message });
        failed++;
      }
    }
  } finally {
    await labeller.close();
  }
  return failed === 0 ? EXIT.ok : EXIT.failed;
}

async function listOf(
  { classes }: Flags,
  data: string | undefined,
  named: string | undefined,
): Promise<ClassList | undefined> {
  if (classes !== undefined) return classListOf("", classes);
  // What the run learned from may have gone; then colours are made up.
  return data === undefined ? undefined : classListOf(data, named).catch(() => undefined);
}

/** Pictures of the same name in several folders get numbers. */
function nameFor(file: string, taken: Set<string>): string {
  const stem = basename(file, extname(file));
  let name = stem;
  for (let n = 2; taken.has(name); n++) name = `${stem}-${n}`;
  taken.add(name);
  return name;
}

async function labelOne(
  file: string,
  name: string,
  labeller: Labeller,
  list: ClassList,
  flags: Flags,
  output: Output,
): Promise<void> {
  const picture = await decodeShrunk(file, await readWholeFile(file), 3, () => 1);
  const started = performance.now();
  const labels = await labeller.label(picture);
  const milliseconds = performance.now() - started;
  const { height, width } = picture;
  const written: string[] = [];
  const write = async (ending: string, bytes: Uint8Array | string) => {
    const path = join(flags.out, `${name}.${ending}`);
    await writeFileAtomically(path, [bytes]);
    written.push(path);
  };
  if (flags.overlay || !(flags.labels || flags.runs)) {
    const { overlayPng } = await import("../../../segmentation/overlay-node.js");
    await write("overlay.png", await overlayPng(picture, labels, list));
  }
  if (flags.labels) {
    const { encodeIndices } = await import("../../../segmentation/read-labels-node.js");
    await write("labels.png", await encodeIndices(labels, height, width, list));
  }
  if (flags.runs) {
    const classes = list.classes.map((entry) => entry.name);
    await write("json", `${jsonText({ picture: file, height, width, classes, runs: toRuns(labels) })}\n`);
  }
  const counts = new Array<number>(list.classes.length).fill(0);
  for (const label of labels) counts[label]!++;
  const shares = counts
    .map((count, i) => ({ class: list.classes[i]!.name, share: count / labels.length }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => b.share - a.share);
  output.event({ picture: file, height, width, classes: shares, files: written, milliseconds });
  const largest = shares.slice(0, 4).map((entry) => `${entry.class} ${Math.round(100 * entry.share)}%`);
  output.say(`${file}: ${largest.join(", ")}  (${milliseconds.toFixed(0)} ms) ${written.join(", ")}`);
}
