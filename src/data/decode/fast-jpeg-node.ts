/**
 * Decodes common JPEG files by libjpeg-turbo in WebAssembly, on the calling thread: the same bits as sharp gives,
 * without its cost a picture (64x64: 0.07 ms against 0.55; 256x256: 0.7 against 1.1; from about 400x400 on sharp's
 * vector code is ahead).
 */
import { createRequire } from "node:module";
import { type JpegHeader, parseJpegHeader } from "../../formats/pictures/jpeg-header.js";

/** Above, sharp is faster. */
const MOST_PIXELS = 400 * 400;

/** What is used of the package's class, which has no types. */
interface Decoder {
  /** Room for the file, in the module's memory. */
  getEncodedBuffer(bytes: number): Uint8Array | Uint8ClampedArray;
  /** Throws where libjpeg-turbo has as much as a warning. */
  decode(): void;
  /** A view of the module's memory. */
  getDecodedBuffer(): Uint8Array | Uint8ClampedArray;
}

type Factory = () => Promise<{ readonly JPEGDecoder: new () => Decoder }>;

let loading: Promise<void> | undefined;
let decoder: Decoder | undefined;

/**
 * To be awaited before `decodeCommonJpeg`. Where the module cannot be loaded, that decodes nothing, and sharp
 * everything.
 */
export function loadFastJpeg(): Promise<void> {
  loading ??= (async () => {
    try {
      const factory = createRequire(import.meta.url)("@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs") as Factory;
      decoder = new (await factory()).JPEGDecoder();
    } catch {
      decoder = undefined;
    }
  })();
  return loading;
}

export interface JpegPixels {
  readonly height: number;
  readonly width: number;
  readonly grey: boolean;
  /** height x width x channels. */
  readonly pixels: Uint8Array;
}

/**
 * A file as [height, width, channels] bytes, or undefined where it is better left to sharp: no JPEG, turned by its
 * camera, of a colour space of its own, large, damaged (sharp says how), or to be made grey. `wants` may refuse by the
 * head.
 */
export function decodeCommonJpeg(
  bytes: Uint8Array,
  channels: number,
  wants: (header: JpegHeader) => boolean = () => true,
): JpegPixels | undefined {
  if (decoder === undefined) return undefined;
  const header = parseJpegHeader(bytes);
  if (header === undefined || !isPlain(header, channels) || !wants(header)) return undefined;
  const { height, width, components } = header;
  const count = height * width * components;
  let decoded: Uint8Array | Uint8ClampedArray;
  try {
    decoder.getEncodedBuffer(bytes.length).set(bytes);
    decoder.decode();
    decoded = decoder.getDecodedBuffer();
  } catch {
    return undefined;
  }
  if (decoded.length !== count) return undefined;
  const view = new Uint8Array(decoded.buffer, decoded.byteOffset, count);
  const pixels = components === channels ? view.slice() : repeated(view, channels);
  return { height, width, grey: components === 1, pixels };
}

function isPlain({ height, width, components, isCommon, orientation, hasProfile }: JpegHeader, channels: number) {
  const pixels = height * width;
  if (!isCommon || orientation !== 1 || hasProfile || pixels === 1 || pixels > MOST_PIXELS) return false;
  return components === 1 ? channels === 1 || channels === 3 : components === 3 && channels === 3;
}

function repeated(grey: Uint8Array, channels: number): Uint8Array {
  const pixels = new Uint8Array(grey.length * channels);
  for (let i = 0, to = 0; i < grey.length; i++) for (let c = 0; c < channels; c++) pixels[to++] = grey[i]!;
  return pixels;
}
