/**
 * Where a job runs. To wake a worker and to resolve a promise takes so long that programs of a small planned cost run
 * on the caller's thread where nothing is queued before them, and that it shares those that take little more.
 */
import type { ThreadCosts } from "../../target/costs.js";

/**
 * - `caller`: at once, on the caller's thread.
 * - `shared`: at once, by the team with the caller in the place of its first worker.
 * - `team`: by the team alone, behind what is queued.
 * - `parts`: by the team, but for the steps of ops without kernels, which the caller does between its parts.
 * - `slices`: on the caller's thread, which goes to the event loop every 10 ms.
 */
export type Where = "caller" | "shared" | "team" | "parts" | "slices";

export interface JobFacts {
  /** Planned nanoseconds on one core. */
  readonly cost: number;
  /** Whether it writes states, as a training step does. */
  readonly writes: boolean;
  /** Whether the program can be called on the caller's thread; where no team has started every program can. */
  readonly isBound: boolean;
  /** Whether it has steps that only the caller's thread can do: those of ops without kernels. */
  readonly hasCallerSteps: boolean;
}

export interface TeamFacts {
  readonly threads: number;
  /** Before, nothing is loaded that is worth it. */
  readonly isStarted: boolean;
  /** Jobs that it has not done yet. */
  readonly pending: number;
}

export interface MachineFacts {
  /** How many threads run at once. */
  readonly parallelism: number;
  /** Whether the caller's thread may wait for others: those of pages may not. */
  readonly mayWait: boolean;
  /**
   * Whether kernels take as long as planned. The interpreter takes a thousand times as long, so it never keeps the
   * caller's thread.
   */
  readonly keepsTime: boolean;
  /** Of the target. */
  readonly costs: ThreadCosts;
}

export function chooseWhere(job: JobFacts, team: TeamFacts | undefined, machine: MachineFacts): Where {
  const { costs } = machine;
  const mayKeepCaller = machine.keepsTime && job.isBound;
  if (team?.isStarted !== true) return mayKeepCaller && job.cost < costs.onCaller ? "caller" : "slices";
  const byTeam = job.hasCallerSteps ? "parts" : "team";
  if (!mayKeepCaller || team.pending > 0) return byTeam;
  if (job.cost < costs.onCaller) return "caller";
  if (job.hasCallerSteps) return byTeam;
  return job.cost < costs.shared && canShare(job, team, machine) ? "shared" : "team";
}

/**
 * One thread has nobody to share with. A training, whose steps are queued, could fill the next batch meanwhile; but
 * where each core has its worker, this thread would take one from the team for it, and again whenever it is told that a
 * step is done.
 */
function canShare(job: JobFacts, team: TeamFacts, machine: MachineFacts): boolean {
  if (team.threads < 2 || !machine.mayWait) return false;
  return !job.writes || team.threads >= machine.parallelism;
}
