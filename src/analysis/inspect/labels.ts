/** A labelled picture to look at. Bytes are RGB, row-major. */
import type { PixelLabels } from "./look.js";

/** A colour: red, green and blue from 0 to 255. */
export type Colour = readonly [red: number, green: number, blue: number];

export interface Bytes {
  readonly height: number;
  readonly width: number;
  readonly bytes: Uint8Array;
}

/** Okabe and Ito's, which colour-blind eyes tell apart, those first that differ most. */
const OKABE_ITO: readonly Colour[] = [
  [0, 114, 178],
  [230, 159, 0],
  [0, 158, 115],
  [204, 121, 167],
  [86, 180, 233],
  [213, 94, 0],
  [240, 228, 66],
  [60, 60, 60],
];

/**
 * A colour a class: above eight, the same again, lighter and lighter; the borders that are drawn between classes help
 * there.
 */
export function labelColours(count: number): Colour[] {
  const rounds = Math.ceil(count / OKABE_ITO.length);
  return Array.from({ length: count }, (_, i) => {
    const lighter = Math.floor(i / OKABE_ITO.length) / rounds;
    return OKABE_ITO[i % OKABE_ITO.length]!.map((c) => Math.round(c + (255 - c) * lighter)) as unknown as Colour;
  });
}

/** Each pixel as a square of `zoom` pixels. */
export function zoomed({ height, width, bytes }: Bytes, zoom: number): Bytes {
  const to = new Uint8Array(height * width * zoom * zoom * 3);
  for (let y = 0, i = 0; y < height * zoom; y++)
    for (let x = 0; x < width * zoom; x++, i += 3) {
      const from = 3 * (Math.floor(y / zoom) * width + Math.floor(x / zoom));
      to[i] = bytes[from]!;
      to[i + 1] = bytes[from + 1]!;
      to[i + 2] = bytes[from + 2]!;
    }
  return { height: height * zoom, width: width * zoom, bytes: to };
}

const BORDER: Colour = [20, 20, 20];
const FRAME: Colour = [230, 159, 0];

/** The classes' colours laid over a picture, with dark borders between them. */
export function labelOverlay(picture: Bytes, places: PixelLabels, colours: readonly Colour[], zoom: number): Bytes {
  const large = zoomed(picture, zoom);
  const labelAt = labelsAt(places, zoom);
  return painted(large, (y, x, at) => {
    const label = labelAt(y, x);
    if (isBorder(labelAt, y, x, large)) return BORDER;
    const colour = colours[label] ?? BORDER;
    return colour.map((c, i) => Math.round(0.5 * large.bytes[at + i]! + 0.5 * c)) as unknown as Colour;
  });
}

/** The pixels of one class as they are, the others dark and grey, and a line between. */
export function labelCutOut(picture: Bytes, places: PixelLabels, label: number, zoom: number): Bytes {
  const large = zoomed(picture, zoom);
  const labelAt = labelsAt(places, zoom);
  const isOf = (y: number, x: number) => (labelAt(y, x) === label ? 1 : 0);
  return painted(large, (y, x, at) => {
    const [r, g, b] = [large.bytes[at]!, large.bytes[at + 1]!, large.bytes[at + 2]!];
    if (isBorder(isOf, y, x, large)) return FRAME;
    if (isOf(y, x) === 1) return [r, g, b];
    const grey = Math.round(0.35 * (0.299 * r + 0.587 * g + 0.114 * b));
    return [grey, grey, grey];
  });
}

/** A ring around a pixel, white in black, so that it is seen on everything. */
export function ringed(picture: Bytes, [row, column]: readonly [number, number], zoom: number): Bytes {
  const { height, width } = picture;
  const bytes = new Uint8Array(picture.bytes);
  const middle = (at: number) => at * zoom + Math.floor(zoom / 2);
  const [cy, cx] = [middle(row), middle(column)];
  const radius = Math.max(5, Math.round(Math.max(height, width) / 40), zoom);
  const reach = radius + 2;
  for (let y = Math.max(0, cy - reach); y <= Math.min(height - 1, cy + reach); y++)
    for (let x = Math.max(0, cx - reach); x <= Math.min(width - 1, cx + reach); x++) {
      const distance = Math.abs(Math.hypot(y - cy, x - cx) - radius);
      if (distance <= 2) bytes.fill(distance <= 1 ? 255 : 0, 3 * (y * width + x), 3 * (y * width + x) + 3);
    }
  return { height, width, bytes };
}

type LabelAt = (y: number, x: number) => number;

const labelsAt =
  ({ labels, width }: PixelLabels, zoom: number): LabelAt =>
  (y, x) =>
    labels[Math.floor(y / zoom) * width + Math.floor(x / zoom)]!;

const isBorder = (labelAt: LabelAt, y: number, x: number, { height, width }: Bytes): boolean =>
  (x + 1 < width && labelAt(y, x + 1) !== labelAt(y, x)) || (y + 1 < height && labelAt(y + 1, x) !== labelAt(y, x));

function painted({ height, width }: Bytes, colourAt: (y: number, x: number, at: number) => Colour): Bytes {
  const bytes = new Uint8Array(height * width * 3);
  for (let y = 0, at = 0; y < height; y++) for (let x = 0; x < width; x++, at += 3) bytes.set(colourAt(y, x, at), at);
  return { height, width, bytes };
}
