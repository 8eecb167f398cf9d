/** What is asked of a worker thread, in Node or in a page. */
export interface WorkerHandle {
  post(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
  /** The worker threw, could not start, or ended unasked. */
  onFailure(listener: (cause: unknown) => void): void;
  /** Whether the worker keeps the process alive. */
  hold(alive: boolean): void;
  /** Ends it when it has done what it has at hand; resolves when it does nothing any more. */
  retire(): Promise<void>;
  /** At once, whatever it does; resolves when the thread runs no more. */
  terminate(): Promise<void>;
}
