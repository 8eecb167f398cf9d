/** Reads event files as TensorBoard does: records with both checksums, and the fields of their protocol buffers. */

export interface ReadEvent {
  wallTime?: number;
  step?: number;
  version?: string;
  started?: boolean;
  scalars?: Record<string, number>;
}

/** CRC-32C bit by bit, masked as TFRecords have it. */
function maskedCrc(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  const done = (crc ^ 0xffffffff) >>> 0;
  return (((done >>> 15) | (done << 17)) + 0xa282ead8) >>> 0;
}

export function readEvents(bytes: Uint8Array): ReadEvent[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: ReadEvent[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(view.getBigUint64(at, true));
    if (view.getUint32(at + 8, true) !== maskedCrc(bytes.subarray(at, at + 8))) throw new Error(`length at ${at}`);
    const data = bytes.subarray(at + 12, at + 12 + length);
    if (view.getUint32(at + 12 + length, true) !== maskedCrc(data)) throw new Error(`data at ${at}`);
    found.push(event(data));
    at += 16 + length;
  }
  return found;
}

type Field = readonly [number: number, value: number | Uint8Array];

function fields(bytes: Uint8Array): Field[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: Field[] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const type = key & 7;
    if (type === 0) found.push([key >> 3, varint()]);
    else if (type === 2) {
      const length = varint();
      found.push([key >> 3, bytes.subarray(at, at + length)]);
      at += length;
    } else {
      found.push([key >> 3, type === 1 ? view.getFloat64(at, true) : view.getFloat32(at, true)]);
      at += type === 1 ? 8 : 4;
    }
  }
  return found;
}

const text = (value: number | Uint8Array) => new TextDecoder().decode(value as Uint8Array);

function event(bytes: Uint8Array): ReadEvent {
  const read: ReadEvent = {};
  for (const [field, value] of fields(bytes)) {
    if (field === 1) read.wallTime = value as number;
    if (field === 2) read.step = value as number;
    if (field === 3) read.version = text(value);
    if (field === 5) {
      read.scalars = Object.fromEntries(
        fields(value as Uint8Array).map(([, entry]) => {
          const of = new Map(fields(entry as Uint8Array));
          return [text(of.get(1)!), of.get(2) as number];
        }),
      );
    }
    if (field === 7) read.started = fields(value as Uint8Array).some(([n, v]) => n === 1 && v === 1);
  }
  return read;
}
