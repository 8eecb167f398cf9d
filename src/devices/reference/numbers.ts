/** Numbers of a value's own type, as callers have them: halves are rounded, and kept in float32. */
import { type DType, isFloat } from "../../base/element-type.js";
import { BackendError } from "../../base/errors.js";
import { bfloat16OfNumber, halfOfNumber, numberOfBfloat16, numberOfHalf } from "../../base/half.js";
import type { Numbers } from "../device.js";

/** @throws BackendError of i64, which callers have no numbers for. */
export function zeros(dtype: DType, length: number): Numbers {
  if (isFloat(dtype)) return new Float32Array(length);
  if (dtype === "i32") return new Int32Array(length);
  if (dtype === "i8") return new Int8Array(length);
  if (dtype === "u8" || dtype === "bool") return new Uint8Array(length);
  throw new BackendError(`a value of type ${dtype} cannot be given or kept; convert it to i32 first`);
}

/** A copy. */
export function rounded(data: ArrayLike<number>, dtype: DType): Numbers {
  const numbers = zeros(dtype, data.length);
  numbers.set(data);
  if (dtype === "f16") for (let i = 0; i < data.length; i++) numbers[i] = numberOfHalf(halfOfNumber(data[i]!));
  if (dtype === "bf16") for (let i = 0; i < data.length; i++) numbers[i] = numberOfBfloat16(bfloat16OfNumber(data[i]!));
  return numbers;
}
