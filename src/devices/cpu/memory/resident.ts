/** A program in a session's memory: its code, its own regions, and the operand tables of every slot. */
import { align } from "../../../compiler/memory.js";
import type { Place, Program, Step } from "../../../compiler/program.js";
import type { Backend, Code, KernelFunction, OperandMemory, Segment } from "../backends/backend.js";
import { callReference } from "../reference-step.js";
import {
  type BoundProgram,
  makeSchedule,
  nanosecondsOf,
  type ProgramImage,
  type Schedule,
  STEP_WORDS,
  TABLE,
} from "../team/schedule.js";
import { codeBytes } from "./memory-check.js";
import { type State, type StateStore, statesOf } from "./state-store.js";

/** Bytes of scratch that a program needs: its values, then a workspace for each thread. */
export function scratchBytes({ bytes }: Program, threads: number): number {
  return align(bytes.scratch) + threads * align(bytes.workspace);
}

/** Tables that each slot has: threads with workspaces cannot share one. */
function tablesOf({ bytes }: Program, threads: number): number {
  return bytes.workspace > 0 ? threads : 1;
}

/** Bytes that a program needs for itself alone. */
export function ownBytes(program: Program, slots: number, threads: number, pointerBytes: number) {
  return {
    prepared: align(program.bytes.prepared),
    slots: slots * align(program.bytes.slot),
    tables: slots * tablesOf(program, threads) * makeSchedule(program, pointerBytes).tableBytes,
    code: codeBytes(program.kernels),
  };
}

export class Resident {
  readonly id: number;
  readonly program: Program;
  readonly slots: number;
  readonly #threads: number;
  readonly image: ProgramImage;
  /** States that `prepare` reads, and states that the steps write. */
  readonly preparedFrom: readonly State[];
  readonly writes: readonly State[];
  /** States that must be in the store whenever it runs. */
  readonly keeps: readonly State[];
  /** Set where the program may run on the caller's thread. */
  bound: BoundProgram | undefined;
  /** The session's clock when `prepare` was last submitted. */
  preparedAt = -1;
  readonly prepareCost: number;
  readonly #fixedCost: number;
  readonly #sampleCost: number;
  readonly #schedule: Schedule;
  readonly #backend: Backend;
  readonly #states: StateStore;
  readonly #prepared: Segment | undefined;
  readonly #slots: Segment;
  readonly #tables: Segment;
  readonly #slotBytes: number;
  #scratch: Segment | undefined;

  constructor(
    id: number,
    program: Program,
    slots: number,
    threads: number,
    code: Code,
    backend: Backend,
    states: StateStore,
  ) {
    this.id = id;
    this.#threads = threads;
    this.program = program;
    this.slots = slots;
    this.#backend = backend;
    this.#states = states;
    this.#schedule = makeSchedule(program, backend.limits.pointerBytes);
    this.#slotBytes = align(program.bytes.slot);
    const bytes = ownBytes(program, slots, threads, backend.limits.pointerBytes);
    const taken: Segment[] = [];
    const allocate = (size: number) => {
      const segment = backend.allocate(Math.max(64, size));
      taken.push(segment);
      return segment;
    };
    try {
      this.#prepared = bytes.prepared > 0 ? allocate(bytes.prepared) : undefined;
      this.#slots = allocate(bytes.slots);
      this.#tables = allocate(bytes.tables);
    } catch (cause) {
      for (const segment of taken) backend.free(segment);
      throw cause;
    }
    this.writeConstants();
    const tablesPerSlot = tablesOf(program, threads);
    const tables = Float64Array.from(
      { length: slots * tablesPerSlot },
      (_, k) => this.#tables.address + k * this.#schedule.tableBytes,
    );
    const { prepare, steps, callers } = this.#schedule;
    this.image = { id, code, prepare, steps, callers, tables, tablesPerSlot };
    this.preparedFrom = [...statesOf(program, program.prepare)].map((name) => states.get(name)!);
    this.writes = program.writes.map((name) => states.get(name)!);
    this.keeps = [...new Set([...statesOf(program, program.steps), ...program.writes])].map(
      (name) => states.get(name)!,
    );
    this.prepareCost = nanosecondsOf(program.prepare, program.maxBatch);
    this.#fixedCost = nanosecondsOf(program.steps, 0);
    this.#sampleCost = nanosecondsOf(program.steps, 1) - this.#fixedCost;
  }

  /** Planned nanoseconds of the steps on one core. */
  cost(batch: number): number {
    return this.#fixedCost + batch * this.#sampleCost;
  }

  get bytes() {
    return ownBytes(this.program, this.slots, this.#threads, this.#backend.limits.pointerBytes);
  }

  get slotSegment(): Segment {
    return this.#slots;
  }

  get preparedSegment(): Segment | undefined {
    return this.#prepared;
  }

  /** Byte offset in `slotSegment` of a place of region "slot". */
  slotOffset(slot: number, place: Place): number {
    return slot * this.#slotBytes + place.offset;
  }

  bind(functions: readonly KernelFunction[]): void {
    const { prepare, steps, callers, tables, tablesPerSlot } = this.image;
    const own = this.hasCallerSteps ? this.#withReferences(functions) : functions;
    this.bound = { functions: own, prepare, steps, callers, tables, tablesPerSlot };
  }

  /** Whether there are ops without kernels, which only this thread can call. */
  get hasCallerSteps(): boolean {
    const { prepare, steps } = this.#schedule.callers;
    return prepare.length + steps.length > 0;
  }

  /** Calls the op of such a step. Only while nothing else runs. */
  callStep(section: "prepare" | "steps", step: number, slot: number, batch: number): void {
    const { reference, ...rest } = this.program[section][step]!;
    callReference(reference!, this.#operands(rest, slot, 0, this.#scratch!), batch);
  }

  /** In the place of kernels that do nothing: functions that call the op of the step whose table they are given. */
  #withReferences(functions: readonly KernelFunction[]): KernelFunction[] {
    const calls = new Map<number, (batch: number) => void>();
    const kernels = new Set<number>();
    const { tables, tablesPerSlot, ...image } = this.image;
    for (const section of ["prepare", "steps"] as const) {
      for (const step of image.callers[section]) {
        kernels.add(this.program[section][step]!.kernel);
        const table = image[section][step * STEP_WORDS + TABLE]!;
        for (let slot = 0; slot < this.slots; slot++)
          calls.set(tables[slot * tablesPerSlot]! + table, (batch) => this.callStep(section, step, slot, batch));
      }
    }
    return functions.map((run, n) => (kernels.has(n) ? (table, _begin, _end, batch) => calls.get(table)!(batch) : run));
  }

  /** Writes what the program brings along into its prepared region. Only while nothing runs. */
  writeConstants(): void {
    for (const { place, data } of this.program.constants ?? [])
      this.#prepared?.f32(place.offset, data.length).set(data);
  }

  /** Writes all operand tables; again whenever the scratch has moved. Only while nothing runs. */
  writeTables(scratch: Segment): void {
    this.#scratch = scratch;
    const { prepare, steps } = this.program;
    const { tablesPerSlot } = this.image;
    for (let table = 0; table < this.slots * tablesPerSlot; table++) {
      const slot = Math.floor(table / tablesPerSlot);
      const thread = table % tablesPerSlot;
      let offset = table * this.#schedule.tableBytes;
      for (const step of [...prepare, ...steps]) {
        this.#backend.writeTable(this.#tables, offset, this.#operands(step, slot, thread, scratch));
        offset += this.#backend.limits.pointerBytes * Math.max(1, step.operands.length);
      }
    }
  }

  #operands(step: Pick<Step, "operands">, slot: number, thread: number, scratch: Segment): OperandMemory[] {
    return step.operands.map((place) => {
      const { region, offset, bytes } = place;
      if (region === "store") return this.#states.resolve(this.program, place).memory;
      if (region === "slot") return { segment: this.#slots, offset: this.slotOffset(slot, place), bytes };
      if (region === "scratch") return { segment: scratch, offset, bytes };
      if (region === "workspace")
        return { segment: scratch, offset: scratchBytes(this.program, thread) + offset, bytes };
      return { segment: this.#prepared ?? scratch, offset, bytes };
    });
  }

  /** Gives the program's own memory back. Only while nothing runs. */
  free(): void {
    for (const segment of [this.#prepared, this.#slots, this.#tables])
      if (segment !== undefined) this.#backend.free(segment);
  }
}
