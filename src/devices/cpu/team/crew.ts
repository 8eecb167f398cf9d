/**
 * One worker of the team: takes jobs from the ring, does its share of each, and tells the caller.
 */

import type { Looks } from "../../../target/costs.js";
import type { Code, KernelFunction } from "../backends/backend.js";
import {
  ABORTED,
  ANNOUNCED,
  abort,
  COMPLETED,
  FIRST_IDLE,
  FIRST_NEXT,
  FIRST_SUBMITTED,
  IDLE,
  LOAD,
  ringAt,
  SHARED,
  SUBMITTED,
} from "./control.js";
import { Member } from "./member.js";
import type { BoundProgram, ProgramImage } from "./schedule.js";

export interface StartMessage {
  readonly kind: "start";
  readonly control: SharedArrayBuffer;
  readonly thread: number;
  readonly threads: number;
  readonly looks: Looks;
  readonly programs: readonly ProgramImage[];
}

export interface LoadMessage {
  readonly kind: "load";
  readonly program: ProgramImage;
}

export type TeamMessage = StartMessage | LoadMessage;

export type CrewMessage =
  /** The first of each worker: its code is there and runs. */
  | { readonly kind: "ready" }
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

export class Crew {
  readonly #port: CrewPort;
  readonly #programs = new Map<number, BoundProgram>();
  #control: Int32Array<ArrayBufferLike> = new Int32Array(0);
  #isFirst = false;
  #looks: Looks = { most: 0, least: 0 };
  #member = new Member(this.#control, 0, 1, this.#looks);
  /** Serial number of the next job to take. */
  #next = 0;
  /** Messages are dealt with one after the other, although binding code may take turns of the event loop. */
  #chain: Promise<void> = Promise.resolve();
  /** What is being done, for the report of a failure. */
  #program = -1;

  constructor(port: CrewPort) {
    this.#port = port;
    port.post({ kind: "ready" });
  }

  /** Resolves when the message, and jobs up to the next one, have been dealt with. */
  receive(message: TeamMessage): Promise<void> {
    this.#chain = this.#chain.then(() => this.#handle(message));
    return this.#chain;
  }

  async #handle(message: TeamMessage): Promise<void> {
    try {
      if (message.kind === "start") {
        const { thread, threads, looks } = message;
        this.#control = new Int32Array(message.control);
        this.#isFirst = thread === 0;
        this.#looks = looks;
        this.#member = new Member(this.#control, thread, threads, looks);
        for (const program of message.programs) await this.#load(program);
      } else {
        await this.#load(message.program);
        if (!this.#finishJob(LOAD)) return;
      }
      while (this.#waitForJob()) {
        const at = ringAt(this.#next);
        const what = this.#control[at]!;
        if (what === LOAD) return;
        this.#work(what, this.#control[at + 1]!, this.#control[at + 2]!, this.#control[at + 3]!);
        if (!this.#finishJob(what)) return;
      }
    } catch (cause) {
      if (this.#control.length > 0) abort(this.#control);
      this.#port.post({
        kind: "failed",
        program: this.#program,
        section: this.#member.section,
        step: this.#member.step,
        message: cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause),
      });
    }
  }

  async #load(image: ProgramImage): Promise<void> {
    const { prepare, steps, callers, tables, tablesPerSlot } = image;
    this.#program = image.id;
    this.#member.rest();
    const functions = await this.#port.bind(image.code);
    this.#programs.set(image.id, { functions, prepare, steps, callers, tables, tablesPerSlot });
  }

  /** False when the team is to be given up. */
  #waitForJob(): boolean {
    const control = this.#control;
    const [submitted, idle] = this.#isFirst ? [FIRST_SUBMITTED, FIRST_IDLE] : [SUBMITTED, IDLE];
    const next = this.#next;
    for (let k = this.#looks.most; k > 0; k--) if (Atomics.load(control, submitted) !== next) break;
    if (Atomics.load(control, submitted) === next) {
      Atomics.add(control, idle, 1);
      while (Atomics.load(control, submitted) === next) Atomics.wait(control, submitted, next);
      Atomics.sub(control, idle, 1);
    }
    // jobs that the caller shared are no business of the first
    if (this.#isFirst && ((Atomics.load(control, FIRST_NEXT) - next) | 0) > 0)
      this.#next = Atomics.load(control, FIRST_NEXT);
    return Atomics.load(control, ABORTED) === 0;
  }

  #work(what: number, id: number, slot: number, batch: number): void {
    const program = this.#programs.get(id);
    this.#program = id;
    this.#member.rest();
    if (program === undefined) throw new Error(`program ${id} never arrived`);
    this.#member.work(program, what, slot, batch);
  }

  /** The last to come counts the job, and tells the caller, who knows by itself of a job that it shared. */
  #finishJob(what: number): boolean {
    const control = this.#control;
    this.#next = (this.#next + 1) | 0;
    let isLast = false;
    const goesOn = this.#member.finish(() => {
      isLast = true;
      Atomics.store(control, COMPLETED, this.#next);
    });
    const tells = isLast && (what & SHARED) === 0;
    if (tells && Atomics.exchange(control, ANNOUNCED, 1) === 0) this.#port.post({ kind: "completed" });
    return goesOn;
  }
}
