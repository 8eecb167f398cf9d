/** What the planes that a policy for Go takes are called on a page; their meaning is in go/policy/planes.ts. */
import { PLANES } from "../policy/planes.js";

/** Features of eight planes, a count each. */
const COUNTED: readonly (readonly [first: number, name: (count: string, isOne: boolean) => string])[] = [
  [PLANES.turnsSince, (count, isOne) => (isOne ? "last move" : `${count} moves ago`)],
  [PLANES.liberties, (count, isOne) => `${count} ${isOne ? "liberty" : "liberties"}`],
  [PLANES.captureSize, (count) => `takes ${count}`],
  [PLANES.selfAtariSize, (count) => `self-atari of ${count}`],
  [PLANES.libertiesAfter, (count, isOne) => `${count} ${isOne ? "liberty" : "liberties"} after it`],
];

const SINGLE: ReadonlyMap<number, string> = new Map([
  [PLANES.own, "own stones"],
  [PLANES.opponent, "opponent's stones"],
  [PLANES.empty, "empty"],
  [PLANES.ones, "ones"],
  [PLANES.ladderCapture, "ladder catches"],
  [PLANES.ladderEscape, "ladder escapes"],
  [PLANES.sensible, "sensible"],
  [PLANES.zeros, "zeros"],
]);

/** Of plane `plane` of a network that takes `planes`. */
export function planeName(plane: number, planes: number): string {
  if (planes === 1) return "own 1, opponent's -1";
  const single = SINGLE.get(plane);
  if (single !== undefined) return single;
  const [first, name] = COUNTED.find(([from]) => plane >= from && plane < from + 8) ?? [plane, () => `plane ${plane}`];
  const count = plane - first + 1;
  return name(count === 8 ? "8 or more" : String(count), count === 1);
}
