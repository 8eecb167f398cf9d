/**
 * How a kernel that fuses stores its result: the epilogue's other inputs become operands behind the kernel's own, are
 * loaded beside each vector, and the outcome is stored with clean pad lanes.
 */
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import type { OperandList } from "../../codegen/definition.js";
import type { Reg } from "../../codegen/ir.js";
import type { Buffer } from "../contract/emitter.js";
import type { Lowering, Work } from "../contract/strategy.js";
import { type ChannelVectors, cleaned, isPartial } from "../language/channels.js";
import type { View } from "../language/view.js";
import { applyEpilogue, type Epilogue, epilogueOf } from "./epilogue.js";

/** Where a vector of the result lies. */
export interface ResultPlace {
  /** Bytes from the start of the result: a register and a constant. */
  readonly bytes: Reg;
  readonly offset: number;
  /** Bytes of the vector's first channel from the start of its row. */
  readonly channel: Reg | undefined;
  readonly channelOffset: number;
  /** Lanes outside belong to something else: neither loaded nor stored. */
  readonly mask?: Reg | undefined;
  /** How many lanes are channels, the others being padding; all where undefined. */
  readonly real?: number | undefined;
}

/** The epilogue of a kernel's store, and the buffers behind the kernel's own operands. */
export function resultOf(
  work: Work,
  to: Lowering,
): { readonly epilogue: Epilogue; readonly buffers: readonly Buffer[] } {
  const { epilogue, values } = epilogueOf(work);
  return { epilogue, buffers: [work.result, ...values].map((value) => to.buffer(value)) };
}

/** The result's own operand and the epilogue's. */
export function resultOperands(epilogue: Epilogue): OperandList {
  return [["result", "write"], ...epilogue.inputs.map((_, i) => [`e${i}`, "read"] as const)];
}

export function storeResult(k: KernelBuilder, epilogue: Epilogue, place: ResultPlace, value: Reg): void {
  if (value.type.kind !== "f32") throw new TypeError("result: expected a float vector");
  const { lanes } = value.type;
  const { mask } = place;
  const load = (pointer: Reg, offset: number) =>
    mask === undefined ? k.load(pointer, offset, lanes) : k.loadMasked(pointer, offset, mask);
  const loaded = epilogue.inputs.map((kind, i) => {
    const base = k.operand(`e${i}`);
    if (kind === "scalar") return k.broadcast(base, 0, lanes);
    if (kind === "full") return load(k.ptrAdd(base, place.bytes), place.offset);
    return load(place.channel === undefined ? base : k.ptrAdd(base, place.channel), place.channelOffset);
  });
  let outcome = applyEpilogue(k, epilogue, value, loaded);
  if (place.real !== undefined && mask === undefined) outcome = cleaned(k, outcome, place.real);
  const pointer = k.ptrAdd(k.operand("result"), place.bytes);
  if (mask === undefined) k.store(pointer, place.offset, outcome);
  else k.storeMasked(pointer, place.offset, outcome, mask);
}

/** The place of vector `index` of the channels from `row` on; `channel`: bytes of these from the start of their row. */
export function rowPlace<Axis extends string>(
  vectors: ChannelVectors,
  row: View<Axis>,
  channel: Reg | undefined,
  index: number,
): ResultPlace {
  const { k } = row;
  const step = row.element * vectors.lanes * index;
  const partial = isPartial(vectors, index);
  return {
    bytes: row.offset(),
    offset: step,
    channel,
    channelOffset: step,
    mask: partial && vectors.packed ? k.firstLanes(vectors.lastLanes, vectors.lanes) : undefined,
    real: partial ? vectors.lastLanes : undefined,
  };
}
