/**
 * A game in a policy's eyes: of each move its probability, its rank among the legal moves, and what was liked better.
 */
import { isEye } from "../board/eye.js";
import { type Colour, PASS } from "../board/geometry.js";
import { type GameRecord, startOf } from "../sgf/record.js";
import type { Policy } from "./policy.js";

export interface JudgedMove {
  /** From 1. */
  readonly number: number;
  readonly colour: Colour;
  readonly vertex: number;
  /** Of the sensible moves, which sum to 1; NaN for a pass. */
  readonly probability: number;
  /** From 1; 0 for a pass and a move into an own eye. */
  readonly rank: number;
  /** The likeliest moves, the best first. */
  readonly best: readonly { readonly vertex: number; readonly probability: number }[];
}

export interface AnalysisOptions {
  /** How many of the likeliest moves are kept; 5 unless said. */
  readonly top?: number;
  progress?(done: number, total: number): void;
}

export async function analyseGame(
  record: GameRecord,
  policy: Policy,
  { top = 5, progress }: AnalysisOptions = {},
): Promise<JudgedMove[]> {
  const board = startOf(record);
  const judged: JudgedMove[] = [];
  for (const [i, { colour, vertex }] of record.moves.entries()) {
    const said = await policy.probabilities(board, colour);
    const { pointOf } = board.geometry;
    const sensible = [...pointOf.keys()].filter((v) => board.isLegal(colour, v) && !isEye(board, colour, pointOf[v]!));
    const sum = sensible.reduce((total, v) => total + said[v]!, 0);
    const sorted = sensible
      .map((v) => ({ vertex: v, probability: sum > 0 ? said[v]! / sum : 1 / sensible.length }))
      .sort((a, b) => b.probability - a.probability || a.vertex - b.vertex);
    const place = sorted.findIndex((move) => move.vertex === vertex);
    judged.push({
      number: i + 1,
      colour,
      vertex,
      probability: vertex === PASS ? Number.NaN : (sorted[place]?.probability ?? 0),
      rank: place + 1,
      best: sorted.slice(0, top),
    });
    board.play(colour, vertex);
    board.forget();
    await progress?.(i + 1, record.moves.length);
  }
  return judged;
}

export interface Agreement {
  /** Moves that are no passes. */
  readonly moves: number;
  /** Parts of them that the policy liked best, and had among its five. */
  readonly top1: number;
  readonly top5: number;
  /** Geometric mean of the moves' probabilities, none below a millionth. */
  readonly probability: number;
}

export function agreement(judged: readonly JudgedMove[]): Agreement {
  const played = judged.filter(({ vertex }) => vertex !== PASS);
  const part = (most: number) => played.filter(({ rank }) => rank >= 1 && rank <= most).length / played.length;
  const logarithms = played.reduce((sum, { probability }) => sum + Math.log(Math.max(1e-6, probability)), 0);
  return { moves: played.length, top1: part(1), top5: part(5), probability: Math.exp(logarithms / played.length) };
}
