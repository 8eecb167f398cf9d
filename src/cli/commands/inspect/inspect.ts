/** `fovea inspect`: a page that shows what a model does with a picture, or with a position of Go. */

import { basename, extname } from "node:path";
import type { Command } from "commander";
import { OptionError } from "../../../base/errors.js";
import { PREPARATIONS } from "../../../data/digits/preparation.js";
import { EXPECTED_KINDS, hasPictureName } from "../../../data/sources/picture-kinds.js";
import { checkFileWritable } from "../../../host/atomic-write-node.js";
import type { TrainedModel } from "../../../model/trained-model.js";
import type { CountProgress } from "../../../train/records.js";
import { MAP, NETWORK, oneOf, pairOf, wholeOf } from "../../options/arguments.js";
import { machineOptions, sessionOptions } from "../../options/machine.js";
import { openModel } from "../../options/model-argument.js";
import { MEAN, STD, scalingOf } from "../../options/scaling.js";
import { MODULE } from "../../own/own-network.js";
import { Output, quoted } from "../../terminal/output.js";
import { Progress } from "../../terminal/progress.js";
import type { InspectFlags, Inspection, Said } from "./inspection.js";

export function inspectCommand(program: Command): void {
  const command = program
    .command("inspect")
    .summary("show what a model does with a picture, or with a position of Go")
    .description(
      "Writes a page that shows what a model does with a picture: what it says, which places made it say so (Grad-CAM, " +
        "saliency, occlusion), what every layer gives, and the filters of every layer. With --data also what excites the strongest " +
        "units most in a data set. Of a model that labels pixels, the heat is about the pixels of one class, or one pixel; a policy " +
        "for Go is asked about a position of a game. The page is one file, without scripts.",
    )
    .argument("<model>", "a .safetensors or .pth file, or the folder of a run")
    .argument("<input>", "a picture; for a network that plays Go, a game in SGF")
    .option("--out <file>", "the page (default: the input's name with .inspect.html)")
    .option("--layer <path>", "the layer of Grad-CAM (default: the last convolution that still knows places)")
    .option(
      "--class <name>",
      "the class that is asked about, by name or number, or a point such as D4 (default: the likeliest, or that of most pixels)",
    )
    .option("--top <n>", "answers to show, the likeliest first", wholeOf("--top", 1), 5)
    .option("--no-occlusion", "grey no squares and take no stones away, which takes about a hundred answers")
    .option(
      "--data <data>",
      "a data set to look through, as the network was trained on; for Go, a store or games in SGF",
    )
    .option("--pictures <n>", "how many of its test pictures or positions", wholeOf("--pictures", 1), 1000)
    .option(...NETWORK)
    .option(...MODULE)
    .option("--option <key=value>", "an option of that network; may be repeated", pairOf("--option"))
    .option(...MAP)
    .option(...MEAN)
    .option(...STD)
    .option("--json", "one JSON object on standard output, for programs")
    .helpOption("-h, --help", "show this")
    .optionsGroup("Networks that name a picture:")
    .option(
      "--prepare <how>",
      `${PREPARATIONS.join(" or ")} (default: digit for networks that read 28x28 digits, else resize)`,
      oneOf("--prepare", PREPARATIONS),
    )
    .optionsGroup("Networks that label pixels:")
    .option(
      "--at <row,column>",
      "the pixel that is asked about, counted from 0 (default: all pixels of the class)",
      place,
    )
    .option(
      "--longest-side <pixels>",
      "larger pictures are made smaller to this (default: 512)",
      wholeOf("--longest-side", 1),
    )
    .option("--classes <file>", "a JSON file with the classes' colours, or camvid")
    .optionsGroup("Networks that play Go:")
    .option("--move <n>", "the position before this move of the game (default: the end)", wholeOf("--move", 1));
  machineOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  $ fovea inspect runs/lenet5-mnist seven.png
  $ fovea inspect runs/lenet5-mnist seven.png --class 1 --layer conv1 --data mnist
  $ fovea inspect runs/unet-camvid street.png --class car
  $ fovea inspect runs/unet-camvid street.png --at 120,64
  $ fovea inspect policy.safetensors game.sgf --move 57 --out move57.html
  $ fovea inspect resnet50.pth cat.jpg --network resnet50 --out cat.html`,
    )
    .action(inspect);
}

/** `120,64`. */
function place(text: string): readonly [number, number] {
  const [, row, column] = /^\s*(\d+)\s*,\s*(\d+)\s*$/.exec(text) ?? [];
  if (row !== undefined && column !== undefined) return [Number(row), Number(column)];
  throw new OptionError(`--at ${text}: expected ROW,COLUMN counted from 0, such as 120,64`);
}

type Kind = "picture" | "pixels" | "go";

/** Flags that are of one kind of network alone. */
const OWN: readonly (readonly [keyof InspectFlags, string, Kind])[] = [
  ["prepare", "--prepare: is for networks that name a picture", "picture"],
  ["at", "--at: is for networks that label pixels", "pixels"],
  ["longestSide", "--longest-side: is for networks that label pixels", "pixels"],
  ["classes", "--classes: is for networks that label pixels", "pixels"],
  ["move", "--move: is of a game, for networks that play Go", "go"],
];

async function inspect(path: string, subject: string, flags: InspectFlags): Promise<void> {
  const { layer, at, top, occlusion, pictures } = flags;
  const out = flags.out ?? `${basename(subject, extname(subject))}.inspect.html`;
  const output = new Output(flags.json ?? false);
  const found = await openModel(path, flags, { scaling: scalingOf(flags), note: (text) => output.note(text) });
  const kind = await kindOf(found.model);
  const name = found.model.network?.name ?? basename(found.path);
  const stray = OWN.find(([flag, , own]) => flags[flag] !== undefined && own !== kind);
  if (stray !== undefined) throw new OptionError(`${stray[1]}; ${name} is none: leave it out`);
  checkSubject(subject, kind, name);
  await checkFileWritable(out);
  const { stream, json } = output;
  let progress: Progress | undefined;
  const run = {
    found,
    subject,
    flags,
    out,
    options: {
      names: { model: name, picture: basename(subject) },
      layer,
      at,
      top,
      occlusion,
      mostPictures: pictures,
      onProgress({ done, total }: CountProgress) {
        if (json && stream.isTTY !== true) return;
        progress ??= new Progress({ total, label: "occluding", unit: "answers", stream });
        progress.update(done);
      },
      ...sessionOptions(flags, (text) => output.note(text)),
    },
  };
  try {
    const { text, event } = await (await lookerOf(kind))(run);
    progress?.stop();
    output.event({ page: run.out, ...event });
    output.say(text);
    output.note(`fovea: wrote ${quoted(run.out)}`);
  } finally {
    progress?.stop();
  }
}

async function lookerOf(kind: Kind): Promise<(run: Inspection) => Promise<Said>> {
  if (kind === "go") return (await import("./go.js")).inspectGame;
  if (kind === "pixels") return (await import("./scene.js")).inspectScene;
  return (await import("./picture.js")).inspectPicture;
}

async function kindOf(model: TrainedModel): Promise<Kind> {
  if (model.module.loss?.kind === "pixelCrossEntropy") return "pixels";
  const { playsGo } = await import("./go.js");
  return playsGo(model) ? "go" : "picture";
}

const GAME = /\.sgf(\.gz)?$/i;

/** @throws OptionError on a picture for Go, and on a game for anything else. */
function checkSubject(subject: string, kind: Kind, name: string): void {
  if (kind === "go" && hasPictureName(subject))
    throw new OptionError(`${subject}: is a picture, but ${name} plays Go: give a game in SGF, such as game.sgf`);
  if (kind !== "go" && GAME.test(subject))
    throw new OptionError(
      `${subject}: is a game of Go, but ${name} takes pictures (${EXPECTED_KINDS}); games are for models of fovea go train`,
    );
}
