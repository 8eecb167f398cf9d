/**
 * What the names in PyTorch's pickles stand for. The few that tensors are made with have a meaning; every other class
 * or function is kept as its name with what it was given (Foreign), so that what a file holds beside its weights is
 * left out and can be listed. Nothing is executed. Names that have no other use than to run programs are refused:
 * whoever opens such a file in Python should know.
 */

import { shown } from "../../base/bytes.js";
import { FileError } from "../../base/errors.js";
import type { DtypeName } from "../safetensors/dtypes.js";
import { type PickleHooks, PickleObject, type PickleValue } from "./pickle.js";

/** The elements of a storage or tensor; without a `dtype`, of a kind that is not read. */
export interface Elements {
  readonly name: string;
  readonly dtype?: DtypeName;
  readonly bytes: number;
}

const elements = (name: string, bytes: number, dtype?: DtypeName): Elements =>
  dtype === undefined ? { name, bytes } : { name, bytes, dtype };

const DTYPES: ReadonlyMap<string, Elements> = new Map(
  [
    elements("float64", 8, "F64"),
    elements("float32", 4, "F32"),
    elements("float16", 2, "F16"),
    elements("bfloat16", 2, "BF16"),
    elements("float8_e4m3fn", 1),
    elements("float8_e5m2", 1),
    elements("float8_e4m3fnuz", 1),
    elements("float8_e5m2fnuz", 1),
    elements("float8_e8m0fnu", 1),
    elements("int64", 8, "I64"),
    elements("int32", 4, "I32"),
    elements("int16", 2, "I16"),
    elements("int8", 1, "I8"),
    elements("uint64", 8, "U64"),
    elements("uint32", 4, "U32"),
    elements("uint16", 2, "U16"),
    elements("uint8", 1, "U8"),
    elements("bool", 1, "BOOL"),
    elements("complex32", 4),
    elements("complex64", 8),
    elements("complex128", 16),
    elements("qint8", 1),
    elements("quint8", 1),
    elements("qint32", 4),
    elements("quint4x2", 1),
    elements("quint2x4", 1),
  ].map((kind) => [kind.name, kind]),
);

/** Storages of torch and torch.cuda, by the dtype of their elements; an untyped one is bytes. */
const STORAGES: Readonly<Record<string, string>> = {
  DoubleStorage: "float64",
  FloatStorage: "float32",
  HalfStorage: "float16",
  BFloat16Storage: "bfloat16",
  LongStorage: "int64",
  IntStorage: "int32",
  ShortStorage: "int16",
  CharStorage: "int8",
  ByteStorage: "uint8",
  BoolStorage: "bool",
  ComplexFloatStorage: "complex64",
  ComplexDoubleStorage: "complex128",
  QInt8Storage: "qint8",
  QUInt8Storage: "quint8",
  QInt32Storage: "qint32",
  QUInt4x2Storage: "quint4x2",
  QUInt2x4Storage: "quint2x4",
  UntypedStorage: "uint8",
  _UntypedStorage: "uint8",
};

/** As PyTorch has it at most. */
const HIGHEST_RANK = 64;
/** Entries of dictionaries that are made from lists, over the whole file. */
const MOST_PAIRS = 2 ** 20;

/** A class, a function or what one was asked for, of no meaning here. */
export class Foreign extends PickleObject {
  /** Attributes, as the pickle set them. */
  state: PickleValue = null;
  /** Entries, if it is a dictionary of a kind of its own. */
  items: Map<PickleValue, PickleValue> | undefined;

  constructor(
    readonly name: string,
    readonly parameters: readonly PickleValue[] | undefined = undefined,
  ) {
    super();
  }
}

/**
 * The numbers of one or several tensors; `offset` and `length` count elements where it is a part of the storage `key`.
 */
export class Storage extends PickleObject {
  constructor(
    readonly key: string,
    readonly elements: Elements,
    readonly part?: { readonly offset: number; readonly length: number },
  ) {
    super();
  }
}

/** A view of a storage, not yet looked at: offset and strides count elements. */
export class Tensor extends PickleObject {
  constructor(
    readonly storage: Storage,
    readonly elements: Elements,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {
    super();
  }
}

export const isCount = (value: PickleValue | undefined): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
const isCounts = (value: PickleValue | undefined): value is readonly number[] =>
  Array.isArray(value) && value.length <= HIGHEST_RANK && (value as readonly PickleValue[]).every(isCount);

export class PthValues implements PickleHooks {
  readonly #file: string;
  #pairs = 0;

  constructor(file: string) {
    this.#file = file;
  }

  global(module: string, name: string): PickleValue {
    const full = `${module}.${name}`;
    if (runsPrograms(module, name)) {
      throw new FileError(
        `${this.#file}: refused: it wants Python's ${shown(full)}, which weights have no need of and which could run code ` +
          "of the file's choice. fovea executes nothing from a file. If you trust the file, open it in Python and " +
          "save its weights alone: torch.save(model.state_dict(), FILE)",
      );
    }
    return new Foreign(full);
  }

  call(target: PickleValue, parameters: readonly PickleValue[]): PickleValue {
    if (!(target instanceof Foreign)) {
      throw new FileError(`${this.#file}: the pickle is damaged: it calls something that is no function`);
    }
    const [first, second, third] = parameters;
    switch (target.name) {
      case "collections.OrderedDict":
      case "collections.Counter":
        return this.#dictionary(first);
      case "collections.defaultdict":
        return this.#dictionary(second);
      case "torch._utils._rebuild_tensor":
      case "torch._utils._rebuild_tensor_v2":
        return this.#tensor(parameters, undefined);
      case "torch._utils._rebuild_tensor_v3":
        return this.#tensor(parameters, parameters[6]);
      case "torch._utils._rebuild_parameter":
      case "torch._utils._rebuild_parameter_with_state":
      case "torch.nn.parameter.Parameter":
      case "torch.nn.parameter.Buffer":
      case "torch.Size":
        return first ?? new Foreign(target.name, parameters);
      case "torch._tensor._rebuild_from_type_v2":
        // (function, class, its arguments, state): a tensor of a class of its own
        return first instanceof Foreign && Array.isArray(third) && isRebuild(first.name)
          ? this.call(first, third as readonly PickleValue[])
          : new Foreign(target.name, parameters);
      case "copyreg._reconstructor":
      case "copy_reg._reconstructor":
        return new Foreign(first instanceof Foreign ? first.name : target.name, parameters);
    }
    return new Foreign(target.name, parameters);
  }

  /** ("storage", type, key, device, elements, part); the source of a class stands there, too. */
  persistent(id: PickleValue): PickleValue {
    const [kind, type, key, , , part] = Array.isArray(id) ? (id as readonly PickleValue[]) : [];
    if (kind === "module" && type instanceof Foreign) return type;
    const stored = type instanceof Foreign ? storageElements(type.name) : undefined;
    if (kind !== "storage" || stored === undefined || typeof key !== "string") {
      return new Foreign(`a persistent value${typeof kind === "string" ? ` "${shown(kind)}"` : ""}`);
    }
    if (!Array.isArray(part)) return new Storage(key, stored);
    const [, offset, length] = part as readonly PickleValue[];
    if (!isCount(offset) || !isCount(length))
      throw new FileError(`${this.#file}: a part of storage ${key} has no place`);
    return new Storage(key, stored, { offset, length });
  }

  build(object: PickleObject, state: PickleValue): void {
    if (object instanceof Foreign) object.state = state;
  }

  setItems(object: PickleObject, items: readonly PickleValue[]): void {
    if (!(object instanceof Foreign)) return;
    object.items ??= new Map();
    for (let i = 0; i < items.length; i += 2) object.items.set(items[i]!, items[i + 1]!);
  }

  /** From pairs, or as a copy of another. */
  #dictionary(source: PickleValue | undefined): PickleValue {
    const map = new Map<PickleValue, PickleValue>();
    if (!Array.isArray(source) && !(source instanceof Map)) return map;
    for (const pair of source as Iterable<PickleValue>) {
      if (++this.#pairs > MOST_PAIRS) {
        throw new FileError(`${this.#file}: makes dictionaries of more than ${MOST_PAIRS} entries from lists`);
      }
      if (Array.isArray(pair) && pair.length === 2) map.set((pair as PickleValue[])[0]!, (pair as PickleValue[])[1]!);
    }
    return map;
  }

  /** (storage, offset, size, strides, ...), all counted in elements, not bytes. */
  #tensor([storage, offset, shape, strides]: readonly PickleValue[], type: PickleValue | undefined): PickleValue {
    if (!(storage instanceof Storage) || !isCount(offset) || !isCounts(shape) || !isCounts(strides)) {
      throw new FileError(`${this.#file}: a tensor is not made of a storage, an offset, extents and strides`);
    }
    if (shape.length !== strides.length) {
      throw new FileError(`${this.#file}: a tensor has ${shape.length} extents but ${strides.length} strides`);
    }
    const name = type instanceof Foreign ? type.name.replace(/^torch\./, "") : undefined;
    const kind = name === undefined ? storage.elements : (DTYPES.get(name) ?? elements(shown(name), 1));
    return new Tensor(storage, kind, offset, shape, strides);
  }
}

const isRebuild = (name: string) => /^torch\._utils\._rebuild_(tensor(_v[23])?|parameter)$/.test(name);

function storageElements(name: string): Elements | undefined {
  const [, short] = /^torch\.(?:cuda\.|storage\.)?(\w+)$/.exec(name) ?? [];
  const dtype = short !== undefined && Object.hasOwn(STORAGES, short) ? STORAGES[short] : undefined;
  return dtype === undefined ? undefined : DTYPES.get(dtype);
}

/** Modules and functions of Python that files made for an attack call. */
function runsPrograms(module: string, name: string): boolean {
  const root = module.split(".", 1)[0]!;
  if (root === "builtins" || root === "__builtin__")
    return /^(eval|exec|execfile|compile|__import__|open|input)\b/.test(name);
  return (
    /^(os|posix|nt|subprocess|commands|pty|runpy|importlib|imp|ctypes|socket|shutil|sys|code|codeop|webbrowser)$/.test(
      root,
    ) && !/^(PathLike|stat_result)$/.test(name)
  );
}
