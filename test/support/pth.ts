/** Files of PyTorch made by hand: the zip archive, and pickles of nested values. */

export type PickleText = string | number | readonly PickleText[] | { readonly [name: string]: PickleText };

interface ZipEntry {
  readonly method: number;
  readonly packed: Uint8Array;
  /** What the directory says. */
  readonly size: number;
  /** Where its local header is, if not behind the one before. */
  readonly at?: number;
}

export function zip(files: Readonly<Record<string, Uint8Array | ZipEntry>>): Uint8Array {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, file] of Object.entries(files)) {
    const { method, packed, size, at } =
      file instanceof Uint8Array ? { method: 0, packed: file, size: file.length, at: undefined } : file;
    const local = Buffer.alloc(30 + name.length);
    local.writeUInt32LE(0x04034b50);
    local.writeUInt16LE(name.length, 26);
    local.write(name, 30);
    const entry = Buffer.alloc(46 + name.length);
    entry.writeUInt32LE(0x02014b50);
    entry.writeUInt16LE(method, 10);
    entry.writeUInt32LE(packed.length, 20);
    entry.writeUInt32LE(size, 24);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt32LE(at ?? offset, 42);
    entry.write(name, 46);
    directory.push(entry);
    if (at !== undefined && parts.length > 0) continue;
    parts.push(local, Buffer.from(packed));
    offset += local.length + packed.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(offset, 16);
  return new Uint8Array(Buffer.concat([...parts, ...directory, end]));
}

/** Objects are dictionaries; ["tensor", storage, shape, strides] and ["persistent", type, key, count] are what they say. */
export function pickle(value: PickleText): Uint8Array {
  return new Uint8Array(Buffer.concat([Buffer.from([0x80, 2]), encode(value), Buffer.from(".")]));
}

const text = (value: string) => Buffer.concat([Buffer.from("X"), uint32(Buffer.byteLength(value)), Buffer.from(value)]);
const uint32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

function whole(value: number): Buffer {
  const bytes = Buffer.alloc(10);
  bytes.set([0x8a, 8]);
  bytes.writeBigInt64LE(BigInt(value), 2);
  return bytes;
}

const tuple = (items: readonly Buffer[]) => Buffer.concat([Buffer.from("("), ...items, Buffer.from("t")]);

function encode(value: PickleText): Buffer {
  if (typeof value === "string") return text(value);
  if (typeof value === "number") return whole(value);
  if (!Array.isArray(value)) {
    const entries = Object.entries(value).flatMap(([name, entry]) => [text(name), encode(entry)]);
    return Buffer.concat([Buffer.from("}("), ...entries, Buffer.from("u")]);
  }
  const [kind, ...rest] = value as readonly PickleText[];
  if (kind === "persistent") {
    const [type, key, count] = rest as [string, string, number];
    const storage = Buffer.from(`ctorch\n${type}\n`);
    return Buffer.concat([tuple([text("storage"), storage, text(key), text("cpu"), whole(count)]), Buffer.from("Q")]);
  }
  if (kind === "tensor") {
    const [storage, shape, strides] = rest as [PickleText, number[], number[]];
    const parts = [encode(storage), whole(0), tuple(shape.map(whole)), tuple(strides.map(whole))];
    return Buffer.concat([Buffer.from("ctorch._utils\n_rebuild_tensor_v2\n"), tuple(parts), Buffer.from("R")]);
  }
  return tuple((value as readonly PickleText[]).map(encode));
}
