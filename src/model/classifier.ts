/**
 * A trained network as a function of a picture. It has a device of its own: `close()` gives its memory back at once,
 * and one that is forgotten is closed when it is collected.
 *
 *     const classify = await createClassifier(run.model);
 *     const { label, probabilities } = await classify(image);
 */
import { OptionError } from "../base/errors.js";
import { noteOnce } from "../base/notes.js";
import { OpenCalls } from "../base/open-calls.js";
import { checkOptions, type Fields, listOf, pick, shown, text, whole } from "../base/options.js";
import { PictureInput } from "../data/sets/picture-input.js";
import type { Slot } from "../devices/device.js";
import { MACHINE_OPTIONS, type MachineOptions } from "../devices/machine-options.js";
import type { MemoryUse } from "../devices/memory-use.js";
import { openDevice } from "../devices/open.js";
import type { Shape } from "../graph/shape.js";
import type { Traced } from "../nn/index.js";
import { checkOutputs } from "./check-outputs.js";
import { type HeldPicture, HeldPictures, type Picture, type PlainPicture } from "./held-pictures.js";
import { layerOutput, predictionEntry } from "./prediction.js";
import { likeliest } from "./rank.js";
import { checkModel, type TrainedModel } from "./trained-model.js";
import { lendWeights } from "./weights/weights.js";

export type { Picture } from "./held-pictures.js";

/** The answer to one picture. */
export interface Classification {
  /** Number of the likeliest class, from 0. */
  readonly label: number;
  /** Name of the likeliest class. */
  readonly class: string;
  /**
   * Probability of each class, [classes]; they sum to 1. They are NaN where numbers grew too large for 32 bits, which
   * is noted once.
   */
  readonly probabilities: Float32Array;
  /** The network's output, [classes]: the numbers that softmax makes probabilities of. */
  readonly logits: Float32Array;
  /** Outputs of the layers that the option `layers` names, by path. */
  readonly layers: ReadonlyMap<string, LayerOutput>;
}

/** The output of a layer for one picture. */
export interface LayerOutput {
  /** Its extents; [height, width, channels] for feature maps. */
  readonly shape: Shape;
  /** Its numbers, row-major and channels last. */
  readonly data: Float32Array;
}

/** A trained network as a function of a picture. */
export interface Classifier {
  /**
   * Classifies one picture. Calls may overlap; they are answered in order. The picture may be changed at once, unless
   * so many wait that their copies would take more than 16 MiB.
   * @throws OptionError where it is no picture, or holds what is not a finite number.
   */
  (image: Picture): Promise<Classification>;
  /**
   * Classifies many pictures, `batch` at a time. The answers come in the order of the pictures.
   * @throws OptionError if one is no picture
   */
  all(images: readonly Picture[]): Promise<Classification[]>;
  /** The model that it was made of. */
  readonly model: TrainedModel;
  /** How it uses the processor: `"avx512"`, `"avx2"`, `"wasm"` or `"interpreter"`. */
  readonly backend: string;
  /** Threads that compute. */
  readonly threads: number;
  /** Bytes that it takes, by part. */
  readonly memory: MemoryUse;
  /** Answers the calls under way, refuses later ones, and frees the memory. */
  close(): Promise<void>;
}

/** Options of a classifier. All are optional. */
export interface ClassifierOptions extends MachineOptions {
  /**
   * Pictures, at most, that are computed at once.
   * @default 1
   */
  readonly batch?: number;
  /**
   * Paths of layers, such as `"relu1"`, whose outputs each answer includes.
   * @default none
   */
  readonly layers?: readonly string[];
}

export const CLASSIFIER_OPTIONS: Fields<ClassifierOptions> = {
  ...MACHINE_OPTIONS,
  batch: whole(1),
  layers: listOf(text, 'a list of layers such as ["relu1"]'),
};

/** One is filled while the other is computed. */
const SLOTS = 2;

/**
 * Compiles a trained network for this machine: a function that classifies pictures. It reads the model's weights when
 * it needs them, so they must stay as they are.
 *
 * @example
 * ```js
 * import { createClassifier, models, untrained } from "fovea";
 *
 * const network = models.create("lenet5", { classes: 2 });
 * const model = untrained(network, {
 *   data: { shape: [28, 28, 1], classes: ["zero", "one"], mean: [0.13], std: [0.31] },
 * });
 * const classify = await createClassifier(model);
 * const { label, probabilities } = await classify(new Uint8Array(28 * 28)); // bytes of one picture, channels last
 * await classify.close();
 * console.log(label === 0 || label === 1, probabilities.length); // true 2
 * ```
 *
 * @throws OptionError on an option or a weight that is not what it should be; ShapeError if the network does not return
 * a number a class; MemoryError before anything is allocated
 */
export async function createClassifier(model: TrainedModel, options: ClassifierOptions = {}): Promise<Classifier> {
  checkOptions("createClassifier", options, CLASSIFIER_OPTIONS, "createClassifier: ");
  checkModel(model, "createClassifier");
  if (model.module.loss?.kind === "pixelCrossEntropy") {
    throw new OptionError(
      `createClassifier: the network ${model.network?.name ?? ""} gives a class a pixel, not a picture; take createLabeller of fovea/segmentation`,
    );
  }
  return compileLayers(model, options, (traced) => checkOutputs(model.module, traced));
}

/**
 * The same for a network that gives anything: labels mean nothing where that is not a number a class, but what its
 * layers give does.
 */
export async function compileLayers(
  model: TrainedModel,
  options: ClassifierOptions,
  check?: (traced: Traced) => void,
): Promise<Classifier> {
  const { batch = 1, layers = [], note = noteOnce } = options;
  const device = await openDevice(pick(options, MACHINE_OPTIONS));
  try {
    const { entry } = predictionEntry(model.module, model.input, layers, check);
    const program = await device.compile(entry, { maxBatch: batch, slots: SLOTS });
    await lendWeights(device, model, "createClassifier");
    const pictures = new PictureInput(model.input, model.scaling);
    const waiting = new HeldPictures();
    const calls = new OpenCalls("the classifier");
    let noted = false;

    const answersOf = (slot: Slot, count: number): Classification[] => {
      const logits = slot.output("logits") as Float32Array;
      const probabilities = slot.output("probabilities") as Float32Array;
      const inside = layers.map((path) => {
        const { shape } = entry.outputs[layerOutput(path)]!;
        return { path, shape, data: slot.output(layerOutput(path)) as Float32Array };
      });
      return Array.from({ length: count }, (_, i) => {
        const of = (numbers: Float32Array) => {
          const length = numbers.length / count;
          return numbers.slice(i * length, (i + 1) * length);
        };
        const label = likeliest(of(logits));
        return {
          label,
          class: model.classes[label] ?? String(label),
          probabilities: of(probabilities),
          logits: of(logits),
          layers: new Map(inside.map(({ path, shape, data }) => [path, { shape, data: of(data) }])),
        };
      });
    };

    const computed = async (images: readonly HeldPicture[], first: number): Promise<Classification[]> => {
      const slot = await program.acquire();
      try {
        const { numbers, stride, done } = slot.samples("input", images.length);
        for (const [i, image] of images.entries()) {
          write(image.take(), pictures, numbers as Float32Array, i * stride, first + i);
          image.drop();
        }
        done();
        await slot.run(images.length);
        return answersOf(slot, images.length);
      } finally {
        slot.release();
        for (const image of images) image.drop();
      }
    };

    const run = async (images: readonly HeldPicture[], first = 0): Promise<Classification[]> => {
      const answers = await computed(images, first);
      if (!noted && answers.some(({ label, probabilities }) => Number.isNaN(probabilities[label]))) {
        noted = true;
        await note(NOT_A_NUMBER);
      }
      return answers;
    };

    const hold = (image: Picture, number: number): HeldPicture => {
      checkPicture(image, pictures, number);
      return waiting.hold(image);
    };

    const classify = (image: Picture) => calls.run(async () => (await run([hold(image, 0)]))[0]!);
    const all = (images: readonly Picture[]) =>
      calls.run(async () => {
        if (!Array.isArray(images)) throw new OptionError(`classify.all: ${shown(images)} is no list of pictures`);
        const held = images.map(hold);
        try {
          const groups = Array.from({ length: Math.ceil(held.length / batch) }, (_, i) => i * batch);
          return (await inLanes(groups, SLOTS, (first) => run(held.slice(first, first + batch), first))).flat();
        } finally {
          for (const image of held) image.drop();
        }
      });
    const { backend, threads, memory } = device;
    const close = () => calls.close(() => device.close());
    return Object.assign(classify, { all, model, backend, threads, memory, close });
  } catch (error) {
    await device.close();
    throw error;
  }
}

const NOT_A_NUMBER =
  "fovea: the network's answer to a picture is not a number (NaN): its numbers grow too large for 32 bits; look at the picture's scaling";

/**
 * Does the work in order, at most so much of it at once; the results in the same order. The first failure ends it when
 * nothing runs.
 */
async function inLanes<T, R>(work: readonly T[], lanes: number, does: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const lane = async () => {
    while (next < work.length) {
      const at = next++;
      try {
        results[at] = await does(work[at]!);
      } catch (error) {
        next = work.length;
        throw error;
      }
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: lanes }, lane));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  return results;
}

/** @throws OptionError where it is no picture of the size that the network takes. */
function checkPicture(image: Picture, input: PictureInput, number: number): void {
  const given: unknown = image;
  const isList = Array.isArray(given) || given instanceof Float32Array || given instanceof Float64Array;
  if (!isList && !(given instanceof Uint8Array) && !(given instanceof Uint8ClampedArray)) {
    const cure =
      typeof given === "object" && given !== null && "data" in given
        ? "; give the bytes of its data, without alpha"
        : "";
    throw new OptionError(
      `classify: picture ${number} is ${shown(given)}, expected bytes (Uint8Array) or numbers (Float32Array)${cure}`,
    );
  }
  if (input.placeByLength(image.length) === undefined) {
    throw new OptionError(
      `classify: the picture has ${image.length} numbers, expected ${input.size} (${input.shape.join(" x ")}, channels last)`,
    );
  }
  // Typed arrays hold numbers, which are looked at when they are written.
  if (!Array.isArray(given)) return;
  const at = given.findIndex((value) => typeof value !== "number" || !Number.isFinite(Math.fround(value)));
  if (at >= 0) throw notFinite(image, at, input, number);
}

/** @throws OptionError where a number is not finite. */
function write(image: PlainPicture, input: PictureInput, to: Float32Array, offset: number, number: number): void {
  const place = input.placeByLength(image.length)!;
  if (image instanceof Uint8Array) {
    input.bytes(image, 0, place, to, offset);
    return;
  }
  const at = input.numbers(image, place, to, offset);
  if (at >= 0) throw notFinite(image, at, input, number);
}

function notFinite(image: Picture, at: number, input: PictureInput, number: number): OptionError {
  const channels = input.shape[2]!;
  const { line, isBordered } = input.placeByLength(image.length)!;
  const width = isBordered ? line : input.shape[1]! * channels;
  const [row, column] = [Math.floor(at / width), Math.floor((at % width) / channels)];
  return new OptionError(
    `classify: picture ${number}: row ${row}, column ${column}, channel ${at % channels} is ${shown(image[at])}, expected a finite number`,
  );
}
