/** `fovea inspect`: a page that shows what a model does with a picture. */
import { basename, extname } from "node:path";
import type { Command } from "commander";
import type { Subject } from "../analysis/inspect/inspect-node.js";
import { openDataset } from "../data/open-node.js";
import { checkPreparation, PREPARATIONS, type Preparation, preparationFor } from "../data/preparation.js";
import { OptionError, unknownName } from "../errors.js";
import { BACKEND_NAMES, type BackendName } from "../runtime/backend.js";
import type { TrainedModel } from "../train/trained-model.js";
import { networkOptions, oneOf, pairOf, wholeOf } from "./arguments.js";
import { openModel } from "./model-argument.js";
import { Output, percent, quoted } from "./output.js";

interface Flags {
  readonly out?: string;
  readonly layer?: string;
  readonly class?: string;
  readonly move?: number;
  readonly top: number;
  readonly occlusion: boolean;
  readonly data?: string;
  readonly pictures: number;
  readonly prepare?: Preparation;
  readonly network?: string;
  readonly option?: Readonly<Record<string, string>>;
  readonly threads?: number;
  readonly backend?: BackendName;
  readonly json?: boolean;
}

export function inspectCommand(program: Command): void {
  program
    .command("inspect")
    .summary("show what a model does with a picture")
    .description(
      "Writes a page that shows what a model does with a picture: what it says, which places made it say so (Grad-CAM, " +
        "saliency, occlusion), what every layer gives, and the filters of every layer. With --data also the pictures of a data " +
        "set that excite the strongest units most. The page is one file, without scripts.",
    )
    .argument("<model>", "a .safetensors or .pth file, or the folder of a run")
    .argument("<picture>", "PNG, JPEG or WebP; for a network that plays Go, a game in SGF")
    .option("--out <file>", "the page (default: the picture's name with .inspect.html)")
    .option("--layer <path>", "the layer of Grad-CAM (default: the last convolution that still knows places)")
    .option("--class <name>", "the class that is asked about, by name or number (default: the likeliest)")
    .option("--move <n>", "the position before this move of the game (default: the last)", wholeOf("--move", 1))
    .option("--top <n>", "classes to show, the likeliest first", wholeOf("--top", 1), 5)
    .option("--no-occlusion", "grey no squares, which takes about a hundred answers")
    .option("--data <data>", "a data set to look through, as `fovea train --data` takes it")
    .option("--pictures <n>", "how many of its test pictures", wholeOf("--pictures", 1), 1000)
    .option(
      "--prepare <how>",
      `${PREPARATIONS.join(" or ")} (default: digit for networks that read 28x28 digits, else resize)`,
      oneOf("--prepare", PREPARATIONS),
    )
    .option("--network <name>", "whose weights these are, for a file that does not say it")
    .option("--option <key=value>", "an option of that network; may be repeated", pairOf("--option"))
    .option("--threads <n>", "worker threads (default: all processors)", wholeOf("--threads", 1))
    .option("--backend <name>", `${BACKEND_NAMES.join(", ")} (default: the fastest)`, oneOf("--backend", BACKEND_NAMES))
    .option("--json", "one JSON object on standard output, for programs")
    .helpOption("-h, --help", "show this")
    .addHelpText(
      "after",
      `
Examples:
  $ fovea inspect runs/lenet5-mnist seven.png
  $ fovea inspect runs/lenet5-mnist seven.png --class 1 --layer conv1 --data mnist
  $ fovea inspect policy.safetensors game.sgf --move 57 --out move57.html
  $ fovea inspect resnet50.pth cat.jpg --network resnet50 --out cat.html`,
    )
    .action(inspect);
}

async function inspect(path: string, picture: string, flags: Flags): Promise<void> {
  const { network, layer, top, occlusion, threads, backend } = flags;
  if (flags.option !== undefined && network === undefined)
    throw new OptionError("--option: options are of the network that --network names; give both");
  const options = network === undefined ? undefined : networkOptions(network, flags.option);
  const { model, path: file } = await openModel(path, { network, options });
  const target = flags.class === undefined ? undefined : classNamed(flags.class, model);
  const output = new Output(flags.json ?? false);
  const note = (text: string) => output.note(text);
  const isGame = extname(picture).toLowerCase() === ".sgf";
  if (flags.move !== undefined && !isGame)
    throw new OptionError("--move: is of a game; give a .sgf file, or leave it out");
  const subject = isGame
    ? await (await import("./inspect-go.js")).goSubject(picture, model, flags.move)
    : await readSubject(picture, model, flags.prepare);
  const [height, width, channels] = model.input as [number, number, number];
  const data =
    flags.data === undefined
      ? undefined
      : (await openDataset(flags.data, { size: [height, width], channels, note })).test;
  const { writeInspection } = await import("../analysis/inspect/inspect-node.js");
  const out = flags.out ?? `${basename(picture, extname(picture))}.inspect.html`;
  const look = await writeInspection(out, model, subject, {
    names: { model: model.network?.name ?? basename(file), picture: basename(picture) },
    layer,
    target,
    top,
    // Grey is no square of a board.
    occlusion: occlusion && !isGame,
    threads,
    backend,
    note,
    data,
    mostPictures: flags.pictures,
  });
  const name = (label: number) => model.classes[label] ?? String(label);
  const { label, probabilities, gradCam } = look;
  output.event({
    page: out,
    label,
    class: name(label),
    probability: probabilities[label],
    target: look.target,
    gradCam: { layer: gradCam.path, height: gradCam.height, width: gradCam.width, heat: [...gradCam.data] },
  });
  output.say(`${picture}: ${name(label)} (${percent(probabilities[label]!)})`);
  output.note(`fovea: wrote ${quoted(out)}`);
}

async function readSubject(path: string, model: TrainedModel, asked: Preparation | undefined): Promise<Subject> {
  const preparation = asked ?? preparationFor(model.input, model.classes);
  checkPreparation(model.input, preparation);
  const { readPicture } = await import("../data/read-picture-node.js");
  const { pictureSubject } = await import("../analysis/inspect/inspect-node.js");
  return pictureSubject(await readPicture(path, model.input, preparation), model);
}

function classNamed(text: string, { classes }: TrainedModel): number {
  const named = classes.indexOf(text);
  if (named >= 0) return named;
  const number = Number(text);
  if (Number.isInteger(number) && number >= 0 && number < classes.length && text.trim() !== "") return number;
  throw unknownName("class", text, classes);
}
