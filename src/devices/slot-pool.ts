/** Hands out the slots of an executable: each number to one holder at a time, in the order of asking. */
export class SlotPool<S> {
  readonly #free: number[];
  readonly #waiting: ((slot: S) => void)[] = [];
  readonly #make: (index: number, giveBack: () => void) => S;

  constructor(count: number, make: (index: number, giveBack: () => void) => S) {
    this.#free = Array.from({ length: count }, (_, k) => k);
    this.#make = make;
  }

  acquire(): Promise<S> {
    const index = this.#free.shift();
    if (index === undefined) return new Promise((resolve) => this.#waiting.push(resolve));
    return Promise.resolve(this.#slot(index));
  }

  #slot(index: number): S {
    return this.#make(index, () => {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free.push(index);
      else next(this.#slot(index));
    });
  }
}
