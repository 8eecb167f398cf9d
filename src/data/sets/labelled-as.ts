/**
 * A data set with the labels of somebody else's classes, told by their names: another order of folders, or some of them
 * alone.
 */
import { DataError } from "../../base/errors.js";
import type { Dataset } from "./dataset.js";
import type { Labels } from "./labels.js";
import type { PictureStream } from "./stream.js";

/**
 * Where one of both has numbers for names, 0, 1, 2, ..., labels are taken as they are. `who` has the classes, for
 * errors.
 * @throws DataError where pictures are of a class that is not among them, or numbers are without names to go by.
 */
export function labelledAs(data: Dataset, classes: readonly string[], who: string): Dataset {
  if (data.pixelLabels || isSame(data.classes, classes)) return data;
  if (isNumbered(data.classes) || isNumbered(classes)) {
    if (data.classes.length >= classes.length || isNumbered(data.classes)) return data;
    throw new DataError(
      `${data.name}: has ${data.classes.length} classes (${shown(data.classes)}), but ${who} tells ${classes.length} apart that have no names, ` +
        "so that nobody knows which are which; measure on data of the same classes",
    );
  }
  const places = new Map(classes.map((name, label) => [spelling(name), label]));
  const labelOf = data.classes.map((name) => places.get(spelling(name)) ?? -1);
  const used = new Set<number>(data.labels);
  const strange = data.classes.filter((_, label) => labelOf[label]! < 0 && used.has(label));
  if (strange.length > 0) {
    throw new DataError(
      `${data.name}: ${shown(strange)} ${strange.length === 1 ? "is no class" : "are no classes"} of ${who}, which tells ${shown(classes)} apart ` +
        `(the data has ${shown(data.classes)}); rename the folders, or measure on the same classes`,
    );
  }
  const changed = <L extends Labels | Uint8Array>(labels: L): L => {
    for (const [n, label] of labels.entries()) labels[n] = labelOf[label] ?? label;
    return labels;
  };
  const { stream } = data;
  return {
    ...data,
    classes,
    labels: changed(Int32Array.from(data.labels)),
    ...(stream && { stream: (options) => relabelled(stream(options), changed) }),
  };
}

function relabelled(stream: PictureStream, changed: (labels: Labels) => Labels): PictureStream {
  return {
    async fill(indices, epoch, images, labels) {
      const replaced = await stream.fill(indices, epoch, images, labels);
      changed(labels.subarray(0, indices.length) as Labels);
      return replaced;
    },
    async bytes(indices, images, labels) {
      const replaced = await stream.bytes(indices, images, labels);
      changed(labels.subarray(0, indices.length) as Labels);
      return replaced;
    },
    close: () => stream.close(),
  };
}

/** Of two spellings of a name in Unicode. */
const spelling = (name: string) => name.normalize("NFC");

const isSame = (a: readonly string[], b: readonly string[]) =>
  a.length === b.length && a.every((name, i) => spelling(name) === spelling(b[i]!));

const isNumbered = (classes: readonly string[]) => classes.every((name, label) => name === String(label));

const shown = (names: readonly string[]) =>
  names.slice(0, 8).join(", ") + (names.length > 8 ? `, and ${names.length - 8} more` : "");
