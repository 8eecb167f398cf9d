/**
 * What the processor and the operating system offer, by CPUID and XGETBV (Intel SDM volume 1, chapter 14): an
 * instruction set counts only if the system also saves its registers. Never guessed from a model name.
 */
import { Assembler } from "../../../codegen/x64/assembler.js";
import { R8, R9, RAX, RBX, RCX, RDI, RDX, RSI } from "../../../codegen/x64/registers.js";
import { bindKernel, ExecutableMemory } from "./executable.js";
import { addressOf } from "./libc.js";

export interface ProcessorFeatures {
  /** "GenuineIntel", "AuthenticAMD", ... */
  readonly vendor: string;
  readonly avx2: boolean;
  readonly fma: boolean;
  readonly bmi2: boolean;
  /** Conversions between half and single precision. */
  readonly f16c: boolean;
  readonly avx512f: boolean;
  readonly avx512dq: boolean;
  readonly avx512bw: boolean;
  readonly avx512vl: boolean;
  /** XCR0: which register states the operating system saves. 0 where it cannot be asked. */
  readonly savedStates: number;
}

let features: ProcessorFeatures | undefined;

/** Throws BackendError where executable memory is refused. */
export function processorFeatures(): ProcessorFeatures {
  features ??= isWithoutAvx512() ? { ...detect(), avx512f: false } : detect();
  return features;
}

/** FOVEA_NO_AVX512=1 makes this the commoner kind of processor, for tests and measurements. */
const isWithoutAvx512 = () => !["", "0", undefined].includes(process.env["FOVEA_NO_AVX512"]);

const SSE_AND_AVX_STATE = 0x06;
const AVX512_STATE = 0xe6; // also mask registers, upper halves of zmm0-15, and zmm16-31

/**
 * The native targets that can run here, best first: none where machine code has not been tested (Linux on x86-64 is).
 * Throws where native calls or executable memory are refused.
 */
export function detectTargets(): ("avx512" | "avx2")[] {
  if (process.platform !== "linux" || process.arch !== "x64") return [];
  return targetsOf(processorFeatures());
}

export function targetsOf(f: ProcessorFeatures): ("avx512" | "avx2")[] {
  const saves = (states: number) => (f.savedStates & states) === states;
  const avx2 = f.avx2 && f.fma && f.f16c && saves(SSE_AND_AVX_STATE);
  const avx512 = f.avx512f && f.avx512vl && f.avx512dq && f.avx512bw && f.fma && f.bmi2 && saves(AVX512_STATE);
  return [...(avx512 ? (["avx512"] as const) : []), ...(avx2 ? (["avx2"] as const) : [])];
}

function detect(): ProcessorFeatures {
  const memory = ExecutableMemory.map([cpuidCode(), xgetbvCode()]);
  try {
    const [cpuid, xgetbv] = memory.addresses.map(bindKernel);
    const out = new Uint32Array(4);
    const ask = (leaf: number, subleaf = 0): readonly number[] => {
      cpuid!(addressOf(out), leaf, subleaf, 0);
      return [...out];
    };
    const bit = (register: number | undefined, n: number) => (((register ?? 0) >>> n) & 1) === 1;
    const [highest, b, c, d] = ask(0);
    const vendor = String.fromCharCode(...new Uint8Array(Uint32Array.of(b!, d!, c!).buffer));
    const basic = ask(1)[2];
    const extended = highest! >= 7 ? ask(7)[1] : 0;
    let savedStates = 0;
    if (bit(basic, 27)) {
      // OSXSAVE: the system lets XGETBV be used
      xgetbv!(addressOf(out), 0, 0, 0);
      savedStates = out[0]!;
    }
    return {
      vendor,
      fma: bit(basic, 12),
      f16c: bit(basic, 29),
      avx2: bit(extended, 5),
      bmi2: bit(extended, 8),
      avx512f: bit(extended, 16),
      avx512dq: bit(extended, 17),
      avx512bw: bit(extended, 30),
      avx512vl: bit(extended, 31),
      savedStates,
    };
  } finally {
    memory.release();
  }
}

/** void cpuid(uint32_t out[4], leaf, subleaf): eax, ebx, ecx, edx. cpuid overwrites rbx, which the caller keeps. */
function cpuidCode(): Uint8Array {
  const asm = new Assembler("vex");
  asm.mov(R8, RDI);
  asm.mov(R9, RBX);
  asm.mov(RAX, RSI);
  asm.mov(RCX, RDX);
  asm.cpuid();
  [RAX, RBX, RCX, RDX].forEach((register, n) => {
    asm.store32({ base: R8, displacement: 4 * n }, register);
  });
  asm.mov(RBX, R9);
  asm.ret();
  return asm.finish();
}

/** void xgetbv(uint32_t out[4], index): the extended control register's low and high half. */
function xgetbvCode(): Uint8Array {
  const asm = new Assembler("vex");
  asm.mov(RCX, RSI);
  asm.xgetbv();
  asm.store32({ base: RDI, displacement: 0 }, RAX);
  asm.store32({ base: RDI, displacement: 4 }, RDX);
  asm.ret();
  return asm.finish();
}
