/** `fovea explain`: how a convolution or a pool comes about, with the numbers of one's own image. */
import { mkdir } from "node:fs/promises";
import { extname, join } from "node:path";
import type { Command } from "commander";
import { type ConvolutionExplanation, explainConvolution } from "../../../analysis/explain/convolution.js";
import { frame, showsNumbers, stepCount } from "../../../analysis/explain/frames.js";
import { kernelOf, type Plane } from "../../../analysis/explain/matrix-text.js";
import { explainPool, type PoolKind } from "../../../analysis/explain/pooling.js";
import { standalone } from "../../../analysis/figures/standalone.js";
import { FileError, OptionError } from "../../../base/errors.js";
import { parseSize } from "../../../data/open-options.js";
import { writeFileAtomically } from "../../../host/atomic-write-node.js";
import type { Padding, Pair } from "../../../ops/index.js";
import { oneOf, wholeOf } from "../../options/arguments.js";
import { Output, quoted } from "../../terminal/output.js";
import { type AskedImage, extentsOf, paddingOf, readImage, readPlanes } from "./arguments.js";
import { type Explanation, explanationText, headText } from "./text.js";

interface Flags {
  readonly input?: string;
  readonly size?: readonly [number, number];
  readonly grey?: boolean;
  readonly kernel?: readonly string[];
  readonly filters?: number;
  readonly stride?: Pair;
  readonly padding?: Padding;
  readonly dilation?: Pair;
  readonly groups?: number;
  readonly bias: boolean;
  readonly ceil?: boolean;
  readonly pool: PoolKind;
  readonly steps: number;
  readonly svg?: string;
  readonly frames?: number;
  readonly json?: boolean;
}

const POOLS = ["max", "average", "sum"] as const;

export function explainCommand(program: Command): void {
  const explain = program
    .command("explain")
    .summary("show how a convolution or a pool is computed")
    .description("Shows how a convolution or a pool comes about: sizes, costs, the equal matrix, and each step.")
    .helpOption("-h, --help", "show this")
    .helpCommand(false);

  const conv = explain
    .command("conv")
    .summary("a convolution")
    .description(
      "Works out a convolution: the size of its output with the formula filled in, what it costs against the equal fully " +
        "connected layer, that layer's matrix, and each output number step by step.",
    );
  windowFlags(conv)
    .option(
      "--kernel <size or numbers>",
      "3, 3x5, a text file, or numbers; several files are several filters",
      gathered,
    )
    .option("--filters <n>", "filters, where the kernel is a size (default: 1)", wholeOf("--filters", 1))
    .option("--groups <n>", "groups of channels", wholeOf("--groups", 1))
    .option("--no-bias", "without a bias a filter, in the count of parameters")
    .addHelpText(
      "after",
      `
Examples:
  $ fovea explain conv --input 64x64x16 --kernel 6 --filters 32 --stride 2 --padding 1
  $ fovea explain conv --input image.txt --kernel filter.txt --padding top=1,left=1
  $ fovea explain conv --input "1 2 3; 4 5 6; 7 8 9" --kernel "1 0; 0 -1" --svg steps
  $ fovea explain conv --input cat.jpg --grey --size 64 --kernel "-1 0 1; -2 0 2; -1 0 1" --svg edges.svg`,
    )
    .action((flags: Flags) => explainConv(flags));

  const pool = explain
    .command("pool")
    .summary("a pool")
    .description("Works out a pool: the size of its output with the formula filled in, and each output number.");
  windowFlags(pool)
    .option("--kernel <size>", "the window: 2, or 2x3", gathered)
    .option("--pool <kind>", POOLS.join(", "), oneOf("--pool", POOLS), "max" as const)
    .option("--ceil", "keep a last window that is not whole")
    .addHelpText(
      "after",
      `
Examples:
  $ fovea explain pool --input 13x13x256 --kernel 3 --stride 2
  $ fovea explain pool --input "3 -1 -3 -1; -3 1 0 -3; -3 -3 0 1; 3 -2 -2 -1" --kernel 2 --svg pool.svg`,
    )
    .action((flags: Flags) => explainPooling(flags));
}

function windowFlags(command: Command): Command {
  return command
    .option("--input <size or image>", '64x64x16, a text file of numbers, a picture, or numbers: "1 0; 0 1"')
    .option("--size <pixels>", "to which a picture is brought, such as 32 or HEIGHTxWIDTH", parseSize)
    .option("--grey", "make a picture grey")
    .option("--stride <n>", "1, 2x1 (down by 2, across by 1), or y=2,x=1", extentsOf("--stride"))
    .option("--padding <n>", "0, 1x2, same, or sides: top=1,left=1", paddingOf)
    .option("--dilation <n>", "as --stride", extentsOf("--dilation"))
    .option("--steps <n>", "steps that are written out", wholeOf("--steps", 0), 4)
    .option("--svg <path>", "draw the steps: a folder for a file each, or a file.svg for one sheet")
    .option(
      "--frames <n>",
      "steps that are drawn at most (default: 64; of pictures 12, spread over all)",
      wholeOf("--frames", 1),
    )
    .option("--json", "one JSON object on standard output, for programs")
    .helpOption("-h, --help", "show this");
}

const gathered = (text: string, before: readonly string[] = []): string[] => [...before, text];

async function explainConv(flags: Flags): Promise<void> {
  const image = await askedImage(flags);
  const { stride, padding, dilation, groups = 1, bias } = flags;
  const kernel = await askedKernel(flags, image, groups);
  await show(
    explainConvolution({
      ...image,
      ...kernel,
      groups,
      bias,
      ...(stride === undefined ? {} : { stride }),
      ...(padding === undefined ? {} : { padding }),
      ...(dilation === undefined ? {} : { dilation }),
    }),
    flags,
  );
}

async function explainPooling(flags: Flags): Promise<void> {
  const image = await askedImage(flags);
  const { stride, padding, dilation, kernel = ["2"], pool, ceil = false } = flags;
  if (kernel.length > 1) throw new OptionError("--kernel: a pool has one window; give it once");
  await show(
    explainPool({
      ...image,
      kernel: extentsOf("--kernel")(kernel[0]!),
      pool,
      ceil,
      ...(stride === undefined ? {} : { stride }),
      ...(padding === undefined ? {} : { padding }),
      ...(dilation === undefined ? {} : { dilation }),
    }),
    flags,
  );
}

function askedImage({ input, size, grey }: Flags): Promise<AskedImage> {
  if (input === undefined)
    throw new OptionError('--input: say what goes in: sizes such as 64x64x16, a file, or numbers such as "1 0; 0 1"');
  return readImage(input, { ...(size === undefined ? {} : { size }), ...(grey === undefined ? {} : { grey }) });
}

async function askedKernel({ kernel = [], filters }: Flags, { input }: AskedImage, groups: number) {
  if (kernel.length === 0) throw new OptionError("--kernel: give its size, such as 3, or its numbers");
  const sizes = kernel.filter((text) => /^-?\d+(x-?\d+)?$/.test(text));
  if (sizes.length > 0) {
    if (kernel.length > 1) throw new OptionError(`--kernel ${sizes[0]}: give one size, or the numbers of every filter`);
    return { kernel: extentsOf("--kernel")(sizes[0]!), filters: filters ?? groups };
  }
  if (filters !== undefined)
    throw new OptionError(`--filters ${filters}: the kernel's numbers say how many filters there are; leave it out`);
  const planes: Plane[] = [];
  for (const text of kernel) {
    const read = await readPlanes(text, "--kernel");
    const [first, one] = [planes[0] ?? read[0]!, read[0]!];
    if (one.length !== first.length || one[0]!.length !== first[0]!.length)
      throw new OptionError(
        `--kernel ${text}: is ${one.length}x${one[0]!.length}, expected ${first.length}x${first[0]!.length} as the one before`,
      );
    planes.push(...read);
  }
  const channels = Math.max(1, Math.floor(input[2]! / groups));
  const { size, filters: count, weights } = kernelOf(planes, channels, `--kernel ${kernel.join(" ")}`);
  return { kernel: size, filters: count, weights };
}

async function show(explanation: Explanation, flags: Flags): Promise<void> {
  if (flags.svg !== undefined && explanation.result === undefined)
    throw new OptionError("--svg: steps are drawn where the numbers are known; give image and kernel as numbers");
  const output = new Output(flags.json ?? false);
  output.event(plain(explanation));
  output.say(explanationText(explanation, { steps: flags.steps }));
  if (flags.svg === undefined) return;
  const written = await writeFrames(explanation, flags.svg, flags.frames);
  output.note(`fovea: ${written}`);
}

/** Typed arrays as lists. */
function plain(explanation: Explanation): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(explanation).map(([name, value]: [string, unknown]) => [
      name,
      value instanceof Float64Array ? [...value] : name === "matrix" ? matrixRows(explanation) : value,
    ]),
  );
}

function matrixRows(explanation: Explanation) {
  const { matrix } = explanation as ConvolutionExplanation;
  return matrix === undefined ? undefined : { ...matrix, weightAt: [...matrix.weightAt] };
}

/** The first steps; of large pictures, of which one step is like the next, some that are spread over all. */
function stepsDrawn(explanation: Explanation, most: number | undefined): { steps: number[]; which: string } {
  const all = stepCount(explanation);
  const inOrder = showsNumbers(explanation);
  const count = Math.min(all, most ?? (inOrder ? 64 : 12));
  const steps = Array.from({ length: count }, (_, i) => (inOrder ? i : Math.floor(((i + 1) * all) / count) - 1));
  if (count === all) return { steps, which: `${all} steps` };
  return { steps, which: `${inOrder ? "the first " : ""}${count} of ${all} steps (--frames draws more)` };
}

async function writeFrames(explanation: Explanation, path: string, most: number | undefined): Promise<string> {
  const { steps, which } = stepsDrawn(explanation, most);
  const frames = steps.map((step) => frame(explanation, step));
  if (extname(path).toLowerCase() === ".svg") {
    const columns = Math.max(1, Math.min(3, Math.floor(1500 / frames[0]!.width)));
    await writeFileAtomically(path, [standalone(frames, { title: headText(explanation), columns }).svg]);
    return `drew ${which} in ${quoted(path)}`;
  }
  await mkdir(path, { recursive: true }).catch((cause: Error) => {
    throw new FileError(`${path}: could not be made: ${cause.message}`, { cause });
  });
  const digits = Math.max(3, String(steps.at(-1)! + 1).length);
  for (const [i, figure] of frames.entries()) {
    const file = join(path, `step-${String(steps[i]! + 1).padStart(digits, "0")}.svg`);
    await writeFileAtomically(file, [standalone([figure]).svg]);
  }
  return `drew ${which} in ${quoted(path)}`;
}
