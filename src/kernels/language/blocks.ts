/**
 * An extent in blocks of equal size. Code is written for a whole block; the last has code of its own where it is
 * smaller, or where it has the pads of the layout.
 */
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import type { IntArg, Reg } from "../../codegen/ir.js";

/** An extent cut into blocks. */
export interface Blocks {
  /** Elements of a whole block. */
  readonly size: number;
  /** Blocks, the last included. */
  readonly count: number;
  /** Elements of the last block, if it has code of its own. */
  readonly last: number | undefined;
}

/** `isPadded`: the last block has pads, so that its code differs even where it is whole. */
export function blocksOf(extent: number, size: number, isPadded = false): Blocks {
  const rest = extent % size;
  const last = rest > 0 ? rest : isPadded ? size : undefined;
  return { size, count: Math.ceil(extent / size), last };
}

/** Writes the code of a block; `isApart`: that of the last, which differs. */
export type BlockCode = (block: Reg, size: number, isApart: boolean) => void;

/** Blocks `from` to `to`, which may lie behind the last. */
export function eachBlock(k: KernelBuilder, { size, count, last }: Blocks, from: Reg, to: Reg, body: BlockCode): void {
  const alike = last === undefined ? count : count - 1;
  if (alike > 0) {
    const end = k.var(k.min(to, alike), "fullTo");
    k.loop(from, end, (block) => body(block, size, false), { frame: true, name: "block" });
  }
  if (last !== undefined) k.if(to, "ge", count, () => body(k.var(alike, "block"), last, true));
}

/** All blocks, or some of them: `to` is no further than the last. */
export type BlockRange = "all" | { readonly from: Reg; readonly to: Reg };

/** The same for all blocks, a single one without a loop, or for some; the last is known by its number. */
export function eachOfBlocks(
  k: KernelBuilder,
  { size, count, last }: Blocks,
  range: BlockRange,
  body: (block: IntArg, size: number) => void,
): void {
  const alike = last === undefined ? count : count - 1;
  const loop = (from: IntArg, to: IntArg) =>
    k.loop(from, to, (block) => body(block, size), { frame: true, name: "block" });
  if (range === "all") {
    if (alike === 1) body(0, size);
    else if (alike > 1) loop(0, alike);
    if (last !== undefined) body(alike, last);
    return;
  }
  const end = last === undefined ? range.to : k.var(k.min(range.to, alike), "fullTo");
  if (alike > 0) loop(range.from, end);
  if (last !== undefined) k.if(range.to, "eq", count, () => body(alike, last));
}

/** The block that has this number. */
export function oneBlock(
  k: KernelBuilder,
  { size, count, last }: Blocks,
  block: Reg,
  body: (size: number, isApart: boolean) => void,
): void {
  if (last === undefined) body(size, false);
  else if (count === 1) body(last, true);
  else
    k.if(
      block,
      "lt",
      count - 1,
      () => body(size, false),
      () => body(last, true),
    );
}
