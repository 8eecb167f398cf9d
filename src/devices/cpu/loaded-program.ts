/** A program in a session: hands out its slots, and runs it in one call where that is all one wants. */

import { BackendError } from "../../base/errors.js";
import type { Port, Program } from "../../compiler/program.js";
import type { Executable, Given, Numbers, PortDescription } from "../device.js";
import { runOnce } from "../run-once.js";
import { SlotPool } from "../slot-pool.js";
import type { Engine } from "./engine.js";
import type { Resident } from "./memory/resident.js";
import { Slot } from "./memory/slot.js";

export class LoadedProgram implements Executable {
  readonly inputs: readonly PortDescription[];
  readonly outputs: readonly PortDescription[];
  readonly #engine: Engine;
  readonly #resident: Resident;
  readonly #slots: SlotPool<Slot>;

  /** Made by Session.load. `owner` is the session, which must live as long as its programs are used. */
  constructor(engine: Engine, resident: Resident, owner: unknown) {
    this.inputs = resident.program.inputs.map(described);
    this.outputs = resident.program.outputs.map(described);
    this.#engine = engine;
    this.#resident = resident;
    this.#slots = new SlotPool(resident.slots, (index, giveBack) => new Slot(engine, resident, index, owner, giveBack));
  }

  get program(): Program {
    return this.#resident.program;
  }

  get name(): string {
    return this.program.name;
  }

  get maxBatch(): number {
    return this.program.maxBatch;
  }

  /** Its kernels, their order, and how work is cut. */
  *plan(): Iterable<string> {
    const { name, maxBatch, kernels, prepare, steps } = this.program;
    yield JSON.stringify({ name, maxBatch, kernels: kernels.map(({ key }) => key) });
    for (const { kernel, pieces, label } of [...prepare, ...steps]) yield JSON.stringify({ kernel, pieces, label });
  }

  /** A slot of one's own, when one is free; in the order of asking. */
  acquire(): Promise<Slot> {
    if (this.#engine.closed) return Promise.reject(new BackendError("the device was closed"));
    return this.#slots.acquire();
  }

  /** Runs once on row-major inputs of exactly `batch` samples; returns row-major copies of all outputs. */
  run(inputs: Readonly<Record<string, Given>>, batch?: number): Promise<Record<string, Numbers>> {
    return runOnce(this, inputs, batch);
  }

  /** Gives the program's own memory back when what was submitted has finished. States stay. */
  unload(): Promise<void> {
    return this.#engine.unload(this.#resident);
  }
}

const described = ({ name, layout: { shape, batched, dtype } }: Port): PortDescription => ({
  name,
  shape,
  batched,
  dtype,
});
