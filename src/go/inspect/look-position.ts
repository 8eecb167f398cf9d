/**
 * What a policy for Go does with a position: what lookInside says of its planes, and which stones its move comes from:
 * by how much the move's probability falls when a stone is taken off the board and the planes are made anew.
 */
import type { InputPlane } from "../../analysis/inspect/input-plane.js";

import { type Heat, LOOK_OPTIONS, type Look, type LookOptions, lookInside } from "../../analysis/inspect/look.js";
import { OptionError } from "../../base/errors.js";
import { anything, checkOptions, type Fields } from "../../base/options.js";
import type { TrainedModel } from "../../model/trained-model.js";
import type { Board } from "../board/board.js";
import { BLACK, type Colour, colourName, EMPTY, opponentOf, symmetriesOf, vertexName } from "../board/geometry.js";
import { PLANES, PlaneEncoder } from "../policy/planes.js";
import { boardOf } from "../policy/policy.js";
import { spreadPlanes } from "../policy/spread.js";
import { type GameRecord, startOf } from "../sgf/record.js";
import { planeName } from "./plane-names.js";

/** A game as far as it decides positions. */
export type Game = Pick<GameRecord, "size" | "setup" | "moves" | "rules">;

/** A look inside a policy network at a position of Go. */
export interface PositionLook extends Look {
  /** Points of a side of the board. */
  readonly size: number;
  /** The colour whose turn it is. */
  readonly toMove: Colour;
  /** By vertex: EMPTY, BLACK or WHITE. */
  readonly stones: Uint8Array;
  /** By vertex: 1 where the side to move may play. */
  readonly legal: Uint8Array;
  /** The move before, as a vertex; absent at the beginning. */
  readonly last?: number;
  /** The move that was played, as a vertex; absent at the end. */
  readonly played?: number;
  /** The planes that the network takes. */
  readonly planes: readonly InputPlane[];
  /**
   * By how much the target's probability falls without the stone there; 0 where there is none. Absent where it was not
   * asked for.
   */
  readonly removed?: Heat;
}

/** Options of `lookAtPosition`. All are optional. */
export interface PositionOptions extends Omit<LookOptions, "input" | "at" | "instead" | "target"> {
  /**
   * Looks at the position before this move, from 1.
   * @default the position after the last move
   */
  readonly move?: number | undefined;
  /**
   * The point that is asked about, as a vertex.
   * @default the likeliest legal move
   */
  readonly target?: number | undefined;
}

const { input: _, at: __, instead: ___, ...ofLook } = LOOK_OPTIONS;

/** Moves and vertices are held to the game. */
export const POSITION_OPTIONS: Fields<PositionOptions> = { ...ofLook, move: anything, target: anything };

/**
 * Looks inside a policy network at a position of Go: what `lookInside` tells of its planes, and the stones that its
 * move comes from.
 * @throws DataError if the network plays no Go, or not on a board of this size; OptionError if there is no such move or
 * layer, or the move asked about is not legal
 */
export async function lookAtPosition(
  model: TrainedModel,
  game: Game,
  options: PositionOptions = {},
): Promise<PositionLook> {
  checkOptions("inspect", options, POSITION_OPTIONS, "inspect: ");
  const { move, target, occlusion, ...rest } = options;
  const { size, planes } = boardOf(model);
  if (game.size !== size)
    throw new OptionError(
      `inspect: the game is played on ${game.size}x${game.size}, but the network plays ${size}x${size}`,
    );
  const { board, toMove, last, played } = positionBefore(game, move);
  const vertices = [...board.geometry.pointOf.keys()];
  const legal = Uint8Array.from(vertices, (vertex) => (board.isLegal(toMove, vertex) ? 1 : 0));
  checkMove(board, toMove, target);
  const encoder = new PlaneEncoder(size, planes);
  encoder.encode(board, toMove);
  const numbers = numbersOf(encoder);
  const occupied = occlusion ? vertices.filter((vertex) => board.at(vertex) !== EMPTY) : [];
  const look = await lookInside(model, numbers, {
    ...rest,
    target: target ?? ((said) => likeliest(said, legal, toMove)),
    instead: occupied.map((vertex) => numbersWithout(board, toMove, vertex, encoder)),
  });
  const removed = new Float32Array(size * size);
  for (const [i, vertex] of occupied.entries()) removed[vertex] = look.instead[i]!;
  return {
    ...look,
    size,
    toMove,
    stones: Uint8Array.from(vertices, (vertex) => board.at(vertex)),
    legal,
    ...(last === undefined ? {} : { last }),
    ...(played === undefined ? {} : { played }),
    planes: Array.from({ length: planes }, (_, plane) => ({
      name: planeName(plane, planes),
      data: Float32Array.from(vertices, (vertex) => numbers[vertex * planes + plane]!),
    })),
    ...(occlusion ? { removed: { height: size, width: size, data: removed } } : {}),
  };
}

/** The position, whose turn it is, and what was played before and then. */
export function positionBefore(game: Game, move: number | undefined) {
  const { moves } = game;
  const number = move ?? moves.length + 1;
  if (!Number.isInteger(number) || number < 1 || (move !== undefined && move > moves.length))
    throw new OptionError(
      `--move ${move}: the game has ${moves.length} moves${moves.length === 0 ? "; leave it out" : ", from 1 on"}`,
    );
  const board = startOf(game);
  for (const { colour, vertex } of moves.slice(0, number - 1)) {
    board.play(colour, vertex);
    board.forget();
  }
  const [before, next] = [moves[number - 2], moves[number - 1]];
  // Black begins, but where handicap stones lie.
  const opening = game.setup.some(({ colour }) => colour === BLACK) ? opponentOf(BLACK) : BLACK;
  const toMove: Colour = next?.colour ?? (before === undefined ? opening : opponentOf(before.colour));
  return { board, toMove, last: before?.vertex, played: next?.vertex };
}

function checkMove(board: Board, toMove: Colour, target: number | undefined): void {
  if (target === undefined) return;
  const { size } = board;
  if (!Number.isInteger(target) || target < 0 || target >= size * size)
    throw new OptionError(`inspect: ${target} is no vertex of a ${size}x${size} board`);
  const why = board.whyIllegal(toMove, target);
  if (why !== undefined)
    throw new OptionError(`--class ${vertexName(target, size)}: ${colourName(toMove)} may not play there: ${why}`);
}

function likeliest(said: Float32Array, legal: Uint8Array, toMove: Colour): number {
  const moves = [...legal.keys()].filter((vertex) => legal[vertex] === 1);
  if (moves.length === 0)
    throw new OptionError(`inspect: ${colourName(toMove)} has no legal move in this position; name another by --move`);
  return moves.reduce((best, vertex) => (said[vertex]! > said[best]! ? vertex : best));
}

/** Encoded planes as the network takes them. */
export function numbersOf(encoder: PlaneEncoder): Float32Array {
  const size = Math.sqrt(encoder.low.length);
  const numbers = new Float32Array(size * size * encoder.planes);
  spreadPlanes(encoder, symmetriesOf(size)[0]!, numbers, 0);
  return numbers;
}

const AGES = 0xff << PLANES.turnsSince;
/** Planes 0 to 19 tell what is on a point, the others what a move there would do. */
const STANDING = (1 << PLANES.captureSize) - 1;

/**
 * The planes of the position without a stone: what is left is as old as it was, and a ko stays unless its last stone is
 * taken away.
 */
function numbersWithout(board: Board, toMove: Colour, vertex: number, known: PlaneEncoder): Float32Array {
  const { size, koPoint, geometry } = board;
  const fewer = startOf({ size, setup: stonesBut(board, vertex), rules: board.suicide ? "Tromp-Taylor" : "" });
  const encoder = new PlaneEncoder(size, known.planes);
  encoder.encode(fewer, toMove);
  for (const v of geometry.pointOf.keys())
    if (fewer.at(v) !== EMPTY) encoder.low[v] = (encoder.low[v]! & ~AGES) | (known.low[v]! & AGES);
  const isLast = ((known.low[vertex]! >> PLANES.turnsSince) & 1) === 1;
  const ko = geometry.vertexOf[koPoint]!;
  if (koPoint !== 0 && !isLast && encoder.planes === 48) {
    encoder.low[ko]! &= STANDING;
    encoder.high[ko] = 0;
  }
  return numbersOf(encoder);
}

function stonesBut(board: Board, left: number): { colour: Colour; vertex: number }[] {
  return [...board.geometry.pointOf.keys()].flatMap((vertex) => {
    const stone = board.at(vertex);
    return stone === EMPTY || vertex === left ? [] : [{ colour: stone as Colour, vertex }];
  });
}
