/** Pictures of a page, made by its canvas into what read-picture-node.ts makes of files. */
import { BackendError } from "../../base/errors.js";
import type { Shape } from "../../graph/shape.js";
import { checkPreparation, digitFor, LARGEST_DIGIT, preparationFor } from "../digits/preparation.js";

/** The facts by which a picture is made ready for a model. Any trained model has them. */
export interface PictureTaker {
  /** [height, width, channels]. */
  readonly input: Shape;
  /** Class names by label; "0" to "9" with an input of 28x28x1 are MNIST's digits. */
  readonly classes: readonly string[];
}

/**
 * A picture of a page as a model takes it: one byte a pixel and channel, [height, width, channels]. `source` is what
 * `createImageBitmap` accepts: a file of an input, an `<img>`, a `<canvas>`, a frame of a `<video>`. Networks that read
 * MNIST's digits get the digit as `preprocessDigit` makes it. Others get the picture resized to cover their input, its
 * middle kept, on white where it is transparent.
 *
 *     const { class: name } = await classify(await pictureFor(model, input.files[0]));
 *
 * @throws OptionError where the model takes no pictures, DataError where a digit shows no ink, BackendError outside of
 * a browser
 */
export async function pictureFor(model: PictureTaker, source: ImageBitmapSource): Promise<Uint8Array> {
  const { input, classes } = model;
  const preparation = preparationFor(input, classes);
  checkPreparation(input, preparation);
  if (typeof createImageBitmap === "undefined" || typeof OffscreenCanvas === "undefined") {
    throw new BackendError(
      "pictureFor: there is no canvas here, only in a page and its workers; give the classifier the bytes of the picture",
    );
  }
  const bitmap = await createImageBitmap(source);
  try {
    return preparation === "digit"
      ? digitFor(whole(bitmap), input, "pictureFor: the picture")
      : covering(bitmap, input);
  } finally {
    bitmap.close();
  }
}

/** No larger than a digit needs. */
function whole(bitmap: ImageBitmap): ImageData {
  const factor = Math.min(1, LARGEST_DIGIT / Math.max(bitmap.width, bitmap.height));
  const extent = (pixels: number) => Math.max(1, Math.round(pixels * factor));
  return drawn(bitmap, extent(bitmap.width), extent(bitmap.height), 0, 0, bitmap.width, bitmap.height);
}

function covering(bitmap: ImageBitmap, [height, width, channels]: Shape): Uint8Array {
  const factor = Math.min(bitmap.width / width!, bitmap.height / height!);
  const [w, h] = [width! * factor, height! * factor];
  const { data } = drawn(bitmap, width!, height!, (bitmap.width - w) / 2, (bitmap.height - h) / 2, w, h, "white");
  const pixels = new Uint8Array(width! * height! * channels!);
  for (let i = 0; i < width! * height!; i++) {
    const [red, green, blue] = data.subarray(4 * i, 4 * i + 3) as unknown as [number, number, number];
    if (channels === 3) pixels.set([red, green, blue], 3 * i);
    // Luma, ITU-R BT.601.
    else pixels[i] = Math.round((299 * red + 587 * green + 114 * blue) / 1000);
  }
  return pixels;
}

/** The part at (x, y) of w by h pixels of a picture, drawn to `width` by `height`. */
function drawn(
  bitmap: ImageBitmap,
  width: number,
  height: number,
  x: number,
  y: number,
  w: number,
  h: number,
  background?: string,
): ImageData {
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true })!;
  if (background !== undefined) {
    context.fillStyle = background;
    context.fillRect(0, 0, width, height);
  }
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, x, y, w, h, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}
