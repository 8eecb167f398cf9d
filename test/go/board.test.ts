/** The board against positions worked by hand and against rules written plainly, move by move in random games. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Board } from "#fovea/go/board/board.js";
import { boardFrom, boardText } from "#fovea/go/board/diagram.js";
import { BLACK, type Colour, PASS, vertexName, vertexNamed, WHITE } from "#fovea/go/board/geometry.js";
import { random } from "../support/random.js";
import { chainOf, playPlainly } from "./support/plain-board.js";

/** Everything the board says of itself, as the plain rules see the stones. */
function expectWhole(board: Board): void {
  const { size } = board;
  const { pointOf, vertexOf, area } = board.geometry;
  const stones = Uint8Array.from({ length: area }, (_, vertex) => board.at(vertex));
  const list = new Int32Array(area);
  for (let vertex = 0; vertex < area; vertex++) {
    if (stones[vertex] === 0) continue;
    const { chain, liberties } = chainOf(stones, size, vertex);
    const head = board.head[pointOf[vertex]!]!;
    expect(chain.has(vertexOf[head]!)).toBe(true);
    expect([board.stones[head], board.liberties[head]]).toEqual([chain.size, liberties.size]);
    const found = [...list.subarray(0, board.libertiesOf(head, list))].map((p) => vertexOf[p]!);
    expect(new Set(found)).toEqual(liberties);
    const ring = new Set<number>();
    for (let p = head; ring.size <= area && !ring.has(vertexOf[p]!); p = board.next[p]!) ring.add(vertexOf[p]!);
    expect(ring).toEqual(chain);
    const sorted = [...liberties].sort((a, b) => a - b).map((v) => pointOf[v]!);
    if (sorted.length === 1) expect(board.onlyLiberty(head)).toBe(sorted[0]);
    if (sorted.length === 2) {
      expect([board.lowerLiberty(head), board.libertySum[head]! - board.lowerLiberty(head)]).toEqual(sorted);
    }
  }
}

describe("by hand", () => {
  it("takes a chain, and several at once", () => {
    const board = boardFrom(`
      . X . . .
      X O X X .
      X O O O X
      . X X . X
      . . . X .`);
    // White's four stones breathe at D2 alone.
    expect(board.liberties[board.head[board.geometry.pointOf[6]!]!]).toBe(1);
    board.play(BLACK, vertexNamed("D2", 5)!);
    expect(board.captured(WHITE)).toBe(4);
    expect(boardText(board, vertexNamed("D2", 5)!)).toMatchInlineSnapshot(`
      "   A B C D E
       5 . X . . . 5
       4 X . X X . 4
       3 X . . . X 3
       2 . X X(X)X 2
       1 . . . X . 1
         A B C D E
      black stones captured: 0
      white stones captured: 4"
    `);
    expectWhole(board);
  });

  it("forbids to take back a ko at once, and allows it a move later", () => {
    const board = boardFrom(`
      . X O .
      X O . O
      . X O .
      . . . .`);
    const [in_, back] = [vertexNamed("C3", 4)!, vertexNamed("B3", 4)!];
    board.play(BLACK, in_);
    expect(board.captured(WHITE)).toBe(1);
    expect(board.whyIllegal(WHITE, back)).toBe("it takes back a ko");
    expect(() => board.play(WHITE, back)).toThrow("white B3 is not legal: it takes back a ko");
    board.play(WHITE, PASS);
    board.play(BLACK, vertexNamed("A1", 4)!);
    expect(board.isLegal(WHITE, back)).toBe(true);
  });

  it("knows no ko where two stones were taken", () => {
    const board = boardFrom(`
      X X O .
      . O . .
      O . . .
      . . . .`);
    board.play(WHITE, vertexNamed("A3", 4)!);
    expect(board.captured(BLACK)).toBe(2);
    expect(board.koPoint).toBe(0);
    expect(board.isLegal(BLACK, 0)).toBe(true);
  });

  it("knows suicide: refused, or taken off where the rules have it", () => {
    const text = `
      . X O .
      X X O .
      O O O .
      . . . .`;
    const strict = boardFrom(text);
    expect(strict.isLegal(BLACK, 0)).toBe(false);
    expect(strict.whyIllegal(BLACK, 0)).toBe("it is suicide");
    const free = boardFrom(text, { suicide: true });
    free.play(BLACK, 0);
    expect(free.captured(BLACK)).toBe(4);
    expect([0, 1, 4, 5].map((v) => free.at(v))).toEqual([0, 0, 0, 0]);
    expectWhole(free);
    // White may play there by either rule: it takes.
    strict.play(WHITE, 0);
    expect(strict.captured(BLACK)).toBe(3);
  });

  it("says why a move is not legal", () => {
    const board = boardFrom(". X\nX .");
    expect(board.whyIllegal(WHITE, 1)).toBe("the point is occupied");
    expect(board.whyIllegal(WHITE, 4)).toBe("it is off the 2x2 board");
    expect(board.whyIllegal(WHITE, 0)).toBe("it is suicide");
    expect(board.whyIllegal(BLACK, 0)).toBeUndefined();
    expect(() => board.play(BLACK, 99)).toThrow("black 99 is not legal: it is off the 2x2 board");
  });

  it("refuses setup stones on others, and without liberties, and stays as it was", () => {
    const board = boardFrom("X .\n. X");
    const { key } = board;
    expect(() => board.setUp(WHITE, 0)).toThrow("setup stone at A2: there is a stone already");
    expect(() => board.setUp(WHITE, 1)).toThrow("setup stone at B2 leaves a chain without liberties");
    expect(board.key).toBe(key);
    expectWhole(board);
  });

  it("names vertices as players do, from A1 at the lower left, without I", () => {
    expect(vertexName(0, 19)).toBe("A19");
    expect(vertexName(360, 19)).toBe("T1");
    expect(vertexNamed("j10", 19)).toBe(9 * 19 + 8);
    expect(vertexName(9 * 19 + 8, 19)).toBe("J10");
    expect(vertexNamed("Pass", 19)).toBe(PASS);
    expect(["I5", "U1", "A20", "A0", "", "A", "AA1", "5A"].map((name) => vertexNamed(name, 19))).toEqual(
      new Array(8).fill(undefined),
    );
    expect(vertexNamed("Z25", 25)).toBe(24);
  });

  it("takes sizes from 1 to 25", () => {
    expect(() => new Board(26)).toThrow("board size is 26, expected a whole number from 1 to 25");
    expect(() => new Board(0)).toThrow("expected a whole number");
    expect(new Board(1).isLegal(BLACK, 0)).toBe(false);
    const largest = new Board(25);
    largest.play(BLACK, 624);
    expect(largest.liberties[largest.geometry.pointOf[624]!]).toBe(2);
  });
});

describe("random games", () => {
  const sizes = fc.integer({ min: 1, max: 7 });
  it("are legal, take and count as the plain rules do, and can be taken back", () => {
    fc.assert(
      fc.property(sizes, fc.boolean(), fc.nat(), (size, suicide, seed) => {
        const rng = random(seed);
        const board = new Board(size, { suicide });
        const start = new Board(size, { suicide });
        let stones: Uint8Array = new Uint8Array(size * size);
        let ko = -1;
        let colour: Colour = BLACK;
        const boards: Board[] = [];
        const marks: number[] = [];
        for (let turn = 0; turn < 60; turn++) {
          const legal: number[] = [];
          for (let v = 0; v < stones.length; v++) {
            const isLegal = stones[v] === 0 && v !== ko && (suicide || !playPlainly(stones, size, colour, v).suicide);
            expect(board.isLegal(colour, v)).toBe(isLegal);
            if (isLegal) legal.push(v);
          }
          boards.push(board.clone());
          marks.push(board.mark());
          const move = legal.length === 0 || rng.uniform() < 0.05 ? PASS : rng.pick(legal);
          ko = -1;
          const keyAfter = move === PASS ? board.key : board.keyAfter(colour, board.geometry.pointOf[move]!);
          board.play(colour, move);
          expect(board.key).toBe(keyAfter);
          if (move !== PASS) {
            const { taken, stones: after } = playPlainly(stones, size, colour, move);
            stones = after;
            const own = after[move] === 0 ? undefined : chainOf(after, size, move);
            if (taken.length === 1 && own?.chain.size === 1 && own.liberties.size === 1) ko = taken[0]!;
          }
          expect(Array.from(stones, (_, v) => board.at(v))).toEqual([...stones]);
          colour = rng.uniform() < 0.9 ? ((3 - colour) as Colour) : colour;
        }
        expectWhole(board);
        expect(board.turn).toBe(60);
        // Back through every position, and to the start at once.
        for (let turn = 59; turn >= 30; turn--) {
          board.undoTo(marks[turn]!);
          const before = boards[turn]!;
          expect([board.key, board.koPoint, board.turn]).toEqual([before.key, before.koPoint, before.turn]);
          expectWhole(board);
        }
        board.undoTo(0);
        expect(board.key).toBe(start.key);
        expect([...board.colour]).toEqual([...start.colour]);
      }),
      { numRuns: 60, seed: 7 },
    );
  });

  it("give equal keys to equal positions only", () => {
    const seen = new Map<number, string>();
    const rng = random(3);
    for (let game = 0; game < 300; game++) {
      const board = new Board(4);
      for (let turn = 0; turn < 40; turn++) {
        const vertex = rng.integer(0, 15);
        const colour: Colour = rng.pick([BLACK, WHITE]);
        if (!board.isLegal(colour, vertex)) continue;
        board.play(colour, vertex);
        const text = Array.from({ length: 16 }, (_, v) => board.at(v)).join("");
        expect(seen.get(board.key) ?? text).toBe(text);
        seen.set(board.key, text);
      }
    }
    expect(new Set(seen.values()).size).toBe(seen.size);
    expect(seen.size).toBeGreaterThan(4000);
  });
});
