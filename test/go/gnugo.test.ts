/** The rules against GNU Go: legal moves, captures, liberties, handicap stones and final scores of random positions. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Board } from "#fovea/go/board.js";
import { isEye } from "#fovea/go/eye.js";
import { BLACK, type Colour, colourName, vertexName, vertexNamed, WHITE } from "#fovea/go/geometry.js";
import type { GtpClient } from "#fovea/go/gtp-client-node.js";
import { fixedHandicap } from "#fovea/go/handicap.js";
import { areaScore, scoreText } from "#fovea/go/score.js";
import { random } from "../support/random.js";
import { GNUGO, startGnuGo } from "./support/gnugo.js";

describe.skipIf(GNUGO === undefined)("beside GNU Go", () => {
  let gnugo: GtpClient;
  beforeAll(() => {
    gnugo = startGnuGo("--chinese-rules");
  });
  afterAll(() => gnugo.close());

  it("agrees on legal moves, captures and liberties", async () => {
    const rng = random(21);
    let positions = 0;
    for (let game = 0; game < 60; game++) {
      const size = rng.pick([5, 7, 9, 13, 19]);
      const board = new Board(size);
      void gnugo.send(`boardsize ${size}`);
      void gnugo.send("clear_board");
      let colour: Colour = BLACK;
      for (let turn = 0; turn < 1.5 * size * size; turn++) {
        // Filling no eyes: otherwise small boards are empty most of the time. Now and then one is filled all the same.
        const legal = [...board.geometry.pointOf.keys()].filter(
          (v) =>
            board.isLegal(colour, v) && (rng.uniform() < 0.02 || !isEye(board, colour, board.geometry.pointOf[v]!)),
        );
        if (legal.length === 0) break;
        const vertex = rng.pick(legal);
        board.play(colour, vertex);
        board.forget();
        void gnugo.send(`play ${colourName(colour)} ${vertexName(vertex, size)}`);
        colour = (3 - colour) as Colour;
        if (turn % 4 !== 0) continue;
        positions++;
        const names = [...board.geometry.pointOf.keys()].filter((v) => board.isLegal(colour, v));
        const heads = [...board.geometry.pointOf.keys()].filter(
          (v) => board.at(v) !== 0 && board.head[board.geometry.pointOf[v]!] === board.geometry.pointOf[v],
        );
        const [theirs, black, white, ...counts] = await Promise.all([
          gnugo.send(`all_legal ${colourName(colour)}`),
          gnugo.send("captures black"),
          gnugo.send("captures white"),
          ...heads.map((v) => gnugo.send(`countlib ${vertexName(v, size)}`)),
        ]);
        const sorted = (text: string[]) => text.sort().join(" ");
        expect(sorted(theirs.split(/\s+/).filter(Boolean))).toBe(sorted(names.map((v) => vertexName(v, size))));
        // "captures black": stones that Black has taken.
        expect([Number(black), Number(white)]).toEqual([board.captured(WHITE), board.captured(BLACK)]);
        expect(counts.map(Number)).toEqual(heads.map((v) => board.liberties[board.geometry.pointOf[v]!]));
      }
    }
    expect(positions).toBeGreaterThan(2000);
  });

  it("agrees on final scores, given the same dead stones", async () => {
    const rng = random(22);
    for (let game = 0; game < 60; game++) {
      const size = rng.pick([5, 7, 9]);
      const komi = rng.pick([0, 0.5, 6.5, 7]);
      const board = new Board(size);
      for (const command of [`boardsize ${size}`, "clear_board", `komi ${komi}`]) void gnugo.send(command);
      let colour: Colour = BLACK;
      for (let passes = 0, turn = 0; passes < 2 && turn < 300; turn++) {
        const legal = [...board.geometry.pointOf.keys()].filter(
          (v) => board.isLegal(colour, v) && !isEye(board, colour, board.geometry.pointOf[v]!),
        );
        const vertex = legal.length === 0 ? -1 : rng.pick(legal);
        passes = vertex < 0 ? passes + 1 : 0;
        board.play(colour, vertex);
        void gnugo.send(`play ${colourName(colour)} ${vertexName(vertex, size)}`);
        colour = (3 - colour) as Colour;
      }
      const [dead, seki, score] = await Promise.all([
        gnugo.send("final_status_list dead"),
        gnugo.send("final_status_list seki"),
        gnugo.send("final_score"),
      ]);
      const list = dead.split(/\s+/).filter(Boolean);
      const taken = list.map((name) => vertexNamed(name, size)!);
      // GNU Go counts the eyes of stones in seki as it sees fit.
      if (seki.trim() !== "") continue;
      expect(`${scoreText(areaScore(board, { komi, dead: taken }).margin)} without ${list.join(" ")}`).toBe(
        `${score.replace(/\.0$/, "").replace(/^0$/, "0")} without ${list.join(" ")}`,
      );
    }
  });

  it("agrees on the places of handicap stones", async () => {
    for (const size of [7, 8, 9, 11, 12, 13, 14, 17, 19]) {
      for (let stones = 2; stones <= 9; stones++) {
        void gnugo.send(`boardsize ${size}`);
        void gnugo.send("clear_board");
        const theirs = await gnugo.send(`fixed_handicap ${stones}`).catch(() => undefined);
        const ours = fixedHandicap(size, stones)?.map((v) => vertexName(v, size));
        expect(ours?.sort(), `${stones} on ${size}x${size}`).toEqual(theirs?.split(" ").sort());
      }
    }
  });
});
