/**
 * `fovea/go`: a look inside a policy network at a position, for Node and for browsers. What reads and writes files is
 * in `fovea/go/node`.
 */

export type { Move } from "./board/game.js";
export type { Colour } from "./board/geometry.js";
export { type Game, lookAtPosition, type PositionLook, type PositionOptions } from "./inspect/look-position.js";
export type { GameRecord, GameResult, Rank } from "./sgf/record.js";
