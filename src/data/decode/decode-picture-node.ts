/**
 * Decodes picture files for a loader: common JPEG files by libjpeg-turbo on the calling thread (fast-jpeg-node.ts),
 * others by sharp, which is loaded when the first of these comes.
 */
import type { JpegHeader } from "../../formats/pictures/jpeg-header.js";
import type { Shape } from "../../graph/shape.js";
import { decodeCommonJpeg, loadFastJpeg } from "./fast-jpeg-node.js";
import type { DecodedPicture } from "./read-picture-node.js";

/** Brought to a shape by covering it; `height` and `width` are those of the file. */
export async function decodeTo(name: string, bytes: Uint8Array, shape: Shape): Promise<DecodedPicture> {
  await loadFastJpeg();
  const fits = ({ height, width }: JpegHeader) => height === shape[0] && width === shape[1];
  const fast = decodeCommonJpeg(bytes, shape[2]!, fits);
  return fast ?? (await withSharp()).decodePicture(name, bytes, shape);
}

/** The least [height, width] that serves, of the same shape, for a picture of a size. */
export type LeastSize = (height: number, width: number) => readonly [height: number, width: number];

/**
 * A picture in its own size, or by 2, 4 or 8 smaller where `least` lets it, as JPEG files are decoded faster. `height`
 * and `width` are those of `pixels`.
 */
export async function decodeWhole(
  name: string,
  bytes: Uint8Array,
  channels: number,
  least?: LeastSize,
): Promise<DecodedPicture> {
  const factorOf = (height: number, width: number) => (least === undefined ? 1 : shrinkFactor(height, width, least));
  await loadFastJpeg();
  const fast = decodeCommonJpeg(bytes, channels, ({ height, width }) => factorOf(height, width) === 1);
  return fast ?? (await withSharp()).decodeShrunk(name, bytes, channels, factorOf);
}

/** What libjpeg can leave out while it decodes. */
function shrinkFactor(height: number, width: number, least: LeastSize): number {
  const [leastHeight, leastWidth] = least(height, width);
  return [8, 4, 2].find((factor) => height / factor >= leastHeight && width / factor >= leastWidth) ?? 1;
}

const withSharp = () => import("./read-picture-node.js");
