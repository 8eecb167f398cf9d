/** A program in memory of its own, without a session: all that a session does for its users would stand in a clock's way. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Program } from "../../compile/program.js";
import { OptionError } from "../../errors.js";
import type { Layout } from "../../kernels/layout.js";
import type { Backend } from "../../runtime/backend.js";
import { chooseBackend, chooseThreads } from "../../runtime/choose.js";
import { type Numbers, pack, viewOf } from "../../runtime/copy.js";
import { currentPlatform } from "../../runtime/platform.js";
import { Resident, scratchBytes } from "../../runtime/resident.js";
import { retire } from "../../runtime/retire-node.js";
import type { BoundProgram } from "../../runtime/schedule.js";
import type { SessionOptions } from "../../runtime/session.js";
import { StateStore } from "../../runtime/state-store.js";
import { COUNT, MEETING_WORDS, Meeting, ORDER, timedWalk, WALK } from "./timed-walk.js";
import type { TimedWorkerData } from "./timed-worker-node.js";

/** A backend of one's own, and how many threads it can have. The interpreter is no machine. */
export async function openBackend({
  backend: asked,
  threads,
  note = console.warn,
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
  readonly #threads: number;
  readonly #workers: readonly Worker[];
  readonly #orders: Int32Array;
  readonly #meeting: Meeting;

  private constructor(program: Program, bound: BoundProgram, workers: readonly Worker[], words: Words) {
    this.#program = program;
    this.#bound = bound;
    this.#workers = workers;
    this.#threads = workers.length + 1;
    this.#orders = new Int32Array(words.orders);
    this.#meeting = new Meeting(new Int32Array(words.meeting), this.#threads);
  }

  /** Loads it at its largest batch, and fills inputs and states. Walk "prepare" before "steps". */
  static async load(backend: Backend, program: Program, threads: number, numbersOf: NumbersOf): Promise<TimedProgram> {
    const store = new StateStore();
    store.add(program, backend);
    const code = await backend.encode(program.kernels);
    const resident = new Resident(0, program, 1, threads, code, backend, store);
    resident.writeTables(backend.allocate(Math.max(64, scratchBytes(program, threads))));
    resident.bind(await backend.bind(code));
    for (const { name, layout, place } of program.inputs) {
      const view = viewOf(resident.slotSegment, resident.slotOffset(0, place), Math.floor(place.bytes / 4), layout);
      const data = numbersOf(name, layout);
      if (data !== undefined) pack(view, layout, data, program.maxBatch, name);
    }
    for (const { name, segment, offset, bytes, layout } of store.list()) {
      const data = numbersOf(name, layout);
      if (data !== undefined) pack(viewOf(segment, offset, Math.floor(bytes / 4), layout), layout, data, 1, name);
    }
    const words = { orders: new SharedArrayBuffer(8), meeting: new SharedArrayBuffer(4 * MEETING_WORDS) };
    const { image } = resident;
    const workers = await startWorkers({ ...words, image, threads, batch: program.maxBatch });
    return new TimedProgram(program, resident.bound!, workers, words);
  }

  /** Milliseconds of each step of a section, from when the first thread begins it until the last has ended it. */
  walk(section: "prepare" | "steps"): Float64Array {
    const times = new Float64Array(this.#program[section].length);
    this.#order(WALK[section]);
    const walker = { thread: 0, threads: this.#threads, meeting: this.#meeting };
    timedWalk(this.#bound, this.#bound[section], walker, this.#program.maxBatch, times);
    return times;
  }

  async close(): Promise<void> {
    this.#order(WALK.end);
    await Promise.all(this.#workers.map((worker) => retire(worker)));
  }

  #order(order: number): void {
    Atomics.store(this.#orders, ORDER, order);
    Atomics.add(this.#orders, COUNT, 1);
    Atomics.notify(this.#orders, COUNT);
  }
}

interface Words {
  readonly orders: SharedArrayBuffer;
  readonly meeting: SharedArrayBuffer;
}

/** All threads but the caller's. */
async function startWorkers(data: Omit<TimedWorkerData, "thread">): Promise<Worker[]> {
  const workers = Array.from({ length: data.threads - 1 }, (_, n) => {
    const workerData: TimedWorkerData = { ...data, thread: n + 1 };
    return new Worker(new URL("./timed-worker-node.js", import.meta.url), { workerData });
  });
  await Promise.all(workers.map((worker) => once(worker, "message")));
  return workers;
}
