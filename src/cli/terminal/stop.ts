/**
 * Ctrl-C and its like ask a run to stop after the step under way. A second one, by someone who does not want to wait,
 * ends the process at once.
 */
import { constants } from "node:os";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** A terminal and a starting script may both deliver the same key press. */
const sameKeyPressMs = 1000;

export class StopRequest {
  readonly #controller = new AbortController();
  #requestedAt: number | undefined;
  #signal: (typeof SIGNALS)[number] = "SIGINT";
  readonly #asked: () => void;
  readonly #listener = (signal: NodeJS.Signals) => this.#signalled(signal as (typeof SIGNALS)[number]);

  /** Calls `asked` once, when the first signal comes. */
  constructor(asked: () => void) {
    this.#asked = asked;
    for (const signal of SIGNALS) process.on(signal, this.#listener);
  }

  /** Aborted when it is requested. */
  get abort(): AbortSignal {
    return this.#controller.signal;
  }

  get requested(): boolean {
    return this.#requestedAt !== undefined;
  }

  /** What a process ends with that the signal stopped: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP. */
  get exitCode(): number {
    return 128 + constants.signals[this.#signal];
  }

  release(): void {
    for (const signal of SIGNALS) process.off(signal, this.#listener);
  }

  #signalled(signal: (typeof SIGNALS)[number]): void {
    const now = performance.now();
    if (this.#requestedAt === undefined) {
      this.#requestedAt = now;
      this.#signal = signal;
      this.#controller.abort();
      this.#asked();
    } else if (now - this.#requestedAt > sameKeyPressMs) {
      process.exit(this.exitCode);
    }
  }
}
