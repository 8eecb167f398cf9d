/**
 * Loads and stores of elements of 8 and 16 bits. AVX-512 masks them itself. AVX2 cannot: unless all lanes are on,
 * elements are inserted and extracted one by one, so that memory under lanes that are off is never touched. Halves are
 * converted by F16C, bfloat16 by adding to the bits what rounds to the nearest, ties to even.
 */
import { bytesOfElement, type NarrowType } from "../../base/element-type.js";
import { KernelError } from "../../base/errors.js";
import type { Instr } from "../ir.js";
import type { VectorOptions } from "./assembler.js";
import type { Emitter } from "./emitter.js";
import * as I from "./instructions.js";
import { lanesOf } from "./model.js";
import type { Label, Memory, RegisterOrMemory } from "./registers.js";
import { bitsFor } from "./vectors.js";

type Load = Extract<Instr, { op: "loadas" }>;
type Store = Extract<Instr, { op: "storeas" }>;

const WIDEN = { f16: I.VCVTPH2PS, bf16: I.VPMOVZXWD, i8: I.VPMOVSXBD, u8: I.VPMOVZXBD } as const;
const NEAREST_EVEN = 0; // vcvtps2ph's rounding
/** No kernel keeps a mask there, since no instruction can be masked by it. */
const K0 = 0;

export function loadNarrow(e: Emitter, i: Load): void {
  const lanes = lanesOf(i.dst);
  const dst = e.vector(i.dst);
  const from = e.memory(i.at);
  const { mask } = i;
  if (lanes > 1 && (mask === undefined || e.wide)) {
    widen(e, i.type, lanes, dst, from, mask === undefined ? {} : { mask: e.vector(mask), zero: true });
    return;
  }
  const { asm } = e;
  const into = mask === undefined || e.wide ? dst : e.temporary(i, 0);
  const end = asm.label();
  if (lanes > 1) {
    const some = asm.label();
    skipUnlessAll(e, i, lanes, some);
    widen(e, i.type, lanes, dst, from);
    asm.jmp(end);
    e.bind(some);
  }
  asm.vector(I.VXORPS, 128, into, into, into);
  eachLane(e, i, lanes, (lane) => {
    const row = bytesOfElement(i.type) === 2 ? I.VPINSRW : I.VPINSRB;
    asm.vector(row, 128, into, into, element(from, i.type, lane), { immediate: lane });
  });
  widen(e, i.type, lanes, dst, into);
  e.bind(end);
}

export function storeNarrow(e: Emitter, i: Store): void {
  const lanes = lanesOf(i.src);
  if (e.wide) storeWide(e, i, lanes);
  else storeAvx2(e, i, lanes);
}

function widen(
  e: Emitter,
  type: NarrowType,
  lanes: number,
  dst: number,
  from: RegisterOrMemory,
  options?: VectorOptions,
) {
  const bits = bitsFor(lanes);
  e.asm.vector(WIDEN[type], bits, dst, 0, from, options);
  if (type === "bf16") e.asm.vector(I.VPSLLD, bits, 0, dst, dst, { immediate: 16 });
}

/** The instruction that narrows writes to memory, under its mask; one lane goes through a register. */
function storeWide(e: Emitter, i: Store, lanes: number): void {
  const { asm } = e;
  const bits = bitsFor(lanes);
  const temporary = e.temporary(i, 0);
  let from = e.vector(i.src);
  if (i.type === "bf16") {
    roundBfloat16(e, lanes, from, temporary);
    // A NaN, quiet or signalling, in place of what became of it.
    const table = e.words(0x22, 1);
    asm.vector(I.VFIXUPIMMPS, bits, temporary, from, table, { immediate: 0, broadcast: true });
    asm.vector(I.VPSRLD, bits, 0, temporary, temporary, { immediate: 16 });
    from = temporary;
  } else if (i.type === "u8") {
    asm.vector(I.VXORPS, bits, temporary, temporary, temporary);
    asm.vector(I.VPMAXSD, bits, temporary, temporary, from);
    from = temporary;
  }
  const row = { f16: I.VCVTPS2PH, bf16: I.VPMOVDW, i8: I.VPMOVSDB, u8: I.VPMOVUSDB }[i.type];
  const rounding = i.type === "f16" ? { immediate: NEAREST_EVEN } : {};
  const to = e.memory(i.at);
  if (lanes > 1) {
    asm.vector(row, bits, from, 0, to, i.mask === undefined ? rounding : { ...rounding, mask: e.vector(i.mask) });
    return;
  }
  asm.vector(row, bits, from, 0, temporary, rounding);
  eachLane(e, i, 1, () => extract(e, i.type, temporary, to, 0));
}

function storeAvx2(e: Emitter, i: Store, lanes: number): void {
  const { asm } = e;
  const bytes = lanes * bytesOfElement(i.type);
  const to = e.memory(i.at);
  const from = e.vector(i.src);
  const packed = e.temporary(i, 0);
  packLanes(e, i, lanes, from, packed);
  const whole = () => {
    if (lanes === 1) extract(e, i.type, packed, to, 0);
    else if (bytes === 16) asm.vector(I.VMOVUPS_STORE, 128, packed, 0, to);
    else if (bytes === 8) asm.vector(I.VMOVLPS_STORE, 128, packed, 0, to);
    else asm.vector(I.VMOVSS_STORE, 128, packed, 0, to);
  };
  if (i.mask === undefined) {
    whole();
    return;
  }
  const end = asm.label();
  if (lanes > 1) {
    const some = asm.label();
    skipUnlessAll(e, i, lanes, some);
    whole();
    asm.jmp(end);
    e.bind(some);
  }
  eachLane(e, i, lanes, (lane) => extract(e, i.type, packed, to, lane));
  e.bind(end);
}

/** The elements, one behind the other, in the lower part of `into`. */
function packLanes(e: Emitter, i: Store, lanes: number, from: number, into: number): void {
  const { asm } = e;
  const bits = bitsFor(lanes);
  if (i.type === "f16") {
    asm.vector(I.VCVTPS2PH, bits, from, 0, into, { immediate: NEAREST_EVEN });
    return;
  }
  const other = e.temporary(i, 1);
  let dwords = from;
  if (i.type === "bf16") {
    roundBfloat16(e, lanes, from, into);
    asm.vector(I.VCMP.packed, bits, other, from, from, { immediate: 3 }); // unordered: NaN
    asm.vector(I.VBLENDVPS, bits, into, into, from, { immediate: other << 4 });
    asm.vector(I.VANDPS, bits, other, other, e.words(0x00400000, Math.max(lanes, 4)));
    asm.vector(I.VORPS, bits, into, into, other);
    asm.vector(I.VPSRLD, bits, 0, into, into, { immediate: 16 });
    dwords = into;
  }
  let upper = dwords;
  if (lanes === 8) {
    asm.vector(I.VEXTRACTF128, 256, dwords, 0, other, { immediate: 1 });
    upper = other;
  }
  asm.vector(i.type === "bf16" ? I.VPACKUSDW : I.VPACKSSDW, 128, into, dwords, upper);
  if (i.type !== "bf16") asm.vector(i.type === "i8" ? I.VPACKSSWB : I.VPACKUSWB, 128, into, into, into);
}

/** into = bits + 0x7fff + the lowest bit that is kept: its upper half is the rounded number, but for a NaN. */
function roundBfloat16(e: Emitter, lanes: number, from: number, into: number): void {
  const { asm } = e;
  const bits = bitsFor(lanes);
  const options = { broadcast: e.wide };
  const words = (pattern: number) => e.words(pattern, e.wide ? 1 : Math.max(lanes, 4));
  asm.vector(I.VPSRLD, bits, 0, into, from, { immediate: 16 });
  asm.vector(I.VPAND, bits, into, into, words(1), options);
  asm.vector(I.VPADDD, bits, into, into, from);
  asm.vector(I.VPADDD, bits, into, into, words(0x7fff), options);
}

function extract(e: Emitter, type: NarrowType, from: number, to: Memory, lane: number): void {
  const row = bytesOfElement(type) === 2 ? I.VPEXTRW : I.VPEXTRB;
  e.asm.vector(row, 128, from, 0, element(to, type, lane), { immediate: lane });
}

function element(memory: Memory, type: NarrowType, lane: number): Memory {
  if ("constant" in memory) throw new KernelError("a constant has no elements of 8 or 16 bits");
  return { ...memory, displacement: memory.displacement + lane * bytesOfElement(type) };
}

/** Jumps where a lane of AVX2's mask is off. */
function skipUnlessAll(e: Emitter, i: Load | Store, lanes: number, to: Label): void {
  e.asm.vector(I.VTESTPS, bitsFor(lanes), e.vector(i.mask!), 0, e.words(-1, Math.max(lanes, 4)));
  e.asm.jcc("ae", to);
}

/** What is done for each lane, where it is on. */
function eachLane(e: Emitter, i: Load | Store, lanes: number, emit: (lane: number) => void): void {
  const { asm } = e;
  for (let lane = 0; lane < lanes; lane++) {
    if (i.mask === undefined) {
      emit(lane);
      continue;
    }
    const off = asm.label();
    const mask = e.vector(i.mask);
    if (e.wide) {
      // One lane: those above a mask's own are anything.
      asm.vector(I.KSHIFTLW, 128, K0, 0, mask, { immediate: 15 });
      asm.vector(I.KORTESTW, 128, K0, 0, K0);
    } else {
      const only = Array.from({ length: Math.max(lanes, 4) }, (_, l) => (l === lane ? -1 : 0));
      asm.vector(I.VTESTPS, bitsFor(lanes), mask, 0, e.wordList(only));
    }
    asm.jcc("e", off);
    emit(lane);
    e.bind(off);
  }
}
