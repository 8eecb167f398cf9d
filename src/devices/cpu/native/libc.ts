/**
 * The few system calls that native code needs, through koffi: by its package for this platform, which holds the whole
 * of it prebuilt, where the package "koffi" would run a build script as it is installed. It is loaded when the first
 * call is used, never by an import: a host may refuse native addons (Node's permission model), and most entry points
 * never come here.
 *
 * Addresses are plain numbers: user space ends at 2^47 on x86-64, far below 2^53.
 */
import { createRequire } from "node:module";
import { BackendError } from "../../../base/errors.js";
import { reasonOf } from "../../../base/reason.js";

/** The part of koffi that is used here, typed more narrowly than its own declarations. */
interface Koffi {
  config(sizes: { readonly sync_stack_size: number; readonly sync_heap_size: number }): unknown;
  load(path: string): { func(name: string, result: string, parameters: readonly string[]): (...a: never[]) => unknown };
  proto(result: string, parameters: readonly string[]): object;
  decode(address: bigint, type: object): (...a: number[]) => unknown;
  address(view: ArrayBufferView | ArrayBuffer): bigint;
  view(address: bigint, bytes: number): ArrayBuffer;
  errno(): number;
  os: { errno: Readonly<Record<string, number>> };
}

export interface Libc {
  mmap(address: number, bytes: number, protection: number, flags: number, file: number, offset: number): number;
  munmap(address: number, bytes: number): number;
  mprotect(address: number, bytes: number, protection: number): number;
  /** Copy from an array's memory to an address, and back. */
  copyIn(to: number, from: Uint8Array, bytes: number): void;
  copyOut(to: Uint8Array, from: number, bytes: number): void;
}

export const PROTECT_NONE = 0;
export const PROTECT_READ_WRITE = 3;
export const PROTECT_READ_EXECUTE = 5;
export const MAP_PRIVATE_ANONYMOUS = 0x22;
export const PAGE_BYTES = 4096;

interface Native {
  readonly koffi: Koffi;
  readonly libc: Libc;
  /** The type of a kernel, and of what calls one by its address. */
  readonly kernel: object;
  readonly entry: object;
}

let loaded: Native | undefined;

/** koffi and libc, loaded once in each thread. Throws BackendError where they cannot be had. */
export function native(): Native {
  loaded ??= load();
  return loaded;
}

function load(): Native {
  if (process.platform !== "linux" || process.arch !== "x64")
    throw new BackendError(
      `native code runs on Linux x86-64 only, this is ${process.platform} ${process.arch}; set FOVEA_BACKEND=wasm`,
    );
  let koffi: Koffi;
  try {
    koffi = createRequire(import.meta.url)("@koromix/koffi-linux-x64") as Koffi;
  } catch (cause) {
    throw new BackendError(
      `koffi, which calls native code, could not be loaded (${reasonOf(cause)}); set FOVEA_BACKEND=wasm to do without`,
      { cause },
    );
  }
  try {
    limitMemory(koffi);
    // koffi crashes in a worker thread that decodes a function before it has loaded any library.
    const library = koffi.load("libc.so.6");
    const libc: Libc = {
      mmap: library.func("mmap", "int64", ["int64", "int64", "int", "int", "int", "int64"]) as Libc["mmap"],
      munmap: library.func("munmap", "int", ["int64", "int64"]) as Libc["munmap"],
      mprotect: library.func("mprotect", "int", ["int64", "int64", "int"]) as Libc["mprotect"],
      copyIn: library.func("memcpy", "int64", ["int64", "const void *", "int64"]) as Libc["copyIn"],
      copyOut: library.func("memcpy", "int64", ["_Out_ void *", "int64", "int64"]) as Libc["copyOut"],
    };
    const numbers = (count: number) => koffi.proto("void", new Array<string>(count).fill("int64"));
    return { koffi, libc, kernel: numbers(4), entry: numbers(5) };
  } catch (cause) {
    throw new BackendError(`the C library could not be called (${reasonOf(cause)}); set FOVEA_BACKEND=wasm`, { cause });
  }
}

/**
 * Of the 3 MiB that koffi maps for a thread, kernels use a few pages: their frames are small, and nothing is converted.
 */
function limitMemory(koffi: Koffi): void {
  try {
    koffi.config({ sync_stack_size: 2 ** 18, sync_heap_size: 2 ** 16 });
  } catch {
    // Somebody else uses koffi on this thread, and has loaded a library.
  }
}

/** The address of an array's first byte. The array must stay referenced for as long as the address is used. */
export function addressOf(memory: SharedArrayBuffer | ArrayBuffer | ArrayBufferView): number {
  const view = ArrayBuffer.isView(memory) ? memory : new Uint8Array(memory, 0, Math.min(memory.byteLength, 1));
  return Number(native().koffi.address(view));
}

/** The name of the last system call's error, as `EACCES`. */
export function lastError(): string {
  const { koffi } = native();
  const number = koffi.errno();
  const name = Object.entries(koffi.os.errno).find(([, value]) => value === number)?.[0];
  return name ?? `errno ${number}`;
}
