/** A sample of real games: every move legal and sensible, and scores as the players counted. test/slow has all games. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { estimate } from "#fovea/go/board/estimate.js";
import { BLACK, PASS } from "#fovea/go/board/geometry.js";
import { areaScore } from "#fovea/go/board/score.js";
import { PLANES, PlaneEncoder } from "#fovea/go/policy/planes.js";
import { parseGameTexts, readGameTexts } from "#fovea/go/sgf/read-node.js";
import { startOf } from "#fovea/go/sgf/record.js";

const data = join(
  process.env["FOVEA_DATA"] ?? fileURLToPath(new URL("../../../shared/data", import.meta.url)),
  "go-kgs",
);

it.skipIf(!existsSync(data))("of 36,233 games from KGS are legal (skipped without FOVEA_DATA)", async () => {
  let [games, moves, sensible, captures, escapes] = [0, 0, 0, 0, 0];
  const scored = { games: 0, right: 0 };
  const encoder = new PlaneEncoder(19);
  const bit = (vertex: number, plane: number) => (encoder.high[vertex]! >> (plane - 32)) & 1;
  for (const file of readdirSync(data).sort()) {
    const { texts, ...rest } = await readGameTexts(join(data, file));
    // Of games by Chinese rules that were counted, the end.
    const counted = texts
      .filter((text) => /RU\[Chinese\].*RE\[[BW]\+\d/.test(text) && text.includes("HA[0]"))
      .slice(0, 6);
    for (const { game } of parseGameTexts({ ...rest, texts: counted })) {
      if (game instanceof Error) expect.fail(game.message);
      const board = startOf(game);
      for (const { colour, vertex } of game.moves) board.play(colour, vertex);
      const { dead } = estimate(board, BLACK, { playouts: 64 });
      const { margin } = areaScore(board, { komi: game.komi, dead });
      const said = (game.result.winner === BLACK ? 1 : -1) * game.result.margin!;
      scored.games++;
      if (Math.abs(margin - said) <= 1) scored.right++;
    }
    const some = texts.filter((text, i) => i % 600 === 0 && text !== "");
    for (const { name, game } of parseGameTexts({ ...rest, texts: some })) {
      if (game instanceof Error) expect.fail(`${name}: ${game.message}`);
      games++;
      const board = startOf(game);
      for (const { colour, vertex } of game.moves) {
        if (vertex !== PASS) {
          encoder.encode(board, colour);
          moves++;
          sensible += bit(vertex, PLANES.sensible);
          captures += bit(vertex, PLANES.ladderCapture);
          escapes += bit(vertex, PLANES.ladderEscape);
        }
        board.play(colour, vertex);
        board.forget();
      }
    }
  }
  // The rest died or lived by moves that random games do not find.
  expect(scored.games).toBeGreaterThan(20);
  expect(scored.right / scored.games).toBeGreaterThan(0.7);
  expect(games).toBe(63);
  expect(moves).toBeGreaterThan(10_000);
  // Good players fill their own eyes only to connect at the very end, and play ladders now and then.
  expect(sensible / moves).toBeGreaterThan(0.998);
  expect(captures / moves).toBeGreaterThan(0.005);
  expect(escapes / moves).toBeGreaterThan(0.005);
});
