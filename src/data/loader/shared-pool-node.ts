/** One team of workers for all streams of a set: started with the first, ended with the last. */
import type { LoaderPool } from "./pool-node.js";

export class SharedPool {
  readonly #make: () => LoaderPool;
  #pool: LoaderPool | undefined;
  #users = 0;

  constructor(make: () => LoaderPool) {
    this.#make = make;
  }

  acquire(): LoaderPool {
    this.#pool ??= this.#make();
    this.#users++;
    return this.#pool;
  }

  async release(): Promise<void> {
    this.#users--;
    if (this.#users > 0) return;
    const pool = this.#pool;
    this.#pool = undefined;
    await pool?.close();
  }
}
