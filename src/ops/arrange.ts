/**
 * Puts the channels (the last axis) of a value into another order, leaves some out, repeats some, or puts zeros
 * between: out channel j is in channel table[j], and 0 where table[j] is -1. With it a convolution's partial connection
 * table (LeCun et al. 1998, table I) is stored as the kernels that there are and computed as a whole convolution.
 */
import { needed } from "../base/options.js";
import type { ArrangeAttributes } from "../graph/attributes.js";
import { OWN_PLACE } from "../graph/axis-reads.js";
import type { Op, Value } from "../graph/graph.js";
import { shapeText } from "../graph/shape.js";
import { add } from "./elementwise/arithmetic.js";
import { makes } from "./makes.js";
import { bytesOf, emptyTensor, expectInputs, NUMBERS, refuse } from "./support.js";

export type { ArrangeAttributes } from "../graph/attributes.js";

export const arrangeOp: Op<ArrangeAttributes> = {
  name: "arrange",
  infer(inputs, { table }, path) {
    expectInputs("arrange", path, inputs, [{ name: "input" }]);
    const { shape, batched } = inputs[0]!;
    const channels = shape.at(-1);
    if (channels === undefined) {
      refuse("arrange", path, `input is ${shapeText(inputs[0]!)}, expected channels in the last axis`);
    }
    if (table.length === 0) refuse("arrange", path, "table is empty, expected an entry for each channel of the result");
    const bad = table.findIndex((from) => !Number.isInteger(from) || from < -1 || from >= channels);
    if (bad >= 0) {
      refuse(
        "arrange",
        path,
        `table[${bad}] is ${table[bad]}, expected a channel from 0 to ${channels - 1}, or -1 for 0`,
      );
    }
    return { shape: [...shape.slice(0, -1), table.length], batched, dtype: "f32" };
  },
  // dx[c] = the sum of dy[j] over all j with table[j] = c: as many arrangements of dy as the most used channel has uses.
  gradient({ graph, inputs, attributes: { table }, upstream }) {
    const channels = inputs[0]!.shape.at(-1)!;
    const parts = inverses(table, channels).map((inverse) => arrange(upstream, inverse));
    const shape = inputs[0]!;
    return [parts.length === 0 ? graph.constant(0, { shape: shape.shape, batched: shape.batched }) : parts.reduce(add)];
  },
  reference([x], { table }, output, batch) {
    const y = emptyTensor(output, batch);
    const channels = x!.shape.at(-1)!;
    for (let row = 0; row * table.length < y.data.length; row++) {
      for (const [j, from] of table.entries()) {
        if (from >= 0) y.data[row * table.length + j] = x!.data[row * channels + from]!;
      }
    }
    return y;
  },
  cost: (inputs, _attributes, output) => ({ multiplyAdds: 0, bytes: bytesOf(inputs, output) }),
  traits: { reads: () => OWN_PLACE },
};

/** Tables that bring results back to their channels: the r-th has the r-th place that each channel went to. */
function inverses(table: readonly number[], channels: number): number[][] {
  const uses = Array.from({ length: channels }, (): number[] => []);
  for (const [j, from] of table.entries()) if (from >= 0) uses[from]!.push(j);
  const most = Math.max(...uses.map((places) => places.length));
  return Array.from({ length: most }, (_, r) => uses.map((places) => places[r] ?? -1));
}

/**
 * Picks channels: output channel j is channel `table[j]` of x, or 0 where that is -1. [..., C] becomes [...,
 * table.length].
 * @throws ShapeError if a number is no channel of x
 */
export const arrange = makes(
  "arrange",
  ["x"],
  (x: Value, table: readonly number[]): Value => x.graph.add(arrangeOp, { table }, [x]),
  { table: needed(NUMBERS) },
);
