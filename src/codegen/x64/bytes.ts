/** A growing run of little-endian bytes. */
export class ByteBuffer {
  #bytes = new Uint8Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }
  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }
  bytes(values: ArrayLike<number>): void {
    this.#reserve(values.length);
    this.#bytes.set(values, this.#length);
    this.#length += values.length;
  }
  int32(value: number): void {
    this.#reserve(4);
    this.#length += 4;
    this.patch32(this.#length - 4, value);
  }
  patch32(position: number, value: number): void {
    new DataView(this.#bytes.buffer).setInt32(position, value, true);
  }
  result(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}
