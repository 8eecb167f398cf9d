/** The update behind a group of batches. Each slot of the accumulating program has one of its own, so that none is waited for. */
import type { Program } from "../compiler/program.js";
import type { LoadedProgram } from "../devices/cpu/loaded-program.js";
import type { Slot } from "../devices/cpu/memory/slot.js";
import { QUEUE_LENGTH } from "../devices/cpu/queue.js";
import type { Session } from "../devices/cpu/session.js";

export class Apply {
  readonly loaded: LoadedProgram;
  readonly #slots: readonly Slot[];

  static async create(session: Session, program: Program): Promise<Apply> {
    const loaded = await session.load(program, { slots: QUEUE_LENGTH });
    return new Apply(loaded, await Promise.all(Array.from({ length: QUEUE_LENGTH }, () => loaded.acquire())));
  }

  private constructor(loaded: LoadedProgram, slots: readonly Slot[]) {
    this.loaded = loaded;
    this.#slots = slots;
  }

  get program(): Program {
    return this.loaded.program;
  }

  slotBehind(slot: Slot): Slot {
    return this.#slots[slot.index]!;
  }
}
