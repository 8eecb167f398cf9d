/** What steps are emitted for, and where they are collected. */
import type { Emitter } from "../kernels/contract/emitter.js";
import type { PlannedUnit } from "./program.js";
import type { Draft } from "./step-draft.js";

/**
 * `prepare` runs again only when states have changed. `first` stands at the head of every run: panels of weights that
 * the entry goes on to change. `main` is the rest of a run.
 */
export type Section = "prepare" | "first" | "main";

/** Estimated on one core: of a call, and of each sample. */
export type Nanoseconds = Draft["nanoseconds"];

export const NO_TIME: Nanoseconds = { fixed: 0, perSample: 0 };

export interface Emission {
  readonly section: Section;
  /** The layer and op that errors, profiles and buffers name. */
  readonly label: string;
  readonly unit: PlannedUnit;
  /** Of all steps together; the first carries it. */
  readonly cost: Nanoseconds;
}

/** The steps of a program in the order in which they were lowered. */
export class StepSink {
  readonly drafts: Readonly<Record<Section, Draft[]>> = { prepare: [], first: [], main: [] };

  /** A function that adds the steps of one emission. */
  for({ section, label, unit, cost }: Emission): Emitter["step"] {
    const into = this.drafts[section];
    let nanoseconds = cost;
    return (kernel, operands, pieces, reference) => {
      if (operands.length !== kernel.operands.length) {
        throw new TypeError(
          `${label}: kernel ${kernel.name} has ${kernel.operands.length} operands, got ${operands.length}`,
        );
      }
      into.push({ kernel, operands, pieces, label, nanoseconds, unit, reference });
      nanoseconds = NO_TIME;
    };
  }
}
