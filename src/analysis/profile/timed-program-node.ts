/**
 * A program in memory of its own, without a session: all that a session does for its users would stand in a clock's
 * way.
 */
import { Worker } from "node:worker_threads";
import { OptionError } from "../../base/errors.js";
import { type Note, noteOnce } from "../../base/notes.js";
import { reasonOf } from "../../base/reason.js";
import type { Program } from "../../compiler/program.js";
import type { Backend } from "../../devices/cpu/backends/backend.js";
import { chooseBackend, chooseThreads } from "../../devices/cpu/backends/choose.js";
import { type Numbers, pack, viewOf } from "../../devices/cpu/memory/copy.js";
import { Resident, scratchBytes } from "../../devices/cpu/memory/resident.js";
import { StateStore } from "../../devices/cpu/memory/state-store.js";
import { currentPlatform } from "../../devices/cpu/platform/current-platform.js";
import type { SessionOptions } from "../../devices/cpu/session.js";
import type { BoundProgram } from "../../devices/cpu/team/schedule.js";
import { startWorkers } from "../../host/start-workers.js";
import { type NewThread, startThread } from "../../host/threads-node.js";
import type { WorkerHandle } from "../../host/worker-handle.js";
import type { Layout } from "../../kernels/contract/layout.js";
import { COUNT, MEETING_WORDS, Meeting, ORDER, timedWalk, WALK } from "./timed-walk.js";
import type { TimedStart } from "./timed-worker-node.js";

/** A backend of one's own, and how many threads it can have. The interpreter is no machine. */
export async function openBackend({
  backend: asked,
  threads,
  note = noteOnce,
}: Pick<SessionOptions, "backend" | "threads" | "note">): Promise<{ backend: Backend; threads: number }> {
  const platform = await currentPlatform();
  const wanted = chooseThreads(threads ?? 1, platform);
  const backend = await chooseBackend({ backend: asked }, platform, note, wanted);
  if (backend.name === "interpreter")
    throw new OptionError(
      'profile: the interpreter checks instead of being fast, and its times say nothing; choose backend "wasm"',
    );
  const canShare = backend.limits.threads && platform.whyAlone() === undefined;
  return { backend, threads: canShare ? wanted : 1 };
}

/** The numbers of an input or a state; undefined leaves it at zero. */
export type NumbersOf = (name: string, layout: Layout) => Numbers | readonly number[] | undefined;

export class TimedProgram {
  readonly #program: Program;
  readonly #bound: BoundProgram;
  /** As many as could be had. */
  readonly threads: number;
  readonly #workers: readonly WorkerHandle[];
  readonly #orders: Int32Array;
  readonly #meeting: Meeting;

  private constructor(program: Program, bound: BoundProgram, workers: readonly WorkerHandle[], words: Words) {
    this.#program = program;
    this.#bound = bound;
    this.#workers = workers;
    this.threads = workers.length + 1;
    this.#orders = new Int32Array(words.orders);
    this.#meeting = new Meeting(new Int32Array(words.meeting), this.threads);
  }

  /**
   * Loads it at its largest batch, and fills inputs and states. Walk "prepare" before "steps".
   * @param note is told where threads are refused.
   */
  static async load(
    backend: Backend,
    program: Program,
    threads: number,
    numbersOf: NumbersOf,
    note: Note = noteOnce,
  ): Promise<TimedProgram> {
    const store = new StateStore();
    store.add(program, backend);
    const code = await backend.encode(program.kernels);
    const resident = new Resident(0, program, 1, threads, code, backend, store);
    resident.writeTables(backend.allocate(Math.max(64, scratchBytes(program, threads))));
    resident.bind(await backend.bind(code));
    for (const { name, layout, place } of program.inputs) {
      const view = viewOf(resident.slotSegment, resident.slotOffset(0, place), place.bytes, layout);
      const data = numbersOf(name, layout);
      if (data !== undefined) pack(view, layout, data, program.maxBatch, name);
    }
    for (const { name, segment, offset, bytes, layout } of store.list()) {
      const data = numbersOf(name, layout);
      if (data !== undefined) pack(viewOf(segment, offset, bytes, layout), layout, data, 1, name);
    }
    const words = { orders: new SharedArrayBuffer(8), meeting: new SharedArrayBuffer(4 * MEETING_WORDS) };
    const { image } = resident;
    const workers = await startOthers({ ...words, image, threads, batch: program.maxBatch }, note);
    return new TimedProgram(program, resident.bound!, workers, words);
  }

  /** Milliseconds of each step of a section, from when the first thread begins it until the last has ended it. */
  walk(section: "prepare" | "steps"): Float64Array {
    const times = new Float64Array(this.#program[section].length);
    tell(this.#orders, WALK[section]);
    const walker = { thread: 0, threads: this.threads, meeting: this.#meeting };
    timedWalk(this.#bound, this.#bound[section], walker, this.#program.maxBatch, times);
    return times;
  }

  async close(): Promise<void> {
    tell(this.#orders, WALK.end);
    await Promise.all(this.#workers.map((worker) => worker.retire()));
  }
}

/** Has the other threads walk. */
function tell(orders: Int32Array, order: number): void {
  Atomics.store(orders, ORDER, order);
  Atomics.add(orders, COUNT, 1);
  Atomics.notify(orders, COUNT);
}

interface Words {
  readonly orders: SharedArrayBuffer;
  readonly meeting: SharedArrayBuffer;
}

const newThread: NewThread = (options) => new Worker(new URL("./timed-worker-node.js", import.meta.url), options);

/** All threads but the caller's; none where they are refused. */
async function startOthers(start: Omit<TimedStart, "thread">, note: Note): Promise<WorkerHandle[]> {
  const startOne = (n: number) => {
    const worker = startThread(newThread, `fovea profile ${n + 1}`);
    worker.post({ ...start, thread: n + 1 } satisfies TimedStart);
    return worker;
  };
  try {
    return await startWorkers(start.threads - 1, startOne, () => tell(new Int32Array(start.orders), WALK.end));
  } catch (cause) {
    await note(`fovea: worker threads are refused (${reasonOf(cause)}); profiling one thread`);
    return [];
  }
}
