/**
 * Which folders of a tree hold pictures to learn from, to choose the best epoch by, and to measure with: as somebody
 * chose, or as their names and what is in them say. Where that leaves a doubt, nothing is guessed.
 */

import { DataError, nearest, OptionError } from "../../base/errors.js";
import { type HalfName, halvesAmong, saysNothing } from "./half-names.js";
import type { HalvesChoice } from "./halves-choice.js";
import { type Branch, filled } from "./picture-branch.js";

export interface FoundHalves {
  /** Its sub-folders are classes, but for those of `apart`. */
  readonly train: Branch;
  readonly val: Branch | undefined;
  readonly test: Branch | undefined;
  /** Halves that lie in the one to learn from, and folders that are left out. */
  readonly apart: ReadonlySet<Branch>;
  /** What the reader should know. */
  readonly notes: readonly string[];
}

type Found = Omit<FoundHalves, "apart">;

/** @throws DataError where it is in doubt, OptionError where a folder that was chosen is not there. */
export function findHalves(root: Branch, choice: HalvesChoice): FoundHalves {
  const chosen = {
    train: chosenBranch(root, "train", choice.train),
    val: chosenBranch(root, "val", choice.val),
    test: chosenBranch(root, "test", choice.test),
  };
  const { train: learned } = chosen;
  if (learned === root && choice.val === undefined && choice.test === undefined) {
    return { train: root, val: undefined, test: undefined, apart: new Set(), notes: [] };
  }
  const apart = new Set(Object.values(chosen).filter((branch) => branch !== undefined && branch !== learned));
  const found = learned === undefined ? detect(root, apart, choice) : besides(root, learned, apart, choice);
  const halves = checked({ ...found, ...given(chosen, choice) }, choice);
  for (const branch of leftOut([...unwrapped(halves.train).branches.values()], choice)) apart.add(branch);
  return { ...halves, apart: apart as ReadonlySet<Branch> };
}

/** What was chosen, "none" too. */
function given(chosen: { readonly [half in keyof HalvesChoice]: Branch | undefined }, choice: HalvesChoice) {
  return {
    ...(chosen.train === undefined ? {} : { train: chosen.train }),
    ...(choice.val === undefined ? {} : { val: chosen.val }),
    ...(choice.test === undefined ? {} : { test: chosen.test }),
  };
}

/** Folders that are called as a half that is to be none. */
function leftOut(folders: readonly Branch[], choice: HalvesChoice): Branch[] {
  const names = halvesAmong(folders.map(({ name }) => name));
  return folders.filter(({ name }) => {
    const kind = names.get(name)?.kind;
    return (kind === "val" || kind === "test") && choice[kind] === "none";
  });
}

/** Halves without labels are left out, and said; one that somebody chose is refused. */
function checked({ train, val, test, notes: before }: Found, choice: HalvesChoice): Found {
  const notes = [...before];
  const labelled = (half: "val" | "test", branch: Branch | undefined): Branch | undefined => {
    if (branch === undefined) return undefined;
    if (branch.count === 0)
      throw new DataError(`${branch.shown}: there are no pictures in it (leave it out: --${half} none)`);
    const own = branch.labels > 0 ? branch : classFolder(branch, train);
    if (own !== undefined) return own;
    const what = "its pictures lie in no class folders";
    if (choice[half] !== undefined) throw new DataError(`${branch.shown}: ${what}; expected ${branch.name}/CLASS`);
    notes.push(`${branch.shown}: ${what}, so that they tell nothing; left out`);
    return undefined;
  };
  return { train, val: labelled("val", val), test: labelled("test", test), notes };
}

/**
 * The folder whose sub-folders are classes: itself, or the only one in it. Undefined where there are no such
 * sub-folders: `val/images` is none where no class is called so.
 */
function classFolder(branch: Branch, train: Branch): Branch | undefined {
  const classes = new Set([...unwrapped(train).branches.keys()].map((name) => name.normalize("NFC")));
  let at = branch;
  for (;;) {
    const folders = filled(at);
    const [only] = folders;
    if (only === undefined) return undefined;
    if (folders.length > 1 || classes.has(only.name.normalize("NFC"))) return at;
    if (filled(only).length === 0) return saysNothing(only.name) ? undefined : at;
    at = only;
  }
}

/** Past folders that hold nothing but one other, as archives often have it. */
export function unwrapped(branch: Branch): Branch {
  let at = branch;
  for (;;) {
    const [only, ...more] = at.branches.values();
    if (only === undefined || more.length > 0 || at.pictures > 0 || at.labels > 0 || filled(only).length === 0)
      return at;
    at = only;
  }
}

const hasClasses = (branch: Branch) => branch.labels > 0 || filled(unwrapped(branch)).length > 0;

function detect(root: Branch, apart: ReadonlySet<Branch | undefined>, choice: HalvesChoice): Found {
  const none = { val: undefined, test: undefined };
  const notes: string[] = [];
  let base = root;
  for (;;) {
    const inside = [...base.branches.values()];
    const without = leftOut(inside, choice);
    const folders = inside.filter((branch) => !apart.has(branch) && !without.includes(branch));
    const names = halvesAmong(folders.map(({ name }) => name));
    const halves = folders.filter(({ name }) => names.has(name));
    const others = folders.filter(({ name, count }) => !names.has(name) && count > 0);
    if (halves.length > 0) {
      const found = among(base, halves, others, names, choice);
      return { ...found, notes: [...notes, ...found.notes] };
    }
    const [inner, ...more] = folders;
    const isWrapper = more.length === 0 && base.pictures === 0 && base.labels === 0;
    if (!isWrapper || inner === undefined || filled(inner).length === 0) return { train: base, ...none, notes };
    notes.push(`${base.shown}: the only folder in it, ${inner.name}, is taken for the data set`);
    base = inner;
  }
}

/** What the halves among the folders of `base` are. */
function among(
  base: Branch,
  halves: readonly Branch[],
  others: readonly Branch[],
  names: ReadonlyMap<string, HalfName>,
  choice: HalvesChoice,
): Found {
  const kindOf = ({ name }: Branch) => names.get(name)!.kind;
  const none = { val: undefined, test: undefined, notes: [] };
  const train = halves.filter((half) => kindOf(half) === "train");
  if (!halves.some(hasClasses)) {
    // The vehicle: pictures of trains beside others of cars and buses.
    const [half, ...more] = halves;
    const isClass = more.length === 0 && half!.name.toLowerCase() === "train" && others.length > 0;
    if (isClass && others.every((other) => !hasClasses(other))) return { train: base, ...none };
    if (others.length === 0 && train.length > 0) {
      throw new DataError(
        `${train[0]!.shown}: has no sub-folders with pictures; expected one a class, with its pictures in it`,
      );
    }
  }
  if (others.length > 0) throw doubtful(base, halves, others, names);
  if (train.length === 0) {
    throw new DataError(
      `${base.shown}: has a folder ${halves[0]!.name} but none called train to learn from (name one with --train FOLDER)`,
    );
  }
  const unlabelled = halves.filter((half) => kindOf(half) === "unlabelled" && half.count > 0);
  const notes = unlabelled.map(({ shown }) => `${shown}: is taken for pictures without labels; left out`);
  const one = (kind: "train" | "val" | "test") =>
    choice[kind] === undefined
      ? only(
          base,
          halves.filter((half) => kindOf(half) === kind),
          kind,
        )
      : undefined;
  return { train: one("train")!, val: one("val"), test: one("test"), notes };
}

/** The one of its kind. @throws DataError where there are more. */
function only(base: Branch, halves: readonly Branch[], kind: "train" | "val" | "test"): Branch | undefined {
  const [first, ...more] = halves;
  if (more.length === 0) return first;
  const all = halves.map(({ name }) => name).join(", ");
  const purpose = { train: "to learn from", val: "to choose the best epoch by", test: "to measure with" }[kind];
  throw new DataError(
    `${base.shown}: ${all} all look like the half ${purpose}; name the one that is, such as --${kind} ${first!.path}`,
  );
}

function doubtful(
  base: Branch,
  halves: readonly Branch[],
  others: readonly Branch[],
  names: ReadonlyMap<string, HalfName>,
): DataError {
  const list = (branches: readonly Branch[]) => {
    const shown = branches.slice(0, 5).map(({ name }) => name);
    return shown.join(", ") + (branches.length > 5 ? `, and ${branches.length - 5} more` : "");
  };
  const kinds = (["train", "val", "test"] as const).flatMap((kind) => {
    const half = halves.find(({ name }) => names.get(name)!.kind === kind);
    return half === undefined ? [] : [{ kind, flag: `--${kind} ${half.path}` }];
  });
  const flags = kinds.map(({ flag }) => flag).join(" ") || "--train FOLDER";
  const out = kinds.find(({ kind }) => kind !== "train");
  const [looks, it] = halves.length === 1 ? ["looks like a half", "it"] : ["look like halves", "them"];
  const does = others.length === 1 ? "does" : "do";
  return new DataError(
    `${base.shown}: ${list(halves)} ${looks} of a data set, but ${list(others)} beside ${it} ${does} not; say which are halves (${flags}), ` +
      `${out === undefined ? "" : `leave such out (--${out.kind} none), `}or take each for a class (--train ${base.path === "" ? "." : base.path})`,
  );
}

/** Where the half to learn from was chosen: the others, by their names, beside it. */
function besides(root: Branch, train: Branch, apart: ReadonlySet<Branch | undefined>, choice: HalvesChoice): Found {
  if (train === root) return { train, val: undefined, test: undefined, notes: [] };
  const above = branchAt(root, train.path.slice(0, Math.max(0, train.path.lastIndexOf("/"))))!;
  const folders = [...above.branches.values()].filter((branch) => !apart.has(branch) && branch.count > 0);
  const names = halvesAmong(folders.map(({ name }) => name));
  const of = (kind: "val" | "test") => {
    const found = folders.filter((branch) => branch !== train && names.get(branch.name)?.kind === kind);
    return choice[kind] === undefined ? only(above, found, kind) : undefined;
  };
  return { train, val: of("val"), test: of("test"), notes: [] };
}

export function branchAt(root: Branch, path: string): Branch | undefined {
  let at: Branch | undefined = root;
  for (const name of path.split(/[\\/]/)) if (name !== "" && name !== ".") at = at?.branches.get(name);
  return at;
}

function chosenBranch(root: Branch, half: "train" | "val" | "test", path: string | undefined): Branch | undefined {
  if (path === undefined || path === "none") {
    if (path === "none" && half === "train")
      throw new OptionError("--train none: there must be pictures to learn from");
    return undefined;
  }
  const found = branchAt(root, path);
  if (found !== undefined && (found !== root || half === "train")) return found;
  const names = [...root.branches.keys()];
  const near = nearest(path, names);
  const hint = near === undefined ? "" : `; did you mean "${near}"?`;
  throw new OptionError(
    `--${half} ${path}: there is no such folder in ${root.shown}${hint} (there: ${names.slice(0, 10).join(", ") || "none"})`,
  );
}
