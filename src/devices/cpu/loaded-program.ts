/** A program in a session: hands out its slots, and runs it in one call where that is all one wants. */

import { BackendError, OptionError, unknownName } from "../../base/errors.js";
import type { Program } from "../../compiler/program.js";
import type { Engine } from "./engine.js";
import { logicalSize, type Numbers } from "./memory/copy.js";
import type { Resident } from "./memory/resident.js";
import { Slot } from "./memory/slot.js";

export class LoadedProgram {
  readonly #engine: Engine;
  readonly #resident: Resident;
  /** The session, which must live as long as its programs are used. */
  readonly #owner: unknown;
  readonly #free: number[];
  readonly #waiting: ((slot: Slot) => void)[] = [];

  /** Made by Session.load. */
  constructor(engine: Engine, resident: Resident, owner: unknown) {
    this.#engine = engine;
    this.#resident = resident;
    this.#owner = owner;
    this.#free = Array.from({ length: resident.slots }, (_, k) => k);
  }

  get program(): Program {
    return this.#resident.program;
  }

  /** A slot of one's own, when one is free; in the order of asking. */
  acquire(): Promise<Slot> {
    if (this.#engine.closed) return Promise.reject(new BackendError("the session was closed"));
    const index = this.#free.shift();
    if (index === undefined) return new Promise((resolve) => this.#waiting.push(resolve));
    return Promise.resolve(this.#slot(index));
  }

  /** Runs once on row-major inputs of exactly `batch` samples; returns row-major copies of all outputs. */
  async run(
    inputs: Readonly<Record<string, Numbers | readonly number[]>>,
    batch: number,
  ): Promise<Record<string, Numbers>> {
    const { program } = this.#resident;
    const names = program.inputs.map((port) => port.name);
    for (const name of Object.keys(inputs))
      if (!names.includes(name)) throw unknownName(`input of program "${program.name}"`, name, names);
    for (const { name, layout } of program.inputs) {
      const data = inputs[name];
      if (data === undefined) throw new OptionError(`program "${program.name}": input "${name}" is missing`);
      const expected = logicalSize(layout) * (layout.batched ? batch : 1);
      if (data.length !== expected)
        throw new OptionError(
          `input "${name}" of program "${program.name}": ${data.length} numbers given, expected ${expected} at batch ${batch}`,
        );
    }
    const slot = await this.acquire();
    try {
      for (const name of names) slot.fill(name, inputs[name]!);
      await slot.run(batch);
      return Object.fromEntries(program.outputs.map(({ name }) => [name, slot.output(name)]));
    } finally {
      slot.release();
    }
  }

  /** Gives the program's own memory back when what was submitted has finished. States stay. */
  unload(): Promise<void> {
    return this.#engine.unload(this.#resident);
  }

  #slot(index: number): Slot {
    return new Slot(this.#engine, this.#resident, index, this.#owner, () => {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free.push(index);
      else next(this.#slot(index));
    });
  }
}
