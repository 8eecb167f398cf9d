/**
 * Compiles the programs of a session so that together they keep to what it may take. An evaluation beside a training
 * uses the memory of the step, its packed weights included, since the step makes them stale. A training step that does
 * not fit computes values again in its backward pass; an evaluation takes fewer pictures at once, and brings weights
 * into the order that kernels read anew in every batch instead of keeping them so. Neither changes a bit of what comes
 * out.
 */

import { MemoryError } from "../../../base/errors.js";
import { atOnce, type Steps } from "../../../base/steps.js";
import { type CompileOptions, compileSteps } from "../../../compiler/compile.js";
import { align } from "../../../compiler/memory.js";
import type { Program } from "../../../compiler/program.js";
import type { Value } from "../../../graph/graph.js";
import { type Entry, inputOp } from "../../../graph/graph.js";
import { bytesOfValue } from "../../../graph/shape.js";
import { inTurns } from "../../../host/event-loop.js";
import type { Target } from "../../../target/target.js";
import type { TrainingWish } from "../../device.js";
import { type MemoryUse, totalOf } from "../../memory-use.js";
import { QUEUE_LENGTH } from "../../queue.js";
import { gibibytes, megabytes, type Room } from "../memory/memory-check.js";
import { ownBytes, scratchBytes } from "../memory/resident.js";
import { preparedOnly } from "../memory/state-store.js";

/** What a plan is made for: a session, or what stands for one. */
export interface Host {
  readonly target: Target;
  readonly winograd: boolean;
  readonly room: Room;
}

/** Pictures computed at once in an evaluation, where there is memory. */
export const EVALUATION_BATCH = 256;
/** What an evaluation's two largest neighbouring values may take, unless training takes more anyway. */
const EVALUATION_BYTES = 2 ** 28;
/** What its pictures under way may take beside a training whose batch is not larger. */
const EVALUATION_PICTURES = 2 ** 25;
/** So many at once are fast enough wherever memory is short. */
const FEW = 8;

export interface TrainingPrograms {
  readonly step: Program;
  readonly apply: Program | undefined;
  readonly evaluation: Program;
}

/**
 * What these programs would take in a session of their own; `lent`: where their weights are lent to it, not written.
 */
export function plannedMemory(
  programs: readonly Program[],
  { room }: Host,
  slots = QUEUE_LENGTH,
  lent = false,
): MemoryUse {
  const { threads, pointerBytes, discards } = room;
  const isGivenBack = (name: string) =>
    lent &&
    discards &&
    givenBack.every((names, i) => names.has(name) || !programs[i]!.states.some((s) => s.name === name));
  const givenBack = programs.map(preparedOnly);
  const states = new Map(
    programs.flatMap(({ states }) =>
      states.map(({ name, place }) => [name, isGivenBack(name) ? 0 : align(place.bytes)] as const),
    ),
  );
  const own = programs.map((program) => ownBytes(program, slots, threads, pointerBytes));
  const sum = (part: keyof (typeof own)[number]) => own.reduce((total, bytes) => total + bytes[part], 0);
  return {
    store: [...states.values()].reduce((a, b) => a + b, 0),
    prepared: sum("prepared"),
    slots: sum("slots"),
    scratch: Math.max(64, ...programs.map((program) => scratchBytes(program, threads))),
    tables: sum("tables"),
    code: sum("code"),
  };
}

/** @throws MemoryError where the least that was found is more than the session may take. */
export const planTraining = (host: Host, wish: TrainingWish): TrainingPrograms => atOnce(trainingSteps(host, wish));

/** The same, with turns of the event loop in between. */
export const planTrainingInTurns = (host: Host, wish: TrainingWish): Promise<TrainingPrograms> =>
  inTurns(trainingSteps(host, wish));

function* trainingSteps(host: Host, wish: TrainingWish): Steps<TrainingPrograms> {
  const { maxBatch } = wish;
  const step = yield* compileFor(host, wish.step, maxBatch);
  const apply = wish.apply && (yield* compileFor(host, wish.apply, 1));
  const beside = Math.max(EVALUATION_BYTES, scratchBytes(step, host.room.threads));
  let batch = evaluationBatch(wish.evaluation, beside, maxBatch);
  let evaluation = yield* compileFor(host, wish.evaluation, batch, { preparesInScratch: true });
  while (batch > Math.max(FEW, maxBatch) && scratchBytes(evaluation, host.room.threads) > beside) {
    batch /= 2;
    evaluation = yield* compileFor(host, wish.evaluation, batch, { preparesInScratch: true });
  }
  const plain = { step, apply, evaluation };
  const { bytes: most } = host.room;
  if (totalOf(plannedMemory(programsOf(plain), host)) <= most) return plain;
  const evaluations: Program[] = [];
  for (const [few, options] of frugalEvaluations(batch, true)) {
    const evaluation = yield* compileFor(host, wish.evaluation, few, options);
    evaluations.push(evaluation);
    const planned = { ...plain, evaluation };
    if (totalOf(plannedMemory(programsOf(planned), host)) <= most) return planned;
  }
  let least: TrainingPrograms | undefined;
  for (const evaluation of evaluations.slice(-2)) {
    const planned = yield* within(host, wish, { ...plain, evaluation });
    const total = totalOf(plannedMemory(programsOf(planned), host));
    if (total <= most) return planned;
    if (least === undefined || total < totalOf(plannedMemory(programsOf(least), host))) least = planned;
  }
  throw tooMuch(host, plannedMemory(programsOf(least!), host), maxBatch);
}

/**
 * Compiles an evaluation or a prediction; with fewer pictures at once than `batch`, where that is not asked for, if it
 * does not fit.
 * @throws MemoryError where the least that was found is more than the session may take.
 */
export const planEvaluation = (...wish: EvaluationWish): Program => atOnce(evaluationSteps(...wish));

/** The same, with turns of the event loop in between. */
export const planEvaluationInTurns = (...wish: EvaluationWish): Promise<Program> => inTurns(evaluationSteps(...wish));

type EvaluationWish = [host: Host, entry: Entry, batch: number | undefined, slots?: number];

function* evaluationSteps(...[host, entry, asked, slots = QUEUE_LENGTH]: EvaluationWish): Steps<Program> {
  const batch = asked ?? evaluationBatch(entry, EVALUATION_BYTES);
  const fits = (program: Program) => totalOf(plannedMemory([program], host, slots)) <= host.room.bytes;
  const plain = yield* compileFor(host, entry, batch);
  if (fits(plain)) return plain;
  let least = plain;
  const frugal: readonly Frugal[] =
    asked === undefined ? frugalEvaluations(batch) : [[batch, { prepares: false, scratchLimit: 0 }]];
  for (const [few, options] of frugal) {
    const program = yield* compileFor(host, entry, few, options);
    if (fits(program)) return program;
    least = program;
  }
  throw tooMuch(host, plannedMemory([least], host, slots), least.maxBatch);
}

function compileFor(host: Host, entry: Entry, maxBatch: number, options: Frugality = {}): Steps<Program> {
  return compileSteps(entry, { target: host.target, winograd: host.winograd, maxBatch, ...options });
}

export function programsOf({ step, apply, evaluation }: TrainingPrograms): Program[] {
  return [step, ...(apply === undefined ? [] : [apply]), evaluation];
}

/**
 * A power of two of pictures whose largest neighbouring values take no more than `bytes`; beside a training in batches
 * of `training` not so many more that the pictures themselves take much.
 */
function evaluationBatch(entry: Entry, bytes: number, training?: number): number {
  let largest = 1;
  let pictures = 0;
  const size = (v: Value) => (v.batched ? bytesOfValue(v) : 0);
  const seen = new Set(Object.values(entry.outputs));
  for (const value of seen) {
    if ((value.op as unknown) === inputOp) pictures += QUEUE_LENGTH * size(value);
    for (const input of value.inputs) {
      largest = Math.max(largest, size(value) + size(input));
      seen.add(input);
    }
  }
  let batch = EVALUATION_BATCH;
  while (batch > 1 && batch * largest > bytes) batch /= 2;
  if (training !== undefined)
    while (batch > Math.max(1, training) && batch * pictures > EVALUATION_PICTURES) batch /= 2;
  return batch;
}

type Frugality = Pick<CompileOptions, "scratchLimit" | "prepares" | "preparesInScratch">;
type Frugal = readonly [batch: number, options: Frugality];

/** Ever smaller evaluations. */
function frugalEvaluations(batch: number, preparesInScratch = false): readonly Frugal[] {
  const few = Math.min(FEW, batch);
  return [
    [few, { preparesInScratch }],
    [few, { prepares: false, scratchLimit: 0 }],
    [1, { prepares: false, scratchLimit: 0 }],
  ];
}

/** The step with as much scratch as the others leave; tables grow with the steps, so that it may take a few turns. */
function* within(host: Host, wish: TrainingWish, others: TrainingPrograms): Steps<TrainingPrograms> {
  const { bytes: most, threads } = host.room;
  let planned = others;
  for (let turn = 0; turn < 3; turn++) {
    const { scratch, ...rest } = plannedMemory(programsOf(planned), host);
    const left = most - Object.values(rest).reduce((a, b) => a + b, 0);
    if (turn > 0 && scratch <= left) return planned;
    const scratchLimit = Math.max(0, left - threads * planned.step.bytes.workspace);
    planned = { ...others, step: yield* compileFor(host, wish.step, wish.maxBatch, { scratchLimit }) };
  }
  return planned;
}

function tooMuch({ room }: Host, memory: MemoryUse, batch: number): MemoryError {
  const total = totalOf(memory);
  const parts = Object.entries(memory)
    .filter(([, bytes]) => bytes > 0)
    .sort((a, b) => b[1] - a[1])
    .map(([part, bytes]) => `${part} ${gibibytes(bytes)}`);
  const cure = room.isOwnLimit
    ? `the least that would do is a memoryLimit of ${megabytes(total)}; or choose a smaller batch than ${batch}`
    : `choose a smaller batch than ${batch}`;
  return new MemoryError(
    `memory: at least ${gibibytes(total)} is needed at batch ${batch} (${parts.join(", ")}), whatever is computed twice to ` +
      `save memory, but ${room.who} ${gibibytes(room.bytes)}; ${cure}`,
  );
}
