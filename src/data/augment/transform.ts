/**
 * The transforms that training pictures may go through, as plain data: `{ kind: "padCrop", padding: 4, mode: "zero" }`.
 * One table says the fields of each, what they may be and what they are unless said; reading JSON, reading the command
 * line and showing all go by it.
 */
import { OptionError, unknownName } from "../../base/errors.js";
import { shown } from "../../base/options.js";

/** From and to, both included. */
export type Range = readonly [number, number];

/**
 * A transform of training pictures, as plain data. `parseAugmentation` reads them from text, with the defaults of each.
 */
export type Transform =
  | {
      /** Pads all sides and cuts a patch of the picture's own size, anywhere. */
      readonly kind: "padCrop";
      /** Pixels at each side; 4 is usual. */
      readonly padding: number;
      /** What the border holds: black, or the mirrored picture. */
      readonly mode: "zero" | "reflect";
    }
  | {
      /** A patch of the network's size, anywhere. */
      readonly kind: "randomCrop";
      /** Before it, the shorter side is resized to a length drawn between these, in pixels. */
      readonly resize?: Range;
    }
  | {
      /** A patch of random area and shape, stretched to the network's size. torchvision: `RandomResizedCrop`. */
      readonly kind: "randomResizedCrop";
      /** Its area, as a part of the picture's: from and to; [0.08, 1] is usual. */
      readonly scale: Range;
      /** Its width over its height: from and to; [3/4, 4/3] is usual. */
      readonly ratio: Range;
    }
  | {
      /** The mirror image. */
      readonly kind: "flip";
      /** By chance, or in every other epoch, from the first or the second on as the picture's index is even or odd. */
      readonly mode: "random" | "alternating";
      /** Of a mirror image, from 0 to 1, in mode `random`. */
      readonly probability: number;
    }
  | {
      /** Turns about the centre. */
      readonly kind: "rotate";
      /** At most this many degrees either way. */
      readonly degrees: number;
    }
  | {
      /** Shifts by whole pixels. */
      readonly kind: "translate";
      /** At most this part of height and width, either way. */
      readonly fraction: number;
    }
  | {
      /** The distortions of LeNet-5's training (`DistortOptions`). */
      readonly kind: "distort";
      /** Pixels to either side, at most. */
      readonly translate: number;
      /** Change of size, at most: 0.1 for 0.9 to 1.1 times as large. */
      readonly scale: number;
      /** Change of proportions, at most. */
      readonly squeeze: number;
      /** Slant, at most: pixels that a row moves against the row below it. */
      readonly shear: number;
    }
  | {
      /** Stretches to a size. */
      readonly kind: "resize";
      /** [height, width] in pixels; the network's where left out. */
      readonly size?: Range;
    }
  | {
      /** Resizes until the shorter side has a length; keeps the proportions. */
      readonly kind: "resizeShorter";
      /** That length in pixels. */
      readonly size: number;
    }
  | {
      /** The middle of the picture. */
      readonly kind: "centerCrop";
      /** [height, width] in pixels; the network's where left out. */
      readonly size?: Range;
    }
  | {
      /** Random brightness, contrast, saturation and hue. torchvision: `ColorJitter`. */
      readonly kind: "colorJitter";
      /** Factors from 1 - x to 1 + x. */
      readonly brightness: number;
      /** Factors from 1 - x to 1 + x. */
      readonly contrast: number;
      /** Factors from 1 - x to 1 + x. */
      readonly saturation: number;
      /** Turns of the colour circle, up to x either way; 0.5 at most. */
      readonly hue: number;
    }
  | {
      /**
       * Shifts colours along the principal axes of the colours of all training pictures (Krizhevsky et al. 2012,
       * section 4.1).
       */
      readonly kind: "pcaColor";
      /** Standard deviation of the random factor of each eigenvalue; 0.1 is usual. */
      readonly strength: number;
      /** Whose colours: the training pictures', or ImageNet's. */
      readonly colors: "measured" | "imagenet";
      /** Of the covariance of pixels from 0 to 1. They are measured when the data is opened. */
      readonly eigenvalues?: readonly number[];
      /** A row a colour channel, a column an eigenvalue. */
      readonly eigenvectors?: readonly number[];
    }
  | {
      /** Covers a square with the mean colour, its centre anywhere (DeVries and Taylor 2017). */
      readonly kind: "cutout";
      /** Its side in pixels. */
      readonly size: number;
    }
  | {
      /**
       * Covers a rectangle of random area and shape with the mean colour, inside the picture. torchvision:
       * `RandomErasing`.
       */
      readonly kind: "erase";
      /** From 0 to 1. */
      readonly probability: number;
      /** Its area, as a part of the picture's: from and to. */
      readonly scale: Range;
      /** Its width over its height: from and to. */
      readonly ratio: Range;
    };

export type TransformKind = Transform["kind"];
export type TransformOf<K extends TransformKind> = Extract<Transform, { kind: K }>;

/** What a field may be. A field without `standard` must be given, unless it is optional. */
export type Field = {
  readonly name: string;
  readonly optional?: true;
  readonly standard?: unknown;
} & (
  | { readonly kind: "number" | "whole" | "range" | "wholeRange" | "size"; readonly low: number; readonly high: number }
  | { readonly kind: "choice"; readonly of: readonly string[] }
  /** Not to be written by hand. */
  | { readonly kind: "numbers" }
);

const PIXELS = { low: 1, high: 65535 } as const;
const AREAS = { name: "scale", kind: "range", low: 1e-4, high: 1 } as const;
const RATIOS = { name: "ratio", kind: "range", low: 0.01, high: 100 } as const;
const part = (name: string, standard: number, high = 1): Field => ({ name, kind: "number", low: 0, high, standard });

/** In the order in which the command line takes them. */
export const FIELDS: Readonly<Record<TransformKind, readonly Field[]>> = {
  padCrop: [
    { name: "padding", kind: "whole", ...PIXELS, standard: 4 },
    { name: "mode", kind: "choice", of: ["zero", "reflect"], standard: "zero" },
  ],
  randomCrop: [{ name: "resize", kind: "wholeRange", ...PIXELS, optional: true }],
  randomResizedCrop: [
    { ...AREAS, standard: [0.08, 1] },
    { ...RATIOS, standard: [0.75, 4 / 3] },
  ],
  flip: [{ name: "mode", kind: "choice", of: ["random", "alternating"], standard: "random" }, part("probability", 0.5)],
  rotate: [part("degrees", 15, 180)],
  translate: [part("fraction", 0.1)],
  distort: [part("translate", 1.5, 1000), part("scale", 0.1, 0.5), part("squeeze", 0.1, 0.5), part("shear", 0.2)],
  resize: [{ name: "size", kind: "size", ...PIXELS, optional: true }],
  resizeShorter: [{ name: "size", kind: "whole", ...PIXELS }],
  centerCrop: [{ name: "size", kind: "size", ...PIXELS, optional: true }],
  colorJitter: [part("brightness", 0.4), part("contrast", 0.4), part("saturation", 0.4), part("hue", 0, 0.5)],
  pcaColor: [
    part("strength", 0.1, 100),
    { name: "colors", kind: "choice", of: ["measured", "imagenet"], standard: "measured" },
    { name: "eigenvalues", kind: "numbers", optional: true },
    { name: "eigenvectors", kind: "numbers", optional: true },
  ],
  cutout: [{ name: "size", kind: "whole", ...PIXELS }],
  erase: [part("probability", 0.5), { ...AREAS, standard: [0.02, 0.33] }, { ...RATIOS, standard: [0.3, 3.3] }],
};

export const TRANSFORM_KINDS = Object.keys(FIELDS) as readonly TransformKind[];

const isRecord = (v: unknown): v is Record<string, unknown> => typeof v === "object" && v !== null && !Array.isArray(v);

/**
 * A list of transforms from JSON, with what is not said filled in. `where` is what errors call it.
 * @throws OptionError naming the transform and the field that is unknown, missing or out of range.
 */
export function parseTransforms(value: unknown, where = "augment"): readonly Transform[] {
  if (!Array.isArray(value)) {
    throw new OptionError(`${where}: expected a list of transforms, found ${shown(value)}`);
  }
  return value.map((item: unknown) => parseTransform(item, where));
}

function parseTransform(value: unknown, where: string): Transform {
  if (!isRecord(value)) throw new OptionError(`${where}: expected { kind: ... }, found ${shown(value)}`);
  const { kind, ...given } = value;
  const known = TRANSFORM_KINDS.find((k) => k === kind);
  if (known === undefined) throw unknownName(`transform of ${where}`, String(kind), TRANSFORM_KINDS);
  const fields = FIELDS[known];
  const names = fields.map((field) => field.name);
  for (const key of Object.keys(given)) if (!names.includes(key)) throw unknownName(`field of ${known}`, key, names);
  const all = fields.flatMap((field) => {
    const found = given[field.name] ?? field.standard;
    if (found === undefined && field.optional) return [];
    const expected = mismatch(field, found);
    if (expected !== undefined) {
      const is = found === undefined ? "is missing" : `is ${textOf(found)}`;
      throw new OptionError(`${where}: ${known}: ${field.name} ${is}, expected ${expected}`);
    }
    return [[field.name, found] as const];
  });
  return { kind: known, ...Object.fromEntries(all) } as Transform;
}

const textOf = (value: unknown) => (Array.isArray(value) ? value.join("-") : String(value));

/** What was expected instead of `value`; undefined where it is right. */
function mismatch(field: Field, value: unknown): string | undefined {
  if (field.kind === "choice") return field.of.some((name) => name === value) ? undefined : field.of.join(" or ");
  if (field.kind === "numbers") return isNumbers(value) ? undefined : "a list of numbers";
  const { kind, low, high } = field;
  const isWhole = kind === "whole" || kind === "wholeRange" || kind === "size";
  const within = (n: number) => n >= low && n <= high && (!isWhole || Number.isInteger(n));
  const bounds = `from ${low} to ${high}`;
  if (kind === "number" || kind === "whole") {
    return typeof value === "number" && within(value) ? undefined : `a ${isWhole ? "whole " : ""}number ${bounds}`;
  }
  const isPair = isNumbers(value) && value.length === 2 && value.every(within);
  if (kind === "size") return isPair ? undefined : `height and width, such as 224 or 160x120, each ${bounds}`;
  const isRange = isPair && value[0]! <= value[1]!;
  return isRange
    ? undefined
    : `two rising ${isWhole ? "whole " : ""}numbers ${bounds}, such as ${isWhole ? "256-512" : textOf(field.standard)}`;
}

const isNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => typeof n === "number" && Number.isFinite(n));
