/**
 * Where a network's time goes, layer by layer: every step of the programs that predict and train is timed by a walker
 * of its own, many times, and compared with what the machine's arithmetic and memory allow. In Node, where clocks are
 * exact.
 */

import { OptionError } from "../../base/errors.js";
import { eachOnce, noteOnce } from "../../base/notes.js";
import { abortSignal, anything, callback, checkOptions, type Fields, listOf, oneOf } from "../../base/options.js";
import { Random } from "../../base/random.js";
import type { Program } from "../../compiler/program.js";
import { type Host, planEvaluation, planTraining } from "../../devices/cpu/planning/plan.js";
import { Session } from "../../devices/cpu/session.js";
import { MACHINE_OPTIONS, type MachineOptions } from "../../devices/machine-options.js";
import { type Shape, sizeOf } from "../../graph/shape.js";
import { predictionEntry } from "../../model/prediction.js";
import { checkNetwork, type Network, networkParts } from "../../model/trained-model.js";
import { type Module, modulesOf, parametersOf, savedOf } from "../../nn/index.js";
import { usualOptimizer } from "../../train/defaults.js";
import type { Optimizer } from "../../train/optimizers/optimizer.js";
import { evaluationEntry, LEARNING_RATE, trainingEntries } from "../../train/step.js";
import { type MachineFigures, MachineProbe } from "./machine-node.js";
import {
  figuresTogether,
  type Named,
  PASSES,
  type Pass,
  type ProfileFigures,
  type ProfileRow,
  rowsOf,
} from "./rows.js";
import { type NumbersOf, openBackend, TimedProgram } from "./timed-program-node.js";

/** The measurement that begins, and how many programs are done. */
export interface ProfileProgress {
  /** "machine", or the program. */
  readonly what: "machine" | ProfiledProgram;
  /** Programs that are done. */
  readonly done: number;
  /** Programs in all. */
  readonly total: number;
}

/** Options of `profile`. All are optional. */
export interface ProfileOptions extends Pick<MachineOptions, "backend" | "memoryLimit" | "winograd" | "note"> {
  /**
   * Shape of one picture, [height, width, channels].
   * @default the network's own, which a module does not have
   */
  readonly input?: Shape | undefined;
  /**
   * Pictures at once.
   * @default 16
   */
  readonly batch?: number | undefined;
  /**
   * The programs to measure.
   * @default ["infer", "train"]
   */
  readonly what?: readonly ProfiledProgram[] | undefined;
  /**
   * Threads that compute. With more than one, a step's time is from its first thread's beginning to its last one's end.
   * @default 1
   */
  readonly threads?: number | undefined;
  /**
   * Times that every step is run.
   * @default as many as two seconds have room for, from 5 to 50
   */
  readonly repeats?: number | undefined;
  /**
   * The optimizer of the training step.
   * @default sgd({ lr: 0.03, momentum: 0.9, weightDecay: 5e-4 })
   */
  readonly optimizer?: Optimizer | undefined;
  /** Called before what takes time ("machine", then each program), and waited for. @default none */
  readonly onProgress?: ((progress: ProfileProgress) => void) | undefined;
  /** Ends it between repeats where it is aborted: the medians are then of those that were made. @default none */
  readonly signal?: AbortSignal | undefined;
}

/** Inference, or a training step. */
export type ProfiledProgram = "infer" | "train";

// Numbers, the shape and the optimiser are held where they are used.
const OPTIONS: Fields<ProfileOptions> = {
  backend: MACHINE_OPTIONS.backend,
  memoryLimit: MACHINE_OPTIONS.memoryLimit,
  winograd: MACHINE_OPTIONS.winograd,
  note: MACHINE_OPTIONS.note,
  input: anything,
  batch: anything,
  what: listOf(oneOf(["infer", "train"]), 'a list of "infer" and "train"'),
  threads: anything,
  repeats: anything,
  optimizer: anything,
  onProgress: callback,
  signal: abortSignal,
};

/** One program's. */
export interface ProgramProfile {
  /** Which program it is. */
  readonly what: ProfiledProgram;
  /** Pictures at once. */
  readonly batch: number;
  /** Times that every step was run. */
  readonly repeats: number;
  /** How much of a processor each thread had while it ran: less than 1 where others use the machine. */
  readonly processorShare: number;
  /** In the order of their first steps; every step is in one. */
  readonly rows: readonly ProfileRow[];
  /** All steps together. */
  readonly total: ProfileFigures;
  /** Those that have any, in the order of PASSES. */
  readonly passes: readonly (ProfileFigures & {
    /** Which part it is. */
    readonly pass: Pass;
  })[];
  /** Steps that run once, before the first run and whenever weights have changed. They are not in the total. */
  readonly preparation: readonly ProfileRow[];
  /** Milliseconds that compiling took. */
  readonly compileMs: number;
}

/** Where the time of a network goes on this machine. */
export interface Profile {
  /** Shape of one picture, [height, width, channels]. */
  readonly input: Shape;
  /** The measured limits of the machine. */
  readonly machine: MachineFigures;
  /** One a program. */
  readonly programs: readonly ProgramProfile[];
}

const BATCH = 16;
const LEAST_REPEATS = 5;
const MOST_REPEATS = 50;
const BUDGET_MS = 2000;
const MOST_PREPARATIONS = 5;
/** Weights then stay as they are. */
const TINY_RATE = 1e-9;

/**
 * Measures every step of a network's inference and training step, and sets it beside what the machine can do (a
 * roofline).
 *
 * @example
 * ```js
 * import { models } from "fovea";
 * import { profile } from "fovea/analysis/node";
 *
 * const { programs } = await profile(models.create("lenet5"), { batch: 4, what: ["infer"], repeats: 1 });
 * console.log(programs[0]?.batch, (programs[0]?.total.milliseconds ?? 0) > 0); // 4 true
 * ```
 *
 * @throws OptionError on an option that is out of its range; ShapeError if a layer does not fit its input; MemoryError
 * if it does not fit into memory
 */
export async function profile(network: Network, options: ProfileOptions = {}): Promise<Profile> {
  checkNetwork(network, "profile");
  checkOptions("profile", options, OPTIONS, "profile: ");
  const batch = wholeFrom1("batch", options.batch ?? BATCH);
  const threads = wholeFrom1("threads", options.threads ?? 1);
  const { backend, memoryLimit, winograd, onProgress } = options;
  const note = eachOnce(options.note ?? noteOnce);
  const parts = networkParts(network, options.input);
  const input = options.input ?? parts.input;
  const session = await Session.create({ backend, threads, memoryLimit, winograd, note });
  const host: Host = { target: session.target, winograd: session.winograd, room: session.room };
  const name = session.backend;
  await session.close();
  const asked = options.what ?? ["infer", "train"];
  // Before anything is measured: what does not fit should say so at once.
  const plans = asked.map((what) => ({ what, ...timed(() => plan(what, parts.module, input, host, batch, options)) }));
  await onProgress?.({ what: "machine", done: 0, total: plans.length });
  const probe = await MachineProbe.create({ backend: name, threads, note });
  try {
    probe.measure();
    const named = namesOf(parts.module);
    const timings: (ProgramTimes & { readonly plan: (typeof plans)[number] })[] = [];
    for (const [n, plan] of plans.entries()) {
      await onProgress?.({ what: plan.what, done: n, total: plans.length });
      const numbersOf = numbersFor(parts.module, batch);
      timings.push({ plan, ...(await timeSteps(plan.result, { ...options, backend: name, numbersOf, note })) });
    }
    // Again, since others may have used the machine meanwhile: the roof is the highest that was seen.
    const machine = probe.measure();
    return {
      input,
      machine,
      programs: timings.map(({ plan: { what, result, milliseconds }, ...times }) => ({
        what,
        batch,
        compileMs: milliseconds,
        ...tableOf(result, times, named, machine),
      })),
    };
  } finally {
    await probe.close();
  }
}

export interface ProgramTimes {
  readonly repeats: number;
  /** How much of a processor each thread had while it ran: less than 1 where others use the machine. */
  readonly processorShare: number;
  /** Milliseconds: of each step the median. */
  readonly steps: readonly number[];
  readonly preparation: readonly number[];
}

export interface TimeOptions extends Pick<ProfileOptions, "backend" | "threads" | "repeats" | "note" | "signal"> {
  readonly numbersOf: NumbersOf;
}

/** Runs a program again and again, and times each of its steps. */
export async function timeSteps(program: Program, options: TimeOptions): Promise<ProgramTimes> {
  const { backend, threads: wanted } = await openBackend(options);
  const asked = options.repeats === undefined ? undefined : wholeFrom1("repeats", options.repeats);
  const timed = await TimedProgram.load(backend, program, wanted, options.numbersOf, options.note);
  try {
    const preparations: Float64Array[] = [];
    for (let n = 0; n < Math.min(asked ?? MOST_PREPARATIONS, MOST_PREPARATIONS); n++)
      preparations.push(timed.walk("prepare"));
    const started = performance.now();
    timed.walk("steps");
    const once = performance.now() - started;
    const repeats = asked ?? Math.min(MOST_REPEATS, Math.max(LEAST_REPEATS, Math.round(BUDGET_MS / once)));
    const walks: Float64Array[] = [];
    const [wall, used] = [performance.now(), process.cpuUsage()];
    while (walks.length === 0 || (walks.length < repeats && options.signal?.aborted !== true)) {
      walks.push(timed.walk("steps"));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { user, system } = process.cpuUsage(used);
    const processorShare = Math.min(1, (user + system) / 1000 / (performance.now() - wall) / timed.threads);
    return { repeats: walks.length, processorShare, steps: medians(walks), preparation: medians(preparations) };
  } finally {
    await timed.close();
    backend.release();
  }
}

/** Times as rows and totals. */
export function tableOf(
  program: Program,
  { repeats, processorShare, steps, preparation }: ProgramTimes,
  named: Named,
  machine: Pick<MachineFigures, "gflops" | "gigabytesPerSecond">,
): Pick<ProgramProfile, "repeats" | "processorShare" | "rows" | "total" | "passes" | "preparation"> {
  const rows = rowsOf(program, "steps", steps, named, machine);
  const milliseconds = steps.reduce((a, b) => a + b, 0);
  const passes = PASSES.map((pass) => ({ pass, of: rows.filter((row) => row.pass === pass) }));
  return {
    repeats,
    processorShare,
    rows,
    total: figuresTogether(rows, milliseconds, machine),
    passes: passes
      .filter(({ of }) => of.length > 0)
      .map(({ pass, of }) => ({ pass, ...figuresTogether(of, milliseconds, machine) })),
    preparation: rowsOf(program, "prepare", preparation, named, machine),
  };
}

export function namesOf(module: Module): Named {
  return {
    layers: new Set([...modulesOf(module)].map(([, path]) => path)),
    parameters: new Set([...parametersOf(module)].map(([name]) => name)),
  };
}

function plan(
  what: ProfiledProgram,
  module: Module,
  input: Shape,
  host: Host,
  batch: number,
  { optimizer = usualOptimizer() }: ProfileOptions,
): Program {
  if (what === "infer") return planEvaluation(host, predictionEntry(module, input).entry, batch, 1);
  const { step } = trainingEntries(module, input, optimizer);
  return planTraining(host, { step, maxBatch: batch, evaluation: evaluationEntry(module, input).entry }).step;
}

// --- Numbers: what they are makes no difference to the time, as long as nothing overflows and nothing is nearly zero.

const NUMBERS = 1 << 16;

function numbersFor(module: Module, batch: number): NumbersOf {
  const random = new Random(0);
  const block = Float32Array.from({ length: NUMBERS }, () => 2 * random.uniform() - 1);
  const saved = new Map([...savedOf(module)]);
  return (name, layout) => {
    if (name === LEARNING_RATE) return [TINY_RATE];
    const size = layout.rows * layout.channels * (layout.batched ? batch : 1);
    if (layout.dtype === "i32") return new Int32Array(size);
    const parameter = saved.get(name);
    if (parameter === undefined) return layout.batched ? tiled(block, size, 1) : undefined;
    const { init, shape } = parameter;
    if (init.kind === "constant") return new Float32Array(size).fill(init.value);
    return tiled(block, size, Math.sqrt(3 / Math.max(1, sizeOf(shape.slice(0, -1)))));
  };
}

function tiled(block: Float32Array, size: number, scale: number): Float32Array {
  const scaled = block.map((value) => value * scale);
  const all = new Float32Array(size);
  for (let at = 0; at < size; at += NUMBERS) all.set(scaled.subarray(0, Math.min(NUMBERS, size - at)), at);
  return all;
}

// ---

function wholeFrom1(what: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new OptionError(`profile: ${what} ${value}: expected a whole number of at least 1`);
}

function timed<T>(make: () => T): { readonly result: T; readonly milliseconds: number } {
  const started = performance.now();
  const result = make();
  return { result, milliseconds: performance.now() - started };
}

/** Element by element. */
function medians(lists: readonly Float64Array[]): number[] {
  return Array.from(lists[0] ?? [], (_, i) => {
    const sorted = lists.map((list) => list[i]!).sort((a, b) => a - b);
    return sorted[sorted.length >> 1]!;
  });
}
