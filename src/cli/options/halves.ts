/** Which folders of a data set are its halves, on the command line. */
import { Option } from "commander";
import type { HalvesChoice } from "../../data/sources/halves-choice.js";
import type { TrainingConfig } from "../../run/config.js";

export interface HalvesFlags {
  readonly train?: string;
  readonly val?: string;
  readonly test?: string;
}

const OPTIONS = [
  [
    "--train <folder>",
    'the folder below the data\'s to learn from; "." where each one is a class (default: by its name)',
  ],
  ["--val <folder>", 'the one to choose the best epoch by, or "none" (default: by its name, else the test pictures)'],
  ["--test <folder>", 'the one to measure with, or "none" (default: by its name, else a tenth of each class)'],
] as const;

export const halvesOptions = (): readonly Option[] => OPTIONS.map(([flags, text]) => new Option(flags, text));

/** Undefined where nothing was said. */
export function halvesFrom({ train, val, test }: HalvesFlags): HalvesChoice | undefined {
  if (train === undefined && val === undefined && test === undefined) return undefined;
  return { ...(train && { train }), ...(val && { val }), ...(test && { test }) };
}

/** How a run finds its pictures again. */
export function halvesOfRun({ halves }: Pick<TrainingConfig, "halves">) {
  return halves === undefined ? { asBefore: true } : { halves };
}
