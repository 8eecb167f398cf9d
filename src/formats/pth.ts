/**
 * PyTorch's .pth and .pt files as `torch.save` writes them since 1.6: a zip archive with a pickle, data.pkl, that says
 * names, shapes and strides, and one entry a storage, data/0, data/1, ... Nothing in the pickle is executed (pickle.ts):
 * the few names that a state dict needs have a meaning here, and any other is refused. This file works on bytes alone.
 */
import { FileError } from "../errors.js";
import { PickleObject, type PickleValue, readPickle } from "./pickle.js";
import type { SafeTensor, SafetensorsFile } from "./safetensors.js";
import { type DtypeName, dtypes, type TensorData } from "./safetensors-dtypes.js";
import { sniff } from "./sniff.js";
import { parseZip, type ZipArchive } from "./zip.js";

/** Where people nest a state dict beside the optimiser and the rest of a run. */
const WRAPPERS = ["state_dict", "model_state_dict", "model", "net", "weights", "params"];

const STORAGES: Readonly<Record<string, DtypeName>> = {
  DoubleStorage: "F64",
  FloatStorage: "F32",
  HalfStorage: "F16",
  BFloat16Storage: "BF16",
  LongStorage: "I64",
  IntStorage: "I32",
  ShortStorage: "I16",
  CharStorage: "I8",
  ByteStorage: "U8",
  BoolStorage: "BOOL",
};

/** A view repeated by strides of zero may be larger than its storage, but not without end. */
const MOST_NUMBERS = 2 ** 30;

class Call extends PickleObject {
  constructor(readonly run: (parameters: readonly PickleValue[]) => PickleValue) {
    super();
  }
}

class StorageType extends PickleObject {
  constructor(readonly dtype: DtypeName) {
    super();
  }
}

class Storage extends PickleObject {
  constructor(
    readonly dtype: DtypeName,
    readonly data: TensorData,
  ) {
    super();
  }
}

class Tensor extends PickleObject {
  constructor(readonly tensor: SafeTensor) {
    super();
  }
}

/** A name that has a value nobody reads here, such as torch.float32. */
class Inert extends PickleObject {}

/** Whether the bytes begin as a zip archive does. */
export function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && (bytes[2] === 3 || bytes[2] === 5);
}

/**
 * The tensors of a state dict, by name. Half-precision numbers are widened to float32.
 * @throws FileError that names `file`, and what in it is not what weights are saved with.
 */
export function parsePth(bytes: Uint8Array, file = "PyTorch data"): SafetensorsFile {
  checkStart(bytes, file);
  const zip = parseZip(bytes, file);
  const pickle = zip.names.find((name) => name.endsWith("/data.pkl") || name === "data.pkl");
  if (pickle === undefined) {
    throw new FileError(`${file}: is a zip archive, but not one of PyTorch: it has no data.pkl`);
  }
  const folder = pickle.slice(0, -"data.pkl".length);
  if (zip.names.some((name) => name.startsWith(`${folder}code/`))) {
    throw new FileError(`${file}: is a TorchScript program; ${cure}`);
  }
  const order = zip.names.includes(`${folder}byteorder`) ? text(zip.read(`${folder}byteorder`)) : "little";
  if (order !== "little") throw new FileError(`${file}: its numbers are ${order}-endian; expected little`);
  const top = readPickle(zip.read(pickle), file, new Names(zip, folder, file));
  return { tensors: stateDict(top, file), metadata: {} };
}

const cure = "save its weights alone: torch.save(model.state_dict(), FILE)";

function checkStart(bytes: Uint8Array, file: string): void {
  if (isZip(bytes)) return;
  if (bytes.length === 0) throw new FileError(`${file}: the file is empty; expected a zip archive of PyTorch`);
  const legacy = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46].every((byte, i) => bytes[i] === byte);
  if (legacy) {
    throw new FileError(
      `${file}: is in PyTorch's format from before version 1.6, which is not read; convert it in Python: ` +
        'torch.save(torch.load("FILE", weights_only=True), "NEW.pth")',
    );
  }
  const what = sniff(bytes);
  throw new FileError(`${file}: not a .pth file of PyTorch${what === undefined ? "" : `: this looks like ${what}`}`);
}

class Names {
  readonly #zip: ZipArchive;
  readonly #folder: string;
  readonly #file: string;
  /** Tensors may share a storage. */
  readonly #storages = new Map<string, Storage>();

  constructor(zip: ZipArchive, folder: string, file: string) {
    this.#zip = zip;
    this.#folder = folder;
    this.#file = file;
  }

  global(module: string, name: string): PickleValue {
    const full = `${module}.${name}`;
    const dtype = module === "torch" && Object.hasOwn(STORAGES, name) ? STORAGES[name] : undefined;
    if (dtype !== undefined) return new StorageType(dtype);
    switch (full) {
      case "collections.OrderedDict":
        return new Call((parameters) => this.#orderedDict(parameters));
      case "torch._utils._rebuild_tensor_v2":
        return new Call((parameters) => this.#tensor(parameters));
      case "torch._utils._rebuild_parameter":
        return new Call(([data]) => data ?? null);
      case "torch.Size":
        return new Call(([extents]) => extents ?? null);
      case "torch.device":
        return new Call(() => new Inert());
    }
    if (module === "torch" && /^(float|bfloat|u?int|complex)\d+$|^bool$/.test(name)) return new Inert();
    throw new FileError(
      `${this.#file}: refused: it wants Python's ${full}, which weights have no need of and which could run code ` +
        `of the file's choice. fovea executes nothing from a file. If you trust the file, open it in Python and ${cure}`,
    );
  }

  call(target: PickleValue, parameters: readonly PickleValue[]): PickleValue {
    if (target instanceof Call) return target.run(parameters);
    throw new FileError(`${this.#file}: the pickle is damaged: it calls something that is no function`);
  }

  persistent(id: PickleValue): PickleValue {
    const [kind, type, key] = Array.isArray(id) ? (id as readonly PickleValue[]) : [];
    if (kind !== "storage" || !(type instanceof StorageType) || typeof key !== "string") {
      throw new FileError(`${this.#file}: refers to something that is no storage of numbers of a known type`);
    }
    const known = this.#storages.get(key);
    if (known !== undefined) return known;
    const bytes = this.#zip.read(`${this.#folder}data/${key}`);
    const { dtype } = type;
    const size = dtypes[dtype].bytes;
    if (bytes.length % size !== 0) {
      throw new FileError(
        `${this.#file}: storage ${key} has ${bytes.length} bytes, which are no whole ${dtype} numbers`,
      );
    }
    const storage = new Storage(dtype, dtypes[dtype].view(bytes));
    this.#storages.set(key, storage);
    return storage;
  }

  #orderedDict([pairs]: readonly PickleValue[]): PickleValue {
    const map = new Map<PickleValue, PickleValue>();
    if (!Array.isArray(pairs)) return map;
    for (const pair of pairs as readonly PickleValue[]) {
      if (Array.isArray(pair) && pair.length === 2) map.set((pair as PickleValue[])[0]!, (pair as PickleValue[])[1]!);
    }
    return map;
  }

  /** (storage, offset, size, strides, ...), all counted in numbers, not bytes. */
  #tensor([storage, offset, shape, strides]: readonly PickleValue[]): PickleValue {
    if (!(storage instanceof Storage) || !isCount(offset) || !isCounts(shape) || !isCounts(strides)) {
      throw new FileError(`${this.#file}: a tensor is not made of a storage, an offset, extents and strides`);
    }
    if (shape.length !== strides.length) {
      throw new FileError(`${this.#file}: a tensor has ${shape.length} extents but ${strides.length} strides`);
    }
    const { dtype, data } = storage;
    const count = shape.reduce((a, b) => a * b, 1);
    const last = offset + shape.reduce((sum, extent, axis) => sum + (extent - 1) * strides[axis]!, 0);
    if (count > MOST_NUMBERS || (count > 0 && last >= data.length)) {
      throw new FileError(
        `${this.#file}: a tensor of shape [${shape.join(", ")}] at offset ${offset} reaches beyond its storage of ${data.length} numbers`,
      );
    }
    return new Tensor({ dtype, shape, data: rowMajor(data, offset, shape, strides, count) });
  }
}

function rowMajor(
  data: TensorData,
  offset: number,
  shape: readonly number[],
  strides: readonly number[],
  count: number,
): TensorData {
  let dense = true;
  for (let axis = shape.length - 1, stride = 1; axis >= 0; stride *= shape[axis--]!) {
    if (shape[axis] !== 1 && strides[axis] !== stride) dense = false;
  }
  if (dense || count === 0) return data.subarray(offset, offset + count);
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

function stateDict(top: PickleValue, file: string): Map<string, SafeTensor> {
  const found = tensorsOf(top);
  if (found.size > 0) return found;
  if (top instanceof Map) {
    for (const wrapper of WRAPPERS) {
      const inner = tensorsOf(top.get(wrapper) ?? null);
      if (inner.size > 0) return inner;
    }
  }
  const keys = top instanceof Map ? [...top.keys()].slice(0, 8).map(String).join(", ") : "no dictionary";
  throw new FileError(
    `${file}: holds no tensors by name, neither at its top nor under ${WRAPPERS.join(", ")}; found ${keys || "nothing"}: ${cure}`,
  );
}

/** Entries of a state dict that are no tensors are no weights. */
function tensorsOf(value: PickleValue): Map<string, SafeTensor> {
  const tensors = new Map<string, SafeTensor>();
  if (!(value instanceof Map)) return tensors;
  for (const [name, entry] of value) {
    if (typeof name === "string" && entry instanceof Tensor) tensors.set(name, entry.tensor);
  }
  return tensors;
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
const isCount = (value: PickleValue | undefined): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
const isCounts = (value: PickleValue | undefined): value is readonly number[] =>
  Array.isArray(value) && (value as readonly PickleValue[]).every(isCount);
