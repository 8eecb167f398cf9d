/**
 * A sheet of what training would see of a data set: rows of pictures, each as it is and as the first epochs see it,
 * through the same transforms with the same seed and number; without transforms, as many pictures side by side. One
 * picture a class first.
 */

import { DataError } from "../../base/errors.js";
import type { Transform } from "../../data/augment/augment.js";
import { describeAugmentation } from "../../data/augment/grammar.js";
import { measuredOn } from "../../data/augment/pca.js";
import { loadSharp } from "../../data/decode/sharp-node.js";
import type { Dataset } from "../../data/sets/dataset.js";
import { openBytes, openPictures } from "../../data/sets/open-pictures.js";
import { epochOrder } from "../../data/sets/sampler.js";
import type { PictureStream } from "../../data/sets/stream.js";
import { type Shape, sizeOf } from "../../graph/shape.js";
import { toPng } from "../report/draw-node.js";
import { escapeXml, shortened } from "../report/figure.js";

export interface PreviewOptions {
  /** [height, width, channels] of what the network takes. */
  readonly target: Shape;
  /** None: the pictures as they are. */
  readonly augment?: readonly Transform[] | undefined;
  readonly seed: number;
  /** Rows. */
  readonly count: number;
}

/** Pictures a row beside the first. */
const VERSIONS = 7;
/** About how many pixels of the sheet the longer side of a picture takes. */
const SIDE = 104;
const GAP = 10;
const MARGIN = 24;
const HEAD = 76;

/** A picture as it is shown, in pixels of the sheet. */
interface Cell {
  readonly uri: string;
  readonly height: number;
  readonly width: number;
}

interface Row {
  readonly name: string;
  readonly cells: readonly Cell[];
}

/** The sheet as a PNG. */
export async function previewSheet(data: Dataset, options: PreviewOptions): Promise<Buffer> {
  const { seed, count } = options;
  const augment = options.augment && (await measuredOn(options.augment, data));
  const chosen = choose(data, seed, augment === undefined ? count * (VERSIONS + 1) : count);
  const seen = new Seen(data, { ...options, augment });
  try {
    const rows: Row[] = [];
    for (const index of chosen) {
      const cells = [await seen.original(index)];
      if (augment !== undefined) {
        for (let epoch = 0; epoch < VERSIONS; epoch++) cells.push(await seen.augmented(index, epoch));
      }
      rows.push({ name: data.classes[data.labels[index]!] ?? String(data.labels[index]), cells });
    }
    return augment === undefined ? drawPictures(data, rows) : drawVersions(data, rows, { ...options, augment });
  } finally {
    await seen.close();
  }
}

/** In the order of the seed's first epoch, classes in turn. */
function choose({ length, labels, classes, name }: Dataset, seed: number, count: number): readonly number[] {
  if (length === 0) throw new DataError(`${name}: there are no pictures in it`);
  const byClass = classes.map((): number[] => []);
  for (const index of epochOrder(length, seed, 0)) byClass[labels[index]!]!.push(index);
  const chosen: number[] = [];
  for (let turn = 0; chosen.length < Math.min(count, length); turn++) {
    for (const indices of byClass) {
      const index = indices[turn];
      if (index !== undefined && chosen.length < count) chosen.push(index);
    }
  }
  return chosen;
}

/** Pictures of a set, wherever they lie, back in bytes. */
class Seen {
  readonly #data: Dataset;
  readonly #target: Shape;
  readonly #plain: Pick<PictureStream, "bytes" | "close">;
  readonly #augmented: PictureStream | undefined;

  constructor(data: Dataset, { augment, target, seed }: PreviewOptions) {
    const { mean, std } = data;
    this.#data = data;
    this.#target = target;
    this.#plain = openBytes(data);
    this.#augmented = augment && openPictures(data, { target, mean, std, seed, transforms: augment });
  }

  async original(index: number): Promise<Cell> {
    const { shape } = this.#data;
    const bytes = new Uint8Array(sizeOf(shape));
    await this.#plain.bytes(Uint32Array.of(index), bytes, new Int32Array(1));
    return cellOf(bytes, shape);
  }

  /** Only where the pictures are augmented. */
  async augmented(index: number, epoch: number): Promise<Cell> {
    const numbers = new Float32Array(sizeOf(this.#target));
    await this.#augmented!.fill(Uint32Array.of(index), epoch, numbers, new Int32Array(1));
    return cellOf(bytesOf(numbers, this.#data), this.#target);
  }

  async close(): Promise<void> {
    await this.#plain.close();
    await this.#augmented?.close();
  }
}

/** Numbers that a network sees, as pixels. */
function bytesOf(numbers: Float32Array, { mean, std }: Dataset): Uint8Array {
  const channels = mean.length;
  return Uint8Array.from(numbers, (value, i) => {
    const c = i % channels;
    return Math.min(255, Math.max(0, Math.round((value * std[c]! + mean[c]!) * 255)));
  });
}

/** Small pictures are shown larger by a whole factor, so that their pixels are all alike. */
async function cellOf(bytes: Uint8Array, [height, width, channels]: Shape): Promise<Cell> {
  // Of pictures that are neither grey nor RGB, the first channel.
  const shown = channels === 1 || channels === 3 ? bytes : bytes.filter((_, i) => i % channels! === 0);
  const longest = Math.max(height!, width!);
  const isSmall = 2 * longest <= SIDE;
  const factor = isSmall ? Math.round(SIDE / longest) : SIDE / longest;
  const size = {
    height: Math.max(1, Math.round(height! * factor)),
    width: Math.max(1, Math.round(width! * factor)),
  };
  const raw = { width: width!, height: height!, channels: channels === 3 ? 3 : 1 } as const;
  const kernel = isSmall ? "nearest" : "lanczos3";
  const png = await loadSharp()(shown, { raw })
    .resize({ ...size, fit: "fill", kernel })
    .png()
    .toBuffer();
  return { uri: `data:image/png;base64,${png.toString("base64")}`, ...size };
}

/** A row a picture: as it is, and as the first epochs see it. */
function drawVersions(
  data: Dataset,
  rows: readonly Row[],
  { augment, target, seed }: PreviewOptions & { readonly augment: readonly Transform[] },
): Buffer {
  const cell = cellSize(rows);
  const names = rows.map(({ name }) => linesOf(name));
  const left = MARGIN + 16 + 7.5 * Math.max(...names.flat().map((line) => line.length));
  // The original stands a little apart.
  const x = (column: number) => left + column * (cell.width + GAP) + (column > 0 ? GAP : 0);
  const top = HEAD + 22;
  const body = rows.flatMap(({ cells }, r) => {
    const y = top + r * (cell.height + GAP);
    const middle = y + cell.height / 2 + 5 - (names[r]!.length - 1) * 9;
    return [
      ...names[r]!.map((line, i) => text(MARGIN, middle + 18 * i, line, `font-size="14" font-weight="600"`)),
      ...cells.map((one, c) => framed(one, x(c), y, cell)),
    ];
  });
  const heads = Array.from({ length: VERSIONS + 1 }, (_, c) =>
    text(x(c) + cell.width / 2, HEAD + 10, c === 0 ? "original" : `epoch ${c}`, CENTRED_SOFT),
  );
  const note = `${describeAugmentation(augment)}, seed ${seed}, for a network that takes ${target.join("x")}`;
  return page(`${titleOf(data)}: what training sees`, note, [...heads, ...body], {
    width: x(VERSIONS) + cell.width,
    height: top + rows.length * (cell.height + GAP) - GAP,
  });
}

/** Pictures as they are, with their classes below. */
function drawPictures(data: Dataset, pictures: readonly Row[]): Buffer {
  const cell = cellSize(pictures);
  const columns = Math.min(pictures.length, VERSIONS + 1);
  const rowHeight = cell.height + 20 + GAP;
  const body = pictures.map(({ name, cells: [picture] }, i) => {
    const x = MARGIN + (i % columns) * (cell.width + GAP);
    const y = HEAD + Math.floor(i / columns) * rowHeight;
    const caption = text(
      x + cell.width / 2,
      y + cell.height + 15,
      shortened(name, 15),
      `font-size="12" text-anchor="middle"`,
    );
    return framed(picture!, x, y, cell) + caption;
  });
  const note = `${data.length.toLocaleString("en")} pictures of ${data.shape.join("x")} in ${data.classes.length} classes`;
  return page(`${titleOf(data)}: as it is`, note, body, {
    width: MARGIN + columns * (cell.width + GAP) - GAP,
    height: HEAD + Math.ceil(pictures.length / columns) * rowHeight - GAP,
  });
}

const CENTRED_SOFT = `font-size="12" text-anchor="middle" fill="var(--soft)"`;

const cellSize = (rows: readonly Row[]) => ({
  width: Math.max(72, ...rows.flatMap(({ cells }) => cells.map(({ width }) => width))),
  height: Math.max(20, ...rows.flatMap(({ cells }) => cells.map(({ height }) => height))),
});

/** A picture in the middle of its cell. */
function framed(one: Cell, x: number, y: number, cell: { readonly width: number; readonly height: number }): string {
  const [left, top] = [Math.round(x + (cell.width - one.width) / 2), Math.round(y + (cell.height - one.height) / 2)];
  const size = `width="${one.width}" height="${one.height}"`;
  return (
    `<image x="${left}" y="${top}" ${size} href="${one.uri}"/>` +
    `<rect x="${left - 0.5}" y="${top - 0.5}" width="${one.width + 1}" height="${one.height + 1}" fill="none" stroke="var(--line)"/>`
  );
}

/** A class's name in up to three lines. */
function linesOf(name: string): string[] {
  const lines: string[] = [];
  for (const word of name.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < 16) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  const kept = lines.slice(0, 3).map((line) => shortened(line, 18));
  if (lines.length > 3) kept[2] = shortened(`${kept[2]} …`, 18);
  return kept;
}

/** Without the folders that a set lies in. */
const titleOf = ({ name }: Dataset) => name.replace(/^.*[\\/](?=[^\\/ ])/, "").replace(/[\\/]/, "");

function page(
  title: string,
  note: string,
  parts: readonly string[],
  extent: { readonly width: number; readonly height: number },
): Buffer {
  const width = Math.ceil(Math.max(extent.width, MARGIN + 10 * title.length, MARGIN + 6.6 * note.length) + MARGIN);
  const height = Math.ceil(extent.height + MARGIN);
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
    `font-family="Inter" fill="var(--ink)"><rect width="${width}" height="${height}" fill="var(--paper)"/>` +
    text(MARGIN, 38, title, `font-size="19" font-weight="600"`) +
    text(MARGIN, 60, note, `font-size="13" fill="var(--soft)"`) +
    `${parts.join("")}</svg>`;
  return toPng({ svg, width, height }, 1);
}

const text = (x: number, y: number, words: string, style: string) =>
  `<text x="${x}" y="${y}" ${style}>${escapeXml(words)}</text>`;
