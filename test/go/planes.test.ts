/** Each feature plane on positions worked by hand, and all but the ladders against plain rules on random positions. */
import { describe, expect, it } from "vitest";
import { Board } from "#fovea/go/board/board.js";
import { boardFrom } from "#fovea/go/board/diagram.js";
import { isEye } from "#fovea/go/board/eye.js";
import { BLACK, type Colour, PASS, symmetriesOf, vertexNamed, WHITE } from "#fovea/go/board/geometry.js";
import { PLANES, PlaneEncoder } from "#fovea/go/policy/planes.js";
import { packPlanes, spreadPacked, spreadPlanes } from "#fovea/go/policy/spread.js";
import { random } from "../support/random.js";
import { chainOf, playPlainly } from "./support/plain-board.js";

const IDENTITY = 0;

function numbersOf(board: Board, colour: Colour, planes = 48): Float32Array {
  const encoder = new PlaneEncoder(board.size, planes);
  encoder.encode(board, colour);
  const numbers = new Float32Array(board.geometry.area * planes);
  spreadPlanes(encoder, symmetriesOf(board.size)[IDENTITY]!, numbers, 0);
  return numbers;
}

/** One plane, or a feature of eight as its counts: rows of characters, `.` for none. */
function show(board: Board, colour: Colour, plane: number, width = 1): string {
  const numbers = numbersOf(board, colour);
  const rows = Array.from({ length: board.size }, (_, y) =>
    Array.from({ length: board.size }, (_, x) => {
      const at = (y * board.size + x) * 48 + plane;
      const set = Array.from({ length: width }, (_, i) => i).filter((i) => numbers[at + i] === 1);
      expect(set.length).toBeLessThanOrEqual(1);
      return set.length === 0 ? "." : String(set[0]! + 1);
    }).join(" "),
  );
  return rows.join("\n");
}

const rows = (text: string) =>
  text
    .trim()
    .split("\n")
    .map((row) => row.trim())
    .join("\n");

const named = (board: Board, name: string) => vertexNamed(name, board.size)!;

describe("by hand", () => {
  const board = () =>
    boardFrom(`
      . X O . .
      X X O . .
      . O . O X
      . . . O X
      . X . O .`);

  it("shows own stones, the opponent's, empty points, ones and zeros from the mover's side", () => {
    expect(show(board(), BLACK, PLANES.own)).toBe(rows(`. 1 . . .\n1 1 . . .\n. . . . 1\n. . . . 1\n. 1 . . .`));
    expect(show(board(), WHITE, PLANES.opponent)).toBe(show(board(), BLACK, PLANES.own));
    expect(show(board(), WHITE, PLANES.own)).toBe(rows(`. . 1 . .\n. . 1 . .\n. 1 . 1 .\n. . . 1 .\n. . . 1 .`));
    expect(show(board(), BLACK, PLANES.empty)).toBe(rows(`1 . . 1 1\n. . . 1 1\n1 . 1 . .\n1 1 1 . .\n1 . 1 . 1`));
    expect(show(board(), WHITE, PLANES.empty)).toBe(show(board(), BLACK, PLANES.empty));
    expect(show(board(), BLACK, PLANES.ones)).toBe(rows("1 1 1 1 1\n".repeat(5)));
    expect(show(board(), BLACK, PLANES.zeros)).toBe(rows(". . . . .\n".repeat(5)));
  });

  it("counts the turns since a stone was played, passes too, and setup stones as the oldest", () => {
    const played = boardFrom(". . . . O\n. . . . .\n. . . . .\n. . . . .\n. . . . .");
    for (const [i, name] of ["A5", "B5", "C5", "pass", "A4", "B4", "C4", "D4", "A3", "B3"].entries()) {
      played.play(i % 2 === 0 ? BLACK : WHITE, named(played, name));
    }
    expect(show(played, BLACK, PLANES.turnsSince, 8)).toBe(
      rows(`8 8 8 . 8\n6 5 4 3 .\n2 1 . . .\n. . . . .\n. . . . .`),
    );
  });

  it("counts the liberties of chains", () => {
    expect(show(board(), BLACK, PLANES.liberties, 8)).toBe(
      rows(`. 2 3 . .\n2 2 3 . .\n. 3 . 5 2\n. . . 5 2\n. 3 . 5 .`),
    );
    // Eight and nine are the same.
    const long = boardFrom(
      ". . . . . . .\n. X X X X X .\n. . . . . . .\n. . . . . . .\n. . O O . . .\n. . . . . . .\n. . . . . . .",
    );
    expect(show(long, WHITE, PLANES.liberties, 8)).toContain(". 8 8 8 8 8 .");
    expect(show(long, WHITE, PLANES.liberties, 8)).toContain(". . 6 6 . . .");
  });

  it("counts the stones that a move would take, of several chains together", () => {
    const taking = boardFrom(`
      . X O . O
      X O O O .
      . X X X .
      O X . . .
      . X . . .`);
    // White's chain of four and E5 both breathe at D5 and E4.
    expect(show(taking, BLACK, PLANES.captureSize, 8)).toBe(
      rows(`. . . . .\n. . . . .\n. . . . .\n. . . . .\n. . . . .`),
    );
    taking.play(BLACK, named(taking, "E4"));
    // Now D5 takes C5, B4, C4, D4 (four) and E5: five. White's A2 has A3 and A1.
    expect(show(taking, BLACK, PLANES.captureSize, 8)).toBe(
      rows(`. . . 5 .\n. . . . .\n. . . . .\n. . . . .\n. . . . .`),
    );
    taking.play(BLACK, named(taking, "A1"));
    expect(show(taking, BLACK, PLANES.captureSize, 8)).toBe(
      rows(`. . . 5 .\n. . . . .\n1 . . . .\n. . . . .\n. . . . .`),
    );
    // White could take B5 at A5, and E4 at E3.
    expect(show(taking, WHITE, PLANES.captureSize, 8)).toBe(
      rows(`1 . . . .\n. . . . .\n. . . . 1\n. . . . .\n. . . . .`),
    );
  });

  it("gives the size of the chain that a move would leave in atari, and its liberties after the move", () => {
    const crowded = boardFrom(`
      . X O . .
      . X O . .
      X O O . .
      . O . . .
      O . . . .`);
    // Black A5 joins B5 and B4 and breathes at A4; A2 joins A3; B1 stands alone. A4 joins all three chains and has A5 and A2.
    expect(show(crowded, BLACK, PLANES.selfAtariSize, 8)).toBe(
      rows(`3 . . . .\n. . . . .\n. . . . .\n2 . . . .\n. 1 . . .`),
    );
    expect(show(crowded, BLACK, PLANES.libertiesAfter, 8)).toBe(
      rows(`1 . . 2 2\n2 . . 3 3\n. . . 3 3\n1 . 2 4 3\n. 1 3 3 2`),
    );
    // White's chain breathes at D5, D4, D3, C2, B1 and A2; A1 at A2 and B1. Played at A2 they share B1.
    expect(show(crowded, WHITE, PLANES.selfAtariSize, 8)).toBe(
      rows(`1 . . . .\n1 . . . .\n. . . . .\n. . . . .\n. . . . .`),
    );
    expect(show(crowded, WHITE, PLANES.libertiesAfter, 8)).toBe(
      rows(`1 . . 6 2\n1 . . 6 3\n. . . 7 3\n5 . 7 4 3\n. 6 3 3 2`),
    );
  });

  it("counts what a capture frees among the liberties after it, and self-atari by it", () => {
    const capture = boardFrom(`
      O O X . .
      . X . . .
      O X . . .
      X . . . .
      . . . . .`);
    // Black A4 takes A5, B5 and A3: it joins B4, B3 and breathes at A5, B5, A3, C4, C3 and B2.
    expect(show(capture, BLACK, PLANES.captureSize, 8)).toContain("3 . . . .");
    expect(show(capture, BLACK, PLANES.libertiesAfter, 8).split("\n")[1]).toBe("6 . 5 4 3");
    // White A4 joins three stones and has no liberty: suicide, so nothing is said there.
    expect(show(capture, WHITE, PLANES.libertiesAfter, 8).split("\n")[1]).toBe(". . 2 4 3");
    expect(show(capture, WHITE, PLANES.sensible).split("\n")[1]).toBe(". . 1 1 1");
  });

  it("sees that a chain cannot run where a ladder catches it, and can where a friend waits", () => {
    const nothing = rows(". . . . . . . . .\n".repeat(9));
    // White's D4 breathes at D3. Run there, it has D2 and E3: Black D2, White E3, Black F3, and so on to the lower edge.
    const board = boardFrom(`
      . . . . . . . . .
      . . . . . . . . .
      . . . . . . . . .
      . . . . . . . . .
      . . . X . . . . .
      . . X O X . . . .
      . . X . . . . . .
      . . . . . . . . .
      . . . . . . . . .`);
    expect(show(board, WHITE, PLANES.ladderEscape)).toBe(nothing);
    expect(show(board, BLACK, PLANES.ladderCapture)).toBe(nothing);
    board.play(WHITE, named(board, "E2"));
    expect(show(board, WHITE, PLANES.ladderEscape)).toBe(
      rows(`${". . . . . . . . .\n".repeat(6)}. . . 1 . . . . .\n${". . . . . . . . .\n".repeat(2)}`),
    );
    // Read from either side, and the board is as it was.
    expect(board.turn).toBe(1);
    expect(board.captured(WHITE) + board.captured(BLACK)).toBe(0);
  });

  it("finds the move that catches a chain by a ladder across the board, and the stone that breaks it", () => {
    const hunt = (breaker: string) =>
      boardFrom(`
      . . . . . . . . .
      . . . . . . . . .
      . . . . . . ${breaker} . .
      . . . . . . . . .
      . . . . . . . . .
      . . . . . . . . .
      . X O . . . . . .
      . . X X . . . . .
      . . . . . . . . .`);
    // White's C3 breathes at C4 and D3. Black C4 makes it run over D3, D4, E4, E5, ... to the upper right; Black D3 would let it
    // have three liberties at C4.
    expect(show(hunt("."), BLACK, PLANES.ladderCapture).split("\n").slice(5, 7)).toEqual([
      ". . 1 . . . . . .",
      ". . . . . . . . .",
    ]);
    expect(show(hunt("O"), BLACK, PLANES.ladderCapture)).toBe(rows(". . . . . . . . .\n".repeat(9)));
    // A black stone there breaks nothing.
    expect(show(hunt("X"), BLACK, PLANES.ladderCapture)).toContain(". . 1 . . . . . .");
    // It says nothing of one's own chains.
    expect(show(hunt("."), WHITE, PLANES.ladderCapture)).toBe(rows(". . . . . . . . .\n".repeat(9)));
  });

  it("finds the escape by taking a hunter that is in atari itself", () => {
    const board = boardFrom(`
      . . . . . . .
      . . . . . . .
      . . . . . . .
      . . . . . . .
      . X X . . . .
      X O O X O . .
      . X . O . . .`);
    // White's B2 and C2 breathe at C1, which leads to E1 alone. D3 takes Black's D2.
    expect(show(board, WHITE, PLANES.ladderEscape)).toBe(
      rows(`${". . . . . . .\n".repeat(4)}. . . 1 . . .\n${". . . . . . .\n".repeat(2)}`),
    );
  });

  it("calls sensible what is legal and fills no own eye", () => {
    const eyes = boardFrom(`
      . X . X O
      X X X X O
      O O O O .
      . . . . .
      . . . . .`);
    // A5 and C5 are Black's eyes; for White they are suicide. E3 and all below are open.
    expect(show(eyes, BLACK, PLANES.sensible)).toBe(rows(`. . . . .\n. . . . .\n. . . . 1\n1 1 1 1 1\n1 1 1 1 1`));
    expect(show(eyes, WHITE, PLANES.sensible)).toBe(rows(`. . . . .\n. . . . .\n. . . . 1\n1 1 1 1 1\n1 1 1 1 1`));
  });

  it("tells eyes from false ones by their diagonals", () => {
    const board = boardFrom(". . . . .\n. O X . .\n. X . X .\n. . X . .\n. . . . .");
    const centre = board.geometry.pointOf[named(board, "C3")]!;
    expect(isEye(board, BLACK, centre)).toBe(true);
    board.play(WHITE, named(board, "D2"));
    expect(isEye(board, BLACK, centre)).toBe(false);
    const edge = boardFrom("X . X\n. X .\n. . .");
    expect(isEye(edge, BLACK, edge.geometry.pointOf[1]!)).toBe(true);
    expect(isEye(edge, WHITE, edge.geometry.pointOf[1]!)).toBe(false);
    edge.play(WHITE, 3);
    expect(isEye(edge, BLACK, edge.geometry.pointOf[1]!)).toBe(false);
  });

  it("leaves a ko out of the legal points", () => {
    const ko = boardFrom(". X O .\nX O . O\n. X O .\n. . . .");
    ko.play(BLACK, named(ko, "C3"));
    expect(show(ko, WHITE, PLANES.sensible).split("\n")[1]).toBe(". . . .");
    ko.play(WHITE, PASS);
    ko.play(BLACK, PASS);
    expect(show(ko, WHITE, PLANES.sensible).split("\n")[1]).toBe(". 1 . .");
    expect(show(ko, WHITE, PLANES.captureSize, 8).split("\n")[1]).toBe(". 1 . .");
  });
});

it("says the same as plain rules on random positions, all planes but the ladders'", () => {
  const rng = random(11);
  for (let game = 0; game < 25; game++) {
    const size = rng.pick([5, 7, 9]);
    const board = new Board(size);
    const played: number[] = [];
    let turn = 0;
    let colour: Colour = BLACK;
    for (let move = 0; move < size * size; move++) {
      const vertex = rng.integer(0, size * size - 1);
      if (!board.isLegal(colour, vertex)) continue;
      board.play(colour, vertex);
      played[vertex] = ++turn;
      colour = (3 - colour) as Colour;
    }
    const stones = Uint8Array.from({ length: size * size }, (_, v) => board.at(v));
    const numbers = numbersOf(board, colour);
    const expected = new Float32Array(numbers.length);
    const ko = board.geometry.vertexOf[board.koPoint]!;
    for (let v = 0; v < stones.length; v++) {
      const set = (plane: number) => {
        expected[48 * v + plane] = 1;
      };
      const count = (plane: number, n: number) => n > 0 && set(plane + Math.min(n, 8) - 1);
      set(PLANES.ones);
      set(stones[v] === 0 ? PLANES.empty : stones[v] === colour ? PLANES.own : PLANES.opponent);
      if (stones[v] !== 0) {
        count(PLANES.turnsSince, turn - played[v]! + 1);
        count(PLANES.liberties, chainOf(stones, size, v).liberties.size);
        continue;
      }
      const after = playPlainly(stones, size, colour, v);
      if (after.suicide || v === ko) continue;
      const own = chainOf(after.stones, size, v);
      count(PLANES.captureSize, after.taken.length);
      if (own.liberties.size === 1) count(PLANES.selfAtariSize, own.chain.size);
      count(PLANES.libertiesAfter, own.liberties.size);
      if (!isEye(board, colour, board.geometry.pointOf[v]!)) set(PLANES.sensible);
    }
    for (const plane of [PLANES.ladderCapture, PLANES.ladderEscape]) {
      for (let v = 0; v < stones.length; v++) expected[48 * v + plane] = numbers[48 * v + plane]!;
    }
    expect(numbers).toEqual(expected);
  }
});

describe("sets and symmetries", () => {
  const board = boardFrom(". X O\n. . .\nX . .");

  it("gives the lecture's board: own stones 1, the opponent's -1", () => {
    expect([...numbersOf(board, BLACK, 1)]).toEqual([0, 1, -1, 0, 0, 0, 1, 0, 0]);
    expect([...numbersOf(board, WHITE, 1)]).toEqual([0, -1, 1, 0, 0, 0, -1, 0, 0]);
  });

  it("gives the first planes of the table as smaller sets, and refuses others", () => {
    const whole = numbersOf(board, WHITE);
    for (const planes of [4, 20]) {
      const some = numbersOf(board, WHITE, planes);
      const first = Array.from({ length: 9 }, (_, v) => [...whole.subarray(48 * v, 48 * v + planes)]).flat();
      expect([...some]).toEqual(first);
    }
    expect(() => new PlaneEncoder(9, 12)).toThrow("planes is 12, expected 1, 4, 20, 48");
    expect(() => new PlaneEncoder(9).encode(board, BLACK)).toThrow("planes: the board is 3x3, expected 81 points");
  });

  it("turns the encoded position as it turns the board, packed or not", () => {
    const rng = random(5);
    const size = 7;
    const from = new Board(size);
    for (let i = 0; i < 25; i++) {
      const vertex = rng.integer(0, 48);
      const colour: Colour = rng.pick([BLACK, WHITE]);
      if (from.isLegal(colour, vertex)) from.play(colour, vertex);
    }
    const encoder = new PlaneEncoder(size);
    encoder.encode(from, BLACK);
    const packed = new Uint16Array(3 + 49 * 3);
    packPlanes(encoder, packed, 3);
    const seen = new Set<string>();
    for (const table of symmetriesOf(size)) {
      expect(new Set(table).size).toBe(49);
      const turned = new Board(size);
      for (let v = 0; v < 49; v++) if (from.at(v) !== 0) turned.setUp(from.at(v) as Colour, table[v]!);
      const direct = numbersOf(turned, BLACK);
      const spread = new Float32Array(49 * 48 + 1).fill(7);
      spreadPlanes(encoder, table, spread, 1);
      const unpacked = new Float32Array(49 * 48);
      spreadPacked(packed, 3, table, 48, unpacked, 0);
      expect(unpacked).toEqual(spread.subarray(1));
      expect(spread[0]).toBe(7);
      // Stones that were set up have no age, and no ko.
      const ageless = (numbers: Float32Array) => numbers.map((x, i) => (i % 48 >= 4 && i % 48 < 12 ? 0 : x));
      if (from.koPoint === 0) expect(ageless(unpacked)).toEqual(ageless(direct));
      seen.add(table.join());
    }
    expect(seen.size).toBe(8);
  });
});
