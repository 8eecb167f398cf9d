/**
 * Jobs begin in the order they were submitted. Many may be under way at once (the team does them one after the other);
 * an exclusive one begins when nothing is under way and holds back what came later until it has ended.
 */
interface Waiting {
  readonly exclusive: boolean;
  readonly begin: () => void;
}

export class JobQueue {
  #underWay = 0;
  #exclusive = false;
  readonly #waiting: Waiting[] = [];
  #idle: (() => void)[] = [];

  /** Nothing runs and nothing waits. */
  get quiet(): boolean {
    return this.#underWay === 0 && this.#waiting.length === 0;
  }

  submit<T>(job: () => T | Promise<T>, exclusive = false): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const begin = () => {
        this.#underWay++;
        if (exclusive) this.#exclusive = true;
        let result: T | Promise<T>;
        try {
          result = job();
        } catch (cause) {
          reject(cause);
          this.#end(exclusive);
          return;
        }
        if (!(result instanceof Promise)) {
          resolve(result);
          this.#end(exclusive);
          return;
        }
        result.then(
          (value) => {
            resolve(value);
            this.#end(exclusive);
          },
          (cause) => {
            reject(cause);
            this.#end(exclusive);
          },
        );
      };
      this.#waiting.push({ exclusive, begin });
      this.#pump();
    });
  }

  idle(): Promise<void> {
    if (this.quiet) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #end(exclusive: boolean): void {
    this.#underWay--;
    if (exclusive) this.#exclusive = false;
    this.#pump();
    if (this.quiet) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #pump(): void {
    while (this.#waiting.length > 0 && !this.#exclusive && (this.#underWay === 0 || !this.#waiting[0]!.exclusive))
      this.#waiting.shift()!.begin();
  }
}
