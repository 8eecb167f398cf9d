/**
 * The vector and mask instructions that the encoder uses, as rows of encoding fields (Intel SDM volume 2; opcode map,
 * mandatory prefix, opcode byte, W bit, EVEX tuple type). Rows serve the assembler and the encoding fuzzer alike.
 */

export interface VectorInstruction {
  /** The mnemonic; `vexName` where the VEX form is spelled otherwise (vpand against vpandd). */
  readonly name: string;
  readonly vexName?: string;
  /** Which encodings exist. */
  readonly encodings: "vex" | "evex" | "both";
  /** Mandatory prefix: 0 none, 1 = 66, 2 = F3, 3 = F2. */
  readonly prefix: 0 | 1 | 2 | 3;
  /** Opcode map: 1 = 0F, 2 = 0F38, 3 = 0F3A. */
  readonly map: 1 | 2 | 3;
  readonly opcode: number;
  readonly vexW?: 0 | 1;
  readonly evexW?: 0 | 1;
  /**
   * Operand roles in the order of assembly text. r: ModRM.reg, v: VEX.vvvv, m: ModRM.rm (register or memory),
   * s: a register in the top half of the immediate, i: an immediate byte.
   */
  readonly operands: "rvm" | "rm" | "mr" | "vmi" | "rvmi" | "rmi" | "mri" | "rvms" | "mvr";
  /** The opcode extension in ModRM.reg (shifts by an immediate). */
  readonly extension?: number;
  /**
   * What a memory operand holds: a whole vector (`full` also allows an embedded broadcast), a half or a quarter of one,
   * or one element.
   */
  readonly tuple: "full" | "whole" | "half" | "quarter" | "scalar" | "none";
  /** Bytes of one element of the memory operand, the unit of an embedded broadcast. */
  readonly element: 1 | 2 | 4 | 8;
  /** Register files of r and m where they are not vectors. In EVEX, comparisons write a mask. */
  readonly rFile?: "mask" | "gpr";
  readonly mFile?: "mask" | "gpr" | "xmm" | "memory" | "vector" | "half" | "quarter";
  /** Vector lengths in bits; scalars say 128. */
  readonly bits: readonly (128 | 256 | 512)[];
  /** Writes only the low element: memory operands are 4 bytes. */
  readonly scalar?: boolean;
}

/** Bytes of a memory operand. */
export function memoryBytes({ tuple, element }: VectorInstruction, bits: number, broadcast = false): number {
  if (tuple === "scalar" || broadcast) return element;
  return bits / (tuple === "half" ? 16 : tuple === "quarter" ? 32 : 8);
}

/**
 * Bits of the register that stands in for a memory operand of a half or a quarter of a vector: an xmm register at
 * least.
 */
export function partBits(mFile: VectorInstruction["mFile"], bits: 128 | 256 | 512): 128 | 256 | 512 {
  if (mFile === "quarter" || (mFile === "half" && bits < 512)) return 128;
  return mFile === "half" ? 256 : bits;
}

type Row = Partial<VectorInstruction> & Pick<VectorInstruction, "map" | "opcode">;

const ALL = [128, 256, 512] as const;

function row(name: string, fields: Row): VectorInstruction {
  return {
    name,
    encodings: "both",
    prefix: 0,
    vexW: 0,
    evexW: 0,
    operands: "rvm",
    tuple: "full",
    element: 4,
    bits: ALL,
    ...fields,
  };
}

/** A packed operation on float32 and its scalar sibling, which differ by the F3 prefix. */
function pair(stem: string, opcode: number): { packed: VectorInstruction; scalar: VectorInstruction } {
  return {
    packed: row(`${stem}ps`, { map: 1, opcode }),
    scalar: row(`${stem}ss`, { map: 1, opcode, prefix: 2, tuple: "scalar", bits: [128], scalar: true }),
  };
}

/** Fused multiply-adds: the scalar opcode is the packed one plus 1. */
function fused(name: string, opcode: number): { packed: VectorInstruction; scalar: VectorInstruction } {
  return {
    packed: row(`${name}ps`, { map: 2, opcode, prefix: 1 }),
    scalar: row(`${name}ss`, { map: 2, opcode: opcode + 1, prefix: 1, tuple: "scalar", bits: [128], scalar: true }),
  };
}

export const VADD = pair("vadd", 0x58);
export const VMUL = pair("vmul", 0x59);
export const VSUB = pair("vsub", 0x5c);
export const VMIN = pair("vmin", 0x5d);
export const VDIV = pair("vdiv", 0x5e);
export const VMAX = pair("vmax", 0x5f);
export const VSQRT = {
  packed: row("vsqrtps", { map: 1, opcode: 0x51, operands: "rm" }),
  scalar: row("vsqrtss", { map: 1, opcode: 0x51, prefix: 2, tuple: "scalar", bits: [128], scalar: true }),
};
/** The number says which operands multiply: 231 is dst += a*b, 213 is dst = a*dst + b, 132 is dst = dst*b + a. */
export const VFMADD132 = fused("vfmadd132", 0x98);
export const VFMADD213 = fused("vfmadd213", 0xa8);
export const VFMADD231 = fused("vfmadd231", 0xb8);
export const VFNMADD132 = fused("vfnmadd132", 0x9c);
export const VFNMADD213 = fused("vfnmadd213", 0xac);
export const VFNMADD231 = fused("vfnmadd231", 0xbc);

/** VEX: roundps; EVEX: rndscaleps, with the same opcode and, for whole numbers, the same immediate. */
export const VROUND = {
  packed: row("vrndscaleps", {
    vexName: "vroundps",
    map: 3,
    opcode: 0x08,
    prefix: 1,
    operands: "rmi",
  }),
  scalar: row("vrndscaless", {
    vexName: "vroundss",
    map: 3,
    opcode: 0x0a,
    prefix: 1,
    operands: "rvmi",
    tuple: "scalar",
    bits: [128],
    scalar: true,
  }),
};
export const VCMP = {
  packed: row("vcmpps", { map: 1, opcode: 0xc2, operands: "rvmi", rFile: "mask" }),
  scalar: row("vcmpss", {
    map: 1,
    opcode: 0xc2,
    prefix: 2,
    operands: "rvmi",
    rFile: "mask",
    tuple: "scalar",
    bits: [128],
    scalar: true,
  }),
};

export const VANDPS = row("vandps", { map: 1, opcode: 0x54 });
export const VANDNPS = row("vandnps", { map: 1, opcode: 0x55 });
export const VORPS = row("vorps", { map: 1, opcode: 0x56 });
export const VXORPS = row("vxorps", { map: 1, opcode: 0x57 });

export const VPADDD = row("vpaddd", { map: 1, opcode: 0xfe, prefix: 1 });
export const VPSUBD = row("vpsubd", { map: 1, opcode: 0xfa, prefix: 1 });
export const VPMULLD = row("vpmulld", { map: 2, opcode: 0x40, prefix: 1 });
export const VPMULUDQ = row("vpmuludq", { map: 1, opcode: 0xf4, prefix: 1, evexW: 1, element: 8 });
export const VPAND = row("vpandd", { vexName: "vpand", map: 1, opcode: 0xdb, prefix: 1 });
export const VPOR = row("vpord", { vexName: "vpor", map: 1, opcode: 0xeb, prefix: 1 });
export const VPXOR = row("vpxord", { vexName: "vpxor", map: 1, opcode: 0xef, prefix: 1 });
const SHIFT = { map: 1, prefix: 1, operands: "vmi" } as const;
export const VPSLLD = row("vpslld", { ...SHIFT, opcode: 0x72, extension: 6 });
export const VPSRLD = row("vpsrld", { ...SHIFT, opcode: 0x72, extension: 2 });
export const VPSRLQ = row("vpsrlq", { ...SHIFT, opcode: 0x73, extension: 2, evexW: 1, element: 8 });
export const VPCMPEQD = row("vpcmpeqd", { map: 1, opcode: 0x76, prefix: 1, rFile: "mask" });
export const VPCMPGTD = row("vpcmpgtd", { map: 1, opcode: 0x66, prefix: 1, rFile: "mask" });

export const VCVTDQ2PS = row("vcvtdq2ps", { map: 1, opcode: 0x5b, operands: "rm" });
export const VCVTPS2DQ = row("vcvtps2dq", { map: 1, opcode: 0x5b, prefix: 1, operands: "rm" });

const MOVE = { map: 1, operands: "rm", tuple: "whole" } as const;
export const VMOVAPS = row("vmovaps", { ...MOVE, opcode: 0x28 });
export const VMOVUPS_LOAD = row("vmovups", { ...MOVE, opcode: 0x10 });
export const VMOVUPS_STORE = row("vmovups", { ...MOVE, opcode: 0x11, operands: "mr", mFile: "memory" });
const MOVE_SCALAR = { ...MOVE, prefix: 2, tuple: "scalar", bits: [128], scalar: true, mFile: "memory" } as const;
export const VMOVSS_LOAD = row("vmovss", { ...MOVE_SCALAR, opcode: 0x10 });
export const VMOVSS_STORE = row("vmovss", { ...MOVE_SCALAR, opcode: 0x11, operands: "mr" });
export const VBROADCASTSS = row("vbroadcastss", {
  map: 2,
  opcode: 0x18,
  prefix: 1,
  operands: "rm",
  tuple: "scalar",
  mFile: "xmm",
});
export const VPBROADCASTD_GPR = row("vpbroadcastd", {
  encodings: "evex",
  map: 2,
  opcode: 0x7c,
  prefix: 1,
  operands: "rm",
  tuple: "none",
  mFile: "gpr",
});
export const VMOVD = row("vmovd", {
  map: 1,
  opcode: 0x6e,
  prefix: 1,
  operands: "rm",
  tuple: "scalar",
  mFile: "gpr",
  bits: [128],
});
export const VMOVHLPS = row("vmovhlps", {
  map: 1,
  opcode: 0x12,
  tuple: "none",
  mFile: "vector",
  bits: [128],
});
export const VMOVSHDUP = row("vmovshdup", { map: 1, opcode: 0x16, prefix: 2, operands: "rm", tuple: "whole" });
const EXTRACT = { map: 3, prefix: 1, operands: "mri", tuple: "none" } as const;
export const VEXTRACTF128 = row("vextractf128", {
  ...EXTRACT,
  encodings: "vex",
  opcode: 0x19,
  mFile: "xmm",
  bits: [256],
});
export const VEXTRACTF32X4 = row("vextractf32x4", {
  ...EXTRACT,
  encodings: "evex",
  opcode: 0x19,
  mFile: "xmm",
  bits: [256, 512],
});
export const VEXTRACTF32X8 = row("vextractf32x8", {
  ...EXTRACT,
  encodings: "evex",
  opcode: 0x1b,
  mFile: "half",
  bits: [512],
});
export const VBLENDMPS = row("vblendmps", { encodings: "evex", map: 2, opcode: 0x65, prefix: 1 });
export const VBLENDVPS = row("vblendvps", {
  encodings: "vex",
  map: 3,
  opcode: 0x4a,
  prefix: 1,
  operands: "rvms",
  bits: [128, 256],
});
export const VPBLENDD = row("vpblendd", {
  encodings: "vex",
  map: 3,
  opcode: 0x02,
  prefix: 1,
  operands: "rvmi",
  bits: [128, 256],
});
export const VPTERNLOGQ = row("vpternlogq", {
  encodings: "evex",
  map: 3,
  opcode: 0x25,
  prefix: 1,
  evexW: 1,
  element: 8,
  operands: "rvmi",
});
/** Any element of two registers to any place; the register of the places takes the result. */
export const VPERMI2PS = row("vpermi2ps", { encodings: "evex", map: 2, opcode: 0x77, prefix: 1 });
export const VPERMPS = row("vpermps", { map: 2, opcode: 0x16, prefix: 1, bits: [256, 512] });
export const VPERMILPS = row("vpermilps", { map: 2, opcode: 0x0c, prefix: 1 });
export const VBLENDPS = row("vblendps", {
  encodings: "vex",
  map: 3,
  opcode: 0x0c,
  prefix: 1,
  operands: "rvmi",
  bits: [128, 256],
});
const MASKED_MOVE = { encodings: "vex", map: 2, prefix: 1, mFile: "memory", bits: [128, 256] } as const;
export const VMASKMOVPS_LOAD = row("vmaskmovps", { ...MASKED_MOVE, opcode: 0x2c });
export const VMASKMOVPS_STORE = row("vmaskmovps", { ...MASKED_MOVE, opcode: 0x2e, operands: "mvr" });

/** Elements of 8 and 16 bits to 32-bit lanes, and back. */
const WIDEN = { map: 2, prefix: 1, operands: "rm" } as const;
export const VPMOVZXWD = row("vpmovzxwd", { ...WIDEN, opcode: 0x33, tuple: "half", mFile: "half" });
export const VPMOVZXBD = row("vpmovzxbd", { ...WIDEN, opcode: 0x31, tuple: "quarter", mFile: "quarter" });
export const VPMOVSXBD = row("vpmovsxbd", { ...WIDEN, opcode: 0x21, tuple: "quarter", mFile: "quarter" });
export const VCVTPH2PS = row("vcvtph2ps", { ...WIDEN, opcode: 0x13, tuple: "half", mFile: "half" });
export const VCVTPS2PH = row("vcvtps2ph", {
  map: 3,
  opcode: 0x1d,
  prefix: 1,
  operands: "mri",
  tuple: "half",
  mFile: "half",
});
const NARROW = { encodings: "evex", map: 2, prefix: 2, operands: "mr" } as const;
export const VPMOVDW = row("vpmovdw", { ...NARROW, opcode: 0x33, tuple: "half", mFile: "half" });
/** With saturation: of signed lanes to signed bytes, of unsigned ones to unsigned bytes. */
export const VPMOVSDB = row("vpmovsdb", { ...NARROW, opcode: 0x21, tuple: "quarter", mFile: "quarter" });
export const VPMOVUSDB = row("vpmovusdb", { ...NARROW, opcode: 0x11, tuple: "quarter", mFile: "quarter" });
const PACK = { encodings: "vex", prefix: 1, bits: [128, 256] } as const;
export const VPACKSSDW = row("vpackssdw", { ...PACK, map: 1, opcode: 0x6b });
export const VPACKUSDW = row("vpackusdw", { ...PACK, map: 2, opcode: 0x2b });
export const VPACKSSWB = row("vpacksswb", { ...PACK, map: 1, opcode: 0x63 });
export const VPACKUSWB = row("vpackuswb", { ...PACK, map: 1, opcode: 0x67 });
const ELEMENT = { prefix: 1, tuple: "scalar", mFile: "gpr", bits: [128] } as const;
export const VPINSRW = row("vpinsrw", { ...ELEMENT, map: 1, opcode: 0xc4, operands: "rvmi", element: 2 });
export const VPINSRB = row("vpinsrb", { ...ELEMENT, map: 3, opcode: 0x20, operands: "rvmi", element: 1 });
export const VPEXTRW = row("vpextrw", { ...ELEMENT, map: 3, opcode: 0x15, operands: "mri", element: 2 });
export const VPEXTRB = row("vpextrb", { ...ELEMENT, map: 3, opcode: 0x14, operands: "mri", element: 1 });
export const VMOVLPS_STORE = row("vmovlps", {
  encodings: "vex",
  map: 1,
  opcode: 0x13,
  operands: "mr",
  tuple: "scalar",
  element: 8,
  mFile: "memory",
  bits: [128],
});
export const VPMAXSD = row("vpmaxsd", { map: 2, opcode: 0x3d, prefix: 1 });
/** Puts what a table says in place of numbers of a kind, such as NaN. */
export const VFIXUPIMMPS = row("vfixupimmps", { encodings: "evex", map: 3, opcode: 0x54, prefix: 1, operands: "rvmi" });
/** Signs of both: ZF where none is set in both, CF where all of the second's are set in the first. */
export const VTESTPS = row("vtestps", {
  encodings: "vex",
  map: 2,
  opcode: 0x0e,
  prefix: 1,
  operands: "rm",
  tuple: "whole",
  bits: [128, 256],
});

const MASK = { encodings: "vex", map: 1, tuple: "none", rFile: "mask", mFile: "mask" } as const;
export const KANDW = row("kandw", { ...MASK, opcode: 0x41, bits: [256] });
export const KANDNW = row("kandnw", { ...MASK, opcode: 0x42, bits: [256] });
export const KORW = row("korw", { ...MASK, opcode: 0x45, bits: [256] });
export const KMOVW = row("kmovw", { ...MASK, opcode: 0x90, operands: "rm", bits: [128] });
export const KMOVW_GPR = row("kmovw", { ...MASK, opcode: 0x92, operands: "rm", mFile: "gpr", bits: [128] });
export const KMOVW_TO_GPR = row("kmovw", { ...MASK, opcode: 0x93, operands: "rm", rFile: "gpr", bits: [128] });

export const KSHIFTLW = row("kshiftlw", {
  ...MASK,
  map: 3,
  prefix: 1,
  vexW: 1,
  opcode: 0x32,
  operands: "rmi",
  bits: [128],
});
export const KORTESTW = row("kortestw", { ...MASK, opcode: 0x98, operands: "rm", bits: [128] });

/** Every row, for the fuzzer. */
export const VECTOR_INSTRUCTIONS: readonly VectorInstruction[] = [
  ...[VADD, VMUL, VSUB, VMIN, VDIV, VMAX, VSQRT, VROUND, VCMP].flatMap((p) => [p.packed, p.scalar]),
  ...[VFMADD132, VFMADD213, VFMADD231, VFNMADD132, VFNMADD213, VFNMADD231].flatMap((p) => [p.packed, p.scalar]),
  ...[VANDPS, VANDNPS, VORPS, VXORPS, VPADDD, VPSUBD, VPMULLD, VPMULUDQ, VPAND, VPOR, VPXOR],
  ...[VPSLLD, VPSRLD, VPSRLQ, VPCMPEQD, VPCMPGTD, VCVTDQ2PS, VCVTPS2DQ, VMOVAPS, VMOVUPS_LOAD, VMOVUPS_STORE],
  ...[VMOVSS_LOAD, VMOVSS_STORE, VBROADCASTSS, VPBROADCASTD_GPR, VMOVD, VMOVHLPS, VMOVSHDUP],
  ...[VEXTRACTF128, VEXTRACTF32X4, VEXTRACTF32X8, VBLENDMPS, VBLENDVPS, VPBLENDD, VPTERNLOGQ],
  ...[VPERMI2PS, VPERMPS, VPERMILPS, VBLENDPS],
  ...[VPMOVZXWD, VPMOVZXBD, VPMOVSXBD, VCVTPH2PS, VCVTPS2PH, VPMOVDW, VPMOVSDB, VPMOVUSDB],
  ...[VPACKSSDW, VPACKUSDW, VPACKSSWB, VPACKUSWB, VPINSRW, VPINSRB, VPEXTRW, VPEXTRB],
  ...[VMOVLPS_STORE, VPMAXSD, VFIXUPIMMPS, VTESTPS, KSHIFTLW, KORTESTW],
  ...[VMASKMOVPS_LOAD, VMASKMOVPS_STORE, KANDW, KANDNW, KORW, KMOVW, KMOVW_GPR, KMOVW_TO_GPR],
];
