/** SGF as other programs write it: encodings, old forms, letters around games, sizes that break readers; and Sabaki's own parser as an oracle. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import sabaki from "@sabaki/sgf";
import { describe, expect, it } from "vitest";
import { BLACK, PASS, WHITE } from "#fovea/go/board/geometry.js";
import { decodeSgf } from "#fovea/go/sgf/encoding.js";
import { parseGameTexts, type ReadGame, readGame, readGameTexts } from "#fovea/go/sgf/read-node.js";
import type { GameRecord } from "#fovea/go/sgf/record.js";
import { SgfScanner } from "#fovea/go/sgf/scanner.js";
import { SGF_PROPERTIES } from "#fovea/go/sgf/sgf.js";
import { random } from "../support/random.js";
import { temporaryFolder } from "../support/temporary.js";

/** All that a text is read as. */
const readAll = (text: string): ReadGame[] => [...parseGameTexts({ file: "x.sgf", texts: [text], lines: false })];

function read(text: string): GameRecord | string {
  const games = readAll(text);
  expect(games).toHaveLength(1);
  const { game } = games[0]!;
  return game instanceof Error ? game.message : game;
}

const bytesOf = (...parts: (string | readonly number[])[]) =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : Buffer.from(part))));

async function readBytes(bytes: Uint8Array): Promise<GameRecord> {
  const file = join(temporaryFolder(), "a.sgf");
  writeFileSync(file, bytes);
  return readGame(file);
}

// Letters whose second byte is \ or ].
const SHIFT_JIS = { backslash: [0x83, 0x5c], bracket: [0x83, 0x5d] }; // ソ ゾ
const BIG5 = { backslash: [0xa5, 0x5c], bracket: [0xa6, 0x5d] }; // 功 and one more
const GB18030 = { backslash: [0x81, 0x5c], bracket: [0xbd, 0x5d] };
const EUC_KR = { backslash: [0xb0, 0xa1, 0xc7, 0xd1], bracket: [0xb1, 0xdd] }; // its letters hold no such bytes

describe("encodings", () => {
  const nine = { size: 9, moves: [{ vertex: 40 }, { vertex: 20 }] };

  it.each([
    ["Shift-JIS", SHIFT_JIS],
    ["Big5", BIG5],
    ["GB 18030", GB18030],
    ["EUC-KR", EUC_KR],
  ])("reads %s without CA, whatever its letters' second bytes", async (_, { backslash, bracket }) => {
    for (const letter of [backslash, bracket]) {
      expect(await readBytes(bytesOf("(;GM[1]PB[", letter, "]SZ[9]PW[x];B[ee];W[cc])"))).toMatchObject(nine);
      expect(await readBytes(bytesOf("(;SZ[9];B[ee]C[a", letter, "];W[cc])"))).toMatchObject(nine);
      expect(await readBytes(bytesOf("(;SZ[9];B[ee];W[cc]C[", letter, letter, "])"))).toMatchObject(nine);
    }
  });

  it.each(["UTF-8", "EUC-KR", "ISO-8859-1", "nonsense", "Shift_JIS"])("is not misled by CA[%s]", async (said) => {
    const text = bytesOf(`(;CA[${said}]PB[`, SHIFT_JIS.backslash, "]SZ[9]PW[", SHIFT_JIS.bracket, "];B[ee];W[cc])");
    expect(await readBytes(text)).toMatchObject(nine);
    const utf8 = Buffer.from(`(;CA[${said}]PB[ソゾ功]SZ[9]PW[王];B[ee];W[cc])`);
    expect(await readBytes(utf8)).toMatchObject(nine);
  });

  it("finds CA wherever it stands", () => {
    const late = (said: string) => bytesOf(`(;C[${"x".repeat(5000)}]CA[${said}]PB[`, [0xb0, 0xa1], "])");
    expect(decodeSgf(late("EUC-KR"))).toContain("PB[가]");
    expect(decodeSgf(late("GBK"))).toContain("PB[啊]");
    expect(decodeSgf(late("ISO-8859-1"))).toContain("PB[°¡]");
  });

  it("reads UTF-8 and UTF-16 with and without a mark, and UTF-8 with broken letters", async () => {
    const text = "(;SZ[9]PB[ソ崀];B[ee];W[cc])";
    const little = Buffer.from(text, "utf16le");
    const big = Buffer.from(little).swap16();
    for (const bytes of [
      Buffer.from(`\uFEFF${text}`),
      Buffer.from(`\uFEFF${text}`, "utf16le"),
      Buffer.from(`\uFEFF${text}`, "utf16le").swap16(),
      little,
      big,
      bytesOf("(;SZ[9]PB[", [0xe3, 0x82], "]PW[M", [0xfc], "ller];B[ee];W[cc])"),
    ]) {
      expect(await readBytes(bytes)).toMatchObject(nine);
    }
  });

  it("reads Japanese mail of seven bits", () => {
    // ESC $ B begins letters of two bytes, ESC ( B ends them: the first is 0x25 0x5d.
    expect(decodeSgf(bytesOf("(;PB[\x1b$B%]%=\x1b(B]SZ[9])"))).toBe("(;PB[ポソ]SZ[9])");
  });

  it("decodes each line of a collection by itself", async () => {
    const file = join(temporaryFolder(), "a.sgf");
    const line = (...name: (string | readonly number[])[]) => bytesOf("(;SZ[9]PB[", ...name, "];B[ee];W[cc])\n");
    writeFileSync(
      file,
      Buffer.concat([line("a"), line(SHIFT_JIS.backslash), line(BIG5.backslash), line([0xe3, 0x82, 0xbd])]),
    );
    const games = [...parseGameTexts(await readGameTexts(file))];
    expect(games.map(({ game }) => (game instanceof Error ? game.message : game.moves.length))).toEqual([2, 2, 2, 2]);
  });
});

describe("SGF as it is found", () => {
  it.each([
    ["a letter's head and signature", "From: a (b) <c@d>\nSubject: [1] game;\n\n(;SZ[9];B[ee];W[cc])\n-- \nBye :-)\n"],
    ["Ctrl-Z and zeros at its end", "(;SZ[9];B[ee];W[cc])\r\n\x1a\0\0"],
    ["a mark of UTF-8", "\uFEFF(;SZ[9];B[ee];W[cc])"],
    ["empty setup", "(;SZ[9]AB[]AW[]AE[];B[ee];W[cc])"],
    ["long names with small letters", "(;GaMe[1]FileFormat[1]SiZe[9];Black[ee];White[cc])"],
    ["small letters alone", "(;gm[1]sz[9];b[ee];w[cc])"],
    ["spaces and line breaks everywhere", "( \n;\tSZ [ 9\n]\r\n; B\n[e\ne]\n;W [cc ]\n)\n"],
    ["escaped brackets and line breaks", "(;SZ[9]C[a\\]b\\\\]PB[\\\n;B[aa\\](];B[ee];W[cc])"],
    ["a node without its semicolon", "(GM[1]SZ[9];B[ee];W[cc])"],
    ["variations, and variations without nodes", "(;SZ[9]()(;B[ee]()(;W[cc])(;W[dd](;B[aa])))(;B[ff]))"],
    ["broken text in a variation", "(;SZ[9];B[ee](;W[cc])(;B[bb]-+~))"],
    ["a size behind the first node", "(;GM[1];SZ[9];B[ee];W[cc])"],
    ["properties of nobody", "(;SZ[9]KGSDE[dS]XX[a][b]Q1[z];B[ee]N[];W[cc])"],
  ])("reads %s", (_, text) => {
    expect(read(text)).toMatchObject({
      size: 9,
      setup: [],
      moves: [
        { colour: BLACK, vertex: 40 },
        { colour: WHITE, vertex: 20 },
      ],
    });
  });

  it("reads lists of points, stones that are taken away before the first move, and setup that changes nothing", () => {
    const black = (...vertices: number[]) => vertices.map((vertex) => ({ colour: BLACK, vertex }));
    expect(read("(;SZ[5]AB[aa:bb][ee])")).toMatchObject({ setup: black(0, 1, 5, 6, 24) });
    expect(read("(;SZ[5]AB[bb:aa][aa])")).toMatchObject({ setup: black(0, 1, 5, 6) });
    expect(read("(;SZ[5]AB[aa][ee];AE[aa][cc])")).toMatchObject({ setup: black(24) });
    expect(read("(;SZ[5]AB[aa];AW[aa])")).toMatchObject({ setup: [{ colour: WHITE, vertex: 0 }] });
    expect(read("(;SZ[5]AB[ee];B[aa];AE[bb]AB[aa][ee];W[bb])")).toMatchObject({
      setup: black(24),
      moves: [{ vertex: 0 }, { vertex: 6 }],
    });
    expect(read("(;SZ[5]AB[aa]PL[W])")).toMatchObject({ toPlay: WHITE });
  });

  it("reads komi and handicap as people write them", () => {
    const komi = (text: string) => {
      const game = read(`(;SZ[9]KM[${text}])`);
      return typeof game === "string" ? game : game.komi;
    };
    expect(["6.5", "6,5", " 7.5 points", "-0.50", "+3", ".5", "0", "", "6.5目"].map(komi)).toEqual([
      6.5, 6.5, 7.5, -0.5, 3, 0.5, 0, 0, 6.5,
    ]);
    expect(komi("seven")).toBe("KM[seven]: expected a number of points");
    expect(komi("1.2.3")).toBe("KM[1.2.3]: expected a number of points");
    expect(read("(;SZ[9]HA[3 stones])")).toMatchObject({ handicap: 3 });
  });

  it.each([2, 13, 19, 20, 25])("reads boards of %i", (size) => {
    expect(read(`(;SZ[${size}];B[])`)).toMatchObject({ size, moves: [{ vertex: PASS }] });
    expect(read(`(;SZ[${size}x${size}];B[aa])`)).toMatchObject({ size, moves: [{ vertex: 0 }] });
    // A pass, but a point where there is one.
    expect(read(`(;SZ[${size}];B[tt])`)).toMatchObject({ moves: [{ vertex: size > 19 ? 19 * size + 19 : PASS }] });
  });

  it.each([
    ["(;SZ[19:9])", "SZ[19:9]: expected a square board of 1 to 25"],
    ["(;SZ[9:19])", "SZ[9:19]: expected a square board of 1 to 25"],
    ["(;SZ[0])", "SZ[0]: expected a square board of 1 to 25"],
    ["(;SZ[26])", "SZ[26]: expected a square board of 1 to 25"],
    ["(;SZ[52])", "SZ[52]: expected a square board of 1 to 25"],
    ["(;SZ[-9])", "SZ[-9]: expected a square board of 1 to 25"],
    ["(;SZ[big])", "SZ[big]: expected a square board of 1 to 25"],
    ["(;SZ[9];B[ee];SZ[13])", "node 3: SZ[13] changes the board's size"],
    ["(;B[ee];SZ[13])", "node 2: SZ[13] stands behind the first stone"],
    ["(;SZ[9]AB[aa]AE[aa])", "node 1: AE[aa]: there is a stone already"],
    ["(;SZ[9]AB[aa:bb:cc])", "node 1: AB[aa:bb:cc]: expected a point, or two corners of a rectangle"],
    ["(;SZ[9]AB[tt])", "node 1: AB[tt]: expected a point, or two corners of a rectangle"],
    ["(;SZ[9]AW[ba][ab]AB[aa])", "setup stone at A8 leaves a chain without liberties"],
    ["(;SZ[9];B[E5])", "node 2: B[E5]: expected two letters of a point on a 9x9 board"],
    ["(;SZ[9];B[EE])", "node 2: B[EE]: expected two letters of a point on a 9x9 board"],
    [`(;SZ[9];B[${"e".repeat(1000)}])`, `node 2: B[${"e".repeat(40)}...]: expected two letters`],
    [`(;GM[${"7".repeat(1000)}])`, `GM[${"7".repeat(40)}...]: it is not a game of Go`],
    [`(;SZ[9];B${"[aa]".repeat(1000)})`, "node 2: has 1000 moves (B[aa]B[aa]B[aa]B[aa]...)"],
    ["(;SZ[9];B[ee](;W[cc]", "is cut short: a game ends with )"],
  ])("names what is wrong with %.30s", (text, why) => {
    const found = read(text);
    expect(typeof found === "string" ? found : "a game").toContain(why);
  });

  it("reads the games behind a broken one, and those between letters", () => {
    const games = readAll("Hi,\n(;SZ[9];B[ee]+;W[cc](;B[aa]))\n> and\n(;SZ[9];B[ee])\n(;SZ[9];B[ee];W[ee])\n(;B[aa");
    expect(games.map(({ name, game }) => [name, game instanceof Error ? game.message : game.moves.length])).toEqual([
      ["x.sgf game 1", 'is not SGF: unexpected "+" at 2:14'],
      ["x.sgf game 2", 1],
      ["x.sgf game 3", "move 2, white E5: the point is occupied"],
      ["x.sgf game 4", "is cut short: a game ends with )"],
    ]);
  });

  it("takes a game with a line for each variation for one game, and a broken first line for a line", async () => {
    const file = join(temporaryFolder(), "a.sgf");
    const count = async (text: string) => {
      writeFileSync(file, text);
      return [...parseGameTexts(await readGameTexts(file))].map(({ game }) =>
        game instanceof Error ? game.message : game.moves.length,
      );
    };
    expect(await count(`(;SZ[9];B[ee]\n${"(;W[cc])\n".repeat(30)})`)).toEqual([2]);
    expect(await count(`(;SZ[9];B[ee\n${"(;SZ[9];W[cc])\n".repeat(30)}`)).toEqual([
      "is cut short: a game ends with )",
      ...new Array(30).fill(1),
    ]);
  });
});

describe("large SGF", () => {
  it("reads comments of 20 MB, deep variations and millions of nodes in one pass", () => {
    const comment = "letters ".repeat(2.5e6);
    expect(read(`(;SZ[9]C[${comment}];B[ee])`)).toMatchObject({ moves: [{ vertex: 40 }] });
    const deep = `(;SZ[9]${"(;B[]".repeat(50_000)}${")".repeat(50_001)}`;
    expect(read(deep)).toMatchObject({ moves: { length: 50_000 } });
    const wide = `(;SZ[9]${"(;B[ee]".repeat(2)}${"(;W[]".repeat(50_000)}${")".repeat(50_003)}`;
    expect(read(wide)).toBe("move 2, black E5: the point is occupied");
    const open = `(;SZ[9]${"(".repeat(100_000)}`;
    expect(read(open)).toBe("is cut short: a game ends with )");
    const long = `(;SZ[9]${";B[];W[]".repeat(1_000_000)})`;
    const game = read(long) as GameRecord;
    expect(game.moves).toHaveLength(2_000_000);
    // Equal moves are one object.
    expect(new Set(game.moves).size).toBe(2);
    expect(read(`(;SZ[9]${"AB[aa:ii]".repeat(100_000)})`)).toBe("node 1: AB names the same points many times");
    expect(read(`(;SZ[9]KM[${" ".repeat(1e6)}7])`)).toMatchObject({ komi: 0 });
  });

  it("inflates no further than games can go", async () => {
    const file = join(temporaryFolder(), "bomb.sgf.gz");
    writeFileSync(file, gzipSync(Buffer.alloc(80 * 2 ** 20, "(;SZ[9];B[ee])\n")));
    await expect(readGame(file)).rejects.toThrow(
      `${file}: holds more than 64 MiB of text; split it into smaller files`,
    );
  });
});

/** Random trees with values of all kinds. */
function randomTree(rng: ReturnType<typeof random>, depth: number): string {
  const value = () =>
    Array.from({ length: rng.integer(0, 4) }, () =>
      rng.pick(["a", "q", "\\]", "\\\\", "\\\n", "[", "(", ";", ")", " ", "\n"]),
    ).join("");
  const property = () => rng.pick(["B", "W", "C", "AB", "SZ", "KM", "SiZe", "PB"]);
  const space = () => rng.pick(["", "", " ", "\n", "\r\n"]);
  const node = () =>
    `;${space()}${Array.from({ length: rng.integer(0, 3) }, () => `${property()}${space()}${Array.from({ length: rng.integer(1, 3) }, () => `[${value()}]${space()}`).join("")}`).join("")}`;
  const nodes = Array.from({ length: rng.integer(1, 3) }, node).join("");
  const children = depth === 0 ? [] : Array.from({ length: rng.integer(0, 2) }, () => randomTree(rng, depth - 1));
  return `(${space()}${nodes}${children.join(space())})${space()}`;
}

describe("beside Sabaki's parser", () => {
  it("finds the same main line in random trees", () => {
    const rng = random(7);
    const wanted = new Set(["B", "W", "C", "AB", "SZ", "KM", "PB"]);
    for (let i = 0; i < 500; i++) {
      const text = randomTree(rng, 4);
      const scanner = new SgfScanner(text, wanted);
      expect(scanner.nextGame()).toBe(true);
      const mine = Array.from(scanner.mainLine(), (node) => Object.fromEntries(node));
      const theirs: Record<string, readonly string[]>[] = [];
      for (let node = sabaki.parse(text)[0]; node !== undefined; node = node.children[0]) theirs.push(node.data);
      // Sabaki takes carriage returns out.
      const plain = (nodes: object) => JSON.parse(JSON.stringify(nodes).replaceAll("\\r", ""));
      expect(plain(mine)).toEqual(plain(theirs));
    }
  });

  it("reads or names whatever bytes there are", async () => {
    const rng = random(8);
    const seed = Buffer.from(
      "(;GM[1]FF[4]CA[UTF-8]SZ[9]KM[6.5]HA[2]RU[Chinese]RE[W+0.5]AB[aa:bb][gg]AE[aa];W[ee](;B[cc];W[dd];B[])(;B[]))\n",
    );
    for (let i = 0; i < 1500; i++) {
      const bytes = Buffer.from(i % 2 === 0 ? seed : Buffer.concat([seed, seed]));
      for (let n = rng.integer(1, 8); n > 0; n--) bytes[rng.integer(0, bytes.length - 1)] = rng.integer(0, 255);
      for (const { game } of readAll(decodeSgf(bytes.subarray(0, rng.integer(0, bytes.length))))) {
        if (game instanceof Error) expect(game.constructor.name).toBe("DataError");
      }
    }
  });

  it("keeps only what is read", () => {
    expect([...SGF_PROPERTIES].sort().join(" ")).toBe("AB AE AW B BR GM HA KM PL RE RU SZ W WR");
  });
});
