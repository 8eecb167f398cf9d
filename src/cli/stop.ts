/**
 * Ctrl-C and its like ask a run to stop after the step under way. A second one, by someone who does not want to wait, ends
 * the process at once.
 */
import { EXIT } from "./errors.js";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** A terminal and a starting script may both deliver the same key press. */
const sameKeyPressMs = 1000;

export class StopRequest {
  #requestedAt: number | undefined;
  readonly #asked: () => void;
  readonly #listener = () => this.#signalled();

  /** Calls `asked` once, when the first signal comes. */
  constructor(asked: () => void) {
    this.#asked = asked;
    for (const signal of SIGNALS) process.on(signal, this.#listener);
  }

  get requested(): boolean {
    return this.#requestedAt !== undefined;
  }

  release(): void {
    for (const signal of SIGNALS) process.off(signal, this.#listener);
  }

  #signalled(): void {
    const now = performance.now();
    if (this.#requestedAt === undefined) {
      this.#requestedAt = now;
      this.#asked();
    } else if (now - this.#requestedAt > sameKeyPressMs) {
      process.exit(EXIT.interrupted);
    }
  }
}
