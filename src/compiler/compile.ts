/**
 * An entry point of a graph to a Program: fuse, choose a strategy for each unit, lower to steps, put the steps into
 * levels, give every buffer its place. A pure function of graph, target and options, so that the same source gives the
 * same bits.
 */

import { atOnce, type Steps } from "../base/steps.js";
import { constantOp, type Entry } from "../graph/graph.js";
import type { Strategy } from "../kernels/contract/strategy.js";
import { WINOGRAD_STRATEGIES } from "../kernels/index.js";
import type { Target } from "../target/target.js";
import { checkTypes } from "./check-types.js";
import { Choice } from "./choose.js";
import { inLevels, planMain, plannedDrafts, StepAssembly, scratchUse } from "./draft.js";
import type { Section } from "./emission.js";
import { fuse, type Unit } from "./fuse.js";
import { assignInPlace, placeLeaves, placeOutputs } from "./leaves.js";
import { type Live, liveNodes } from "./live.js";
import { UnitLowering } from "./lower.js";
import { registeredStrategies } from "./own-strategies.js";
import { Places } from "./places.js";
import type { Constant, Program } from "./program.js";
import type { Draft } from "./step-draft.js";
import { ValueBuffers } from "./value-buffers.js";

export interface CompileOptions {
  readonly target: Target;
  readonly maxBatch: number;
  /** Winograd's convolutions among the strategies: on unless switched off. */
  readonly winograd?: boolean | undefined;
  /** Strategies to choose from; all of them unless a test wants one. */
  readonly strategies?: readonly Strategy[];
  /**
   * Ops that are computed by their reference, be there a kernel or not: by name, or all. Slow; to find out which kernel
   * is at fault.
   */
  readonly byReference?: readonly string[] | "all" | undefined;
  /**
   * The bytes that scratch may take: where the plan is larger, steps come one by one, and values are computed again in
   * the backward pass. Where that is not enough, the plan is the least that was found.
   */
  readonly scratchLimit?: number | undefined;
  /** False: what depends only on states is made in every run, in scratch, and not kept between runs. */
  readonly prepares?: boolean | undefined;
  /**
   * For a program that runs beside one that changes the states: what it prepares is made again then anyway, so it takes
   * no memory of its own.
   */
  readonly preparesInScratch?: boolean | undefined;
}

/** A program, and the stages that it went through. */
export interface Compilation {
  readonly live: Live;
  /** In the order in which they are lowered; `strategy` computes the root of those that have one. */
  readonly units: readonly { readonly unit: Unit; readonly strategy: Strategy | undefined }[];
  /** What else could have computed a unit's root. */
  readonly choice: Choice;
  /** In the order in which they were lowered, before any is moved. */
  readonly drafts: Readonly<Record<Section, readonly Draft[]>>;
  readonly program: Program;
}

export function compileEntry(entry: Entry, options: CompileOptions): Program {
  return atOnce(compileSteps(entry, options));
}

/** The same in steps, each of a few milliseconds at most: a unit lowered, a part of the plan. */
export function* compileSteps(entry: Entry, options: CompileOptions): Steps<Program> {
  return (yield* compilationSteps(entry, options)).program;
}

/** The same with the stages beside the program. */
export function* compilationSteps(entry: Entry, options: CompileOptions): Steps<Compilation> {
  const { target, maxBatch } = options;
  const live = liveOf(entry, options);
  checkTypes(entry, live);
  const places = new Places(maxBatch);
  const values = new ValueBuffers(target, places, live);
  const { inputs, states, constants } = placeLeaves(entry, values);
  yield;

  const choice = new Choice({
    strategies: strategiesOf(options),
    byReference: options.byReference ?? [],
    target,
    maxBatch,
  });
  const fused = yield* fuse(live, choice);
  const { outputs, copies } = placeOutputs(entry, values);
  const late = assignInPlace(entry, fused, values);

  const lowering = new UnitLowering(entry, values, maxBatch);
  for (const node of live.nodes) if ((node.op as unknown) === constantOp) lowering.constant(node);
  yield;
  const units = fused.map((unit) => ({ unit, strategy: "work" in unit ? choice.of(unit.work.root) : undefined }));
  for (const { unit, strategy } of units) {
    lowering.unit(unit, strategy);
    yield;
  }
  lowering.copies(copies, late);

  const { drafts } = lowering.sink;
  const prepare = inLevels(drafts.prepare);
  yield;
  const limits = { target, maxBatch, limit: options.scratchLimit ?? Number.POSITIVE_INFINITY };
  const plan = planMain([...drafts.first, ...drafts.main], places, limits);
  places.homeScratch(plan.offsets, plan.bytes);
  yield;

  const { preparesInScratch = false } = options;
  if (preparesInScratch) places.movePreparedToScratch(tableBytes(constants));
  const assembly = new StepAssembly(places);
  const preparing = assembly.stepsOf(prepare);
  const steps = assembly.stepsOf(plannedDrafts(plan));
  const program: Program = {
    name: entry.name,
    target,
    maxBatch,
    kernels: assembly.kernels,
    prepare: preparing,
    ...(preparesInScratch ? { preparesInScratch } : {}),
    steps,
    constants,
    inputs,
    outputs,
    states,
    writes: entry.assigns.map((a) => a.state.attributes.name),
    bytes: { ...places.sizes },
    scratch: scratchUse(plan, new Set(lowering.packed.values()), places),
  };
  return { live, units, choice, drafts, program };
}

function liveOf(entry: Entry, { prepares = true }: CompileOptions): Live {
  const live = liveNodes(entry);
  return prepares ? live : { ...live, isStatic: () => false };
}

function strategiesOf({ strategies = registeredStrategies(), winograd = true }: CompileOptions): readonly Strategy[] {
  return winograd ? strategies : strategies.filter((s) => !WINOGRAD_STRATEGIES.includes(s));
}

/** Tables lie first among what is prepared: they are written once, and stay. */
function tableBytes(constants: readonly Constant[]): number {
  return constants.reduce((end, { place }) => Math.max(end, place.offset + place.bytes), 0);
}
