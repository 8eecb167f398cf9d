/**
 * Label pictures: PNG files of grey values or of a palette, whose indices are classes, or of colours. What a value or colour means is in the class
 * list; how values lie in the file is read from its head, since decoders spread few bits over a byte and palettes into colours.
 */
import sharp from "sharp";
import { DataError, FileError } from "../errors.js";
import { type ClassList, colorKey, colorTable, UNLABELLED, valueTable } from "./class-list.js";

export interface LabelPicture {
  readonly height: number;
  readonly width: number;
  /** Class indices; UNLABELLED where a pixel counts for nothing. */
  readonly labels: Uint8Array;
}

type Kind = "grey" | "palette" | "colour";

interface Head {
  readonly kind: Kind;
  readonly bits: number;
  /** Of a palette: the index of each colour. */
  readonly palette: ReadonlyMap<number, number>;
}

/** What a label picture is made of. @throws FileError where it is no PNG file, DataError where it is of a kind that says no labels. */
export function labelHead(name: string, bytes: Uint8Array): Head {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 33 || view.getUint32(0) !== 0x89504e47) {
    throw new FileError(`${name}: is not a PNG file; labels must be exact, which other formats are not`);
  }
  const bits = bytes[24]!;
  const type = bytes[25]!;
  if (bits === 16) throw new DataError(`${name}: has 16 bits a pixel, expected labels of at most 8`);
  const kind = type === 0 || type === 4 ? "grey" : type === 3 ? "palette" : "colour";
  return { kind, bits, palette: kind === "palette" ? paletteOf(name, bytes, view) : new Map() };
}

function paletteOf(name: string, bytes: Uint8Array, view: DataView): ReadonlyMap<number, number> {
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    if (view.getUint32(at + 4) === 0x504c5445) {
      const palette = new Map<number, number>();
      for (let i = 0; 3 * i < length; i++) {
        const [red, green, blue] = bytes.subarray(at + 8 + 3 * i, at + 11 + 3 * i) as unknown as [
          number,
          number,
          number,
        ];
        const key = colorKey(red, green, blue);
        if (!palette.has(key)) palette.set(key, i);
      }
      return palette;
    }
    at += 12 + length;
  }
  throw new FileError(`${name}: is damaged: its palette is missing`);
}

/**
 * Labels from the bytes of a file.
 * @throws FileError where it is damaged, DataError naming the first pixel whose value or colour is no class.
 */
export async function readLabels(name: string, bytes: Uint8Array, list: ClassList): Promise<LabelPicture> {
  const { kind, bits, palette } = labelHead(name, bytes);
  const image = sharp(bytes).removeAlpha();
  const channels = kind === "grey" ? 1 : 3;
  const { data, info } = await (kind === "grey" ? image.extractChannel(0) : image.toColourspace("srgb"))
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch((cause: Error) => {
      throw new FileError(`${name}: is damaged or cut off: ${cause.message.split("\n")[0]}`, { cause });
    });
  const { height, width } = info;
  const values = valueTable(list);
  const colors = colorTable(list);
  const labels = new Uint8Array(height * width);
  const spread = 255 / (2 ** bits - 1);
  const keyAt = (i: number) => colorKey(data[i * channels]!, data[i * channels + 1]!, data[i * channels + 2]!);
  for (let i = 0; i < labels.length; i++) {
    const label =
      kind === "grey"
        ? values[data[i]! / spread]
        : kind === "palette"
          ? values[palette.get(keyAt(i))!]
          : colors.get(keyAt(i));
    if (label === undefined)
      throw unknownLabel(name, list, i, width, kind, kind === "grey" ? data[i]! / spread : keyAt(i), palette);
    labels[i] = label;
  }
  return { height, width, labels };
}

function unknownLabel(
  name: string,
  { classes, ignore }: ClassList,
  pixel: number,
  width: number,
  kind: Kind,
  found: number,
  palette: ReadonlyMap<number, number>,
): DataError {
  const place = `row ${Math.floor(pixel / width)}, column ${pixel % width}`;
  if (kind === "colour") {
    const color = [found >> 16, (found >> 8) & 255, found & 255].join(", ");
    return new DataError(
      `${name}: the colour ${color} at ${place} is none of the ${classes.length} classes'; add it to the class list, or to ignore`,
    );
  }
  const value = kind === "palette" ? palette.get(found) : found;
  const known = [...classes, ...ignore].map((entry) => entry.value).sort((a, b) => a - b);
  return new DataError(
    `${name}: the label ${value} at ${place} is outside the class list (${known[0]} to ${known.at(-1)}); add it to classes, or to ignore`,
  );
}

/** A labelling as a PNG of indices with the classes' colours as its palette. */
export async function encodeLabels(
  labels: Uint8Array,
  height: number,
  width: number,
  list: ClassList,
): Promise<Uint8Array> {
  const rgb = new Uint8Array(labels.length * 3);
  for (let i = 0; i < labels.length; i++)
    rgb.set(labels[i] === UNLABELLED ? [0, 0, 0] : list.classes[labels[i]!]!.color, 3 * i);
  return sharp(rgb, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

/** As a grey PNG whose values are the class list's. */
export async function encodeIndices(
  labels: Uint8Array,
  height: number,
  width: number,
  list: ClassList,
): Promise<Uint8Array> {
  const values = Uint8Array.from(labels, (label) => list.classes[label]?.value ?? UNLABELLED);
  return sharp(values, { raw: { width, height, channels: 1 } })
    .toColourspace("b-w")
    .png()
    .toBuffer();
}
