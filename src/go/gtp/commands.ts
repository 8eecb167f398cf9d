/**
 * What the engine does for each GTP command: all of the protocol's own, and those that KGS (time, clean-up) and GoGui
 * (pictures of what the network thinks) add. Scores are Chinese: dead stones by random games, then area.
 */

import { boardText } from "../board/diagram.js";
import { estimate } from "../board/estimate.js";
import { CHINESE, Game, type Rules, SIMPLE_KO, TROMP_TAYLOR } from "../board/game.js";
import { BLACK, EMPTY, LARGEST_BOARD, PASS, vertexName } from "../board/geometry.js";
import { fixedHandicap, mostFixedHandicap } from "../board/handicap.js";
import { scoreText } from "../board/score.js";
import { marginOf, RESIGN } from "../policy/player.js";
import { allowsSuicide, type GameRecord } from "../sgf/record.js";
import { colourOf, numberOf, Refusal, syntaxError, vertexOf, wholeOf } from "./arguments.js";
import type { Command, GtpState } from "./command.js";
import { analyzeCommands } from "./pictures.js";

const PLAYOUTS = 200;

/** KGS's names of rules; scores are area scores by all of them. */
const RULES: ReadonlyMap<string, Rules> = new Map([
  ["chinese", CHINESE],
  ["aga", CHINESE],
  ["new_zealand", TROMP_TAYLOR],
  ["japanese", SIMPLE_KO],
]);

export function commandsOf(state: GtpState): ReadonlyMap<string, Command> {
  const { player, options } = state;
  const guess = () => {
    const { board, toPlay } = state.game;
    return estimate(board, toPlay, { playouts: PLAYOUTS });
  };
  const genmove = async (args: readonly string[], how: { play: boolean; cleanup?: boolean }) => {
    const colour = colourOf(args[0]);
    const { move } = await player.choose(state.game, colour, how.cleanup);
    if (move === RESIGN) return RESIGN;
    if (how.play) state.game.play(colour, move);
    return vertexName(move, state.game.size);
  };
  const place = (vertices: readonly number[]) => {
    if (state.game.board.key !== 0 || state.game.moves.length > 0) throw new Refusal("board not empty");
    state.game.placeHandicap(vertices);
    return vertices.map((vertex) => vertexName(vertex, state.game.size)).join(" ");
  };
  const fixed = (count: number): number[] => {
    const vertices = fixedHandicap(state.game.size, count);
    if (vertices === undefined) throw new Refusal("invalid number of stones");
    return vertices;
  };
  const accept = (check: (args: readonly string[]) => void): Command => {
    return (args) => {
      check(args);
      return "";
    };
  };

  const commands: Record<string, Command> = {
    // Administrative
    protocol_version: () => "2",
    name: () => options.name,
    version: () => options.version,
    known_command: ([name]) => String(name !== undefined && Object.hasOwn(commands, name)),
    list_commands: () => Object.keys(commands).join("\n"),
    quit: () => {
      state.ended = true;
      return "";
    },

    // Setup
    boardsize: ([text, height = text]) => {
      const size = wholeOf(text);
      const only = player.policy.size;
      if (height !== text || size < 1 || size > LARGEST_BOARD || (only !== undefined && size !== only)) {
        throw new Refusal("unacceptable size");
      }
      state.newGame(size);
      return "";
    },
    clear_board: () => {
      state.newGame(state.game.size);
      return "";
    },
    komi: ([text]) => {
      state.komi = numberOf(text);
      state.game.komi = state.komi;
      return "";
    },
    fixed_handicap: ([text]) => place(fixed(wholeOf(text))),
    place_free_handicap: ([text]) => {
      // The engine may place fewer: as many as have fixed places.
      const count = wholeOf(text);
      if (count < 2 || count >= state.game.board.geometry.area) throw new Refusal("invalid number of stones");
      const most = mostFixedHandicap(state.game.size);
      if (most === 0) throw new Refusal("invalid number of stones");
      return place(fixed(Math.min(count, most)));
    },
    set_free_handicap: (args) => {
      const { size } = state.game;
      const bad = () => new Refusal("bad vertex list");
      let vertices: number[];
      try {
        vertices = args.map((text) => vertexOf(text, size));
      } catch {
        throw bad();
      }
      if (vertices.length < 2 || vertices.length >= size * size || vertices.includes(PASS)) throw bad();
      if (new Set(vertices).size < vertices.length) throw bad();
      place(vertices);
      return "";
    },

    // Play
    play: ([side, text]) => {
      const [colour, vertex] = [colourOf(side), vertexOf(text, state.game.size)];
      if (!state.game.isLegal(colour, vertex)) throw new Refusal("illegal move");
      state.game.play(colour, vertex);
      return "";
    },
    genmove: (args) => genmove(args, { play: true }),
    reg_genmove: (args) => genmove(args, { play: false }),
    undo: () => {
      if (!state.game.undo()) throw new Refusal("cannot undo");
      return "";
    },

    // Time: a move takes as long as one pass through the network, whatever the clock says.
    time_settings: accept(([main, byo, stones]) => {
      for (const text of [main, byo, stones]) numberOf(text);
    }),
    time_left: accept(([side, time, stones]) => {
      colourOf(side);
      for (const text of [time, stones]) numberOf(text);
    }),
    "kgs-time_settings": accept(([system, ...numbers]) => {
      const expected: Readonly<Record<string, number>> = { none: 0, absolute: 1, byoyomi: 3, canadian: 3 };
      if (expected[system ?? ""] !== numbers.length) throw syntaxError();
      numbers.forEach(numberOf);
    }),

    // The end
    final_score: () => scoreText(marginOf(state.game, guess())),
    final_status_list: ([status]) => statusList(state.game, status, guess().dead),
    "kgs-genmove_cleanup": (args) => genmove(args, { play: true, cleanup: true }),
    "kgs-game_over": () => "",
    "kgs-rules": ([name]) => {
      const rules = RULES.get(name ?? "");
      if (rules === undefined) throw syntaxError();
      state.rules = rules;
      if (state.game.moves.length === 0 && state.game.board.key === 0) state.newGame(state.game.size);
      return "";
    },

    showboard: () => `\n${boardText(state.game.board, state.game.moves.at(-1)?.vertex)}`,
    ...analyzeCommands(state),
  };
  const { readGame } = options;
  if (readGame !== undefined) commands["loadsgf"] = (args) => loadSgf(state, args, readGame);
  return new Map(Object.entries(commands));
}

/** Chains one a line, as the protocol wants them. */
function statusList(game: Game, status: string | undefined, dead: readonly number[]): string {
  if (status !== "alive" && status !== "dead" && status !== "seki") throw syntaxError();
  if (status === "seki") return "";
  const { board } = game;
  const { pointOf, vertexOf } = board.geometry;
  const isDead = new Set(dead);
  const chains: string[] = [];
  for (const head of pointOf) {
    if (board.colour[head] === EMPTY || board.head[head] !== head) continue;
    if (isDead.has(vertexOf[head]!) !== (status === "dead")) continue;
    const stones: string[] = [];
    for (let p = head; stones.length === 0 || p !== head; p = board.next[p]!) {
      stones.push(vertexName(vertexOf[p]!, board.size));
    }
    chains.push(stones.join(" "));
  }
  return chains.join("\n");
}

/** loadsgf FILE [MOVE]: the position before that move, or at the end of the game. A file's name may hold spaces. */
async function loadSgf(
  state: GtpState,
  args: readonly string[],
  readGame: (path: string) => Promise<GameRecord>,
): Promise<string> {
  const last = args.length > 1 && /^\d+$/.test(args.at(-1)!) ? args.at(-1) : undefined;
  const path = (last === undefined ? args : args.slice(0, -1)).join(" ").replace(/^"(.*)"$/, "$1");
  if (path === "") throw syntaxError();
  const count = last === undefined ? Number.POSITIVE_INFINITY : Math.max(0, wholeOf(last) - 1);
  let record: GameRecord;
  try {
    record = await readGame(path);
  } catch {
    throw new Refusal("cannot load file");
  }
  const only = state.player.policy.size;
  if (only !== undefined && record.size !== only) throw new Refusal("unacceptable size");
  const game = gameOf(record, state.rules, count);
  state.komi = record.komi;
  game.komi = record.komi;
  state.game = game;
  state.player.newGame();
  return "";
}

/**
 * A game of a file up to a move. Its moves are let through as they were played; from there on the session's rules hold,
 * to which all of its positions count.
 */
function gameOf(record: GameRecord, rules: Rules, count: number): Game {
  const game = new Game(record.size, { ko: rules.ko, suicide: rules.suicide || allowsSuicide(record.rules) });
  game.setUp(record.setup);
  if (record.handicap >= 2) {
    game.callHandicap(record.setup.filter(({ colour }) => colour === BLACK).map(({ vertex }) => vertex));
  }
  if (record.toPlay !== undefined) game.toPlay = record.toPlay;
  for (const { colour, vertex } of record.moves.slice(0, count)) game.replay(colour, vertex);
  const next = record.moves[game.moves.length];
  if (next !== undefined) game.toPlay = next.colour;
  return game;
}
