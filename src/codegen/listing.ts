/**
 * A kernel's code as text: what its encoder wrote, an instruction a line, beside the instruction of the kernel language
 * that each is a part of. An encoder that is asked for a listing writes the same bytes as one that is not.
 *
 *     ; %acc.12:f32x8 = fma %loaded.3, %b.4, %acc.12
 *       0040  c4 e2 75 b8 c2           vfmadd231ps ymm0,ymm1,ymm2
 */
import type { Instr, Kernel } from "./ir.js";
import { printInstr } from "./print.js";

export interface ListedLine {
  /** Bytes from the beginning of the code. */
  readonly address: number;
  readonly bytes: Uint8Array;
  /** The instruction as assembly text; of `padding` and `constant`, what the bytes are. */
  readonly text: string;
  readonly kind: "instruction" | "padding" | "constant";
  /** The name by which other lines call this place. */
  readonly label?: string | undefined;
  /** The kernel's instruction that it is a part of; none where the code enters, leaves, or is no code. */
  readonly source?: Instr | undefined;
  /** Loads and constants of the kernel that became memory operands of this instruction. */
  readonly folded?: readonly Instr[] | undefined;
}

/** The bytes of all lines, one behind the other, are the encoded function. */
export interface Listing {
  readonly kernel: Kernel;
  readonly lines: readonly ListedLine[];
}

/** Bytes that fit in their column; longer ones go on below. */
const BYTES = 8;

/** The listing as text, the kernel's own instructions as comments above what they became. */
export function printListing({ kernel, lines }: Listing): string {
  const out: string[] = [];
  const open = new Set<Instr>();
  let before: ListedLine | undefined;
  for (const line of lines) {
    const isNew = before === undefined || line.source !== before.source || line.kind !== before.kind;
    const head = isNew ? headings(line, open, kernel) : [];
    if (line.kind === "constant") out.push(...head, `${line.label}:`);
    else out.push(...(line.label === undefined ? [] : [`${line.label}:`]), ...head);
    out.push(...listed(line));
    before = line;
  }
  return out.join("\n");
}

function headings({ source, folded = [], kind }: ListedLine, open: Set<Instr>, kernel: Kernel): string[] {
  if (kind === "constant") return ["; constants"];
  if (kind === "padding") return [];
  if (source === undefined) return [open.size === 0 ? "; enter" : "; leave"];
  const texts = [...folded, source].map((i) => `; ${printInstr(i, kernel)}`);
  const isBack = (source.op === "loop" || source.op === "if") && open.has(source);
  open.add(source);
  return isBack ? [`; } ${printInstr(source, kernel).replace(/ \{$/, "")}`] : texts;
}

function listed({ address, bytes, text, kind }: ListedLine): string[] {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"));
  const isLong = kind === "padding" && hex.length > BYTES;
  const cells = isLong ? [...hex.slice(0, BYTES - 1), ".."] : hex;
  const rows = Math.max(1, Math.ceil(cells.length / BYTES));
  return Array.from({ length: rows }, (_, row) => {
    const at = (address + row * BYTES).toString(16).padStart(4, "0");
    const part = cells.slice(row * BYTES, (row + 1) * BYTES).join(" ");
    return `  ${at}  ${row === 0 ? `${part.padEnd(3 * BYTES)} ${text}` : part}`.trimEnd();
  });
}
