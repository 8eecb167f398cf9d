/**
 * The contract of a device: it compiles entries of a graph, keeps states by name, and runs what it compiled. Everything
 * above this floor speaks to a device through these interfaces alone.
 *
 * A device may have a memory of its own. So nothing here is a view of memory that must be the host's:
 *
 *  - Inputs are handed over: `fill` copies before it returns, `Samples.done` after the numbers were written. The
 * transfer ends before
 *    the slot's next run begins, and what goes wrong with it rejects that run.
 *  - Outputs come back with the run: once `run` settles, `output` has them. A device queues the download behind the
 * computation, and
 *    several slots under way hide how long it takes.
 *  - States are written and read by promises, in the order of all that was submitted.
 *
 * A device whose memory is the host's gives views where that saves a copy: `Slot.samples` is then the input itself.
 */
import type { Entry } from "../graph/graph.js";
import type { Shape, Signature } from "../graph/shape.js";
import type { MemoryUse, PlannedMemory } from "./memory-use.js";
import type { TrainingMemory } from "./training-memory.js";

/**
 * Numbers of an input, output or state: float32 for floats, else integers of the value's own type. Half floats are
 * their bits, in a Uint16Array.
 */
export type Numbers = Float32Array | Int32Array | Uint16Array | Int8Array | Uint8Array;

/** The numbers of one input of a run: row-major, or the number itself for an input of one. */
export type Given = Numbers | readonly number[] | number;

/** An input or output of an executable. A batched one has its shape a sample. */
export interface PortDescription extends Signature {
  /** Its name. */
  readonly name: string;
}

/** Numbers that stay on the device between runs. Its executables share them by name. */
export interface DeviceState {
  /** Its name: for a parameter, its path in the network. */
  readonly name: string;
  /** Its purpose: a parameter, a statistic, an optimizer's state or a gradient. */
  readonly kind: "parameter" | "statistic" | "optimizer" | "gradient";
  /** Its extents. */
  readonly shape: Shape;
}

/** Where samples of an input are written, row-major and without padding inside a sample. */
export interface Samples {
  /** The memory to write to. */
  readonly numbers: Numbers;
  /** Elements from one sample to the next; what lies between stays as it is. */
  readonly stride: number;
  /** To be called when they are written, with the slot still held. */
  done(): void;
}

/** One set of an executable's inputs and outputs. Outputs stay as they are until the slot runs again or is released. */
export interface Slot {
  /** The slot's number, from 0; later holders of the same number find its inputs as they were left. */
  readonly index: number;
  /** Copies row-major samples into an input, from the first sample on. Returns how many there were. */
  fill(name: string, data: Numbers | readonly number[]): number;
  /**
   * Room for the first `count` samples of an input, `adjacent` with nothing between them: the device's own memory where
   * that is the host's and lies so, else memory beside it, which `done` hands over.
   */
  samples(name: string, count: number, adjacent?: boolean): Samples;
  /**
   * Runs on the first `batch` samples, after all that was submitted to the device before. Settles when the outputs are
   * on the host.
   */
  run(batch: number): Promise<void>;
  /** An output of the last run: a copy, row-major without padding. */
  output(name: string): Numbers;
  /** Gives the slot to the next who waits for one. */
  release(): void;
}

/**
 * A compiled entry. `run` is for single calls; slots, of which several may be under way, are for many runs one after
 * another.
 */
export interface Executable {
  /** Name of its entry. */
  readonly name: string;
  /** The most samples of a run. */
  readonly maxBatch: number;
  /** The inputs that a run is given. */
  readonly inputs: readonly PortDescription[];
  /** The outputs that a run returns. */
  readonly outputs: readonly PortDescription[];
  /** Everything that decides how its results are rounded, as texts: equal ones give equal bits on equal devices. */
  plan(): Iterable<string>;
  /** A slot of one's own, when one is free; in the order of asking. */
  acquire(): Promise<Slot>;
  /**
   * Runs once, on row-major inputs of exactly `batch` samples by name. Returns copies of all outputs, by name.
   * @param batch samples; by default as many as the first input with a batch has
   * @throws OptionError if an input is unknown, missing, or of another length
   */
  run(inputs: Readonly<Record<string, Given>>, batch?: number): Promise<Record<string, Numbers>>;
  /** Gives its own memory back when what was submitted has finished. States stay. */
  unload(): Promise<void>;
}

/** How an entry is to be compiled. */
export interface CompileWish {
  /** Samples of a run, at most. Left to the device where absent: as many as are fast and fit. */
  readonly maxBatch?: number | undefined;
  /** Runs that may be under way at once, each with inputs and outputs of its own. @default 4 */
  readonly slots?: number | undefined;
}

/** How an entry is to be planned. */
export interface PlanWish {
  /** Samples of a run, at most. */
  readonly maxBatch: number;
  /** Runs that may be under way at once. @default 4 */
  readonly slots?: number | undefined;
  /** Whether its states would be lent (`lendState`) and not written. @default false */
  readonly lent?: boolean | undefined;
}

/** The entries of a training. They share states and run in turns, never at once. */
export interface TrainingWish {
  /** The training step. */
  readonly step: Entry;
  /** Samples of a step, at most. */
  readonly maxBatch: number;
  /** The update behind a group of batches. It has no samples. */
  readonly apply?: Entry | undefined;
  /** Runs between steps, which change what it reads. */
  readonly evaluation: Entry;
}

/** The compiled entries of a training. */
export interface TrainingExecutables {
  /** The training step. */
  readonly step: Executable;
  /** The update behind a group of batches, if there is one. */
  readonly apply: Executable | undefined;
  /** The evaluation. */
  readonly evaluation: Executable;
  /** Bytes that they take together. */
  readonly memory: TrainingMemory;
}

/** The states of a device: numbers that stay there between runs. */
export interface DeviceStates {
  /** All states of the executables that were compiled. */
  states(): readonly DeviceState[];
  /** A row-major copy of a state as it is after all runs submitted so far. */
  readState(name: string): Promise<Numbers>;
  /** Writes a state after all runs submitted so far and before any later one. `data` must not change until then. */
  writeState(name: string, data: Numbers | readonly number[]): Promise<void>;
  /**
   * Instead of writing a state: `source` gives its numbers whenever they are needed, the same each time, until the
   * state is written. A device that keeps them in another form alone then takes no more memory than that.
   */
  lendState(name: string, source: () => Numbers): Promise<void>;
}

/** Compiles and runs entries of graphs. `openDevice` opens one. Its executables share its states by name. */
export interface Device extends DeviceStates {
  /** The kind of device, such as "cpu". */
  readonly name: string;
  /** The way in which it computes, such as `"avx2"`. */
  readonly backend: string;
  /** The facts, besides an executable's plan, that decide the bits of its results. */
  readonly arithmetic: string;
  /** Threads of the host that compute. */
  readonly threads: number;
  /** Bytes in use. */
  readonly memory: MemoryUse;
  /**
   * The memory that an entry would take by itself. Nothing is allocated; `compile` checks whether there is room for it.
   * @throws MemoryError if a value is larger than the device can hold
   */
  plan(entry: Entry, wish: PlanWish): Promise<PlannedMemory>;
  /**
   * The same for the entries of a training. @throws MemoryError where they take more than the device has or may take.
   */
  planTraining(wish: TrainingWish): Promise<TrainingMemory>;
  /**
   * Compiles an entry, and makes its states, which are zero until they are written. What it takes is known before any
   * of it is allocated.
   * @throws OptionError and ShapeError where the entry is none, naming the output or the state that is not as it should
   * be.
   * @throws MemoryError where it takes more than the device has or may take.
   */
  compile(entry: Entry, wish?: CompileWish): Promise<Executable>;
  /** The same for the entries of a training, so that together they fit. */
  compileTraining(wish: TrainingWish): Promise<TrainingExecutables>;
  /** Resolves when everything submitted so far has ended, well or not. */
  idle(): Promise<void>;
  /** Lets what was submitted finish, and frees everything. */
  close(): Promise<void>;
}
