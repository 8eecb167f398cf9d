/**
 * What a trained network does with one picture: its answer, what every layer gives, and what in the picture the answer
 * comes from.
 *
 * - Grad-CAM (Selvaraju et al. 2017): of a layer's maps A_k, relu(sum over k of a_k A_k), a_k being the mean over the
 * map of
 *   d score / d A_k. The score is the logit of the class that is asked about.
 * - Saliency (Simonyan, Vedaldi, Zisserman 2014): |d score / d pixel|, of a pixel's channels the largest.
 * - Occlusion (Zeiler, Fergus 2014): how much the class's probability falls when a square of the picture is greyed.
 *
 * Of a network that names every place of a picture (its output is [height, width, classes]) the score is the sum of the
 * class's logits over the places that it gave to this class, or over all where there are none, or the logit of one
 * place (Seg-Grad-CAM: Vinogradova, Dibrov, Myers 2020); the probability is the mean over the same places.
 */

import { OptionError } from "../../base/errors.js";
import {
  anything,
  callback,
  checkOptions,
  expecting,
  type Fields,
  flag,
  listOf,
  mismatch,
  pick,
  text,
} from "../../base/options.js";
import type { Executable } from "../../devices/device.js";
import { MACHINE_OPTIONS, type MachineOptions } from "../../devices/machine-options.js";
import { openDevice } from "../../devices/open.js";
import type { Value } from "../../graph/graph.js";
import { type Shape, sizeOf } from "../../graph/shape.js";
import { likeliest } from "../../model/rank.js";
import { checkModel, type TrainedModel } from "../../model/trained-model.js";
import { lendWeights } from "../../model/weights/weights.js";
import type { Traced } from "../../nn/index.js";
import { traceOne } from "../../nn/trace.js";
import { differentiate, multiply, softmax, sum } from "../../ops/index.js";
import type { CountProgress } from "../../train/records.js";
import { labelsOf, maskOf, meanRow, type Question, rowAt, rowsOf, sharesOf } from "./answers.js";
import { type Heat, saliencyOf, squaresOf, weightedMaps } from "./heat.js";
import { mapLayers, spread } from "./map-layers.js";

export type { Heat } from "./heat.js";

/** The feature maps of a layer. */
export interface LayerMaps {
  /** Its path in the network. */
  readonly path: string;
  /** Its kind: `Conv2d`, or the op of a layer that is one. */
  readonly kind: string;
  /** [height, width, channels]. */
  readonly shape: Shape;
  /** Its numbers, row-major, channels last. */
  readonly data: Float32Array;
}

/** The classes of a network that answers for every place of a picture. */
export interface PixelLabels {
  /** Rows of places. */
  readonly height: number;
  /** Columns of places. */
  readonly width: number;
  /** The class of each place, row by row. */
  readonly labels: Int32Array;
  /** The share of places that each class was given, from 0 to 1. */
  readonly shares: Float32Array;
  /** How many places the score is of. */
  readonly asked: number;
  /** The one place, if one was asked about. */
  readonly at?: readonly [row: number, column: number];
}

/** A look inside a network at one picture. */
export interface Look {
  /** The likeliest class; where every place has its own, that of the one asked about, or the one of most places. */
  readonly label: number;
  /**
   * Probability of each class; where every place has its own, those of the place that was asked about, or the mean over
   * all.
   */
  readonly probabilities: Float32Array;
  /** The class that the heat is about. */
  readonly target: number;
  /** Absent where the network has one answer for the whole picture. */
  readonly places?: PixelLabels;
  /** The layers' maps. */
  readonly layers: readonly LayerMaps[];
  /** How many layers there are that give maps. */
  readonly layerCount: number;
  /**
   * `extent`: the rows and columns of pixels that the map is spread over, more than the picture's where the network
   * fills it up.
   */
  readonly gradCam: Heat & {
    /** Path of the layer. */
    readonly path: string;
    /** Rows and columns of pixels that the map is spread over. */
    readonly extent: readonly [number, number];
  };
  /** How much each pixel moves the target's score: the gradient's size (Simonyan et al. 2013). */
  readonly saliency: Heat;
  /** By how much the target's probability falls; absent where it was not asked for. */
  readonly occlusion?: Heat & {
    /** Side of the squares, in pixels. */
    readonly patch: number;
    /** Pixels from one square to the next. */
    readonly stride: number;
  };
  /** By how much it falls for each input of `instead`. */
  readonly instead: Float32Array;
}

/** Options of `lookInside`. All are optional. */
export interface LookOptions extends MachineOptions {
  /**
   * The picture's [height, width, channels], for networks that take pictures of any size.
   * @default the network's own
   */
  readonly input?: Shape | undefined;
  /**
   * Path of the layer of Grad-CAM.
   * @default the last convolution with more than one place, or the bottleneck
   */
  readonly layer?: string | undefined;
  /**
   * The class that is asked about, or a function that finds it from the probabilities.
   * @default the likeliest class
   */
  readonly target?: number | ((probabilities: Float32Array) => number) | undefined;
  /**
   * The place that is asked about, [row, column], of a network that answers for every place.
   * @default all places of the class
   */
  readonly at?: readonly [row: number, column: number] | undefined;
  /**
   * Whether squares of the picture are greyed one after another, which takes about a hundred predictions.
   * @default false
   */
  readonly occlusion?: boolean | undefined;
  /**
   * Other inputs to ask about the same class, in the same form.
   * @default none
   */
  readonly instead?: readonly Float32Array[] | undefined;
  /**
   * Layers, at most, whose maps are kept, spread over the network.
   * @default all
   */
  readonly mostLayers?: number | undefined;
  /** Called after each answer of occlusion and `instead`, and waited for. @default none */
  readonly onProgress?: ((progress: CountProgress) => void) | undefined;
}

const isShape = (value: unknown) => Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n > 0);
const isPlace = (value: unknown) => Array.isArray(value) && value.length === 2 && value.every(Number.isInteger);

export const LOOK_OPTIONS: Fields<LookOptions> = {
  ...MACHINE_OPTIONS,
  input: expecting("[height, width, channels]", isShape),
  layer: text,
  target: expecting("a class or a function", (value) => Number.isInteger(value) || typeof value === "function"),
  at: expecting("[row, column]", isPlace),
  occlusion: flag,
  instead: listOf(anything, "a list of pictures"),
  mostLayers: expecting("a number of layers", (value) => typeof value === "number" && value >= 1),
  onProgress: callback,
};

/**
 * Looks inside a network at one picture: each layer's feature maps, Grad-CAM (Selvaraju et al. 2017), saliency
 * (Simonyan et al. 2013) and occlusion (Zeiler and Fergus 2013).
 *
 * @example
 * ```js
 * import { models, untrained } from "fovea";
 * import { lookInside } from "fovea/analysis";
 *
 * const model = untrained(models.create("lenet5"), {
 *   data: { shape: [28, 28, 1], classes: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], mean: [0], std: [1] },
 * });
 * const look = await lookInside(model, new Float32Array(28 * 28).fill(0.5));
 * console.log(look.probabilities.length, look.layers[0]?.shape); // 10 [ 28, 28, 6 ]
 * ```
 *
 * @param picture height x width x channels numbers, scaled as the network takes them
 * @throws OptionError on an option or a picture that is not what it should be
 */
export async function lookInside(model: TrainedModel, picture: Float32Array, options: LookOptions = {}): Promise<Look> {
  checkOptions("inspect", options, LOOK_OPTIONS, "inspect: ");
  checkModel(model, "inspect");
  const { module } = model;
  const { input = model.input, mostLayers = Number.POSITIVE_INFINITY } = options;
  if (input.length !== 3) throw new OptionError(`inspect: the network takes ${input.join("x")} numbers, not a picture`);
  const size = sizeOf(input);
  for (const [i, each] of [picture, ...(options.instead ?? [])].entries()) {
    const name = i === 0 ? "the picture" : `instead[${i - 1}]`;
    if (!(each instanceof Float32Array)) throw mismatch(`inspect: ${name}`, each, "scaled numbers in a Float32Array");
    if (each.length !== size)
      throw new OptionError(`inspect: ${name} has ${each.length} numbers, expected ${input.join(" x ")}`);
    const broken = each.findIndex((value) => !Number.isFinite(value));
    if (broken >= 0) throw mismatch(`inspect: number ${broken} of ${name}`, each[broken], "a finite number");
  }
  const traced = traceOne(module, { input, training: false });
  const { graph, output } = traced;
  if (output.shape.length !== 1 && output.shape.length !== 3)
    throw new OptionError(
      `inspect: the network gives ${output.shape.join("x")}, expected one number a class, or that for every place`,
    );
  const { maps, cam, kindOf } = mapLayers(module, traced, options.layer);
  const single = options.at === undefined ? undefined : rowAt(options.at, output.shape);
  const shown = spread([...maps], mostLayers, ([, value]) => value === cam.value);
  const mask = graph.input("target", { shape: output.shape });
  const probabilities = graph.scope("probabilities", () => softmax(output));
  const confidence = graph.scope("probabilities", () => sum(multiply(probabilities, mask), { batch: true }));
  const score = graph.scope("score", () => sum(multiply(output, mask), { batch: true }));
  const [camGradient, inputGradient] = differentiate(score, [cam.value, traced.input]);
  const device = await openDevice(pick(options, MACHINE_OPTIONS));
  const load = (name: string, outputs: Record<string, Value>) =>
    device.compile({ name, outputs, assigns: [] }, { maxBatch: 1, slots: 1 });
  try {
    const forward = await load("inspect", { probabilities, confidence });
    const layerOutputs = Object.fromEntries(shown.map(([path, value]) => [`layer ${path}`, value]));
    const backward = await load("inspect gradients", {
      camGradient: camGradient!,
      inputGradient: inputGradient!,
      ...layerOutputs,
    });
    await lendWeights(device, model, "inspect");
    const classes = output.shape.at(-1)!;
    const length = sizeOf(output.shape);
    const said = (await forward.run({ input: picture, target: new Float32Array(length) }, 1))[
      "probabilities"
    ] as Float32Array;
    const { label, question, places, means } = questionOf(said, output.shape, single, options);
    const sums = maskOf(question, length, classes, 1);
    const answer = await backward.run({ input: picture, target: sums }, 1);
    const layers = shown.map(([path, value]): LayerMaps => {
      const data = answer[`layer ${path}`] as Float32Array;
      return { path, kind: kindOf(path), shape: value.shape, data };
    });
    const weighed = shown.find(([, value]) => value === cam.value)!;
    const maskOfMean = maskOf(question, length, classes, 1 / question.rows.length);
    const hidden = await occlude(forward, picture, input, maskOfMean, options);
    return {
      label,
      probabilities: means,
      target: question.target,
      ...(places === undefined ? {} : { places }),
      layers,
      layerCount: maps.size,
      gradCam: {
        path: cam.path,
        extent: extentOf(traced),
        ...weightedMaps(
          cam.value.shape,
          answer[`layer ${weighed[0]}`] as Float32Array,
          answer["camGradient"] as Float32Array,
        ),
      },
      saliency: saliencyOf(answer["inputGradient"] as Float32Array, input),
      ...hidden,
    };
  } finally {
    await device.close();
  }
}

/** What the answer is, and what is asked about it. */
function questionOf(said: Float32Array, output: Shape, single: number | undefined, { target, at }: LookOptions) {
  const classes = output.at(-1)!;
  const labels = labelsOf(said, classes);
  const shares = sharesOf(labels, classes);
  const all = [...labels.keys()];
  const means = meanRow(said, classes, single === undefined ? all : [single]);
  const label = single === undefined ? likeliest(shares) : labels[single]!;
  const chosen = typeof target === "function" ? target(means) : (target ?? label);
  if (!Number.isInteger(chosen) || chosen < 0 || chosen >= classes)
    throw new OptionError(`inspect: class ${chosen}: the network has ${classes} classes, from 0 on`);
  const question: Question = { target: chosen, rows: single === undefined ? rowsOf(labels, chosen) : [single] };
  const [height, width] = output as [number, number];
  const places: PixelLabels | undefined =
    output.length === 3
      ? { height, width, labels, shares, asked: question.rows.length, ...(at === undefined ? {} : { at }) }
      : undefined;
  return { label, question, places, means };
}

/**
 * Rows and columns that maps are spread over: a network that names every place may begin by filling the picture up with
 * zeros.
 */
function extentOf({ graph, input, output }: Traced): readonly [number, number] {
  const [height, width] = input.shape as [number, number, number];
  const readers = graph.values.filter((value) => value.inputs.includes(input));
  const [first] = readers;
  if (output.shape.length !== 3 || readers.length !== 1 || first?.op.name !== "pad") return [height, width];
  const { before } = first.attributes as { readonly before: readonly number[] };
  return before.every((n) => n === 0) ? [first.shape[0]!, first.shape[1]!] : [height, width];
}

async function occlude(
  program: Executable,
  picture: Float32Array,
  input: Shape,
  mask: Float32Array,
  { occlusion = false, instead = [], onProgress }: LookOptions,
): Promise<Pick<Look, "occlusion" | "instead">> {
  const ask = async (numbers: Float32Array): Promise<number> => {
    const slot = await program.acquire();
    try {
      slot.fill("input", numbers);
      slot.fill("target", mask);
      await slot.run(1);
      return slot.output("confidence")[0]!;
    } finally {
      slot.release();
    }
  };
  const squares = occlusion ? squaresOf(picture, input) : undefined;
  const total = (squares === undefined ? 0 : squares.rows * squares.columns) + instead.length;
  const before = total > 0 ? await ask(picture) : 0;
  let done = 0;
  const fallOf = async (numbers: Float32Array) => {
    const fall = before - (await ask(numbers));
    await onProgress?.({ done: ++done, total });
    return fall;
  };
  const falls = new Float32Array(instead.length);
  for (const [i, numbers] of instead.entries()) falls[i] = await fallOf(numbers);
  if (squares === undefined) return { instead: falls };
  const { rows, columns, patch, stride } = squares;
  const data = new Float32Array(rows * columns);
  let place = 0;
  for (const covered of squares.covered()) data[place++] = await fallOf(covered);
  return { instead: falls, occlusion: { height: rows, width: columns, data, patch, stride } };
}
