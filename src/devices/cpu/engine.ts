/**
 * What stands behind a Session, and must not refer to it: memory, programs and the queue. `dispatcher.ts` says where a
 * job runs.
 */

import { BackendError, OptionError } from "../../base/errors.js";
import { eachOnce, type Note } from "../../base/notes.js";
import { align } from "../../compiler/memory.js";
import type { Program } from "../../compiler/program.js";
import { Turn } from "../../host/event-loop.js";
import type { MemoryUse } from "../memory-use.js";
import type { Backend, Segment } from "./backends/backend.js";
import { checkProgramPads, poison } from "./check-mode.js";
import { chooseWhere, type MachineFacts, type Where } from "./dispatcher.js";
import { Freshness } from "./freshness.js";
import { JobQueue } from "./job-queue.js";
import type { Numbers } from "./memory/copy.js";
import { type Available, checkMemory, type Room, roomOf } from "./memory/memory-check.js";
import { ownBytes, Resident, scratchBytes } from "./memory/resident.js";
import { isGivenBack, type State, StateStore } from "./memory/state-store.js";
import { describeStep, runAtOnce, runInSlices } from "./own-thread.js";
import { runInParts } from "./parts.js";
import type { Platform } from "./platform/platform.js";
import { referencedOps } from "./reference-step.js";
import { Team } from "./team/team.js";
import { validateProgram } from "./validate.js";

export interface EngineOptions {
  readonly backend: Backend;
  readonly platform: Platform;
  readonly threads: number;
  readonly memoryLimit: number | undefined;
  readonly check: boolean;
  readonly note: Note;
}

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
  readonly #noteOnce: Note;
  readonly #turn = new Turn();
  readonly #freshness: Freshness;
  readonly #machine: MachineFacts;
  #ids = 0;
  #jobs = 0;
  #closed: Promise<void> | undefined;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#noteOnce = eachOnce(options.note);
    this.backend = options.backend;
    this.check = options.check;
    const { platform, threads, backend } = options;
    this.#freshness = new Freshness(options.check);
    this.#machine = {
      parallelism: platform.parallelism(),
      mayWait: platform.name === "node",
      keepsTime: backend.name !== "interpreter",
      costs: backend.target.costs.threads,
    };
    const { costs, parallelism } = this.#machine;
    if (threads > 1 && backend.limits.threads && platform.whyAlone() === undefined)
      this.#team = new Team({
        threads,
        looks: threads > parallelism ? costs.crowdedLooks : costs.looks,
        startWorker: platform.startWorker,
        describe: (id, section, step) =>
          describeStep(this.#programs.get(id)?.program, section === 0 ? "prepare" : "steps", step),
      });
  }

  /** How many threads memory is there for: those of the team; 1 where no worker can be had. */
  get threads(): number {
    return this.#team === undefined ? 1 : this.#team.threads;
  }

  /**
   * How many threads work on what is loaded: 1 where none of it is worth a team. Before anything is loaded, how many
   * may.
   */
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
    for (const op of referencedOps(program))
      await this.#noteOnce(
        `fovea: ${op} has no kernel for ${this.backend.target.name}: it is computed by its reference, which is slow; registerStrategy gives it one`,
      );
    const code = await this.backend.encode(program.kernels);
    const { resident, note } = await this.queue.submit(async () => {
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
        return { resident, note: await this.#settle(resident) };
      } catch (cause) {
        if (resident !== undefined) {
          this.#programs.delete(resident.id);
          resident.free();
        }
        undo();
        throw cause;
      }
    }, true);
    if (note === undefined) return resident;
    // Outside of the queue: whoever is told may use the session, and waits for what is submitted.
    try {
      await this.#options.note(note);
    } catch (cause) {
      await this.unload(resident);
      throw cause;
    }
    return resident;
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
    if (this.#closed !== undefined) return Promise.reject(new BackendError("the device was closed"));
    if (this.queue.quiet && !this.check && this.#team?.failure === undefined) {
      const where = this.#where(resident, batch);
      if (where === "caller" || where === "shared") {
        try {
          return this.#begin(resident, slot, batch, where) ?? this.#turn.next();
        } catch (cause) {
          return Promise.reject(cause);
        }
      }
    }
    const job = this.#jobs++;
    return this.queue.submit(
      () => {
        this.#alive();
        if (!this.#programs.has(resident.id)) throw new BackendError(`program "${resident.program.name}" was unloaded`);
        const where = this.#where(resident, batch);
        const done = this.check
          ? this.#beginChecked(resident, slot, batch, where)
          : this.#begin(resident, slot, batch, where);
        if (done === undefined) return;
        this.#owners.set(job, owner);
        return done.finally(() => this.#owners.delete(job));
      },
      // What this thread does in slices must not meet another job.
      this.check || this.#team?.isStarted !== true || resident.hasCallerSteps,
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
      this.#freshness.written(state);
    });
  }

  /** Takes a state's numbers from `source` whenever they are needed, until it is written. */
  lend(state: State, source: () => Numbers): Promise<void> {
    return this.whenIdle(() => {
      this.states.lend(state, source);
      this.#freshness.written(state);
    });
  }

  /** Lets what was submitted finish, then ends the workers, then gives memory and code back. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      await this.queue.idle();
      await this.#team?.close();
      this.#programs.clear();
      this.states.clear();
      this.#scratch = undefined;
      this.backend.release();
    })();
    return this.#closed;
  }

  get closed(): boolean {
    return this.#closed !== undefined;
  }

  /** Throws where nothing new may begin. */
  #open(): void {
    if (this.#closed !== undefined) throw new BackendError("the device was closed");
    this.#alive();
  }

  #alive(): void {
    if (this.#team?.failure !== undefined) throw this.#team.failure;
  }

  /** Gives back what was only there to be packed, when all that was submitted has run. */
  #tidyLater(): void {
    void this.queue.submit(() => this.states.giveBack(this.#kept(), this.backend), true);
  }

  /** The states that programs read or write beside `prepare`. */
  #kept(): Set<State> {
    return new Set([...this.#programs.values()].flatMap((resident) => resident.keeps));
  }

  #givenBackBytes(): number {
    if (this.backend.discard === undefined) return 0;
    const kept = this.#kept();
    return this.states.list().reduce((sum, state) => sum + (isGivenBack(state, kept) ? align(state.bytes) : 0), 0);
  }

  #where(resident: Resident, batch: number): Where {
    const cost = resident.cost(batch) + (this.#freshness.isStale(resident) ? resident.prepareCost : 0);
    const job = {
      cost,
      writes: resident.writes.length > 0,
      isBound: resident.bound !== undefined,
      hasCallerSteps: resident.hasCallerSteps,
    };
    return chooseWhere(job, this.#team, this.#machine);
  }

  /** A promise where it goes on, or has failed. */
  #begin(resident: Resident, slot: number, batch: number, where: Where): Promise<void> | undefined {
    this.states.supply(resident.keeps);
    if (this.#freshness.isStale(resident)) this.states.supply(resident.preparedFrom);
    const what = this.#freshness.note(resident);
    const done = this.#orPrepareAgain(resident, () => this.#dispatch(resident, slot, batch, where, what));
    if (this.#freshness.takeUntidy()) this.#tidyLater();
    return done;
  }

  /** Ops of the user's may fail, and the session goes on. */
  #orPrepareAgain(resident: Resident, dispatch: () => Promise<void> | undefined): Promise<void> | undefined {
    if (!resident.hasCallerSteps) return dispatch();
    const failed = (cause: unknown): never => {
      this.#freshness.failed(resident);
      throw cause;
    };
    try {
      return dispatch()?.catch(failed);
    } catch (cause) {
      return failed(cause);
    }
  }

  #dispatch(resident: Resident, slot: number, batch: number, where: Where, what: number): Promise<void> | undefined {
    const { id, program, bound } = resident;
    switch (where) {
      case "caller":
        runAtOnce({ what, program, bound: bound!, slot, batch });
        return undefined;
      case "slices":
        return runInSlices({ what, program, bound: bound!, slot, batch });
      case "shared":
        return this.#team!.share(what, id, bound!, slot, batch);
      case "team":
        return this.#team!.submit(what, id, slot, batch);
      case "parts":
        return runInParts(this.#team!, resident, { what, slot, batch });
    }
  }

  #beginChecked(resident: Resident, slot: number, batch: number, where: Where): Promise<void> | undefined {
    poison(resident, slot, this.#scratch!, this.#freshness.isStale(resident));
    const done = this.#begin(resident, slot, batch, where);
    const after = () => checkProgramPads(resident, slot, batch);
    return done === undefined ? after() : done.then(after);
  }

  /**
   * Makes a program callable where it will run. The team starts with the first program that is worth it. Gives what
   * there is to say of it.
   */
  async #settle(resident: Resident): Promise<string | undefined> {
    const { program } = resident;
    let note: string | undefined;
    if (
      this.#team !== undefined &&
      resident.cost(program.maxBatch) + resident.prepareCost >= this.#machine.costs.onCaller
    ) {
      try {
        await this.#team.start();
      } catch (cause) {
        this.#team = undefined;
        const why = await this.#options.platform.whyNoWorker(cause);
        note = `fovea: worker threads are refused (${why}); running on one thread`;
      }
    }
    if (this.#team === undefined) {
      for (const each of this.#programs.values())
        if (each.bound === undefined) each.bind(await this.backend.bind(each.image.code));
      return note;
    }
    if (resident.cost(1) < this.#machine.costs.shared) resident.bind(await this.backend.bind(resident.image.code));
    await this.#team.load(resident.image);
    return note;
  }

  /**
   * The scratch is as large as the largest program's. Its tables hold addresses, so they are written again when it
   * moves.
   */
  #growScratch(bytes: number): void {
    const old = this.#scratch;
    const wanted = Math.max(64, align(bytes));
    if (old !== undefined && old.bytes >= wanted) return;
    if (old !== undefined) this.backend.free(old);
    this.#freshness.scratchMoved();
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
