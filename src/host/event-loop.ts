/** The event loop's turns: what computes on its thread lets others have theirs. */
import type { Steps } from "../base/steps.js";

/** Resolves when messages have been heard and timers gone off. */
export function nextTurn(): Promise<void> {
  if (typeof setImmediate === "function") return new Promise((resolve) => setImmediate(resolve));
  if (typeof MessageChannel === "undefined") return new Promise((resolve) => setTimeout(resolve, 0)); // Cloudflare's Workers
  // Timers of pages are held back by milliseconds; messages are not.
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/** How long this thread computes before it goes to the event loop. */
export const TURN_MILLISECONDS = 10;

/** Drives a computation to its end, with turns of the event loop in between, so that servers and pages stay awake. */
export async function inTurns<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    const turn = COMPUTING.next();
    if (turn !== DONE) await turn;
  }
}

const DONE: Promise<void> = Promise.resolve();

/**
 * Who awaits a promise that is resolved already goes on within the same turn, so that a loop of calls that are done at
 * once would keep timers, signals and messages waiting until its end. To be asked for the promise that such a call
 * returns.
 */
export class Turn {
  /** When the first call of this turn was done. */
  #since: number | undefined;

  /** Resolved, or resolves in the next turn where this one has lasted long enough. */
  next(): Promise<void> {
    if (this.#since === undefined) {
      this.#since = performance.now();
      const forget = () => {
        this.#since = undefined;
      };
      if (typeof setImmediate === "function") setImmediate(forget);
      else setTimeout(forget, 0); // a little late does no harm, and costs no channel
      return DONE;
    }
    return performance.now() - this.#since < TURN_MILLISECONDS ? DONE : nextTurn();
  }
}

/** Of all that computes on this thread: two computations at once share its 10 ms. */
const COMPUTING = new Turn();
