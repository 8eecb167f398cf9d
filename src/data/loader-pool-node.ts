/**
 * The caller's side of a loader: worker threads that read and decode pictures into shared memory. Chunks are dealt in the order of
 * asking. Idle workers do not keep the process alive; when one dies, all that was asked is rejected.
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { BackendError, OptionError } from "../errors.js";
import { retire } from "../runtime/retire-node.js";
import { type Chunk, LoaderCrew, type Outcome, type Recipe } from "./loader-crew-node.js";
import type { LoaderAnswer, LoaderMessage } from "./loader-worker-node.js";

/** A worker has the next chunk at hand when it ends one, and something to do while a picture is decoded on another thread. */
const CHUNKS_AHEAD = 2;

interface Pending {
  readonly chunk: Chunk;
  readonly resolve: (outcomes: readonly Outcome[]) => void;
  readonly reject: (error: unknown) => void;
}

interface Hand {
  readonly post: (message: LoaderMessage) => void;
  readonly worker: Worker | undefined;
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
  #hands: Hand[] = [];
  #failure: BackendError | undefined;
  #next = 0;

  /** 0 workers: everything is done on the calling thread, which for a few pictures is sooner. */
  constructor(workers?: number) {
    this.workers = checkWorkers(workers);
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
    try {
      this.#start();
    } catch (cause) {
      return Promise.reject(new BackendError(`a loader's workers cannot be started: ${textOf(cause)}`, { cause }));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ chunk, resolve, reject });
      this.#deal();
    });
  }

  /** Ends the workers; resolves when nothing is written any more. They start again when they are needed. */
  async close(): Promise<void> {
    await this.#end(new BackendError("the loader was closed"));
  }

  #start(): void {
    if (this.#hands.length > 0) return;
    this.#hands = this.workers === 0 ? [this.#here()] : Array.from({ length: this.workers }, (_, n) => this.#thread(n));
    for (const [recipe, { what, buffers }] of this.#recipes) {
      for (const hand of this.#hands) {
        hand.post({ kind: "learn", recipe, what });
        for (const [memory, buffer] of buffers) hand.post({ kind: "share", recipe, buffer, memory });
      }
    }
  }

  #thread(n: number): Hand {
    // The process's own flags are none of theirs: --input-type, say, stops a worker that is a file.
    const options = { name: `fovea loader ${n}`, execArgv: [] };
    const worker = new Worker(new URL("./loader-worker-node.js", import.meta.url), options);
    const hand: Hand = { worker, running: new Map(), post: (message) => worker.postMessage(message) };
    const died = (cause: unknown) => {
      if (!this.#hands.includes(hand)) return;
      const which = `worker ${n + 1} of ${this.workers} of the loader died`;
      this.#failure = new BackendError(`${which}: ${textOf(cause)}`, { cause });
      void this.#end(this.#failure);
    };
    worker.on("message", ({ id, outcomes }: LoaderAnswer) => this.#hear(hand, id, outcomes));
    worker.on("error", died);
    worker.on("exit", (code) => died(`it ended with code ${code}`));
    worker.unref();
    return hand;
  }

  /** The calling thread. */
  #here(): Hand {
    const crew = new LoaderCrew();
    const hand: Hand = {
      worker: undefined,
      running: new Map(),
      post: (message) => {
        if (message.kind === "learn") crew.learn(message.recipe, message.what);
        else if (message.kind === "share") crew.share(message.recipe, message.buffer, message.memory);
        else if (message.kind === "forget") crew.forget(message.recipe);
        else {
          const pending = hand.running.get(message.id)!;
          crew.run(message.chunk).then(
            (outcomes) => this.#hear(hand, message.id, outcomes),
            (error) => {
              hand.running.delete(message.id);
              pending.reject(error);
            },
          );
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
      if (hand.running.size === 0) hand.worker?.ref();
      hand.running.set(id, pending);
      hand.post({ kind: "run", id, chunk: pending.chunk });
    }
  }

  #hear(hand: Hand, id: number, outcomes: readonly Outcome[]): void {
    const pending = hand.running.get(id);
    if (pending === undefined) return;
    hand.running.delete(id);
    this.#deal();
    if (hand.running.size === 0) hand.worker?.unref();
    pending.resolve(outcomes);
  }

  async #end(why: BackendError): Promise<void> {
    const hands = this.#hands;
    this.#hands = [];
    const pending = [...hands.flatMap(({ running }) => [...running.values()]), ...this.#waiting.splice(0)];
    for (const { running } of hands) running.clear();
    // What was pending is rejected when nobody writes into its memory any more.
    await Promise.allSettled(hands.map(({ worker }) => worker && retire(worker)));
    for (const { reject } of pending) reject(why);
  }
}

function textOf(cause: unknown): string {
  if (cause instanceof Error) return `${cause.name}: ${cause.message}`;
  return typeof cause === "string" ? cause : "for an unknown reason";
}
