/** Measures a labeller on scenes of any size: every pixel that has a label, and each scene by itself. */

import { DataError } from "../base/errors.js";
import { abortSignal, callback, checkOptions, type Fields } from "../base/options.js";
import { type PixelFigures, pixelFigures } from "../train/evaluate/pixel-figures.js";
import { UNLABELLED } from "./class-list.js";
import type { Labeller } from "./labeller.js";
import { checkScenes, type Scene, type SceneSet } from "./scene-set.js";

/** The figure of one scene. */
export interface SceneResult {
  /** Name of the scene. */
  readonly name: string;
  /** The share of its labelled pixels that are right. */
  readonly pixelAccuracy: number;
}

/** The figures of a labeller on scenes. */
export interface SegmentationEvaluation extends PixelFigures {
  /** How often pixels of each class were predicted as each: `confusion[actual][predicted]`. */
  readonly confusion: readonly (readonly number[])[];
  /** One a scene, in their order. */
  readonly scenes: readonly SceneResult[];
  /** Seconds that measuring took, on this machine. */
  readonly seconds: number;
}

/** Options of `evaluateScenes`. All are optional. */
export interface EvaluateScenesOptions {
  /** Called after each scene with what the labeller said of it, a class a pixel, and waited for. @default none */
  onProgress?(progress: SceneProgress): void;
  /** Ends it between scenes where it is aborted: it then rejects with the signal's reason. @default none */
  readonly signal?: AbortSignal | undefined;
}

const OPTIONS: Fields<EvaluateScenesOptions> = { onProgress: callback, signal: abortSignal };

/** A scene that was measured. */
export interface SceneProgress {
  /** Scenes that are measured, this one too. */
  readonly done: number;
  /** Scenes of the set. */
  readonly total: number;
  /** The scene itself. */
  readonly scene: Scene;
  /** The class of each of its pixels, row by row. */
  readonly labels: Uint8Array;
}

/**
 * Measures a labeller on scenes of any size: every pixel that has a label, and each scene by itself.
 * @throws DataError if network and scenes have other classes, if there are no scenes, or if one has no labelled pixel
 */
export async function evaluateScenes(
  labeller: Labeller,
  set: SceneSet,
  options: EvaluateScenesOptions = {},
): Promise<SegmentationEvaluation> {
  checkOptions("evaluateScenes", options, OPTIONS, "evaluateScenes: ");
  const { onProgress, signal } = options;
  const classes = set.classes.classes.length;
  const known = labeller.model.classes.length;
  if (classes !== known) {
    throw new DataError(
      `${set.name}: has ${classes} classes, but the model was trained for ${known}; give the list it was trained with`,
    );
  }
  const other = set.classes.classes.findIndex(({ name }, i) => name !== labeller.model.classes[i]);
  if (other >= 0) {
    throw new DataError(
      `${set.name}: class ${other} is "${set.classes.classes[other]!.name}", but the model was trained to call it ` +
        `"${labeller.model.classes[other]}"; give the list it was trained with`,
    );
  }
  checkScenes(set);
  const started = performance.now();
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  const scenes: SceneResult[] = [];
  for (const scene of set.scenes) {
    signal?.throwIfAborted();
    const labels = await labeller.label(scene);
    const counts = countPixels(confusion, scene.labels, labels);
    scenes.push({ name: scene.name, pixelAccuracy: counts.right / counts.all });
    await onProgress?.({ done: scenes.length, total: set.scenes.length, scene, labels });
  }
  return { ...pixelFigures(confusion), confusion, scenes, seconds: (performance.now() - started) / 1000 };
}

/** Adds each pixel that has a label to confusion[actual][predicted]. */
export function countPixels(
  confusion: number[][],
  actual: Uint8Array,
  predicted: Uint8Array,
): { readonly all: number; readonly right: number } {
  let all = 0;
  let right = 0;
  for (let i = 0; i < actual.length; i++) {
    const label = actual[i]!;
    if (label === UNLABELLED) continue;
    confusion[label]![predicted[i]!]!++;
    all++;
    if (label === predicted[i]) right++;
  }
  return { all, right };
}
