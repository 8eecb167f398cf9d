/**
 * Where the points of a board lie. People and files count vertices, 0 .. size^2 - 1 from the upper left, row by row, as
 * SGF does; `PASS` is no vertex. The board counts points of a grid with a border around it, so that every stone has
 * four neighbours and no walk has to look where the edge is: the point of (x, y) is (y + 1) (size + 1) + x + 1, and the
 * border at the right of a row is the one at the left of the next.
 */
import { OptionError } from "../../base/errors.js";

export const PASS = -1;
export const LARGEST_BOARD = 25;

export const EMPTY = 0;
export const BLACK = 1;
export const WHITE = 2;
/** What surrounds the board. */
export const BORDER = 3;

/** Black or white. */
export type Colour = typeof BLACK | typeof WHITE;

export const opponentOf = (colour: Colour): Colour => (3 - colour) as Colour;
export const colourName = (colour: Colour): string => (colour === BLACK ? "black" : "white");

export interface Geometry {
  readonly size: number;
  /** Vertices: size^2. */
  readonly area: number;
  /** From a point to the one below. */
  readonly stride: number;
  /** Points, those of the border included. */
  readonly points: number;
  /** The point of each vertex. */
  readonly pointOf: Int32Array;
  /** The vertex of each point; -1 on the border. */
  readonly vertexOf: Int32Array;
  /** 1 for points of the first line. */
  readonly onEdge: Uint8Array;
}

const known = new Map<number, Geometry>();

/** @throws OptionError unless size is a whole number from 1 to 25. */
export function geometryOf(size: number): Geometry {
  const found = known.get(size);
  if (found !== undefined) return found;
  if (!Number.isInteger(size) || size < 1 || size > LARGEST_BOARD) {
    throw new OptionError(`board size is ${size}, expected a whole number from 1 to ${LARGEST_BOARD}`);
  }
  const stride = size + 1;
  const points = (size + 2) * stride + 1;
  const pointOf = new Int32Array(size * size);
  const vertexOf = new Int32Array(points).fill(-1);
  const onEdge = new Uint8Array(points);
  for (let vertex = 0; vertex < size * size; vertex++) {
    const [x, y] = [vertex % size, Math.floor(vertex / size)];
    const point = (y + 1) * stride + x + 1;
    pointOf[vertex] = point;
    vertexOf[point] = vertex;
    onEdge[point] = x === 0 || y === 0 || x === size - 1 || y === size - 1 ? 1 : 0;
  }
  const geometry = { size, area: size * size, stride, points, pointOf, vertexOf, onEdge };
  known.set(size, geometry);
  return geometry;
}

/** The letters of columns as players write them: without I. */
const COLUMNS = "ABCDEFGHJKLMNOPQRSTUVWXYZ";

/** `D4`, or `pass`. Rows are counted from below. */
export function vertexName(vertex: number, size: number): string {
  if (vertex === PASS) return "pass";
  return `${COLUMNS[vertex % size]}${size - Math.floor(vertex / size)}`;
}

/** The vertex of `D4` or `d4`, PASS of `pass`; undefined where there is no such vertex. */
export function vertexNamed(name: string, size: number): number | undefined {
  if (/^pass$/i.test(name)) return PASS;
  const [, letter, digits] = /^([a-hj-z])(\d{1,2})$/i.exec(name) ?? [];
  if (letter === undefined || digits === undefined) return undefined;
  const x = COLUMNS.indexOf(letter.toUpperCase());
  const row = Number(digits);
  return x < size && row >= 1 && row <= size ? (size - row) * size + x : undefined;
}

/** The eight symmetries of the square. */
export const SYMMETRIES = 8;

const symmetryTables = new Map<number, readonly Int32Array[]>();

/**
 * For each symmetry s the table of where vertex v goes: s & 4 swaps x and y, then s & 1 mirrors x and s & 2 mirrors y.
 */
export function symmetriesOf(size: number): readonly Int32Array[] {
  let tables = symmetryTables.get(size);
  if (tables === undefined) {
    const { area } = geometryOf(size);
    tables = Array.from({ length: SYMMETRIES }, (_, s) =>
      Int32Array.from({ length: area }, (_, vertex) => {
        let [x, y] = [vertex % size, Math.floor(vertex / size)];
        if (s & 4) [x, y] = [y, x];
        if (s & 1) x = size - 1 - x;
        if (s & 2) y = size - 1 - y;
        return y * size + x;
      }),
    );
    symmetryTables.set(size, tables);
  }
  return tables;
}
