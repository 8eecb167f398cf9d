/** A position of a game of Go as what a policy network takes, and as a small picture of the board. */
import type { Subject } from "../analysis/inspect/inspect-node.js";
import { DataError, OptionError } from "../errors.js";
import type { Board } from "../go/board.js";
import { BLACK, EMPTY, symmetriesOf } from "../go/geometry.js";
import { PlaneEncoder } from "../go/planes.js";
import { boardOf } from "../go/policy.js";
import { startOf } from "../go/record.js";
import { readGame } from "../go/sgf-node.js";
import { spreadPlanes } from "../go/spread.js";
import type { TrainedModel } from "../train/trained-model.js";

/** The position before a move of the game, counted from 1; before the last unless said. */
export async function goSubject(path: string, model: TrainedModel, move: number | undefined): Promise<Subject> {
  const { size, planes } = boardOf(model);
  const record = await readGame(path);
  if (record.size !== size)
    throw new DataError(`${path}: is played on ${record.size}x${record.size}, but the network plays ${size}x${size}`);
  const before = move ?? record.moves.length;
  if (before < 1 || before > record.moves.length)
    throw new OptionError(`--move ${before}: the game has ${record.moves.length} moves`);
  const board = startOf(record);
  for (const { colour, vertex } of record.moves.slice(0, before - 1)) board.play(colour, vertex);
  const encoder = new PlaneEncoder(size, planes);
  encoder.encode(board, record.moves[before - 1]!.colour);
  const numbers = new Float32Array(size * size * planes);
  spreadPlanes(encoder, symmetriesOf(size)[0]!, numbers, 0);
  return { numbers, picture: { bytes: boardBytes(board), shape: [size * SQUARE, size * SQUARE, 3] } };
}

/** Pixels from line to line. */
const SQUARE = 13;
const COLOURS = { wood: [222, 184, 120], line: [110, 85, 50], black: [25, 25, 25], white: [245, 245, 245] } as const;

function boardBytes({ size, colour, geometry }: Board): Uint8Array {
  const side = size * SQUARE;
  const bytes = new Uint8Array(3 * side * side);
  const middle = (SQUARE - 1) / 2;
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      const [column, row] = [Math.floor(x / SQUARE), Math.floor(y / SQUARE)];
      const [dx, dy] = [(x % SQUARE) - middle, (y % SQUARE) - middle];
      const stone = colour[geometry.pointOf[row * size + column]!]!;
      const onLine =
        (dx === 0 && !(row === 0 && dy < 0) && !(row === size - 1 && dy > 0)) ||
        (dy === 0 && !(column === 0 && dx < 0) && !(column === size - 1 && dx > 0));
      const name =
        stone !== EMPTY && dx * dx + dy * dy <= 36 ? (stone === BLACK ? "black" : "white") : onLine ? "line" : "wood";
      bytes.set(COLOURS[name], 3 * (y * side + x));
    }
  return bytes;
}
