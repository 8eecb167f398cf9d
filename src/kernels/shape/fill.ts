/** Kernels that only write memory: a constant everywhere it should be, and a value copied to another place. */
import { defineKernel } from "../../codegen/definition.js";
import type { Reg } from "../../codegen/ir.js";
import type { Signature } from "../../graph/shape.js";
import type { Lanes } from "../../target/target.js";
import type { Buffer } from "../contract/emitter.js";
import { type RowLayout, rowLayout } from "../contract/layout.js";
import type { Lowering } from "../contract/strategy.js";
import { view } from "../language/view.js";

const PER_PIECE = 4096;

/** `value` in every channel of every row, +0 in the pads. Unbatched, or batched for the largest batch. */
export function lowerFill(signature: Signature, value: number, into: Buffer, to: Lowering): void {
  const layout = to.layout(signature);
  const repeats = layout.batched ? to.maxBatch : 1;
  to.step(to.kernel(fillKernel, { value, layout: rowLayout(layout) }), [into], { count: repeats });
}

interface Fill {
  readonly value: number;
  readonly layout: RowLayout;
}

const fillKernel = defineKernel<Fill>("fill", {
  operands: [["value", "write"]],
  write(k, { value, layout }) {
    const filled = k.splat(value, 1);
    const zero = k.splat(0, 1);
    const one = (sample: Reg) => {
      const at = view(k, "value", { sample: layout.sampleStride, element: 1 }).at({ sample }).pointer().keep("at");
      const row = () => {
        k.loop(0, layout.channels, () => {
          at.store(filled);
          at.advance({ element: 1 });
        });
        for (let pad = layout.channels; pad < layout.channelStride; pad++) {
          at.store(zero);
          at.advance({ element: 1 });
        }
      };
      k.loop(0, layout.rows, row, { frame: false, name: "row" });
      const used = layout.rows * layout.channelStride;
      k.loop(used, Math.max(used, layout.sampleStride), () => {
        at.store(zero);
        at.advance({ element: 1 });
      });
    };
    k.loop(k.begin, k.end, one, { frame: false, name: "sample" });
  },
});

/** The bits of one buffer to another of the same layout (f32 or i32). */
export function lowerCopy(signature: Signature, from: Buffer, into: Buffer, to: Lowering): void {
  const layout = to.layout(signature);
  const { lanes } = to.target;
  const unit: Lanes = layout.sampleStride % lanes === 0 ? lanes : 1;
  const perPiece = Math.ceil(Math.min(PER_PIECE, layout.sampleStride) / unit) * unit;
  const pieces = Math.ceil(layout.sampleStride / perPiece);
  const kernel = to.kernel(copyKernel, { sample: layout.sampleStride, unit, perPiece, pieces });
  to.step(kernel, [from, into], layout.batched ? { count: pieces, samples: 1 } : { count: pieces });
}

interface Copy {
  /** Elements of a sample, of a vector and of a piece; pieces of a sample. */
  readonly sample: number;
  readonly unit: Lanes;
  readonly perPiece: number;
  readonly pieces: number;
}

const copyKernel = defineKernel<Copy>("copy", {
  operands: [
    ["from", "read"],
    ["into", "write"],
  ],
  write(k, { sample, unit, perPiece, pieces }) {
    const one = (piece: Reg) => {
      const number = k.div(piece, pieces);
      const first = k.mul(k.mod(piece, pieces), perPiece);
      const last = k.min(k.add(first, perPiece), sample);
      const base = k.mul(number, sample);
      k.loop(
        first,
        last,
        (element) => {
          const at = view(k, "into", { element: 1 })
            .at({ element: k.add(base, element) })
            .here();
          at.pointer().store(at.of("from").load(unit));
        },
        { step: unit },
      );
    };
    k.loop(k.begin, k.end, one, { frame: false, name: "piece" });
  },
});
