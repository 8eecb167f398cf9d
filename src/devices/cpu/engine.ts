/**
 * What stands behind a Session, and must not refer to it: memory, programs, the queue, and the choice of where a job runs.
 * Programs of a planned cost below CALLER_NANOSECONDS run on the caller's thread when nothing is queued: to wake a worker
 * and resolve a promise costs about a third of that.
 */

import { BackendError, OptionError } from "../../base/errors.js";
import type { Note } from "../../base/notes.js";
import type { Program } from "../../compiler/program.js";
import { Turn } from "../../host/event-loop.js";
import type { Backend, Segment } from "./backends/backend.js";
import { checkProgramPads, poison } from "./check-mode.js";
import { JobQueue } from "./job-queue.js";
import type { Numbers } from "./memory/copy.js";
import { type Available, checkMemory, type Room, roomOf } from "./memory/memory-check.js";
import { ownBytes, Resident, scratchBytes } from "./memory/resident.js";
import { isGivenBack, type State, StateStore } from "./memory/state-store.js";
import type { Platform } from "./platform/platform.js";
import { PREPARE, RUN } from "./team/control.js";
import { Team } from "./team/team.js";
import { StepFailure, walkAlone, walkInSlices } from "./team/walk.js";
import { validateProgram } from "./validate.js";

export const CALLER_NANOSECONDS = 300_000;

/** Up to this cost the caller shares the work with the team in the place of one of its workers: about two milliseconds on two threads. */
const SHARED_NANOSECONDS = 6_000_000;

export interface EngineOptions {
  readonly backend: Backend;
  readonly platform: Platform;
  readonly threads: number;
  readonly memoryLimit: number | undefined;
  readonly check: boolean;
  readonly note: Note;
}

export interface MemoryUse {
  /** Without what is given back to the system between runs. */
  readonly store: number;
  readonly prepared: number;
  readonly slots: number;
  readonly scratch: number;
  readonly tables: number;
  /** As planned before it is written. */
  readonly code: number;
}

const round64 = (bytes: number) => Math.ceil(bytes / 64) * 64;

export class Engine {
  readonly backend: Backend;
  readonly check: boolean;
  readonly states = new StateStore();
  readonly queue = new JobQueue();
  readonly #options: EngineOptions;
  readonly #programs = new Map<number, Resident>();
  /** Keeps the owners of jobs under way from being collected. */
  readonly #owners = new Map<number, unknown>();
  #team: Team | undefined;
  #scratch: Segment | undefined;
  readonly #turn = new Turn();
  #clock = 0;
  /** The program that ran last: what others had in the scratch may be lost. */
  #latest: Resident | undefined;
  /** Whether there may be lent states in the store that nothing reads any more. */
  #isUntidy = false;
  #ids = 0;
  #jobs = 0;
  #closed: Promise<void> | undefined;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.backend = options.backend;
    this.check = options.check;
    const { platform, threads, backend } = options;
    if (threads > 1 && backend.limits.threads && platform.whyAlone() === undefined)
      this.#team = new Team({
        threads,
        parallelism: platform.parallelism(),
        startWorker: platform.startWorker,
        describe: (id, section, step) => this.#describe(id, section === 0 ? "prepare" : "steps", step),
      });
  }

  /** How many threads memory is there for: those of the team; 1 where no worker can be had. */
  get threads(): number {
    return this.#team === undefined ? 1 : this.#team.threads;
  }

  /** How many threads work on what is loaded: 1 where none of it is worth a team. Before anything is loaded, how many may. */
  get activeThreads(): number {
    const isTeam = this.#team?.isStarted === true || this.#programs.size === 0;
    return isTeam ? this.threads : 1;
  }

  get memory(): MemoryUse {
    const own = [...this.#programs.values()].map((resident) => resident.bytes);
    const sum = (part: "prepared" | "slots" | "tables" | "code") =>
      own.reduce((total, bytes) => total + bytes[part], 0);
    return {
      store: this.states.bytes - this.#givenBackBytes(),
      prepared: sum("prepared"),
      slots: sum("slots"),
      scratch: this.#scratch?.bytes ?? 0,
      tables: sum("tables"),
      code: sum("code"),
    };
  }

  async load(program: Program, slots: number): Promise<Resident> {
    this.#open();
    if (!Number.isInteger(slots) || slots < 1) throw new OptionError(`load: slots ${slots} is not 1 or more`);
    validateProgram(program, this.backend.target);
    this.#checkMemory(program, slots);
    const code = await this.backend.encode(program.kernels);
    return this.queue.submit(async () => {
      this.#open();
      // Asked again: another program may have been loaded in the meantime.
      this.#checkMemory(program, slots);
      const undo = this.states.add(program, this.backend);
      let resident: Resident | undefined;
      try {
        resident = new Resident(this.#ids++, program, slots, this.threads, code, this.backend, this.states);
        this.#growScratch(scratchBytes(program, this.threads));
        resident.writeTables(this.#scratch!);
        this.#programs.set(resident.id, resident);
        await this.#settle(resident);
        return resident;
      } catch (cause) {
        if (resident !== undefined) {
          this.#programs.delete(resident.id);
          resident.free();
        }
        undo();
        throw cause;
      }
    }, true);
  }

  unload(resident: Resident): Promise<void> {
    return this.queue.submit(() => {
      if (!this.#programs.delete(resident.id)) return;
      this.#team?.forget(resident.id);
      resident.free();
      resident.bound = undefined;
    }, true);
  }

  run(resident: Resident, slot: number, batch: number, owner: unknown): Promise<void> {
    if (this.queue.quiet && !this.check && resident.bound !== undefined && this.#closed === undefined) {
      const stale = this.#isStale(resident);
      const cost = resident.cost(batch) + (stale ? resident.prepareCost : 0);
      const team = this.#sharing(resident, cost);
      if (team !== undefined || cost < CALLER_NANOSECONDS) {
        try {
          const what = this.#due(resident);
          const failed = team?.share(what, resident.id, resident.bound, slot, batch);
          if (team === undefined) this.#onCaller(resident, slot, batch, what);
          if (this.#isUntidy) this.#tidyLater();
          return failed ?? this.#turn.next();
        } catch (cause) {
          return Promise.reject(cause);
        }
      }
    }
    if (this.#closed !== undefined) return Promise.reject(new BackendError("the session was closed"));
    const job = this.#jobs++;
    return this.queue.submit(
      () => {
        this.#alive();
        if (!this.#programs.has(resident.id)) throw new BackendError(`program "${resident.program.name}" was unloaded`);
        const done = this.#begin(resident, slot, batch);
        if (this.#isUntidy) this.#tidyLater();
        if (done === undefined) return;
        this.#owners.set(job, owner);
        return done.finally(() => this.#owners.delete(job));
      },
      this.check || this.#team === undefined,
    );
  }

  /** Runs `use` when no job is under way, before any that is submitted later. */
  async whenIdle<T>(use: () => T): Promise<T> {
    this.#open();
    return this.queue.submit(() => {
      this.#alive();
      return use();
    }, true);
  }

  /** Writes a state from outside, after all jobs submitted so far. */
  write(state: State, data: Numbers | readonly number[]): Promise<void> {
    return this.whenIdle(() => {
      this.states.write(state, data);
      state.writtenAt = ++this.#clock;
    });
  }

  /** Takes a state's numbers from `source` whenever they are needed, until it is written. */
  lend(state: State, source: () => Numbers): Promise<void> {
    return this.whenIdle(() => {
      this.states.lend(state, source);
      state.writtenAt = ++this.#clock;
    });
  }

  /** Lets what was submitted finish, then ends the workers, then gives memory and code back. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      await this.queue.idle();
      await this.#team?.close();
      this.#programs.clear();
      this.backend.release();
    })();
    return this.#closed;
  }

  get closed(): boolean {
    return this.#closed !== undefined;
  }

  /** Throws where nothing new may begin. */
  #open(): void {
    if (this.#closed !== undefined) throw new BackendError("the session was closed");
    this.#alive();
  }

  #alive(): void {
    if (this.#team?.failure !== undefined) throw this.#team.failure;
  }

  /** What has to be done for a run, noted as done: jobs take place in the order in which they come here. */
  #due(resident: Resident): number {
    const stale = this.#isStale(resident);
    this.states.supply(resident.keeps);
    if (stale) {
      this.states.supply(resident.preparedFrom);
      resident.preparedAt = this.#clock;
      this.#isUntidy = resident.preparedFrom.some((state) => state.source !== undefined);
    }
    if (resident.writes.length > 0) {
      this.#clock++;
      for (const state of resident.writes) {
        state.writtenAt = this.#clock;
        state.source = undefined;
      }
    }
    this.#latest = resident;
    return stale ? PREPARE | RUN : RUN;
  }

  /** Whether `prepare` must run first. In check mode the scratch is filled with NaN before each run. */
  #isStale(resident: Resident): boolean {
    const isLost = resident.program.preparesInScratch === true && (this.#latest !== resident || this.check);
    return resident.stale || isLost;
  }

  /** Gives back what was only there to be packed, when all that was submitted has run. */
  #tidyLater(): void {
    this.#isUntidy = false;
    void this.queue.submit(() => this.states.giveBack(this.#kept(), this.backend), true);
  }

  /** The states that programs read or write beside `prepare`. */
  #kept(): Set<State> {
    return new Set([...this.#programs.values()].flatMap((resident) => resident.keeps));
  }

  #givenBackBytes(): number {
    if (this.backend.discard === undefined) return 0;
    const kept = this.#kept();
    return this.states.list().reduce((sum, state) => sum + (isGivenBack(state, kept) ? round64(state.bytes) : 0), 0);
  }

  #begin(resident: Resident, slot: number, batch: number): Promise<void> | undefined {
    const team = this.#team;
    const stale = this.#isStale(resident);
    const what = this.#due(resident);
    const cost = resident.cost(batch) + (stale ? resident.prepareCost : 0);
    if (this.check) {
      poison(resident, slot, this.#scratch!, stale);
      const done = this.#dispatch(resident, slot, batch, what, cost, team);
      const after = () => checkProgramPads(resident, slot, batch);
      return done === undefined ? after() : done.then(after);
    }
    return this.#dispatch(resident, slot, batch, what, cost, team);
  }

  #dispatch(
    resident: Resident,
    slot: number,
    batch: number,
    what: number,
    cost: number,
    team: Team | undefined,
  ): Promise<void> | undefined {
    if (team === undefined) {
      if (cost < CALLER_NANOSECONDS && this.backend.name !== "interpreter") {
        this.#onCaller(resident, slot, batch, what);
        return undefined;
      }
      return this.#inSlices(resident, slot, batch, what);
    }
    if (team.pending === 0 && cost < CALLER_NANOSECONDS && resident.bound !== undefined) {
      this.#onCaller(resident, slot, batch, what);
      return undefined;
    }
    if (team.pending === 0 && resident.bound !== undefined && this.#sharing(resident, cost) === team)
      return team.share(what, resident.id, resident.bound, slot, batch);
    return team.submit(what, resident.id, slot, batch);
  }

  /**
   * The team that this thread is to share a program of this cost with. Threads of pages may not wait, and one thread has nobody to
   * share with. A training, whose steps are queued, could fill the next batch meanwhile; but where each core has its worker,
   * this thread would take one from the team for it, and again whenever it is told that a step is done.
   */
  #sharing(resident: Resident, cost: number): Team | undefined {
    const team = this.#team;
    if (team === undefined || team.threads < 2 || !team.isStarted || team.failure !== undefined) return undefined;
    const { platform } = this.#options;
    if (platform.name !== "node" || team.pending > 0) return undefined;
    if (resident.writes.length > 0 && team.threads < platform.parallelism()) return undefined;
    return cost >= CALLER_NANOSECONDS && cost < SHARED_NANOSECONDS ? team : undefined;
  }

  #onCaller(resident: Resident, slot: number, batch: number, what: number): void {
    const bound = resident.bound!;
    let section: "prepare" | "steps" = "prepare";
    try {
      if ((what & PREPARE) !== 0) walkAlone(bound, bound.prepare, slot, batch);
      section = "steps";
      walkAlone(bound, bound.steps, slot, batch);
    } catch (cause) {
      throw this.#failureOf(resident, section, cause);
    }
  }

  async #inSlices(resident: Resident, slot: number, batch: number, what: number): Promise<void> {
    const bound = resident.bound!;
    let section: "prepare" | "steps" = "prepare";
    try {
      if ((what & PREPARE) !== 0) await walkInSlices(bound, bound.prepare, slot, batch);
      section = "steps";
      await walkInSlices(bound, bound.steps, slot, batch);
    } catch (cause) {
      throw this.#failureOf(resident, section, cause);
    }
  }

  #failureOf(resident: Resident, section: "prepare" | "steps", failure: unknown): Error {
    if (!(failure instanceof StepFailure)) return new BackendError(String(failure), { cause: failure });
    const where = this.#describe(resident.id, section, failure.step);
    return new BackendError(`${where} failed: ${failure.message}`, { cause: failure.cause });
  }

  #describe(id: number, section: "prepare" | "steps", step: number): string {
    const program = this.#programs.get(id)?.program;
    if (program === undefined) return step < 0 ? "starting" : `step ${step}`;
    if (step < 0) return `loading program "${program.name}"`;
    const name = section === "prepare" ? "prepare step" : "step";
    return `program "${program.name}", ${name} ${step} (${program[section][step]?.label})`;
  }

  /** Makes a program callable where it will run. The team starts with the first program that is worth it. */
  async #settle(resident: Resident): Promise<void> {
    const { program } = resident;
    if (this.#team !== undefined && resident.cost(program.maxBatch) + resident.prepareCost >= CALLER_NANOSECONDS) {
      try {
        await this.#team.start();
      } catch (cause) {
        this.#team = undefined;
        const why = await this.#options.platform.whyNoWorker(cause);
        await this.#options.note(`fovea: worker threads are refused (${why}); running on one thread`);
      }
    }
    if (this.#team === undefined) {
      for (const each of this.#programs.values())
        if (each.bound === undefined) each.bind(await this.backend.bind(each.image.code));
      return;
    }
    if (resident.cost(1) < SHARED_NANOSECONDS) resident.bind(await this.backend.bind(resident.image.code));
    await this.#team.load(resident.image);
  }

  /** The scratch is as large as the largest program's. Its tables hold addresses, so they are written again when it moves. */
  #growScratch(bytes: number): void {
    const old = this.#scratch;
    const wanted = Math.max(64, Math.ceil(bytes / 64) * 64);
    if (old !== undefined && old.bytes >= wanted) return;
    if (old !== undefined) this.backend.free(old);
    this.#latest = undefined;
    try {
      this.#scratch = this.backend.allocate(wanted);
    } catch (cause) {
      if (old !== undefined) this.#scratch = this.backend.allocate(old.bytes);
      throw cause;
    } finally {
      if (this.#scratch !== undefined) for (const each of this.#programs.values()) each.writeTables(this.#scratch);
    }
  }

  #checkMemory(program: Program, slots: number): void {
    const now = this.memory;
    const scratch = scratchBytes(program, this.threads);
    const growth = Math.max(0, scratch - now.scratch);
    checkMemory(
      {
        program: program.name,
        maxBatch: program.maxBatch,
        slots,
        parts: {
          scratch: growth > 0 ? scratch : 0,
          store: this.states.missingBytes(program),
          ...ownBytes(program, slots, this.threads, this.backend.limits.pointerBytes),
        },
        used: this.states.bytes + now.prepared + now.slots + now.tables + now.code + (growth > 0 ? 0 : now.scratch),
      },
      this.#available(),
    );
  }

  /** What all that is loaded may take together. */
  get room(): Room {
    return roomOf(this.#available(), this.threads);
  }

  #available(): Available {
    return {
      memoryLimit: this.#options.memoryLimit,
      machine: this.#options.platform.memory(),
      limits: this.backend.limits,
      backend: this.backend.name,
      discards: this.backend.discard !== undefined,
    };
  }
}
