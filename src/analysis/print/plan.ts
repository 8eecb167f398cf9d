/**
 * What the printers of all stages begin with: a network's graph for inference or training, and what the compiler makes
 * of it.
 */
import { nearest, OptionError } from "../../base/errors.js";
import { checkOptions, type Fields, flag, oneOf, text, whole } from "../../base/options.js";
import { atOnce } from "../../base/steps.js";
import { type Compilation, compilationSteps } from "../../compiler/compile.js";
import { type Live, liveNodes } from "../../compiler/live.js";
import type { Program } from "../../compiler/program.js";
import { Session } from "../../devices/cpu/session.js";
import { type Entry, isValue } from "../../graph/graph.js";
import type { Shape } from "../../graph/shape.js";
import { predictionEntry } from "../../model/prediction.js";
import { type AnyNetwork, inputOf, moduleOf } from "../../model/trained-model.js";
import type { Module } from "../../nn/index.js";
import { type AnyInputs, type InputsOf, inputShapes, isShape } from "../../nn/inputs.js";
import { trace } from "../../nn/trace.js";
import { valuesOf } from "../../nn/values.js";
import type { Target } from "../../target/target.js";
import { AVX2, AVX512, WASM, WASM_RELAXED } from "../../target/targets.js";
import { usualOptimizer } from "../../train/defaults.js";
import { anOptimizer, type Optimizer } from "../../train/optimizers/optimizer.js";
import { trainingEntries } from "../../train/step.js";

const TARGETS = { avx512: AVX512, avx2: AVX2, wasm: WASM, "wasm-relaxed": WASM_RELAXED } as const;

/** A machine that code can be written for; none of them need be the one that writes it. */
export type TargetName = keyof typeof TARGETS;
export const TARGET_NAMES = Object.keys(TARGETS) as readonly TargetName[];

/** Pictures at once where nobody says how many: as `fovea profile` has it. */
export const PRINT_BATCH = 16;

/** Options of `printStages` and the other printers. All are optional. */
export interface PrintOptions {
  /**
   * Shape of one sample, [height, width, channels]; of several inputs as `trace` takes them.
   * @default the network's own, which a module does not have
   */
  readonly input?: AnyInputs | undefined;
  /** Only what this layer and those inside it take part in, such as `conv1` or `layer1.0`. @default all */
  readonly layer?: string | undefined;
  /** The training step (forward, backward and update) in place of inference. @default false */
  readonly training?: boolean | undefined;
  /** Samples that the program can take at once. @default 16 */
  readonly batch?: number | undefined;
  /**
   * The machine that code is written for, which need not be this one.
   * @default what this machine runs best
   */
  readonly target?: TargetName | undefined;
  /** Winograd's convolutions among the strategies. @default true, unless FOVEA_WINOGRAD is "off" */
  readonly winograd?: boolean | undefined;
  /**
   * The optimizer of the training step.
   * @default sgd({ lr: 0.03, momentum: 0.9, weightDecay: 5e-4 })
   */
  readonly optimizer?: Optimizer | undefined;
  /** Columns of a line, where it can be broken. @default no limit, and 100 for pictures */
  readonly width?: number | undefined;
}

const PRINT_OPTIONS: Fields<PrintOptions> = {
  input: inputShapes,
  layer: text,
  training: flag,
  batch: whole(1),
  target: oneOf(TARGET_NAMES),
  winograd: flag,
  optimizer: anOptimizer,
  width: whole(1),
};

/** A network on its way to code. It is compiled when a stage behind the graph is first asked for. */
export class Plan {
  readonly live: Live;
  #compilation: Compilation | undefined;

  constructor(
    readonly entry: Entry,
    readonly target: Target,
    readonly batch: number,
    readonly winograd: boolean,
    readonly layer: string | undefined,
  ) {
    this.live = liveNodes(entry);
    const paths = [...new Set(this.live.nodes.map(({ path }) => path))].filter((path) => path !== "");
    if (layer !== undefined && !paths.some((path) => isInside(path, layer)))
      throw noSuchLayer(layer, [...new Set(paths.flatMap(prefixes))]);
  }

  /** What comes behind the graph. */
  get compilation(): Compilation {
    this.#compilation ??= atOnce(
      compilationSteps(this.entry, { target: this.target, maxBatch: this.batch, winograd: this.winograd }),
    );
    return this.#compilation;
  }

  get program(): Program {
    return this.compilation.program;
  }

  /** Whether something of these layers is to be shown. */
  shows(paths: readonly string[]): boolean {
    const { layer } = this;
    return layer === undefined || paths.some((path) => isInside(path, layer));
  }

  /** `inference`, or `training step`, and the machine: what a heading says. */
  get title(): string {
    const what = this.entry.name === "step" ? "training step" : "inference";
    return `${what} at batch ${this.batch} for ${targetName(this.target)}`;
  }
}

/**
 * @param what the function that was called, for errors
 * @throws OptionError on an option or layer that is not known, ShapeError where a layer does not fit its input
 */
export async function planOf(what: string, network: AnyNetwork, options: PrintOptions): Promise<Plan> {
  checkOptions(what, options, PRINT_OPTIONS, `${what}: `);
  const module = moduleOf(network, what);
  const input = inputOf(network, options.input);
  const { output } = trace(module as Module<unknown[], unknown>, { input: input as InputsOf<unknown[]> });
  const isOne = isShape(input) && isValue(output);
  if (options.training && !isOne) {
    throw new OptionError(
      `${what}: training is of classifiers, and this network has several inputs or outputs; leave training out`,
    );
  }
  const entry = options.training
    ? trainingEntries(module as Module, input as Shape, options.optimizer ?? usualOptimizer()).step
    : isOne
      ? predictionEntry(module as Module, input as Shape).entry
      : { name: "predict", outputs: Object.fromEntries(named(output)), assigns: [] };
  const machine = await machineOf(options);
  return new Plan(entry, machine.target, options.batch ?? PRINT_BATCH, machine.winograd, options.layer);
}

/** Outputs by their names, one alone `output`. */
const named = (output: unknown) => valuesOf(output).map(([path, value]) => [path || "output", value] as const);

/** A session is asked only for what the caller leaves open. */
async function machineOf({ target, winograd }: PrintOptions): Promise<{ target: Target; winograd: boolean }> {
  if (target !== undefined && winograd !== undefined) return { target: TARGETS[target], winograd };
  const backend = target === undefined ? undefined : "interpreter";
  const session = await Session.create({ winograd, backend, note: () => {} });
  const found = { target: target === undefined ? session.target : TARGETS[target], winograd: session.winograd };
  await session.close();
  return found;
}

/** As `PrintOptions.target` has it; the target's own name where it is another machine. */
export function targetName({ name, fma }: Target): string {
  return TARGET_NAMES.find((known) => TARGETS[known].name === name && TARGETS[known].fma === fma) ?? name;
}

const isInside = (path: string, layer: string): boolean => path === layer || path.startsWith(`${layer}.`);

/** Layers that an error lists where none is near. */
const LISTED = 12;

function noSuchLayer(layer: string, paths: readonly string[]): OptionError {
  const near = nearest(layer, paths);
  const some = paths.slice(0, LISTED).join(", ") + (paths.length > LISTED ? ", ..." : "");
  return new OptionError(
    `layer "${layer}": there is no such layer; ${near === undefined ? `there are ${some}` : `did you mean "${near}"?`}`,
  );
}

/** A block is on the way to a layer. */
function prefixes(path: string): string[] {
  return path.split(".").map((_, i, parts) => parts.slice(0, i + 1).join("."));
}
