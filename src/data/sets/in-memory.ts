/** Some pictures of a set, wherever they are, as a set in memory. */
import { DataError } from "../../base/errors.js";
import type { Dataset } from "./dataset.js";
import { openBytes } from "./open-pictures.js";

/**
 * The pictures `indices`, in this order, brought to the set's shape. One on disk that will not decode is replaced as in
 * training.
 * @throws DataError where an index is out of range, and as PictureStream.fill.
 */
export async function inMemory(data: Dataset, indices: ArrayLike<number>): Promise<Dataset> {
  const { name, classes, shape, mean, std } = data;
  const size = shape[0] * shape[1] * shape[2];
  const wanted = Uint32Array.from(indices);
  const bad = Array.from(indices).find((index) => !(Number.isInteger(index) && index >= 0 && index < data.length));
  if (bad !== undefined) throw new DataError(`${name}: index ${bad} is out of range 0..${data.length - 1}`);
  const images = new Uint8Array(wanted.length * size);
  const labels = new Int32Array(wanted.length);
  const reader = openBytes(data);
  try {
    await reader.bytes(wanted, images, labels);
  } finally {
    await reader.close();
  }
  return { name, length: wanted.length, classes, shape, images, labels, mean, std };
}
