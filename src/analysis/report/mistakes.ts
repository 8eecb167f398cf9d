/** The pictures that a network got wrong, what it took them for, and how sure it was. */
import { fillBatch } from "../../data/sets/batch.js";
import type { Dataset } from "../../data/sets/dataset.js";
import { inMemory } from "../../data/sets/in-memory.js";
import { sizeOf } from "../../graph/shape.js";
import { type ClassifierOptions, createClassifier } from "../../model/classifier.js";
import type { TrainedModel } from "../../model/trained-model.js";

export interface Mistake {
  /** Its place in the data set. */
  readonly index: number;
  readonly actual: string;
  readonly predicted: string;
  /** Of what it was taken for. */
  readonly probability: number;
}

export interface Mistakes {
  /** The surest first. */
  readonly shown: readonly Mistake[];
  readonly total: number;
}

const MOST_SHOWN = 60;
/** More are not asked about; the surest are then the surest of a sample. */
const MOST_ASKED = 600;
const BATCH = 60;

/** @param predictions the likeliest class of each picture of the data set, below 0 where there is none */
export async function findMistakes(
  model: TrainedModel,
  data: Dataset,
  predictions: ArrayLike<number>,
  choice: Pick<ClassifierOptions, "backend" | "threads" | "winograd">,
): Promise<Mistakes> {
  const wrong: number[] = [];
  for (let i = 0; i < data.length; i++) if (predictions[i]! >= 0 && predictions[i] !== data.labels[i]) wrong.push(i);
  if (wrong.length === 0) return { shown: [], total: 0 };
  const every = Math.max(1, wrong.length / MOST_ASKED);
  const asked = Array.from({ length: Math.min(wrong.length, MOST_ASKED) }, (_, i) => wrong[Math.floor(i * every)]!);

  const classify = await createClassifier(model, { ...choice, batch: Math.min(BATCH, asked.length) });
  try {
    const size = sizeOf(model.input);
    const images = new Float32Array(asked.length * size);
    const pictures = await inMemory(data, asked);
    fillBatch(
      { ...pictures, ...model.scaling },
      asked.map((_, i) => i),
      images,
      new Int32Array(asked.length),
      model.input,
    );
    const answers = await classify.all(asked.map((_, i) => images.subarray(i * size, (i + 1) * size)));
    const name = (label: number) => data.classes[label] ?? model.classes[label] ?? String(label);
    const mistakes = asked.map((index, i) => {
      const predicted = predictions[index]!;
      const probability = answers[i]!.probabilities[predicted]!;
      return { index, actual: name(data.labels[index]!), predicted: name(predicted), probability };
    });
    mistakes.sort((a, b) => b.probability - a.probability);
    return { shown: mistakes.slice(0, MOST_SHOWN), total: wrong.length };
  } finally {
    await classify.close();
  }
}

export function mistakesNote(shown: number, total: number): string {
  const which = shown === total ? `All ${total}` : `${shown} of ${total}`;
  return `${which}, the surest first: what it shows → what the network says, and how sure it was.`;
}
