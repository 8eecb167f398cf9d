/**
 * The safetensors format (Hugging Face, https://huggingface.co/docs/safetensors): a little-endian 64-bit header length,
 * a JSON header that gives each tensor's dtype, shape and byte range, then the data, without holes. This file works on
 * bytes alone; safetensors-node.ts reads and writes files.
 *
 * Typed arrays view the bytes as they lie, so a little-endian machine is assumed, as every JavaScript engine runs on.
 */

import { plainBytes, shown, shownShape } from "../../base/bytes.js";
import { FileError } from "../../base/errors.js";
import { sniff } from "../sniff.js";
import { type DtypeName, dtypes, type TensorData } from "./dtypes.js";
import { parseHeaderJson } from "./header.js";

/** A tensor of a file. */
export interface SafeTensor {
  /** The type of its numbers in the file. */
  readonly dtype: DtypeName;
  /** Its extents. */
  readonly shape: readonly number[];
  /** Row-major. Half-precision numbers are widened to float32. */
  readonly data: TensorData;
}

/** The content of a file of tensors. */
export interface SafetensorsFile {
  /** Its tensors, by name. */
  readonly tensors: ReadonlyMap<string, SafeTensor>;
  /** Its texts, by name. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Other contents of the file, which are not read. */
  readonly leftOut: readonly LeftOut[];
}

/** A value of a file that is no weights, or a tensor of a kind that is not read. */
export interface LeftOut {
  /** Its name in the file. */
  readonly name: string;
  /** Such as "a number", "argparse.Namespace", "a tensor of complex64". */
  readonly what: string;
}

/** A tensor to write: its dtype is that of its array. */
export interface TensorToWrite {
  /** Its extents. */
  readonly shape: readonly number[];
  /** Its numbers, row-major. */
  readonly data: TensorData;
}

/** The reference implementation refuses longer headers, and no real model comes near. */
const largestHeader = 100_000_000;

/** Types that the format has and no typed array can hold, by the bits of an element. */
const UNREAD: Readonly<Record<string, number>> = {
  C64: 64,
  F8_E4M3: 8,
  F8_E5M2: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  F6_E2M3: 6,
  F6_E3M2: 6,
  F4: 4,
};

interface Entry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * Reads safetensors bytes. Tensors are views of `bytes` where alignment allows, else copies.
 * @throws FileError that names `file` and the tensor, on anything the format does not allow.
 */
export function parseSafetensors(source: Uint8Array, file = "safetensors data"): SafetensorsFile {
  const bytes = plainBytes(source, file);
  const headerBytes = checkStart(bytes, file);
  const { entries, metadata } = parseHeader(bytes.subarray(8, 8 + headerBytes), file);
  const data = bytes.subarray(8 + headerBytes);
  checkCoverage(entries, data.length, file);
  const tensors = new Map<string, SafeTensor>();
  const leftOut: LeftOut[] = [];
  for (const { name, dtype, shape, begin, end } of entries) {
    if (isRead(dtype)) tensors.set(name, { dtype, shape, data: dtypes[dtype].view(data.subarray(begin, end)) });
    else leftOut.push({ name, what: `a tensor of ${dtype}` });
  }
  const [first] = entries;
  if (tensors.size === 0 && first !== undefined) throw unknownDtype(first.name, first.dtype, file);
  return { tensors, metadata, leftOut };
}

function checkStart(bytes: Uint8Array, file: string): number {
  if (bytes.length === 0)
    throw new FileError(`${file}: the file is empty; expected a safetensors header length at offset 0`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.length < 8 ? -1 : Number(view.getBigUint64(0, true));
  const plausible = length >= 2 && length <= largestHeader && (bytes.length === 8 || bytes[8] === 0x7b);
  if (!plausible) {
    const what = sniff(bytes);
    const reason =
      what !== undefined
        ? `this looks like ${what}`
        : length < 0
          ? `it has ${bytes.length} bytes, fewer than the 8 of a header length`
          : bytes.length > 8 && length >= 2 && length <= largestHeader
            ? `found byte 0x${bytes[8]!.toString(16).padStart(2, "0")} at offset 8, expected "{"`
            : `the header length at offset 0 is ${length}, expected 2 to ${largestHeader}`;
    throw new FileError(`${file}: not a safetensors file: ${reason}`);
  }
  if (8 + length > bytes.length) {
    throw new FileError(
      `${file}: cut short inside its header: the length at offset 0 promises ${length} bytes of header, found ${bytes.length - 8}; copy or download the file again`,
    );
  }
  return length;
}

function parseHeader(bytes: Uint8Array, file: string): { entries: Entry[]; metadata: Record<string, string> } {
  const header = parseHeaderJson(bytes, file);
  if (!isObject(header)) throw new FileError(`${file}: the header at offset 8 is not a JSON object`);
  const metadata: Record<string, string> = {};
  const entries: Entry[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === "__metadata__") Object.assign(metadata, parseMetadata(value, file));
    else entries.push(parseEntry(name, value, file));
  }
  return { entries, metadata };
}

function parseMetadata(value: unknown, file: string): Record<string, string> {
  if (!isObject(value)) throw new FileError(`${file}: __metadata__ is not a JSON object`);
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") {
      throw new FileError(`${file}: __metadata__ "${shown(key)}" is ${shown(JSON.stringify(text))}; expected a string`);
    }
  }
  return value as Record<string, string>;
}

function parseEntry(name: string, value: unknown, file: string): Entry {
  const where = `${file}: tensor "${shown(name)}"`;
  if (!isObject(value)) throw new FileError(`${where}: its entry is not a JSON object`);
  const { dtype, shape, data_offsets: offsets } = value;
  const bits = typeof dtype === "string" ? bitsOf(dtype) : undefined;
  if (typeof dtype !== "string" || bits === undefined) throw unknownDtype(name, dtype, file);
  if (!isListOfCounts(shape)) {
    throw new FileError(`${where}: shape ${shown(JSON.stringify(shape))} is not a list of whole numbers`);
  }
  if (!isListOfCounts(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) {
    throw new FileError(
      `${where}: data_offsets ${shown(JSON.stringify(offsets))} is not a pair [begin, end] with begin <= end`,
    );
  }
  const [begin, end] = offsets as [number, number];
  const expected = (shape.reduce((a, b) => a * b, 1) * bits) / 8;
  if (end - begin !== expected) {
    throw new FileError(
      `${where}: data_offsets [${begin}, ${end}] span ${end - begin} bytes; ${dtype} of shape ${shownShape(shape)} needs ${expected}`,
    );
  }
  return { name, dtype, shape, begin, end };
}

function unknownDtype(name: string, dtype: unknown, file: string): FileError {
  const known = Object.keys(dtypes).join(", ");
  return new FileError(
    `${file}: tensor "${shown(name)}": dtype ${shown(JSON.stringify(dtype))} is not known; expected one of ${known}`,
  );
}

const isRead = (dtype: string): dtype is DtypeName => Object.hasOwn(dtypes, dtype);

function bitsOf(dtype: string): number | undefined {
  if (isRead(dtype)) return 8 * dtypes[dtype].bytes;
  return Object.hasOwn(UNREAD, dtype) ? UNREAD[dtype] : undefined;
}

/** The tensors must fill the data exactly: nothing beyond its end, no byte shared, none left over. */
function checkCoverage(entries: readonly Entry[], dataBytes: number, file: string): void {
  let offset = 0;
  let before = "";
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin < offset) {
      throw new FileError(
        `${file}: tensors "${shown(before)}" and "${shown(name)}" overlap: "${shown(name)}" begins at ${begin}, before ${offset}`,
      );
    }
    if (begin > offset) {
      throw new FileError(
        `${file}: bytes ${offset} to ${begin} of the data, before tensor "${shown(name)}", belong to no tensor`,
      );
    }
    if (end > dataBytes) {
      throw new FileError(
        `${file}: cut short: tensor "${shown(name)}" ends at byte ${end} of the data, which has ${dataBytes}; copy or download the file again`,
      );
    }
    offset = end;
    before = name;
  }
  if (offset !== dataBytes) {
    throw new FileError(`${file}: ${dataBytes - offset} bytes too many after the last tensor, which ends at ${offset}`);
  }
}

/**
 * The bytes of a safetensors file in pieces, the header first and each tensor's own memory after it, so that nothing is
 * copied. Tensors of wider elements come first, which keeps every one aligned; otherwise the given order holds.
 * @throws FileError where a shape does not fit its data or a name is taken by the format.
 */
export function encodeSafetensors(
  tensors: Iterable<readonly [name: string, tensor: TensorToWrite]>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array[] {
  const parts = Array.from(tensors, ([name, { shape, data }]) => ({ name, shape, data, dtype: dtypeOf(name, data) }));
  parts.sort((a, b) => dtypes[b.dtype].bytes - dtypes[a.dtype].bytes);
  const fields = Object.keys(metadata).length > 0 ? [`"__metadata__":${JSON.stringify(metadata)}`] : [];
  const names = new Set(["__metadata__"]);
  let offset = 0;
  for (const { name, shape, data, dtype } of parts) {
    if (names.has(name)) throw new FileError(`safetensors: the name "${name}" is taken`);
    names.add(name);
    const size = shape.reduce((a, b) => a * b, 1);
    if (!isListOfCounts(shape) || size !== data.length) {
      throw new FileError(`safetensors: tensor "${name}" of shape [${shape.join(", ")}] has ${data.length} numbers`);
    }
    const end = offset + data.byteLength;
    fields.push(
      `${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape.join(",")}],"data_offsets":[${offset},${end}]}`,
    );
    offset = end;
  }
  const text = new TextEncoder().encode(`{${fields.join(",")}}`);
  const headerBytes = Math.ceil(text.length / 8) * 8;
  const start = new Uint8Array(8 + headerBytes).fill(0x20);
  new DataView(start.buffer).setBigUint64(0, BigInt(headerBytes), true);
  start.set(text, 8);
  return [start, ...parts.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))];
}

function dtypeOf(name: string, data: TensorData): DtypeName {
  for (const dtype of ["F32", "F64", "I64", "U64", "I32", "U32", "I16", "U16", "I8", "U8"] as const) {
    if (data instanceof dtypes[dtype].array) return dtype;
  }
  throw new FileError(`safetensors: tensor "${name}" is not a typed array that the format has a dtype for`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isListOfCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((x) => Number.isSafeInteger(x) && x >= 0);
}
