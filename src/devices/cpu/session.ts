/**
 * One memory and one team of workers: programs are loaded into it, share its states by name, and run in the order in
 * which they are submitted, never two at once. `close()` ends the workers and gives everything back; a session that is
 * forgotten is closed when it is collected, and one that is idle does not keep the process alive.
 *
 *     const session = await Session.create();
 *     const program = await session.load(compiled);            // compiled for session.target
 *     const { logits } = await program.run({ image }, 1);
 */

import { BackendError, unknownName } from "../../base/errors.js";
import { type Note, noteOnce } from "../../base/notes.js";
import { anything, callback, checkOptions, expecting, type Fields, flag, isRecord } from "../../base/options.js";
import type { Program, StoredState } from "../../compiler/program.js";
import type { Layout } from "../../kernels/contract/layout.js";
import type { Target } from "../../target/target.js";
import type { BackendName } from "./backends/backend.js";
import { type BackendChoice, chooseBackend, chooseThreads, chooseWinograd } from "./backends/choose.js";
import { Engine } from "./engine.js";
import { LoadedProgram } from "./loaded-program.js";
import type { Numbers } from "./memory/copy.js";
import type { Room } from "./memory/memory-check.js";
import type { MemoryUse } from "./memory/memory-use.js";
import type { State } from "./memory/state-store.js";
import { currentPlatform } from "./platform/current-platform.js";

export interface SessionOptions extends BackendChoice {
  /** Threads that compute; all that the machine runs at once unless said otherwise. With 1 no worker is started. */
  readonly threads?: number | undefined;
  /** Bytes that the session may take. */
  readonly memoryLimit?: number | undefined;
  /**
   * Whether 3x3 and 5x5 convolutions of stride 1 may be computed by Winograd's form: up to 2.7 times as fast. An output then errs by a part
   * (1e-5 at most) of the largest products in its tile of 6x6 input pixels, some of which lie outside its own window: beside a pixel
   * of 1e6, by about 0.1. A pixel that is infinite or NaN makes all 4x4 (of 5x5 convolutions 2x2) outputs of its tiles so, up to
   * four pixels away.
   * @default true, unless the environment variable FOVEA_WINOGRAD is "off"
   */
  readonly winograd?: boolean | undefined;
  /** Fill memory with NaN before each run and look at pad lanes after it: slow, and finds stale reads. */
  readonly check?: boolean | undefined;
  /**
   * Takes what there is to say about the choice of backend and threads; the console, once, unless given. It may be asynchronous: the
   * call that says something waits for it, and rejects with what it throws.
   */
  readonly note?: Note | undefined;
}

/** What who trains, measures or predicts may say about the machine. */
export type MachineOptions = Pick<
  SessionOptions,
  "backend" | "threads" | "relaxedSimd" | "winograd" | "memoryLimit" | "note"
>;

/** What each may be. Names of backends and the number of threads are held where they are chosen (choose.ts). */
export const MACHINE_OPTIONS: Fields<MachineOptions> = {
  backend: expecting(
    "the name of a backend",
    (name) => typeof name === "string" || (isRecord(name) && "target" in name),
  ),
  threads: expecting("a whole number from 1 to 256", (threads) => typeof threads === "number"),
  relaxedSimd: flag,
  winograd: flag,
  memoryLimit: expecting("a number of bytes", (bytes) => typeof bytes === "number" && bytes > 0),
  note: callback,
};

const SESSION_OPTIONS: Fields<SessionOptions> = { ...MACHINE_OPTIONS, interpreterTarget: anything, check: flag };

export interface StateDescription {
  readonly name: string;
  readonly kind: StoredState["kind"];
  readonly layout: Layout;
}

/** Closes the engine of a session that nobody refers to any more. */
const forgotten = new FinalizationRegistry<Engine>((engine) => void engine.close());

export class Session {
  readonly #engine: Engine;
  /** Whether programs should be compiled with Winograd's convolutions. */
  readonly winograd: boolean;

  static async create(options: SessionOptions = {}): Promise<Session> {
    checkOptions("Session.create", options, SESSION_OPTIONS);
    const { memoryLimit } = options;
    const note = options.note ?? noteOnce;
    const platform = await currentPlatform();
    const threads = chooseThreads(options.threads, platform);
    const backend = await chooseBackend(options, platform, note, threads);
    const check = options.check ?? false;
    const winograd = chooseWinograd(options.winograd, platform);
    return new Session(new Engine({ backend, platform, threads, memoryLimit, check, note }), winograd);
  }

  private constructor(engine: Engine, winograd: boolean) {
    this.#engine = engine;
    this.winograd = winograd;
    forgotten.register(this, engine, this);
  }

  /** What programs must be compiled for. */
  get target(): Target {
    return this.#engine.backend.target;
  }

  get backend(): BackendName {
    return this.#engine.backend.name;
  }

  /**
   * How many threads compute: 1 where what is loaded is so little that nothing is gained by more, or where no workers can be had.
   * Before anything is loaded, how many there may be.
   */
  get threads(): number {
    return this.#engine.activeThreads;
  }

  /** Bytes in use, by region. */
  get memory(): MemoryUse {
    return this.#engine.memory;
  }

  /** What all programs may take together. */
  get room(): Room {
    return this.#engine.room;
  }

  /** Throws MemoryError before anything is allocated if the program does not fit. */
  async load(program: Program, options: { readonly slots?: number } = {}): Promise<LoadedProgram> {
    this.#open();
    return new LoadedProgram(this.#engine, await this.#engine.load(program, options.slots ?? 1), this);
  }

  states(): StateDescription[] {
    return this.#engine.states.list().map(({ name, kind, layout }) => ({ name, kind, layout }));
  }

  /** A row-major copy of a state as it is after all jobs submitted so far. */
  async readState(name: string): Promise<Numbers> {
    const state = this.#state(name);
    return this.#engine.whenIdle(() => this.#engine.states.read(state));
  }

  /** Writes a state after all jobs submitted so far and before any later one. `data` must not change until then. */
  async writeState(name: string, data: Numbers | readonly number[]): Promise<void> {
    const state = this.#state(name);
    await this.#engine.write(state, data);
  }

  /**
   * Instead of writing a state: `source` gives its numbers whenever they are needed, the same each time, until the state is written.
   * What programs only bring into another order before they run then takes no memory between runs, where the backend can give any back.
   */
  async lendState(name: string, source: () => Numbers): Promise<void> {
    await this.#engine.lend(this.#state(name), source);
  }

  /** Resolves when everything submitted so far has ended, well or not. */
  idle(): Promise<void> {
    return this.#engine.queue.idle();
  }

  /** Lets what was submitted finish, ends the workers, and gives code and memory back. */
  close(): Promise<void> {
    forgotten.unregister(this);
    return this.#engine.close();
  }

  #open(): void {
    if (this.#engine.closed) throw new BackendError("the session was closed");
  }

  #state(name: string): State {
    this.#open();
    const state = this.#engine.states.get(name);
    if (state === undefined)
      throw unknownName(
        "state",
        name,
        this.#engine.states.list().map((s) => s.name),
      );
    return state;
  }
}
