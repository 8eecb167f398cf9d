/**
 * What loads and stores of elements of 8 and 16 bits mean. Halves and bfloat16 are those of `base/half.ts`; bytes are
 * integers, which a store saturates.
 */
import { bytesOfElement, type NarrowType } from "../../base/element-type.js";
import { bfloat16OfBits, bitsOfBfloat16, bitsOfHalf, halfOfBits } from "../../base/half.js";
import type { Instr, Reg } from "../ir.js";
import type { Machine, Step } from "./machine.js";

/** From an element's bits to a lane's. */
const WIDEN: Readonly<Record<NarrowType, (bits: number) => number>> = {
  f16: bitsOfHalf,
  bf16: bitsOfBfloat16,
  i8: (byte) => (byte << 24) >> 24,
  u8: (byte) => byte,
};

/** From a lane's bits to an element's. */
const NARROW: Readonly<Record<NarrowType, (lane: number) => number>> = {
  f16: halfOfBits,
  bf16: bfloat16OfBits,
  i8: (n) => Math.min(Math.max(n, -128), 127) & 0xff,
  u8: (n) => Math.min(Math.max(n, 0), 255),
};

export function narrowStep(m: Machine, i: Extract<Instr, { op: "loadas" | "storeas" }>): Step {
  const { ints, owner } = m;
  const size = bytesOfElement(i.type);
  const mask = i.mask === undefined ? undefined : m.slot(i.mask);
  const isOn = (l: number) => mask === undefined || ints[mask + l] !== 0;
  const data = () => m.data[owner[i.at.ptr.id]!]!;
  if (i.op === "loadas") {
    const lanes = lanesOf(i.dst);
    const d = m.slot(i.dst);
    const widen = WIDEN[i.type];
    // Through a copy, since the result may take the mask's place.
    const loaded = new Int32Array(lanes);
    return () => {
      const memory = data();
      for (let l = 0; l < lanes; l++) {
        loaded[l] = 0;
        if (!isOn(l)) continue;
        const at = m.locateBytes(i, i.at, size, "read", size * l);
        loaded[l] = widen(size === 1 ? memory[at]! : memory[at]! | (memory[at + 1]! << 8));
      }
      ints.set(loaded, d);
    };
  }
  const lanes = lanesOf(i.src);
  const s = m.slot(i.src);
  const narrow = NARROW[i.type];
  return () => {
    const memory = data();
    for (let l = 0; l < lanes; l++) {
      if (!isOn(l)) continue;
      const at = m.locateBytes(i, i.at, size, "write", size * l);
      const bits = narrow(ints[s + l]!);
      memory[at] = bits;
      if (size === 2) memory[at + 1] = bits >>> 8;
    }
  };
}

function lanesOf(r: Reg): number {
  return "lanes" in r.type ? r.type.lanes : 0;
}
