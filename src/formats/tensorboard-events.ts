/**
 * TensorBoard's event files: TFRecords of `Event` protocol buffers. A record is
 *
 *     length  u64     masked CRC-32C of length  u32     bytes     masked CRC-32C of bytes  u32        (little-endian)
 *
 * and the fields that are written here are
 *
 *     Event    1 wall_time double   2 step int64   3 file_version string   5 summary Summary   7 session_log { 1 status = START }
 *     Summary  1 value, repeated { 1 tag string   2 simple_value float }
 */

export interface ScalarEvent {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step: number;
  /** Numbers by tag. */
  readonly scalars: Readonly<Record<string, number>>;
}

/** The start of a file: what version it is, and that events of `step` and later in files before it hold no more. */
export function encodeStart(wallTime: number, step: number): Uint8Array {
  const version = record([...double(1, wallTime), ...text(3, "brain.Event:2")]);
  const started = record([...double(1, wallTime), ...whole(2, step), ...message(7, whole(1, 1))]);
  return joined(version, started);
}

export function encodeScalars({ wallTime, step, scalars }: ScalarEvent): Uint8Array {
  const values = Object.entries(scalars).flatMap(([tag, value]) => message(1, [...text(1, tag), ...float(2, value)]));
  return record([...double(1, wallTime), ...whole(2, step), ...message(5, values)]);
}

/** Bytes with their length and checksums. */
export function record(bytes: readonly number[]): Uint8Array {
  const data = Uint8Array.from(bytes);
  const whole = new Uint8Array(data.length + 16);
  const view = new DataView(whole.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, masked(crc32c(whole.subarray(0, 8))), true);
  whole.set(data, 12);
  view.setUint32(12 + data.length, masked(crc32c(data)), true);
  return whole;
}

// --- Protocol buffers: a key (field x 8 + wire type), then the value

const varint = (value: number): number[] => {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return [...bytes, rest];
};
const fixed = (field: number, wireType: number, length: number, write: (view: DataView) => void): number[] => {
  const bytes = new Uint8Array(length);
  write(new DataView(bytes.buffer));
  return [field * 8 + wireType, ...bytes];
};
const whole = (field: number, value: number) => [field * 8, ...varint(value)];
const double = (field: number, value: number) => fixed(field, 1, 8, (view) => view.setFloat64(0, value, true));
const float = (field: number, value: number) => fixed(field, 5, 4, (view) => view.setFloat32(0, value, true));
const message = (field: number, bytes: readonly number[]) => [field * 8 + 2, ...varint(bytes.length), ...bytes];
const text = (field: number, value: string) => message(field, [...new TextEncoder().encode(value)]);

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

// --- CRC-32C (Castagnoli), reflected, polynomial 0x82f63b78

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

export function crc32c(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) crc = (crc >>> 8) ^ TABLE[(crc ^ byte) & 255]!;
  return ~crc >>> 0;
}

/** Turned by 15 bits and moved: a checksum of data that holds checksums would else be a poor one. */
const masked = (crc: number): number => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
