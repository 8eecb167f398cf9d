/**
 * Dropout (Srivastava et al. 2014), inverted: in training each element is kept with probability 1 - p and then divided
 * by 1 - p, so that nothing changes at test time.
 *
 * Element e (row-major in the sample) of sample n is kept where u >= p, u being the upper 24 bits of the first Philox
 * word for counter [e, n, step, 0] and key [seed low ^ salt, seed high], over 2^24. The mask is never stored: the
 * backward pass makes the same one again from the same numbers.
 */

import { philoxReference } from "../base/random.js";
import type { DropoutAttributes } from "../graph/attributes.js";
import { OWN_PLACE } from "../graph/axis-reads.js";
import type { Op, Value } from "../graph/graph.js";
import { sizeOf } from "../graph/shape.js";
import { makes } from "./makes.js";
import { costPerElement, emptyTensor, expectInputs, refuse } from "./support.js";

export type { DropoutAttributes } from "../graph/attributes.js";

/** What a kept element is multiplied by, in float32. */
export function keepScale(p: number): number {
  return Math.fround(1 / (1 - p));
}

export const dropoutOp: Op<DropoutAttributes> = {
  name: "dropout",
  infer(inputs, { p }, path) {
    expectInputs("dropout", path, inputs, [
      { name: "input" },
      { name: "random key (seed low, seed high, step)", rank: 1, batched: false, dtype: "i32" },
    ]);
    if (!(p >= 0 && p < 1)) refuse("dropout", path, `p is ${p}, expected a probability from 0 to less than 1`);
    if (inputs[1]!.shape[0] !== 3) {
      refuse("dropout", path, `the random key has ${inputs[1]!.shape[0]} words, expected 3: seed low, seed high, step`);
    }
    const { shape, batched } = inputs[0]!;
    return { shape, batched, dtype: "f32" };
  },
  // y = m x with a mask m that does not depend on x, so dx = m dy.
  gradient: ({ graph, inputs, attributes, upstream }) => [
    graph.add(dropoutOp, attributes, [upstream, inputs[1]!]),
    undefined,
  ],
  reference([x, key], { p, salt }, output, batch) {
    const y = emptyTensor(output, batch);
    const [low, high, step] = key!.data as unknown as readonly [number, number, number];
    const size = sizeOf(output.shape);
    const factor = keepScale(p);
    x!.data.forEach((value, i) => {
      const [word] = philoxReference([i % size, Math.floor(i / size), step, 0], [low ^ salt, high]);
      y.data[i] = (word >>> 8) * 2 ** -24 >= p ? value * factor : 0;
    });
    return y;
  },
  cost: costPerElement(20),
  traits: { reads: () => OWN_PLACE },
};

/**
 * Sets numbers of x to 0 with probability p, and divides the others by 1 - p (Srivastava et al. 2014). PyTorch:
 * `F.dropout`.
 * @param key i32 [3] without a batch: the seed's low and high half, and the step; `nn.RANDOM_INPUT` names it in
 * networks
 * @throws ShapeError if the key is none
 */
export const dropout = makes("dropout", ["x", "key"], (x: Value, key: Value, attributes: DropoutAttributes): Value => {
  return x.graph.add(dropoutOp, { p: attributes.p, salt: attributes.salt }, [x, key]);
});

/** FNV-1a of a layer path, unsigned 32 bits. */
export function saltOf(path: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(path)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
