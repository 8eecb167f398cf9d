/**
 * Lists of transforms as text, for the command line: transforms with commas between, each a name and its fields with
 * colons between, in the order of their table (transform.ts) or by name:
 *
 *     padCrop:4,flip,cutout:8      padCrop:4:reflect      colorJitter:0.2:hue=0.1      randomResizedCrop:0.3-1
 * resize:64x48
 *
 * A name may also be a preset's, which stands for its list.
 */
import { OptionError, unknownName } from "../../base/errors.js";
import { mismatch } from "../../base/options.js";
import type { Shape } from "../../graph/shape.js";
import { FIELDS, type Field, parseTransforms, TRANSFORM_KINDS, type Transform } from "./transform.js";

export interface Preset {
  readonly about: string;
  /** For a network of this input. */
  readonly list: (target: Shape) => string;
}

/** By how much AlexNet's and VGG's pictures were larger than what the network takes. */
const larger = (target: Shape, times: number) => Math.round(times * Math.max(target[0]!, target[1]!));

export const PRESETS: Readonly<Record<string, Preset>> = {
  cifar: { about: "a shifted copy and its mirror image, as of ResNet on CIFAR", list: () => "padCrop:4,flip" },
  alexnet: {
    about: "a patch of pictures an eighth larger, mirror images, colours along their principal axes",
    list: (target) => `randomCrop:${larger(target, 256 / 224)},flip,pcaColor`,
  },
  vgg: {
    about: "as alexnet, of pictures from an eighth larger to more than twice as large",
    list: (target) => `randomCrop:${larger(target, 256 / 224)}-${larger(target, 512 / 224)},flip,pcaColor`,
  },
  imagenet: { about: "a patch of random area and shape, mirror images", list: () => "randomResizedCrop,flip" },
};

/**
 * Reads a list of transforms from text: names with commas between, each with its fields behind colons, in order or by
 * name. A name may also be a preset's: `cifar`, `alexnet`, `vgg` or `imagenet`.
 *
 * @example
 * ```js
 * import { parseAugmentation } from "fovea";
 *
 * const [crop, flip] = parseAugmentation("padCrop:4,flip", [32, 32, 3]);
 * console.log(crop); // { kind: 'padCrop', padding: 4, mode: 'zero' }
 * console.log(flip?.kind); // flip
 * ```
 *
 * @param target [height, width, channels] of the network's input, by which presets choose sizes
 * @throws OptionError naming the transform, the field, its value and what was expected
 */
export function parseAugmentation(text: string, target: Shape): readonly Transform[] {
  if (typeof text !== "string") throw mismatch("augment", text, 'a text such as "cifar" or "padCrop:4,flip"');
  return text.split(",").flatMap((part) => {
    const name = part.trim();
    if (Object.hasOwn(PRESETS, name)) return parseAugmentation(PRESETS[name]!.list(target), target);
    return [parseItem(name, text)];
  });
}

function parseItem(item: string, text: string): Transform {
  const [name = "", ...parts] = item.split(":");
  const kind = TRANSFORM_KINDS.find((k) => k === name);
  if (kind === undefined) {
    if (name === "") throw new OptionError(`--augment "${text}": a transform is missing between two commas`);
    throw unknownName("transform of --augment", name, [...Object.keys(PRESETS), ...TRANSFORM_KINDS]);
  }
  const fields = FIELDS[kind].filter((field) => field.kind !== "numbers");
  const given: Record<string, unknown> = {};
  parts.forEach((part, position) => {
    const equals = part.indexOf("=");
    const named = equals < 0 ? undefined : part.slice(0, equals);
    const field = named === undefined ? fields[position] : fields.find((f) => f.name === named);
    if (field === undefined) {
      const names = fields.map((f) => f.name);
      if (named !== undefined) throw unknownName(`field of ${kind}`, named, names);
      throw new OptionError(
        `--augment ${item}: ${kind} takes ${names.length === 0 ? "nothing" : `at most ${names.join(", ")}`}`,
      );
    }
    if (Object.hasOwn(given, field.name))
      throw new OptionError(`--augment ${item}: ${field.name} is given twice; leave one out`);
    given[field.name] = readValue(field, part.slice(equals + 1), item);
  });
  return parseTransforms([{ kind, ...given }], `--augment ${item}`)[0]!;
}

function readValue(field: Field, text: string, item: string): unknown {
  if (field.kind === "choice" || field.kind === "numbers") return text;
  const numbers = text
    .split(field.kind === "size" ? "x" : "-")
    .map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  const isPair = field.kind === "range" || field.kind === "wholeRange" || field.kind === "size";
  if (numbers.length > (isPair ? 2 : 1) || numbers.some(Number.isNaN)) {
    const example = field.kind === "size" ? "224 or 160x120" : isPair ? "256 or 256-512" : "4";
    throw new OptionError(
      `--augment ${item}: ${field.name} is "${text}", expected ${isPair ? "a value such as" : "a number such as"} ${example}`,
    );
  }
  return isPair ? [numbers[0], numbers[1] ?? numbers[0]] : numbers[0];
}

/** As one would write them: of fields behind the first, only those that have not their usual value. */
export function describeAugmentation(transforms: readonly Transform[]): string {
  return transforms
    .map((transform) => {
      const values = transform as unknown as Readonly<Record<string, unknown>>;
      let gap = false;
      const parts = FIELDS[transform.kind].flatMap((field, position) => {
        const value = values[field.name];
        const usual = JSON.stringify(value) === JSON.stringify(field.standard);
        const isShown = field.kind !== "numbers" && value !== undefined && (!usual || isLead(field, position));
        if (!isShown) {
          gap = true;
          return [];
        }
        return [gap ? `${field.name}=${textOf(field, value)}` : textOf(field, value)];
      });
      return [transform.kind, ...parts].join(":");
    })
    .join(",");
}

/** A number that comes first says how much, so it is told even where it is the usual one. */
const isLead = (field: Field, position: number) =>
  position === 0 && (field.kind === "number" || field.kind === "whole");

function textOf(field: Field, value: unknown): string {
  if (!Array.isArray(value)) return String(value);
  const [low, high] = value as number[];
  return low === high ? String(low) : `${low}${field.kind === "size" ? "x" : "-"}${high}`;
}
