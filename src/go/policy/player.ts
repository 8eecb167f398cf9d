/**
 * Picks moves by a policy: the likeliest that is legal, repeats no position and fills no own eye. It passes when there
 * is nothing left to play for, or the opponent has passed and it is ahead, and resigns when it is far behind for some
 * moves on end.
 */
import { OptionError } from "../../base/errors.js";
import { Random } from "../../base/random.js";
import { type Estimate, estimate } from "../board/estimate.js";
import { isEye } from "../board/eye.js";
import type { Game } from "../board/game.js";
import { BLACK, type Colour, PASS } from "../board/geometry.js";
import { areaScore, chineseCompensation } from "../board/score.js";
import type { Policy } from "./policy.js";

export interface PlayerOptions {
  /** 0 takes the likeliest move; above, moves are drawn with probability^(1 / temperature). 0 unless said. */
  readonly temperature?: number;
  /** For drawing moves; 0 unless said. */
  readonly seed?: number;
  /** Points behind, on the mean of random games, from which it resigns; 30 unless said, Infinity never. */
  readonly resignBehind?: number;
}

export const RESIGN = "resign";

export interface Choice {
  readonly move: number | typeof RESIGN;
  /** What the policy gave the move, of all moves that it considered; 0 where it was not the policy's choice. */
  readonly probability: number;
}

/** A point that one side holds in more than this many of the random games is settled. */
const SETTLED = 0.9;
/** Of the board's points, the moves before which nobody passes or resigns on an estimate. */
const LATE = 0.4;
/** Turns on end that are hopeless before it resigns. */
const HOPELESS_TURNS = 3;
const PLAYOUTS = 64;

export class Player {
  readonly policy: Policy;
  readonly #temperature: number;
  readonly #resignBehind: number;
  readonly #random: Random;
  #hopeless = 0;

  constructor(policy: Policy, options: PlayerOptions = {}) {
    const { temperature = 0, seed = 0, resignBehind = 30 } = options;
    if (!(temperature >= 0)) throw new OptionError(`temperature is ${temperature}, expected a number of at least 0`);
    if (!(resignBehind >= 0)) throw new OptionError(`resignBehind is ${resignBehind}, expected a number of at least 0`);
    this.policy = policy;
    this.#temperature = temperature;
    this.#resignBehind = resignBehind;
    this.#random = new Random(seed).fork("moves");
  }

  /** Forgets the game before. */
  newGame(): void {
    this.#hopeless = 0;
  }

  /**
   * A move for `colour`, which is not played.
   * @param cleanup whether dead stones are to be taken off the board first: it passes only when there are none.
   */
  async choose(game: Game, colour: Colour, cleanup = false): Promise<Choice> {
    const candidates = await this.candidates(game, colour);
    const pass: Choice = { move: PASS, probability: 0 };
    if (candidates.length === 0) return pass;
    const { board, moves } = game;
    const last = moves.at(-1);
    const opponentPassed = last?.vertex === PASS && last.colour !== colour;
    if (moves.length < LATE * board.geometry.area) return this.#pick(candidates);

    const guess = estimate(board, colour, { playouts: PLAYOUTS, seed: moves.length });
    const sign = colour === BLACK ? 1 : -1;
    const enemyDead = guess.dead.some((vertex) => board.at(vertex) !== colour);
    if (cleanup && enemyDead) return this.#pick(candidates);
    if (opponentPassed && sign * marginOf(game, guess) > 0) return pass;
    if (!cleanup && this.#resigns(game, sign, guess)) return { move: RESIGN, probability: 0 };
    // What is settled is not worth a move. Before the opponent has passed, the policy's own choice counts when it is sure.
    const open = candidates.filter(({ vertex }) => Math.abs(guess.ownership[vertex]!) < SETTLED);
    if (open.length === 0) return pass;
    const first = candidates[0]!;
    return this.#pick(first.probability > 0.5 && !opponentPassed ? candidates : open);
  }

  /** All moves that it considers, the likeliest first; their probabilities sum to 1. */
  async candidates(game: Game, colour: Colour): Promise<{ vertex: number; probability: number }[]> {
    const { board } = game;
    const said = await this.policy.probabilities(board, colour);
    const { pointOf } = board.geometry;
    const sensible = Array.from(said, (probability, vertex) => ({ vertex, probability })).filter(
      ({ vertex }) =>
        game.isLegal(colour, vertex) && !game.repeats(colour, vertex) && !isEye(board, colour, pointOf[vertex]!),
    );
    const sum = sensible.reduce((total, { probability }) => total + Math.max(0, probability), 0);
    return sensible
      .map(({ vertex, probability }) => ({
        vertex,
        probability: sum > 0 ? Math.max(0, probability) / sum : 1 / sensible.length,
      }))
      .sort((a, b) => b.probability - a.probability || a.vertex - b.vertex);
  }

  #pick(candidates: readonly { vertex: number; probability: number }[]): Choice {
    if (this.#temperature === 0) return { move: candidates[0]!.vertex, probability: candidates[0]!.probability };
    const best = candidates[0]!.probability;
    const weights = candidates.map(({ probability }) => (probability / best) ** (1 / this.#temperature));
    let rest = this.#random.uniform() * weights.reduce((sum, weight) => sum + weight, 0);
    for (const [i, { vertex, probability }] of candidates.entries()) {
      rest -= weights[i]!;
      if (rest < 0) return { move: vertex, probability };
    }
    return { move: candidates[0]!.vertex, probability: best };
  }

  /** Whether nearly all random games are lost, and by much, for some turns on end. */
  #resigns(game: Game, sign: number, { margins }: Estimate): boolean {
    const white = game.komi + chineseCompensation(game.handicap.length);
    const mine = Array.from(margins, (margin) => sign * (margin - white));
    const won = mine.filter((margin) => margin > 0).length / mine.length;
    const mean = mine.reduce((sum, margin) => sum + margin, 0) / mine.length;
    this.#hopeless = won <= 0.02 && mean < -this.#resignBehind ? this.#hopeless + 1 : 0;
    return this.#hopeless >= HOPELESS_TURNS;
  }
}

/** Black's points less White's by Chinese rules, with the stones that random games call dead taken off. */
export function marginOf(game: Game, guess: Pick<Estimate, "dead">): number {
  const compensation = chineseCompensation(game.handicap.length);
  return areaScore(game.board, { komi: game.komi, dead: guess.dead, compensation }).margin;
}
