/**
 * The processor as a device: a session that also compiles, for its own machine and within the memory that it may take.
 */
import { compileSteps } from "../../compiler/compile.js";
import type { Program } from "../../compiler/program.js";
import type { Entry } from "../../graph/graph.js";
import { inTurns } from "../../host/event-loop.js";
import { checkEntry, checkTraining, checkWish } from "../check-entry.js";
import type { CompileWish, Device, PlanWish, TrainingExecutables, TrainingWish } from "../device.js";
import { type PlannedMemory, totalOf } from "../memory-use.js";
import { QUEUE_LENGTH } from "../queue.js";
import type { TrainingMemory } from "../training-memory.js";
import type { LoadedProgram } from "./loaded-program.js";
import { engineBytes } from "./memory/memory-check.js";
import { planEvaluationInTurns, plannedMemory, planTrainingInTurns } from "./planning/plan.js";
import { trainingMemory } from "./planning/training-memory.js";
import { openEngine, Session, type SessionOptions } from "./session.js";

export class CpuDevice extends Session implements Device {
  readonly name = "cpu";

  static override async create(options: SessionOptions = {}): Promise<CpuDevice> {
    return new CpuDevice(await openEngine(options));
  }

  get arithmetic(): string {
    return `${this.target.name}, ${this.target.fma} multiply-add`;
  }

  async compile(entry: Entry, wish: CompileWish = {}): Promise<LoadedProgram> {
    checkEntry(entry);
    checkWish(wish);
    const { maxBatch, slots = QUEUE_LENGTH } = wish;
    return this.load(await planEvaluationInTurns(this, entry, maxBatch, slots), { slots });
  }

  async plan(entry: Entry, { maxBatch, slots = QUEUE_LENGTH, lent = false }: PlanWish): Promise<PlannedMemory> {
    this.refuseClosed();
    checkEntry(entry);
    checkWish({ maxBatch, slots });
    const { target, winograd, room } = this;
    const program = await inTurns(compileSteps(entry, { target, winograd, maxBatch }));
    const memory = plannedMemory([program], this, slots, lent);
    return { ...memory, total: totalOf(memory), engine: engineBytes(memory.code, room) };
  }

  async planTraining(wish: TrainingWish): Promise<TrainingMemory> {
    this.refuseClosed();
    checkTraining(wish);
    return trainingMemory(await planTrainingInTurns(this, wish), this);
  }

  async compileTraining(wish: TrainingWish): Promise<TrainingExecutables> {
    checkTraining(wish);
    const programs = await planTrainingInTurns(this, wish);
    const load = (program: Program) => this.load(program, { slots: QUEUE_LENGTH });
    const step = await load(programs.step);
    const apply = programs.apply && (await load(programs.apply));
    const evaluation = await load(programs.evaluation);
    return { step, apply, evaluation, memory: trainingMemory(programs, this) };
  }
}
