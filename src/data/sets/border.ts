/**
 * Pictures smaller than what a network takes, by the same even number of rows and of columns on both sides, are put in
 * its middle on a border of background, as LeNet-5 sees digits of 28x28 in a field of 32x32.
 */
import type { Shape } from "../../graph/shape.js";

/** [rows above and below, columns left and right]; a border wider than a quarter of the field is no border. */
export type Border = readonly [rows: number, columns: number];

/** The border that makes `input` of `shape` (both [height, width, channels]); undefined where there is none. */
export function borderOf(shape: Shape, input: Shape): Border | undefined {
  if (input.length !== 3 || shape[2] !== input[2]) return undefined;
  const [rows, columns] = [0, 1].map((axis) => (input[axis]! - shape[axis]!) / 2) as [number, number];
  const fits = (side: number, extent: number) => Number.isInteger(side) && side >= 0 && 4 * side <= extent;
  return fits(rows, input[0]!) && fits(columns, input[1]!) ? [rows, columns] : undefined;
}

/**
 * The input's own shape and those that are smaller by as many pixels on all four sides, with the border that each gets.
 */
export function evenBorders(input: Shape): readonly { readonly shape: Shape; readonly border: Border }[] {
  const [height, width, channels] = input as readonly [number, number, number];
  const most = Math.floor(Math.min(height, width) / 4);
  return Array.from({ length: most + 1 }, (_, side) => ({
    shape: [height - 2 * side, width - 2 * side, channels],
    border: [side, side],
  }));
}
