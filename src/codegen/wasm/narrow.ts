/**
 * Loads and stores of elements of 8 and 16 bits in WebAssembly SIMD: elements lie in the lower bits of 32-bit lanes,
 * and integer arithmetic makes numbers of them. A float multiplication by 2^112 moves a half's exponent to a float32's,
 * which is exact for its denormals too.
 */
import { bytesOfElement, type NarrowType } from "../../base/element-type.js";
import type { Instr, Reg } from "../ir.js";
import { BLOCK_VOID, OP, SIMD } from "./opcodes.js";
import type { FunctionWriter } from "./writer.js";

type Load = Extract<Instr, { op: "loadas" }>;
type Store = Extract<Instr, { op: "storeas" }>;

const INFINITY = 0x7f800000;
/**
 * The bits of 65536, to which a half's infinity is widened by the multiplication, and from which on a float32 has no
 * half.
 */
const ABOVE_HALVES = 0x47800000;
/** The bits of 2^-14: below it lie a half's denormals. */
const LEAST_NORMAL_HALF = 0x38800000;
/** The bits of 2^112: the distance of the exponents. */
const TWO_TO_112 = 0x77800000;
/** The bits of 0.5, beside which a float32 counts in the steps of a half's denormals, 2^-24. */
const HALF = 0x3f000000;

/** Pushes the widened lanes. */
export function loadNarrow(w: FunctionWriter, i: Load, lanes: 1 | 4): void {
  const raw = w.temporary(0);
  const size = bytesOfElement(i.type);
  const whole = () => {
    w.pointer(i.at);
    if (size === 2) w.simd(SIMD.v128_load16x4_u).memoryOf(i.at, size);
    else
      w.simd(SIMD.v128_load32_zero)
        .memoryOf(i.at, size)
        .simd(SIMD.i16x8_extend_low_i8x16_u)
        .simd(SIMD.i32x4_extend_low_i16x8_u);
    raw.set();
  };
  const single = (lane: number) => {
    w.pointer(i.at);
    raw.get().simd(size === 2 ? SIMD.v128_load16_lane : SIMD.v128_load8_lane);
    w.memoryOf(i.at, size, lane).op((4 / size) * lane);
    raw.set();
  };
  const zero = () => {
    constant(w, 0);
    raw.set();
  };
  access(w, i.mask, lanes, { whole, single, before: zero });
  raw.get();
  widen(w, i.type, raw);
}

export function storeNarrow(w: FunctionWriter, i: Store, lanes: 1 | 4): void {
  const raw = w.temporary(0);
  const size = bytesOfElement(i.type);
  narrow(w, i.type, i.src);
  raw.set();
  const whole = () => {
    w.pointer(i.at);
    raw.get();
    raw.get().simd(SIMD.i16x8_narrow_i32x4_u);
    if (size === 2) w.simd(SIMD.v128_store64_lane).memoryOf(i.at, size).op(0);
    else {
      constant(w, 0);
      w.simd(SIMD.i8x16_narrow_i16x8_u).simd(SIMD.v128_store32_lane).memoryOf(i.at, size).op(0);
    }
  };
  const single = (lane: number) => {
    w.pointer(i.at);
    raw.get().simd(size === 2 ? SIMD.v128_store16_lane : SIMD.v128_store8_lane);
    w.memoryOf(i.at, size, lane).op((4 / size) * lane);
  };
  access(w, i.mask, lanes, { whole, single, before: () => {} });
}

interface Accesses {
  readonly whole: () => void;
  readonly single: (lane: number) => void;
  /** In front of single lanes. */
  readonly before: () => void;
}

/** All lanes at once where the mask is full or there is none, else lane by lane. */
function access(w: FunctionWriter, mask: Reg | undefined, lanes: 1 | 4, { whole, single, before }: Accesses): void {
  if (mask === undefined) {
    if (lanes === 4) whole();
    else {
      before();
      single(0);
    }
    return;
  }
  if (lanes === 4) {
    w.get(mask).simd(SIMD.i32x4_all_true).op(OP.if, BLOCK_VOID);
    whole();
    w.op(OP.else);
  }
  before();
  for (let lane = 0; lane < lanes; lane++) {
    w.get(mask).simd(SIMD.i32x4_extract_lane).op(lane, OP.if, BLOCK_VOID);
    single(lane);
    w.op(OP.end);
  }
  if (lanes === 4) w.op(OP.end);
}

type Temporary = ReturnType<FunctionWriter["temporary"]>;

/** From elements in lanes, which are pushed and in `raw`, to numbers. */
function widen(w: FunctionWriter, type: NarrowType, raw: Temporary): void {
  if (type === "u8") return;
  if (type === "i8") w.arg(24).simd(SIMD.i32x4_shl).arg(24).simd(SIMD.i32x4_shr_s);
  else if (type === "bf16") w.arg(16).simd(SIMD.i32x4_shl);
  else {
    const number = w.temporary(1);
    constant(w, 0x7fff).simd(SIMD.v128_and).arg(13).simd(SIMD.i32x4_shl);
    constant(w, TWO_TO_112).simd(SIMD.f32x4_mul);
    number.set();
    number.get();
    // An infinity or a NaN: all bits of the exponent.
    number.get();
    constant(w, ABOVE_HALVES).simd(SIMD.f32x4_ge);
    constant(w, INFINITY).simd(SIMD.v128_and).simd(SIMD.v128_or);
    raw.get();
    constant(w, 0x8000).simd(SIMD.v128_and).arg(16).simd(SIMD.i32x4_shl).simd(SIMD.v128_or);
  }
}

/** Pushes elements in lanes: what `src` is narrowed to, zeros above. */
function narrow(w: FunctionWriter, type: NarrowType, src: Reg): void {
  if (type === "u8" || type === "i8") {
    w.get(src);
    constant(w, type === "u8" ? 255 : 127).simd(SIMD.i32x4_min_s);
    constant(w, type === "u8" ? 0 : -128).simd(SIMD.i32x4_max_s);
    if (type === "i8") constant(w, 255).simd(SIMD.v128_and);
  } else if (type === "bf16") narrowBfloat16(w, src);
  else narrowHalf(w, src);
}

/**
 * (bits + 0x7fff + the lowest bit that is kept) >> 16; a NaN keeps its upper half, with the bit that makes it quiet.
 */
function narrowBfloat16(w: FunctionWriter, src: Reg): void {
  w.get(src).arg(16).simd(SIMD.i32x4_shr_u);
  constant(w, 1).simd(SIMD.v128_and).get(src).simd(SIMD.i32x4_add);
  constant(w, 0x7fff).simd(SIMD.i32x4_add);
  const rounded = w.temporary(1);
  rounded.set();
  w.get(src);
  constant(w, 0x400000).simd(SIMD.v128_or);
  rounded.get();
  w.get(src).get(src).simd(SIMD.f32x4_ne).simd(SIMD.v128_bitselect);
  w.arg(16).simd(SIMD.i32x4_shr_u);
}

/** Normal halves by adding to the bits, denormal ones by adding to the number; the magnitude and the sign apart. */
function narrowHalf(w: FunctionWriter, src: Reg): void {
  const [magnitude, result] = [w.temporary(1), w.temporary(2)];
  w.get(src);
  constant(w, 0x7fffffff).simd(SIMD.v128_and);
  magnitude.set();
  // Denormal: the nearest multiple of 2^-24.
  magnitude.get();
  constant(w, HALF).simd(SIMD.f32x4_add);
  constant(w, HALF).simd(SIMD.i32x4_sub);
  // Normal: what is above all halves becomes infinity by itself.
  magnitude.get();
  constant(w, ABOVE_HALVES).simd(SIMD.i32x4_min_s);
  result.set();
  result.get();
  constant(w, 0xfff - (112 << 23)).simd(SIMD.i32x4_add);
  result.get();
  w.arg(13).simd(SIMD.i32x4_shr_u);
  constant(w, 1).simd(SIMD.v128_and).simd(SIMD.i32x4_add).arg(13).simd(SIMD.i32x4_shr_u);
  magnitude.get();
  constant(w, LEAST_NORMAL_HALF).simd(SIMD.i32x4_lt_s).simd(SIMD.v128_bitselect);
  magnitude.get();
  constant(w, INFINITY).simd(SIMD.i32x4_gt_s);
  constant(w, 0x200).simd(SIMD.v128_and).simd(SIMD.v128_or);
  w.get(src).arg(16).simd(SIMD.i32x4_shr_u);
  constant(w, 0x8000).simd(SIMD.v128_and).simd(SIMD.v128_or);
}

function constant(w: FunctionWriter, word: number): FunctionWriter {
  return w.constant([word, word, word, word]);
}
