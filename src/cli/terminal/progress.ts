/**
 * Shows how far a long piece of work has come: a bar that redraws itself on a terminal, and a plain line every few
 * seconds elsewhere (a file, a pipe, a continuous-integration log). It has no timer and hides no cursor, so that an end
 * by Ctrl-C leaves nothing to put right.
 */

import { onOneLine, printable } from "../../base/text.js";

export interface ProgressStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface ProgressOptions {
  /** The number of items of the whole. */
  readonly total: number;
  /** What stands before the bar: `epoch 2/5`. */
  readonly label: string;
  /** What is counted, in the plural: `images`. */
  readonly unit: string;
  /** Items done before, by the run that this one resumes: they do not count into the speed. */
  readonly done?: number;
  readonly stream?: ProgressStream;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

const redrawEveryMs = 100;
const plainEveryMs = 5000;
/** The speed shown is an average over time in which what lies this far back weighs 1/e. */
const memoryMs = 3000;
const widestBar = 30;

export class Progress {
  readonly #options: ProgressOptions;
  readonly #stream: ProgressStream;
  readonly #now: () => number;
  readonly #terminal: boolean;
  readonly #colour: boolean;
  readonly #startedAt: number;
  readonly #startedWith: number;
  #done: number;
  #figures: Readonly<Record<string, number | string>> = {};
  #shownAt: number;
  #measuredAt: number;
  #measuredDone: number;
  /** Items and milliseconds, the old ones weighing less: their ratio is the speed. */
  #recentItems = 0;
  #recentMs = 0;
  #drawn = false;
  #finished = false;

  constructor(options: ProgressOptions) {
    this.#options = { ...options, label: onOneLine(options.label) };
    this.#stream = options.stream ?? process.stderr;
    this.#now = options.now ?? (() => performance.now());
    const environment = options.environment ?? process.env;
    this.#terminal = this.#stream.isTTY === true && environment["TERM"] !== "dumb";
    this.#colour = this.#terminal && !environment["NO_COLOR"];
    this.#startedAt = this.#now();
    this.#startedWith = options.done ?? 0;
    this.#done = this.#startedWith;
    this.#measuredAt = this.#startedAt;
    this.#measuredDone = this.#done;
    // A bar shows at once; a plain line has to wait until there is something to tell.
    this.#shownAt = this.#terminal ? Number.NEGATIVE_INFINITY : this.#startedAt;
  }

  /** Tells that `done` items of the total are done, with figures to show beside: `{ loss: 0.123 }`. Cheap to call. */
  update(done: number, figures: Readonly<Record<string, number | string>> = {}): void {
    this.#done = done;
    this.#figures = figures;
    const now = this.#now();
    if (this.#finished || now - this.#shownAt < (this.#terminal ? redrawEveryMs : plainEveryMs)) return;
    this.#measure(now);
    this.#show(now);
  }

  /** Writes a line of its own above the bar. */
  log(line: string): void {
    this.#clear();
    this.#stream.write(`${printable(line)}\n`);
    if (this.#terminal && !this.#finished) this.#show(this.#now());
  }

  /** Takes the bar away and leaves one line: `line`, or what the bar said at the end. */
  finish(line?: string): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#clear();
    this.#stream.write(`${printable(line ?? this.#lastLine())}\n`);
  }

  /** Takes the bar away and leaves nothing, for an end by an error or by Ctrl-C. */
  stop(): void {
    this.#finished = true;
    this.#clear();
  }

  #measure(now: number): void {
    const elapsed = now - this.#measuredAt;
    if (elapsed <= 0) return;
    const decay = Math.exp(-elapsed / memoryMs);
    this.#recentItems = this.#recentItems * decay + this.#done - this.#measuredDone;
    this.#recentMs = this.#recentMs * decay + elapsed;
    this.#measuredAt = now;
    this.#measuredDone = this.#done;
  }

  #show(now: number): void {
    this.#shownAt = now;
    if (!this.#terminal) {
      this.#stream.write(`${[this.#options.label, this.#percent(), ...this.#tail()].join("  ")}\n`);
      return;
    }
    this.#stream.write(`\r\x1b[2K${this.#bar()}`);
    this.#drawn = true;
  }

  #clear(): void {
    if (this.#drawn) this.#stream.write("\r\x1b[2K");
    this.#drawn = false;
  }

  /** One line that never reaches the last column, where terminals wrap: what does not fit is left out, from the end. */
  #bar(): string {
    const room = (this.#stream.columns || 80) - 1;
    const { label } = this.#options;
    const tail = this.#tail();
    const text = () => [label, this.#percent(), ...tail].join("  ");
    while (tail.length > 0 && text().length > room) tail.pop();
    const width = Math.min(widestBar, room - text().length - 2);
    if (width < 4) return text().slice(0, room);
    const filled = Math.round(width * this.#fraction());
    const [bright, dim, reset] = this.#colour ? ["\x1b[36m", "\x1b[2m", "\x1b[0m"] : ["", "", ""];
    const bar = `${bright}${"━".repeat(filled)}${reset}${dim}${"─".repeat(width - filled)}${reset}`;
    return [label, bar, this.#percent(), ...tail].join("  ");
  }

  /** The speed, the figures and the time left, the most wanted first. */
  #tail(): string[] {
    const { unit, total } = this.#options;
    const speed = this.#recentMs > 0 ? this.#recentItems / this.#recentMs : 0;
    if (speed <= 0) return this.#shownFigures();
    const left = `${showTime((total - this.#done) / speed)} left`;
    return [showSpeed(speed * 1000, unit), ...this.#shownFigures(), left];
  }

  #shownFigures(): string[] {
    return Object.entries(this.#figures).map(([name, value]) => onOneLine(`${name} ${showFigure(value)}`));
  }

  #lastLine(): string {
    const { label, unit } = this.#options;
    const elapsed = this.#now() - this.#startedAt;
    const done = this.#done - this.#startedWith;
    const speed = elapsed > 0 && done > 0 ? [showSpeed((done / elapsed) * 1000, unit)] : [];
    return [label, this.#percent(), ...speed, ...this.#shownFigures(), `in ${showTime(elapsed)}`].join("  ");
  }

  #fraction(): number {
    const { total } = this.#options;
    return total > 0 ? Math.min(1, Math.max(0, this.#done / total)) : 1;
  }

  #percent(): string {
    return `${String(Math.floor(this.#fraction() * 100)).padStart(3)}%`;
  }
}

/** 4 significant digits, so that a loss stays readable from 10 down to 0.00001. */
function showFigure(value: number | string): string {
  if (typeof value === "string" || !Number.isFinite(value)) return String(value);
  return Math.abs(value) >= 1000 || value === 0 ? value.toFixed(0) : value.toPrecision(4);
}

/** `1,200 images/s`, `1.2 images/s`, or of slower ones `12 images/min`. */
function showSpeed(perSecond: number, unit: string): string {
  if (perSecond < 1) return `${Number((60 * perSecond).toPrecision(2))} ${unit}/min`;
  return `${perSecond < 9.95 ? perSecond.toFixed(1) : showCount(perSecond)} ${unit}/s`;
}

/** A whole number with commas between thousands. */
export function showCount(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** `0:07`, `12:05` or `1:02:03`. */
export function showTime(milliseconds: number): string {
  const whole = Math.max(0, Math.round(milliseconds / 1000));
  const [hours, minutes, seconds] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}
