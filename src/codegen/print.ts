/**
 * Kernels as text, one instruction a line, for people, error messages and inline snapshots:
 *
 *     %acc.12:f32x16 = fma %loaded.3, %b.4, %acc.12
 *
 * A register is its name and its number, so that the text stays readable and unambiguous.
 */
import { type Address, type Instr, type IntArg, type Kernel, type Reg, typeName } from "./ir.js";

/** A kernel as text, an instruction a line. */
export function printKernel(kernel: Kernel): string {
  const operands = kernel.operands.map((o) => `${o.name}: ${o.access}`).join(", ");
  const lines = [`kernel ${kernel.name}(${operands}) for ${kernel.target.name}, ${kernel.target.fma} {`];
  printBlock(kernel, kernel.body, 1, (text) => lines.push(text));
  lines.push("}");
  return lines.join("\n");
}

/** The line of `printKernel`'s text, counted from 1, on which an instruction stands; 0 if it is not in the kernel. */
export function lineOf(kernel: Kernel, wanted: Instr): number {
  let line = 1;
  let found = 0;
  printBlock(kernel, kernel.body, 1, (_, instr) => {
    line++;
    if (instr === wanted && found === 0) found = line;
  });
  return found;
}

function printBlock(
  kernel: Kernel,
  block: readonly Instr[],
  depth: number,
  put: (line: string, instr?: Instr) => void,
): void {
  const indent = "  ".repeat(depth);
  for (const i of block) {
    put(indent + printInstr(i, kernel), i);
    if (i.op === "loop") {
      printBlock(kernel, i.body, depth + 1, put);
      put(`${indent}}`);
    } else if (i.op === "if") {
      printBlock(kernel, i.body, depth + 1, put);
      if (i.otherwise.length > 0) {
        put(`${indent}} else {`);
        printBlock(kernel, i.otherwise, depth + 1, put);
      }
      put(`${indent}}`);
    }
  }
}

/** One instruction on one line; of a loop or an `if`, the line that opens it. */
export function printInstr(i: Instr, kernel?: Kernel): string {
  if ("dst" in i) return `${reg(i.dst)}:${typeName(i.dst.type)} = ${value(i, kernel)}`;
  switch (i.op) {
    case "storeint":
    case "store":
      return `${i.op} ${address(i.at)}, ${reg(i.src)}`;
    case "prefetch":
      return `prefetch ${address(i.at)}`;
    case "storemask":
      return `storemask ${address(i.at)}, ${reg(i.src)} where ${reg(i.mask)}`;
    case "storeas":
      return `storeas ${i.type} ${address(i.at)}, ${reg(i.src)}${where(i.mask)}`;
    case "loop":
      return `loop ${reg(i.index)} = ${arg(i.from)} to ${arg(i.to)}${i.step === 1 ? "" : ` step ${i.step}`}${i.index.inFrame ? " in frame" : ""} {`;
    case "if":
      return `if ${reg(i.a)} ${i.kind} ${arg(i.b)} {`;
    case "comment":
      return `; ${i.text}`;
  }
}

function value(i: Extract<Instr, { dst: Reg }>, kernel?: Kernel): string {
  switch (i.op) {
    case "operand":
      return `operand ${kernel?.operands[i.index]?.name ?? i.index}`;
    case "const":
    case "setconst":
      return `${i.value}`;
    case "splat":
      return `splat ${Object.is(i.value, -0) ? "-0" : i.value}`;
    case "int":
      return `${i.kind} ${arg(i.a)}, ${arg(i.b)}`;
    case "div":
    case "mod":
      return `${i.op} ${reg(i.a)}, ${i.by}`;
    case "ptradd":
      return `ptradd ${reg(i.ptr)}, ${arg(i.bytes)}`;
    case "set":
      return reg(i.src);
    case "splatlane0":
    case "splatint":
      return `${i.op} ${reg(i.src)}`;
    case "loadint":
    case "load":
    case "broadcast":
      return `${i.op} ${address(i.at)}`;
    case "loadas":
      return `loadas ${i.type} ${address(i.at)}${where(i.mask)}`;
    case "loadmask":
      return `loadmask ${address(i.at)} where ${reg(i.mask)}`;
    case "float2":
    case "intvec2":
      return `${i.kind} ${reg(i.a)}, ${reg(i.b)}`;
    case "float1":
    case "convert":
      return `${i.kind} ${reg(i.a)}`;
    case "fma":
      return `${i.negate ? "fnma" : "fma"} ${reg(i.a)}, ${reg(i.b)}, ${reg(i.c)}`;
    case "intshift":
      return `${i.kind} ${reg(i.a)}, ${i.by}`;
    case "iota":
      return "iota";
    case "reduce":
      return `reduce ${i.kind} ${reg(i.src)}`;
    case "shuffle":
      return `shuffle ${reg(i.a)}, ${reg(i.b)} by ${i.indices.join(" ")}`;
    case "cmpfloat":
    case "cmpint":
      return `${i.op} ${i.kind} ${reg(i.a)}, ${reg(i.b)}`;
    case "firstlanes":
      return `firstlanes ${arg(i.count)}`;
    case "mask2":
      return `mask ${i.kind} ${reg(i.a)}, ${reg(i.b)}`;
    case "select":
      return `select ${reg(i.mask)}, ${reg(i.a)}, ${reg(i.b)}`;
    case "keep":
      return `keep ${reg(i.a)} where ${reg(i.mask)}`;
  }
}

function where(mask: Reg | undefined): string {
  return mask === undefined ? "" : ` where ${reg(mask)}`;
}

function reg(r: Reg): string {
  return `%${r.name}.${r.id}`;
}

function arg(a: IntArg): string {
  return typeof a === "number" ? `${a}` : reg(a);
}

function address(at: Address): string {
  if (at.offset === 0) return `[${reg(at.ptr)}]`;
  return `[${reg(at.ptr)} ${at.offset < 0 ? "-" : "+"} ${Math.abs(at.offset)}]`;
}
