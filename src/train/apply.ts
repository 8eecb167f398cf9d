/**
 * The update behind a group of batches. Each slot of what accumulates has one of its own, so that none is waited for.
 */
import type { Executable, Slot } from "../devices/device.js";
import { QUEUE_LENGTH } from "../devices/queue.js";

export class Apply {
  readonly executable: Executable;
  readonly #slots: readonly Slot[];

  static async create(executable: Executable): Promise<Apply> {
    return new Apply(executable, await Promise.all(Array.from({ length: QUEUE_LENGTH }, () => executable.acquire())));
  }

  private constructor(executable: Executable, slots: readonly Slot[]) {
    this.executable = executable;
    this.#slots = slots;
  }

  slotBehind(slot: Slot): Slot {
    return this.#slots[slot.index]!;
  }
}
