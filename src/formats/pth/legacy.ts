/**
 * PyTorch's files from before version 1.6 (torch.save with _use_new_zipfile_serialization=False writes them to this
 * day):
 *
 *     pickle  the magic number      pickle  1001, the version      pickle  {"little_endian": true, ...}
 *     pickle  what was saved        pickle  the storages' keys, in their order
 *     for each storage: its count of elements as int64, then its elements
 *
 * and from before 0.1.10, a tar archive with
 *
 *     storages   pickle N, then N times: pickle (key, device, type), int64 count, elements; then a pickle of views of them
 *     tensors    pickle N, then N times: pickle (key, storage, type), int32 rank, 4 bytes, extents, strides and offset as int64
 *     pickle     what was saved, tensors by their keys
 */

import { shown } from "../../base/bytes.js";
import { FileError } from "../../base/errors.js";
import { type PickleObject, type PickleValue, readPickleAt } from "./pickle.js";
import { describe } from "./state-dict.js";
import { partOf, type StorageBytes } from "./tensors.js";
import { isCount, PthValues, Storage, type Tensor } from "./values.js";

/** What a file holds, and where its tensors' numbers are. */
export interface PthContent {
  readonly top: PickleValue;
  readonly bytesOf: StorageBytes;
}

const MAGIC = [0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
const VERSION = 1001;

/** Whether the bytes begin with the pickle of PyTorch's magic number. */
export function isLegacyPth(bytes: Uint8Array): boolean {
  return bytes[0] === 0x80 && MAGIC.every((byte, i) => bytes[2 + i] === byte);
}

/** @throws FileError where the file is damaged, cut short, or of a machine whose numbers are the other way round. */
export function readLegacyPth(bytes: Uint8Array, file: string): PthContent {
  const values = new PthValues(file);
  let at = 0;
  const next = () => {
    const { value, end } = readPickleAt(bytes, at, file, values);
    at = end;
    return value;
  };
  next();
  const version = next();
  if (version !== VERSION) {
    const found = typeof version === "number" ? String(version) : describe(version);
    throw new FileError(`${file}: is of version ${found} of PyTorch's old format; expected ${VERSION}`);
  }
  const system = next();
  if (system instanceof Map && system.get("little_endian") === false) {
    throw new FileError(`${file}: its numbers are big-endian; expected little`);
  }
  const sized = new SizedStorages(file);
  const types = new Map<string, Storage>();
  const hooks = new (class extends PthValues {
    override persistent(id: PickleValue): PickleValue {
      const value = super.persistent(id);
      if (value instanceof Storage) types.set(value.key, value);
      return value;
    }
  })(file);
  const main = readPickleAt(bytes, at, file, hooks);
  at = main.end;
  const keys = next();
  if (!Array.isArray(keys)) throw new FileError(`${file}: is damaged: the list of its storages is missing`);
  for (const key of keys as readonly PickleValue[]) {
    const storage = typeof key === "string" ? types.get(key) : undefined;
    if (storage === undefined) throw new FileError(`${file}: is damaged: a storage is of no type that is known`);
    at = sized.add(bytes, at, storage.key, storage.elements.bytes);
  }
  return { top: main.value, bytesOf: (storage) => sized.bytesOf(storage) };
}

/** Storages that follow each other in the file, each with its count of elements in front. */
class SizedStorages {
  readonly #file: string;
  readonly #bytes = new Map<string, Uint8Array>();

  constructor(file: string) {
    this.#file = file;
  }

  /** Where the next one begins. */
  add(bytes: Uint8Array, at: number, key: string, elementBytes: number): number {
    const count = at + 8 <= bytes.length ? Number(viewOf(bytes).getBigInt64(at, true)) : Number.NaN;
    const end = at + 8 + count * elementBytes;
    if (!(count >= 0 && end <= bytes.length)) {
      throw new FileError(`${this.#file}: cut short inside storage ${shown(key)}; copy or download the file again`);
    }
    this.#bytes.set(key, bytes.subarray(at + 8, end));
    return end;
  }

  bytesOf(storage: Storage): Uint8Array {
    const bytes = this.#bytes.get(storage.key);
    if (bytes === undefined) throw new FileError(`${this.#file}: storage ${shown(storage.key)} is missing`);
    return partOf(bytes, storage, this.#file);
  }
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

// --- The archive of the first versions

const BLOCK = 512;

/** Whether the bytes begin as a tar archive does. */
export const isTar = (bytes: Uint8Array): boolean =>
  bytes.length >= BLOCK && new TextDecoder().decode(bytes.subarray(257, 262)) === "ustar";

/** @throws FileError where the archive is not one of PyTorch, or damaged. */
export function readTarPth(bytes: Uint8Array, file: string): PthContent {
  const entries = tarFiles(bytes);
  const entry = (name: string) => {
    const found = entries.get(name);
    if (found === undefined) {
      throw new FileError(`${file}: is a tar archive, but not one of PyTorch: it has no ${name}, or is cut short`);
    }
    return found;
  };
  const sized = new SizedStorages(file);
  const storages = readStorages(entry("storages"), file, sized);
  const tensors = readTensors(entry("tensors"), file, storages);
  const hooks = new (class extends PthValues {
    override persistent(id: PickleValue): PickleValue {
      const key = Array.isArray(id) ? undefined : keyOf(id);
      // The source of a class stands there, too.
      if (key === undefined) return Array.isArray(id) ? ((id as readonly PickleValue[])[0] ?? null) : null;
      return tensors.get(key) ?? storages.get(key) ?? super.persistent(id);
    }
  })(file);
  return { top: readPickleAt(entry("pickle"), 0, file, hooks).value, bytesOf: (storage) => sized.bytesOf(storage) };
}

/** Regular files by name, of an archive that was written by Python's tarfile. */
function tarFiles(bytes: Uint8Array): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const text = (at: number, length: number) => {
    const field = bytes.subarray(at, at + length);
    const end = field.indexOf(0);
    return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
  };
  for (let at = 0; at + BLOCK <= bytes.length && bytes[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12).trim() || "0", 8);
    const begin = at + BLOCK;
    if (!(size >= 0 && begin + size <= bytes.length)) break;
    const kind = bytes[at + 156];
    if (kind === 0x30 || kind === 0) files.set(text(at, 100).replace(/^\.\//, ""), bytes.subarray(begin, begin + size));
    at = begin + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}

/** Keys are numbers, or their digits. */
function keyOf(value: PickleValue | undefined): string | undefined {
  return typeof value === "number" || typeof value === "bigint" || typeof value === "string"
    ? String(value)
    : undefined;
}

function readStorages(bytes: Uint8Array, file: string, sized: SizedStorages): Map<string, Storage> {
  const values = new PthValues(file);
  const storages = new Map<string, Storage>();
  let { value: count, end: at } = readPickleAt(bytes, 0, file, values);
  for (let i = 0; i < countOf(count, file); i++) {
    const { value, end } = readPickleAt(bytes, at, file, values);
    const [id, , type] = Array.isArray(value) ? (value as readonly PickleValue[]) : [];
    const key = keyOf(id);
    const storage = values.persistent(["storage", type ?? null, key ?? null]);
    if (!(storage instanceof Storage)) throw damaged(file, "a storage is of no type that is known");
    storages.set(storage.key, storage);
    at = sized.add(bytes, end, storage.key, storage.elements.bytes);
  }
  const { value: views } = readPickleAt(bytes, at, file, values);
  for (const view of Array.isArray(views) ? (views as readonly PickleValue[]) : []) {
    const [id, root, offset, length] = Array.isArray(view) ? (view as readonly PickleValue[]) : [];
    const [key, of] = [keyOf(id), storages.get(keyOf(root) ?? "")];
    if (key === undefined || of === undefined || !isCount(offset) || !isCount(length)) {
      throw damaged(file, "a part of a storage has no place");
    }
    storages.set(key, new Storage(of.key, of.elements, { offset, length }));
  }
  return storages;
}

function readTensors(
  bytes: Uint8Array,
  file: string,
  storages: ReadonlyMap<string, Storage>,
): Map<string, PickleObject> {
  const values = new PthValues(file);
  const tensors = new Map<string, PickleObject>();
  const view = viewOf(bytes);
  let { value: count, end: at } = readPickleAt(bytes, 0, file, values);
  for (let i = 0; i < countOf(count, file); i++) {
    const { value, end } = readPickleAt(bytes, at, file, values);
    const [id, of] = Array.isArray(value) ? (value as readonly PickleValue[]) : [];
    const [key, storage] = [keyOf(id), storages.get(keyOf(of) ?? "")];
    const rank = end + 8 <= bytes.length ? view.getInt32(end, true) : Number.NaN;
    if (key === undefined || storage === undefined || !(rank >= 0 && end + 16 + 16 * rank <= bytes.length)) {
      throw damaged(file, "a tensor is cut short, or of no storage");
    }
    const int64s = (from: number, length: number) =>
      Array.from({ length }, (_, axis) => Number(view.getBigInt64(from + 8 * axis, true)));
    const [shape, strides] = [int64s(end + 8, rank), int64s(end + 8 + 8 * rank, rank)];
    const [offset] = int64s(end + 8 + 16 * rank, 1);
    const tensor = values.call(values.global("torch._utils", "_rebuild_tensor"), [storage, offset!, shape, strides]);
    tensors.set(key, tensor as Tensor);
    at = end + 16 + 16 * rank;
  }
  return tensors;
}

function countOf(value: PickleValue, file: string): number {
  if (!isCount(value)) throw damaged(file, "a count is none");
  return value;
}

const damaged = (file: string, why: string) => new FileError(`${file}: the tar archive of PyTorch is damaged: ${why}`);
