/** The vector instructions of the kernel language in WebAssembly SIMD; see `encode.ts` for how registers are held. */
import type { CompareFloat, FloatBinary, FloatUnary, Instr, IntVecBinary, Reg } from "../ir.js";
import { loadNarrow, storeNarrow } from "./narrow.js";
import { BLOCK_VOID, OP, SIMD } from "./opcodes.js";
import type { FunctionWriter } from "./writer.js";

const SIGN = new Float32Array(1);
const BITS = new Int32Array(SIGN.buffer);

export function vectorCode(w: FunctionWriter, i: Instr): void {
  if (i.op === "prefetch") return; // there is no such instruction
  if (i.op === "store") {
    w.pointer(i.at).get(i.src);
    if (lanesOf(w, i, i.src) === 1) w.simd(SIMD.v128_store32_lane).memory(i.at).op(0);
    else w.simd(SIMD.v128_store).memory(i.at);
    return;
  }
  if (i.op === "storemask") {
    maskedStore(w, i);
    return;
  }
  if (i.op === "storeas") {
    storeNarrow(w, i, lanesOf(w, i, i.src));
    return;
  }
  if (!("dst" in i)) w.fail(i, "the WebAssembly encoder does not know this instruction");
  const lanes = lanesOf(w, i, i.dst);
  switch (i.op) {
    case "load":
      w.pointer(i.at)
        .simd(lanes === 1 ? SIMD.v128_load32_zero : SIMD.v128_load)
        .memory(i.at);
      break;
    case "loadmask":
      maskedLoad(w, i, lanes);
      return;
    case "loadas":
      loadNarrow(w, i, lanes);
      break;
    case "broadcast":
      w.pointer(i.at).simd(SIMD.v128_load32_splat).memory(i.at);
      break;
    case "splat":
      if (i.dst.type.kind === "i32") BITS[0] = i.value;
      else SIGN[0] = i.value;
      w.constant([BITS[0]!, BITS[0]!, BITS[0]!, BITS[0]!]);
      break;
    case "splatlane0":
      w.get(i.src).get(i.src).shuffleWords([0, 0, 0, 0]);
      break;
    case "splatint":
      w.get(i.src).simd(SIMD.i32x4_splat);
      break;
    case "iota":
      w.constant([0, 1, 2, 3]);
      break;
    case "float2":
      w.get(i.a).get(i.b).simd(FLOAT_BINARY[i.kind]);
      break;
    case "float1":
      w.get(i.a).simd(FLOAT_UNARY[i.kind]);
      break;
    case "fma":
      if (w.fused)
        w.get(i.a)
          .get(i.b)
          .get(i.c)
          .simd(i.negate ? SIMD.f32x4_relaxed_nmadd : SIMD.f32x4_relaxed_madd);
      else if (i.negate) w.get(i.c).get(i.a).get(i.b).simd(SIMD.f32x4_mul).simd(SIMD.f32x4_sub);
      else w.get(i.a).get(i.b).simd(SIMD.f32x4_mul).get(i.c).simd(SIMD.f32x4_add);
      break;
    case "intvec2":
      if (i.kind === "umulhi") {
        // High words of the four 64-bit products: 1 and 3 of each pair.
        w.get(i.a).get(i.b).simd(SIMD.i64x2_extmul_low_i32x4_u);
        w.get(i.a).get(i.b).simd(SIMD.i64x2_extmul_high_i32x4_u);
        w.shuffleWords([1, 3, 5, 7]);
      } else w.get(i.a).get(i.b).simd(INT_VECTOR[i.kind]);
      break;
    case "intshift":
      w.get(i.a)
        .arg(i.by)
        .simd(i.kind === "vshl" ? SIMD.i32x4_shl : SIMD.i32x4_shr_u);
      break;
    case "convert":
      w.get(i.a);
      if (i.kind === "toFloat") w.simd(SIMD.f32x4_convert_i32x4_s);
      if (i.kind === "toInt") w.simd(SIMD.f32x4_nearest).simd(SIMD.i32x4_trunc_sat_f32x4_s);
      break;
    case "reduce": {
      w.get(i.src);
      if (lanesOf(w, i, i.src) === 1) break;
      const fold = i.kind === "fadd" ? SIMD.f32x4_add : SIMD.f32x4_pmax;
      w.get(i.src).get(i.src).shuffleWords([2, 3, 2, 3]).simd(fold).set(i.dst);
      w.get(i.dst).get(i.dst).get(i.dst).shuffleWords([1, 1, 1, 1]).simd(fold);
      break;
    }
    case "shuffle":
      w.get(i.a).get(i.b).shuffleWords(i.indices);
      break;
    case "cmpfloat":
      if (i.kind === "unordered") {
        w.get(i.a).get(i.a).simd(SIMD.f32x4_ne);
        w.get(i.b).get(i.b).simd(SIMD.f32x4_ne).simd(SIMD.v128_or);
      } else w.get(i.a).get(i.b).simd(COMPARE_FLOAT[i.kind]);
      break;
    case "cmpint":
      w.get(i.a)
        .get(i.b)
        .simd(i.kind === "eq" ? SIMD.i32x4_eq : SIMD.i32x4_gt_s);
      break;
    case "firstlanes": {
      const { count } = i;
      if (typeof count === "number") w.constant([0, 1, 2, 3].map((lane) => (lane < count ? -1 : 0)));
      else w.get(count).simd(SIMD.i32x4_splat).constant([0, 1, 2, 3]).simd(SIMD.i32x4_gt_s);
      break;
    }
    case "mask2":
      w.get(i.a).get(i.b).simd(MASK[i.kind]);
      break;
    case "select":
      w.get(i.a).get(i.b).get(i.mask).simd(SIMD.v128_bitselect);
      break;
    case "keep":
      w.get(i.a).get(i.mask).simd(SIMD.v128_and);
      break;
    default:
      w.fail(i, "the WebAssembly encoder does not know this instruction");
  }
  w.set(i.dst);
}

/** One load where the mask is full, else lane by lane: memory under a lane that is off is never touched. */
function maskedLoad(w: FunctionWriter, i: Extract<Instr, { op: "loadmask" }>, lanes: 1 | 4): void {
  if (lanes === 4) {
    w.get(i.mask).simd(SIMD.i32x4_all_true).op(OP.if, BLOCK_VOID);
    w.pointer(i.at).simd(SIMD.v128_load).memory(i.at).set(i.dst).op(OP.else);
  }
  w.constant([0, 0, 0, 0]).set(i.dst);
  for (let lane = 0; lane < lanes; lane++) {
    w.get(i.mask).simd(SIMD.i32x4_extract_lane).op(lane, OP.if, BLOCK_VOID);
    w.pointer(i.at).get(i.dst).simd(SIMD.v128_load32_lane).memory(i.at, lane).op(lane).set(i.dst).op(OP.end);
  }
  if (lanes === 4) w.op(OP.end);
}

function maskedStore(w: FunctionWriter, i: Extract<Instr, { op: "storemask" }>): void {
  const lanes = lanesOf(w, i, i.src);
  if (lanes === 4) {
    w.get(i.mask).simd(SIMD.i32x4_all_true).op(OP.if, BLOCK_VOID);
    w.pointer(i.at).get(i.src).simd(SIMD.v128_store).memory(i.at).op(OP.else);
  }
  for (let lane = 0; lane < lanes; lane++) {
    w.get(i.mask).simd(SIMD.i32x4_extract_lane).op(lane, OP.if, BLOCK_VOID);
    w.pointer(i.at).get(i.src).simd(SIMD.v128_store32_lane).memory(i.at, lane).op(lane, OP.end);
  }
  if (lanes === 4) w.op(OP.end);
}

function lanesOf(w: FunctionWriter, i: Instr, r: Reg): 1 | 4 {
  const lanes = "lanes" in r.type ? r.type.lanes : 0;
  if (lanes !== 1 && lanes !== 4) w.fail(i, `${lanes} lanes: WebAssembly has vectors of 4, and of 1`);
  return lanes;
}

const FLOAT_BINARY: Record<FloatBinary, number> = {
  fadd: SIMD.f32x4_add,
  fsub: SIMD.f32x4_sub,
  fmul: SIMD.f32x4_mul,
  fdiv: SIMD.f32x4_div,
  pmin: SIMD.f32x4_pmin,
  pmax: SIMD.f32x4_pmax,
};

const FLOAT_UNARY: Record<FloatUnary, number> = {
  fsqrt: SIMD.f32x4_sqrt,
  fabs: SIMD.f32x4_abs,
  fneg: SIMD.f32x4_neg,
  fround: SIMD.f32x4_nearest,
  ffloor: SIMD.f32x4_floor,
};

const INT_VECTOR: Record<Exclude<IntVecBinary, "umulhi">, number> = {
  vadd: SIMD.i32x4_add,
  vsub: SIMD.i32x4_sub,
  vmul: SIMD.i32x4_mul,
  vand: SIMD.v128_and,
  vor: SIMD.v128_or,
  vxor: SIMD.v128_xor,
};

const COMPARE_FLOAT: Record<Exclude<CompareFloat, "unordered">, number> = {
  lt: SIMD.f32x4_lt,
  le: SIMD.f32x4_le,
  eq: SIMD.f32x4_eq,
  ne: SIMD.f32x4_ne,
};

const MASK = { and: SIMD.v128_and, or: SIMD.v128_or, andnot: SIMD.v128_andnot } as const;
