/**
 * What is shown of every training, whatever it learns from: a head, a bar, and what to do next; or the same as JSON
 * lines. Those of pictures and of positions say what stands in it.
 */
import type { RunPlan, RunResult } from "../../run/run-node.js";
import type { EpochRecord, Progress as TrainingProgress } from "../../train/records.js";
import { type Output, quoted, twoColumns } from "./output.js";
import type { Progress } from "./progress.js";
import { resumeLine, sayStopped, type TrainingDisplay } from "./show-training.js";

export type Row = readonly [name: string, text: string];

export abstract class RunDisplay implements TrainingDisplay {
  protected readonly output: Output;
  /** What the reader called, "train" or "go train", for lines to copy. */
  protected readonly command: string;
  /** What such lines say besides. */
  protected readonly flags: string;
  /** The bar that stands, if one does. */
  protected bar: Progress | undefined;
  #isPlanned = false;

  /** @param module the file of one's own network, which lines to copy name again */
  constructor(output: Output, command: string, module?: string) {
    this.output = output;
    this.command = command;
    this.flags = module === undefined ? "" : ` --module ${quoted(module)}`;
  }

  /** The rows of the head, above the folder. */
  protected abstract head(plan: RunPlan): readonly Row[];
  protected abstract startEvent(plan: RunPlan): object;
  /** Where a run goes on that is resumed. */
  protected abstract goesOn(plan: RunPlan, from: NonNullable<RunPlan["resumedAt"]>): string;
  abstract progress(progress: TrainingProgress): void;
  abstract epoch(record: EpochRecord): void;
  /** What is known at the end, but for the report and how to go on. */
  protected abstract endEvent(result: RunResult): object;
  /** What came of a run that is done. */
  protected abstract summary(result: RunResult): readonly string[];
  /** Commands to try then, with what they are for. */
  protected abstract next(result: RunResult): readonly Row[];

  get planned(): boolean {
    return this.#isPlanned;
  }

  plan(plan: RunPlan): void {
    this.#isPlanned = true;
    const { folder, resumedAt, notes } = plan;
    this.output.say(twoColumns([...this.head(plan), ["folder", folder.path]]));
    this.output.say();
    this.output.event({ event: "start", folder: folder.path, ...this.startEvent(plan) });
    for (const note of notes) this.output.note(`fovea: ${note}`);
    if (resumedAt !== undefined) this.output.say(this.goesOn(plan, resumedAt));
  }

  /** Takes an unfinished bar away. */
  clear(): void {
    this.bar?.stop();
    this.bar = undefined;
  }

  stopping(): void {
    this.clear();
    this.output.note("Stopping after this step; once more ends at once.");
  }

  end(result: RunResult, report: string | undefined): void {
    const { folder, completed } = result;
    const again = `${resumeLine(this.command, folder.path)}${this.flags}`;
    this.output.event({
      event: completed ? "end" : "stopped",
      folder: folder.path,
      ...this.endEvent(result),
      report: report ?? null,
      ...(completed ? {} : { resume: again }),
    });
    if (!completed) {
      sayStopped(this.output, result, again, report);
      return;
    }
    this.output.say();
    for (const line of this.summary(result)) this.output.say(line);
    this.output.say(`Wrote ${folder.model} (also best.safetensors, checkpoint.safetensors and log.jsonl).`);
    this.output.say();
    if (report !== undefined) this.output.say(`Report: ${report} (open it in a browser)`);
    this.output.say(`What to try next:\n${twoColumns(this.next(result))}`);
  }
}

/** The row of the head that both have. */
export const machineRow = ({ backend, threads }: RunPlan): Row => [
  "machine",
  `${backend}, ${threads} ${threads === 1 ? "thread" : "threads"}`,
];
