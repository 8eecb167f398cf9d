/**
 * The machine's peak and the speed of its memory, timed as the steps of a profile are: by the same walker, in steps of
 * a fifth of a millisecond, which mostly run undisturbed even where others use the machine. The best of each step
 * counts.
 */
import type { MachineOptions } from "../../devices/machine-options.js";
import { multiplyAddProgram, readProgram } from "./machine.js";
import { openBackend, TimedProgram } from "./timed-program-node.js";

/** The measured limits of the machine. */
export interface MachineFigures {
  /** How the processor is used. */
  readonly backend: string;
  /** Threads that compute. */
  readonly threads: number;
  /** Billions of operations a second in multiply-adds, two each. */
  readonly gflops: number;
  /** Read from memory, far more of it than the caches hold. */
  readonly gigabytesPerSecond: number;
}

const STEP_MS = 0.2;
const PEAK_WALKS = 40;
/** What fits no cache, and the steps that read it. */
const MEMORY = 128 * 2 ** 20;
const PARTS = 32;
const MEMORY_WALKS = 5;

/** Measures what the machine can do: the limits of a roofline. */
export class MachineProbe {
  readonly #peak: TimedProgram;
  readonly #operations: number;
  readonly #memory: TimedProgram;
  readonly #of: { readonly backend: string; readonly threads: number };
  readonly #release: () => void;
  #peakMs = Number.POSITIVE_INFINITY;
  readonly #memoryMs = new Float64Array(PARTS).fill(Number.POSITIVE_INFINITY);

  private constructor(
    peak: TimedProgram,
    operations: number,
    memory: TimedProgram,
    of: { readonly backend: string; readonly threads: number },
    release: () => void,
  ) {
    this.#peak = peak;
    this.#operations = operations;
    this.#memory = memory;
    this.#of = of;
    this.#release = release;
  }

  /** Loads the kernels that measure. */
  static async create(options: Pick<MachineOptions, "backend" | "threads" | "note">): Promise<MachineProbe> {
    const { backend, threads } = await openBackend(options);
    const load = (program: Parameters<typeof TimedProgram.load>[1]) =>
      TimedProgram.load(backend, program, threads, () => undefined, options.note);
    // First how fast, then how many rounds take STEP_MS.
    const short = await load(multiplyAddProgram(backend.target, 1).program);
    const once = Math.min(...Array.from({ length: 5 }, () => short.walk("steps")[0]!));
    await short.close();
    const { program, operations } = multiplyAddProgram(backend.target, Math.max(1, Math.round(STEP_MS / once)));
    const peak = await load(program);
    const memory = await load(readProgram(backend.target, MEMORY, PARTS));
    memory.walk("prepare");
    const of = { backend: backend.name, threads: Math.min(peak.threads, memory.threads) };
    return new MachineProbe(peak, operations, memory, of, () => backend.release());
  }

  /**
   * Some hundredths of a second; the best so far, so that it may be asked before and after what is compared with it.
   */
  measure(): MachineFigures {
    for (let n = 0; n < PEAK_WALKS; n++) this.#peakMs = Math.min(this.#peakMs, this.#peak.walk("steps")[0]!);
    for (let n = 0; n < MEMORY_WALKS; n++)
      for (const [part, ms] of this.#memory.walk("steps").entries())
        this.#memoryMs[part] = Math.min(this.#memoryMs[part]!, ms);
    return {
      ...this.#of,
      gflops: this.#operations / this.#peakMs / 1e6,
      gigabytesPerSecond: MEMORY / this.#memoryMs.reduce((a, b) => a + b, 0) / 1e6,
    };
  }

  /** Frees its memory and ends its threads. */
  async close(): Promise<void> {
    await Promise.all([this.#peak.close(), this.#memory.close()]);
    this.#release();
  }
}
