/** Boards as text: `X` black, `O` white, anything else that is no space an empty point; rows from above. */
import { DataError } from "../../base/errors.js";
import { Board, type BoardOptions } from "./board.js";
import { BLACK, type Colour, PASS, vertexName, WHITE } from "./geometry.js";
import { fixedHandicap, mostFixedHandicap } from "./handicap.js";

/** The marks of a diagram, by vertex. */
export function parseDiagram(text: string): { readonly size: number; readonly marks: readonly string[] } {
  const rows = text
    .trim()
    .split("\n")
    .map((row) => [...row.replace(/\s+/g, "")]);
  const size = rows.length;
  const odd = rows.findIndex((row) => row.length !== size);
  if (odd >= 0) throw new DataError(`diagram: row ${odd + 1} has ${rows[odd]!.length} points, expected ${size}`);
  return { size, marks: rows.flat() };
}

/** A position from a diagram. */
export function boardFrom(text: string, options: BoardOptions = {}): Board {
  const { size, marks } = parseDiagram(text);
  const board = new Board(size, options);
  for (const [vertex, mark] of marks.entries()) {
    if (mark === "X" || mark === "O") board.setUp(mark === "X" ? BLACK : WHITE, vertex);
  }
  board.forget();
  return board;
}

const marks = [".", "X", "O"];

/** The board with its coordinates, star points as `+`, and the last move in brackets: what GTP's showboard answers. */
export function boardText(board: Board, last = PASS): string {
  const { size } = board;
  const stars = new Set(fixedHandicap(size, mostFixedHandicap(size)) ?? []);
  const letters = Array.from({ length: size }, (_, x) => vertexName(x, size)[0]).join(" ");
  const captured = (colour: Colour) =>
    `${colour === BLACK ? "black" : "white"} stones captured: ${board.captured(colour)}`;
  const lines = Array.from({ length: size }, (_, y) => {
    const row = String(size - y).padStart(2);
    let text = "";
    for (let x = 0; x < size; x++) {
      const vertex = y * size + x;
      const stone = board.at(vertex);
      const before = vertex === last ? "(" : x > 0 && vertex - 1 === last ? ")" : " ";
      text += before + (stone === 0 && stars.has(vertex) ? "+" : marks[stone]!);
    }
    const end = y * size + size - 1 === last ? ")" : " ";
    return `${row}${text}${end}${size - y}`;
  });
  return [`   ${letters}`, ...lines, `   ${letters}`, captured(BLACK), captured(WHITE)].join("\n");
}
