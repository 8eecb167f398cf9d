/**
 * A trained network as a function of a picture. It has a session of its own: `close()` gives its memory back at once, and one
 * that is forgotten is closed when it is collected.
 *
 *     const classify = await compile(run.model);
 *     const { label, probabilities } = await classify(image);
 */
import { OptionError } from "../errors.js";
import { type Shape, sizeOf } from "../graph/value.js";
import { Session, type SessionOptions } from "../runtime/session.js";
import { planEvaluationInTurns } from "./plan.js";
import { layerOutput, predictionEntry } from "./step.js";
import type { TrainedModel } from "./trained-model.js";
import { lendWeights } from "./weights.js";

/**
 * Height x width x channels numbers, channels last. Bytes (0 to 255) are scaled as the training pictures were; any other
 * numbers go into the network as they are. A picture smaller by the same few pixels on all sides, such as 28x28 for a
 * network of 32x32, is put on a border of background.
 */
export type Picture = Float32Array | readonly number[] | Uint8Array | Uint8ClampedArray;

export interface Classification {
  /** The class's number, and its name. */
  readonly label: number;
  readonly class: string;
  /** Of each class; they sum to 1. */
  readonly probabilities: Float32Array;
  readonly logits: Float32Array;
  /** What the layers gave that `layers` asked for, by path: row-major, channels last. */
  readonly layers: ReadonlyMap<string, LayerOutput>;
}

export interface LayerOutput {
  /** [height, width, channels] of feature maps. */
  readonly shape: Shape;
  readonly data: Float32Array;
}

export interface Classifier {
  /** Classifies one picture. Calls may overlap; they are answered in order. */
  (image: Picture): Promise<Classification>;
  /** Classifies many, as many at a time as `batch` said. */
  all(images: readonly Picture[]): Promise<Classification[]>;
  readonly model: TrainedModel;
  readonly backend: string;
  readonly threads: number;
  readonly memory: Session["memory"];
  close(): Promise<void>;
}

export interface ClassifierOptions
  extends Pick<SessionOptions, "backend" | "threads" | "relaxedSimd" | "winograd" | "memoryLimit" | "note"> {
  /** The most pictures that are computed at once; 1 unless said. */
  readonly batch?: number;
  /** Layers, by path (such as "relu1"), whose outputs each answer brings along: feature maps to look at. */
  readonly layers?: readonly string[];
}

/** Compiles a trained network for this machine. It reads the model's weights when it needs them, so they must stay as they are. */
export async function compile(model: TrainedModel, options: ClassifierOptions = {}): Promise<Classifier> {
  const { batch = 1, layers = [], ...choice } = options;
  if (!Number.isInteger(batch) || batch < 1) {
    throw new OptionError(`compile: batch is ${batch}, expected a whole number of at least 1`);
  }
  const session = await Session.create(choice);
  try {
    const { entry } = predictionEntry(model.module, model.input, layers);
    const slots = 2;
    const program = await session.load(await planEvaluationInTurns(session, entry, batch, slots), { slots });
    await lendWeights(session, model.weights);
    const size = sizeOf(model.input);

    const run = async (images: readonly Picture[]): Promise<Classification[]> => {
      // One copy, made before anything is awaited: the caller may go on to change the picture.
      const input = new Float32Array(images.length * size);
      for (const [i, image] of images.entries()) scale(image, model, input, i * size, size);
      const slot = await program.acquire();
      try {
        slot.fill("input", input);
        await slot.run(images.length);
        const logits = slot.output("logits") as Float32Array;
        const probabilities = slot.output("probabilities") as Float32Array;
        const inside = layers.map((path) => {
          const { shape } = entry.outputs[layerOutput(path)]!;
          return { path, shape, data: slot.output(layerOutput(path)) as Float32Array };
        });
        return images.map((_, i) => {
          const of = (numbers: Float32Array) => {
            const length = numbers.length / images.length;
            return numbers.slice(i * length, (i + 1) * length);
          };
          const label = largest(of(logits));
          return {
            label,
            class: model.classes[label] ?? String(label),
            probabilities: of(probabilities),
            logits: of(logits),
            layers: new Map(inside.map(({ path, shape, data }) => [path, { shape, data: of(data) }])),
          };
        });
      } finally {
        slot.release();
      }
    };

    const all = async (images: readonly Picture[]) => {
      const groups = Array.from({ length: Math.ceil(images.length / batch) }, (_, i) =>
        run(images.slice(i * batch, (i + 1) * batch)),
      );
      return (await Promise.all(groups)).flat();
    };
    const classify = async (image: Picture) => (await run([image]))[0]!;
    const { backend, threads, memory } = session;
    return Object.assign(classify, { all, model, backend, threads, memory, close: () => session.close() });
  } catch (error) {
    await session.close();
    throw error;
  }
}

function scale(image: Picture, model: TrainedModel, to: Float32Array, offset: number, size: number): void {
  const [height, width, channels] = model.input as readonly [number, number, number];
  const border = image.length === size ? 0 : borderAround(image.length, height, width, channels);
  if (border === undefined) {
    throw new OptionError(
      `classify: the picture has ${image.length} numbers, expected ${size} (${model.input.join(" x ")}, channels last)`,
    );
  }
  const { mean, std } = model.scaling;
  const scaled = (byte: number, c: number) => (byte / 255 - mean[c]!) / std[c]!;
  if (border > 0) for (let i = 0; i < size; i++) to[offset + i] = scaled(0, i % channels);
  const bytes = image instanceof Uint8Array || image instanceof Uint8ClampedArray;
  const line = (width - 2 * border) * channels;
  for (let y = 0, from = 0; from < image.length; y++) {
    const into = offset + ((y + border) * width + border) * channels;
    for (let i = 0; i < line; i++, from++) to[into + i] = bytes ? scaled(image[from]!, i % channels) : image[from]!;
  }
}

/** The border with which a picture of `length` numbers fills a field. */
function borderAround(length: number, height: number, width: number, channels: number): number | undefined {
  for (let border = 1; 4 * border <= Math.min(height, width); border++) {
    if ((height - 2 * border) * (width - 2 * border) * channels === length) return border;
  }
  return undefined;
}

function largest(numbers: Float32Array): number {
  let best = 0;
  for (let i = 1; i < numbers.length; i++) if (numbers[i]! > numbers[best]!) best = i;
  return best;
}
