/** A store of games of random legal moves: enough that some of them are test games. */
import { BLACK, type Colour, PASS, WHITE } from "#fovea/go/board/geometry.js";
import { GameStore, isTestGame, StoreBuilder } from "#fovea/go/games/store.js";
import { type GameRecord, gameHash, startOf } from "#fovea/go/sgf/record.js";
import { random } from "../../support/random.js";

export interface RandomGames {
  readonly size?: number;
  readonly train?: number;
  readonly test?: number;
  readonly seed?: number;
  /** The fewest and the most moves of a game. */
  readonly moves?: readonly [number, number];
}

export function randomGames({
  size = 7,
  train = 30,
  test = 3,
  seed = 1,
  moves: [fewest, most] = [10, 40],
}: RandomGames = {}): GameRecord[] {
  const rng = random(seed);
  const kept: GameRecord[] = [];
  const left = { train, test };
  while (left.train > 0 || left.test > 0) {
    const board = startOf({ size, setup: [], rules: "" });
    const moves: { colour: Colour; vertex: number }[] = [];
    const length = rng.integer(fewest, most);
    for (let turn = 0; turn < length; turn++) {
      const colour = turn % 2 === 0 ? BLACK : WHITE;
      const legal = [...board.geometry.pointOf.keys()].filter((v) => board.isLegal(colour, v));
      const vertex = legal.length === 0 || rng.uniform() < 0.05 ? PASS : rng.pick(legal);
      board.play(colour, vertex);
      moves.push({ colour, vertex });
    }
    const none = { setup: [], handicap: 0, komi: 7.5, blackRank: 0, whiteRank: 0, rules: "" };
    const game: GameRecord = { ...none, size, moves, result: { winner: undefined, margin: undefined } };
    const half = isTestGame(gameHash(game)) ? "test" : "train";
    if (left[half]-- > 0) kept.push(game);
    else left[half] = 0;
  }
  return kept;
}

export function storeBytes(games: readonly GameRecord[]): Uint8Array {
  const builder = new StoreBuilder(games[0]!.size);
  for (const game of games) builder.add(game, "games.sgf");
  return builder.finish();
}

/** In memory that threads can share, as `openStore` gives it. */
export function randomStore(options: RandomGames = {}): GameStore {
  const bytes = storeBytes(randomGames(options));
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  return new GameStore(shared, "random.store");
}
