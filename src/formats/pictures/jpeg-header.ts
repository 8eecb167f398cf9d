/**
 * What the head of a JPEG file says (ITU-T T.81, annex B; Exif 2.32 for the orientation), without decoding it: marker
 * segments up to the first scan.
 */

export interface JpegHeader {
  /** As stored: a camera held on its side has its height and width exchanged. */
  readonly height: number;
  readonly width: number;
  /** 1 is grey, 3 colours, 4 CMYK. */
  readonly components: number;
  /** Baseline, extended or progressive Huffman with 8 bits a sample: what every decoder reads. */
  readonly isCommon: boolean;
  /**
   * Of Exif, 1 to 8. Undefined where it is not said in the one way that all readers agree on (one block, one SHORT): a
   * decoder is to be asked.
   */
  readonly orientation: number | undefined;
  /** There is a colour profile, which may say that its RGB is not sRGB. */
  readonly hasProfile: boolean;
}

/** Not a JPEG file, or one whose head is not in `bytes`: undefined. */
export function parseJpegHeader(bytes: Uint8Array): JpegHeader | undefined {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return undefined;
  let frame: Pick<JpegHeader, "height" | "width" | "components" | "isCommon"> | undefined;
  let orientation: number | undefined = 1;
  let blocks = 0;
  let hasProfile = false;
  for (let at = 2; at + 4 <= bytes.length; ) {
    if (bytes[at] !== 0xff) return undefined;
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at++; // a fill byte
      continue;
    }
    if (marker === 0xda) return frame && { ...frame, orientation, hasProfile };
    const length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
    const from = at + 4;
    const to = at + 2 + length;
    if (length < 2 || to > bytes.length) return undefined;
    if (isFrame(marker)) {
      if (length < 8) return undefined;
      frame = {
        height: (bytes[from + 1]! << 8) | bytes[from + 2]!,
        width: (bytes[from + 3]! << 8) | bytes[from + 4]!,
        components: bytes[from + 5]!,
        isCommon: marker <= 0xc2 && bytes[from] === 8,
      };
      if (frame.height === 0 || frame.width === 0) return undefined;
    } else if (marker === 0xe1 && startsWith(bytes, from, to, "Exif\0\0")) {
      orientation = ++blocks > 1 ? undefined : exifOrientation(bytes.subarray(from + 6, to));
    } else if (marker === 0xe2 && startsWith(bytes, from, to, "ICC_PROFILE\0")) {
      hasProfile = true;
    }
    at = to;
  }
  return undefined;
}

/** Start of frame: C0 to CF without the tables that lie between. */
const isFrame = (marker: number) => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

function startsWith(bytes: Uint8Array, from: number, to: number, text: string): boolean {
  if (to - from < text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[from + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** Tag 0x0112 of the first directory of a TIFF block; 1 where there is none, undefined where readers may differ. */
function exifOrientation(tiff: Uint8Array): number | undefined {
  if (tiff.length < 8) return undefined;
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  const little = tiff[0] === 0x49;
  const order = view.getUint16(0, little);
  if (order !== (little ? 0x4949 : 0x4d4d) || view.getUint16(2, little) !== 42) return undefined;
  const directory = view.getUint32(4, little);
  if (directory < 8 || directory + 2 > tiff.length) return undefined;
  const entries = view.getUint16(directory, little);
  if (directory + 2 + 12 * entries > tiff.length) return undefined;
  let found: number | undefined;
  for (let n = 0; n < entries; n++) {
    const at = directory + 2 + 12 * n;
    if (view.getUint16(at, little) !== 0x0112) continue;
    const [type, count, value] = [
      view.getUint16(at + 2, little),
      view.getUint32(at + 4, little),
      view.getUint16(at + 8, little),
    ];
    if (found !== undefined || type !== SHORT || count !== 1 || value < 1 || value > 8) return undefined;
    found = value;
  }
  return found ?? 1;
}

const SHORT = 3;
