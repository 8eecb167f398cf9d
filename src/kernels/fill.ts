/** Kernels that only write memory: a constant everywhere it should be, and a value copied to another place. */
import { buildKernel } from "../codegen/builder.js";
import type { Lanes } from "../codegen/ir.js";
import type { Signature } from "../graph/value.js";
import { elementsOf } from "./layout.js";
import type { Buffer, Lowering } from "./strategy.js";

const PER_PIECE = 4096;

/** `value` in every channel of every row, +0 in the pads. Unbatched, or batched for the largest batch. */
export function lowerFill(signature: Signature, value: number, into: Buffer, to: Lowering): void {
  const layout = to.layout(signature);
  const repeats = layout.batched ? to.maxBatch : 1;
  const key = `fill ${value} ${JSON.stringify(layout)} ${repeats}`;
  const kernel = to.kernel(key, (full) =>
    buildKernel({ key: full, name: "fill", target: to.target, operands: [["value", "write"]] }, (k) => {
      const filled = k.splat(value, 1);
      const zero = k.splat(0, 1);
      k.loop(k.begin, k.end, (sample) => {
        const at = k.var(k.ptrAdd(k.operand("value"), k.mul(sample, layout.sampleStride * 4)), "at");
        k.loop(0, layout.rows, () => {
          k.loop(0, layout.channels, () => {
            k.store(at, 0, filled);
            k.advance(at, 4);
          });
          for (let pad = layout.channels; pad < layout.channelStride; pad++) {
            k.store(at, 0, zero);
            k.advance(at, 4);
          }
        });
        const used = layout.rows * layout.channelStride;
        k.loop(used, Math.max(used, layout.sampleStride), () => {
          k.store(at, 0, zero);
          k.advance(at, 4);
        });
      });
    }),
  );
  to.step(kernel, [into], { count: repeats });
}

/** The bits of one buffer to another of the same layout (f32 or i32). */
export function lowerCopy(signature: Signature, from: Buffer, into: Buffer, to: Lowering): void {
  const layout = to.layout(signature);
  const { lanes } = to.target;
  const unit: Lanes = layout.sampleStride % lanes === 0 ? lanes : 1;
  const perPiece = Math.ceil(Math.min(PER_PIECE, layout.sampleStride) / unit) * unit;
  const pieces = Math.ceil(layout.sampleStride / perPiece);
  const key = `copy ${layout.batched ? "samples" : "once"} ${layout.sampleStride}`;
  const kernel = to.kernel(key, (full) =>
    buildKernel(
      {
        key: full,
        name: "copy",
        target: to.target,
        operands: [
          ["from", "read"],
          ["into", "write"],
        ],
      },
      (k) => {
        k.loop(k.begin, k.end, (piece) => {
          const sample = k.div(piece, pieces);
          const first = k.mul(k.mod(piece, pieces), perPiece);
          const last = k.min(k.add(first, perPiece), layout.sampleStride);
          const base = k.mul(sample, layout.sampleStride);
          k.loop(
            first,
            last,
            (element) => {
              const at = k.mul(k.add(base, element), 4);
              k.store(k.ptrAdd(k.operand("into"), at), 0, k.load(k.ptrAdd(k.operand("from"), at), 0, unit));
            },
            { step: unit },
          );
        });
      },
    ),
  );
  to.step(kernel, [from, into], layout.batched ? { count: pieces, samples: 1 } : { count: pieces });
}

/** Bytes of a value: fixed, and for each sample. */
export function bytesOf(
  signature: Signature,
  to: Pick<Lowering, "layout">,
): { fixedBytes: number; sampleBytes: number } {
  const layout = to.layout(signature);
  if (!layout.batched) return { fixedBytes: elementsOf(layout, 1) * 4, sampleBytes: 0 };
  return { fixedBytes: 60, sampleBytes: layout.sampleStride * 4 };
}
