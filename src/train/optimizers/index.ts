/**
 * Every optimiser of the package by its name, as run folders and the command line know it, with the options that it
 * takes.
 */
import type { Check } from "../../base/options.js";
import { ADAM, adam, adamw } from "./adam.js";
import { NADAM, nadam } from "./nadam.js";
import type { Hyperparameter, Optimizer } from "./optimizer.js";
import { RMSPROP, rmsprop } from "./rmsprop.js";
import { SGD, sgd } from "./sgd.js";

interface OptimizerKind {
  readonly make: (options: never) => Optimizer;
  readonly fields: Readonly<Record<string, Check>>;
}

const KINDS = {
  sgd: { make: sgd, fields: SGD },
  adam: { make: adam, fields: ADAM },
  adamw: { make: adamw, fields: ADAM },
  nadam: { make: nadam, fields: NADAM },
  rmsprop: { make: rmsprop, fields: RMSPROP },
} as const satisfies Readonly<Record<string, OptimizerKind>>;

/** Name of an optimizer. */
export type OptimizerName = keyof typeof KINDS;

export const OPTIMIZERS = Object.keys(KINDS) as readonly OptimizerName[];

/** The names of the options of an optimizer. */
export const optionsOfOptimizer = (name: OptimizerName): readonly string[] => Object.keys(KINDS[name].fields);

/** @throws OptionError on an option that is not what it may be */
export function makeOptimizer(name: OptimizerName, options: Readonly<Record<string, Hyperparameter>>): Optimizer {
  return (KINDS[name] as OptimizerKind).make(options as never);
}
