/**
 * What networks cost: multiply-adds, parameters, planned memory at several batch sizes and measured time a picture, as
 * Canziani, Paszke and Culurciello compare them ("An analysis of deep neural network models for practical
 * applications", 2017).
 */

import { MemoryError, OptionError } from "../../base/errors.js";
import { abortSignal, callback, checkOptions, type Fields, listOf, number, text, whole } from "../../base/options.js";
import { Random } from "../../base/random.js";
import type { Device } from "../../devices/device.js";
import { MACHINE_OPTIONS, type MachineOptions } from "../../devices/machine-options.js";
import { openDevice } from "../../devices/open.js";
import { type Shape, sizeOf } from "../../graph/shape.js";
import { predictionEntry } from "../../model/prediction.js";
import { create, type Model } from "../../models/index.js";
import { type Initializer, savedOf } from "../../nn/index.js";
import { planInference } from "../inference.js";
import { summarize } from "../summary.js";
import { type PublishedAccuracy, publishedAccuracy } from "./published.js";

/** The figures of one network. */
export interface ComparedNetwork {
  /** Its registered name. */
  readonly name: string;
  /** Shape of one picture, [height, width, channels]. */
  readonly input: Shape;
  /** Numbers in all parameters. */
  readonly parameters: number;
  /** Multiply-adds of convolutions and linear layers for one picture. */
  readonly multiplyAdds: number;
  /** Its published accuracy, where one is known. */
  readonly published?: PublishedAccuracy;
  /** One a batch size, as far as it was planned and measured. */
  readonly batches: readonly BatchFigures[];
}

/** The figures of one network at one batch size. */
export interface BatchFigures {
  /** Pictures at once. */
  readonly batch: number;
  /** Bytes that inference is planned to take; absent where it cannot be held. */
  readonly memoryBytes?: number;
  /** Milliseconds a picture: the median over the runs. */
  readonly millisecondsAPicture?: number;
  /** Runs that were measured. */
  readonly runs?: number;
}

/** Networks beside each other. */
export interface Comparison {
  /** One a network, in the order of the names. */
  readonly networks: readonly ComparedNetwork[];
  /** Whether it was asked to stop before all was measured. */
  readonly stopped: boolean;
  /** How the processor was used. */
  readonly backend: string;
  /** Threads that computed. */
  readonly threads: number;
}

/** The measurement that begins. */
export interface CompareProgress {
  /** The network, by its name. */
  readonly network: string;
  /** Pictures at once. */
  readonly batch: number;
}

/** Options of `compareNetworks`. All are optional. */
export interface CompareOptions extends Pick<MachineOptions, "device" | "backend" | "threads" | "note"> {
  /**
   * Batch sizes, ascending.
   * @default [1, 2, 4, 8, 16, 32, 64]
   */
  readonly batches?: readonly number[];
  /**
   * Milliseconds for each network and batch size, for at least one run; 0 measures no time.
   * @default 1000
   */
  readonly budgetMs?: number;
  /**
   * Batch sizes that would take more bytes are planned and not measured.
   * @default no limit
   */
  readonly mostBytes?: number;
  /** Called before each batch size of each network, and waited for. @default none */
  readonly onProgress?: (progress: CompareProgress) => void;
  /** Ends it between runs where it is aborted, with what was measured. @default none */
  readonly signal?: AbortSignal;
}

const OPTIONS: Fields<CompareOptions> = {
  device: MACHINE_OPTIONS.device,
  backend: MACHINE_OPTIONS.backend,
  threads: MACHINE_OPTIONS.threads,
  note: MACHINE_OPTIONS.note,
  batches: listOf(whole(1), "a list of batch sizes, such as [1, 16]"),
  budgetMs: number({ from: 0 }),
  mostBytes: number({ above: 0 }),
  onProgress: callback,
  signal: abortSignal,
};
const NAMES = listOf(text, 'a list of names of networks, such as ["lenet5"]');

export const BATCHES: readonly number[] = [1, 2, 4, 8, 16, 32, 64];
export const BUDGET_MS = 1000;
const MOST_RUNS = 50;

/**
 * Compares networks of the zoo on this machine: parameters, multiply-adds, and memory and time at several batch sizes.
 * @throws OptionError if there is no such network, or one is named twice
 */
export async function compareNetworks(names: readonly string[], options: CompareOptions = {}): Promise<Comparison> {
  NAMES(names, "compareNetworks: names");
  checkOptions("compareNetworks", options, OPTIONS, "compareNetworks: ");
  if (names.length === 0) throw new OptionError("compare: name at least one network");
  const repeated = names.find((name, i) => names.indexOf(name) < i);
  if (repeated !== undefined) throw new OptionError(`compare: ${repeated} is named twice; name each network once`);
  const models = names.map((name) => create(name));
  const networks: ComparedNetwork[] = [];
  const facts = await openDevice(machineOf(options));
  const told = { backend: facts.backend, threads: facts.threads };
  await facts.close();
  const stopped = () => options.signal?.aborted ?? false;
  for (const model of models) {
    if (stopped()) break;
    networks.push(await compareOne(model, options, stopped));
  }
  return { networks, stopped: stopped(), ...told };
}

async function compareOne(model: Model, options: CompareOptions, stopped: () => boolean): Promise<ComparedNetwork> {
  const { name, input } = model;
  const { parameters, multiplyAdds } = await summarize(model);
  const published = publishedAccuracy(name);
  const batches: BatchFigures[] = [];
  const device = await openDevice(machineOf(options));
  try {
    for (const batch of options.batches ?? BATCHES) {
      if (stopped()) break;
      await options.onProgress?.({ network: name, batch });
      const memoryBytes = await plannedBytes(device, model, batch);
      if (memoryBytes === undefined) {
        batches.push({ batch });
        continue;
      }
      const isMeasured =
        (options.budgetMs ?? BUDGET_MS) > 0 && memoryBytes <= (options.mostBytes ?? Number.POSITIVE_INFINITY);
      const time = isMeasured ? await measure(device, model, batch, options.budgetMs ?? BUDGET_MS, stopped) : undefined;
      batches.push({ batch, memoryBytes, ...time });
    }
  } finally {
    await device.close();
  }
  return { name, input, parameters, multiplyAdds, ...(published === undefined ? {} : { published }), batches };
}

const machineOf = ({ device, backend, threads, note }: CompareOptions): MachineOptions => ({
  device,
  backend,
  threads,
  note,
});

/** Undefined where a value is larger than can be held. */
async function plannedBytes(device: Device, { module, input }: Model, batch: number): Promise<number | undefined> {
  try {
    return (await planInference(device, module, input, batch)).total;
  } catch (error) {
    if (error instanceof MemoryError) return undefined;
    throw error;
  }
}

/** The median of as many runs as the budget has room for; none where it was stopped before the first. */
async function measure(
  device: Device,
  model: Model,
  batch: number,
  budgetMs: number,
  stopped: () => boolean,
): Promise<{ millisecondsAPicture: number; runs: number } | undefined> {
  const { entry } = predictionEntry(model.module, model.input);
  const loaded = await device.compile(entry, { maxBatch: batch, slots: 1 });
  try {
    await fillStates(device, model);
    const slot = await loaded.acquire();
    try {
      slot.fill("input", numbers(batch * sizeOf(model.input), 1));
      // Packs the weights, and brings code and memory into the caches.
      await slot.run(1);
      const times: number[] = [];
      const from = performance.now();
      while (!stopped() && times.length < MOST_RUNS && (times.length === 0 || performance.now() - from < budgetMs)) {
        const start = performance.now();
        await slot.run(batch);
        times.push(performance.now() - start);
      }
      if (times.length === 0) return undefined;
      times.sort((a, b) => a - b);
      const middle = times[times.length >> 1]!;
      return { millisecondsAPicture: middle / batch, runs: times.length };
    } finally {
      slot.release();
    }
  } finally {
    await loaded.unload();
  }
}

const filled = new WeakSet<Device>();

/** Random weights of the usual size: what they are makes no difference to the time, as long as nothing overflows. */
async function fillStates(device: Device, { module }: Model): Promise<void> {
  if (filled.has(device)) return;
  const known = new Set(device.states().map(({ name }) => name));
  for (const [name, { shape, init }] of savedOf(module))
    if (known.has(name)) await device.writeState(name, numbers(sizeOf(shape), scaleOf(init, shape), init));
  filled.add(device);
}

function scaleOf(init: Initializer, shape: Shape): number {
  return Math.sqrt(3 / Math.max(1, sizeOf(shape.slice(0, -1)))) * (init.kind === "constant" ? 0 : 1);
}

const BLOCK = 1 << 16;
let block: Float32Array | undefined;

/** Uniform in +-scale, the same block again and again: drawing 138 million numbers one by one takes a minute. */
function numbers(count: number, scale: number, init?: Initializer): Float32Array {
  if (init?.kind === "constant") return new Float32Array(count).fill(init.value);
  if (block === undefined) {
    const random = new Random(0);
    block = Float32Array.from({ length: BLOCK }, () => 2 * random.uniform() - 1);
  }
  const scaled = block.map((value) => value * scale);
  const all = new Float32Array(count);
  for (let at = 0; at < count; at += BLOCK) all.set(scaled.subarray(0, Math.min(BLOCK, count - at)), at);
  return all;
}
