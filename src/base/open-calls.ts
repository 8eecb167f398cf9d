/** Calls under way of what can be closed: closing lets them end, and refuses later ones. */
import { BackendError } from "./errors.js";

export class OpenCalls {
  readonly #what: string;
  readonly #underWay = new Set<Promise<unknown>>();
  #closed: Promise<void> | undefined;

  /** @param what is named in errors, such as "the classifier" */
  constructor(what: string) {
    this.#what = what;
  }

  /** Begins a call at once. @throws BackendError, as a rejection, where `close` was called before. */
  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) throw new BackendError(`${this.#what} was closed`);
    const answer = call();
    this.#underWay.add(answer);
    try {
      return await answer;
    } finally {
      this.#underWay.delete(answer);
    }
  }

  /** Waits for all calls, well or not, and then ends what they need; the same promise however often it is called. */
  close(end: () => Promise<void>): Promise<void> {
    this.#closed ??= Promise.allSettled(this.#underWay).then(end);
    return this.#closed;
  }
}
