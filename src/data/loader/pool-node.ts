/**
 * The caller's side of a loader: worker threads that read and decode pictures into shared memory; the calling thread,
 * where threads are refused. Chunks are dealt in the order of asking. Idle workers do not keep the process alive; when
 * one dies, all that was asked is rejected.
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { BackendError, OptionError } from "../../base/errors.js";
import { type Note, noteOnce } from "../../base/notes.js";
import { reasonOf } from "../../base/reason.js";
import { startWorkers } from "../../host/start-workers.js";
import { type NewThread, startThread } from "../../host/threads-node.js";
import type { WorkerHandle } from "../../host/worker-handle.js";
import { LoaderCrew } from "./crew-node.js";
import type { Chunk, Outcome, Recipe } from "./messages.js";
import type { LoaderAnswer, LoaderMessage } from "./worker-node.js";

/**
 * A worker has the next chunk at hand when it ends one, and something to do while a picture is decoded on another
 * thread.
 */
const CHUNKS_AHEAD = 2;

const newThread: NewThread = (options) => new Worker(new URL("./worker-node.js", import.meta.url), options);

interface Pending {
  readonly chunk: Chunk;
  readonly resolve: (outcomes: readonly Outcome[]) => void;
  readonly reject: (error: unknown) => void;
}

interface Hand {
  post(message: LoaderMessage): void;
  /** Whether it keeps the process alive. */
  hold(alive: boolean): void;
  /** Resolves when it writes nothing any more. */
  retire(): Promise<unknown>;
  readonly running: Map<number, Pending>;
}

export function checkWorkers(workers: number | undefined): number {
  if (workers === undefined) return Math.min(16, availableParallelism());
  if (Number.isInteger(workers) && workers >= 0 && workers <= 256) return workers;
  throw new OptionError(`workers is ${workers}, expected a whole number from 0 to 256`);
}

export class LoaderPool {
  readonly workers: number;
  readonly #recipes = new Map<number, { readonly what: Recipe; readonly buffers: Map<SharedArrayBuffer, number> }>();
  readonly #waiting: Pending[] = [];
  #hands: readonly Hand[] = [];
  readonly #note: Note;
  /** Threads that are being started. */
  #starting: Promise<readonly Hand[]> | undefined;
  #failure: BackendError | undefined;
  #next = 0;

  /**
   * @param workers with 0, everything is done on the calling thread, which for a few pictures is sooner.
   * @param note is told where threads are refused.
   */
  constructor(workers?: number, note: Note = noteOnce) {
    this.workers = checkWorkers(workers);
    this.#note = note;
  }

  /** Chunks that keep the workers busy. */
  get lanes(): number {
    return this.workers === 0 ? CHUNKS_AHEAD : CHUNKS_AHEAD * this.workers;
  }

  learn(what: Recipe): number {
    const recipe = this.#next++;
    this.#recipes.set(recipe, { what, buffers: new Map() });
    for (const hand of this.#hands) hand.post({ kind: "learn", recipe, what });
    return recipe;
  }

  /** The number of a recipe's memory, which the workers keep until the recipe is forgotten. */
  share(recipe: number, memory: SharedArrayBuffer): number {
    const { buffers } = this.#recipes.get(recipe)!;
    const known = buffers.get(memory);
    if (known !== undefined) return known;
    const buffer = this.#next++;
    buffers.set(memory, buffer);
    for (const hand of this.#hands) hand.post({ kind: "share", recipe, buffer, memory });
    return buffer;
  }

  forget(recipe: number): void {
    this.#recipes.delete(recipe);
    for (const hand of this.#hands) hand.post({ kind: "forget", recipe });
  }

  /** What became of each picture, in the chunk's order. */
  run(chunk: Chunk): Promise<readonly Outcome[]> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ chunk, resolve, reject });
      if (this.#hands.length > 0) this.#deal();
      else if (this.#starting === undefined) this.#start();
    });
  }

  /** Ends the workers; resolves when nothing is written any more. They start again when they are needed. */
  async close(): Promise<void> {
    await this.#end(new BackendError("the loader was closed"));
  }

  #start(): void {
    if (this.workers === 0) {
      this.#employ([this.#here()]);
      return;
    }
    const starting = this.#threads();
    this.#starting = starting;
    // Where it is another by then, the pool was closed meanwhile.
    const isWanted = () => this.#starting === starting;
    void starting.then(
      (hands) => (isWanted() ? this.#employ(hands) : undefined),
      (error) => (isWanted() ? this.#end(error) : undefined),
    );
  }

  #employ(hands: readonly Hand[]): void {
    this.#starting = undefined;
    try {
      for (const [recipe, { what, buffers }] of this.#recipes) {
        for (const hand of hands) {
          hand.post({ kind: "learn", recipe, what });
          for (const [memory, buffer] of buffers) hand.post({ kind: "share", recipe, buffer, memory });
        }
      }
    } catch (cause) {
      void this.#end(new BackendError(`a loader cannot begin: ${textOf(cause)}`, { cause }));
      return;
    }
    this.#hands = hands;
    this.#deal();
  }

  /** The calling thread, where none can be had. */
  async #threads(): Promise<readonly Hand[]> {
    try {
      const workers = await startWorkers(this.workers, (n) => startThread(newThread, `fovea loader ${n}`));
      return workers.map((worker, n) => this.#thread(worker, n));
    } catch (cause) {
      const why = reasonOf(cause);
      await this.#note(`fovea: worker threads are refused (${why}); pictures are decoded on the calling thread`);
      return [this.#here()];
    }
  }

  #thread(worker: WorkerHandle, n: number): Hand {
    const hand: Hand = {
      running: new Map(),
      post: (message) => worker.post(message),
      hold: (alive) => worker.hold(alive),
      retire: () => worker.retire(),
    };
    worker.onMessage((message) => {
      const answer = message as LoaderAnswer;
      if ("outcomes" in answer) this.#hear(hand, answer.id, (pending) => pending.resolve(answer.outcomes));
      else this.#hear(hand, answer.id, (pending) => pending.reject(new BackendError(answer.lacks)));
    });
    worker.onFailure((cause) => {
      if (!this.#hands.includes(hand)) return;
      const which = `worker ${n + 1} of ${this.workers} of the loader died`;
      this.#failure = new BackendError(`${which}: ${textOf(cause)}`, { cause });
      void this.#end(this.#failure);
    });
    worker.hold(false);
    return hand;
  }

  #here(): Hand {
    const crew = new LoaderCrew();
    const underWay = new Set<Promise<unknown>>();
    const hand: Hand = {
      running: new Map(),
      hold: () => {},
      retire: () => Promise.all(underWay).then(() => crew.close()),
      post: (message) => {
        if (message.kind === "learn") crew.learn(message.recipe, message.what);
        else if (message.kind === "share") crew.share(message.recipe, message.buffer, message.memory);
        else if (message.kind === "forget") crew.forget(message.recipe);
        else {
          const { id, chunk } = message;
          const work = crew.run(chunk).then(
            (outcomes) => this.#hear(hand, id, (pending) => pending.resolve(outcomes)),
            (error) => this.#hear(hand, id, (pending) => pending.reject(error)),
          );
          underWay.add(work);
          void work.then(() => underWay.delete(work));
        }
      },
    };
    return hand;
  }

  #deal(): void {
    while (this.#waiting.length > 0) {
      const hand = this.#hands.reduce((a, b) => (b.running.size < a.running.size ? b : a));
      if (hand.running.size >= CHUNKS_AHEAD) return;
      const pending = this.#waiting.shift()!;
      const id = this.#next++;
      if (hand.running.size === 0) hand.hold(true);
      hand.running.set(id, pending);
      hand.post({ kind: "run", id, chunk: pending.chunk });
    }
  }

  #hear(hand: Hand, id: number, settle: (pending: Pending) => void): void {
    const pending = hand.running.get(id);
    if (pending === undefined) return;
    hand.running.delete(id);
    this.#deal();
    if (hand.running.size === 0) hand.hold(false);
    settle(pending);
  }

  async #end(why: Error): Promise<void> {
    const [hands, starting] = [this.#hands, this.#starting];
    let reason = why;
    this.#hands = [];
    this.#starting = undefined;
    const pending = [...hands.flatMap(({ running }) => [...running.values()]), ...this.#waiting.splice(0)];
    for (const { running } of hands) running.clear();
    // What was pending is rejected when nobody writes into its memory any more.
    const late = await starting?.catch((error: Error) => {
      reason = error;
      return [];
    });
    await Promise.allSettled([...hands, ...(late ?? [])].map((hand) => hand.retire()));
    for (const { reject } of pending) reject(reason);
  }
}

function textOf(cause: unknown): string {
  if (cause instanceof Error) return `${cause.name}: ${cause.message}`;
  return typeof cause === "string" ? cause : "for an unknown reason";
}
