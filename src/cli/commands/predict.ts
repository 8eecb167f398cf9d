/** `fovea predict`: asks a trained model about pictures. */
import { availableParallelism } from "node:os";
import type { Command } from "commander";
import { BackendError, FoveaError, OptionError } from "../../base/errors.js";
import { type TestTimeAugmentation, VIEWS, viewsOf } from "../../data/augment/views.js";
import { checkPreparation, PREPARATIONS, type Preparation, preparationFor } from "../../data/digits/preparation.js";
import { findPictures } from "../../data/sources/picture-files-node.js";
import { EXPECTED_KINDS } from "../../data/sources/picture-kinds.js";
import { createClassifier } from "../../model/classifier.js";
import { viewClassifier } from "../../model/classify-views.js";
import { scalingText } from "../../model/scalings.js";
import type { TrainedModel } from "../../model/trained-model.js";
import { MAP, NETWORK, oneOf, pairOf, wholeOf } from "../options/arguments.js";
import { CLASSES, isNumbered, withClassNames } from "../options/class-names.js";
import { type MachineFlags, machineOptions, sessionOptions } from "../options/machine.js";
import { type ModelFlags, openModel } from "../options/model-argument.js";
import { MEAN, type ScalingFlags, STD, scalingOf } from "../options/scaling.js";
import { MODULE } from "../own/own-network.js";
import { type Answer, Answers, type BrokenPicture } from "../terminal/answers.js";
import { EXIT } from "../terminal/errors.js";
import { mapAhead } from "../terminal/map-ahead.js";
import { Output } from "../terminal/output.js";

interface Flags extends ModelFlags, MachineFlags, ScalingFlags {
  readonly top: number;
  readonly batch: number;
  readonly prepare?: Preparation;
  readonly crops: TestTimeAugmentation;
  readonly resize?: number;
  readonly classes?: string;
  readonly json?: boolean;
}

export function predictCommand(program: Command): void {
  machineOptions(
    program
      .command("predict")
      .summary("ask a trained model about pictures")
      .description(
        `Says what a trained model sees in pictures (${EXPECTED_KINDS}) of any size, one line each with the likeliest classes. ` +
          "For networks that read digits, dark ink on light paper or the other way round is prepared as MNIST's digits were: " +
          "scaled, and centred by mass. A picture that cannot be read is named and skipped; the exit code is then 1.",
      )
      .argument("<model>", "a .safetensors or .pth file, or the folder of a run")
      .argument("<pictures...>", "files, and folders with pictures in them or below")
      .option("--top <n>", "classes to show, the likeliest first", wholeOf("--top", 1), 3)
      .option("--batch <n>", "pictures that are computed at once", wholeOf("--batch", 1), 256)
      .option(
        "--prepare <how>",
        `${PREPARATIONS.join(" or ")} (default: digit for networks that read 28x28 digits, else resize)`,
        oneOf("--prepare", PREPARATIONS),
      )
      .option(
        "--crops <views>",
        `average over views of each picture: ${VIEWS.join(", ")}`,
        oneOf("--crops", VIEWS),
        "none" as const,
      )
      .option(
        "--resize <pixels>",
        "to which pictures are brought before the network's part is cut out, such as 256 (default: the network's size)",
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
    .option("--json", "one JSON object a picture on standard output, for programs")
    .helpOption("-h, --help", "show this")
    .addHelpText(
      "after",
      `
Examples:
  $ fovea predict runs/lenet5-mnist seven.png
  $ fovea predict runs/lenet5-mnist scans/ --top 1
  $ fovea predict runs/lenet5-mnist/model.safetensors scans/ more/*.jpg --json > answers.jsonl`,
    )
    .action(async (path: string, pictures: string[], flags: Flags) => {
      process.exitCode = await predict(path, pictures, flags);
    });
}

/** What was taken of pixels, where a file of others does not say it. */
function scalingNote(path: string, { scaling, isScalingAssumed }: TrainedModel): string {
  const taken = `pixels are scaled by ${scalingText(scaling)}`;
  if (isScalingAssumed !== true) return taken;
  return `${path} does not say how pixels are scaled: ${taken}; say it by --mean and --std, such as --mean imagenet`;
}

interface Read {
  readonly path: string;
  /** Or why there are none. */
  readonly bytes: Uint8Array | FoveaError;
}

/** Numbers that grew too large for 32 bits are no answer. */
function answerOf(picture: string, probabilities: Float32Array): Answer | BrokenPicture {
  if (!probabilities.some(Number.isNaN)) return { picture, probabilities };
  const error = `${picture}: the network's answer is not a number (NaN): its weights are not made for pictures scaled like this`;
  return { picture, error };
}

async function predict(path: string, pictures: readonly string[], flags: Flags): Promise<number> {
  const { batch } = flags;
  const { model: opened } = await openModel(path, flags, {
    scaling: scalingOf(flags),
    note: (text) => new Output(false).note(text),
  });
  const model = await withClassNames(opened, flags.classes);
  const preparation = flags.prepare ?? preparationFor(model.input, model.classes);
  checkPreparation(model.input, preparation);
  const { resize, crops } = flags;
  if (resize !== undefined && preparation === "digit") {
    throw new OptionError("--resize: digits are scaled by their ink; leave it out, or choose --prepare resize");
  }
  const shape = resize === undefined ? model.input : [resize, resize, model.input[2]!];
  viewsOf(crops, shape, model.input, "predict");
  const { files, problems } = await findPictures(pictures);

  // The decoder takes a while to load, which no other command should wait for.
  const { readPicture } = await import("../../data/decode/read-picture-node.js");
  const answers = new Answers(files.length, { top: flags.top, json: flags.json ?? false, classes: model.classes });
  const most = Math.max(1, Math.min(batch, files.length));
  const note = (text: string) => answers.complain(text);
  const classify = await createClassifier(model, { ...sessionOptions(flags, note), batch: most });
  const ask =
    crops === "none" && resize === undefined
      ? async (pictures: readonly Uint8Array[]) => (await classify.all(pictures)).map((said) => said.probabilities)
      : viewClassifier(classify, crops, shape);
  const read = async (file: string): Promise<Read> => {
    const bytes = await readPicture(file, shape, preparation).catch((error: unknown) => {
      if (error instanceof FoveaError && !(error instanceof BackendError)) return error;
      throw error;
    });
    return { path: file, bytes };
  };
  const give = async (group: readonly Read[]) => {
    const good = group.flatMap(({ bytes }) => (bytes instanceof FoveaError ? [] : [bytes]));
    const said = await ask(good);
    let next = 0;
    await answers.give(
      group.map(({ path, bytes }) =>
        bytes instanceof FoveaError ? { picture: path, error: bytes.message } : answerOf(path, said[next++]!),
      ),
    );
  };
  try {
    if (model.isScalingAssumed || flags.mean !== undefined) answers.complain(`fovea: ${scalingNote(path, model)}`);
    if (isNumbered(model)) answers.complain(`fovea: ${path} does not name its classes; name them by --classes FILE`);
    for (const { message } of problems) answers.broken(message);
    // Two pictures a core keep the decoder busy; a batch of them waits while the one before is computed.
    const running = Math.max(4, 2 * availableParallelism());
    let group: Read[] = [];
    for await (const picture of mapAhead(files, read, { running, ahead: most + running })) {
      group.push(picture);
      if (group.length < most) continue;
      await give(group);
      group = [];
      if (answers.unread) break;
    }
    if (group.length > 0) await give(group);
    answers.end();
    return answers.brokenCount === 0 ? EXIT.ok : EXIT.failed;
  } finally {
    answers.stop();
    await classify.close();
  }
}
