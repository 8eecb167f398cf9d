/** Matches under the referee: engines that play, and engines that break every rule. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { CHINESE } from "#fovea/go/board/game.js";
import { BLACK, PASS } from "#fovea/go/board/geometry.js";
import { GtpClient, GtpFailure, GtpRefusal, words } from "#fovea/go/gtp/client-node.js";
import { Match, type MatchOptions, wilson } from "#fovea/go/gtp/match-node.js";
import { readGame } from "#fovea/go/sgf/read-node.js";
import { events, fovea, MAIN } from "../support/cli.js";
import { temporaryFolder } from "../support/temporary.js";
import { GNUGO } from "./support/gnugo.js";

const OPTIONS: MatchOptions = { size: 5, komi: 0.5, rules: CHINESE, scoring: "tromp-taylor", timeoutMs: 20_000 };

/** An engine that answers genmove with these moves, in turn; what else it is asked it accepts, unless `more` says otherwise. */
function scripted(folder: string, moves: readonly string[], more = ""): string {
  const file = join(folder, `engine-${Math.random().toString(36).slice(2)}.mjs`);
  writeFileSync(
    file,
    `import { createInterface } from "node:readline";
const moves = ${JSON.stringify(moves)};
const say = (text) => process.stdout.write(text + "\\n\\n");
for await (const line of createInterface({ input: process.stdin })) {
  ${more}
  if (line === "quit") { say("="); break; }
  if (line === "name") say("= script");
  else if (line.startsWith("genmove")) say("= " + (moves.shift() ?? "pass"));
  else if (line.startsWith("final_status_list")) say("? cannot");
  else say("=");
}`,
  );
  return `"${process.execPath}" "${file}"`;
}

let match: Match | undefined;
afterEach(() => match?.close());

const between = (first: string, second: string, options: Partial<MatchOptions> = {}): Match => {
  match = new Match([first, second], { ...OPTIONS, ...options });
  return match;
};

describe("the referee", () => {
  it("plays to two passes and counts", async () => {
    const folder = temporaryFolder();
    const [a, b] = [scripted(folder, ["C3", "c4"]), scripted(folder, ["D3", "PASS"])];
    const game = await between(a, b).play(0);
    expect([game.winner, game.result, game.game.moves.length]).toEqual([BLACK, "B+0.5", 5]);
    expect([game.black, game.white]).toEqual([0, 1]);
    // Black has two stones, White one and komi; all other points are reached by both.
    expect(game.game.moves.map(({ vertex }) => vertex)).toEqual([12, 13, 7, PASS, PASS]);
  });

  it("gives the game to whom the other resigns to", async () => {
    const folder = temporaryFolder();
    const game = await between(scripted(folder, ["C3"]), scripted(folder, ["resign"])).play(0);
    expect([game.winner, game.result]).toEqual([BLACK, "B+R"]);
  });

  it.each([
    ["plays on a stone", ["C3"], "white played an illegal move at C3: the point is occupied"],
    ["plays off the board", ["Q16"], 'white answered genmove with "Q16"'],
    ["says nonsense", ["I think so"], 'white answered genmove with "I think so"'],
  ])("takes the game from whom %s", async (_, moves, why) => {
    const folder = temporaryFolder();
    const game = await between(scripted(folder, ["C3"]), scripted(folder, moves)).play(0);
    expect([game.winner, game.result]).toEqual([BLACK, "B+F"]);
    expect(game.remark).toContain(why);
  });

  it("takes the game from whom repeats a position, and shows the board", async () => {
    const folder = temporaryFolder();
    // On 2x2: A2 B1 B2 A1 A2 B2, and A2 again would bring the first position back.
    const [a, b] = [scripted(folder, ["A2", "B2", "A2", "A2"]), scripted(folder, ["B1", "A1", "B2"])];
    const game = await between(a, b, { size: 2 }).play(0);
    expect(game.result).toBe("W+F");
    expect(game.remark).toContain("black played an illegal move at A2: it repeats an earlier position (super-ko)");
    expect(game.remark).toContain("white stones captured: 0");
  });

  it("takes the game from whom refuses a legal move, dies, or is silent, and starts it anew", async () => {
    const folder = temporaryFolder();
    const good = scripted(folder, ["C3", "C3", "C3"]);
    const refuses = between(
      good,
      scripted(folder, [], 'if (line.startsWith("play")) { say("? illegal move"); continue; }'),
    );
    const refused = await refuses.play(0);
    expect(refused.result).toBe("B+F");
    expect(refused.remark).toContain('white refused "play black C3"');
    await refuses.close();

    const dies = between(good, scripted(folder, [], 'if (line.startsWith("genmove")) process.exit(3);'));
    expect((await dies.play(0)).remark).toContain("ended (exit code 3)");
    // It is up again for the next game, and loses that too.
    expect((await dies.play(1)).result).toBe("W+F");
    await dies.close();

    const silent = between(good, scripted(folder, [], 'if (line.startsWith("genmove")) continue;'), {
      timeoutMs: 3000,
    });
    const game = await silent.play(1);
    expect(game.result).toBe("W+F");
    expect(game.remark).toContain("did not answer within 3 s (asked: genmove black)");
  });

  it("takes off the dead stones that both engines name", async () => {
    const folder = temporaryFolder();
    const agree = (moves: string[]) =>
      scripted(folder, moves, 'if (line === "final_status_list dead") { say("= A1"); continue; }');
    const moves = [
      ["B2", "A2", "C1"],
      ["A1", "D4", "pass"],
    ] as const;
    const agreed = await between(agree([...moves[0]]), agree([...moves[1]]), { scoring: "agreed" }).play(0);
    expect(agreed.remark).toBe("");
    const counted = await between(scripted(folder, [...moves[0]]), scripted(folder, [...moves[1]])).play(0);
    // Black has B2, A2, C1 and, without the stone at A1, also B1 and A1; White has D4 and A1.
    expect([agreed.result, counted.result]).toEqual(["B+3.5", "B+0.5"]);
  });
});

describe("the client", () => {
  it("tells refusals from failures", async () => {
    const folder = temporaryFolder();
    const client = new GtpClient(scripted(folder, ["D4"], 'if (line === "odd") { say("what?"); continue; }'));
    expect(await client.send("genmove black")).toBe("D4");
    await expect(client.send("final_status_list dead")).rejects.toThrow(GtpRefusal);
    await expect(client.send("odd")).rejects.toThrow("answered what is no GTP: what?");
    await expect(client.send("name")).rejects.toThrow(GtpFailure);
    await client.close();
    const none = new GtpClient("/no/such/engine --mode gtp");
    await expect(none.send("name")).rejects.toThrow("could not be started");
    // What Node refuses at once, as it does where no process may be started.
    expect(() => new GtpClient("engine\0")).toThrow(GtpFailure);
    expect(() => new GtpClient("engine\0")).toThrow("could not be started: ");
    await none.close();
    expect(() => new GtpClient("  ")).toThrow("expected a command such as");
  });

  it("splits commands as people write them", () => {
    expect(words(`gnugo --mode gtp --level 1`)).toEqual(["gnugo", "--mode", "gtp", "--level", "1"]);
    expect(words(`"/a b/go" 'c d' e\\ f --x="g h"`)).toEqual(["/a b/go", "c d", "e f", "--x=g h"]);
  });
});

it("says how sure a rate is", () => {
  const [low, high] = wilson(30, 40);
  expect([low.toFixed(4), high.toFixed(4)]).toEqual(["0.5981", "0.8581"]);
  expect(wilson(0, 0)).toEqual([0, 1]);
  expect(wilson(40, 40)[1]).toBe(1);
});

describe("fovea go match", () => {
  const engine = (flags = "") => `"${process.execPath}" "${MAIN}" go gtp --model uniform --temperature 1 ${flags}`;

  it("plays our engine against itself, and keeps the games", async () => {
    const folder = temporaryFolder();
    const args = ["--games", "2", "--size", "5", "--komi", "0.5", "--sgf", "games", "--json"];
    const { code, stdout, stderr } = await fovea(
      ["go", "match", "--engine", engine("--seed 1"), "--engine", engine("--seed 2"), ...args],
      folder,
    );
    expect([code, stderr]).toEqual([0, ""]);
    const [first, second, one, two] = events(stdout);
    expect([first!["black"], second!["black"]]).toEqual([1, 2]);
    expect((one!["wins"] as number) + (two!["wins"] as number)).toBe(2);
    expect([one!["byForfeit"], two!["byForfeit"]]).toEqual([0, 0]);
    expect(readdirSync(join(folder, "games"))).toEqual(["0001.sgf", "0002.sgf"]);
    const game = await readGame(join(folder, "games", "0001.sgf"));
    expect([game.size, game.komi, game.moves.length]).toEqual([5, 0.5, first!["moves"]]);
    expect(readFileSync(join(folder, "games", "0001.sgf"), "utf8")).toContain(`RE[${first!["result"]}]`);
  });

  it.skipIf(GNUGO === undefined)("plays against GNU Go", async () => {
    const gnugo = `"${GNUGO}" --mode gtp --level 0 --chinese-rules --positional-superko`;
    const { code, stdout } = await fovea(
      ["go", "match", "--engine", gnugo, "--engine", engine(), "--games", "2", "--size", "9"],
      temporaryFolder(),
    );
    expect(code).toBe(0);
    expect(stdout).toContain("GNU Go 3.8 against fovea");
    expect(stdout).toMatch(/GNU Go 3\.8 {3}2 of 2 {2}100\.00%/);
  });

  it("wants two engines that can be started", async () => {
    const folder = temporaryFolder();
    const one = await fovea(["go", "match", "--engine", engine()], folder);
    expect([one.code, one.stderr]).toEqual([
      2,
      "fovea: --engine: expected two engines, found 1; give the flag twice\n",
    ]);
    const none = await fovea(["go", "match", "--engine", "/no/engine", "--engine", engine()], folder);
    expect(none.code).toBe(1);
    expect(none.stderr).toContain("fovea: engine `/no/engine` could not be started");
  });
});
