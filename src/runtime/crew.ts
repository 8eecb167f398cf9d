/**
 * One worker of the team: takes jobs from the ring, does its share of each step, and meets the others at the barrier.
 * Thread t of T does pieces floor(P t / T) to floor(P (t + 1) / T); what a step computes does not depend on the cut.
 */
import type { Code, KernelFunction } from "./backend.js";
import {
  ABORTED,
  ANNOUNCED,
  ARRIVED,
  abort,
  COMPLETED,
  GENERATION,
  IDLE,
  LOAD,
  PREPARE,
  RUN,
  ringAt,
  SUBMITTED,
  WAITING,
} from "./control.js";
import {
  BARRIER,
  type BoundProgram,
  firstTable,
  KERNEL,
  type ProgramImage,
  piecesAt,
  STEP_WORDS,
  TABLE,
} from "./schedule.js";

export interface StartMessage {
  readonly kind: "start";
  readonly control: SharedArrayBuffer;
  readonly thread: number;
  readonly threads: number;
  /** How many times a flag is looked at before the thread goes to sleep. */
  readonly spins: number;
  readonly programs: readonly ProgramImage[];
}

export interface LoadMessage {
  readonly kind: "load";
  readonly program: ProgramImage;
}

export type TeamMessage = StartMessage | LoadMessage;

export type CrewMessage =
  | { readonly kind: "completed" }
  | {
      readonly kind: "failed";
      readonly program: number;
      readonly section: number;
      readonly step: number;
      readonly message: string;
    };

export interface CrewPort {
  post(message: CrewMessage): void;
  bind(code: Code): Promise<KernelFunction[]>;
}

/** About 2 microseconds. */
const LEAST_SPINS = 1000;

export class Crew {
  readonly #port: CrewPort;
  readonly #programs = new Map<number, BoundProgram>();
  #control: Int32Array<ArrayBufferLike> = new Int32Array(0);
  #thread = 0;
  #threads = 1;
  #spins = 0;
  /** How many times to look before the next sleep at the barrier: at most #spins, less after waits that ended asleep. */
  #patience = 0;
  /** Serial number of the next job to take. */
  #next = 0;
  /** Messages are dealt with one after the other, although binding code may take turns of the event loop. */
  #chain: Promise<void> = Promise.resolve();
  // What is being done, for the report of a failure.
  #program = -1;
  #section = 0;
  #step = -1;

  constructor(port: CrewPort) {
    this.#port = port;
  }

  /** Resolves when the message, and jobs up to the next one, have been dealt with. */
  receive(message: TeamMessage): Promise<void> {
    this.#chain = this.#chain.then(() => this.#handle(message));
    return this.#chain;
  }

  async #handle(message: TeamMessage): Promise<void> {
    try {
      if (message.kind === "start") {
        this.#control = new Int32Array(message.control);
        this.#thread = message.thread;
        this.#threads = message.threads;
        this.#spins = message.spins;
        this.#patience = message.spins;
        for (const program of message.programs) await this.#load(program);
      } else {
        await this.#load(message.program);
        if (!this.#finishJob()) return;
      }
      while (this.#waitForJob()) {
        const at = ringAt(this.#next);
        const what = this.#control[at]!;
        if (what === LOAD) return;
        this.#work(what, this.#control[at + 1]!, this.#control[at + 2]!, this.#control[at + 3]!);
        if (!this.#finishJob()) return;
      }
    } catch (cause) {
      if (this.#control.length > 0) abort(this.#control);
      this.#port.post({
        kind: "failed",
        program: this.#program,
        section: this.#section,
        step: this.#step < 0 ? -1 : this.#step / STEP_WORDS,
        message: cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause),
      });
    }
  }

  async #load(image: ProgramImage): Promise<void> {
    const { prepare, steps, tables, tablesPerSlot } = image;
    this.#program = image.id;
    this.#step = -1;
    const functions = await this.#port.bind(image.code);
    this.#programs.set(image.id, { functions, prepare, steps, tables, tablesPerSlot });
  }

  /** False when the team is to be given up. */
  #waitForJob(): boolean {
    const control = this.#control;
    const next = this.#next;
    for (let k = this.#spins; k > 0; k--) if (Atomics.load(control, SUBMITTED) !== next) break;
    if (Atomics.load(control, SUBMITTED) === next) {
      Atomics.add(control, IDLE, 1);
      while (Atomics.load(control, SUBMITTED) === next) Atomics.wait(control, SUBMITTED, next);
      Atomics.sub(control, IDLE, 1);
    }
    return Atomics.load(control, ABORTED) === 0;
  }

  #work(what: number, id: number, slot: number, batch: number): void {
    const program = this.#programs.get(id);
    this.#program = id;
    this.#step = -1;
    if (program === undefined) throw new Error(`program ${id} never arrived`);
    if ((what & PREPARE) !== 0) {
      this.#section = 0;
      if (!this.#walk(program, program.prepare, slot, batch)) return;
      if (!this.#meet()) return;
    }
    if ((what & RUN) !== 0) {
      this.#section = 1;
      this.#walk(program, program.steps, slot, batch);
    }
  }

  #walk(program: BoundProgram, section: Int32Array, slot: number, batch: number): boolean {
    const { functions } = program;
    const thread = this.#thread;
    const tables = firstTable(program, slot, thread);
    const threads = this.#threads;
    // Steps with fewer pieces than threads go to the threads in turn.
    let turn = 0;
    for (let at = 0; at < section.length; at += STEP_WORDS) {
      if (section[at + BARRIER] === 1 && at > 0 && !this.#meet()) return false;
      this.#step = at;
      const pieces = piecesAt(section, at, batch);
      let share = thread;
      if (pieces < threads) {
        share = (thread + turn) % threads;
        turn = (turn + pieces) % threads;
      }
      const begin = Math.floor((pieces * share) / threads);
      const end = Math.floor((pieces * (share + 1)) / threads);
      if (begin < end) functions[section[at + KERNEL]!]!(tables + section[at + TABLE]!, begin, end, batch);
    }
    return true;
  }

  /** Waits until every thread has come here. False when the team is to be given up. */
  #meet(): boolean {
    if (this.#threads === 1) return true;
    const control = this.#control;
    const generation = Atomics.load(control, GENERATION);
    if (Atomics.add(control, ARRIVED, 1) === this.#threads - 1) this.#open();
    else this.#waitFor(generation);
    return Atomics.load(control, ABORTED) === 0;
  }

  #open(): void {
    const control = this.#control;
    Atomics.store(control, ARRIVED, 0);
    Atomics.add(control, GENERATION, 1);
    if (Atomics.load(control, WAITING) > 0) Atomics.notify(control, GENERATION);
  }

  #waitFor(generation: number): void {
    const control = this.#control;
    for (let k = this.#patience; k > 0; k--) {
      if (Atomics.load(control, GENERATION) !== generation) {
        this.#patience = Math.min(this.#spins, 2 * this.#patience);
        return;
      }
    }
    // In vain: perhaps the thread that is waited for has no core to run on, and needs this one.
    this.#patience = Math.max(Math.min(this.#spins, LEAST_SPINS), this.#patience >> 1);
    Atomics.add(control, WAITING, 1);
    while (Atomics.load(control, GENERATION) === generation && Atomics.load(control, ABORTED) === 0)
      Atomics.wait(control, GENERATION, generation);
    Atomics.sub(control, WAITING, 1);
  }

  /** The barrier at a job's end: the last to come counts the job, lets the others go on, and tells the caller. */
  #finishJob(): boolean {
    const control = this.#control;
    this.#next = (this.#next + 1) | 0;
    if (Atomics.load(control, ABORTED) !== 0) return false;
    const generation = Atomics.load(control, GENERATION);
    if (this.#threads === 1 || Atomics.add(control, ARRIVED, 1) === this.#threads - 1) {
      Atomics.store(control, COMPLETED, this.#next);
      if (this.#threads > 1) this.#open();
      if (Atomics.exchange(control, ANNOUNCED, 1) === 0) this.#port.post({ kind: "completed" });
    } else {
      this.#waitFor(generation);
    }
    return Atomics.load(control, ABORTED) === 0;
  }
}
