/**
 * Holds a data set that somebody made to what its type says: extents, pixels, labels and scaling that belong together.
 * What is wrong is named by picture, before a network learns from it.
 */
import { DataError } from "../../base/errors.js";
import { isRecord, shown } from "../../base/options.js";
import { checkScaling, type Dataset } from "./dataset.js";
import type { Labels } from "./labels.js";

/**
 * @param what is named where there is no data set at all
 * @throws DataError naming the part, the picture, the value and what was expected.
 */
export function checkDataset(value: unknown, what: string): asserts value is Dataset {
  if (!isRecord(value)) {
    throw new DataError(
      `${what} is ${shown(value)}, expected a data set: { name, length, classes, shape, images, labels, mean, std }`,
    );
  }
  if (value["images"] === undefined && value["train"] !== undefined) {
    throw new DataError(
      `${what} is the two halves { ${Object.keys(value).join(", ")} }; give one of them, such as its train`,
    );
  }
  const data = value as unknown as Dataset;
  const name = typeof data.name === "string" && data.name !== "" ? data.name : what;
  const expect = (part: keyof Dataset, isRight: boolean, expected: string) => {
    const is = data[part] === undefined ? "is missing" : `is ${shown(data[part])}`;
    if (!isRight) throw new DataError(`${name}: ${part} ${is}, expected ${expected}`);
  };
  const { length, classes, shape, stream } = data;
  const isNamed = Array.isArray(classes) && classes.length > 0 && classes.every((text) => typeof text === "string");
  const isShape = Array.isArray(shape) && shape.length === 3 && shape.every((extent) => isWhole(extent, 1));
  const isList = Array.isArray(data.labels) || (ArrayBuffer.isView(data.labels) && "length" in data.labels);
  expect("length", isWhole(length, 0), "the number of pictures");
  expect("classes", isNamed, "the name of each class, by label");
  expect("shape", isShape, "[height, width, channels] of a picture");
  for (const part of ["mean", "std"] as const) expect(part, Array.isArray(data[part]), "a number a channel");
  checkScaling(data, shape[2], name);
  expect("stream", stream === undefined || typeof stream === "function", "a function that opens a stream of pictures");
  expect("labels", isList, "a whole number a picture, in a Uint8Array or Int32Array");
  if (stream === undefined) checkPixels(data, name);
  // A stream of labelled pixels, or without an end, brings its labels along.
  if (data.pixelLabels || (stream !== undefined && data.labels.length === 0)) return;
  if (data.labels.length < length) {
    throw new DataError(`${name}: has ${length} pictures, but ${data.labels.length} labels; expected one a picture`);
  }
  checkLabels(data.labels, length, classes.length, name);
}

function checkPixels({ images, labels, shape, length, pixelLabels }: Dataset, name: string): void {
  if (pixelLabels) {
    throw new DataError(
      `${name}: pixelLabels is true, but there is no stream that gives the labels; make it by sceneDataset`,
    );
  }
  const bytes: unknown = images;
  if (!(bytes instanceof Uint8Array || bytes instanceof Uint8ClampedArray)) {
    const is = bytes === undefined ? "is missing" : `is ${shown(bytes)}`;
    throw new DataError(
      `${name}: images ${is}, expected bytes from 0 to 255 in a Uint8Array; multiply pixels from 0 to 1 by 255`,
    );
  }
  const size = shape[0] * shape[1] * shape[2];
  // A data set may be the front of a longer one.
  const all = Math.max(length, labels.length);
  if (images.length === size * all || images.length === size * length) return;
  throw new DataError(
    `${name}: images has ${images.length} bytes, expected ${size * length}: ${length} pictures of ${shape.join("x")}`,
  );
}

/** @throws DataError naming the first of `count` labels that is no class. */
export function checkLabels(labels: ArrayLike<number>, count: number, classes: number, name: string): void {
  const isClass = (label: unknown) => isWhole(label, 0) && (label as number) < classes;
  for (let i = 0; i < count; i++) {
    if (isClass(labels[i])) continue;
    const all = Array.from({ length: count }, (_, n) => labels[n]!);
    const fromOne = all.every((label) => isWhole(label, 1) && label <= classes);
    throw new DataError(
      `${name}: label ${shown(labels[i])} of picture ${i} is no class; expected a whole number from 0 to ${classes - 1} ` +
        `(${classes} classes)${fromOne ? "; classes count from 0: take 1 off each label" : ""}`,
    );
  }
}

/**
 * Labels of pixels, pictures one after another: a class, or -1 for none.
 * @throws DataError naming picture, row and column of the first that is neither.
 */
export function checkPixelLabels(
  labels: Labels,
  pictures: readonly number[] | Uint32Array,
  [height, width]: readonly number[],
  classes: number,
  name: string,
): void {
  const size = height! * width!;
  for (let i = 0; i < pictures.length * size; i++) {
    const label = labels[i]!;
    if (label >= -1 && label < classes && Number.isInteger(label)) continue;
    const row = Math.floor((i % size) / width!);
    throw new DataError(
      `${name}: label ${label} of picture ${pictures[Math.floor(i / size)]}, row ${row}, column ${i % width!}, is no class; expected a ` +
        `whole number from 0 to ${classes - 1} (${classes} classes), or -1 for none`,
    );
  }
}

const isWhole = (value: unknown, from: number) => Number.isSafeInteger(value) && (value as number) >= from;
