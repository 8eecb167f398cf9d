/**
 * From drafts of steps, in the order in which they were lowered, to the steps of a program: each behind what it waits
 * for, with a barrier where a level begins, and with the scratch planned between them.
 */

import type { Kernel } from "../codegen/ir.js";
import type { Buffer } from "../kernels/contract/emitter.js";
import type { Target } from "../target/target.js";
import { sparedBarriers } from "./barriers.js";
import { type Access, levels } from "./order.js";
import type { Places } from "./places.js";
import type { ScratchUse, Step } from "./program.js";
import { planScratch, type ScratchPlan } from "./scratch.js";
import type { Draft } from "./step-draft.js";

/** A draft at its place in the order; `isCopy`: it computes again what was dropped to save memory. */
interface Ordered {
  readonly draft: Draft;
  readonly level: number;
  readonly isCopy?: boolean;
}

/** A step of the main section as the plan of the scratch sees it. */
interface MainStep extends Access {
  readonly draft: Draft;
  /** At the largest batch. */
  readonly nanoseconds: number;
}

export type MainPlan = ScratchPlan<MainStep>;

/** By levels, and in each as they came. */
export function inLevels(drafts: readonly Draft[]): Ordered[] {
  const level = levels(drafts.map(accessOf));
  return drafts
    .map((draft, i) => ({ draft, level: level[i]!, i }))
    .sort((a, b) => a.level - b.level || a.i - b.i)
    .map(({ draft, level }) => ({ draft, level }));
}

/** Plans the scratch for buffers that have no home. */
export function planMain(
  drafts: readonly Draft[],
  places: Places,
  { target, maxBatch, limit }: { readonly target: Target; readonly maxBatch: number; readonly limit: number },
): MainPlan {
  const steps = drafts.map((draft): MainStep => {
    const { fixed, perSample } = draft.nanoseconds;
    return { draft, ...accessOf(draft), nanoseconds: fixed + perSample * maxBatch };
  });
  return planScratch(steps, {
    bytes: (buffer) => (places.regionOf(buffer) === undefined ? places.bytes(buffer) : 0),
    isOutput: (buffer) => places.regionOf(buffer) === "slot",
    copyOf: (buffer) => ({ ...places.make(`${buffer.label} again`, buffer) }),
    limit,
    // programs that take more of the last cache have steps so long that barriers do not count
    mostApart: target.caches.l3 / 2,
  });
}

/** As the plan has them, which may do some of them twice, into other buffers. */
export function plannedDrafts(plan: MainPlan): Ordered[] {
  return plan.steps.map(({ step: { draft }, instead, isCopy, level }) => ({
    isCopy,
    draft: {
      ...draft,
      operands: instead.size === 0 ? draft.operands : draft.operands.map((buffer) => instead.get(buffer) ?? buffer),
      label: isCopy ? `${draft.label} again` : draft.label,
    },
    level,
  }));
}

/** Steps of several sections, which share their kernels. */
export class StepAssembly {
  readonly kernels: Kernel[] = [];
  readonly #index = new Map<Kernel, number>();
  readonly #places: Places;

  constructor(places: Places) {
    this.#places = places;
  }

  /** Once every buffer has its place. */
  stepsOf(drafts: readonly Ordered[]): Step[] {
    const groups: Ordered[][] = [];
    for (const [i, ordered] of drafts.entries()) {
      if (i > 0 && ordered.level === drafts[i - 1]!.level) groups[groups.length - 1]!.push(ordered);
      else groups.push([ordered]);
    }
    const spared = sparedBarriers(
      groups.map((group) => group.map(({ draft }) => draft)),
      this.#places,
    );
    return groups.flatMap((group, g) =>
      group.map(({ draft, isCopy }, i) => {
        const barrier = g > 0 && i === 0;
        return {
          kernel: this.#indexOf(draft.kernel),
          operands: draft.operands.map((buffer) => this.#places.place(buffer)),
          pieces: draft.pieces,
          label: draft.label,
          barrier,
          ...(barrier && spared[g] ? { sparesBarrier: true } : {}),
          nanoseconds: draft.nanoseconds,
          unit: draft.unit,
          ...(draft.reference === undefined ? {} : { reference: draft.reference }),
          ...(isCopy ? { isAgain: true } : {}),
        };
      }),
    );
  }

  #indexOf(kernel: Kernel): number {
    const known = this.#index.get(kernel);
    if (known !== undefined) return known;
    const index = this.kernels.push(kernel) - 1;
    this.#index.set(kernel, index);
    return index;
  }
}

/** What lies in the scratch where most of it is alive. */
export function scratchUse(plan: MainPlan, panels: ReadonlySet<Buffer>, places: Places): ScratchUse {
  const forward = new Set(plan.forward.flatMap((step) => step.writes));
  const use = { activations: 0, gradients: 0, panels: 0, gaps: plan.bytes - plan.liveBytes };
  for (const buffer of plan.atPeak) {
    const kind = panels.has(buffer)
      ? "panels"
      : forward.has(buffer) || plan.copies.has(buffer)
        ? "activations"
        : "gradients";
    use[kind] += places.bytes(buffer);
  }
  const total = plan.steps.reduce((sum, { step, isCopy }) => sum + (isCopy ? 0 : step.nanoseconds), 0);
  return {
    ...use,
    recomputed: plan.recomputed.map((buffer) => buffer.label),
    extraTime: total === 0 ? 0 : plan.extraNanoseconds / total,
  };
}

function accessOf({ kernel, operands }: Draft): Access {
  return {
    reads: operands.filter((b, i) => b.perThread !== true && kernel.operands[i]!.access !== "write"),
    writes: operands.filter((b, i) => b.perThread !== true && kernel.operands[i]!.access !== "read"),
  };
}
