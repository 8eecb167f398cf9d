/** `--classes FILE`: names of classes, for weights that come without them. */
import { FileError } from "../../base/errors.js";
import { isRecord } from "../../base/options.js";
import { parseJson } from "../../formats/json.js";
import { readWholeFile } from "../../host/read-node.js";
import type { TrainedModel } from "../../model/trained-model.js";

/** As a command declares it: `.option(...CLASSES)`. */
export const CLASSES = [
  "--classes <file>",
  "the names of the classes in their order: a text file, a name a line, or JSON (default: the model's)",
] as const;

/**
 * The model with the names that the file has. JSON may be a list of names, or names by number, as the list of
 * ImageNet's goes around: `{ "0": ["n01440764", "tench"] }`, of which the last counts.
 * @throws FileError where they are no names, or of another number of classes
 */
export async function withClassNames(model: TrainedModel, file: string | undefined): Promise<TrainedModel> {
  if (file === undefined) return model;
  const text = new TextDecoder().decode(await readWholeFile(file));
  const names = /^\s*[[{]/.test(text) ? namesIn(text, file) : text.trim().split(/\s*[\r\n]+\s*/);
  if (names.length === model.classes.length) return { ...model, classes: names };
  throw new FileError(
    `--classes ${file}: names ${names.length} classes, but the network tells ${model.classes.length} apart; give a name for each`,
  );
}

function namesIn(text: string, file: string): string[] {
  const json = parseJson(text, (why, cause) => new FileError(`--classes ${file}: ${why}`, { cause }));
  const entries: readonly unknown[] = Array.isArray(json)
    ? json
    : isRecord(json)
      ? Object.keys(json).map((_, label) => json[String(label)])
      : [];
  const names = entries.map((entry) => (Array.isArray(entry) ? (entry.at(-1) as unknown) : entry));
  if (names.every((name) => typeof name === "string")) return names;
  throw new FileError(`--classes ${file}: expected a list of names, or names by number from 0`);
}

/** Whether classes are only numbered, as of weights that do not name them. Ten may be digits. */
export const isNumbered = ({ classes }: TrainedModel): boolean =>
  classes.length !== 10 && classes.every((name, label) => name === String(label));
