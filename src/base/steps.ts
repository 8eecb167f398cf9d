/**
 * Computations that may be interrupted: a generator that yields, with nothing, wherever others could have a turn. They
 * are driven to their end at once, or in turns of the event loop (host/event-loop.ts); what they compute is the same.
 */
export type Steps<T> = Generator<void, T, void>;

export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
