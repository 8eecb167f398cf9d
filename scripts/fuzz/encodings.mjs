/**
 * Checks the x86-64 assembler, and what it lists, against GNU objdump: random instructions of every form that it knows, with every register,
 * displacements around the edges of their encodings, masks, broadcasts, constants and jumps. A seed is a block of 2000.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memoryBytes, partBits, VECTOR_INSTRUCTIONS } from "../../dist/codegen/x64/instructions.js";
import { ListingAssembler } from "../../dist/codegen/x64/listing.js";
import { CONDITION } from "../../dist/codegen/x64/registers.js";

export const about = "the x86-64 assembler against GNU objdump, which must be installed";
export const things = "instructions";
export const options = {};

export async function open() {
  if (spawnSync("objdump", ["--version"]).error) {
    throw new Error("objdump was not found: install GNU binutils (Debian, Ubuntu: apt-get install binutils)");
  }
  const folder = mkdtempSync(join(tmpdir(), "fovea-encodings-"));
  return {
    attempt: async (seed) => attempt(seed, folder),
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

// --- random choices (mulberry32)
let state = 0;
function random() {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = Math.imul(state ^ (state >>> 15), state | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
const below = (n) => Math.floor(random() * n);
const pick = (list) => list[below(list.length)];

// --- texts as objdump writes them in Intel syntax
const GPR64 = "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15".split(" ");
const GPR32 = "eax ecx edx ebx esp ebp esi edi r8d r9d r10d r11d r12d r13d r14d r15d".split(" ");
const POINTER = { 1: "BYTE", 2: "WORD", 4: "DWORD", 8: "QWORD", 16: "XMMWORD", 32: "YMMWORD", 64: "ZMMWORD" };
const hex = (n) => (n < 0 ? `-0x${(-n).toString(16)}` : `0x${n.toString(16)}`);
const hex64 = (n) => `0x${BigInt.asUintN(64, BigInt(n)).toString(16)}`;
const vectorName = (bits, n) => `${{ 128: "x", 256: "y", 512: "z" }[bits]}mm${n}`;

const EDGES = [0, 1, -1, 4, -4, 8, -8, 64, -64, 127, 128, -128, -129, 508, 512, -512, -516, 1016, 1024, -1024, 2032];
const MORE_EDGES = [2048, -2048, 4064, 4096, -4096, 8128, 8192, -8192, -8256, 0x7fffffff, -0x80000000];
function displacement() {
  const kind = below(4);
  if (kind === 0) return pick(EDGES);
  if (kind === 1) return pick(MORE_EDGES);
  if (kind === 2) return 4 * (below(5000) - 2500);
  return below(2 ** 32) - 2 ** 31;
}
/** A random memory operand, its text, and what its constant must hold. */
function memory(asm, bytes, word = "PTR") {
  if (below(8) === 0) {
    const content = Uint8Array.from({ length: Math.max(bytes, 4) }, () => below(256));
    return { operand: { constant: asm.constant(content) }, text: `${POINTER[bytes]} ${word} [rip]`, content };
  }
  const base = below(16);
  const disp = displacement();
  let text = GPR64[base];
  let operand = { base, displacement: disp };
  if (below(3) === 0) {
    const index = pick([0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    const scale = pick([1, 2, 4, 8]);
    operand = { base, index, scale, displacement: disp };
    text += `+${GPR64[index]}*${scale}`;
  }
  // objdump shows the zero displacement that rbp and r13 cannot do without.
  if (disp !== 0 || (base & 7) === 5) text += disp < 0 ? hex(disp) : `+${hex(disp)}`;
  return { operand, text: `${POINTER[bytes]} ${word} [${text}]` };
}

const PREDICATES = { 17: "lt_oq", 18: "le_oq", 0: "eq", 4: "neq", 3: "unord" };

function vectorInstruction(asm, i) {
  const evex = i.encodings === "evex" || (i.encodings === "both" && asm.encoding === "evex");
  const bits = pick(evex ? i.bits : i.bits.filter((b) => b < 512));
  const registers = evex ? 32 : 16;
  const maskResult = i.rFile === "mask" && (evex || i.encodings === "vex");
  const isMaskInstruction = i.name.startsWith("k");
  const options = {};
  const stores = i.operands.startsWith("m");
  if (evex && !["vmovd", "vmovhlps"].includes(i.name) && !/^vp(ins|ext)r/.test(i.name) && below(2) === 0) {
    options.mask = 1 + below(7);
    if (!stores && !maskResult && below(2) === 0) options.zero = true;
  }
  const intResult = i.rFile === "gpr";
  const reg = below(maskResult ? 8 : intResult ? 16 : registers);
  const second = /v/.test(i.operands) ? below(isMaskInstruction ? 8 : registers) : 0;
  let rm;
  let rmText;
  let content;
  const useMemory = i.mFile === "memory" || (i.tuple !== "none" && below(2) === 0);
  const shiftInVex = i.extension !== undefined && !evex;
  if (useMemory && !shiftInVex) {
    const broadcast = evex && i.tuple === "full" && below(2) === 0;
    if (broadcast) options.broadcast = true;
    const bytes = memoryBytes(i, bits, broadcast);
    ({ operand: rm, text: rmText, content } = memory(asm, bytes, broadcast ? "BCST" : "PTR"));
  } else {
    rm = below(i.mFile === "gpr" ? 16 : isMaskInstruction ? 8 : registers);
    rmText =
      i.mFile === "gpr"
        ? GPR32[rm]
        : i.mFile === "mask"
          ? `k${rm}`
          : vectorName(i.mFile === "xmm" || i.scalar ? 128 : partBits(i.mFile, bits), rm);
  }
  const file = (n) => (isMaskInstruction ? `k${n}` : vectorName(i.scalar ? 128 : bits, n));
  let name = evex ? i.name : (i.vexName ?? i.name);
  let immediateText = "";
  if (/[is]$/.test(i.operands)) {
    if (name.startsWith("vcmp")) {
      options.immediate = Number(pick(Object.keys(PREDICATES)));
      name = `vcmp${PREDICATES[options.immediate]}${name.slice(4)}`;
    } else if (i.operands.endsWith("s")) {
      const n = below(16);
      options.immediate = n << 4;
      immediateText = `,${vectorName(bits, n)}`;
    } else {
      options.immediate = below(i.name.startsWith("vp") && i.extension ? 32 : 256);
      immediateText = `,${hex(options.immediate)}`;
    }
  }
  const texts = { r: maskResult ? `k${reg}` : intResult ? GPR32[reg] : file(reg), v: file(second), m: rmText };
  const order = i.operands.replace(/[is]$/, "").split("");
  const mask = (options.mask ? `{k${options.mask}}` : "") + (options.zero ? "{z}" : "");
  const text = order.map((o, n) => texts[o] + (n === 0 ? mask : "")).join(",");
  asm.vector(i, bits, i.extension === undefined ? reg : 0, second, rm, options);
  return { text: `${name} ${text}${immediateText}`, content };
}

const immediate32 = () => pick([0, 1, -1, 127, 128, -128, -129, 0x7fffffff, -0x80000000, below(2 ** 32) - 2 ** 31]);
const SCALARS = [
  (asm) => {
    const [name, method, memoryBytes] = pick([
      ["mov", "mov", 8],
      ["movsxd", "movsxd", 4],
      ["imul", "imul", 8],
      ["mov", "mov32", 4],
    ]);
    const dst = below(16);
    const narrow = method === "mov32";
    if (below(2) === 0) {
      const src = below(16);
      asm[method](dst, src);
      const from = narrow || method === "movsxd" ? GPR32[src] : GPR64[src];
      return { text: `${name} ${(narrow ? GPR32 : GPR64)[dst]},${from}` };
    }
    const { operand, text, content } = memory(asm, memoryBytes);
    asm[method](dst, operand);
    return { text: `${name} ${(narrow ? GPR32 : GPR64)[dst]},${text}`, content };
  },
  (asm) => {
    const src = below(16);
    const [method, names, bytes] = pick([
      ["store", GPR64, 8],
      ["store32", GPR32, 4],
    ]);
    const { operand, text, content } = memory(asm, bytes);
    asm[method](operand, src);
    return { text: `mov ${text},${names[src]}`, content };
  },
  (asm) => {
    const dst = below(16);
    const value = immediate32();
    asm.movConstant(dst, value);
    return { text: value >= 0 ? `mov ${GPR32[dst]},${hex(value)}` : `mov ${GPR64[dst]},${hex64(value)}` };
  },
  (asm) => {
    const dst = below(16);
    const value = below(2 ** 32);
    asm.movUnsigned(dst, value);
    return { text: `mov ${GPR32[dst]},${hex(value)}` };
  },
  (asm) => {
    const { operand, text, content } = memory(asm, 8);
    const value = immediate32();
    asm.storeConstant(operand, value);
    return { text: `mov ${text},${hex64(value)}`, content };
  },
  (asm) => {
    const dst = below(16);
    const { operand, text, content } = memory(asm, 8);
    asm.lea(dst, operand);
    return { text: `lea ${GPR64[dst]},${text.replace("QWORD PTR ", "")}`, content };
  },
  (asm) => {
    const op = pick(["add", "or", "and", "sub", "xor", "cmp"]);
    const dst = below(16);
    switch (below(5)) {
      case 0: {
        const src = below(16);
        asm.arithmetic(op, dst, src);
        return { text: `${op} ${GPR64[dst]},${GPR64[src]}` };
      }
      case 1: {
        const { operand, text, content } = memory(asm, 8);
        asm.arithmetic(op, dst, operand);
        return { text: `${op} ${GPR64[dst]},${text}`, content };
      }
      case 2: {
        const { operand, text, content } = memory(asm, 8);
        asm.arithmeticTo(op, operand, dst);
        return { text: `${op} ${text},${GPR64[dst]}`, content };
      }
      case 3: {
        const value = immediate32();
        asm.arithmeticConstant(op, dst, value);
        return { text: `${op} ${GPR64[dst]},${hex64(value)}` };
      }
      default: {
        const { operand, text, content } = memory(asm, 8);
        const value = immediate32();
        asm.arithmeticConstant(op, operand, value);
        return { text: `${op} ${text},${hex64(value)}`, content };
      }
    }
  },
  (asm) => {
    const [dst, src, value] = [below(16), below(16), immediate32()];
    asm.imulConstant(dst, src, value);
    return { text: `imul ${GPR64[dst]},${GPR64[src]},${hex64(value)}` };
  },
  (asm) => {
    const [dst, value] = [below(16), immediate32()];
    const { operand, text, content } = memory(asm, 8);
    asm.imulConstant(dst, operand, value);
    return { text: `imul ${GPR64[dst]},${text},${hex64(value)}`, content };
  },
  (asm) => {
    const [op, dst, by] = [pick(["shl", "shr"]), below(16), 2 + below(62)];
    asm[op](dst, by);
    return { text: `${op} ${GPR64[dst]},${hex(by)}` };
  },
  (asm) => {
    const [a, b] = [below(16), below(16)];
    asm.test(a, b);
    return { text: `test ${GPR64[a]},${GPR64[b]}` };
  },
  (asm) => {
    const r = below(16);
    const op = pick(["neg", "xor32", "push", "pop"]);
    asm[op](r);
    return { text: op === "xor32" ? `xor ${GPR32[r]},${GPR32[r]}` : `${op} ${GPR64[r]}` };
  },
  (asm) => {
    const condition = pick(Object.keys(CONDITION));
    const dst = below(16);
    const { operand, text, content } = memory(asm, 8);
    asm.cmov(condition, dst, operand);
    return { text: `cmov${condition} ${GPR64[dst]},${text}`, content };
  },
  (asm) => {
    const [condition, dst, src] = [pick(Object.keys(CONDITION)), below(16), below(16)];
    asm.cmov(condition, dst, src);
    return { text: `cmov${condition} ${GPR64[dst]},${GPR64[src]}` };
  },
  (asm) => {
    const [dst, by] = [below(16), below(16)];
    if (below(2) === 0) {
      const src = below(16);
      asm.bzhi32(dst, src, by);
      return { text: `bzhi ${GPR32[dst]},${GPR32[src]},${GPR32[by]}` };
    }
    const { operand, text, content } = memory(asm, 4);
    asm.bzhi32(dst, operand, by);
    return { text: `bzhi ${GPR32[dst]},${text},${GPR32[by]}`, content };
  },
  (asm) => {
    const [method, text] = pick([
      ["vzeroupper", "vzeroupper"],
      ["cpuid", "cpuid"],
      ["xgetbv", "xgetbv"],
      ["ret", "ret"],
    ]);
    asm[method]();
    return { text };
  },
];

/** A jump back to an earlier instruction, near or far, or ahead to one that is bound later. */
function jump(asm, labels, pending) {
  const condition = pick(Object.keys(CONDITION));
  const ahead = labels.length === 0 || below(2) === 0;
  const to = ahead ? asm.label() : pick(below(2) === 0 ? labels.slice(-8) : labels);
  if (ahead) pending.push(to);
  const always = below(4) === 0;
  if (always) asm.jmp(to);
  else asm.jcc(condition, to);
  return { text: `${always ? "jmp" : `j${condition}`} `, to };
}

const BATCH = 2000;

/** A block of random instructions: those that objdump reads otherwise. */
function attempt(seed, folder) {
  // Far apart, so that neighbours have no numbers in common.
  state = Math.imul(seed, 0x9e3779b1) >>> 0;
  const asm = new ListingAssembler(below(2) === 0 ? "evex" : "vex");
  const usable = VECTOR_INSTRUCTIONS.filter((i) => asm.encoding === "evex" || i.encodings !== "evex");
  const cases = [];
  const labels = [];
  let pending = [];
  for (let n = 0; n < BATCH; n++) {
    if (below(16) === 0) asm.align(pick([16, 32]));
    if (pending.length > 0 && below(4) === 0) {
      for (const label of pending) asm.bind(label);
      labels.push(...pending);
      pending = [];
    }
    const position = asm.position;
    const kind = below(10);
    const made =
      kind === 0
        ? jump(asm, labels, pending)
        : kind <= 2
          ? pick(SCALARS)(asm)
          : vectorInstruction(asm, usable[(n + below(3)) % usable.length]);
    cases.push({ ...made, position });
  }
  for (const label of pending) asm.bind(label);
  const end = asm.position;
  const code = asm.finish();
  const found = disassemble(code, end, join(folder, "code.bin"));
  const listed = new Map(asm.lines.map((line) => [line.address, line]));
  const places = new Map(asm.lines.map(({ label, address }) => [label, address]));
  const failures = [];
  for (const { text, position, content, to } of cases) {
    const expected = to ? text + hex(to.position) : text;
    const full = found.get(position) ?? "(no instruction starts here)";
    const actual = full
      .replace(/^\{evex\} /, "") // shown where VEX could say the same
      .replace(/\[rip[+-]0x[0-9a-f]+\]/, "[rip]")
      .replace(/ # 0x[0-9a-f]+$/, "")
      .trim();
    const target = / # 0x([0-9a-f]+)$/.exec(full);
    const at = target ? Number.parseInt(target[1], 16) : 0;
    const isRight = actual === expected && (!content || content.every((byte, k) => code[at + k] === byte));
    const said = listed.get(position)?.text ?? "(no line)";
    const says = said
      .replace(/\[rip\+C\d+\]/, "[rip]")
      .replace(/ (L\d+)$/, (_, label) => ` ${hex(places.get(label) ?? -1)}`);
    if (isRight && says === expected) continue;
    if (isRight) {
      failures.push({
        title: `${expected.split(" ", 1)[0]} is listed wrongly`,
        text: `seed ${seed}, at ${hex(position)}: expected ${expected}, listed as ${said}`,
      });
      continue;
    }
    const bytes = [...code.slice(position, position + 12)].map((b) => b.toString(16).padStart(2, "0")).join(" ");
    failures.push({
      title: `${expected.split(" ", 1)[0]} is encoded wrongly`,
      text: `seed ${seed}, at ${hex(position)}: expected ${expected}\n  objdump ${full}\n  bytes   ${bytes}`,
    });
  }
  return { tried: cases.length, failures };
}

/** What objdump reads at each position. */
function disassemble(code, end, file) {
  writeFileSync(file, code);
  const listing = spawnSync(
    "objdump",
    ["-D", "-b", "binary", "-m", "i386:x86-64", "-Mintel", "--no-show-raw-insn", `--stop-address=${end}`, file],
    { encoding: "utf8", maxBuffer: 2 ** 28 },
  ).stdout;
  const found = new Map();
  for (const line of listing.split("\n")) {
    const m = /^\s*([0-9a-f]+):\s+(.*)$/.exec(line);
    if (m) found.set(Number.parseInt(m[1], 16), m[2].replace(/\s+/g, " ").trim());
  }
  return found;
}
