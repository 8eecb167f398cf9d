/**
 * The types that the elements of a value can have: one list, and the only place that says how many bytes each takes.
 */

/**
 * `f32`, `f16` and `bf16` are floating-point numbers: IEEE 754's of 32 and 16 bits, and the upper half of the former.
 * `i8`, `i32` and `i64` are signed integers, `u8` is unsigned, and `bool` is a byte of 0 or 1.
 */
export type DType = "f32" | "f16" | "bf16" | "i32" | "i8" | "u8" | "i64" | "bool";

/** Those that vectors of 32-bit lanes are widened from as they are loaded, and narrowed to as they are stored. */
export type NarrowType = "f16" | "bf16" | "i8" | "u8";

const BYTES: Readonly<Record<DType, number>> = { f32: 4, f16: 2, bf16: 2, i32: 4, i8: 1, u8: 1, i64: 8, bool: 1 };

export const ELEMENT_TYPES = Object.keys(BYTES) as readonly DType[];

/** Bytes of one element in memory. */
export function bytesOfElement(type: DType): number {
  return BYTES[type];
}

export function isFloat(type: DType): boolean {
  return type === "f32" || type === "f16" || type === "bf16";
}
