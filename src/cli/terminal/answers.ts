/**
 * What `fovea predict` writes: a line a picture on standard output, as text or as JSON; on standard error what is wrong
 * with a picture, and a bar where that meets neither.
 */
import { once } from "node:events";
import { jsonText, onOneLine, printable } from "../../base/text.js";
import { ranked } from "../../model/rank.js";
import { Progress, showCount } from "./progress.js";

export interface Answer {
  readonly picture: string;
  readonly probabilities: Float32Array;
}

export interface BrokenPicture {
  readonly picture: string;
  readonly error: string;
}

export interface AnswerOptions {
  /** Classes to tell. */
  readonly top: number;
  readonly json: boolean;
  /** Names by label. */
  readonly classes: readonly string[];
}

export class Answers {
  readonly #options: AnswerOptions;
  readonly #total: number;
  readonly #progress: Progress | undefined;
  #done = 0;
  #broken = 0;

  constructor(total: number, options: AnswerOptions) {
    this.#options = options;
    this.#total = total;
    // On a terminal the answers push the bar down; elsewhere they go past it.
    const stream = process.stdout.isTTY ? process.stdout : process.stderr;
    const shown = total > 1 && (!options.json || stream.isTTY);
    this.#progress = shown ? new Progress({ total, label: "predicting", unit: "pictures", stream }) : undefined;
  }

  /** Whether nobody reads standard output any more. */
  get unread(): boolean {
    return process.stdout.destroyed;
  }

  get brokenCount(): number {
    return this.#broken;
  }

  /** Writes the answers of a batch, in its order, and waits until the reader has room for more. */
  async give(batch: readonly (Answer | BrokenPicture)[]): Promise<void> {
    let room = true;
    let lines: string[] = [];
    const flush = () => {
      if (lines.length > 0) room = this.#write(lines.join("\n"));
      lines = [];
    };
    for (const answer of batch) {
      if (!("error" in answer)) lines.push(this.#line(answer));
      else {
        if (this.#options.json) lines.push(jsonText(answer));
        flush();
        this.broken(answer.error);
      }
    }
    flush();
    this.#done += batch.length;
    this.#progress?.update(this.#done);
    if (!room && !this.unread) await once(process.stdout, "drain").catch(() => {});
  }

  /** Says what is wrong with a picture or a folder. */
  broken(message: string): void {
    this.#broken++;
    this.complain(`fovea: ${message}; skipped`);
  }

  complain(line: string): void {
    const { stdout, stderr } = process;
    if (this.#progress !== undefined && (!stdout.isTTY || stderr.isTTY)) this.#progress.log(line);
    else stderr.write(`${printable(line)}\n`);
  }

  end(): void {
    this.stop();
    if (this.#broken > 0)
      process.stderr.write(
        `fovea: ${showCount(this.#broken)} of ${showCount(this.#total)} pictures could not be read; they are named above\n`,
      );
  }

  stop(): void {
    this.#progress?.stop();
  }

  /** False where the reader is behind. */
  #write(text: string): boolean {
    if (process.stdout.isTTY && this.#progress !== undefined) {
      this.#progress.log(text);
      return true;
    }
    return process.stdout.write(`${text}\n`);
  }

  #line({ picture, probabilities }: Answer): string {
    const { top, json, classes } = this.#options;
    const best = ranked(probabilities).slice(0, top);
    const likeliest = best.map((label) => ({
      label,
      class: classes[label] ?? String(label),
      // As many digits as the number has.
      probability: Number(probabilities[label]!.toPrecision(7)),
    }));
    if (json) return jsonText({ picture, ...likeliest[0], likeliest });
    const said = likeliest.map(({ class: name, probability }) => `${name} (${(100 * probability).toFixed(1)}%)`);
    return onOneLine(`${picture}: ${said.join(", ")}`);
  }
}
