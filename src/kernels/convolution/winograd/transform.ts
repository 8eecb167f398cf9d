/**
 * The transforms of Winograd's minimal filtering (Winograd, 1980; Lavin and Gray, 2016) as vector code, each vector
 * holding as many channels as the machine has lanes: F(4x4, 3x3), and F(2x2, 5x5), which reads tiles of the same size:
 *
 *     Y = A^T [ (G g G^T) * (B^T d B) ] A        d: 6x6 of the input, g: the weights, Y: 4x4 or 2x2 of the output
 *
 * and its adjoint for weights, dg = G^T [ (A dY A^T) * (B^T d B) ] G. The six points of interpolation are 0, infinity
 * and two pairs +-a, +-b with a = sqrt(1/2), b = sqrt(2): their error was measured at less than half of that of the
 * usual 0, +-1, +-2, and as a b = 1, B^T has few products. Row j of B^T are the coefficients of the product of all (x -
 * p) but the own; those of G are 1, p, p^2, .. divided by the same product at p; column j of A^T is 1, p, p^2, .. The
 * last of the rows, or columns, belongs to infinity. For 3x3:
 *
 *     B^T = 1  0 -5/2  0  1  0     G = 1     0    0        A^T = 1 1 1 1 1 0
 *           0 -2a -2   a  1  0        -2/3 -2a/3 -1/3            0 a -a b -b 0
 *           0  2a -2  -a  1  0        -2/3  2a/3 -1/3            0 1/2 1/2 2 2 0
 *           0 -b/2 -1/2 b 1  0         1/6  b/6  1/3             0 a/2 -a/2 2b -2b 1
 *           0  b/2 -1/2 -b 1 0         1/6 -b/6  1/3
 *           0  1  0 -5/2  0  1         0     0    1
 */
import type { KernelBuilder } from "../../../codegen/builder/builder.js";
import type { Reg } from "../../../codegen/ir.js";
import type { Lanes } from "../../../target/target.js";

/** Inputs of a tile along an axis, and products of a tile. */
export const TILE_INPUTS = 6;
export const POINTS = TILE_INPUTS * TILE_INPUTS;

/** The kernels there are transforms for. */
export const TAPS = [3, 5] as const;
export type Taps = (typeof TAPS)[number];

/** Outputs of a tile along an axis. */
export function tileOutputs(taps: Taps): number {
  return TILE_INPUTS + 1 - taps;
}

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

/**
 * Each pair of points +-p: its rows, p, p^2, and 1 over the product of the distances to all other points but infinity.
 */
const PAIRS = [
  { rows: [1, 2], point: A, square: 1 / 2, scale: -2 / 3 },
  { rows: [3, 4], point: B, square: 2, scale: 1 / 6 },
] as const;

/** The values of a polynomial of `count` coefficients at all points: A, and G where they are `scaled`. */
function evaluation(count: number, scaled: boolean): Rows[] {
  const pairs = PAIRS.map(({ rows, point, square, scale }): Rows => {
    const factor = scaled ? scale : 1;
    const make: Transform = (m, x) => {
      let even = factor === 1 ? x(0) : m.times(x(0), factor);
      for (let j = 2; j < count; j += 2) even = m.plus(even, x(j), factor * square ** (j / 2));
      let odd = x(1);
      for (let j = 3; j < count; j += 2) odd = m.plus(odd, x(j), square ** ((j - 1) / 2));
      return m.pair(even, odd, factor * point);
    };
    return { rows, make };
  });
  return [{ rows: [0], make: (_, x) => [x(0)] }, ...pairs, { rows: [5], make: (_, x) => [x(count - 1)] }];
}

/**
 * The adjoint of `evaluation`: A^T, and G^T where `scaled`. Even rows share the sums of the pairs, odd rows their
 * differences.
 */
function adjoint(count: number, scaled: boolean): Rows[] {
  const half = (odd: 0 | 1): Rows => {
    const rows = Array.from({ length: count }, (_, j) => j).filter((j) => j % 2 === odd);
    const make: Transform = (m, s) => {
      const both = PAIRS.map(({ rows: [i, j] }) => (odd ? m.minus(s(i), s(j), 1) : m.plus(s(i), s(j), 1)));
      return rows.map((j) => {
        let sum = j === 0 ? s(0) : j === count - 1 ? s(5) : undefined;
        for (const [n, { point, square, scale }] of PAIRS.entries()) {
          const factor = (scaled ? scale : 1) * square ** Math.floor(j / 2) * (odd ? point : 1);
          sum = sum === undefined ? m.times(both[n]!, factor) : m.plus(sum, both[n]!, factor);
        }
        return sum!;
      });
    };
    return { rows, make };
  };
  return [half(0), half(1)];
}

interface Filter {
  readonly output: readonly Rows[];
  readonly weight: readonly Rows[];
  readonly outputGradient: readonly Rows[];
  readonly weightGradient: readonly Rows[];
}

const filterOf = (taps: Taps): Filter => ({
  output: adjoint(tileOutputs(taps), false),
  weight: evaluation(taps, true),
  outputGradient: evaluation(tileOutputs(taps), false),
  weightGradient: adjoint(taps, true),
});

const FILTERS: Readonly<Record<Taps, Filter>> = { 3: filterOf(3), 5: filterOf(5) };

/** The rows of one column of x; undefined where the whole column is zero. */
type Column = ((row: number) => Reg) | undefined;

/**
 * T x T^T for a transform T: the columns first, a few rows of the result at a time, then each of these rows. `load`
 * gives the columns of x; `store` is given whole rows of the result, in no order.
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
  const registers = k.target.registers.vector - reserved;
  for (const { rows, make } of transform) {
    const together = registers >= 10 + TILE_INPUTS * rows.length;
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
  twoSided(k, lanes, INPUT, TILE_INPUTS, load, store);
}

/** A^T m A: 6x6 to 4x4 or 2x2. `reserved`: vector registers that `store` needs beside the values. */
export function transformOutput(
  k: KernelBuilder,
  taps: Taps,
  lanes: Lanes,
  load: Load,
  store: Store,
  reserved: number,
): void {
  twoSided(k, lanes, FILTERS[taps].output, TILE_INPUTS, load, store, reserved);
}

/** G g G^T: 3x3 or 5x5 to 6x6. */
export function transformWeight(k: KernelBuilder, taps: Taps, lanes: Lanes, load: Load, store: Store): void {
  twoSided(k, lanes, FILTERS[taps].weight, taps, load, store);
}

/** A dy A^T: 4x4 or 2x2 to 6x6. */
export function transformOutputGradient(k: KernelBuilder, taps: Taps, lanes: Lanes, load: Load, store: Store): void {
  twoSided(k, lanes, FILTERS[taps].outputGradient, tileOutputs(taps), load, store);
}

/** G^T s G: 6x6 to 3x3 or 5x5. */
export function transformWeightGradient(k: KernelBuilder, taps: Taps, lanes: Lanes, load: Load, store: Store): void {
  twoSided(k, lanes, FILTERS[taps].weightGradient, TILE_INPUTS, load, store);
}
