/**
 * The caller's side of the worker team: starts it, puts jobs into its ring, and keeps the promises. Workers that have
 * nothing to do let the process end. Until each of them has said that it is there, a failure means that workers cannot
 * be had; when one dies later, everything pending is rejected and the team is given up.
 */
import { BackendError } from "../../../base/errors.js";
import { startWorkers } from "../../../host/start-workers.js";
import type { WorkerHandle } from "../../../host/worker-handle.js";
import type { Looks } from "../../../target/costs.js";
import {
  ANNOUNCED,
  abort,
  COMPLETED,
  CONTROL_BYTES,
  FIRST_IDLE,
  FIRST_NEXT,
  FIRST_SUBMITTED,
  IDLE,
  LOAD,
  RING_JOBS,
  ringAt,
  SHARED,
  SUBMITTED,
} from "./control.js";
import type { CrewMessage, TeamMessage } from "./crew.js";
import { Member } from "./member.js";
import type { BoundProgram, ProgramImage } from "./schedule.js";

/** How long the caller's thread waits for a worker in what it shares: it hears of no worker's death meanwhile. */
const MOST_SECONDS = 20;

interface Pending {
  readonly what: number;
  readonly program: number;
  readonly slot: number;
  readonly batch: number;
  resolve: () => void;
  reject: (cause: Error) => void;
}

const NOBODY = (): void => {};

export interface TeamOptions {
  readonly threads: number;
  /** Few where threads share a core: they must not burn each other's time. */
  readonly looks: Looks;
  readonly startWorker: (name: string) => WorkerHandle;
  /** `step 12 (conv1 conv2d+relu) of program "train"`; section 0 is `prepare`. */
  readonly describe: (program: number, section: number, step: number) => string;
}

export class Team {
  readonly threads: number;
  readonly #options: TeamOptions;
  readonly #control = new Int32Array(new SharedArrayBuffer(CONTROL_BYTES));
  readonly #programs = new Map<number, ProgramImage>();
  #workers: WorkerHandle[] = [];
  #failure: Error | undefined;
  #closing = false;
  /** This thread's part in what it shares. */
  #member: Member | undefined;
  /** Whether the latest job was shared. */
  #isShared = false;
  #submitted = 0;
  #completed = 0;
  /** Jobs in the ring, oldest first, and jobs that found it full. */
  readonly #ring: Pending[] = [];
  readonly #overflow: Pending[] = [];

  constructor(options: TeamOptions) {
    this.threads = options.threads;
    this.#options = options;
  }

  get pending(): number {
    return this.#ring.length + this.#overflow.length;
  }

  /** Why the team was given up, if it was. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  get isStarted(): boolean {
    return this.#workers.length > 0;
  }

  /** Starts the workers if they are not there yet. Rejects, with none left running, where one cannot be started. */
  async start(): Promise<void> {
    if (this.isStarted || this.#failure !== undefined) return;
    this.#workers = await startWorkers(
      this.threads,
      (thread) => this.#startWorker(thread),
      () => abort(this.#control),
    );
    for (const worker of this.#workers) worker.hold(this.pending > 0);
  }

  #startWorker(thread: number): WorkerHandle {
    const { threads, looks, startWorker } = this.#options;
    const worker = startWorker(`fovea ${thread}`);
    worker.onMessage((message) => this.#hear(message as CrewMessage));
    worker.onFailure((cause) => {
      if (this.isStarted && !this.#closing)
        this.#fail(new BackendError(`worker ${thread} of ${threads} died: ${textOf(cause)}`, { cause }));
    });
    const message: TeamMessage = {
      kind: "start",
      control: this.#control.buffer as SharedArrayBuffer,
      thread,
      threads,
      looks,
      programs: [...this.#programs.values()],
    };
    worker.post(message);
    worker.hold(true);
    return worker;
  }

  /** Makes a program known to the workers; resolves when all have it. */
  load(program: ProgramImage): Promise<void> {
    this.#programs.set(program.id, program);
    if (this.#workers.length === 0) return Promise.resolve();
    const message: TeamMessage = { kind: "load", program };
    for (const worker of this.#workers) worker.post(message);
    return this.submit(LOAD, program.id, 0, 0);
  }

  /** Forgets a program that no job will name again. Workers that have it keep a few words of it. */
  forget(program: number): void {
    this.#programs.delete(program);
  }

  submit(what: number, program: number, slot: number, batch: number): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      const first = this.pending === 0;
      const job = { what, program, slot, batch, resolve, reject };
      if (this.#ring.length < RING_JOBS) this.#put(job);
      else this.#overflow.push(job);
      if (first) for (const worker of this.#workers) worker.hold(true);
    });
  }

  /**
   * A job that nothing else is pending before, shared by this thread: it does what the first worker would, and is back
   * when all is done, so that nobody has to be told. For jobs that are shorter than what waking the event loop takes,
   * or little longer. A promise only where it failed, which is rejected when all threads are at rest.
   */
  share(what: number, program: number, bound: BoundProgram, slot: number, batch: number): Promise<void> | undefined {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#member ??= new Member(this.#control, 0, this.threads, this.#options.looks, MOST_SECONDS);
    const job: Pending = { what: what | SHARED, program, slot, batch, resolve: NOBODY, reject: NOBODY };
    this.#put(job);
    const next = this.#submitted;
    let failure: Error | undefined;
    try {
      this.#member.work(bound, what, slot, batch);
      if (this.#member.finish(() => Atomics.store(this.#control, COMPLETED, next))) {
        this.#settle();
        return undefined;
      }
    } catch (cause) {
      abort(this.#control);
      const where = this.#options.describe(program, this.#member.section, this.#member.step);
      failure = new BackendError(`${where} failed: ${textOf(cause)}`, { cause });
    }
    const done = new Promise<void>((resolve, reject) => {
      job.resolve = resolve;
      job.reject = reject;
    });
    if (failure !== undefined) this.#fail(failure);
    // else a worker failed, and says why: to be heard, the process must not end
    else for (const worker of this.#workers) worker.hold(true);
    return done;
  }

  /** Ends the workers; resolves when none of them runs any more, so that code and memory may go. */
  async close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = true;
      this.#fail(new BackendError("the device was closed"));
    }
    await this.#ended;
  }

  #ended: Promise<unknown> = Promise.resolve();

  #put(job: Pending): void {
    const control = this.#control;
    const at = ringAt(this.#submitted);
    control[at] = job.what;
    control[at + 1] = job.program;
    control[at + 2] = job.slot;
    control[at + 3] = job.batch;
    this.#ring.push(job);
    const isShared = (job.what & SHARED) !== 0;
    // The first worker has done all that came before the first shared job, which began when nothing was pending.
    if (this.#isShared && !isShared) Atomics.store(control, FIRST_NEXT, this.#submitted);
    this.#isShared = isShared;
    this.#submitted = (this.#submitted + 1) | 0;
    Atomics.store(control, SUBMITTED, this.#submitted);
    if (Atomics.load(control, IDLE) > 0) Atomics.notify(control, SUBMITTED);
    if (isShared) return;
    Atomics.store(control, FIRST_SUBMITTED, this.#submitted);
    if (Atomics.load(control, FIRST_IDLE) > 0) Atomics.notify(control, FIRST_SUBMITTED);
  }

  #hear(message: CrewMessage): void {
    if (this.#failure !== undefined || message.kind === "ready") return;
    if (message.kind === "failed") {
      const where = this.#options.describe(message.program, message.section, message.step);
      this.#fail(new BackendError(`${where} failed on a worker: ${message.message}`));
      return;
    }
    this.#settle();
    for (const job of this.#overflow.splice(0, RING_JOBS - this.#ring.length)) this.#put(job);
    if (this.pending === 0) for (const worker of this.#workers) worker.hold(false);
  }

  /** Resolves the jobs that have ended. */
  #settle(): void {
    // First the flag, then the count: a job that ends in between announces itself again.
    Atomics.store(this.#control, ANNOUNCED, 0);
    const done = (Atomics.load(this.#control, COMPLETED) - this.#completed) | 0;
    this.#completed = (this.#completed + done) | 0;
    for (const job of this.#ring.splice(0, done)) job.resolve();
  }

  #fail(failure: Error): void {
    if (this.#failure !== undefined) return;
    // Jobs that ended well before the failure have not all been announced.
    this.#settle();
    this.#failure = failure;
    abort(this.#control);
    const jobs = [...this.#ring.splice(0), ...this.#overflow.splice(0)];
    // No kernel runs any more once the threads are at rest, and what was pending is rejected only then.
    this.#ended = Promise.allSettled(this.#workers.map((worker) => worker.retire())).then(() => {
      for (const job of jobs) job.reject(failure);
    });
    this.#closing = true;
    this.#workers = [];
  }
}

function textOf(cause: unknown): string {
  if (cause instanceof Error) return `${cause.name}: ${cause.message}`;
  return typeof cause === "string" ? cause : "for an unknown reason";
}
