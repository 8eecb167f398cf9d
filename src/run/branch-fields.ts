/**
 * Fields of a configuration that belong to a branch of fovea. The trunk keeps them and compares them like its own; what
 * they hold, the branch says, and reads through its field. So a branch's run can be opened where the branch is not
 * loaded.
 */
import type { FieldChecks } from "./config-checks.js";
import { checkFields } from "./config-checks.js";

/** Their names, by branch. A field that is not here would be a slip of the pen in any configuration. */
export const BRANCH_FIELDS = {
  /** Of runs on positions of games, whose epochs are counts of steps. */
  go: "positions",
} as const;

export type BranchFieldName = (typeof BRANCH_FIELDS)[keyof typeof BRANCH_FIELDS];

type Holder = Readonly<Partial<Record<BranchFieldName, unknown>>>;

const defined = new Map<BranchFieldName, FieldChecks<unknown>>();

export interface BranchField<T> {
  /**
   * What a configuration holds; undefined where it is not a run of the branch. @throws OptionError where it is not what
   * it should be.
   */
  of(config: Holder): T | undefined;
}

/** Says what a branch's field holds: an object with these fields. */
export function defineBranchField<T>(name: BranchFieldName, checks: FieldChecks<T>): BranchField<T> {
  defined.set(name, checks);
  return {
    of(config) {
      checkBranchFields(config, "config");
      return config[name] as T | undefined;
    },
  };
}

/** Checks the fields of the branches that are loaded. */
export function checkBranchFields(config: Holder, where: string): void {
  for (const [name, checks] of defined) {
    if (config[name] !== undefined) checkFields(config[name], checks, `${where}: ${name}`);
  }
}
