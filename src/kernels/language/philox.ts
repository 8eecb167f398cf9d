/**
 * Philox4x32-10 as vector code: random words as a function of a counter and a key, so that threads, recomputation and
 * resuming change nothing. `random.ts` has the same in plain TypeScript, its source and its constants.
 */

import { PHILOX_KEY_STEPS, PHILOX_MULTIPLIERS, PHILOX_ROUNDS } from "../../base/random.js";
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import type { Reg } from "../../codegen/ir.js";
import type { Lanes } from "../../target/target.js";

export { philoxReference } from "../../base/random.js";

export type Registers4 = readonly [Reg, Reg, Reg, Reg];
export type Registers2 = readonly [Reg, Reg];

/** Four vectors of random bits from i32 vectors: a counter (every lane its own) and a key. */
export function philox4x32(k: KernelBuilder, counter: Registers4, key: Registers2): Registers4 {
  const lanes = lanesOf(counter[0]);
  const [m0, m1] = PHILOX_MULTIPLIERS.map((m) => k.splatI32(m, lanes)) as [Reg, Reg];
  const [step0, step1] = PHILOX_KEY_STEPS.map((s) => k.splatI32(s, lanes)) as [Reg, Reg];
  let [a, b, c, d] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < PHILOX_ROUNDS; round++) {
    if (round > 0) {
      k0 = k.vadd(k0, step0);
      k1 = k.vadd(k1, step1);
    }
    const [high0, low0] = [k.umulhi(a, m0), k.vmul(a, m0)];
    const [high1, low1] = [k.umulhi(c, m1), k.vmul(c, m1)];
    a = k.vxor(k.vxor(high1, b), k0);
    b = low1;
    c = k.vxor(k.vxor(high0, d), k1);
    d = low0;
  }
  return [a, b, c, d];
}

/** Random bits as floats in [0, 1): the upper 24 bits, so that every value is exact and 1 is never reached. */
export function uniformFromBits(k: KernelBuilder, bits: Reg): Reg {
  return k.fmul(k.toFloat(k.vshr(bits, 8)), k.splat(2 ** -24, lanesOf(bits)));
}

function lanesOf(r: Reg): Lanes {
  if (!("lanes" in r.type)) throw new TypeError(`a vector is needed, not "${r.name}"`);
  return r.type.lanes;
}
