/**
 * The assembler that keeps what it is called with: each instruction as text in Intel's syntax, as GNU objdump writes
 * it, with its bytes and the kernel's instruction that asked for it. Labels are L1, L2, ... and constants C1, C2, ...
 * in the order in which they lie.
 */
import { argumentsOf, type Instr, type Kernel } from "../ir.js";
import type { ListedLine, Listing } from "../listing.js";
import { type Arithmetic, Assembler, type VectorBits, type VectorOptions } from "./assembler.js";
import { encodeX64By } from "./encode.js";
import { memoryBytes, partBits, type VectorInstruction } from "./instructions.js";
import type { Condition, Constant, Label, Memory, RegisterOrMemory } from "./registers.js";

interface Noted {
  readonly start: number;
  readonly kind: "instruction" | "padding";
  readonly source: Instr | undefined;
  readonly folded: readonly Instr[];
  /** Once labels and constants have their names. */
  readonly text: () => string;
}

const GPR64 = "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15".split(" ");
const GPR32 = "eax ecx edx ebx esp ebp esi edi r8d r9d r10d r11d r12d r13d r14d r15d".split(" ");
const POINTER: Readonly<Record<number, string>> = {
  1: "BYTE",
  2: "WORD",
  4: "DWORD",
  8: "QWORD",
  16: "XMMWORD",
  32: "YMMWORD",
  64: "ZMMWORD",
};
const PREDICATE: Readonly<Record<number, string>> = { 0: "eq", 3: "unord", 4: "neq", 17: "lt_oq", 18: "le_oq" };

/**
 * The code line by line, of the bytes that `encodeX64` gives.
 * @throws KernelError for a kernel of another machine.
 */
export function listX64(kernel: Kernel): Listing {
  let asm: ListingAssembler | undefined;
  encodeX64By(kernel, (encoding) => {
    asm = new ListingAssembler(encoding);
    return asm;
  });
  return { kernel, lines: asm!.lines };
}

export class ListingAssembler extends Assembler {
  readonly #noted: Noted[] = [];
  readonly #contents: Uint8Array[] = [];
  readonly #bound: Label[] = [];
  readonly #targets = new Set<Label>();
  readonly #labelNames = new Map<Label, string>();
  readonly #constantNames: string[] = [];
  #source: Instr | undefined;
  #folded: readonly Instr[] = [];
  #lines: readonly ListedLine[] = [];

  /** Every byte that was written, once `finish` was called. */
  get lines(): readonly ListedLine[] {
    return this.#lines;
  }

  override source(i: Instr | undefined, folded?: ReadonlyMap<number, Instr>): void {
    this.#source = i;
    this.#folded = i === undefined ? [] : argumentsOf(i).flatMap((reg) => folded?.get(reg.id) ?? []);
  }

  override bind(label: Label): void {
    super.bind(label);
    this.#bound.push(label);
  }
  override constant(bytes: Uint8Array): Constant {
    const constant = super.constant(bytes);
    this.#contents[constant.index] = bytes;
    return constant;
  }
  override align(to: number): void {
    const start = this.position;
    super.align(to);
    if (this.position > start) this.#note(start, () => `align ${to}`, "padding");
  }

  override finish(): Uint8Array {
    const end = this.position;
    const code = super.finish();
    const starts = this.constantStarts;
    const inPlace = starts.map((_, index) => index).sort((a, b) => starts[a]! - starts[b]!);
    for (const [n, index] of inPlace.entries()) this.#constantNames[index] = `C${n + 1}`;
    const named = [...this.#targets].sort((a, b) => a.position! - b.position!);
    const nameAt = new Map<number, string>();
    for (const label of named) {
      const name = nameAt.get(label.position!) ?? `L${nameAt.size + 1}`;
      nameAt.set(label.position!, name);
      this.#labelNames.set(label, name);
    }
    const instructions = this.#noted.map(({ start, kind, source, folded, text }, n): ListedLine => {
      const bytes = code.slice(start, this.#noted[n + 1]?.start ?? end);
      return { address: start, bytes, text: text(), kind, label: nameAt.get(start), source, folded };
    });
    const first = inPlace.length === 0 ? code.length : starts[inPlace[0]!]!;
    const padding = { address: end, bytes: code.slice(end, first), text: "align 64", label: nameAt.get(end) };
    const gap: ListedLine[] = first > end ? [{ ...padding, kind: "padding" }] : [];
    const constants = inPlace.map((index): ListedLine => {
      const [start, content] = [starts[index]!, this.#contents[index]!];
      const bytes = code.slice(start, start + content.length);
      return { address: start, bytes, text: words(content), kind: "constant", label: this.#constantNames[index] };
    });
    this.#lines = [...instructions, ...gap, ...constants];
    return code;
  }

  // --- control flow

  override jmp(to: Label): void {
    this.#jump("jmp", to);
    super.jmp(to);
  }
  override jcc(condition: Condition, to: Label): void {
    this.#jump(`j${condition}`, to);
    super.jcc(condition, to);
  }
  override ret(): void {
    this.#put("ret");
    super.ret();
  }
  override push(r: number): void {
    this.#put("push", GPR64[r]);
    super.push(r);
  }
  override pop(r: number): void {
    this.#put("pop", GPR64[r]);
    super.pop(r);
  }
  override vzeroupper(): void {
    this.#put("vzeroupper");
    super.vzeroupper();
  }
  override cpuid(): void {
    this.#put("cpuid");
    super.cpuid();
  }
  override xgetbv(): void {
    this.#put("xgetbv");
    super.xgetbv();
  }

  // --- integers

  override mov(dst: number, src: RegisterOrMemory): void {
    this.#put("mov", GPR64[dst], this.#wide(src));
    super.mov(dst, src);
  }
  override mov32(dst: number, src: RegisterOrMemory): void {
    this.#put("mov", GPR32[dst], this.#narrow(src));
    super.mov32(dst, src);
  }
  override prefetch(from: Memory): void {
    this.#put("prefetcht1", this.#memory(from, 1));
    super.prefetch(from);
  }
  override store(to: Memory, src: number): void {
    this.#put("mov", this.#memory(to, 8), GPR64[src]);
    super.store(to, src);
  }
  override store32(to: Memory, src: number): void {
    this.#put("mov", this.#memory(to, 4), GPR32[src]);
    super.store32(to, src);
  }
  override movConstant(dst: number, value: number): void {
    // What is not negative becomes a movUnsigned.
    if (value < 0) this.#put("mov", GPR64[dst], hex64(value));
    super.movConstant(dst, value);
  }
  override movUnsigned(dst: number, value: number): void {
    this.#put("mov", GPR32[dst], hex(value));
    super.movUnsigned(dst, value);
  }
  override storeConstant(to: Memory, value: number): void {
    this.#put("mov", this.#memory(to, 8), hex64(value));
    super.storeConstant(to, value);
  }
  override movsxd(dst: number, src: RegisterOrMemory): void {
    this.#put("movsxd", GPR64[dst], this.#narrow(src));
    super.movsxd(dst, src);
  }
  override lea(dst: number, src: Memory): void {
    this.#put("lea", GPR64[dst], this.#place(src));
    super.lea(dst, src);
  }
  override arithmetic(op: Arithmetic, dst: number, src: RegisterOrMemory): void {
    this.#put(op, GPR64[dst], this.#wide(src));
    super.arithmetic(op, dst, src);
  }
  override arithmeticTo(op: Arithmetic, to: Memory, src: number): void {
    this.#put(op, this.#memory(to, 8), GPR64[src]);
    super.arithmeticTo(op, to, src);
  }
  override arithmeticConstant(op: Arithmetic, dst: RegisterOrMemory, value: number): void {
    this.#put(op, this.#wide(dst), hex64(value));
    super.arithmeticConstant(op, dst, value);
  }
  override imul(dst: number, src: RegisterOrMemory): void {
    this.#put("imul", GPR64[dst], this.#wide(src));
    super.imul(dst, src);
  }
  override imulConstant(dst: number, src: RegisterOrMemory, value: number): void {
    this.#put("imul", GPR64[dst], this.#wide(src), hex64(value));
    super.imulConstant(dst, src, value);
  }
  override shl(dst: number, by: number): void {
    this.#put("shl", GPR64[dst], hex(by));
    super.shl(dst, by);
  }
  override shr(dst: number, by: number): void {
    this.#put("shr", GPR64[dst], hex(by));
    super.shr(dst, by);
  }
  override neg(dst: number): void {
    this.#put("neg", GPR64[dst]);
    super.neg(dst);
  }
  override xor32(dst: number): void {
    this.#put("xor", GPR32[dst], GPR32[dst]);
    super.xor32(dst);
  }
  override test(a: number, b: number): void {
    this.#put("test", GPR64[a], GPR64[b]);
    super.test(a, b);
  }
  override cmov(condition: Condition, dst: number, src: RegisterOrMemory): void {
    this.#put(`cmov${condition}`, GPR64[dst], this.#wide(src));
    super.cmov(condition, dst, src);
  }
  override cmov32(condition: Condition, dst: number, src: RegisterOrMemory): void {
    this.#put(`cmov${condition}`, GPR32[dst], this.#narrow(src));
    super.cmov32(condition, dst, src);
  }
  override bzhi32(dst: number, src: RegisterOrMemory, count: number): void {
    this.#put("bzhi", GPR32[dst], this.#narrow(src), GPR32[count]);
    super.bzhi32(dst, src, count);
  }

  // --- vectors and masks

  override vector(
    i: VectorInstruction,
    bits: VectorBits,
    reg: number,
    second: number,
    rm: RegisterOrMemory,
    options: VectorOptions = {},
  ): void {
    const isEvex = (i.encodings === "both" ? this.encoding : i.encodings) === "evex";
    const isMask = i.mFile === "mask" || (i.rFile === "mask" && i.encodings === "vex");
    const width = i.scalar ? 128 : bits;
    const file = (n: number) => (isMask ? `k${n}` : vectorName(width, n));
    const registers = {
      r: i.rFile === "mask" && isEvex ? `k${reg}` : i.rFile === "gpr" ? GPR32[reg]! : file(reg),
      v: file(second),
      m: "",
    };
    const { immediate, broadcast = false, mask = 0, zero = false } = options;
    const bytes = memoryBytes(i, bits, broadcast);
    const m =
      typeof rm !== "number"
        ? this.#memory(rm, bytes, broadcast ? "BCST" : "PTR")
        : i.mFile === "gpr"
          ? GPR32[rm]!
          : i.mFile === "xmm"
            ? vectorName(128, rm)
            : i.mFile === "half" || i.mFile === "quarter"
              ? vectorName(partBits(i.mFile, bits), rm)
              : file(rm);
    let name = isEvex ? i.name : (i.vexName ?? i.name);
    let last: string | undefined;
    if (immediate !== undefined) {
      const predicate = name.startsWith("vcmp") ? PREDICATE[immediate] : undefined;
      if (predicate !== undefined) name = `vcmp${predicate}${name.slice(4)}`;
      else last = i.operands.endsWith("s") ? vectorName(width, immediate >> 4) : hex(immediate);
    }
    const roles = [...i.operands.replace(/[is]$/, "")] as ("r" | "v" | "m")[];
    const masking = (mask === 0 ? "" : `{k${mask}}`) + (zero ? "{z}" : "");
    const start = this.position;
    this.#note(start, () => {
      const texts = roles.map((role, n) => (role === "m" ? textOf(m) : registers[role]) + (n === 0 ? masking : ""));
      return `${name} ${[...texts, ...(last === undefined ? [] : [last])].join(",")}`;
    });
    super.vector(i, bits, reg, second, rm, options);
  }

  // --- within

  #note(start: number, text: () => string, kind: Noted["kind"] = "instruction"): void {
    this.#noted.push({ start, kind, source: this.#source, folded: this.#folded, text });
  }
  #put(name: string, ...operands: readonly (string | (() => string) | undefined)[]): void {
    const start = this.position;
    this.#note(start, () => `${name} ${operands.map((operand) => textOf(operand ?? "?")).join(",")}`.trimEnd());
  }
  #jump(name: string, to: Label): void {
    this.#targets.add(to);
    this.#put(name, () => this.#labelNames.get(to) ?? "?");
  }
  #wide(rm: RegisterOrMemory): string | (() => string) {
    return typeof rm === "number" ? GPR64[rm]! : this.#memory(rm, 8);
  }
  #narrow(rm: RegisterOrMemory): string | (() => string) {
    return typeof rm === "number" ? GPR32[rm]! : this.#memory(rm, 4);
  }
  #memory(at: Memory, bytes: number, word: "PTR" | "BCST" = "PTR"): () => string {
    const place = this.#place(at);
    return () => `${POINTER[bytes]} ${word} ${place()}`;
  }
  #place(at: Memory): () => string {
    if ("constant" in at) return () => `[rip+${this.#constantNames[at.constant.index]}]`;
    const { base, index, scale = 1, displacement } = at;
    const sum = index === undefined ? GPR64[base]! : `${GPR64[base]}+${GPR64[index]}*${scale}`;
    // A base of rbp or r13 cannot do without a displacement.
    const isShown = displacement !== 0 || (base & 7) === 5;
    const text = `[${sum}${isShown ? (displacement < 0 ? hex(displacement) : `+${hex(displacement)}`) : ""}]`;
    return () => text;
  }
}

const textOf = (operand: string | (() => string)): string => (typeof operand === "string" ? operand : operand());
const hex = (n: number): string => (n < 0 ? `-0x${(-n).toString(16)}` : `0x${n.toString(16)}`);
/** As the 64 bits that it is extended to. */
const hex64 = (n: number): string => `0x${BigInt.asUintN(64, BigInt(n)).toString(16)}`;
const vectorName = (bits: number, n: number): string => `${bits === 512 ? "z" : bits === 256 ? "y" : "x"}mm${n}`;

/** 32-bit words, and the floats that they may be; a run of equal ones is said once. */
function words(content: Uint8Array): string {
  const { buffer, byteOffset, byteLength } = content;
  const ints = new Int32Array(buffer.slice(byteOffset, byteOffset + byteLength));
  const floats = new Float32Array(ints.buffer);
  const one = (n: number) => `0x${(ints[n]! >>> 0).toString(16)}${isPlainFloat(floats[n]!) ? ` (${floats[n]})` : ""}`;
  if (ints.every((word) => word === ints[0])) return `${ints.length === 1 ? "" : `${ints.length} times `}${one(0)}`;
  return Array.from(ints).join(" ");
}

const isPlainFloat = (x: number): boolean => Number.isFinite(x) && Math.abs(x) > 1e-30 && Math.abs(x) < 1e30;
