/** An entry on the reference device, and its slots. */
import type { DType } from "../../base/element-type.js";
import { BackendError, OptionError, unknownName } from "../../base/errors.js";
import { evaluate } from "../../graph/evaluate.js";
import { sizeOf } from "../../graph/shape.js";
import { tensor } from "../../graph/tensor.js";
import type { DeviceState, Executable, Given, Numbers, PortDescription, Samples, Slot } from "../device.js";
import { checkNumbers } from "../given-numbers.js";
import { runOnce } from "../run-once.js";
import { SlotPool } from "../slot-pool.js";
import { rounded, zeros } from "./numbers.js";
import type { ReferencePlan } from "./plan.js";

export interface KeptState extends DeviceState {
  readonly dtype: DType;
  /** Its numbers, or what gives them. */
  numbers: () => Numbers;
}

/** What an executable has of its device. */
export interface Owner {
  readonly states: ReadonlyMap<string, KeptState>;
  /** Does a job after all that was submitted before. */
  submit<T>(job: () => T | Promise<T>): Promise<T>;
  transfer(): Promise<unknown>;
  isLoaded(): boolean;
  unload(): Promise<void>;
}

export class ReferenceExecutable implements Executable {
  readonly name: string;
  readonly maxBatch: number;
  readonly inputs: readonly PortDescription[];
  readonly outputs: readonly PortDescription[];
  readonly #plan: ReferencePlan;
  readonly #owner: Owner;
  readonly #staging: readonly Map<string, Numbers>[];
  readonly #slots: SlotPool<ReferenceSlot>;

  constructor(plan: ReferencePlan, owner: Owner) {
    const { entry, maxBatch, inputs, outputs, slots } = plan;
    this.name = entry.name;
    this.maxBatch = maxBatch;
    this.inputs = inputs;
    this.outputs = outputs;
    this.#plan = plan;
    this.#owner = owner;
    const staging = () => new Map(inputs.map((port) => [port.name, zeros(port.dtype, numbersIn(port, maxBatch))]));
    this.#staging = Array.from({ length: slots }, staging);
    this.#slots = new SlotPool(
      slots,
      (index, giveBack) => new ReferenceSlot(index, this, this.#staging[index]!, owner, giveBack),
    );
  }

  *plan(): Iterable<string> {
    const { entry, inputs, outputs, states } = this.#plan;
    yield JSON.stringify({ name: entry.name, inputs, outputs, states });
  }

  acquire(): Promise<Slot> {
    return this.#slots.acquire();
  }

  run(inputs: Readonly<Record<string, Given>>, batch?: number): Promise<Record<string, Numbers>> {
    return runOnce(this, inputs, batch);
  }

  unload(): Promise<void> {
    return this.#owner.unload();
  }

  /** What the entry gives for inputs of `batch` samples; changes the states as it says. */
  compute(inputs: ReadonlyMap<string, Numbers>, batch: number): Map<string, Numbers> {
    const { entry, states } = this.#plan;
    const values = [...Object.values(entry.outputs), ...entry.assigns.map(({ value }) => value)];
    const fed = (port: PortDescription) => tensor(extents(port, batch), inputs.get(port.name)!);
    const kept = (name: string) => this.#owner.states.get(name)!;
    const results = evaluate(
      values,
      {
        inputs: Object.fromEntries(this.inputs.map((port) => [port.name, fed(port)])),
        states: Object.fromEntries(states.map(({ name, shape }) => [name, tensor(shape, kept(name).numbers())])),
      },
      batch,
    );
    const given = results.slice(0, this.outputs.length);
    for (const [i, { state }] of entry.assigns.entries()) {
      const target = kept(state.attributes.name);
      const numbers = rounded(results[this.outputs.length + i]!.data, target.dtype);
      target.numbers = () => numbers;
    }
    return new Map(this.outputs.map(({ name, dtype }, i) => [name, rounded(given[i]!.data, dtype)]));
  }
}

const extents = ({ shape, batched }: PortDescription, batch: number) => (batched ? [batch, ...shape] : shape);

const numbersIn = ({ shape, batched }: PortDescription, batch: number) => sizeOf(shape) * (batched ? batch : 1);

class ReferenceSlot implements Slot {
  readonly index: number;
  readonly #executable: ReferenceExecutable;
  /** Inputs on their way to the device. */
  readonly #staging: ReadonlyMap<string, Numbers>;
  readonly #owner: Owner;
  readonly #giveBack: () => void;
  #uploads: Promise<unknown>[] = [];
  #outputs: ReadonlyMap<string, Numbers> = new Map();
  #held = true;

  constructor(
    index: number,
    executable: ReferenceExecutable,
    staging: ReadonlyMap<string, Numbers>,
    owner: Owner,
    giveBack: () => void,
  ) {
    this.index = index;
    this.#executable = executable;
    this.#staging = staging;
    this.#owner = owner;
    this.#giveBack = giveBack;
  }

  fill(name: string, data: Numbers | readonly number[]): number {
    this.#hold();
    const port = this.#port(name);
    checkNumbers(data, `input "${name}" of program "${this.#executable.name}"`);
    const size = sizeOf(port.shape);
    const samples = data.length / size;
    const most = port.batched ? this.#executable.maxBatch : 1;
    if (!Number.isInteger(samples) || samples < 1 || samples > most)
      throw new OptionError(
        `input "${name}" of program "${this.#executable.name}": ${data.length} numbers given, expected 1 to ${most} samples of ${size}`,
      );
    this.#staging.get(name)!.set(rounded(data, port.dtype));
    const upload = this.#owner.transfer();
    upload.catch(() => {}); // the run is told
    this.#uploads.push(upload);
    return samples;
  }

  samples(name: string, count: number): Samples {
    const port = this.#port(name);
    const numbers = zeros(port.dtype, count * sizeOf(port.shape));
    return { numbers, stride: sizeOf(port.shape), done: () => void this.fill(name, numbers) };
  }

  async run(batch: number): Promise<void> {
    const { name, maxBatch, inputs } = this.#executable;
    if (!Number.isInteger(batch) || batch < 1 || batch > maxBatch)
      throw new OptionError(`program "${name}": batch ${batch} is not a whole number from 1 to ${maxBatch}`);
    this.#hold();
    const numbersOf = (port: PortDescription) => this.#staging.get(port.name)!.slice(0, numbersIn(port, batch));
    const given = new Map(inputs.map((port) => [port.name, numbersOf(port)]));
    const uploads = this.#uploads;
    this.#uploads = [];
    await this.#owner.submit(async () => {
      if (!this.#owner.isLoaded()) throw new BackendError(`program "${name}" was unloaded`);
      await Promise.all(uploads);
      const outputs = this.#executable.compute(given, batch);
      await this.#owner.transfer();
      this.#outputs = outputs;
    });
  }

  output(name: string): Numbers {
    this.#hold();
    const numbers = this.#outputs.get(name);
    if (numbers !== undefined) return numbers.slice();
    const { name: program, outputs } = this.#executable;
    const names = outputs.map((port) => port.name);
    if (!names.includes(name)) throw unknownName(`output of program "${program}"`, name, names);
    throw new BackendError(`program "${program}": this slot has not run yet, so there is no output "${name}"`);
  }

  release(): void {
    if (!this.#held) return;
    this.#held = false;
    this.#giveBack();
  }

  #hold(): void {
    if (!this.#held)
      throw new BackendError(`program "${this.#executable.name}": this slot was released; acquire one again`);
  }

  #port(name: string): PortDescription {
    const { name: program, inputs } = this.#executable;
    const port = inputs.find((each) => each.name === name);
    if (port !== undefined) return port;
    throw unknownName(
      `input of program "${program}"`,
      name,
      inputs.map((each) => each.name),
    );
  }
}
