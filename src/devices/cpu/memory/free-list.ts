/**
 * First-fit allocation of byte ranges from one space that grows and shrinks; neighbours are joined as they are freed.
 */
export class FreeList {
  readonly #alignment: number;
  #end: number;
  /** Where the space has ever ended: beyond, nothing was written yet. */
  #highest: number;
  #free: { offset: number; bytes: number }[] = [];

  /** The space begins at `start`, a multiple of `alignment`. */
  constructor(start: number, alignment: number) {
    this.#end = start;
    this.#highest = start;
    this.#alignment = alignment;
  }

  /** Where the space ends: what it has to be grown to. */
  get end(): number {
    return this.#end;
  }

  rounded(bytes: number): number {
    return Math.max(1, Math.ceil(bytes / this.#alignment)) * this.#alignment;
  }

  /** Finds a place for `bytes` and takes it. A `reused` one may hold old data. */
  take(bytes: number): { offset: number; reused: boolean } {
    const size = this.rounded(bytes);
    const index = this.#free.findIndex((range) => range.bytes >= size);
    if (index < 0) {
      const offset = this.#end;
      const reused = offset < this.#highest;
      this.#end += size;
      this.#highest = Math.max(this.#highest, this.#end);
      return { offset, reused };
    }
    const range = this.#free[index]!;
    const offset = range.offset;
    if (range.bytes === size) this.#free.splice(index, 1);
    else this.#free[index] = { offset: offset + size, bytes: range.bytes - size };
    return { offset, reused: true };
  }

  give(offset: number, bytes: number): void {
    this.#free.push({ offset, bytes: this.rounded(bytes) });
    this.#free.sort((a, b) => a.offset - b.offset);
    const joined: { offset: number; bytes: number }[] = [];
    for (const range of this.#free) {
      const last = joined.at(-1);
      if (last !== undefined && last.offset + last.bytes === range.offset) last.bytes += range.bytes;
      else joined.push({ ...range });
    }
    const last = joined.at(-1);
    if (last !== undefined && last.offset + last.bytes === this.#end) {
      this.#end = last.offset;
      joined.pop();
    }
    this.#free = joined;
  }
}
