/**
 * The loop over the pieces of work of a call, and what the number of a piece means: a sample and a row of it, a slice
 * and a block.
 */
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import type { IntArg, Reg } from "../../codegen/ir.js";

/** By name, the index of a piece along each axis. Each is computed where it is asked for: once, the outermost first. */
export type Indices<Axis extends string> = { readonly [A in Axis]: () => Reg };

/** A piece of work. */
export interface Piece {
  /** Its number. */
  readonly number: Reg;
  /** The number among the pieces that have the indices asked for so far. */
  left(): Reg;
}

/** Where the loop over pieces keeps its numbers. All are optional. */
export interface PieceOptions {
  /**
   * Whether the number of the last piece waits in the frame, in memory, and not in a register.
   * @default false
   */
  readonly keepsEnd?: boolean;
  /**
   * Whether the piece's number, which is in the frame, is copied to a register to be divided.
   * @default false
   */
  readonly copies?: boolean;
}

/**
 * Visits the pieces of a call. `axes` has the extent of each axis by its name, the last the fastest:
 *
 *     pieces(k, { sample: k.batch, row: rows }, ({ sample, row }) => { ... sample() ... row() ... });
 */
export function pieces<Axis extends string>(
  k: KernelBuilder,
  axes: { readonly [A in Axis]: IntArg },
  body: (indices: Indices<Axis>, piece: Piece) => void,
  { keepsEnd = false, copies = false }: PieceOptions = {},
): void {
  const end = keepsEnd ? k.var(k.end, "end") : k.end;
  const one = (piece: Reg) => {
    const split = new Split(k, copies ? k.var(piece, "at", { frame: false }) : piece, axes, copies);
    body(split.indices, { number: piece, left: () => split.left() });
  };
  k.loop(k.begin, end, one, { frame: true, name: "piece" });
}

/** Visits the pieces of a call by their numbers. */
export function eachPiece(k: KernelBuilder, body: (piece: Reg) => void, options: PieceOptions = {}): void {
  pieces(k, { piece: k.end }, ({ piece }) => body(piece()), options);
}

/** What a number means that counts along several axes. */
export function indicesOf<Axis extends string>(
  k: KernelBuilder,
  number: Reg,
  axes: { readonly [A in Axis]: IntArg },
): Indices<Axis> {
  return new Split(k, number, axes, false).indices;
}

class Split<Axis extends string> {
  readonly indices: Indices<Axis>;
  readonly #k: KernelBuilder;
  readonly #isOwn: boolean;
  readonly #extents: readonly IntArg[];
  /** The number along the axes from `#axis` on, once it is divided so far. */
  #number: Reg;
  #axis = 0;
  #reduced = 0;

  /** `isOwn`: the number is a register that may change. */
  constructor(k: KernelBuilder, number: Reg, axes: { readonly [A in Axis]: IntArg }, isOwn: boolean) {
    this.#isOwn = isOwn;
    this.#k = k;
    this.#number = number;
    const names = Object.keys(axes) as Axis[];
    this.#extents = names.map((name) => axes[name]);
    this.indices = Object.fromEntries(
      names.map((name, axis) => [name, () => this.#index(axis, name)]),
    ) as Indices<Axis>;
  }

  left(): Reg {
    if (this.#reduced < this.#axis) {
      const within = this.#k.mod(this.#number, this.#stepOf(this.#axis - 1));
      if (this.#isOwn) this.#k.set(this.#number, within);
      else this.#number = within;
      this.#reduced = this.#axis;
    }
    return this.#number;
  }

  #index(axis: number, name: string): Reg {
    if (axis !== this.#axis) throw new TypeError(`pieces: "${name}" is asked for out of turn`);
    const last = axis === this.#extents.length - 1;
    if (!last) {
      const number = this.left();
      this.#axis++;
      return this.#k.div(number, this.#stepOf(axis));
    }
    this.#axis++;
    return this.#reduced < axis ? this.#k.mod(this.#number, this.#stepOf(axis - 1)) : this.#number;
  }

  /** How many there are along the axes behind one. */
  #stepOf(axis: number): number {
    return this.#extents.slice(axis + 1).reduce<number>((n, extent) => n * (extent as number), 1);
  }
}
