/**
 * Memory between two inaccessible pages, for tests: an operand placed at its end (or start) makes the first byte read
 * or written outside it a segmentation fault.
 */
import { BackendError } from "../../../base/errors.js";
import { lastError, MAP_PRIVATE_ANONYMOUS, native, PAGE_BYTES, PROTECT_NONE, PROTECT_READ_WRITE } from "./libc.js";

export class GuardedMemory {
  readonly #base: number;
  readonly #inner: number;

  /** Room for `bytes` bytes, rounded up to whole pages. */
  constructor(bytes: number) {
    this.#inner = Math.max(1, Math.ceil(bytes / PAGE_BYTES)) * PAGE_BYTES;
    const { libc } = native();
    this.#base = libc.mmap(0, this.#inner + 2 * PAGE_BYTES, PROTECT_NONE, MAP_PRIVATE_ANONYMOUS, -1, 0);
    if (this.#base === -1) throw new BackendError(`mmap of ${this.#inner} bytes failed: ${lastError()}`);
    if (libc.mprotect(this.start, this.#inner, PROTECT_READ_WRITE) !== 0)
      throw new BackendError(`mprotect of ${this.#inner} bytes failed: ${lastError()}`);
  }

  /** The first accessible byte, right after an inaccessible page. */
  get start(): number {
    return this.#base + PAGE_BYTES;
  }
  /** One past the last accessible byte: an inaccessible page begins here. */
  get end(): number {
    return this.start + this.#inner;
  }
  /** Copy bytes to the very end (or start) and return their address. */
  place(bytes: Uint8Array, where: "start" | "end" = "end"): number {
    if (bytes.length > this.#inner)
      throw new BackendError(`${bytes.length} bytes do not fit a guarded memory of ${this.#inner}`);
    const address = where === "start" ? this.start : this.end - bytes.length;
    if (bytes.length > 0) native().libc.copyIn(address, bytes, bytes.length);
    return address;
  }
  /** Copy bytes out of the memory. */
  read(address: number, bytes: number): Uint8Array {
    if (address < this.start || address + bytes > this.end)
      throw new BackendError(`${bytes} bytes at ${address} lie outside this memory`);
    const out = new Uint8Array(bytes);
    if (bytes > 0) native().libc.copyOut(out, address, bytes);
    return out;
  }
  release(): void {
    native().libc.munmap(this.#base, this.#inner + 2 * PAGE_BYTES);
  }
}
