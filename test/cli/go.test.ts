/** `fovea go prepare`, `gtp` and `analyse` as a user runs them. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { boardFrom } from "#fovea/go/board/diagram.js";
import { BLACK, symmetriesOf, vertexName, WHITE } from "#fovea/go/board/geometry.js";
import { networkPolicy } from "#fovea/go/policy/policy.js";
import { saveModel } from "#fovea/model/model-file-node.js";
import { type TrainedModel, untrained } from "#fovea/model/trained-model.js";
import * as models from "#fovea/models/index.js";
import { events, fovea, MAIN } from "../support/cli.js";
import { temporaryFolder } from "../support/temporary.js";

const GAME = "(;GM[1]SZ[5]KM[0.5];B[cc];W[bb];B[cb];W[];B[bc])";

function smallPolicy(planes = 48, size = 5): TrainedModel {
  const model = models.create("alphago-policy", { filters: 8, layers: 3, planes, size });
  const classes = Array.from({ length: size * size }, (_, vertex) => vertexName(vertex, size));
  const channels = { mean: new Array<number>(planes).fill(0), std: new Array<number>(planes).fill(1) };
  return untrained(model, { data: { shape: [size, size, planes], classes, ...channels }, seed: 3 });
}

/** Runs the engine with these lines on its standard input. */
async function talk(
  args: readonly string[],
  cwd: string,
  input: string,
): Promise<{ code: number | null; stdout: string }> {
  const child = spawn(process.execPath, [MAIN, "go", "gtp", ...args], { cwd, stdio: ["pipe", "pipe", "inherit"] });
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, stdout };
}

it("prepares a store, naming what it leaves out", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "games.sgf.gz"), gzipSync(`${GAME}\n${GAME}\n(;SZ[5];B[cc]W[cd])\n(;SZ[9];B[cc])\n`));
  const { code, stdout, stderr } = await fovea(
    ["go", "prepare", "games.sgf.gz", "--size", "5", "--out", "five.store"],
    folder,
  );
  expect(code).toBe(0);
  expect(stderr).toContain("left out games.sgf.gz:2: is the same as game 1\n");
  expect(stderr).toContain("left out games.sgf.gz:3: node 2: has 2 moves (B[cc]W[cd])\n");
  expect(stderr).toContain("left out games.sgf.gz:4: is played on 9x9, expected 5x5\n");
  expect(stdout).toMatch(/games +1 of 4, 5x5/);
  expect(stdout).toMatch(/left out +1 twice, 1 broken, 1 other sizes/);
  const json = await fovea(["go", "prepare", "games.sgf.gz", "--size", "5", "--out", "five.store", "--json"], folder);
  expect(events(json.stdout).at(-1)).toMatchObject({ games: 1, read: 4, skipped: { twice: 1, broken: 1 } });
});

it("leaves no store where there is nothing to keep, or nothing to read", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "empty.sgf"), "");
  const empty = await fovea(["go", "prepare", "empty.sgf", "--out", "a.store"], folder);
  expect([empty.code, empty.stderr]).toEqual([
    1,
    "left out empty.sgf: the file is empty\nfovea: there is no game to keep (left out: 1 broken)\n",
  ]);
  const none = await fovea(["go", "prepare", "none.sgf", "--out", "a.store"], folder);
  expect([none.code, none.stderr]).toEqual([1, "fovea: none.sgf: no such file\n"]);
  const large = await fovea(["go", "prepare", "empty.sgf", "--out", "a.store", "--size", "30"], folder);
  expect([large.code, large.stderr]).toEqual([2, "fovea: --size 30: expected a whole number from 1 to 25\n"]);
  expect(existsSync(join(folder, "a.store"))).toBe(false);
});

it("plays by a trained network, of its size alone", async () => {
  const folder = temporaryFolder();
  const model = smallPolicy();
  await saveModel(join(folder, "policy.safetensors"), model);
  const policy = await networkPolicy(model, { threads: 1, note: () => {} });
  const board = boardFrom(". . . . .\n. X O . .\n. . . . .\n. . . . .\n. . . . .");
  const said = await policy.probabilities(board, BLACK);
  await policy.close();
  const legal = [...said.keys()].filter((v) => board.isLegal(BLACK, v));
  const best = legal.reduce((a, b) => (said[b]! > said[a]! ? b : a));
  const { code, stdout } = await talk(
    ["--model", "policy.safetensors", "--threads", "1"],
    folder,
    "1 boardsize 19\n2 boardsize 5\nplay b B4\nplay w C4\n3 genmove b\n4 play white Z1\nquit\nname\n",
  );
  expect(code).toBe(0);
  expect(stdout).toBe(`?1 unacceptable size\n\n=2\n\n=\n\n=\n\n=3 ${vertexName(best, 5)}\n\n?4 syntax error\n\n=\n\n`);
});

it("answers to the end of its input, and says what is no policy", async () => {
  const folder = temporaryFolder();
  expect(await talk(["--model", "uniform"], folder, "name\nfrobnicate")).toEqual({
    code: 0,
    stdout: "= fovea\n\n? unknown command\n\n",
  });
  const digits = models.create("mlp");
  const data = { shape: [28, 28, 1] as const, classes: [..."0123456789"], mean: [0], std: [1] };
  await saveModel(join(folder, "digits.safetensors"), untrained(digits, { data }));
  const wrong = await fovea(["go", "gtp", "--model", "digits.safetensors"], folder);
  expect(wrong.code).toBe(1);
  expect(wrong.stderr).toContain("fovea: the network takes 28x28x1 and tells 10 classes apart, so it plays no Go");
});

it("plays by the policy that comes with it", async () => {
  const { stdout } = await talk([], temporaryFolder(), "boardsize 19\ngenmove black\n");
  expect(stdout).toMatch(/^=\n\n= [A-T]\d+\n\n$/);
});

it("takes the mean over the board's symmetries: then a turned board gives the turned answer", async () => {
  const policy = await networkPolicy(smallPolicy(48, 7), { symmetries: true, threads: 1, note: () => {} });
  const plain = await networkPolicy(smallPolicy(48, 7), { threads: 1, note: () => {} });
  const board = boardFrom(`${". . . . . . .\n".repeat(4)}. X . O . . .\n. . O . . X .\n. . . . . . .`);
  const table = symmetriesOf(7)[5]!;
  const turned = boardFrom(`${". . . . . . .\n".repeat(7)}`.trim());
  for (let v = 0; v < 49; v++) if (board.at(v) !== 0) turned.setUp(board.at(v) === BLACK ? BLACK : WHITE, table[v]!);
  const difference = async (by: typeof policy) => {
    const [one, two] = [await by.probabilities(board, WHITE), await by.probabilities(turned, WHITE)];
    expect(one.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 5);
    return one.reduce((most, p, v) => Math.max(most, Math.abs(p - two[table[v]!]!)), 0);
  };
  expect(await difference(policy)).toBeLessThan(1e-6);
  expect(await difference(plain)).toBeGreaterThan(1e-4);
  await policy.close();
  await plain.close();
});

it("judges the moves of a game, and draws the board before one", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "game.sgf"), GAME);
  await saveModel(join(folder, "policy.safetensors"), smallPolicy());
  const run = (...flags: string[]) =>
    fovea(["go", "analyse", "game.sgf", "--model", "policy.safetensors", "--threads", "1", ...flags], folder);
  const { code, stdout } = await run("--json", "--top", "25", "--svg", "board.svg", "--move", "3");
  expect(code).toBe(0);
  const lines = events(stdout);
  expect(lines.map((line) => line["played"])).toEqual(["C3", "B4", "C4", "pass", "B3", undefined]);
  for (const line of lines.slice(0, 5)) {
    const best = line["best"] as { vertex: string; probability: number }[];
    expect(best.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 5);
    if (line["played"] === "pass") {
      expect([line["rank"], line["probability"]]).toEqual([null, null]);
      continue;
    }
    const place = best.findIndex(({ vertex }) => vertex === line["played"]);
    expect([line["rank"], line["probability"]]).toEqual([place + 1, best[place]!.probability]);
  }
  expect(lines[5]).toMatchObject({ moves: 4 });
  const svg = readFileSync(join(folder, "board.svg"), "utf8");
  expect(svg).toContain("move 3: black played C4");
  expect(svg.match(/r="14"/g)).toHaveLength(2);
  expect(svg.match(/fill-opacity/g)!.length).toBeGreaterThan(10);
  const table = await run();
  expect(table.stdout).toMatch(/move +played +probability +rank +liked best/);
  expect(table.stdout).toContain("of 4 moves ");
  const far = await run("--svg", "b.svg", "--move", "9");
  expect([far.code, far.stderr]).toEqual([2, "fovea: --move 9: the game has 5 moves\n"]);
  writeFileSync(join(folder, "game.sgf"), "(;SZ[9];B[aa])");
  const other = await run();
  expect([other.code, other.stderr]).toEqual([2, "fovea: game.sgf: is played on 9x9, but the network plays 5x5\n"]);
});
