/** Repeats a value along axes and the batch: the reverse of a sum (and of a mean, divided by the number of terms). */

import { defineKernel } from "../../codegen/definition.js";
import type { Reg } from "../../codegen/ir.js";
import type { ExpandAttributes } from "../../graph/attributes.js";
import { elementsNanoseconds } from "../contract/cost.js";
import { isScalar, type RowLayout, rowLayout } from "../contract/layout.js";
import type { Strategy } from "../contract/strategy.js";
import { channelVectors, eachGroup, loadChannels, storeChannels, storeTail } from "../language/channels.js";
import { axisStrides, type Dimension, merged, nest, partsOf, sampleAndPart } from "../language/nest.js";
import { eachPiece } from "../language/pieces.js";
import { type Mean, scaleMean } from "../language/sum-rows.js";
import { F32, view } from "../language/view.js";

/** One piece is a part of one sample (or of an unbatched result). */
export const expandStrategy: Strategy = {
  name: "expand",
  ops: ["expand"],
  fuses: false,
  accepts: () => true,
  cost: elementsNanoseconds,
  lower({ root }, to) {
    const { shape, axes, batch, mean, keepsAxes } = root.attributes as ExpandAttributes;
    const small = root.inputs[0]!;
    const input = to.layout(small);
    const output = to.layout(root);
    const terms = axes.reduce((n, a) => n * shape[a]!, 1);
    const divide: Mean = mean ? { terms, batch } : "sum";
    const rank = shape.length;
    const lastRepeated = rank > 0 && axes.includes(rank - 1);
    const inStrides = axisStrides(input);
    const outStrides = axisStrides(output);
    const missing = rank - small.shape.length;
    let kept = 0;
    const leading: Dimension[] = [];
    for (let axis = 0; axis < rank - 1; axis++) {
      // Where the input keeps its axes of one element, an axis that it has is where the result has it.
      const inStride = axes.includes(axis) ? 0 : inStrides[keepsAxes ? axis - missing : kept++]!;
      leading.push({ extent: shape[axis]!, strides: [inStride, outStrides[axis]!] });
    }
    const rows = merged(leading);
    const parts = partsOf(F32 * output.sampleStride, rows[0]?.extent ?? 1);
    const kernel = to.kernel(expandKernel, {
      // Where it has no batch every sample reads the same.
      sample: small.batched ? F32 * input.sampleStride : 0,
      output: rowLayout(output),
      rows,
      parts,
      lastRepeated,
      divide,
    });
    to.step(
      kernel,
      [to.buffer(small), to.buffer(root)],
      root.batched ? { count: parts, samples: 1, isLocal: true } : { count: parts },
    );
  },
};

interface Expansion {
  /** Bytes from one sample of the input to the next. */
  readonly sample: number;
  readonly output: RowLayout;
  /** The axes but the last: byte distances in the input and in the result. */
  readonly rows: readonly Dimension[];
  readonly parts: number;
  readonly lastRepeated: boolean;
  readonly divide: Mean;
}

const expandKernel = defineKernel<Expansion>("expand", {
  operands: [
    ["x", "read"],
    ["y", "write"],
  ],
  write(k, { sample, output, rows, parts, lastRepeated, divide }) {
    const vectors = channelVectors(output, k.target);
    const { lanes } = vectors;
    const row = ([source, target]: readonly Reg[]) => {
      if (lastRepeated) {
        const one = scaleMean(k, k.load(k.ptrAdd(k.operand("x"), source!), 0, 1), divide, 1);
        const value = k.splatLane0(one, lanes);
        eachGroup(k, vectors, 8, (channel, indices) => {
          const bytes = channel === undefined ? target! : k.add(target!, channel);
          const pointer = k.ptrAdd(k.operand("y"), bytes);
          for (const index of indices) storeChannels(k, vectors, pointer, 0, index, value, false);
        });
      } else {
        eachGroup(k, vectors, 8, (channel, indices) => {
          const pointer = (operand: string, bytes: Reg) =>
            k.ptrAdd(k.operand(operand), channel === undefined ? bytes : k.add(bytes, channel));
          const x = pointer("x", source!);
          const y = pointer("y", target!);
          for (const index of indices) {
            const value = scaleMean(k, loadChannels(k, vectors, x, 0, index), divide, lanes);
            storeChannels(k, vectors, y, 0, index, value, true);
          }
        });
      }
    };
    const body = (piece: Reg) => {
      const { sample: n, part } = sampleAndPart(k, piece, parts);
      const into = view(k, "y", { sample: output.sampleStride }).at({ sample: n }).here();
      if (!isScalar(output)) storeTail(k, output, into.address());
      nest(k, rows, [k.mul(n, sample), into.offset()], row, true, part);
    };
    eachPiece(k, body);
  },
});
