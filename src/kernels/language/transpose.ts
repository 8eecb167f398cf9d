/**
 * Square transposes in registers: as many vectors as a vector has lanes. Stage d = 1, 2, 4, ... exchanges the
 * off-diagonal blocks of d x d elements, each pair of vectors by two shuffles (Eklundh 1972).
 */
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import type { Reg } from "../../codegen/ir.js";

/** Vector i of the result holds lane i of every vector of `rows`. */
export function transposed(k: KernelBuilder, rows: readonly Reg[]): Reg[] {
  const lanes = rows.length;
  const current = [...rows];
  for (let d = 1; d < lanes; d *= 2) {
    for (let i = 0; i < lanes; i++) {
      if ((i & d) !== 0) continue;
      const [a, b] = [current[i]!, current[i + d]!];
      const places = (low: (l: number) => number, high: (l: number) => number) =>
        Array.from({ length: lanes }, (_, l) => ((l & d) === 0 ? low(l) : high(l)));
      const [first, second] = [
        k.shuffle(
          a,
          b,
          places(
            (l) => l,
            (l) => lanes + l - d,
          ),
        ),
        k.shuffle(
          a,
          b,
          places(
            (l) => l + d,
            (l) => lanes + l,
          ),
        ),
      ];
      current[i] = first;
      current[i + d] = second;
    }
  }
  return current;
}
