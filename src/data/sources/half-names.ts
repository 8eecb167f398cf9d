/**
 * Which folders or archives are halves of a data set, by their names as people write them: `train`, `Training`,
 * `TRAIN`, `training_set`, `trainImages`, `train2017`, `seg_train` beside `seg_test`, `ILSVRC2012_img_val`. A name is
 * cut into words; one of them says which half it is, and what else there is must say nothing, or the same as in the
 * name of another half.
 */

export type HalfKind = "train" | "val" | "test" | "unlabelled";

const KINDS: Readonly<Record<string, HalfKind>> = {
  ...kind("train", ["train", "training", "trn", "trainval"]),
  ...kind("val", ["val", "valid", "validation", "validate", "dev", "development", "vali"]),
  ...kind("test", ["test", "tests", "testing", "tst", "eval", "evaluation", "evaluate", "holdout", "heldout"]),
  ...kind("unlabelled", ["pred", "predict", "prediction", "predictions", "unlabelled", "unlabeled", "unlabel"]),
};

function kind(name: HalfKind, words: readonly string[]): Record<string, HalfKind> {
  return Object.fromEntries(words.map((word) => [word, name]));
}

/** Words that say nothing of what is in a folder of pictures. */
const EMPTY = [
  ...["set", "sets", "data", "dataset", "datasets", "image", "images", "img", "imgs", "picture", "pictures", "pics"],
  ...["photo", "photos", "file", "files", "folder", "dir", "split", "splits", "sample", "samples", "batch", "part"],
];

const EMPTY_WORD = new RegExp(`^(${EMPTY.join("|")}|\\p{N}+)$`, "u");
/** `trainset`, `imgtrain`. */
const JOINED = new RegExp(
  `^(${EMPTY.join("|")})?(${Object.keys(KINDS)
    .sort((a, b) => b.length - a.length)
    .join("|")})(${EMPTY.join("|")})?$`,
);

export interface HalfName {
  readonly kind: HalfKind;
  /** The other words that say something, in order. */
  readonly rest: string;
  /** Whether the name is nothing but the word. */
  readonly isPlain: boolean;
}

/**
 * In lower case: cut at what is no letter or digit, between letters and digits, and before a capital behind a small
 * letter.
 */
export function wordsOf(name: string): string[] {
  const cut = name
    .normalize("NFKC")
    .replace(/(\p{Ll})(\p{Lu})/gu, "$1 $2")
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, "$1 $2")
    .replace(/(\p{L})(\p{N})/gu, "$1 $2")
    .replace(/(\p{N})(\p{L})/gu, "$1 $2");
  return cut
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== "");
}

/** Whether nothing in a name says what is in the folder: `images`, `data_2`. */
export const saysNothing = (name: string): boolean => wordsOf(name).every((word) => EMPTY_WORD.test(word));

/** Undefined where no word says which half it is, or words say two; `train_val` and `trainval` are to learn from. */
export function halfName(name: string): HalfName | undefined {
  const words = wordsOf(name);
  const kinds = words.map((word) => KINDS[JOINED.exec(word)?.[2] ?? ""]);
  const found = [...new Set(kinds.filter((kind) => kind !== undefined))];
  const [first] = found;
  const isBoth = found.length === 2 && found.join() === "train,val";
  if (first === undefined || (found.length > 1 && !isBoth)) return undefined;
  const rest = words.filter((word, i) => kinds[i] === undefined && !EMPTY_WORD.test(word)).join(" ");
  return { kind: first, rest, isPlain: words.length === 1 && Object.hasOwn(KINDS, words[0]!) };
}

/**
 * The halves among names that lie side by side: those that say nothing but which half they are, and those with more
 * words where another half has the same ones.
 */
export function halvesAmong(names: readonly string[]): Map<string, HalfName> {
  const all = names.flatMap((name) => {
    const half = halfName(name);
    return half === undefined ? [] : [[name, half] as const];
  });
  return new Map(
    all.filter(
      ([, half]) => half.rest === "" || all.some(([, other]) => other.kind !== half.kind && other.rest === half.rest),
    ),
  );
}
