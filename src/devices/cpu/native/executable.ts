/**
 * Machine code in memory that can run. Pages are mapped readable and writable, filled, and then made readable and
 * executable: never writable and executable at once, which hardened hosts refuse.
 */
import { BackendError } from "../../../base/errors.js";
import {
  lastError,
  MAP_PRIVATE_ANONYMOUS,
  native,
  PAGE_BYTES,
  PROTECT_READ_EXECUTE,
  PROTECT_READ_WRITE,
} from "./libc.js";

/** Kernels start at multiples of this, as their constants and loop heads expect. */
const CODE_ALIGNMENT = 64;

export class ExecutableMemory {
  /** Where each piece of code begins, in the order given to `map`. */
  readonly addresses: readonly number[];
  readonly #base: number;
  readonly #bytes: number;
  #released = false;

  private constructor(base: number, bytes: number, addresses: readonly number[]) {
    this.#base = base;
    this.#bytes = bytes;
    this.addresses = addresses;
  }

  /** Make pieces of code callable. Throws BackendError where the host refuses executable memory. */
  static map(code: readonly Uint8Array[]): ExecutableMemory {
    if (process.env["FOVEA_TEST_REFUSE_EXEC"] === "1") throw refused("mprotect", "FOVEA_TEST_REFUSE_EXEC is set");
    const starts: number[] = [];
    let end = 0;
    for (const piece of code) {
      starts.push(end);
      end += Math.ceil(Math.max(piece.length, 1) / CODE_ALIGNMENT) * CODE_ALIGNMENT;
    }
    const bytes = Math.ceil(Math.max(end, 1) / PAGE_BYTES) * PAGE_BYTES;
    // Gaps hold breakpoint instructions, so that a jump astray stops at once.
    const image = new Uint8Array(bytes).fill(0xcc);
    code.forEach((piece, n) => {
      image.set(piece, starts[n]);
    });

    const { libc } = native();
    const base = libc.mmap(0, bytes, PROTECT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
    if (base === -1) throw refused("mmap", lastError());
    libc.copyIn(base, image, bytes);
    if (libc.mprotect(base, bytes, PROTECT_READ_EXECUTE) !== 0) {
      const error = lastError();
      libc.munmap(base, bytes);
      throw refused("mprotect", error);
    }
    return new ExecutableMemory(
      base,
      bytes,
      starts.map((s) => base + s),
    );
  }

  /** Give the pages back. No thread may be in the code, or call it afterwards. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    native().libc.munmap(this.#base, this.#bytes);
  }
}

function refused(call: string, error: string): BackendError {
  return new BackendError(
    `executable memory was refused (${call}: ${error}); FOVEA_BACKEND=wasm runs without it, more slowly`,
  );
}

export type KernelFunction = (table: number, begin: number, end: number, batch: number) => void;

type EntryFunction = (kernel: number, table: number, begin: number, end: number, batch: number) => void;

/**
 * Calls the kernel that its first argument is the address of with the other four. A function of koffi takes memory
 * outside the engine's heap, which its collector does not see, so a thread has this one for all kernels.
 */
export const ENTRY = Uint8Array.of(
  ...[0x48, 0x89, 0xf8], // mov rax, rdi
  ...[0x48, 0x89, 0xf7], // mov rdi, rsi
  ...[0x48, 0x89, 0xd6], // mov rsi, rdx
  ...[0x48, 0x89, 0xca], // mov rdx, rcx
  ...[0x4c, 0x89, 0xc1], // mov rcx, r8
  ...[0xff, 0xe0], // jmp rax
);

/** ENTRY, mapped at an address, as a function. */
export function bindEntry(address: number): EntryFunction {
  const { koffi, entry } = native();
  return koffi.decode(BigInt(address), entry) as EntryFunction;
}

/** The code at an address as a function. Works in any thread of the process that mapped it. */
export function bindKernel(address: number): KernelFunction {
  const { koffi, kernel } = native();
  return koffi.decode(BigInt(address), kernel) as KernelFunction;
}
