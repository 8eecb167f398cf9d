/**
 * What a trained network does with one picture: its answer, what every layer gives, and what in the picture the answer comes from.
 *
 * - Grad-CAM (Selvaraju et al. 2017): of a layer's maps A_k, relu(sum over k of a_k A_k), a_k being the mean over the map of
 *   d score / d A_k. The score is the logit of the class that is asked about.
 * - Saliency (Simonyan, Vedaldi, Zisserman 2014): |d score / d pixel|, of a pixel's channels the largest.
 * - Occlusion (Zeiler, Fergus 2014): how much the class's probability falls when a square of the picture is greyed.
 *
 * Of a network that names every place of a picture (its output is [height, width, classes]) the score is the mean of the class's
 * logits over the places that it gave to this class, or over all where there are none; its probability likewise.
 */
import { compileEntry } from "../../compile/compile.js";
import { nearest, OptionError } from "../../errors.js";
import { reachable } from "../../graph/evaluate.js";
import { type Shape, sizeOf, type Value } from "../../graph/value.js";
import { AdaptiveAvgPool2d, AvgPool2d, MaxPool2d, modulesOf, Subsample2d, type Traced, trace } from "../../nn/index.js";
import { differentiate, multiply, softmax, sum } from "../../ops/index.js";
import type { LoadedProgram } from "../../runtime/loaded-program.js";
import { Session, type SessionOptions } from "../../runtime/session.js";
import type { TrainedModel } from "../../train/trained-model.js";
import { lendWeights } from "../../train/weights.js";

export interface LayerMaps {
  readonly path: string;
  readonly kind: string;
  /** [height, width, channels]. */
  readonly shape: Shape;
  /** Row-major, channels last. */
  readonly data: Float32Array;
}

/** A number for each place; row-major. */
export interface Heat {
  readonly height: number;
  readonly width: number;
  readonly data: Float32Array;
}

export interface Look {
  /** The likeliest class; where every place has its own, the one of most places. */
  readonly label: number;
  /** Of each class; where every place has its own, the mean over the places. */
  readonly probabilities: Float32Array;
  /** The class that the heat is about. */
  readonly target: number;
  readonly layers: readonly LayerMaps[];
  readonly gradCam: Heat & { readonly path: string };
  readonly saliency: Heat;
  /** By how much the target's probability falls; absent where it was not asked for. */
  readonly occlusion?: Heat & { readonly patch: number; readonly stride: number };
}

export interface LookOptions extends Pick<SessionOptions, "backend" | "threads" | "winograd" | "note"> {
  /** The layer of Grad-CAM; the last convolution with more than one place unless said. */
  readonly layer?: string | undefined;
  /** The class that is asked about; the likeliest unless said. */
  readonly target?: number | undefined;
  /** Whether squares are greyed one after another, which takes about a hundred answers. */
  readonly occlusion?: boolean | undefined;
}

/**
 * @param picture height x width x channels numbers as the network takes them, scaled
 * @throws OptionError where there is no such layer or class, or the network is no classifier of pictures.
 */
export async function lookInside(model: TrainedModel, picture: Float32Array, options: LookOptions = {}): Promise<Look> {
  const { module, input } = model;
  if (input.length !== 3) throw new OptionError(`inspect: the network takes ${input.join("x")} numbers, not a picture`);
  if (picture.length !== sizeOf(input))
    throw new OptionError(`inspect: the picture has ${picture.length} numbers, expected ${input.join(" x ")}`);
  const traced = trace(module, { input, training: false });
  const { graph, output } = traced;
  if (output.shape.length !== 1 && output.shape.length !== 3)
    throw new OptionError(
      `inspect: the network gives ${output.shape.join("x")}, expected one number a class, or that for every place`,
    );
  const parts = new Map([...modulesOf(module)].map(([part, path]) => [path, part]));
  const every = mapsOf(traced);
  // Of layers that give the same, a block and its last layer, the outermost.
  const maps = new Map([...new Map([...every].map(([path, value]) => [value, path]))].map(([v, path]) => [path, v]));
  const camPath = options.layer ?? defaultLayer(maps, (path, value) => value === output || isPool(parts.get(path)));
  const cam = mapAt(every, camPath, traced);
  const target = graph.input("target", { shape: output.shape });
  const score = graph.scope("score", () => sum(multiply(output, target), { batch: true }));
  const [camGradient, inputGradient] = differentiate(score, [cam, traced.input]);
  const outputs: Record<string, Value> = {
    logits: output,
    probabilities: graph.scope("probabilities", () => softmax(output)),
    camGradient: camGradient!,
    inputGradient: inputGradient!,
  };
  for (const [path, value] of maps) outputs[`layer ${path}`] = value;
  const { backend, threads, winograd, note } = options;
  const session = await Session.create({ backend, threads, winograd, note });
  try {
    const compiled = compileEntry(
      { name: "inspect", outputs, assigns: [] },
      { target: session.target, winograd: session.winograd, maxBatch: 1 },
    );
    const program = await session.load(compiled);
    await lendWeights(session, model.weights);
    const classes = output.shape.at(-1)!;
    const ask = (mask: Float32Array) => program.run({ input: picture, target: mask }, 1);
    const first = (await ask(new Float32Array(sizeOf(output.shape))))["probabilities"] as Float32Array;
    const label = commonest(first, classes);
    const chosen = options.target ?? label;
    if (!Number.isInteger(chosen) || chosen < 0 || chosen >= classes)
      throw new OptionError(`inspect: class ${chosen}: the network has ${classes} classes, from 0 on`);
    const mask = maskOf(first, classes, chosen);
    const answer = await ask(mask);
    const layers = [...maps].map(([path, value]): LayerMaps => {
      const data = answer[`layer ${path}`] as Float32Array;
      return { path, kind: parts.get(path)?.constructor.name ?? "", shape: value.shape, data };
    });
    const shown = layers.find(({ path }) => maps.get(path) === cam)!;
    const occlusion = options.occlusion
      ? await occlude(program, { picture, input, mask, before: masked(first, mask) })
      : undefined;
    return {
      label,
      probabilities: meansOf(first, classes),
      target: chosen,
      layers,
      gradCam: { path: camPath, ...weighted(shown, answer["camGradient"] as Float32Array) },
      saliency: saliencyOf(answer["inputGradient"] as Float32Array, input),
      ...(occlusion === undefined ? {} : { occlusion }),
    };
  } finally {
    await session.close();
  }
}

/** Maps on the way from the picture to the answer, by the path of their layer: what is drawn past a layer is no part of it. */
function mapsOf({ layers, output, input }: Traced): Map<string, Value> {
  const live = new Set(reachable([output]));
  const maps = [...layers].filter(
    ([path, value]) => path !== "" && value !== input && value.shape.length === 3 && live.has(value),
  );
  return new Map(maps);
}

const isPool = (part: unknown): boolean =>
  [MaxPool2d, AvgPool2d, AdaptiveAvgPool2d, Subsample2d].some((kind) => part instanceof kind);

/** The last that is more than a point and more than one map, no pool and not the answer itself: where the network still knows places, and knows the most. */
function defaultLayer(maps: ReadonlyMap<string, Value>, isLeftOut: (path: string, value: Value) => boolean): string {
  const found = [...maps]
    .filter(([path, value]) => value.shape[0]! * value.shape[1]! > 1 && value.shape[2]! > 1 && !isLeftOut(path, value))
    .at(-1);
  if (found === undefined)
    throw new OptionError("inspect: the network has no layer that gives maps, so that there is nothing to look at");
  return found[0];
}

function mapAt(maps: ReadonlyMap<string, Value>, path: string, { layers }: Traced): Value {
  const value = maps.get(path);
  if (value !== undefined) return value;
  const known = [...maps.keys()];
  const near = nearest(path, known);
  const hint = near === undefined ? `; there are ${known.join(", ")}` : `; did you mean "${near}"?`;
  if (!layers.has(path)) throw new OptionError(`--layer ${path}: there is no such layer${hint}`);
  throw new OptionError(
    `--layer ${path}: gives no maps of its own (a relu in front of a max pool is computed behind it)${hint}`,
  );
}

// --- Answers: one row of classes, or one a place

/** The likeliest class of each row. */
function labelsOf(probabilities: Float32Array, classes: number): number[] {
  return Array.from({ length: probabilities.length / classes }, (_, row) => {
    let best = row * classes;
    for (let i = best + 1; i < (row + 1) * classes; i++) if (probabilities[i]! > probabilities[best]!) best = i;
    return best - row * classes;
  });
}

function commonest(probabilities: Float32Array, classes: number): number {
  const counts = new Array<number>(classes).fill(0);
  for (const label of labelsOf(probabilities, classes)) counts[label]!++;
  return counts.indexOf(Math.max(...counts));
}

/** A share for each row of this class, at the class. */
function maskOf(probabilities: Float32Array, classes: number, label: number): Float32Array {
  const labels = labelsOf(probabilities, classes);
  const rows = labels.flatMap((found, row) => (found === label ? [row] : []));
  const chosen = rows.length > 0 ? rows : [...labels.keys()];
  const mask = new Float32Array(probabilities.length);
  for (const row of chosen) mask[row * classes + label] = 1 / chosen.length;
  return mask;
}

const masked = (probabilities: Float32Array, mask: Float32Array): number =>
  mask.reduce((sum, share, i) => sum + share * probabilities[i]!, 0);

function meansOf(probabilities: Float32Array, classes: number): Float32Array {
  const means = new Float32Array(classes);
  const rows = probabilities.length / classes;
  probabilities.forEach((value, i) => {
    means[i % classes]! += value / rows;
  });
  return means;
}

// --- Heat

function weighted({ shape, data }: LayerMaps, gradient: Float32Array): Heat {
  const [height, width, channels] = shape as [number, number, number];
  const places = height * width;
  const weights = new Float64Array(channels);
  gradient.forEach((value, i) => {
    weights[i % channels]! += value / places;
  });
  const heat = new Float32Array(places);
  for (let place = 0; place < places; place++) {
    let total = 0;
    for (let c = 0; c < channels; c++) total += weights[c]! * data[place * channels + c]!;
    heat[place] = Math.max(0, total);
  }
  return { height, width, data: heat };
}

function saliencyOf(gradient: Float32Array, input: Shape): Heat {
  const [height, width, channels] = input as [number, number, number];
  const data = new Float32Array(height * width);
  gradient.forEach((value, i) => {
    const place = Math.floor(i / channels);
    data[place] = Math.max(data[place]!, Math.abs(value));
  });
  return { height, width, data };
}

/** Squares of about a fifth of the picture, half of one from place to place. */
async function occlude(
  program: LoadedProgram,
  asked: { picture: Float32Array; input: Shape; mask: Float32Array; before: number },
): Promise<NonNullable<Look["occlusion"]>> {
  const { picture, input, mask, before } = asked;
  const [height, width, channels] = input as [number, number, number];
  const patch = Math.max(1, Math.round(Math.min(height, width) / 5));
  const stride = Math.max(1, Math.round(patch / 2));
  const grey = meanOf(picture, channels);
  const places = (extent: number) => Math.max(1, Math.ceil((extent - patch) / stride) + 1);
  const [rows, columns] = [places(height), places(width)];
  const data = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const covered = picture.slice();
      const [top, left] = [Math.min(row * stride, height - patch), Math.min(column * stride, width - patch)];
      for (let y = top; y < top + patch; y++)
        for (let x = left; x < left + patch; x++) covered.set(grey, (y * width + x) * channels);
      const { probabilities } = await program.run({ input: covered, target: mask }, 1);
      data[row * columns + column] = before - masked(probabilities as Float32Array, mask);
    }
  return { height: rows, width: columns, data, patch, stride };
}

function meanOf(picture: Float32Array, channels: number): Float32Array {
  const means = new Float32Array(channels);
  picture.forEach((value, i) => {
    means[i % channels]! += (value * channels) / picture.length;
  });
  return means;
}
