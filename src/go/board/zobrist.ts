/**
 * Zobrist 1970: a random number for each stone on each point; a position's key is the exclusive or of its stones'. A
 * key is two 32-bit words, of which 53 bits make a whole number that a Set can hold: a collision within a game of a few
 * hundred positions has a chance of about 1e-11.
 */
import { Random } from "../../base/random.js";
import { geometryOf, LARGEST_BOARD } from "./geometry.js";

const words = 2 * geometryOf(LARGEST_BOARD).points;
const random = new Random(1970).fork("zobrist");
const draw = () => Int32Array.from({ length: words }, () => random.bits() | 0);

/** By 2 point + colour - 1. */
export const KEYS_LOW = draw();
export const KEYS_HIGH = draw();

export const joinKey = (low: number, high: number): number => (high & 0x1fffff) * 2 ** 32 + (low >>> 0);
