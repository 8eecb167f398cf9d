/**
 * A picture file as the bytes that a network takes, [height, width, channels], of any kind (picture-kinds.ts) and size,
 * turned as its camera was held. Digits are prepared as MNIST's were (prepare-digit.ts); anything else is resized to
 * cover the network's input, its middle kept, on white where it is transparent.
 */
import { stat } from "node:fs/promises";
import type { Metadata, Sharp } from "sharp";
import { DataError, FileError } from "../../base/errors.js";
import { isPlainPicture, parsePlainPicture } from "../../formats/pictures/plain-picture.js";
import type { Shape } from "../../graph/shape.js";
import { readStart, readWholeFile, whatItIs, whyUnreadable } from "../../host/read-node.js";
import { digitFor, LARGEST_DIGIT, type Preparation } from "../digits/preparation.js";
import { EXPECTED_KINDS, SNIFFED_BYTES } from "../sources/picture-kinds.js";
import { loadSharp } from "./sharp-node.js";

/** As sharp calls them. Of heif it decodes AVIF alone; "raw" are pixels that were decoded here. */
const FORMATS = ["png", "jpeg", "webp", "gif", "tiff", "heif", "raw"];
/** Some formats must be decoded whole: 4 bytes a pixel, so that a picture takes at most 400 MB. */
const MOST_PIXELS = 100e6;
/** Pictures with more pixels are decoded one after another. */
const MANY_PIXELS = 8e6;

/**
 * Bytes as the network's training pictures had, row-major, channels last.
 * @throws FileError where the file is no picture or a damaged one, DataError where a picture shows nothing.
 */
export async function readPicture(path: string, input: Shape, preparation: Preparation): Promise<Uint8Array> {
  const { image, metadata } = await open(path);
  const { width, height } = metadata;
  const prepare = () =>
    preparation === "digit" ? digit(path, image, metadata, input) : resized(path, image, metadata, input);
  return width * height > MANY_PIXELS ? oneByOne(prepare) : prepare();
}

export interface PictureFacts {
  /** As the camera was held. */
  readonly height: number;
  readonly width: number;
  readonly grey: boolean;
}

/** What the head of a picture says, `bytes` being a whole file. @throws FileError as readPicture. */
export async function inspectPicture(name: string, bytes: Uint8Array): Promise<PictureFacts> {
  return facts((await inspect(name, bytes)).metadata);
}

/**
 * How the pixels of a file are to be turned to stand as the camera was held: 1 to 8, as Exif has it. @throws FileError
 * as readPicture.
 */
export async function orientationOf(name: string, bytes: Uint8Array): Promise<number> {
  return (await inspect(name, bytes)).metadata.orientation ?? 1;
}

export interface DecodedPicture extends PictureFacts {
  readonly pixels: Uint8Array;
}

/**
 * As readPicture by resizing, from the bytes of a file, with what its head says: `height` and `width` are those of the
 * file.
 */
export async function decodePicture(name: string, bytes: Uint8Array, input: Shape): Promise<DecodedPicture> {
  const { image, metadata } = await inspect(name, bytes);
  return { ...facts(metadata), pixels: await resized(name, image, metadata, input) };
}

/** The whole factor by which a picture of a size may be shrunk. */
export type ShrinkFactor = (height: number, width: number) => number;

/** A picture in its own size, a JPEG file by a factor smaller; `height` and `width` are those of `pixels`. */
export async function decodeShrunk(
  name: string,
  bytes: Uint8Array,
  channels: number,
  factorOf: ShrinkFactor,
): Promise<DecodedPicture> {
  const { image, metadata } = await inspect(name, bytes);
  const { height, width, grey } = facts(metadata);
  const factor = metadata.format === "jpeg" ? factorOf(height, width) : 1;
  const shape = [Math.ceil(height / factor), Math.ceil(width / factor), channels] as const;
  return { height: shape[0], width: shape[1], grey, pixels: await resized(name, image, metadata, shape) };
}

/** Orientations from 5 on lie on their side. */
function facts({ width, height, orientation = 1, space, channels }: Metadata): PictureFacts {
  const grey = space === "b-w" || space === "grey16" || channels <= 2;
  return orientation >= 5 ? { height: width, width: height, grey } : { height, width, grey };
}

async function open(path: string): Promise<{ image: Sharp; metadata: Metadata }> {
  const status = await stat(path).catch((cause: unknown) => {
    throw new FileError(`${path}: ${whyUnreadable(cause, path)}`, { cause });
  });
  if (!status.isFile()) throw new FileError(`${path}: is ${whatItIs(status)}, not a file`);
  if (status.size === 0) throw new FileError(`${path}: is empty, not a picture`);
  const head = await readStart(path, SNIFFED_BYTES);
  return inspect(path, isPlainPicture(head) ? await readWholeFile(path) : path);
}

/** `path` is what errors call it; a source that is a text is a path, too. */
async function inspect(path: string, source: string | Uint8Array): Promise<{ image: Sharp; metadata: Metadata }> {
  if (source.length === 0) throw new FileError(`${path}: is empty, not a picture`);
  // The limit is checked below, with words.
  const image = isPlain(source) ? plainImage(path, source) : loadSharp()(source, OPTIONS);
  const metadata = await image.metadata().catch((cause: Error) => {
    throw notAPicture(path, cause);
  });
  const { format, width, height } = metadata;
  const isHeic = format === "heif" && metadata.compression !== "av1";
  if (!FORMATS.includes(format) || isHeic) {
    const what = isHeic ? "HEIC" : format;
    throw new FileError(`${path}: is of the format ${what}; expected ${EXPECTED_KINDS}: convert it to PNG or JPEG`);
  }
  checkPixels(path, width, height);
  if (format === "png" && typeof source !== "string" && (width * height) / 8 > MOST_INFLATION * source.length) {
    throw new FileError(
      `${path}: is damaged or cut off: its ${source.length} bytes cannot hold ${width} x ${height} pixels`,
    );
  }
  if (width * height === 1) throw new DataError(`${path}: is a single pixel, which shows nothing`);
  return { image, metadata };
}

/** Deflate makes at most 1,032 bytes of one, and a pixel takes a bit at least. */
const MOST_INFLATION = 1032;
const OPTIONS = { limitInputPixels: false, sequentialRead: true };

function isPlain(source: string | Uint8Array): source is Uint8Array {
  return typeof source !== "string" && isPlainPicture(source);
}

function plainImage(path: string, bytes: Uint8Array): Sharp {
  const picture = parsePlainPicture(bytes, path);
  const { width, height, channels } = picture;
  checkPixels(path, width, height);
  return loadSharp()(picture.decode(), { ...OPTIONS, raw: { width, height, channels } });
}

function checkPixels(path: string, width: number, height: number): void {
  if (width * height <= MOST_PIXELS) return;
  throw new FileError(
    `${path}: has ${width} x ${height} pixels; at most ${MOST_PIXELS / 1e6} million are read: make it smaller`,
  );
}

function notAPicture(path: string, cause: Error): FileError {
  if (/unsupported image format/.test(cause.message))
    return new FileError(`${path}: is not a picture; expected ${EXPECTED_KINDS}`, { cause });
  if (/permission/i.test(cause.message)) return new FileError(`${path}: may not be read: permission denied`, { cause });
  const [why] = cause.message.split("\n");
  return new FileError(`${path}: is damaged or cut off: ${why}`, { cause });
}

async function digit(path: string, image: Sharp, metadata: Metadata, input: Shape): Promise<Uint8Array> {
  const size = LARGEST_DIGIT;
  let small = upright(image, metadata);
  // What need not be done is not asked for: it doubles the time of a small picture.
  if (Math.max(metadata.width, metadata.height) > size)
    small = small.resize({ width: size, height: size, fit: "inside" });
  const { data, info } = await bytesOf(path, inSrgb(small, metadata).toColourspace("srgb"));
  const { width, height } = info;
  return digitFor({ data, width, height }, input, path);
}

async function resized(path: string, image: Sharp, metadata: Metadata, input: Shape): Promise<Uint8Array> {
  const [height, width, channels] = input as [number, number, number];
  let fitted = upright(image, metadata);
  if (metadata.hasAlpha) fitted = fitted.flatten({ background: "#ffffff" });
  const own = facts(metadata);
  if (own.width !== width || own.height !== height) fitted = fitted.resize({ width, height, fit: "cover" });
  const { data, info } = await bytesOf(path, inSrgb(fitted, metadata).toColourspace(channels === 1 ? "b-w" : "srgb"));
  if (data.length !== height * width * channels)
    throw new FileError(`${path}: decodes to ${info.channels} channels, expected ${channels}; convert it to RGB`);
  return data;
}

/** As the camera was held. */
const upright = (image: Sharp, { orientation = 1 }: Metadata) => (orientation === 1 ? image : image.autoOrient());

/**
 * Colours of a profile as sRGB. sharp does so by itself where a sample has 8 bits; those of 16 bits it brings to a
 * wider space.
 */
const inSrgb = (image: Sharp, { depth, hasProfile }: Metadata) =>
  depth === "ushort" && hasProfile ? image.withIccProfile("srgb", { attach: false }) : image;

async function bytesOf(path: string, image: Sharp) {
  try {
    return await image.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
  } catch (cause) {
    throw notAPicture(path, cause as Error);
  }
}

let last: Promise<unknown> = Promise.resolve();

function oneByOne<T>(work: () => Promise<T>): Promise<T> {
  const result = last.then(work);
  last = result.catch(() => {});
  return result;
}
