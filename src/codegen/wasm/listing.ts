/**
 * A kernel's WebAssembly function as text, an instruction a line, as the text format has them (`wat`), locals under the
 * names of the kernel's registers. The bytes are read back by the table of the opcodes that the encoder writes with; it
 * knows no others.
 */
import { KernelError } from "../../base/errors.js";
import { type Instr, type Kernel, type Reg, reads, writes } from "../ir.js";
import type { ListedLine, Listing } from "../listing.js";
import { functionWriter } from "./encode.js";
import { type FunctionBody, VALUE_I32, writeFunction } from "./module.js";
import { OP, SIMD } from "./opcodes.js";

/**
 * The function line by line, of the bytes that `encodeWasm` gives it.
 * @throws KernelError for a kernel of another machine.
 */
export function listWasm(kernel: Kernel): Listing {
  const sources: { readonly position: number; readonly source: Instr }[] = [];
  const writer = functionWriter(kernel, (source, position) => sources.push({ position, source }));
  const body = writer.finish();
  const bytes = writeFunction(body).toUint8Array();
  const start = bytes.length - body.code.length - 1;
  const names = localNames(kernel, writer.locals);
  const lines: ListedLine[] = [];
  if (start > 0)
    lines.push({ address: 0, bytes: bytes.slice(0, start), text: localsText(body.locals), kind: "instruction" });
  const reader = new Reader(bytes, start, names);
  let at = 0;
  while (reader.position < bytes.length) {
    const address = reader.position;
    const text = reader.instruction();
    while (at + 1 < sources.length && start + sources[at + 1]!.position <= address) at++;
    const isCode = reader.position < bytes.length;
    lines.push({
      address,
      bytes: bytes.slice(address, reader.position),
      text,
      kind: "instruction",
      source: isCode ? sources[at]?.source : undefined,
    });
  }
  return { kernel, lines };
}

function localsText(locals: FunctionBody["locals"]): string {
  const texts = locals.filter(({ count }) => count > 0);
  return `locals: ${texts.map(({ count, type }) => `${count} ${type === VALUE_I32 ? "i32" : "v128"}`).join(", ")}`;
}

function localNames(kernel: Kernel, locals: ReadonlyMap<number, number>): string[] {
  const names: string[] = ["$table"];
  const note = (reg: Reg) => {
    const local = locals.get(reg.id);
    if (local !== undefined) names[local] = `$${reg.name.replace(/[^\w.]/g, "_")}.${reg.id}`;
  };
  const walk = (block: readonly Instr[]): void => {
    for (const i of block) {
      for (const reg of [...reads(i), writes(i)]) if (reg !== undefined) note(reg);
      if (i.op === "loop" || i.op === "if") walk(i.body);
      if (i.op === "if") walk(i.otherwise);
    }
  };
  for (const reg of [kernel.begin, kernel.end, kernel.batch]) note(reg);
  walk(kernel.body);
  return names;
}

/** `i32_lt_s` of the table is `i32.lt_s` in text; `br_if` is one word. */
const inText = (name: string): string => (name.startsWith("br_") ? name : name.replace("_", "."));

const namesOf = (table: Readonly<Record<string, number>>) =>
  new Map(Object.entries(table).map(([name, opcode]) => [opcode, inText(name)]));

const NAMES = namesOf(OP);
const SIMD_NAMES = namesOf(SIMD);
const WITH_LANE: ReadonlySet<number> = new Set([SIMD.i32x4_extract_lane, SIMD.f32x4_extract_lane]);
const MEMORY: ReadonlySet<number> = new Set([
  SIMD.v128_load,
  SIMD.v128_load16x4_u,
  SIMD.v128_load32_splat,
  SIMD.v128_load32_zero,
  SIMD.v128_store,
]);
const MEMORY_LANE: ReadonlySet<number> = new Set([
  SIMD.v128_load8_lane,
  SIMD.v128_load16_lane,
  SIMD.v128_load32_lane,
  SIMD.v128_store8_lane,
  SIMD.v128_store16_lane,
  SIMD.v128_store32_lane,
  SIMD.v128_store64_lane,
]);

/** Reads instructions one by one, each with its immediates, and knows how deep the blocks are. */
class Reader {
  #depth = 0;

  constructor(
    readonly bytes: Uint8Array,
    public position: number,
    readonly locals: readonly (string | undefined)[],
  ) {}

  instruction(): string {
    const at = this.position;
    const opcode = this.#byte();
    if (opcode === OP.simd) return this.#indented(this.#vector(at));
    const name = NAMES.get(opcode);
    if (name === undefined)
      throw new KernelError(`wasm: opcode 0x${opcode.toString(16)} at ${at} is not the encoder's`);
    switch (opcode) {
      case OP.block:
      case OP.loop:
      case OP.if: {
        this.#byte();
        const text = this.#indented(name);
        this.#depth++;
        return text;
      }
      case OP.else: {
        this.#depth--;
        const text = this.#indented(name);
        this.#depth++;
        return text;
      }
      case OP.end:
        this.#depth = Math.max(0, this.#depth - 1);
        return this.#indented(name);
      case OP.local_get:
      case OP.local_set:
      case OP.local_tee: {
        const local = this.#unsigned();
        return this.#indented(`${name} ${this.locals[local] ?? `$bound.${local}`}`);
      }
      case OP.br_if:
        return this.#indented(`${name} ${this.#unsigned()}`);
      case OP.i32_const:
        return this.#indented(`${name} ${this.#signed()}`);
      case OP.i32_load:
      case OP.i32_store:
        return this.#indented(`${name}${this.#memory()}`);
      default:
        return this.#indented(name);
    }
  }

  #vector(at: number): string {
    const opcode = this.#unsigned();
    const name = SIMD_NAMES.get(opcode);
    if (name === undefined)
      throw new KernelError(`wasm: vector opcode 0x${opcode.toString(16)} at ${at} is not the encoder's`);
    if (MEMORY.has(opcode)) return `${name}${this.#memory()}`;
    if (MEMORY_LANE.has(opcode)) return `${name}${this.#memory()} ${this.#byte()}`;
    if (WITH_LANE.has(opcode)) return `${name} ${this.#byte()}`;
    if (opcode === SIMD.v128_const) return `${name} i32x4 ${this.#words().join(" ")}`;
    if (opcode === SIMD.i8x16_shuffle) return `${name} ${Array.from({ length: 16 }, () => this.#byte()).join(" ")}`;
    return name;
  }

  /** Alignment and offset: the encoder's alignment is always four bytes. */
  #memory(): string {
    const align = 2 ** this.#unsigned();
    const offset = this.#unsigned();
    return `${offset === 0 ? "" : ` offset=${offset}`} align=${align}`;
  }
  #words(): string[] {
    return Array.from({ length: 4 }, () => {
      const word = this.#byte() | (this.#byte() << 8) | (this.#byte() << 16) | (this.#byte() << 24);
      return `0x${(word >>> 0).toString(16)}`;
    });
  }
  #byte(): number {
    const byte = this.bytes[this.position++];
    if (byte === undefined) throw new KernelError("wasm: the code ends within an instruction");
    return byte;
  }
  #unsigned(): number {
    let [value, shift] = [0, 0];
    for (;;) {
      const byte = this.#byte();
      value += (byte & 0x7f) * 2 ** shift;
      shift += 7;
      if (byte < 0x80) return value;
    }
  }
  #signed(): number {
    const start = this.position;
    const value = this.#unsigned();
    const bits = 7 * (this.position - start);
    return this.bytes[this.position - 1]! & 0x40 ? value - 2 ** bits : value;
  }
  #indented(text: string): string {
    return "  ".repeat(this.#depth) + text;
  }
}
