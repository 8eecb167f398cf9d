/** The GTP engine, with policies made up for the purpose: every command, every refusal, and how it picks, passes and resigns. */
import { describe, expect, it } from "vitest";
import { boardFrom } from "#fovea/go/board/diagram.js";
import { estimate } from "#fovea/go/board/estimate.js";
import { CHINESE, Game, type Rules, SIMPLE_KO } from "#fovea/go/board/game.js";
import { BLACK, type Colour, PASS, vertexName, vertexNamed, WHITE } from "#fovea/go/board/geometry.js";
import { GtpSession } from "#fovea/go/gtp/gtp.js";
import { Player, type PlayerOptions, RESIGN } from "#fovea/go/policy/player.js";
import { type Policy, policyOf, uniformPolicy } from "#fovea/go/policy/policy.js";
import type { GameRecord } from "#fovea/go/sgf/record.js";
import { SgfScanner } from "#fovea/go/sgf/scanner.js";
import { gameFromNodes, SGF_PROPERTIES } from "#fovea/go/sgf/sgf.js";
import { random } from "../support/random.js";

/** A policy that likes these points, the first best, whoever is to move. */
const likes = (...names: string[]): Policy =>
  policyOf("likes", (board) => {
    const numbers = new Float32Array(board.geometry.area).fill(0.001);
    for (const [i, name] of names.entries()) numbers[vertexNamed(name, board.size)!] = 1 / (i + 1);
    return numbers;
  });

/** The game of a text. */
function fromSgf(text: string): GameRecord {
  const scanner = new SgfScanner(text, SGF_PROPERTIES);
  scanner.nextGame();
  return gameFromNodes(scanner.mainLine());
}

function session(
  policy: Policy = uniformPolicy(),
  options: PlayerOptions = {},
  readGame: (path: string) => Promise<GameRecord> = readOnlyGame,
  rules: Rules = CHINESE,
) {
  return new GtpSession({ player: new Player(policy, options), name: "fovea", version: "1.2.3", readGame, rules });
}

async function readOnlyGame(path: string): Promise<GameRecord> {
  if (path !== "game.sgf") throw new Error("no such file");
  return {
    size: 9,
    setup: [],
    moves: ["E5", "C3", "G7"].map((name, i) => ({
      colour: i % 2 === 0 ? BLACK : WHITE,
      vertex: vertexNamed(name, 9)!,
    })),
    handicap: 0,
    komi: 6.5,
    result: { winner: undefined, margin: undefined },
    blackRank: 0,
    whiteRank: 0,
    rules: "",
  };
}

/** Sends lines, gives the answers without their empty line. */
async function talk(gtp: GtpSession, ...lines: string[]): Promise<(string | undefined)[]> {
  const answers: (string | undefined)[] = [];
  for (const line of lines) {
    const answer = await gtp.answer(line);
    if (answer !== undefined) expect(answer.endsWith("\n\n")).toBe(true);
    answers.push(answer?.slice(0, -2));
  }
  return answers;
}

describe("the protocol", () => {
  it("answers with the command's number, and takes comments, tabs, control characters and empty lines", async () => {
    expect(
      await talk(
        session(),
        "protocol_version",
        "7 name",
        "08\tversion\t",
        "9   known_command   play # a comment",
        "10 known_command sing",
        "# nothing but a comment",
        "",
        "   ",
        "\u0007quit\r",
      ),
    ).toEqual(["= 2", "=7 fovea", "=08 1.2.3", "=9 true", "=10 false", undefined, undefined, undefined, "="]);
  });

  it("refuses what it does not know in the protocol's words, and goes on", async () => {
    const gtp = session();
    expect(
      await talk(
        gtp,
        "3 sing",
        "12",
        "play",
        "play red D4",
        "play black Z99",
        "play black I5",
        "boardsize x",
        "genmove",
      ),
    ).toEqual([
      "?3 unknown command",
      "?12 unknown command",
      "? syntax error",
      "? syntax error",
      "? syntax error",
      "? syntax error",
      "? syntax error",
      "? syntax error",
    ]);
    expect(await talk(gtp, "komi", "komi six", "toString", "constructor", "__proto__")).toEqual([
      "? syntax error",
      "? syntax error",
      "? unknown command",
      "? unknown command",
      "? unknown command",
    ]);
    expect(gtp.ended).toBe(false);
    await talk(gtp, "quit");
    expect(gtp.ended).toBe(true);
  });

  it("has the commands that GoGui, Sabaki and KGS use", async () => {
    const [list] = await talk(session(), "list_commands");
    const commands = list!.slice(2).split("\n");
    const wanted =
      "protocol_version name version known_command list_commands quit boardsize clear_board komi fixed_handicap " +
      "place_free_handicap set_free_handicap play genmove reg_genmove undo final_score final_status_list showboard " +
      "time_settings time_left kgs-time_settings kgs-genmove_cleanup kgs-game_over kgs-rules gogui-analyze_commands loadsgf";
    expect(commands).toEqual(expect.arrayContaining(wanted.split(" ")));
    for (const command of commands) expect((await talk(session(), `known_command ${command}`))[0]).toBe("= true");
  });

  it("answers whatever a line holds", async () => {
    const gtp = session();
    expect(await talk(gtp, "kgs-rules constructor", "kgs-rules __proto__", "kgs-time_settings constructor")).toEqual(
      new Array(3).fill("? syntax error"),
    );
    expect(await talk(gtp, "boardsize 9 9", "boardsize 9 13", "boardsize 1e9", "boardsize -9")).toEqual([
      "=",
      "? unacceptable size",
      "? syntax error",
      "? syntax error",
    ]);
    const rng = random(5);
    const [list] = await talk(gtp, "list_commands");
    const slow = /genmove|final|fovea|quit/;
    const names = list!
      .slice(2)
      .split("\n")
      .filter((name) => !slow.test(name));
    const words = [
      "black",
      "W",
      "D4",
      "pass",
      "-1",
      "99999999999999999999",
      "1e308",
      "NaN",
      "\u0000",
      "\u001b[31m",
      "\t",
    ];
    const odd = [
      "#",
      "ソ",
      "__proto__",
      "toString",
      "none",
      "x".repeat(100),
      '"',
      "0x9",
      "7,5",
      "A1 A1",
      "\u0085",
      "\uD800",
    ];
    for (let i = 0; i < 2000; i++) {
      const args = Array.from({ length: rng.integer(0, 4) }, () => rng.pick([...words, ...odd]));
      const line = `${rng.pick(["", "", "7 ", "007 ", "99999999999999999999 "])}${rng.pick([...names, "nonsense"])} ${args.join(" ")}`;
      const answer = (await gtp.answer(line))!;
      expect(answer).toMatch(/^[=?]\d*[ \n]/);
      // The empty line ends it, and stands nowhere else.
      expect(answer.indexOf("\n\n")).toBe(answer.length - 2);
    }
    const digits = "9".repeat(1e6);
    expect(await talk(session(), digits, `play black ${digits}`, `${" ".repeat(1e6)}name`, `#${digits}`)).toEqual([
      `?${digits} unknown command`,
      "? syntax error",
      "= fovea",
      undefined,
    ]);
  });

  it("takes the sizes that its policy plays", async () => {
    expect(await talk(session(), "boardsize 25", "boardsize 1", "boardsize 26", "boardsize 0")).toEqual([
      "=",
      "=",
      "? unacceptable size",
      "? unacceptable size",
    ]);
    const nine: Policy = { ...uniformPolicy(), size: 9 };
    expect(await talk(session(nine), "showboard", "boardsize 19", "boardsize 9")).toEqual([
      expect.stringContaining(" 9 . . . . . . . . . 9"),
      "? unacceptable size",
      "=",
    ]);
  });

  it("takes clocks of all kinds", async () => {
    const lines = [
      "time_settings 0 5 1",
      "time_left black 30.5 0",
      "kgs-time_settings none",
      "kgs-time_settings absolute 1800",
      "kgs-time_settings byoyomi 0 30 5",
      "kgs-time_settings canadian 300 60 25",
    ];
    expect(await talk(session(), ...lines)).toEqual(lines.map(() => "="));
    expect(await talk(session(), "time_settings 5", "time_left black", "kgs-time_settings sand 5")).toEqual(
      new Array(3).fill("? syntax error"),
    );
  });
});

describe("playing", () => {
  it("plays, refuses illegal moves and takes back", async () => {
    const gtp = session();
    expect(
      await talk(
        gtp,
        "boardsize 5",
        "play black C3",
        "play white c3",
        "play b b2",
        "play W pass",
        "undo",
        "undo",
        "undo",
        "undo",
      ),
    ).toEqual(["=", "=", "? illegal move", "=", "=", "=", "=", "=", "? cannot undo"]);
    expect(await talk(gtp, "play white A1", "play black A2", "play black B1", "play white A1")).toEqual([
      "=",
      "=",
      "=",
      "? illegal move",
    ]);
    expect((await talk(gtp, "showboard"))[0]).toMatchInlineSnapshot(`
      "= 
         A B C D E
       5 . . . . . 5
       4 . . . . . 4
       3 . . . . . 3
       2 X . . . . 2
       1 .(X). . . 1
         A B C D E
      black stones captured: 0
      white stones captured: 1"
    `);
  });

  it("places handicap stones", async () => {
    const gtp = session();
    expect(await talk(gtp, "boardsize 19", "fixed_handicap 4", "fixed_handicap 2")).toEqual([
      "=",
      "= D4 Q16 D16 Q4",
      "? board not empty",
    ]);
    expect(await talk(gtp, "clear_board", "fixed_handicap 10", "fixed_handicap 1", "fixed_handicap")).toEqual([
      "=",
      "? invalid number of stones",
      "? invalid number of stones",
      "? syntax error",
    ]);
    expect(await talk(gtp, "place_free_handicap 12", "clear_board", "place_free_handicap 1")).toEqual([
      "= D4 Q16 D16 Q4 D10 Q10 K4 K16 K10",
      "=",
      "? invalid number of stones",
    ]);
    expect(
      await talk(
        gtp,
        "set_free_handicap D4",
        "set_free_handicap D4 D4",
        "set_free_handicap D4 pass",
        "set_free_handicap D4 Z9",
        "set_free_handicap D4 Q16 K10",
        "set_free_handicap D4 Q16",
      ),
    ).toEqual([...new Array(4).fill("? bad vertex list"), "=", "? board not empty"]);
  });

  it("plays the policy's likeliest move, or only says it", async () => {
    const gtp = session(likes("E5", "C3"));
    expect(await talk(gtp, "boardsize 9", "reg_genmove black", "genmove b", "genmove white", "genmove b")).toEqual([
      "=",
      "= E5",
      "= E5",
      "= C3",
      expect.stringMatching(/^= [A-J]\d$/),
    ]);
  });

  it("loads a game up to a move", async () => {
    const gtp = session();
    expect(await talk(gtp, "loadsgf none.sgf", "loadsgf", "loadsgf game.sgf 3")).toEqual([
      "? cannot load file",
      "? syntax error",
      "=",
    ]);
    const [board] = await talk(gtp, "showboard");
    expect([board!.match(/X/g), board!.match(/O/g)]).toMatchObject([{ length: 1 }, { length: 1 }]);
    expect(await talk(gtp, "loadsgf game.sgf", "play white G7")).toEqual(["=", "? illegal move"]);
    const nineteen: Policy = { ...uniformPolicy(), size: 19 };
    expect(await talk(session(nineteen), "loadsgf game.sgf")).toEqual(["? unacceptable size"]);
  });

  it("keeps the colours of a position with handicap and white stones", async () => {
    const gtp = session(undefined, {}, async () => fromSgf("(;SZ[5]HA[2]AB[aa][ee]AW[ca][cb]PL[W])"));
    const board = (await talk(gtp, "loadsgf a game.sgf", "showboard"))[1]!;
    expect(board.split("\n").slice(2, 7)).toEqual([
      " 5 X . O . . 5",
      " 4 . . O . . 4",
      " 3 . . . . . 3",
      " 2 . . . . . 2",
      " 1 . . . . X 1",
    ]);
  });

  it("counts a file's positions when it forbids repetitions, and lets the file's own pass", async () => {
    // Black A2, White B1, Black B2, White A1 takes it, Black A2 takes two, White B2 takes, and A2 brings the first position back.
    const moves = ";B[aa];W[bb];B[ba];W[ab];B[aa];W[ba]";
    const load = (text: string) => session(undefined, {}, async () => fromSgf(text));
    expect(await talk(load(`(;SZ[2]${moves})`), "loadsgf a.sgf", "play black A2")).toEqual(["=", "? illegal move"]);
    const loose = session(undefined, {}, async () => fromSgf(`(;SZ[2]${moves})`), SIMPLE_KO);
    expect(await talk(loose, "loadsgf a.sgf", "play black A2")).toEqual(["=", "="]);
    const repeated = load(`(;SZ[2]${moves};B[aa];W[bb])`);
    expect(await talk(repeated, "loadsgf a.sgf", "play black B2", "undo", "undo")).toEqual([
      "=",
      "? illegal move",
      "=",
      "=",
    ]);
    // Up to a move, too.
    expect(await talk(load(`(;SZ[2]${moves};B[aa])`), "loadsgf a.sgf 7", "play black A2")).toEqual([
      "=",
      "? illegal move",
    ]);
  });

  it("loads files whose names hold spaces", async () => {
    const asked: string[] = [];
    const gtp = session(undefined, {}, async (path) => {
      asked.push(path);
      return fromSgf("(;SZ[5];B[aa];W[bb])");
    });
    await talk(gtp, "loadsgf my game.sgf 2", 'loadsgf "my game.sgf" 2', "loadsgf my game.sgf", "loadsgf 5");
    expect(asked).toEqual(["my game.sgf", "my game.sgf", "my game.sgf", "5"]);
  });

  it("draws what it thinks for GoGui", async () => {
    const gtp = session(likes("E5", "C3"));
    const [, commands, policy, likely, ownership] = await talk(
      gtp,
      "boardsize 9",
      "gogui-analyze_commands",
      "fovea-policy",
      "fovea-likely black",
      "fovea-ownership",
    );
    expect(commands).toContain("gfx/Policy/fovea-policy");
    expect(policy!.split("\n").slice(0, 2)).toEqual(["= COLOR #ff2814 E5", "COLOR #ff6140 C3"]);
    expect(policy).toContain("LABEL E5 63");
    expect(likely!.split("\n")[0]).toBe("= E5 63.3%");
    expect(ownership).toMatch(/^= INFLUENCE /);
  });
});

describe("what it will not play", () => {
  /** The engine's choice in a position. */
  async function choose(text: string, colour: Colour, policy: Policy, options: PlayerOptions = {}): Promise<string> {
    const game = new Game(boardFrom(text).size, SIMPLE_KO);
    const board = boardFrom(text);
    game.setUp(
      [...board.geometry.pointOf.keys()].flatMap((vertex) =>
        board.at(vertex) === 0 ? [] : [{ colour: board.at(vertex) as Colour, vertex }],
      ),
    );
    const { move } = await new Player(policy, options).choose(game, colour);
    return move === RESIGN ? RESIGN : vertexName(move, game.size);
  }

  it("is an own eye, an illegal point, or a repetition", async () => {
    const eyes = ". X . X O\nX X X X O\nO O O O .\n. . . . .\n. . . . .";
    // A5 and C5 are its eyes, D5 is taken: what is left of what it likes is B2.
    expect(await choose(eyes, BLACK, likes("A5", "C5", "D5", "B2"))).toBe("B2");
    // For White they are suicide.
    expect(await choose(eyes, WHITE, likes("A5", "C5", "B1"))).toBe("B1");
    // Under simple ko it could bring a position back: it does not.
    const game = new Game(2, SIMPLE_KO);
    for (const name of ["A2", "B1", "B2", "A1", "A2", "B2"]) game.play(game.toPlay, vertexNamed(name, 2)!);
    expect(game.isLegal(BLACK, 0)).toBe(true);
    const candidates = await new Player(uniformPolicy()).candidates(game, BLACK);
    expect(candidates.map(({ vertex }) => vertexName(vertex, 2))).not.toContain("A2");
  });

  it("is anything when nothing is left: it passes", async () => {
    expect(await choose(". X\nX X", BLACK, uniformPolicy())).toBe("pass");
    expect(await choose(". X . X\nX X X X\nX X X X\nX X X .", WHITE, uniformPolicy())).toBe("pass");
  });

  it("gives the moves that it considers probabilities that sum to 1, the likeliest first", async () => {
    const game = new Game(5);
    game.play(BLACK, 0);
    const candidates = await new Player(likes("A5", "B2", "C3")).candidates(game, WHITE);
    expect(candidates.slice(0, 2).map(({ vertex }) => vertexName(vertex, 5))).toEqual(["B2", "C3"]);
    expect(candidates).toHaveLength(24);
    expect(candidates.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 6);
  });

  it("draws moves by their probabilities when it is warm, the same for the same seed", async () => {
    const draw = async (temperature: number, seed: number) => {
      const player = new Player(
        policyOf("three to one", (board) =>
          new Float32Array(board.geometry.area).map((_, v) => (v === 0 ? 0.75 : v === 8 ? 0.25 : 0)),
        ),
        { temperature, seed },
      );
      const moves: number[] = [];
      for (let i = 0; i < 400; i++) moves.push((await player.choose(new Game(3), BLACK)).move as number);
      return moves;
    };
    const part = (moves: number[]) => moves.filter((move) => move === 0).length / moves.length;
    expect(part(await draw(0, 1))).toBe(1);
    expect(part(await draw(1, 1))).toBeCloseTo(0.75, 1);
    // At half the temperature 9 to 1.
    expect(part(await draw(0.5, 1))).toBeCloseTo(0.9, 1);
    expect(await draw(1, 5)).toEqual(await draw(1, 5));
    expect(await draw(1, 5)).not.toEqual(await draw(1, 6));
  });
});

/** A 7x7 board that is played out: Black has the left four columns, White the right three, and White has a dead stone at A1. */
const FINISHED = `
  . X . X O . O
  X X X X O O .
  . X . X O . O
  X X X X O O O
  . X X X O . O
  . . X X O O .
  O . X X O . O`;

describe("the end of a game", () => {
  const lines = (text: string) =>
    text
      .trim()
      .split("\n")
      .flatMap((row, y) =>
        row
          .trim()
          .split(" ")
          .flatMap((mark, x) => {
            const name = vertexName(y * 7 + x, 7);
            return mark === "X" ? [`play black ${name}`] : mark === "O" ? [`play white ${name}`] : [];
          }),
      );

  it("finds the dead stones and who owns what by random games", () => {
    const board = boardFrom(FINISHED);
    const { ownership, dead, margins } = estimate(board, BLACK, { playouts: 60 });
    expect(dead.map((v) => vertexName(v, 7))).toEqual(["A1"]);
    expect(ownership[0]).toBe(1);
    expect(ownership[6]).toBeLessThan(-0.9);
    expect(ownership[vertexNamed("A1", 7)!]).toBeGreaterThan(0.7);
    expect([...margins].sort((a, b) => a - b)[30]).toBe(28 - 21);
    expect(estimate(board, BLACK, { playouts: 60 })).toEqual(estimate(board, BLACK, { playouts: 60 }));
  });

  it("scores by area without the dead, with komi, and lists the chains", async () => {
    const gtp = session();
    await talk(gtp, "boardsize 7", "komi 2.5", ...lines(FINISHED));
    expect(await talk(gtp, "final_score", "final_status_list dead", "final_status_list seki")).toEqual([
      "= B+4.5",
      "= A1",
      "=",
    ]);
    const [alive] = await talk(gtp, "final_status_list alive");
    // Every chain is on a line of its own, each stone once.
    const stones = alive!.slice(2).split(/\s+/);
    expect(new Set(stones).size).toBe(lines(FINISHED).length - 1);
    expect(alive!.split("\n").some((line) => line.includes("B7") && line.includes("D1"))).toBe(true);
    expect(await talk(gtp, "final_status_list asleep", "komi 7.5", "final_score")).toEqual([
      "? syntax error",
      "=",
      "= W+0.5",
    ]);
    expect(await talk(session(), "boardsize 2", "komi 0", "final_score", "final_status_list alive")).toEqual([
      "=",
      "=",
      "= 0",
      "=",
    ]);
  });

  it("passes where all is settled, and takes dead stones first when asked to clean up", async () => {
    const gtp = session();
    await talk(gtp, "boardsize 7", "komi 0.5", ...lines(FINISHED));
    expect(await talk(gtp, "reg_genmove white", "play white pass", "genmove black")).toEqual(["= pass", "=", "= pass"]);
    const cleaning = session(likes("A2", "B1"));
    await talk(cleaning, "boardsize 7", "komi 0.5", ...lines(FINISHED));
    expect(await talk(cleaning, "kgs-genmove_cleanup black", "play white pass", "kgs-genmove_cleanup black")).toEqual([
      "= A2",
      "=",
      "= B1",
    ]);
    // The stone is off, nothing is dead any more.
    expect(await talk(cleaning, "play white pass", "kgs-genmove_cleanup black", "final_status_list dead")).toEqual([
      "=",
      "= pass",
      "=",
    ]);
  });

  it("resigns when it is far behind for three of its turns, unless told not to", async () => {
    const hopeless = async (options: PlayerOptions) => {
      const gtp = session(likes(), options);
      await talk(gtp, "boardsize 7", "komi 60.5", ...lines(FINISHED));
      const answers = await talk(gtp, "reg_genmove black", "reg_genmove black", "reg_genmove black");
      return answers.at(-1);
    };
    expect(await hopeless({})).toBe("= resign");
    expect(await hopeless({ resignBehind: Number.POSITIVE_INFINITY })).not.toBe("= resign");
    expect(await hopeless({ resignBehind: 70 })).not.toBe("= resign");
  });

  it("plays whole games against itself without an illegal move, and ends them", async () => {
    for (const seed of [1, 2, 3]) {
      const player = new Player(uniformPolicy(), { temperature: 1, seed });
      const game = new Game(7);
      game.komi = 7.5;
      while (game.passes < 2 && game.moves.length < 300) {
        const { move } = await player.choose(game, game.toPlay);
        if (move === RESIGN) break;
        game.play(game.toPlay, move);
      }
      expect(game.moves.length).toBeLessThan(300);
      expect(game.moves.some(({ vertex }) => vertex !== PASS)).toBe(true);
    }
  });
});
