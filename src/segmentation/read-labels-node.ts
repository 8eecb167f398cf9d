/**
 * Label pictures: PNG files of grey values or of a palette, whose indices are classes, or of colours. What a value or
 * colour means is in the class list; how values lie in the file is read from its head, since decoders spread few bits
 * over a byte.
 */

import { DataError, FileError } from "../base/errors.js";
import { loadSharp } from "../data/decode/sharp-node.js";
import { type ClassList, colorKey, colorTable, UNLABELLED, valueTable } from "./class-list.js";
import { readPaletteIndices } from "./png-palette-node.js";

/** A picture of labels. */
export interface LabelPicture {
  /** Its height in pixels. */
  readonly height: number;
  /** Its width in pixels. */
  readonly width: number;
  /** Class indices; UNLABELLED where a pixel counts for nothing. */
  readonly labels: Uint8Array;
}

type Kind = "grey" | "palette" | "colour";

interface Head {
  readonly kind: Kind;
  readonly bits: number;
}

/**
 * What a label picture is made of. @throws FileError where it is no PNG file, DataError where it is of a kind that says
 * no labels.
 */
export function labelHead(name: string, bytes: Uint8Array): Head {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 33 || view.getUint32(0) !== 0x89504e47) {
    throw new FileError(
      `${name}: is not a PNG file; labels must be exact, which other formats are not: save it as PNG`,
    );
  }
  const bits = bytes[24]!;
  const type = bytes[25]!;
  if (bits === 16) throw new DataError(`${name}: has 16 bits a pixel, expected labels of at most 8`);
  return { kind: type === 0 || type === 4 ? "grey" : type === 3 ? "palette" : "colour", bits };
}

/** What stands at each pixel: a value (of grey, or of a palette's index) or a colour's key. */
interface Found {
  readonly height: number;
  readonly width: number;
  readonly at: (pixel: number) => number;
}

/**
 * Labels from the bytes of a file.
 * @throws FileError where it is damaged, DataError naming the first pixel whose value or colour is no class.
 */
export async function readLabels(name: string, bytes: Uint8Array, list: ClassList): Promise<LabelPicture> {
  const { kind, bits } = labelHead(name, bytes);
  const { height, width, at } = kind === "palette" ? indicesOf(name, bytes) : await decoded(name, bytes, kind, bits);
  const values = valueTable(list);
  const colors = colorTable(list);
  const labels = new Uint8Array(height * width);
  for (let i = 0; i < labels.length; i++) {
    const found = at(i);
    const label = kind === "colour" ? colors.get(found) : values[found];
    if (label === undefined) {
      const place = `row ${Math.floor(i / width)}, column ${i % width}`;
      throw kind === "colour" ? unknownColour(name, list, place, found) : unknownValue(name, list, place, found);
    }
    labels[i] = label;
  }
  return { height, width, labels };
}

function indicesOf(name: string, bytes: Uint8Array): Found {
  const { height, width, indices } = readPaletteIndices(name, bytes);
  return { height, width, at: (i) => indices[i]! };
}

async function decoded(name: string, bytes: Uint8Array, kind: Kind, bits: number): Promise<Found> {
  // A profile of colours would change them.
  const image = loadSharp()(bytes, { ignoreIcc: true }).removeAlpha();
  const { data, info } = await (kind === "grey" ? image.extractChannel(0) : image.toColourspace("srgb"))
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch((cause: Error) => {
      throw new FileError(`${name}: is damaged or cut off: ${cause.message.split("\n")[0]}`, { cause });
    });
  const { height, width } = info;
  const spread = 255 / (2 ** bits - 1);
  return kind === "grey"
    ? { height, width, at: (i) => data[i]! / spread }
    : { height, width, at: (i) => colorKey(data[3 * i]!, data[3 * i + 1]!, data[3 * i + 2]!) };
}

function unknownColour(name: string, { classes }: ClassList, place: string, found: number): DataError {
  const color = [found >> 16, (found >> 8) & 255, found & 255].join(", ");
  return new DataError(
    `${name}: the colour ${color} at ${place} is none of the ${classes.length} classes'; add it to the class list, or to ignore`,
  );
}

function unknownValue(name: string, { classes, ignore }: ClassList, place: string, found: number): DataError {
  const known = [...classes, ...ignore].map((entry) => entry.value).sort((a, b) => a - b);
  return new DataError(
    `${name}: the label ${found} at ${place} is outside the class list (${known[0]} to ${known.at(-1)}); add it to classes, or to ignore`,
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
  return loadSharp()(rgb, { raw: { width, height, channels: 3 } })
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
  return loadSharp()(values, { raw: { width, height, channels: 1 } })
    .toColourspace("b-w")
    .png()
    .toBuffer();
}
