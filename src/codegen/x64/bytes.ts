/** A growing run of little-endian bytes. */
export class ByteBuffer {
  #bytes = new Uint8Array(4096);
  #length = 0;

  get length(): number {
    return this.#length;
  }
  byte(value: number): void {
    if (this.#length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#length++] = value;
  }
  bytes(values: ArrayLike<number>): void {
    const count = values.length;
    if (this.#length + count > this.#bytes.length) this.#grow(count);
    for (let n = 0; n < count; n++) this.#bytes[this.#length++] = values[n]!;
  }
  int32(value: number): void {
    if (this.#length + 4 > this.#bytes.length) this.#grow(4);
    this.#length += 4;
    this.patch32(this.#length - 4, value);
  }
  patch32(position: number, value: number): void {
    const bytes = this.#bytes;
    bytes[position] = value;
    bytes[position + 1] = value >> 8;
    bytes[position + 2] = value >> 16;
    bytes[position + 3] = value >> 24;
  }
  result(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
  #grow(more: number): void {
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}
