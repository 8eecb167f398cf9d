/** The processor as a device: a session that also compiles, for its own machine and within the memory that it may take. */
import type { Program } from "../../compiler/program.js";
import type { Entry } from "../../graph/graph.js";
import { checkEntry, checkTraining, checkWish } from "../check-entry.js";
import type { CompileWish, Device, TrainingExecutables, TrainingWish } from "../device.js";
import { QUEUE_LENGTH } from "../queue.js";
import type { LoadedProgram } from "./loaded-program.js";
import { planEvaluationInTurns, planTrainingInTurns } from "./planning/plan.js";
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
