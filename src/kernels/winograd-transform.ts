/**
 * The transforms of Winograd's minimal filtering F(4x4, 3x3) (Winograd, 1980; Lavin and Gray, 2016) as vector code, each
 * vector holding as many channels as the machine has lanes:
 *
 *     Y = A^T [ (G g G^T) * (B^T d B) ] A        d: 6x6 of the input, g: 3x3 of the weights, Y: 4x4 of the output
 *
 * and its adjoint for weights, dg = G^T [ (A dY A^T) * (B^T d B) ] G. The six points of interpolation are 0, infinity and
 * two pairs +-a, +-b with a = sqrt(1/2), b = sqrt(2): their error was measured at less than half of that of the usual
 * 0, +-1, +-2, and as a b = 1, B^T has few products. Row j of B^T are the coefficients of the product of all (x - p) but
 * the own; those of G are 1, p, p^2 divided by the same product at p; column j of A^T is 1, p, p^2, p^3.
 *
 *     B^T = 1  0 -5/2  0  1  0     G = 1     0    0        A^T = 1 1 1 1 1 0
 *           0 -2a -2   a  1  0        -2/3 -2a/3 -1/3            0 a -a b -b 0
 *           0  2a -2  -a  1  0        -2/3  2a/3 -1/3            0 1/2 1/2 2 2 0
 *           0 -b/2 -1/2 b 1  0         1/6  b/6  1/3             0 a/2 -a/2 2b -2b 1
 *           0  b/2 -1/2 -b 1 0         1/6 -b/6  1/3
 *           0  1  0 -5/2  0  1         0     0    1
 */
import type { KernelBuilder } from "../codegen/builder.js";
import type { Lanes, Reg } from "../codegen/ir.js";

/** Outputs of a tile along an axis, inputs it reads, and products of a tile. */
export const TILE_OUTPUTS = 4;
export const TILE_INPUTS = 6;
export const POINTS = TILE_INPUTS * TILE_INPUTS;

const A = Math.SQRT1_2;
const B = Math.SQRT2;

/** a * constant + c and the like; constants become operands in memory where the machine has such. */
class Arithmetic {
  constructor(
    readonly k: KernelBuilder,
    readonly lanes: Lanes,
  ) {}
  times(a: Reg, factor: number): Reg {
    return this.k.fmul(a, this.k.splat(factor, this.lanes));
  }
  plus(c: Reg, a: Reg, factor: number): Reg {
    return factor === 1 ? this.k.fadd(c, a) : this.k.fma(a, this.k.splat(factor, this.lanes), c);
  }
  minus(c: Reg, a: Reg, factor: number): Reg {
    return factor === 1 ? this.k.fsub(c, a) : this.k.fnma(a, this.k.splat(factor, this.lanes), c);
  }
  /** even + factor * odd and even - factor * odd. */
  pair(even: Reg, odd: Reg, factor: number): [Reg, Reg] {
    return [this.plus(even, odd, factor), this.minus(even, odd, factor)];
  }
}

type Transform = (m: Arithmetic, from: (i: number) => Reg) => Reg[];

/** Some rows of a transform, which share what they compute. */
interface Rows {
  readonly rows: readonly number[];
  readonly make: Transform;
}

const INPUT: readonly Rows[] = [
  { rows: [0], make: (m, d) => [m.minus(m.plus(d(0), d(4), 1), d(2), 2.5)] },
  { rows: [1, 2], make: (m, d) => m.pair(m.minus(d(4), d(2), 2), m.minus(d(3), d(1), 2), A) },
  { rows: [3, 4], make: (m, d) => m.pair(m.minus(d(4), d(2), 0.5), m.minus(d(3), d(1), 0.5), B) },
  { rows: [5], make: (m, d) => [m.minus(m.plus(d(1), d(5), 1), d(3), 2.5)] },
];

const OUTPUT: readonly Rows[] = [
  {
    rows: [0, 2],
    make: (m, s) => {
      const [p, q] = [m.plus(s(1), s(2), 1), m.plus(s(3), s(4), 1)];
      return [m.plus(m.plus(s(0), p, 1), q, 1), m.plus(m.times(p, 0.5), q, 2)];
    },
  },
  {
    rows: [1, 3],
    make: (m, s) => {
      const [p, q] = [m.minus(s(1), s(2), 1), m.minus(s(3), s(4), 1)];
      return [m.plus(m.times(p, A), q, B), m.plus(m.plus(s(5), p, A / 2), q, 2 * B)];
    },
  },
];

const WEIGHT: readonly Rows[] = [
  { rows: [0], make: (_, g) => [g(0)] },
  { rows: [1, 2], make: (m, g) => m.pair(m.minus(m.times(g(0), -2 / 3), g(2), 1 / 3), g(1), (-2 / 3) * A) },
  { rows: [3, 4], make: (m, g) => m.pair(m.plus(m.times(g(0), 1 / 6), g(2), 1 / 3), g(1), B / 6) },
  { rows: [5], make: (_, g) => [g(2)] },
];

/** A, the adjoint of OUTPUT. */
const OUTPUT_GRADIENT: readonly Rows[] = [
  { rows: [0], make: (_, y) => [y(0)] },
  { rows: [1, 2], make: (m, y) => m.pair(m.plus(y(0), y(2), 0.5), m.plus(y(1), y(3), 0.5), A) },
  { rows: [3, 4], make: (m, y) => m.pair(m.plus(y(0), y(2), 2), m.plus(y(1), y(3), 2), B) },
  { rows: [5], make: (_, y) => [y(3)] },
];

/** G^T, the adjoint of WEIGHT. */
const WEIGHT_GRADIENT: readonly Rows[] = [
  {
    rows: [0, 2],
    make: (m, s) => {
      const [p, q] = [m.plus(s(1), s(2), 1), m.plus(s(3), s(4), 1)];
      return [m.plus(m.minus(s(0), p, 2 / 3), q, 1 / 6), m.plus(m.minus(s(5), p, 1 / 3), q, 1 / 3)];
    },
  },
  {
    rows: [1],
    make: (m, s) => {
      const [p, q] = [m.minus(s(1), s(2), 1), m.minus(s(3), s(4), 1)];
      return [m.plus(m.times(p, (-2 / 3) * A), q, B / 6)];
    },
  },
];

/** The rows of one column of x; undefined where the whole column is zero. */
type Column = ((row: number) => Reg) | undefined;

/**
 * T x T^T for a transform T: the columns first, a few rows of the result at a time, then each of these rows. `load` gives
 * the columns of x; `store` is given whole rows of the result, in no order.
 */
function twoSided(
  k: KernelBuilder,
  lanes: Lanes,
  transform: readonly Rows[],
  columns: number,
  load: Load,
  store: Store,
  reserved = 0,
): void {
  const m = new Arithmetic(k, lanes);
  // where registers are few, rows that share work are computed one by one all the same
  const together = k.target.vectorRegisters - reserved >= 22;
  for (const { rows, make } of transform) {
    for (const wanted of together ? [rows] : rows.map((row) => [row])) {
      const made: Reg[][] = wanted.map(() => []);
      for (let c = 0; c < columns; c++) {
        const from = load(c);
        const known = new Map<number, Reg>();
        const once = (row: number): Reg => {
          const value = known.get(row) ?? from!(row);
          known.set(row, value);
          return value;
        };
        const column = from === undefined ? rows.map(() => k.splat(0, lanes)) : make(m, once);
        for (const [n, row] of wanted.entries()) made[n]!.push(column[rows.indexOf(row)]!);
      }
      for (const [n, row] of wanted.entries()) {
        const values: Reg[] = [];
        for (const across of transform) {
          for (const [i, value] of across.make(m, (c) => made[n]![c]!).entries()) values[across.rows[i]!] = value;
        }
        store(row, values);
      }
    }
  }
}

type Load = (column: number) => Column;
type Store = (row: number, values: readonly Reg[]) => void;

/** B^T d B: 6x6 to 6x6. */
export function transformInput(k: KernelBuilder, lanes: Lanes, load: Load, store: Store): void {
  twoSided(k, lanes, INPUT, 6, load, store);
}

/** A^T m A: 6x6 to 4x4. `reserved`: vector registers that `store` needs beside the values. */
export function transformOutput(k: KernelBuilder, lanes: Lanes, load: Load, store: Store, reserved: number): void {
  twoSided(k, lanes, OUTPUT, 6, load, store, reserved);
}

/** G g G^T: 3x3 to 6x6. */
export function transformWeight(k: KernelBuilder, lanes: Lanes, load: Load, store: Store): void {
  twoSided(k, lanes, WEIGHT, 3, load, store);
}

/** A dy A^T: 4x4 to 6x6. */
export function transformOutputGradient(k: KernelBuilder, lanes: Lanes, load: Load, store: Store): void {
  twoSided(k, lanes, OUTPUT_GRADIENT, 4, load, store);
}

/** G^T s G: 6x6 to 3x3. */
export function transformWeightGradient(k: KernelBuilder, lanes: Lanes, load: Load, store: Store): void {
  twoSided(k, lanes, WEIGHT_GRADIENT, 6, load, store);
}
