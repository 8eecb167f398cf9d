/** What the number of a piece means. */
import { describe, expect, it } from "vitest";
import { buildKernel, type KernelBuilder } from "#fovea/codegen/builder/builder.js";
import type { Reg } from "#fovea/codegen/ir.js";
import { indicesOf, type PieceOptions, pieces } from "#fovea/kernels/language/pieces.js";
import { AVX2 } from "#fovea/target/targets.js";
import { intsOf, runKernel } from "../support/kernels.js";

/** Runs pieces 3 to 22 and returns what `write` stored, four numbers a piece. */
function run(write: (k: KernelBuilder, store: (piece: Reg, numbers: readonly Reg[]) => void) => void): number[][] {
  const kernel = buildKernel({ key: "pieces", name: "pieces", target: AVX2, operands: [["out", "write"]] }, (k) =>
    write(k, (piece, numbers) => {
      const at = k.ptrAdd(k.operand("out"), k.mul(piece, 16));
      for (const [i, number] of numbers.entries()) k.storeInt(at, 4 * i, number);
    }),
  );
  const [out] = runKernel(kernel, "interpreter", [new Int32Array(23 * 4)], { begin: 3, end: 23, batch: 2 });
  const words = intsOf(out!);
  return Array.from({ length: 20 }, (_, i) => [...words.subarray(4 * (i + 3), 4 * (i + 4))]);
}

describe.each<PieceOptions>([{}, { keepsEnd: true }, { keepsEnd: true, copies: true }])("pieces with %j", (options) => {
  it("names a sample, a row and a block", () => {
    const found = run((k, store) =>
      pieces(
        k,
        { sample: k.batch, row: 4, block: 3 },
        (index, piece) => {
          const sample = index.sample();
          const left = k.var(piece.left(), "left");
          store(piece.number, [sample, left, index.row(), index.block()]);
        },
        options,
      ),
    );
    expect(found).toEqual(
      Array.from({ length: 20 }, (_, i) => {
        const piece = i + 3;
        return [Math.floor(piece / 12), piece % 12, Math.floor((piece % 12) / 3), piece % 3];
      }),
    );
  });

  it("leaves a single number as it is", () => {
    const found = run((k, store) =>
      pieces(k, { sample: k.batch }, (index, { number }) => store(number, [index.sample()]), options),
    );
    expect(found.map(([n]) => n)).toEqual(Array.from({ length: 20 }, (_, i) => i + 3));
  });
});

it("divides a number further", () => {
  const found = run((k, store) =>
    pieces(k, { slice: k.batch, chunk: 6 }, (index, { number }) => {
      const slice = index.slice();
      const { column, row } = indicesOf(k, index.chunk(), { column: 3, row: 2 });
      store(number, [slice, column(), row()]);
    }),
  );
  expect(found[7]).toEqual([1, 2, 0, 0]); // piece 10 = 1 * 6 + 2 * 2 + 0
});

it("refuses an index out of turn", () => {
  const write = (k: KernelBuilder) => pieces(k, { sample: k.batch, row: 4 }, (index) => index.row());
  expect(() => run(write)).toThrow('"row" is asked for out of turn');
});
