/**
 * Measures a network on the mean of its probabilities over several views of each picture (data/augment/views.ts). The
 * views of a batch run one after another, so that memory does not grow with their number.
 */

import { naturalLogarithm } from "../../base/random.js";
import type { Picture } from "../../data/augment/augment.js";
import { pictureOf } from "../../data/augment/fill.js";
import { type TestTimeAugmentation, type View, Viewer, viewsOf } from "../../data/augment/views.js";
import type { Dataset } from "../../data/sets/dataset.js";
import { openBytes } from "../../data/sets/open-pictures.js";
import { batchCount, inOrder } from "../../data/sets/sampler.js";
import type { Executable, Slot } from "../../devices/device.js";
import { inSequence, runQueue } from "../../devices/queue.js";
import { likeliest } from "../../model/rank.js";
import { checkClasses } from "../feed.js";
import { addBatch, type EpochFigures, type EpochSums, figures, noSums } from "./metrics.js";
import type { Scores } from "./scores.js";

export interface ViewFigures {
  readonly sums: EpochSums;
  /** The likeliest class of each picture. */
  readonly predictions: Int32Array;
}

/** `executable` takes `input` and gives `probabilities`. */
export async function evaluateViews(
  executable: Executable,
  name: TestTimeAugmentation,
  data: Dataset,
  classes: number,
  progress?: (done: number, figures: EpochFigures) => void,
  scores?: Scores,
): Promise<ViewFigures> {
  checkClasses(data, classes);
  const { maxBatch, inputs } = executable;
  const input = inputs.find((port) => port.name === "input")!.shape;
  const views = viewsOf(name, data.shape, input, data.name);
  const viewer = new Viewer(input, data);
  const sums = noSums();
  const predictions = new Int32Array(data.length);
  const means = new Float64Array(maxBatch * classes);
  const loss = new Float64Array(maxBatch);
  const correct = new Uint8Array(maxBatch);
  for await (const { first, count, picture, leftOut } of partsOf(data, maxBatch)) {
    const batchOf = (run: number) => Math.floor(run / views.length);
    const countOf = (batch: number) => Math.min(maxBatch, count - batch * maxBatch);
    await runQueue(executable, batchCount(count, maxBatch) * views.length, {
      fill: (slot, run) => {
        const batch = batchOf(run);
        const pictures = Array.from({ length: countOf(batch) }, (_, n) => picture(first + batch * maxBatch + n));
        fillView(slot, viewer, views[run % views.length]!, pictures);
        return pictures.length;
      },
      done: (slot, run, count) => {
        const at = run % views.length;
        if (at === 0) means.fill(0);
        const { weight } = views[at]!;
        const probabilities = slot.output("probabilities");
        for (let i = 0; i < count * classes; i++) means[i]! += weight * probabilities[i]!;
        if (at < views.length - 1) return true;
        const from = first + batchOf(run) * maxBatch;
        for (let n = 0; n < count; n++) {
          const label = data.labels[from + n]!;
          const row = means.subarray(n * classes, (n + 1) * classes);
          const best = likeliest(row);
          if (!leftOut.includes(n)) scores?.add(row, 0, label, false);
          predictions[from + n] = best;
          correct[n] = best === label ? 1 : 0;
          // A probability of 0 in float32 is one below 1e-45.
          loss[n] = Number.isNaN(row[label]) ? Number.NaN : 0 - naturalLogarithm(Math.max(1e-45, row[label]!));
        }
        for (const n of leftOut) predictions[first + n] = -1;
        addBatch(sums, loss, correct, count, leftOut);
        return inSequence([() => progress?.(sums.samples, figures(sums))], () => true);
      },
    });
  }
  return { sums, predictions };
}

function fillView(slot: Slot, viewer: Viewer, view: View, pictures: readonly Picture[]): void {
  const { numbers, stride, done } = slot.samples("input", pictures.length);
  pictures.forEach((picture, n) => {
    viewer.write(picture, view, numbers as Float32Array, n * stride);
  });
  done();
}

interface Part {
  /** Its first picture's place in the set. */
  readonly first: number;
  readonly count: number;
  /** By place in the set. */
  picture(index: number): Picture;
  /** Places in the part of pictures that will not decode; only a part of one batch has such. */
  readonly leftOut: readonly number[];
}

/** A set in memory is one part; one on disk is read a batch at a time. */
async function* partsOf(data: Dataset, maxBatch: number): AsyncGenerator<Part> {
  const { length, shape } = data;
  if (data.stream === undefined) {
    yield { first: 0, count: length, picture: (index) => pictureOf(data, index), leftOut: [] };
    return;
  }
  const [height, width, channels] = shape;
  const size = height * width * channels;
  const reader = openBytes(data);
  const labels = new Int32Array(maxBatch);
  const order = inOrder(length);
  const read = async (first: number): Promise<Part> => {
    const some = order.subarray(first, first + maxBatch);
    const bytes = new Uint8Array(some.length * size);
    const leftOut = await reader.bytes(some, bytes, labels);
    const pixels = (index: number) => bytes.subarray((index - first) * size, (index - first + 1) * size);
    const picture = (index: number) => ({ height, width, channels, pixels: pixels(index) });
    return { first, count: some.length, picture, leftOut };
  };
  try {
    // The next part is read while one is measured.
    let next: Promise<Part> | undefined = read(0);
    for (let first = 0; next !== undefined; first += maxBatch) {
      const part: Part = await next;
      next = first + maxBatch < length ? read(first + maxBatch) : undefined;
      next?.catch(() => {}); // thrown when it is waited for, if it ever is
      yield part;
    }
  } finally {
    await reader.close();
  }
}
