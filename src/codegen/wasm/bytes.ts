/**
 * Bytes of a WebAssembly module: LEB128 integers, vectors and sections (WebAssembly Core Specification 2.0, chapter 5).
 */
export class ByteWriter {
  readonly #bytes: number[] = [];

  get length(): number {
    return this.#bytes.length;
  }
  byte(...values: readonly number[]): this {
    for (const value of values) this.#bytes.push(value);
    return this;
  }
  /** Unsigned LEB128. */
  u32(value: number): this {
    if (!Number.isInteger(value) || value < 0 || value > 0xffffffff)
      throw new RangeError(`${value} is not an unsigned 32-bit integer`);
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes.push((rest & 0x7f) | 0x80);
      rest = Math.floor(rest / 128);
    }
    this.#bytes.push(rest);
    return this;
  }
  /** Signed LEB128. */
  s32(value: number): this {
    if (!Number.isInteger(value) || value < -0x80000000 || value > 0x7fffffff)
      throw new RangeError(`${value} is not a signed 32-bit integer`);
    let rest = value;
    while (rest < -0x40 || rest > 0x3f) {
      this.#bytes.push((rest & 0x7f) | 0x80);
      rest >>= 7;
    }
    this.#bytes.push(rest & 0x7f);
    return this;
  }
  /** Four bytes, lowest first. */
  fixed32(value: number): this {
    return this.byte(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24);
  }
  /** A name: its length and its bytes (ASCII only). */
  name(text: string): this {
    this.u32(text.length);
    for (let n = 0; n < text.length; n++) this.#bytes.push(text.charCodeAt(n));
    return this;
  }
  append(other: ByteWriter): this {
    for (const b of other.#bytes) this.#bytes.push(b);
    return this;
  }
  /** `other` with its length before it: a section's or a function's body. */
  sized(other: ByteWriter): this {
    return this.u32(other.length).append(other);
  }
  toUint8Array(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.#bytes);
  }
}
