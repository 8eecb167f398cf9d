/**
 * One set of a program's inputs and outputs, of which it also gives views. Outputs stay as they are until the slot runs
 * again or is released.
 */

import { BackendError, OptionError, unknownName } from "../../../base/errors.js";
import type { Port } from "../../../compiler/program.js";
import type { Slot as DeviceSlot, Samples } from "../../device.js";
import type { Engine } from "../engine.js";
import { isAsInMemory, logicalSize, type Numbers, numbersFor, pack, unpack, viewOf } from "./copy.js";
import type { Resident } from "./resident.js";

export class Slot implements DeviceSlot {
  readonly #engine: Engine;
  readonly #resident: Resident;
  readonly #index: number;
  readonly #owner: unknown;
  readonly #views = new Map<Port, Numbers>();
  readonly #giveBack: (slot: Slot) => void;
  #batch = 0;
  #held = true;

  /** Made by LoadedProgram. */
  constructor(engine: Engine, resident: Resident, index: number, owner: unknown, giveBack: (slot: Slot) => void) {
    this.#engine = engine;
    this.#resident = resident;
    this.#index = index;
    this.#owner = owner;
    this.#giveBack = giveBack;
  }

  /**
   * An input as the program sees it: padded (see `kernels/contract/layout.ts`), room for the largest batch. Pad lanes
   * must stay +0.
   */
  input(name: string): Numbers {
    return this.#view(this.#port("input", name));
  }

  /** Copies row-major samples into an input, from the first sample on. Returns how many there were. */
  fill(name: string, data: Numbers | readonly number[]): number {
    const { program } = this.#resident;
    const port = this.#port("input", name);
    return pack(this.#view(port), port.layout, data, program.maxBatch, `input "${name}" of program "${program.name}"`);
  }

  /**
   * Room for the first `count` samples of an input: the program's own memory where it has no pads inside a sample, and,
   * `adjacent`, none between samples; else memory beside it, from which `done` copies.
   */
  samples(name: string, count: number, adjacent = false): Samples {
    const { layout } = this.#port("input", name);
    const size = logicalSize(layout);
    const { sampleStride, channelStride, channels } = layout;
    const fits = isAsInMemory(layout) && channelStride === channels && (!adjacent || sampleStride === size);
    if (fits) return { numbers: this.input(name), stride: sampleStride, done: () => {} };
    const numbers = numbersFor(layout, count * size);
    return { numbers, stride: size, done: () => void this.fill(name, numbers) };
  }

  /** Runs the program on this slot's inputs. Jobs run in the order in which they were submitted. */
  run(batch: number): Promise<void> {
    const { program } = this.#resident;
    if (!Number.isInteger(batch) || batch < 1 || batch > program.maxBatch)
      return Promise.reject(
        new OptionError(
          `program "${program.name}": batch ${batch} is not a whole number from 1 to ${program.maxBatch}`,
        ),
      );
    if (!this.#held)
      return Promise.reject(new BackendError(`program "${program.name}": this slot was released; acquire one again`));
    this.#batch = batch;
    return this.#engine.run(this.#resident, this.#index, batch, this.#owner);
  }

  /** An output of the last run, row-major without padding: a copy. */
  output(name: string): Numbers {
    const port = this.#port("output", name);
    return unpack(this.#view(port), port.layout, Math.max(1, this.#batch));
  }

  /** An output as it lies in memory. */
  raw(name: string): Numbers {
    return this.#view(this.#port("output", name));
  }

  /** Gives the slot to the next who waits for one. */
  release(): void {
    if (!this.#held) return;
    this.#held = false;
    this.#giveBack(this);
  }

  /** The slot's number; its memory is shared with later holders of the same number. */
  get index(): number {
    return this.#index;
  }

  #port(what: "input" | "output", name: string): Port {
    const { program } = this.#resident;
    const ports = what === "input" ? program.inputs : program.outputs;
    const port = ports.find((p) => p.name === name);
    if (port === undefined)
      throw unknownName(
        `${what} of program "${program.name}"`,
        name,
        ports.map((p) => p.name),
      );
    return port;
  }

  #view(port: Port): Numbers {
    if (!this.#held)
      throw new BackendError(`program "${this.#resident.program.name}": this slot was released; acquire one again`);
    let view = this.#views.get(port);
    // A WebAssembly memory that is not shared takes its old views away when it grows.
    if (view === undefined || view.length === 0) {
      const { place, layout } = port;
      const offset = this.#resident.slotOffset(this.#index, place);
      view = viewOf(this.#resident.slotSegment, offset, place.bytes, layout);
      this.#views.set(port, view);
    }
    return view;
  }
}
