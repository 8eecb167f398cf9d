/** Games from files, into a store, and out of it as a stream of positions. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { BLACK, PASS, symmetriesOf, WHITE } from "#fovea/go/board/geometry.js";
import { GameStore, isTestGame, StoreBuilder } from "#fovea/go/games/store.js";
import { openStore, prepareStore } from "#fovea/go/games/store-node.js";
import { PositionStream } from "#fovea/go/games/stream.js";
import { workerMaker } from "#fovea/go/games/stream-node.js";
import { PLANES, PlaneEncoder } from "#fovea/go/policy/planes.js";
import { spreadPlanes } from "#fovea/go/policy/spread.js";
import { findGameFiles, parseGameTexts, readGame, readGameTexts } from "#fovea/go/sgf/read-node.js";
import { type GameRecord, gameHash, parseRank, parseResult, rankText, startOf } from "#fovea/go/sgf/record.js";
import { random } from "../support/random.js";
import { temporaryFolder } from "../support/temporary.js";

/** What a text is read as: the game, or why it is none. */
function read(text: string): GameRecord | string {
  const games = [...parseGameTexts({ file: "x.sgf", texts: [text], lines: false })];
  expect(games).toHaveLength(1);
  const { game } = games[0]!;
  return game instanceof Error ? game.message : game;
}

const letters = "abcdefghijklmnopqrs";
const point = (vertex: number, size: number) => letters[vertex % size]! + letters[Math.floor(vertex / size)]!;

/** Games of random moves, as lines of SGF. */
function randomGames(count: number, size = 9, seed = 1): string[] {
  const rng = random(seed);
  return Array.from({ length: count }, () => {
    const board = startOf({ size, setup: [], rules: "" });
    let text = "";
    const length = rng.integer(20, 60);
    for (let turn = 0; turn < length; turn++) {
      const colour = turn % 2 === 0 ? BLACK : WHITE;
      const legal = [...board.geometry.pointOf.keys()].filter((v) => board.isLegal(colour, v));
      const vertex = legal.length === 0 || rng.uniform() < 0.05 ? PASS : rng.pick(legal);
      board.play(colour, vertex);
      text += `;${colour === BLACK ? "B" : "W"}[${vertex === PASS ? "" : point(vertex, size)}]`;
    }
    return `(;GM[1]SZ[${size}]KM[6.5]RE[W+Resign]BR[3k]WR[7d]${text})`;
  });
}

describe("SGF", () => {
  it("reads the main line, handicap stones, both spellings of passes, and what the game was", () => {
    const game = read(
      "(;GM[1]FF[4]SZ[19]KM[0.50]HA[2]RU[Japanese]RE[B+Resign]BR[6d]WR[9p]AB[dd][pp];W[dp]C[a \\] b](;B[];W[tt])(;B[aa]))",
    );
    expect(game).toEqual({
      size: 19,
      setup: [
        { colour: BLACK, vertex: 3 * 19 + 3 },
        { colour: BLACK, vertex: 15 * 19 + 15 },
      ],
      moves: [
        { colour: WHITE, vertex: 15 * 19 + 3 },
        { colour: BLACK, vertex: PASS },
        { colour: WHITE, vertex: PASS },
      ],
      handicap: 2,
      komi: 0.5,
      result: { winner: BLACK, margin: undefined },
      blackRank: 6,
      whiteRank: 109,
      rules: "Japanese",
    });
  });

  it("reads rectangles of setup stones, and boards of other sizes", () => {
    const game = read("(;SZ[5]AW[aa:bc];B[ee])");
    expect(typeof game === "string" ? game : game.setup.map((s) => s.vertex)).toEqual(
      [0, 5, 10, 1, 6, 11].sort((a, b) => a - b),
    );
    expect(read("(;SZ[9:9])")).toMatchObject({ size: 9 });
    expect(read("(;B[sa])")).toMatchObject({ size: 19, moves: [{ colour: BLACK, vertex: 18 }] });
  });

  it.each([
    ["two moves in a node", "(;SZ[9];B[aa]B[bb])", "node 2: has 2 moves (B[aa]B[bb])"],
    ["both colours in a node", "(;SZ[9];B[aa]W[bb])", "node 2: has 2 moves (B[aa]W[bb])"],
    ["setup stones mid-game", "(;SZ[9];B[aa];AW[bb];W[cc])", "node 3: AW[bb] sets up a stone after move 1"],
    ["overlapping setup stones", "(;SZ[9]AB[aa]AW[aa])", "node 1: AW[aa]: there is a stone already"],
    ["a move onto a stone", "(;SZ[9];B[aa];W[aa])", "move 2, white A9: the point is occupied"],
    ["a move that is suicide", "(;SZ[9]AW[ba][ab];B[aa])", "move 1, black A9: it is suicide"],
    ["a point off the board", "(;SZ[9];B[ja])", "node 2: B[ja]: expected two letters of a point on a 9x9 board"],
    ["tt on a larger board", "(;SZ[25];B[zz])", "node 2: B[zz]: expected two letters"],
    ["a board that is not square", "(;SZ[19:13])", "SZ[19:13]: expected a square board of 1 to 25"],
    ["another game", "(;GM[3])", "GM[3]: it is not a game of Go"],
    ["stones taken away mid-game", "(;SZ[9];B[aa];AE[aa])", "node 3: AE[aa] takes a stone away after move 1"],
    ["no SGF", "hello [", "is not SGF: a game begins with (;"],
    ["what is no part of SGF", "(;SZ[9]\n;B[aa]-)", 'is not SGF: unexpected "-" at 2:7'],
    ["words", "hello", "is not SGF: a game begins with (;"],
    ["an end that is missing", "(;SZ[9];B[aa", "is cut short: a game ends with )"],
    ["a bracket that is missing", "(;SZ[9];B[aa]", "is cut short: a game ends with )"],
    ["nothing", "", "the file is empty"],
  ])("names %s", (_, text, why) => {
    const found = read(text);
    expect(typeof found === "string" ? found : "a game").toContain(why);
  });

  it("lets suicide be a move where the rules of the game say so", () => {
    expect(read("(;SZ[9]RU[NZ]AW[ba][ab];B[aa])")).toMatchObject({ rules: "NZ" });
  });

  it("reads results and ranks", () => {
    expect(parseResult("W+12.5")).toEqual({ winner: WHITE, margin: 12.5 });
    expect(parseResult("B+R")).toEqual({ winner: BLACK, margin: undefined });
    expect(parseResult("0")).toEqual({ winner: "draw", margin: 0 });
    expect(parseResult("Void")).toEqual({ winner: undefined, margin: undefined });
    expect(["7d", "12k", "9p", "4 dan", "", "?"].map(parseRank)).toEqual([7, -12, 109, 4, 0, 0]);
    expect([7, -12, 109, 0].map(rankText)).toEqual(["7d", "12k", "9p", "?"]);
  });

  it("reads files: single, several games in one, a game a line, gzipped, in folders, in other encodings", async () => {
    const folder = temporaryFolder();
    const at = (name: string, content: string | Uint8Array) => {
      writeFileSync(join(folder, name), content);
      return join(folder, name);
    };
    const names = async (file: string) =>
      [...parseGameTexts(await readGameTexts(file))].map(({ name, game }) => [
        name.slice(folder.length + 1),
        game instanceof Error ? game.message : game.moves.length,
      ]);
    expect(await names(at("a.sgf", "(;SZ[9]\n;B[aa]\n;W[bb])\n"))).toEqual([["a.sgf", 2]]);
    expect(await names(at("b.sgf", "(;SZ[9];B[aa])\n\n(;SZ[9]\n;B[aa];W[bb])"))).toEqual([
      ["b.sgf game 1", 1],
      ["b.sgf game 2", 2],
    ]);
    const lines = `${"(;SZ[9];B[aa])\n".repeat(11)}\n(;SZ[9];B[aa\n(;SZ[9];B[aa];W[ab])\n`;
    const found = await names(at("c.sgf.gz", gzipSync(lines)));
    expect(found).toHaveLength(13);
    expect(found.slice(-2)).toEqual([
      ["c.sgf.gz:13", "is cut short: a game ends with )"],
      ["c.sgf.gz:14", 2],
    ]);
    // In Shift JIS the second byte of this letter is a closing bracket.
    const japanese = Buffer.concat([
      Buffer.from("(;CA[Shift_JIS]SZ[9]PB["),
      Buffer.from([0x83, 0x5d]),
      Buffer.from("];B[aa])"),
    ]);
    expect(await names(at("d.sgf", japanese))).toEqual([["d.sgf", 1]]);
    mkdirSync(join(folder, "deep"));
    at("deep/e.SGF", "(;)");
    at("readme.txt", "no game");
    expect((await findGameFiles([folder])).map((f) => f.slice(folder.length + 1))).toEqual([
      "a.sgf",
      "b.sgf",
      "c.sgf.gz",
      "d.sgf",
      "deep/e.SGF",
    ]);
    await expect(findGameFiles([join(folder, "none.sgf")])).rejects.toThrow("none.sgf: no such file");
    mkdirSync(join(folder, "empty"));
    await expect(findGameFiles([join(folder, "empty")])).rejects.toThrow("empty: holds no .sgf or .sgf.gz files");
    await expect(readGameTexts(at("f.gz", gzipSync("(;)").subarray(0, 15)))).rejects.toThrow(
      "is not a whole gzip file",
    );
    await expect(readGame(at("g.sgf", "(;SZ[9];B[aa]W[bb])"))).rejects.toThrow("g.sgf: node 2: has 2 moves");
  });
});

describe("the store", () => {
  it("gives games back as they were, and keeps each once", async () => {
    const games = randomGames(12).map((text) => read(text) as GameRecord);
    const handicap = read("(;SZ[9]HA[2]KM[-7.5]RE[B+3.5]AB[cc][gg];W[ee];B[])") as GameRecord;
    const builder = new StoreBuilder(9);
    for (const game of [...games, handicap]) expect(builder.add(game, "a.sgf")).toBeUndefined();
    expect(builder.add(games[3]!, "b.sgf")).toBe("is the same as game 4");
    expect(builder.add(read("(;SZ[19];B[aa])") as GameRecord, "b.sgf")).toBe("is played on 19x19, expected 9x9");
    expect(builder.add(read("(;SZ[9];B[];W[])") as GameRecord, "b.sgf")).toBe("has no moves");
    const store = new GameStore(builder.finish(), "store");
    expect(store.games).toBe(13);
    for (const [n, game] of [...games, handicap].entries()) {
      expect(store.game(n)).toEqual(game);
      expect(store.hash(n)).toBe(gameHash(game));
      expect(store.positionCount(n)).toBe(game.moves.filter((m) => m.vertex !== PASS).length);
      expect(store.moveCount(n)).toBe(game.moves.length);
      expect(store.source(n)).toBe("a.sgf");
    }
    expect(store.description.skipped).toEqual({ twice: 1, "other sizes": 1, "without moves": 1 });
    expect(() => store.game(13)).toThrow("game 13: the store has games 0 to 12");
  });

  it("is refused where it is cut short, changed or something else", () => {
    const builder = new StoreBuilder(9);
    for (const text of randomGames(3)) builder.add(read(text) as GameRecord, "a.sgf");
    const bytes = builder.finish();
    const open = (changed: Uint8Array) => () => new GameStore(changed, "s.store");
    for (const length of [bytes.length - 1, bytes.length - 40, 60]) {
      expect(open(bytes.slice(0, length))).toThrow(`s.store: is cut short: it has ${length} bytes`);
    }
    expect(open(bytes.slice(0, 20))).toThrow("is cut short: it has 20 bytes of 24");
    expect(open(Uint8Array.from([...bytes, 0]))).toThrow("is longer than it should be");
    expect(open(new Uint8Array(100))).toThrow('is not a store of games (expected "FOVEAGO1" at its start)');
    const flipped = bytes.slice();
    flipped[bytes.length - 5]! ^= 1;
    expect(open(flipped)).toThrow("its check sum does not fit");
    expect(() => new StoreBuilder(9).finish()).toThrow("there is no game to keep");
  });

  it("splits by the games' own hashes: about 2 in 100, whatever else is in the store", () => {
    const games = randomGames(600, 5, 3).map((text) => read(text) as GameRecord);
    const hashes = games.map(gameHash);
    const tests = hashes.filter(isTestGame).length;
    expect(tests).toBeGreaterThan(4);
    expect(tests).toBeLessThan(25);
    const builder = new StoreBuilder(5);
    for (const game of games) builder.add(game, "a.sgf");
    const store = new GameStore(builder.finish(), "store");
    const [train, test] = [store.select("train"), store.select("test")];
    expect(train.length + test.length).toBe(store.games);
    expect([...test].every((n) => store.hash(n) % 50 === 0)).toBe(true);
    expect([...train].some((n) => store.hash(n) % 50 === 0)).toBe(false);
  });

  it("is prepared from files whole or not at all, naming what was left out", async () => {
    const folder = temporaryFolder();
    const file = join(folder, "games.sgf.gz");
    const lines = [...randomGames(30), "(;SZ[9];B[aa];W[aa])", randomGames(1)[0]!];
    writeFileSync(file, gzipSync(lines.join("\n")));
    const out = join(folder, "nine.store");
    const skipped: string[] = [];
    const progress: number[] = [];
    const prepared = await prepareStore(
      { games: [folder], out, size: 9 },
      {
        onSkip: ({ name, why }) => skipped.push(`${name.slice(folder.length + 1)}: ${why}`),
        onProgress: ({ done, total }) => progress.push(done / total),
      },
    );
    expect(skipped).toEqual([
      "games.sgf.gz:31: move 2, white A9: the point is occupied",
      "games.sgf.gz:32: is the same as game 1",
    ]);
    expect([prepared?.read, prepared?.store.games, progress.at(-1)]).toEqual([32, 30, 1]);
    const store = await openStore(out);
    expect(store.bytes.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(store.game(4)).toEqual(read(lines[4]!));
    const before = readFileSync(out);
    expect(await prepareStore({ games: [file], out, size: 9 }, { signal: AbortSignal.abort() })).toBeUndefined();
    expect(readFileSync(out).equals(before)).toBe(true);
    await expect(prepareStore({ games: [file], out, size: 13 })).rejects.toThrow(
      "there is no game to keep (left out: 31 other sizes, 1 broken)",
    );
    writeFileSync(out, before.subarray(0, 500));
    await expect(openStore(out)).rejects.toThrow(`${out}: is cut short`);
  });
});

describe("the stream", () => {
  const SIZE = 9;
  const planes = 20;
  const builder = new StoreBuilder(SIZE);
  for (const text of randomGames(20)) builder.add(read(text) as GameRecord, "a.sgf");
  const shared = (bytes: Uint8Array) => {
    const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
    copy.set(bytes);
    return copy;
  };
  const store = new GameStore(shared(builder.finish()), "store");
  const all = Uint32Array.from({ length: store.games }, (_, n) => n);
  const sample = SIZE * SIZE * planes;

  /** Every position of the games, encoded in their order: numbers and label. */
  function expected(): { numbers: Float32Array; label: number; turn: number }[] {
    const encoder = new PlaneEncoder(SIZE, planes);
    return [...all].flatMap((n) => {
      const game = store.game(n);
      const board = startOf(game);
      return game.moves.flatMap(({ colour, vertex }, turn) => {
        encoder.encode(board, colour);
        const numbers = new Float32Array(sample);
        spreadPlanes(encoder, symmetriesOf(SIZE)[0]!, numbers, 0);
        board.play(colour, vertex);
        return vertex === PASS ? [] : [{ numbers, label: vertex, turn }];
      });
    });
  }

  /** An epoch in batches; each position as text. */
  async function epoch(stream: PositionStream, batch: number, most = Number.POSITIVE_INFINITY): Promise<string[]> {
    const numbers = new Float32Array(batch * sample);
    const labels = new Int32Array(batch);
    const turns = new Uint16Array(batch);
    const found: string[] = [];
    const { epoch } = stream.place;
    while (stream.place.epoch === epoch && found.length < most) {
      const count = await stream.fill(batch, numbers, labels, turns);
      for (let i = 0; i < count; i++)
        found.push(textOf(numbers.subarray(i * sample, (i + 1) * sample), labels[i]!, turns[i]!));
    }
    return found;
  }
  const textOf = (numbers: Float32Array, label: number, turn: number) => `${numbers.join("")} ${label} ${turn}`;

  it("gives every position once in order, unless shuffled", async () => {
    const stream = new PositionStream(store, all, { planes, shuffle: false, blockPositions: 100 });
    const right = expected();
    expect(stream.length).toBe(right.length);
    expect(await epoch(stream, 32)).toEqual(right.map((p) => textOf(p.numbers, p.label, p.turn)));
    expect(stream.place).toEqual({ epoch: 1, position: 0 });
  });

  it("shuffles games and positions, turns each, and gives each once an epoch", async () => {
    const stream = new PositionStream(store, all, { planes, seed: 4, blockPositions: 200 });
    const tables = symmetriesOf(SIZE);
    /** The same for a position in all of its symmetries: the least of their texts. */
    const canonical = (numbers: Float32Array, label: number, turn: number) =>
      tables
        .map((table) => {
          const turned = new Float32Array(sample);
          for (let v = 0; v < table.length; v++) {
            turned.set(numbers.subarray(v * planes, (v + 1) * planes), table[v]! * planes);
          }
          return textOf(turned, table[label]!, turn);
        })
        .sort()[0]!;
    const right = expected()
      .map((p) => canonical(p.numbers, p.label, p.turn))
      .sort();
    const first = await epoch(stream, 50);
    const parsed = first.map((text) => {
      const [bits, label, turn] = text.split(" ") as [string, string, string];
      return canonical(Float32Array.from(bits, Number), Number(label), Number(turn));
    });
    expect([...parsed].sort()).toEqual(right);
    // Neighbours come from different games, and symmetries differ.
    const unturned = new Set(expected().map((p) => textOf(p.numbers, p.label, p.turn)));
    const kept = first.filter((text) => unturned.has(text)).length / first.length;
    expect(kept).toBeGreaterThan(0.05);
    expect(kept).toBeLessThan(0.25);
    const turns = first.map((text) => Number(text.split(" ")[2]));
    const steps = turns.filter((turn, i) => i > 0 && turn === turns[i - 1]! + 1).length;
    expect(steps / turns.length).toBeLessThan(0.1);
    expect(await epoch(stream, 50)).not.toEqual(first);
  });

  it("goes on from a place as one that came there, whatever the batches, also from a worker thread", async () => {
    const options = { planes, seed: 9, blockPositions: 150 };
    const whole = new PositionStream(store, all, options);
    const right = [...(await epoch(whole, 64)), ...(await epoch(whole, 64))];
    const maker = workerMaker(store, planes);
    try {
      const other = new PositionStream(store, all, { ...options, maker });
      for (const position of [0, 149, 150, 333, other.length - 1]) {
        other.seek({ epoch: 0, position });
        const rest = [...(await epoch(other, 7)), ...(await epoch(other, 100))];
        expect(rest).toEqual(right.slice(position));
      }
    } finally {
      await maker.close();
    }
    expect(new PositionStream(store, all, { planes, seed: 10 }).length).toBe(whole.length);
    expect(await epoch(new PositionStream(store, all, { ...options, seed: 10 }), 64)).not.toEqual(
      right.slice(0, whole.length),
    );
  });

  it("takes a block as large as the longest game, where it was said smaller", async () => {
    const stream = new PositionStream(store, all, { planes, seed: 2, blockPositions: 1 });
    expect(new Set(await epoch(stream, 10)).size).toBe(expected().length);
  });

  it("refuses what makes no stream", () => {
    expect(() => new PositionStream(store, new Uint32Array(0), { planes })).toThrow("no positions to learn from");
    expect(() => new PositionStream(store, all, { planes: 3 })).toThrow("planes is 3, expected 1, 4, 20, 48");
    expect(() => new PositionStream(store, all, { planes, blockPositions: 0 })).toThrow("blockPositions is 0");
    const stream = new PositionStream(store, all, { planes });
    expect(() => stream.seek({ epoch: 0, position: stream.length })).toThrow("is no place of a stream");
    expect(() => stream.take(2, new Float32Array(sample), new Int32Array(2))).toThrow("take: 2 positions need");
    expect(stream.take(1, new Float32Array(sample), new Int32Array(1))).toBe(0);
  });

  it("shows the mover's side", async () => {
    const stream = new PositionStream(store, all, { planes: 4, shuffle: false });
    const numbers = new Float32Array(2 * 81 * 4);
    await stream.fill(2, numbers, new Int32Array(2));
    const own = (i: number, plane: number) =>
      numbers.filter((x, k) => Math.floor(k / 324) === i && k % 4 === plane && x === 1).length;
    expect([own(0, PLANES.own), own(0, PLANES.opponent), own(1, PLANES.own), own(1, PLANES.opponent)]).toEqual([
      0, 0, 0, 1,
    ]);
  });
});
