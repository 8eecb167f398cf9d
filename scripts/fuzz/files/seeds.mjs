/** Good files to begin with: pictures, tar archives, zip archives taken apart and put together; and their check sums made right again. */
import { crc32, deflateRawSync, deflateSync } from "node:zlib";
import sharp from "sharp";
import { parseZip } from "../../../dist/formats/archives/zip.js";

const text = (value) => new TextEncoder().encode(value);
const gather = (pieces) => new Uint8Array(Buffer.concat(pieces));

// --- Pictures

/** Grey, coloured, interlaced, with a palette of each width of indices. */
export async function pngs() {
  const picture = (channels) => sharp(Buffer.alloc(6 * 5 * channels, 77), { raw: { width: 6, height: 5, channels } });
  const plain = await Promise.all([
    picture(1).png().toBuffer(),
    picture(3).png().toBuffer(),
    picture(4).png({ progressive: true }).toBuffer(),
  ]);
  return [...plain.map((bytes) => new Uint8Array(bytes)), ...[1, 2, 4, 8].map(palettePng)];
}

function palettePng(bits) {
  const [width, height] = [7, 5];
  const head = new Uint8Array(13);
  new DataView(head.buffer).setUint32(0, width);
  new DataView(head.buffer).setUint32(4, height);
  head.set([bits, 3, 0, 0, 0], 8);
  const line = Math.ceil((width * bits) / 8) + 1;
  const lines = Uint8Array.from({ length: line * height }, (_, i) => (i % line === 0 ? i % 5 : 0));
  const colors = Uint8Array.from({ length: 3 * 2 ** bits }, (_, i) => i % 256);
  const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
  const chunks = [
    ["IHDR", head],
    ["PLTE", colors],
    ["IDAT", deflateSync(lines)],
    ["IEND", new Uint8Array(0)],
  ];
  return gather([Uint8Array.from(signature), ...chunks.map(([kind, data]) => chunk(kind, data))]);
}

function chunk(kind, data) {
  const bytes = gather([new Uint8Array(4), text(kind), data, new Uint8Array(4)]);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

/** Most PNG files get the check sums that fit their chunks. */
export function withChunkSums(bytes, random) {
  if (bytes[0] !== 0x89 || random.chance(0.2)) return bytes;
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  for (let at = 8; at + 12 <= copy.length; ) {
    const end = at + 8 + view.getUint32(at);
    if (end + 4 > copy.length) break;
    view.setUint32(end, crc32(copy.subarray(at + 4, end)));
    at = end + 4;
  }
  return copy;
}

export async function jpegs() {
  const picture = () => sharp(Buffer.alloc(8 * 8 * 3, 99), { raw: { width: 8, height: 8, channels: 3 } });
  const all = await Promise.all([
    picture().jpeg().toBuffer(),
    picture().jpeg({ progressive: true }).withMetadata({ orientation: 6 }).toBuffer(),
    picture().greyscale().jpeg().toBuffer(),
  ]);
  return all.map((bytes) => new Uint8Array(bytes));
}

/** Bitmaps of colours, of a palette, and in runs; Netpbm's maps in digits and in bytes. */
export function plainPictures() {
  const bmp = (bits, compression, data) => {
    const colors = bits <= 8 ? Buffer.alloc(4 * 2 ** bits, 7) : Buffer.alloc(0);
    const head = Buffer.alloc(54);
    head.write("BM");
    head.writeUInt32LE(54 + colors.length, 10);
    head.writeUInt32LE(40, 14);
    head.writeInt32LE(6, 18);
    head.writeInt32LE(5, 22);
    head.writeUInt16LE(1, 26);
    head.writeUInt16LE(bits, 28);
    head.writeUInt32LE(compression, 30);
    return gather([head, colors, data]);
  };
  const runs = Uint8Array.from([6, 1, 0, 0, 3, 2, 3, 1, 0, 0, 0, 3, 1, 2, 3, 0, 0, 1]);
  const bmps = [
    bmp(24, 0, new Uint8Array(100)),
    bmp(8, 0, new Uint8Array(40)),
    bmp(1, 0, new Uint8Array(20)),
    bmp(8, 1, runs),
  ];
  const pnms = [
    "P1 2 2\n0 1 1 0\n",
    "P2 # grey\n2 2 15\n0 1 2 15\n",
    "P3 1 2 255\n1 2 3 4 5 6\n",
    "P5 2 2 255\nabcd",
    "P6 1 1 65535\nabcdef",
  ];
  return [...bmps, ...pnms.map(text)];
}

// --- Tar

export function tars() {
  const files = [tarEntry("train/cat/1.png", text("abc"), "0"), tarEntry("labels.txt", text("cat\ndog\n"), "0")];
  const long = "a/".repeat(80);
  const pax = tarEntry("pax", text(`${String(11 + long.length).padStart(3)} path=${long}\n`), "x");
  const gnu = tarEntry("././@LongLink", text(`${long}\0`), "L");
  const end = new Uint8Array(1024);
  return [
    gather([...files, end]),
    gather([pax, ...files, gnu, ...files, end]),
    gather([
      tarEntry("link", new Uint8Array(0), "1", "labels.txt"),
      ...files,
      tarEntry("dir/", new Uint8Array(0), "5"),
      end,
    ]),
  ];
}

function tarEntry(name, data, kind, target = "") {
  const bytes = new Uint8Array(512 + Math.ceil(data.length / 512) * 512);
  const put = (value, at) => bytes.set(text(value), at);
  put(name.slice(0, 100), 0);
  put("0000644\0", 100);
  put(`${data.length.toString(8).padStart(11, "0")}\0`, 124);
  put(kind, 156);
  put(target, 157);
  put("ustar\x0000", 257);
  bytes.set(data, 512);
  signTarHeader(bytes, 0);
  return bytes;
}

function signTarHeader(bytes, at) {
  bytes.fill(0x20, at + 148, at + 156);
  let sum = 0;
  for (let i = 0; i < 512; i++) sum += bytes[at + i];
  bytes.set(text(`${sum.toString(8).padStart(6, "0")}\0 `), at + 148);
}

/** Most blocks that look like headers get the check sum that fits. */
export function withTarSums(bytes, random) {
  if (random.chance(0.2)) return bytes;
  const copy = bytes.slice();
  for (let at = 0; at + 512 <= copy.length; at += 512) {
    if (copy[at + 257] === 0x75 && copy[at + 258] === 0x73) signTarHeader(copy, at);
  }
  return copy;
}

// --- Zip

export function unpacked(bytes) {
  const archive = parseZip(bytes, "seed.zip");
  return new Map(archive.names.map((name) => [name, archive.read(name)]));
}

export function zipped(entries, deflated) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const [name, data] of entries) {
    const packed = deflated ? deflateRawSync(data) : data;
    const [local, central] = [Buffer.alloc(30), Buffer.alloc(46)];
    local.writeUInt32LE(0x04034b50);
    local.writeUInt16LE(Buffer.byteLength(name), 26);
    central.writeUInt32LE(0x02014b50);
    central.writeUInt16LE(deflated ? 8 : 0, 10);
    central.writeUInt32LE(packed.length, 20);
    central.writeUInt32LE(data.length, 24);
    central.writeUInt16LE(Buffer.byteLength(name), 28);
    central.writeUInt32LE(offset, 42);
    parts.push(local, text(name), packed);
    directory.push(central, text(name));
    offset += local.length + Buffer.byteLength(name) + packed.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50);
  end.writeUInt16LE(entries.size, 10);
  end.writeUInt32LE(offset, 16);
  return gather([...parts, ...directory, end]);
}
