/** Stores a register tile through its epilogue: bias, activation and the like are applied on the way to memory. */
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import type { Reg } from "../../codegen/ir.js";
import type { Lanes } from "../../target/target.js";
import { F32 } from "../language/view.js";
import { applyEpilogue, type Epilogue } from "./epilogue.js";

export interface TileStore {
  readonly lanes: Lanes;
  readonly epilogue: Epilogue;
  /** Operand that is written. */
  readonly result: string;
  /** Bytes from the operand's start to the tile's first element, and from one row of the tile to the next. */
  readonly offset: Reg;
  readonly rowBytes: number;
  /** Bytes of the tile's first channel in a channel vector. */
  readonly channel: Reg;
  /** Channels in the last vector if it is, or may be, not full. */
  readonly real: Reg | number | undefined;
  /** What lies beyond the last channel belongs to the next pixel: neither read nor written. */
  readonly narrow: boolean;
}

/** The operands of a kernel that stores through an epilogue, beside its own: `extra0`, `extra1`, ... */
export function epilogueOperands(epilogue: Epilogue): [string, "read"][] {
  return epilogue.inputs.map((_, i) => [`extra${i}`, "read"]);
}

/**
 * Asks for what a tile will be stored to, and read from as it is stored: to be done before the sums, which take longer
 * than memory.
 */
export function prefetchTile(
  k: KernelBuilder,
  rows: number,
  vectors: number,
  to: Pick<TileStore, "lanes" | "epilogue" | "result" | "offset" | "rowBytes">,
): void {
  const names = [to.result, ...to.epilogue.inputs.flatMap((kind, i) => (kind === "full" ? [`extra${i}`] : []))];
  for (const name of names) {
    const place = k.ptrAdd(k.operand(name), to.offset);
    for (let row = 0; row < rows; row++)
      for (let byte = 0; byte < vectors * to.lanes * F32; byte += k.target.lineBytes)
        k.prefetch(place, row * to.rowBytes + byte);
  }
}

export function storeTile(k: KernelBuilder, acc: readonly (readonly Reg[])[], to: TileStore): void {
  const { lanes, epilogue, narrow, real } = to;
  const result = k.ptrAdd(k.operand(to.result), to.offset);
  const pointers = epilogue.inputs.map((kind, i) => {
    const base = k.operand(`extra${i}`);
    if (kind === "full") return k.ptrAdd(base, to.offset);
    return kind === "channel" ? k.ptrAdd(base, to.channel) : base;
  });
  const vectors = acc[0]?.length ?? 0;
  for (let v = 0; v < vectors; v++) {
    const partial = real !== undefined && v === vectors - 1;
    const mask = partial ? k.firstLanes(real, lanes) : undefined;
    const load = (ptr: Reg, at: number) => (narrow && mask ? k.loadMasked(ptr, at, mask) : k.load(ptr, at, lanes));
    const shared = epilogue.inputs.map((kind, i) => {
      if (kind === "channel") return load(pointers[i]!, v * lanes * F32);
      return kind === "scalar" ? k.broadcast(pointers[i]!, 0, lanes) : undefined;
    });
    for (const [i, row] of acc.entries()) {
      const at = i * to.rowBytes + v * lanes * F32;
      const loaded = shared.map((r, n) => r ?? load(pointers[n]!, at));
      const value = applyEpilogue(k, epilogue, row[v]!, loaded);
      if (narrow && mask) k.storeMasked(result, at, value, mask);
      else k.store(result, at, mask ? k.keep(mask, value) : value);
    }
  }
}
