/**
 * Makes of any picture of one digit what MNIST's digits are (LeCun et al. 1998, section III.A): light ink on black, the
 * ink's box scaled to fit 20x20 with its proportions kept, and placed in 28x28 by its centre of mass. A digit of MNIST
 * comes out as it went in.
 *
 * MNIST's own pictures tell the rounding: their centres of mass, measured from the field's edge, all lie in [14, 15).
 */
import { DataError } from "../../base/errors.js";

/** Side of the field, and of the box that the ink fits in. */
const FIELD = 28;
const BOX = 20;
/** Fewer grey levels between paper and ink than this are noise. */
const LEAST_CONTRAST = 16;

/** A picture as bytes, such as a canvas gives it. */
export interface PictureBytes {
  /** Row-major, channels last: grey (1), grey and alpha (2), RGB (3) or RGBA (4) for each pixel. */
  readonly data: Uint8Array | Uint8ClampedArray;
  /** Its width in pixels. */
  readonly width: number;
  /** Its height in pixels. */
  readonly height: number;
}

/** A digit in MNIST's form. */
export interface PreparedDigit {
  /** 28 x 28 bytes, ink light on black. */
  readonly pixels: Uint8Array;
  /** Whether the picture's ink was darker or lighter than its paper. */
  readonly ink: "dark" | "light";
  /** The box of the ink, in pixels of the picture. */
  readonly box: Box;
}

interface Box {
  /** Its left column, from 0. */
  readonly x: number;
  /** Its top row, from 0. */
  readonly y: number;
  /** Its columns. */
  readonly width: number;
  /** Its rows. */
  readonly height: number;
}

/**
 * Makes of a picture of one digit what MNIST's digits are (LeCun et al. 1998, section III.A): light ink on black,
 * scaled to fit 20x20 and centred by mass in 28x28. A digit of MNIST stays as it is. Returns undefined where there is
 * no ink: a picture of one colour, of noise, or with a lone speck.
 *
 * @example
 * ```js
 * import { preprocessDigit } from "fovea";
 *
 * const data = new Uint8Array(40 * 40).fill(255); // white paper
 * for (let y = 5; y < 35; y++) data.fill(0, 40 * y + 18, 40 * y + 22); // a black stroke: 1
 * const digit = preprocessDigit({ data, width: 40, height: 40 });
 * console.log(digit?.ink, digit?.pixels.length, digit?.box); // dark 784 { x: 18, y: 5, width: 4, height: 30 }
 * ```
 *
 * @throws DataError if the bytes do not fit the extents
 */
export function preprocessDigit(picture: PictureBytes): PreparedDigit | undefined {
  const { width, height } = picture;
  const found = findInk(toGrey(picture), width, height);
  if (found === undefined) return undefined;
  const box = boxOf(found.ink, width, height);
  if (box === undefined || (box.width === 1 && box.height === 1)) return undefined;
  return { pixels: placeByMass(shrink(found.ink, width, box)), ink: found.kind, box };
}

/**
 * Luma (ITU-R BT.601) in whole numbers, so that grey stays as it was. What is transparent takes the colour unlike the
 * ink.
 */
function toGrey({ data, width, height }: PictureBytes): Uint8Array {
  const count = width * height;
  const channels = data.length / count;
  if (
    !(Number.isInteger(width) && width > 0 && Number.isInteger(height) && height > 0) ||
    ![1, 2, 3, 4].includes(channels)
  )
    throw new DataError(
      `preprocessDigit: ${data.length} bytes for ${width} x ${height} pixels; expected 1 to 4 channels a pixel`,
    );
  const grey = new Uint8Array(count);
  const colours = channels >= 3;
  for (let i = 0, at = 0; i < count; i++, at += channels)
    grey[i] = colours ? Math.round((299 * data[at]! + 587 * data[at + 1]! + 114 * data[at + 2]!) / 1000) : data[at]!;
  if (channels % 2 === 1) return grey;
  let opaque = 0;
  let light = 0;
  for (let i = 0; i < count; i++) {
    const alpha = data[channels * i + channels - 1]!;
    opaque += alpha;
    light += alpha * grey[i]!;
  }
  const paper = light > 127.5 * opaque ? 0 : 255;
  for (let i = 0; i < count; i++) {
    const alpha = data[channels * i + channels - 1]!;
    grey[i] = Math.round((alpha * grey[i]! + (255 - alpha) * paper) / 255);
  }
  return grey;
}

/** How much ink each pixel has, 0 to 255. The paper is the usual grey of the picture's rim. */
function findInk(grey: Uint8Array, width: number, height: number) {
  const rim: number[] = [];
  for (let x = 0; x < width; x++) rim.push(grey[x]!, grey[(height - 1) * width + x]!);
  for (let y = 1; y < height - 1; y++) rim.push(grey[y * width]!, grey[y * width + width - 1]!);
  const paper = quantile(rim, 0.5);
  // Squares, as ink is far from the paper and noise is near.
  let dark = 0;
  let light = 0;
  let darkest = paper;
  let lightest = paper;
  for (const g of grey) {
    if (g < paper) dark += (paper - g) ** 2;
    else light += (g - paper) ** 2;
    if (g < darkest) darkest = g;
    if (g > lightest) lightest = g;
  }
  const kind = dark > light ? ("dark" as const) : ("light" as const);
  const contrast = kind === "dark" ? paper - darkest : lightest - paper;
  if (contrast < LEAST_CONTRAST) return undefined;
  const spread = quantile(
    rim.map((g) => Math.abs(g - paper)),
    0.9,
  );
  // Shadows on the paper show at the rim. In pictures larger than MNIST's, what is very faint is left by compression.
  const faint = width > FIELD || height > FIELD ? contrast / 20 : 0;
  const floor = Math.min(contrast / 2, Math.max(2 * spread, faint));
  // MNIST's ink ends at 254 or 255.
  const gain = floor === 0 && contrast >= 254 ? 1 : 255 / (contrast - floor);
  const sign = kind === "dark" ? -1 : 1;
  const ink = grey.map((g) => Math.max(0, Math.min(255, Math.round((sign * (g - paper) - floor) * gain))));
  return { ink, kind };
}

function quantile(numbers: readonly number[], q: number): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(q * (numbers.length - 1))]!;
}

function boxOf(ink: Uint8Array, width: number, height: number): Box | undefined {
  let [left, right, top, bottom] = [width, -1, height, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (ink[y * width + x] === 0) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = y;
    }
  }
  return right < 0 ? undefined : { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
}

interface Patch {
  readonly data: Float64Array;
  readonly width: number;
  readonly height: number;
}

/** The box's ink at the size of MNIST's, each new pixel the mean of the area that it covers. */
function shrink(ink: Uint8Array, stride: number, box: Box): Patch {
  const longest = Math.max(box.width, box.height);
  // A few digits of MNIST are 19 long and must stay so.
  const scale = longest === BOX - 1 ? 1 : BOX / longest;
  const width = Math.max(1, Math.round(box.width * scale));
  const height = Math.max(1, Math.round(box.height * scale));
  const columns = coverage(box.width, width);
  const rows = coverage(box.height, height);
  const data = new Float64Array(width * height);
  for (let y = 0; y < height; y++) {
    for (const [sourceY, shareY] of rows[y]!) {
      const from = (box.y + sourceY) * stride + box.x;
      for (let x = 0; x < width; x++) {
        let sum = 0;
        for (const [sourceX, shareX] of columns[x]!) sum += shareX * ink[from + sourceX]!;
        data[y * width + x] = data[y * width + x]! + shareY * sum;
      }
    }
  }
  return { data, width, height };
}

/** For each of `to` equal parts of `from` pixels: the pixels that it covers and their shares, which sum to 1. */
function coverage(from: number, to: number): [pixel: number, share: number][][] {
  const step = from / to;
  return Array.from({ length: to }, (_, i) => {
    const begin = i * step;
    const end = Math.min(from, begin + step);
    const shares: [number, number][] = [];
    for (let pixel = Math.floor(begin); pixel < end; pixel++)
      shares.push([pixel, (Math.min(end, pixel + 1) - Math.max(begin, pixel)) / step]);
    return shares;
  });
}

function placeByMass({ data, width, height }: Patch): Uint8Array {
  let mass = 0;
  let massX = 0;
  let massY = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const ink = data[y * width + x]!;
      mass += ink;
      massX += ink * (x + 0.5);
      massY += ink * (y + 0.5);
    }
  }
  const left = place(massX / mass, width);
  const top = place(massY / mass, height);
  const pixels = new Uint8Array(FIELD * FIELD);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) pixels[(top + y) * FIELD + left + x] = Math.round(data[y * width + x]!);
  return pixels;
}

/** Where a patch begins so that its centre of mass lies in [14, 15), or as near as the field allows. */
function place(centre: number, extent: number): number {
  return Math.max(0, Math.min(FIELD - extent, Math.ceil(FIELD / 2 - centre)));
}
