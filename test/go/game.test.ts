/** Games: super-ko, undo, handicap and scores, on positions worked by hand. */
import { describe, expect, it } from "vitest";
import { boardFrom } from "#fovea/go/board/diagram.js";
import { Game, TROMP_TAYLOR } from "#fovea/go/board/game.js";
import { BLACK, type Colour, vertexNamed, WHITE } from "#fovea/go/board/geometry.js";
import { fixedHandicap, mostFixedHandicap } from "#fovea/go/board/handicap.js";
import { areaOwners, areaScore, chineseCompensation, scoreText } from "#fovea/go/board/score.js";
import { random } from "../support/random.js";

function play(game: Game, moves: string): void {
  for (const move of moves.trim().split(/\s+/)) game.play(game.toPlay, vertexNamed(move, game.size)!);
}

describe("super-ko", () => {
  it("forbids a position to come back, where simple ko does not see it", () => {
    const positional = new Game(2);
    const simple = new Game(2, { ko: "simple", suicide: false });
    for (const game of [positional, simple]) play(game, "A2 B1 B2 A1");
    // The last move took Black's A2 and B2.
    expect([0, 1, 2, 3].map((v) => positional.board.at(v))).toEqual([0, 0, WHITE, WHITE]);
    play(positional, "A2");
    play(simple, "A2");
    // White B2 takes A2; Black A2 would take the three and stand alone, as after the first move.
    play(positional, "B2");
    play(simple, "B2");
    expect(simple.isLegal(BLACK, 0)).toBe(true);
    expect(positional.whyIllegal(BLACK, 0)).toBe("it repeats an earlier position (super-ko)");
    expect(() => positional.play(BLACK, 0)).toThrow("black A2 is not legal: it repeats an earlier position (super-ko)");
    positional.undo();
    positional.undo();
    expect(positional.isLegal(BLACK, 0)).toBe(true);
  });

  it("never lets a position come back in random games, with suicide and without", () => {
    const rng = random(8);
    for (const rules of [TROMP_TAYLOR, { ko: "positional", suicide: false } as const]) {
      for (let n = 0; n < 40; n++) {
        const game = new Game(3, rules);
        const seen = new Set([game.board.key]);
        for (let turn = 0; turn < 100; turn++) {
          const colour: Colour = game.toPlay;
          const legal = [0, 1, 2, 3, 4, 5, 6, 7, 8].filter((v) => game.isLegal(colour, v));
          if (legal.length === 0) break;
          game.play(colour, rng.pick(legal));
          expect(seen.has(game.board.key)).toBe(false);
          seen.add(game.board.key);
        }
        // All the way back.
        while (game.undo());
        expect([game.board.key, game.toPlay, game.moves.length]).toEqual([0, BLACK, 0]);
      }
    }
  });
});

describe("turns, undo and handicap", () => {
  it("counts passes at the end, and takes moves back", () => {
    const game = new Game(5);
    play(game, "C3 pass B2 pass pass");
    expect(game.passes).toBe(2);
    expect(game.toPlay).toBe(WHITE);
    expect(game.undo()).toBe(true);
    expect([game.passes, game.toPlay, game.moves.length]).toEqual([1, BLACK, 4]);
    expect(new Game(5).undo()).toBe(false);
  });

  it("puts handicap stones where players expect them, and White plays", () => {
    const game = new Game(19);
    game.placeHandicap(fixedHandicap(19, 3)!);
    expect(game.handicap).toEqual(["D4", "Q16", "D16"].map((name) => vertexNamed(name, 19)));
    expect(game.toPlay).toBe(WHITE);
    expect(() => game.placeHandicap([0])).toThrow("handicap stones: the board is not empty");
    expect([5, 6, 7, 8, 9, 13, 14, 19].map(mostFixedHandicap)).toEqual([0, 0, 4, 4, 9, 9, 4, 9]);
    expect(fixedHandicap(19, 10)).toBeUndefined();
    expect(fixedHandicap(19, 1)).toBeUndefined();
    expect(fixedHandicap(8, 5)).toBeUndefined();
  });

  it("sets up all stones or none", () => {
    const game = new Game(5);
    expect(() =>
      game.setUp([
        { colour: BLACK, vertex: 3 },
        { colour: WHITE, vertex: 3 },
      ]),
    ).toThrow("setup stone at D5: there is a stone already");
    expect(game.board.key).toBe(0);
    play(game, "A1");
    expect(() => game.setUp([])).toThrow("there are moves already");
  });
});

describe("scores", () => {
  const text = `
    . X O . .
    X X O O O
    . X X X O
    X X . X .
    O . . X .`;

  it("gives each side its stones and what it surrounds, and neither what both reach", () => {
    const board = boardFrom(text);
    const row = (y: number) => [...areaOwners(board)].slice(5 * y, 5 * y + 5).join("");
    expect([0, 1, 2, 3, 4].map(row)).toEqual(["11222", "11222", "11112", "11010", "20010"]);
    expect(areaScore(board, { komi: 6.5 })).toEqual({ black: 12, white: 14.5, margin: -2.5 });
  });

  it("takes dead stones off by Chinese rules, and pays for handicap", () => {
    const board = boardFrom(text);
    const dead = [vertexNamed("A1", 5)!];
    expect(areaScore(board, { komi: 0.5, dead, compensation: chineseCompensation(2) })).toEqual({
      black: 16,
      white: 9.5,
      margin: 6.5,
    });
    expect([0, 1, 2, 9].map(chineseCompensation)).toEqual([0, 0, 2, 9]);
  });

  it("leaves dame to nobody, and an empty board too", () => {
    expect(areaScore(boardFrom("X . O\nX . O\nX . O"), { komi: 0 })).toEqual({ black: 3, white: 3, margin: 0 });
    expect(areaScore(boardFrom(". .\n. ."), { komi: 0.5 }).margin).toBe(-0.5);
    expect(areaScore(boardFrom("X .\n. ."), { komi: 0 }).black).toBe(4);
  });

  it("writes results as GTP and SGF do", () => {
    expect([3.5, -0.5, 0, 12].map(scoreText)).toEqual(["B+3.5", "W+0.5", "0", "B+12"]);
  });
});
