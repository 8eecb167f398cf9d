/**
 * Labels of photos that were taken with the camera on its side: Exif 2.32, tag 0x0112, says how stored pixels are to be
 * turned.
 */
import { DataError } from "../base/errors.js";
import type { LabelPicture } from "./read-labels-node.js";

/**
 * Labels of a picture that its Exif orientation turns may have been drawn on it as it stands or as its pixels are
 * stored. Their size says which, or nothing does.
 */
export function asCameraWasHeld(
  drawn: LabelPicture,
  labels: string,
  { name, height, width, orientation }: { name: string; height: number; width: number; orientation: number },
): LabelPicture {
  const isUpright = drawn.height === height && drawn.width === width;
  const isStored = orientation >= 5 ? drawn.height === width && drawn.width === height : isUpright;
  if (isUpright && isStored)
    throw new DataError(
      `${labels}: may have been drawn on ${name} as it is stored or as its Exif orientation ${orientation} turns it; ` +
        "expected a picture without an orientation: save it upright",
    );
  return isStored ? turned(drawn, orientation) : drawn;
}

/** Stored labels as an Exif orientation turns their picture. */
function turned({ height, width, labels }: LabelPicture, orientation: number): LabelPicture {
  const isOnSide = orientation >= 5;
  const [rows, columns] = isOnSide ? [width, height] : [height, width];
  const [right, bottom] = [width - 1, height - 1];
  /** Where the pixel of a row and a column is stored. */
  const stored = (y: number, x: number): readonly [row: number, column: number] => {
    if (orientation === 2) return [y, right - x];
    if (orientation === 3) return [bottom - y, right - x];
    if (orientation === 4) return [bottom - y, x];
    if (orientation === 5) return [x, y];
    if (orientation === 6) return [bottom - x, y];
    if (orientation === 7) return [bottom - x, right - y];
    return [x, right - y];
  };
  const upright = new Uint8Array(labels.length);
  for (let y = 0, i = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++, i++) {
      const [row, column] = stored(y, x);
      upright[i] = labels[row * width + column]!;
    }
  }
  return { height: rows, width: columns, labels: upright };
}
