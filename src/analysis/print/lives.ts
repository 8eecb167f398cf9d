/** Which part of the scratch holds what, from step to step: the plan of memory as a picture of letters. */
import type { Program } from "../../compiler/program.js";
import { byteText } from "./text.js";

/** A buffer of the scratch: written, read and, in between, kept. */
export interface Life {
  readonly label: string;
  readonly offset: number;
  readonly bytes: number;
  /** Steps that write it, and steps that read it, in order. */
  readonly writes: readonly number[];
  readonly reads: readonly number[];
}

export const firstStep = ({ writes, reads }: Life): number => Math.min(...writes, ...reads);
export const lastStep = ({ writes, reads }: Life): number => Math.max(...writes, ...reads);

/** By where they lie, then by when they begin. */
export function livesOf({ steps, kernels }: Program): Life[] {
  const lives = new Map<string, { label: string; offset: number; bytes: number; writes: number[]; reads: number[] }>();
  for (const [at, { operands, kernel }] of steps.entries()) {
    for (const [i, { region, offset, bytes, label }] of operands.entries()) {
      if (region !== "scratch") continue;
      const key = `${offset} ${bytes} ${label}`;
      const life = lives.get(key) ?? { label, offset, bytes, writes: [], reads: [] };
      lives.set(key, life);
      const { access } = kernels[kernel]!.operands[i]!;
      // What is there before the first write is nobody's: a kernel that goes on to read it reads its own.
      const isFirst = life.writes.length === 0 && life.reads.length === 0;
      if (access !== "read") life.writes.push(at);
      if (access === "read" || (access === "readwrite" && !isFirst)) life.reads.push(at);
    }
  }
  return [...lives.values()].sort((a, b) => a.offset - b.offset || firstStep(a) - firstStep(b));
}

/** Columns that the names and numbers beside the picture leave to it at the least. */
const LEAST = 20;
const NAME = 34;

/**
 * A row a buffer, a column a step; where there are more steps than columns, a column stands for several. `W` writes,
 * `r` reads, `X` both, `-` keeps.
 */
export function livesText(program: Program, width = 100): string[] {
  const lives = livesOf(program);
  if (lives.length === 0) return [];
  const names = Math.min(NAME, Math.max(...lives.map(({ label }) => label.length)));
  const beside = 2 + names + 2 + 9 + 2 + 9 + 2;
  const columns = Math.max(LEAST, width - beside);
  const each = Math.max(1, Math.ceil(program.steps.length / columns));
  const count = Math.ceil(program.steps.length / each);
  const column = (step: number) => Math.floor(step / each);
  const rows = lives.map((life) => {
    const isAlive = (c: number) => c >= column(firstStep(life)) && c <= column(lastStep(life));
    const cells: string[] = Array.from({ length: count }, (_, c) => (isAlive(c) ? "-" : "."));
    for (const step of life.reads) cells[column(step)] = "r";
    for (const step of life.writes) cells[column(step)] = cells[column(step)] === "r" ? "X" : "W";
    const label = life.label.length > names ? `${life.label.slice(0, names - 3)}...` : life.label.padEnd(names);
    return `  ${[label, String(life.offset).padStart(9), byteText(life.bytes).padStart(9), cells.join("")].join("  ")}`;
  });
  const steps = each === 1 ? "a column is a step" : `a column is ${each} steps`;
  return [
    `scratch: who lies where from step 0 to ${program.steps.length - 1} (${steps}; W writes, r reads, X both, - keeps)`,
    `  ${["buffer".padEnd(names), "offset".padStart(9), "bytes".padStart(9), ruler(count, each)].join("  ")}`,
    ...rows,
  ];
}

/** The number of the first step of every tenth column. */
function ruler(columns: number, each: number): string {
  let text = "";
  for (let c = 0; c < columns; c += 10) text = text.padEnd(c) + String(c * each);
  return text;
}
