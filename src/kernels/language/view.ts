/**
 * Memory as a kernel speaks of it: an operand whose axes have names, and a place in it.
 *
 *     const x = view(k, "x", { sample: 400, row: 20, pixel: 4, channel: 1 });      // distances in elements
 *     const row = x.at({ sample, row: y }).keep("row");                            // computed here, and kept for later
 *     k.loop(0, 5, (i) => sum(row.at({ pixel: i }).load(4)));
 *
 * The type of an element is the view's own, so that no kernel counts bytes, and what is loaded is widened to 32-bit
 * lanes and narrowed again as it is stored (`f16`, `bf16`, `i8`, `u8`). Constant indices go into the offset of whatever
 * instruction reads or writes; the others become instructions where an address is asked for (`offset`, `pointer`, a
 * load) and not before.
 */
import { bytesOfElement, type DType } from "../../base/element-type.js";
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import type { IntArg, Reg } from "../../codegen/ir.js";
import type { Lanes } from "../../target/target.js";

/** Bytes of a float. */
export const F32 = bytesOfElement("f32");

/** How far apart neighbours along each axis are, in elements. */
export type Strides<Axis extends string> = { readonly [A in Axis]: number };

/** Indices along some axes. */
export type At<Axis extends string, Index = IntArg> = { readonly [A in Axis]?: Index };

/** A distance that is not in the address yet: a number of steps, or (without a step) of bytes. */
interface Term {
  readonly count: Reg;
  readonly step: number | undefined;
}

const NONE: readonly Term[] = [];

/** A view of an operand from its first element on, indexed by named axes. */
export function view<Axis extends string>(
  k: KernelBuilder,
  operand: string,
  strides: Strides<Axis>,
  type: DType = "f32",
): View<Axis> {
  return new View(k, strides, type, operand, undefined, 0, NONE);
}

/** A place in an operand that is indexed by named axes. Its methods move it, load from it and store to it. */
export class View<Axis extends string> {
  constructor(
    /** The builder that it writes to. */
    readonly k: KernelBuilder,
    /** Elements from one step to the next along each axis. */
    readonly strides: Strides<Axis>,
    /** The type of its elements. */
    readonly type: DType,
    /** The operand by its name, or a pointer. */
    readonly base: string | Reg,
    /** Bytes behind the base, in a register. */
    readonly inBytes: Reg | undefined,
    /** Further bytes, a constant. */
    readonly constant: number,
    /** Further bytes that are still to be added. */
    readonly terms: readonly Term[],
  ) {}

  /** Bytes of an element. */
  get element(): number {
    return bytesOfElement(this.type);
  }

  #with(base: string | Reg, inBytes: Reg | undefined, constant: number, terms: readonly Term[]): View<Axis> {
    return new View(this.k, this.strides, this.type, base, inBytes, constant, terms);
  }

  /** The place some steps further along each axis. With `every`, an index counts that many of them. */
  at(indices: At<Axis>, every = 1): View<Axis> {
    let { constant, terms } = this;
    for (const axis in indices) {
      const index = indices[axis] as IntArg;
      const step = this.strides[axis] * this.element * every;
      if (typeof index === "number") constant += index * step;
      else terms = [...terms, { count: index, step }];
    }
    return this.#with(this.base, this.inBytes, constant, terms);
  }

  /** So many bytes further: a distance that another view of the same shape has given. */
  plus(distance: Reg | undefined): View<Axis> {
    if (distance === undefined) return this;
    return this.#with(this.base, this.inBytes, this.constant, [...this.terms, { count: distance, step: undefined }]);
  }

  /** Bytes of these steps, as a constant. */
  bytes(indices: At<Axis, number>): number {
    let bytes = 0;
    for (const axis in indices) bytes += (indices[axis] as number) * this.strides[axis];
    return bytes * this.element;
  }

  /** Bytes from the base, computed here. */
  offset(): Reg {
    const { k, constant } = this;
    const sum = this.#sum();
    if (sum === undefined) return k.int(constant);
    return constant === 0 ? sum : k.add(sum, constant);
  }

  /** The same place, its distance from the base computed here. */
  here(): View<Axis> {
    return this.#with(this.base, this.#sum(), this.constant, NONE);
  }

  /** Constant indices that are added here, once, and not in each load. */
  moved(indices: At<Axis, number>): View<Axis> {
    const bytes = this.bytes(indices);
    const { k, base, constant } = this;
    const sum = this.#sum();
    if (sum !== undefined) return this.#with(base, k.add(sum, bytes), constant, NONE);
    if (typeof base === "string") return this.#with(base, undefined, constant + bytes, NONE);
    return this.#with(k.ptrAdd(base, bytes), undefined, constant, NONE);
  }

  /** The same place, its address computed here. */
  pointer(): View<Axis> {
    const pointer = this.#pointer();
    return pointer === this.base ? this : this.#with(pointer, undefined, this.constant, NONE);
  }

  /**
   * The same place, computed here and kept for later: as a pointer where it is one, else as a distance from the
   * operand's start.
   */
  keep(
    name: string,
    options: {
      /** Whether it lives in memory. @default true unless it changes */
      frame?: boolean;
    } = {},
  ): View<Axis> {
    const { k, base } = this;
    if (typeof base !== "string")
      return this.#with(k.var(this.#pointer(), name, options), undefined, this.constant, NONE);
    const sum = this.#sum();
    if (sum === undefined) return this.#with(base, k.var(this.constant, name, options), 0, NONE);
    return this.#with(base, k.var(sum, name, options), this.constant, NONE);
  }

  /** The place, loaded from the frame into a register again. */
  fetched(): View<Axis> {
    return this.moved({});
  }

  /** The same place in another operand of the same shape. */
  of(operand: string): View<Axis> {
    return this.#with(operand, this.inBytes, this.constant, this.terms);
  }

  /** A loop over indices `from` to `to` - 1 of an axis, counted in bytes. */
  each(
    axis: Axis,
    from: number,
    to: number,
    body: (place: View<Axis>) => void,
    options: {
      /** Whether the counter lives in memory. @default true where a loop stands inside */
      frame?: boolean;
      /** Name of the counter, as `printKernel` shows it. @default "i" */
      name?: string;
    } = {},
  ): void {
    const step = this.strides[axis] * this.element;
    this.k.loop(from * step, to * step, (at) => body(this.plus(at)), { ...options, step });
  }

  /** Where it is, in a register. */
  address(): Reg {
    const pointer = this.#pointer();
    return this.constant === 0 ? pointer : this.k.ptrAdd(pointer, this.constant);
  }

  /** Moves what was kept. */
  advance(indices: At<Axis, number>): void {
    this.k.advance(this.#register(), this.bytes(indices));
  }

  /** Moves a kept place by these bytes. */
  advanceBy(distance: Reg): void {
    this.k.advance(this.#register(), distance);
  }

  /** Pointer and constant offset of an element. */
  place(indices: At<Axis, number>): readonly [pointer: Reg, offset: number] {
    return [this.#pointer(), this.constant + this.bytes(indices)];
  }

  /** A vector from this place, some indices further. Elements of 8 and 16 bits are widened. */
  load(lanes: Lanes, indices: At<Axis, number> = {}): Reg {
    const [pointer, offset] = this.place(indices);
    switch (this.type) {
      case "f32":
        return this.k.load(pointer, offset, lanes);
      case "i32":
        return this.k.loadI32(pointer, offset, lanes);
      case "f16":
      case "bf16":
      case "i8":
      case "u8":
        return this.k.loadAs(this.type, pointer, offset, lanes);
      default:
        return this.#unheld();
    }
  }
  /** One element of this place in every lane. */
  broadcast(lanes: Lanes, indices: At<Axis, number> = {}): Reg {
    if (this.type === "f32") return this.k.broadcast(...this.place(indices), lanes);
    if (this.type === "i32") return this.k.broadcastI32(...this.place(indices), lanes);
    return this.k.splatLane0(this.load(1, indices), lanes);
  }
  /** Writes a vector to this place, some indices further. Elements of 8 and 16 bits are narrowed. */
  store(value: Reg, indices: At<Axis, number> = {}): void {
    const [pointer, offset] = this.place(indices);
    switch (this.type) {
      case "f32":
      case "i32":
        this.k.store(pointer, offset, value);
        break;
      case "f16":
      case "bf16":
      case "i8":
      case "u8":
        this.k.storeAs(this.type, pointer, offset, value);
        break;
      default:
        this.#unheld();
    }
  }
  /** Asks for the cache line at this place. */
  prefetch(indices: At<Axis, number> = {}): void {
    this.k.prefetch(...this.place(indices));
  }

  #unheld(): never {
    throw new TypeError(
      `view of "${this.base}": no lanes hold elements of type ${this.type}; expected f32, f16, bf16, i32, i8 or u8`,
    );
  }

  /** What was kept or computed. */
  #register(): Reg {
    const { base, inBytes } = this;
    if (inBytes !== undefined) return inBytes;
    if (typeof base === "string") throw new TypeError(`view of "${base}": nothing was kept that could be advanced`);
    return base;
  }

  #pointer(): Reg {
    const { k, base } = this;
    const pointer = typeof base === "string" ? k.operand(base) : base;
    const sum = this.#sum();
    return sum === undefined ? pointer : k.ptrAdd(pointer, sum);
  }

  #sum(): Reg | undefined {
    const { k } = this;
    let sum = this.inBytes;
    for (const { count, step } of this.terms) {
      const distance = step === undefined ? count : k.mul(count, step);
      sum = sum === undefined ? distance : k.add(sum, distance);
    }
    return sum;
  }
}
