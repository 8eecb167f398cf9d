/**
 * A training on the command line, of pictures, scenes or positions: what is shown of it, Ctrl-C, and the report behind
 * it.
 */
import { type RunOptions, type RunPlan, type RunResult, runTraining } from "../../run/run-node.js";
import type { EpochRecord, Progress } from "../../train/records.js";
import { EXIT } from "./errors.js";
import { invocation, type Output, quoted } from "./output.js";
import { showCount } from "./progress.js";
import { StopRequest } from "./stop.js";

export interface TrainingDisplay {
  progress(progress: Progress): void;
  epoch(record: EpochRecord): void;
  /** Whether the run is begun: then it can be stopped and gone on with. */
  readonly planned: boolean;
  plan(plan: RunPlan): void;
  /** Takes an unfinished bar away. */
  clear(): void;
  stopping(): void;
  /** `report` is the path of the page, if it could be written. */
  end(result: RunResult, report: string | undefined): void;
}

export interface ShownTraining {
  readonly options: RunOptions;
  readonly display: TrainingDisplay;
  /** Writes the report and gives its path; left out where none is wanted. */
  readonly report?: ((plan: RunPlan, result: RunResult) => Promise<string>) | undefined;
}

/** While a run is prepared: Ctrl-C ends the process, unless the preparation looks at `requested` itself. */
export interface Preparing {
  readonly requested: boolean;
  /** Aborted when it is requested. */
  readonly signal: AbortSignal;
  /** What the process ends with where it was requested. */
  readonly exitCode: number;
  looksItself: boolean;
}

/** Gives the exit code. */
export async function showTraining(
  output: Output,
  prepare: (preparing: Preparing) => Promise<ShownTraining>,
): Promise<number> {
  let display: TrainingDisplay | undefined;
  let plan: RunPlan | undefined;
  const preparing = {
    looksItself: false,
    get requested() {
      return stop.requested;
    },
    get signal() {
      return stop.abort;
    },
    get exitCode() {
      return stop.exitCode;
    },
  };
  const stop = new StopRequest(() => {
    if (display?.planned) display.stopping();
    else if (!preparing.looksItself) process.exit(stop.exitCode);
  });
  try {
    const { options, display: shown, report } = await prepare(preparing);
    display = shown;
    const result = await runTraining(options, {
      onPlan(running) {
        plan = running;
        shown.plan(running);
      },
      onProgress: (progress) => {
        if (!stop.requested) shown.progress(progress);
      },
      onEpoch: (record) => shown.epoch(record),
      signal: stop.abort,
    });
    shown.clear();
    const running = plan;
    shown.end(result, running && report ? await reported(() => report(running, result), output) : undefined);
    return result.completed ? EXIT.ok : stop.exitCode;
  } catch (error) {
    display?.clear();
    throw error;
  } finally {
    stop.release();
  }
}

/** A run whose report fails is a good run all the same. */
async function reported(write: () => Promise<string>, output: Output): Promise<string | undefined> {
  try {
    return await write();
  } catch (error) {
    const debug = process.env["FOVEA_DEBUG"] && error instanceof Error ? `\n${error.stack}` : "";
    const why = error instanceof Error ? error.message.split("\n")[0] : String(error);
    output.note(`fovea: the run is kept, but its report could not be written: ${why}${debug}`);
    return undefined;
  }
}

/** The line that goes on with a run; `command` is what the reader called, "train" or "go train". */
export const resumeLine = (command: string, path: string): string =>
  `${invocation()} ${command} --resume ${quoted(path)}`;

/** What is said of a run that was stopped on its way. */
export function sayStopped(
  output: Output,
  { step, folder }: RunResult,
  again: string,
  report: string | undefined,
): void {
  output.say(`Stopped after step ${showCount(step)}; the run is kept in ${folder.path}. Go on with:\n  ${again}`);
  if (report !== undefined) output.say(`The report until here: ${report}`);
}
