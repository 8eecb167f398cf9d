/** GoGui's analyze commands: what the network thinks, drawn on GoGui's board (GoGui's GTP extensions, "gfx"). */
import { estimate } from "../board/estimate.js";
import { EMPTY, vertexName } from "../board/geometry.js";
import { colourOf } from "./arguments.js";
import type { Command, GtpState } from "./command.js";

/** Moves that are numbered. */
const SHOWN = 10;

export function analyzeCommands(state: GtpState): Record<string, Command> {
  const toPlay = (text: string | undefined) => (text === undefined ? state.game.toPlay : colourOf(text));
  return {
    "gogui-analyze_commands": () =>
      ["gfx/Policy/fovea-policy", "gfx/Ownership/fovea-ownership", "string/Likely Moves/fovea-likely"].join("\n"),
    /** The likelier a move, the redder its point; the likeliest carry their percentage. */
    "fovea-policy": async ([side]) => {
      const { game, player } = state;
      const candidates = await player.candidates(game, toPlay(side));
      const best = candidates[0]?.probability ?? 1;
      const lines = candidates
        .filter(({ probability }) => probability > 0.001)
        .map(({ vertex, probability }) => `COLOR ${heat(probability / best)} ${vertexName(vertex, game.size)}`);
      const labels = candidates
        .slice(0, SHOWN)
        .filter(({ probability }) => probability >= 0.005)
        .map(({ vertex, probability }) => `LABEL ${vertexName(vertex, game.size)} ${Math.round(100 * probability)}`);
      return [...lines, ...labels].join("\n");
    },
    "fovea-ownership": ([side]) => {
      const { board } = state.game;
      const { ownership } = estimate(board, toPlay(side));
      const pairs = Array.from(ownership, (owner, vertex) => `${vertexName(vertex, board.size)} ${owner.toFixed(2)}`);
      return `INFLUENCE ${pairs.filter((_, vertex) => Math.abs(ownership[vertex]!) > 0.05 || board.at(vertex) !== EMPTY).join(" ")}`;
    },
    "fovea-likely": async ([side]) => {
      const candidates = await state.player.candidates(state.game, toPlay(side));
      return candidates
        .slice(0, SHOWN)
        .map(({ vertex, probability }) => `${vertexName(vertex, state.game.size)} ${(100 * probability).toFixed(1)}%`)
        .join("\n");
    },
  };
}

/** From pale yellow to red. */
function heat(part: number): string {
  const byte = (value: number) => Math.round(value).toString(16).padStart(2, "0");
  const root = Math.sqrt(Math.max(0, Math.min(1, part)));
  return `#ff${byte(235 - 195 * root)}${byte(170 - 150 * root)}`;
}
