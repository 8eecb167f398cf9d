/**
 * The element types of safetensors and the typed arrays that hold them. The half-precision types, which JavaScript of
 * today has no array for, are widened to float32; that is exact.
 */
import { numberOfHalf } from "../../base/half.js";

/** A type of numbers, as the format writes it: `"F32"`, `"I64"` and so on. */
export type DtypeName =
  | "F64"
  | "F32"
  | "F16"
  | "BF16"
  | "I64"
  | "U64"
  | "I32"
  | "U32"
  | "I16"
  | "U16"
  | "I8"
  | "U8"
  | "BOOL";

/** The numbers of a tensor, in an array of their type. */
export type TensorData =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

interface ArrayType<T extends TensorData> {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T;
}

export interface Dtype {
  /** The size of an element in a file. */
  readonly bytes: number;
  /** The typed array that a tensor read from a file has. */
  readonly array: ArrayType<TensorData>;
  /** Little-endian bytes as numbers: a view where alignment allows, else a copy. */
  readonly view: (bytes: Uint8Array) => TensorData;
}

export const dtypes: Readonly<Record<DtypeName, Dtype>> = {
  F64: plain(Float64Array, 8),
  F32: plain(Float32Array, 4),
  F16: { bytes: 2, array: Float32Array, view: (bytes) => Float32Array.from(words(bytes), numberOfHalf) },
  BF16: { bytes: 2, array: Float32Array, view: (bytes) => bfloat16(words(bytes)) },
  I64: plain(BigInt64Array, 8),
  U64: plain(BigUint64Array, 8),
  I32: plain(Int32Array, 4),
  U32: plain(Uint32Array, 4),
  I16: plain(Int16Array, 2),
  U16: plain(Uint16Array, 2),
  I8: plain(Int8Array, 1),
  U8: plain(Uint8Array, 1),
  BOOL: plain(Uint8Array, 1),
};

function plain<T extends TensorData>(array: ArrayType<T>, bytes: number): Dtype {
  return { bytes, array, view: (source) => view(array, bytes, source) };
}

function view<T extends TensorData>(array: ArrayType<T>, bytes: number, source: Uint8Array): T {
  // A copy by the constructor: the `slice` of Node's Buffer is a view.
  const aligned = source.byteOffset % bytes === 0 ? source : new Uint8Array(source);
  return new array(aligned.buffer, aligned.byteOffset, aligned.byteLength / bytes);
}

const words = (bytes: Uint8Array): Uint16Array => view(Uint16Array, 2, bytes);

/** A bfloat16 is the upper half of a float32. */
function bfloat16(halves: Uint16Array): Float32Array {
  const bits = Uint32Array.from(halves, (half) => half << 16);
  return new Float32Array(bits.buffer);
}
