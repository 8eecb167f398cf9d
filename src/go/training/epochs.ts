/**
 * What a configuration holds beside the trunk's fields for a run on positions of games (games/position-sets.ts), whose
 * epochs are counts of steps.
 */
import { defineBranchField } from "../../run/branch-fields.js";
import type { TrainingConfig } from "../../run/config.js";
import { number } from "../../run/config-checks.js";

export interface PositionsConfig {
  /** Steps between evaluations: an epoch. */
  readonly evaluateEvery: number;
  /** Positions of the fixed sample that is measured. */
  readonly testPositions: number;
}

/** The configuration of a policy's training. */
export type PolicyConfig = TrainingConfig & { readonly positions: PositionsConfig };

const field = defineBranchField<PositionsConfig>("positions", { evaluateEvery: number, testPositions: number });

/** Whether a configuration is of a run on positions. @throws OptionError where its field is not what it should be. */
export function isPolicyConfig(config: TrainingConfig): config is PolicyConfig {
  return field.of(config) !== undefined;
}
