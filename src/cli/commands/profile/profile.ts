/** `fovea profile`: where a network's time goes, layer by layer. */
import type { Command } from "commander";
import type { Profile, ProfiledProgram } from "../../../analysis/profile/profile-node.js";
import { OptionError } from "../../../base/errors.js";
import { BACKEND_NAMES, type BackendName } from "../../../devices/machine-options.js";
import { checkFileWritable, checkFolderWritable } from "../../../host/atomic-write-node.js";
import { networkParts } from "../../../model/trained-model.js";
import { modulesOf } from "../../../nn/index.js";
import { usualOptimizer } from "../../../train/defaults.js";
import { OPTIMIZERS, type OptimizerName } from "../../../train/optimizers/index.js";
import { bytesOf, MAP, NETWORK, oneOf, pairOf, wholeOf } from "../../options/arguments.js";
import { PROCESSOR } from "../../options/machine.js";
import {
  findNetwork,
  inputSize,
  isInside,
  NETWORK_ARGUMENT,
  type NetworkFlags,
  noSuchLayer,
} from "../../options/network-argument.js";
import { MODULE } from "../../own/own-network.js";
import { EXIT } from "../../terminal/errors.js";
import { Output, quoted } from "../../terminal/output.js";
import { StopRequest } from "../../terminal/stop.js";
import { profileMarkdown, profileText } from "./text.js";

interface Flags extends NetworkFlags {
  readonly batch?: number;
  readonly train?: boolean;
  readonly infer?: boolean;
  readonly layer?: string;
  readonly all?: boolean;
  readonly threads?: number;
  readonly repeats?: number;
  readonly optimizer?: OptimizerName;
  readonly backend?: BackendName;
  readonly winograd: boolean;
  readonly memoryLimit?: number;
  readonly svg?: string;
  readonly out?: string;
  readonly markdown?: boolean;
  readonly json?: boolean;
}

export function profileCommand(program: Command): void {
  program
    .command("profile")
    .summary("show where a network's time goes, layer by layer")
    .description(
      "Times every step of inference and of training, and shows for each layer, forward and backward: the strategy, the time and its " +
        "share, operations a second, bytes moved, operations a byte, and how much of the roofline it reaches. The roofline is the " +
        "peak of multiply-adds and the speed of memory, measured in the same run. Weights and pictures are random numbers, which makes " +
        "no difference to the time. Ctrl-C takes what was measured.",
    )
    .argument(...NETWORK_ARGUMENT)
    .option("--batch <n>", "pictures at once (default: 16)", wholeOf("--batch", 1))
    .option("--input <size>", "pictures of another size, such as 320x240 (height, width)", inputSize)
    .option("--option <key=value>", "an option of the network, such as classes=26; may be repeated", pairOf("--option"))
    .option(...NETWORK)
    .option(...MODULE)
    .option(...MAP)
    .option("--infer", "inference alone")
    .option("--train", "training alone")
    .option("--layer <path>", "only this layer and those inside it, such as layer1.0, with all that belongs to them")
    .option("--all", "small rows one by one, too")
    .option("--threads <n>", "threads that share each step (default: 1)", wholeOf("--threads", 1))
    .option("--repeats <n>", "runs of each step, of which the median counts", wholeOf("--repeats", 1))
    .option("--optimizer <name>", `in training: ${OPTIMIZERS.join(", ")}`, oneOf("--optimizer", OPTIMIZERS))
    .option("--no-winograd", "without Winograd's convolutions")
    .option(...PROCESSOR)
    .option("--backend <name>", "avx512, avx2 or wasm (default: the fastest)", oneOf("--backend", BACKEND_NAMES))
    .option("--memory-limit <size>", "what it may take, such as 2GB", bytesOf("--memory-limit"))
    .option("--svg <file>", "time of the layers and roofline as one picture")
    .option("--out <folder>", "each picture as SVG and PNG, and profile.csv")
    .option("--markdown", "tables in Markdown")
    .option("--json", "one JSON object on standard output, for programs")
    .helpOption("-h, --help", "show this")
    .addHelpText(
      "after",
      `
Examples:
  $ fovea profile lenet5 --batch 64
  $ fovea profile resnet50 --infer --batch 1 --threads 2
  $ fovea profile resnet18 --train --batch 8 --out profile
  $ fovea profile runs/lenet5-mnist --layer conv2`,
    )
    .action(async (name: string | undefined, flags: Flags) => {
      process.exitCode = await showProfile(name, flags);
    });
}

async function showProfile(name: string | undefined, flags: Flags): Promise<number> {
  if (flags.json && flags.markdown) throw new OptionError("--json and --markdown: give one of the two");
  const output = new Output(flags.json ?? false);
  const { network, input, title } = await findNetwork(name, flags);
  const { layer } = flags;
  if (layer !== undefined) {
    const paths = [...modulesOf(networkParts(network, input).module)].map(([, path]) => path).filter(Boolean);
    if (!paths.some((path) => isInside(path, layer))) throw noSuchLayer(layer, paths, "fovea profile");
  }
  if (flags.svg !== undefined) await checkFileWritable(flags.svg);
  if (flags.out !== undefined) await checkFolderWritable(flags.out);
  const { profile } = await import("../../../analysis/profile/profile-node.js");
  const { batch, backend, threads, repeats, memoryLimit, winograd } = flags;
  const stop = new StopRequest(() =>
    output.note("fovea: stopping after the run under way; a second Ctrl-C ends at once"),
  );
  try {
    const found = await profile(network, {
      input,
      batch,
      backend,
      threads,
      repeats,
      memoryLimit,
      ...(winograd ? {} : { winograd }),
      what: whatOf(flags),
      optimizer: usualOptimizer(flags.optimizer),
      note: (text) => output.note(text),
      signal: stop.abort,
    });
    const options = { layer, all: flags.all ?? layer !== undefined };
    output.event({ network: title, ...(layer === undefined ? found : onlyIn(found, layer)) });
    output.say((flags.markdown ? profileMarkdown : profileText)(title, found, options));
    await draw(title, found, flags, output);
    return stop.requested ? stop.exitCode : EXIT.ok;
  } finally {
    stop.release();
  }
}

const whatOf = ({ infer, train }: Flags): readonly ProfiledProgram[] =>
  infer === train ? ["infer", "train"] : infer ? ["infer"] : ["train"];

/** Totals stay those of the whole network. */
function onlyIn(profile: Profile, layer: string): Profile {
  const keep = (rows: Profile["programs"][number]["rows"]) =>
    rows.filter(({ layers }) => layers.some((path) => isInside(path, layer)));
  return {
    ...profile,
    programs: profile.programs.map((p) => ({ ...p, rows: keep(p.rows), preparation: keep(p.preparation) })),
  };
}

async function draw(title: string, profile: Profile, { svg, out }: Flags, output: Output): Promise<void> {
  if (svg === undefined && out === undefined) return;
  const { writeProfile, writeProfileSvg } = await import("../../../analysis/profile/write-node.js");
  const written: string[] = [];
  if (svg !== undefined) {
    await writeProfileSvg(title, profile, svg);
    written.push(svg);
  }
  if (out !== undefined) written.push(...(await writeProfile(title, profile, out)));
  output.note(`fovea: wrote ${written.map(quoted).join(", ")}`);
}
