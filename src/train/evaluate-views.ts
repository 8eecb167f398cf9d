/**
 * Measures a network on the mean of its probabilities over several views of each picture (data/views.ts). The views of a batch run
 * one after another, so that memory does not grow with their number.
 */
import { pictureOf } from "../data/augment/fill.js";
import type { Dataset } from "../data/dataset.js";
import { batchCount } from "../data/sampler.js";
import { type View, Viewer, type ViewName, viewsOf } from "../data/views.js";
import { naturalLogarithm } from "../random.js";
import type { LoadedProgram } from "../runtime/loaded-program.js";
import type { Slot } from "../runtime/slot.js";
import { checkClasses } from "./feed.js";
import { addBatch, type EpochFigures, type EpochSums, figures, noSums } from "./metrics.js";
import { runQueue } from "./queue.js";

export interface ViewFigures {
  readonly sums: EpochSums;
  /** The likeliest class of each picture. */
  readonly predictions: Int32Array;
}

/** `loaded` takes `input` and gives `probabilities`. */
export async function evaluateViews(
  loaded: LoadedProgram,
  name: ViewName,
  data: Dataset,
  classes: number,
  progress?: (done: number, figures: EpochFigures) => void,
): Promise<ViewFigures> {
  checkClasses(data, classes);
  const { maxBatch, inputs } = loaded.program;
  const { layout } = inputs.find((port) => port.name === "input")!;
  const input = layout.shape;
  const views = viewsOf(name, data.shape, input, data.name);
  const viewer = new Viewer(input, data);
  const dense = layout.sampleStride === viewer.size && layout.channelStride === layout.channels;
  const sums = noSums();
  const predictions = new Int32Array(data.length);
  const means = new Float64Array(maxBatch * classes);
  const loss = new Float64Array(maxBatch);
  const correct = new Uint8Array(maxBatch);
  const batchOf = (run: number) => Math.floor(run / views.length);
  const countOf = (batch: number) => Math.min(maxBatch, data.length - batch * maxBatch);
  await runQueue(loaded, batchCount(data.length, maxBatch) * views.length, {
    fill: (slot, run) => {
      const batch = batchOf(run);
      fillView(slot, viewer, views[run % views.length]!, data, batch * maxBatch, countOf(batch), dense);
      return countOf(batch);
    },
    done: (slot, run, count) => {
      const at = run % views.length;
      if (at === 0) means.fill(0);
      const { weight } = views[at]!;
      const probabilities = slot.output("probabilities");
      for (let i = 0; i < count * classes; i++) means[i]! += weight * probabilities[i]!;
      if (at < views.length - 1) return true;
      const first = batchOf(run) * maxBatch;
      for (let n = 0; n < count; n++) {
        const label = data.labels[first + n]!;
        const row = means.subarray(n * classes, (n + 1) * classes);
        const best = likeliest(row);
        predictions[first + n] = best;
        correct[n] = best === label ? 1 : 0;
        // A probability of 0 in float32 is one below 1e-45.
        loss[n] = Number.isNaN(row[label]) ? Number.NaN : 0 - naturalLogarithm(Math.max(1e-45, row[label]!));
      }
      addBatch(sums, loss, correct, count);
      progress?.(sums.samples, figures(sums));
      return true;
    },
  });
  return { sums, predictions };
}

function fillView(
  slot: Slot,
  viewer: Viewer,
  view: View,
  data: Dataset,
  first: number,
  count: number,
  dense: boolean,
): void {
  const { size } = viewer;
  const images = dense ? (slot.input("input") as Float32Array) : new Float32Array(count * size);
  for (let n = 0; n < count; n++) viewer.write(pictureOf(data, first + n), view, images, n * size);
  if (!dense) slot.fill("input", images);
}

function likeliest(row: Float64Array): number {
  let best = 0;
  for (let k = 1; k < row.length; k++) if (row[k]! > row[best]!) best = k;
  return best;
}
