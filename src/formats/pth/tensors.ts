/**
 * The numbers of tensors in row-major order: views of the file's bytes where they lie so, else copies, within the
 * file's budget.
 */

import { shown, shownShape } from "../../base/bytes.js";
import { FileError } from "../../base/errors.js";
import type { Budget } from "../budget.js";
import { type DtypeName, dtypes, type TensorData } from "../safetensors/dtypes.js";
import type { LeftOut, SafeTensor } from "../safetensors/safetensors.js";
import type { Elements, Storage, Tensor } from "./values.js";

/** The bytes of a storage, of whichever container. */
export type StorageBytes = (storage: Storage) => Uint8Array;

export class TensorNumbers {
  readonly #file: string;
  readonly #budget: Budget;
  readonly #bytes: StorageBytes;
  /** Tensors may share a storage. */
  readonly #known = new Map<string, TensorData>();

  constructor(file: string, budget: Budget, bytes: StorageBytes) {
    this.#file = file;
    this.#budget = budget;
    this.#bytes = bytes;
  }

  /** @throws FileError where a tensor reaches beyond its storage, or all of them beyond the budget. */
  read(tensors: ReadonlyMap<string, Tensor>, leftOut: LeftOut[]): Map<string, SafeTensor> {
    const read = new Map<string, SafeTensor>();
    for (const [name, tensor] of tensors) {
      const { dtype } = tensor.elements;
      if (dtype === undefined) leftOut.push({ name, what: `a tensor of ${tensor.elements.name}` });
      else read.set(name, this.#tensor(name, tensor, dtype));
    }
    return read;
  }

  #tensor(name: string, { storage, elements, offset, shape, strides }: Tensor, dtype: DtypeName): SafeTensor {
    const count = shape.reduce((a, b) => a * b, 1);
    if (count === 0) return { dtype, shape, data: dtypes[dtype].view(new Uint8Array(0)) };
    const data = this.#numbers(storage, elements, dtype);
    const last = offset + shape.reduce((sum, extent, axis) => sum + (extent - 1) * strides[axis]!, 0);
    if (!(last < data.length)) {
      throw new FileError(
        `${this.#file}: tensor "${shown(name)}" of shape ${shownShape(shape)} at offset ${offset} reaches beyond its storage of ${data.length} numbers`,
      );
    }
    if (isDense(shape, strides)) return { dtype, shape, data: data.subarray(offset, offset + count) };
    this.#budget.take(count * data.BYTES_PER_ELEMENT, `tensor "${shown(name)}" of shape ${shownShape(shape)}`);
    return { dtype, shape, data: rowMajor(data, offset, shape, strides, count) };
  }

  #numbers(storage: Storage, elements: Elements, dtype: DtypeName): TensorData {
    const { key, part } = storage;
    const id = JSON.stringify([key, elements.name, part]);
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const bytes = this.#bytes(storage);
    // An untyped storage of bytes may have a rest; one of numbers has none.
    if (bytes.length % elements.bytes !== 0) {
      throw new FileError(
        `${this.#file}: storage ${shown(key)} has ${bytes.length} bytes, which are no whole ${elements.name} numbers`,
      );
    }
    // Half precision becomes float32.
    this.#budget.take((bytes.length / elements.bytes) * Math.max(4, elements.bytes), `storage ${shown(key)}`);
    const data = dtypes[dtype].view(bytes);
    this.#known.set(id, data);
    return data;
  }
}

function isDense(shape: readonly number[], strides: readonly number[]): boolean {
  for (let axis = shape.length - 1, stride = 1; axis >= 0; stride *= shape[axis--]!) {
    if (shape[axis] !== 1 && strides[axis] !== stride) return false;
  }
  return true;
}

function rowMajor(
  data: TensorData,
  offset: number,
  shape: readonly number[],
  strides: readonly number[],
  count: number,
): TensorData {
  const copy = data.slice(0, 0).constructor as new (length: number) => TensorData;
  const result = new copy(count);
  const index = shape.map(() => 0);
  for (let to = 0, from = offset; to < count; to++) {
    result[to] = data[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}

/** The part of a storage's bytes that a view of it has. */
export function partOf(bytes: Uint8Array, { key, elements, part }: Storage, file: string): Uint8Array {
  if (part === undefined) return bytes;
  const [begin, end] = [part.offset * elements.bytes, (part.offset + part.length) * elements.bytes];
  if (!(end <= bytes.length)) throw new FileError(`${file}: a part of storage ${shown(key)} reaches beyond its end`);
  return bytes.subarray(begin, end);
}
