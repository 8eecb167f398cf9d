/**
 * WebAssembly SIMD over one memory of its own: shared between workers where the engine allows it, otherwise for one
 * thread. Addresses are unsigned 32-bit offsets, so that everything together must stay below 4 GiB.
 */

import { MemoryError } from "../../../base/errors.js";
import { LOWEST_POINTER } from "../../../codegen/interpreter/machine.js";
import type { Kernel } from "../../../codegen/ir.js";
import { encodeWasmSteps } from "../../../codegen/wasm/encode.js";
import { inTurns } from "../../../host/event-loop.js";
import type { Target } from "../../../target/target.js";
import { WASM, WASM_RELAXED } from "../../../target/targets.js";
import { FreeList } from "../memory/free-list.js";
import type { Backend, BackendLimits, Code, KernelFunction, OperandMemory, Segment } from "./backend.js";
import { bindWasm } from "./wasm-binding.js";

const PAGE = 65536;
/** A little less than 4 GiB, as an engine may refuse the last page. */
const LARGEST_PAGES = 65535;
/** Pointers may pass below an operand's base before memory is reached through them, and must not wrap around. */
const FIRST_ADDRESS = -LOWEST_POINTER;
const ALIGNMENT = 64;

export interface WasmBackendOptions {
  readonly shared: boolean;
  readonly relaxed: boolean;
  /** Bytes that the memory may grow to; the engine reserves addresses for all of it. */
  readonly limit?: number;
}

export class WasmBackend implements Backend {
  readonly name = "wasm";
  readonly target: Target;
  readonly limits: BackendLimits;
  readonly #memory: WebAssembly.Memory;
  readonly #shared: boolean;
  readonly #maximumPages: number;
  readonly #space = new FreeList(FIRST_ADDRESS, ALIGNMENT);

  constructor(options: WasmBackendOptions) {
    this.target = options.relaxed ? WASM_RELAXED : WASM;
    this.#shared = options.shared;
    const wanted = Math.ceil((FIRST_ADDRESS + (options.limit ?? Number.POSITIVE_INFINITY)) / PAGE) + 1;
    const { memory, maximumPages } = reserve(Math.min(LARGEST_PAGES, wanted), options.shared);
    this.#memory = memory;
    this.#maximumPages = maximumPages;
    const largest = maximumPages * PAGE - FIRST_ADDRESS;
    this.limits = {
      alignment: ALIGNMENT,
      largestSegment: largest,
      largestTotal: largest,
      threads: options.shared,
      pointerBytes: 4,
    };
  }

  allocate(bytes: number): Segment {
    const { offset: address, reused } = this.#space.take(bytes);
    const memory = this.#memory;
    const missing = this.#space.end - memory.buffer.byteLength;
    if (missing > 0) {
      try {
        memory.grow(Math.ceil(missing / PAGE));
      } catch {
        this.#space.give(address, bytes);
        throw new MemoryError(
          `WebAssembly memory: ${bytes} bytes more than ${memory.buffer.byteLength} were refused; lower the batch`,
        );
      }
    }
    if (reused) new Uint8Array(memory.buffer, address, bytes).fill(0);
    return {
      address,
      bytes,
      f32: (offset, length) => new Float32Array(memory.buffer, address + offset, length),
      i32: (offset, length) => new Int32Array(memory.buffer, address + offset, length),
      u8: (offset, length) => new Uint8Array(memory.buffer, address + offset, length),
    };
  }

  free(segment: Segment): void {
    this.#space.give(segment.address, segment.bytes);
  }

  async encode(kernels: readonly Kernel[]): Promise<Code> {
    const limits = { initialPages: 1, maximumPages: this.#maximumPages, shared: this.#shared };
    const bytes = await inTurns(encodeWasmSteps(kernels, limits));
    return { kind: "wasm", module: await WebAssembly.compile(bytes), memory: this.#memory };
  }

  bind(code: Code): Promise<KernelFunction[]> {
    return bindWasm(code);
  }

  writeTable(segment: Segment, offset: number, operands: readonly OperandMemory[]): number {
    const table = new Uint32Array(this.#memory.buffer, segment.address + offset, operands.length);
    operands.forEach((operand, n) => {
      table[n] = operand.segment.address + operand.offset;
    });
    return segment.address + offset;
  }

  /** Nothing to do: the memory goes with the last reference to it. */
  release(): void {}
}

/** Engines on small machines refuse to reserve 4 GiB of addresses: ask for less until one agrees. */
function reserve(pages: number, shared: boolean): { memory: WebAssembly.Memory; maximumPages: number } {
  const initial = FIRST_ADDRESS / PAGE;
  for (let maximum = pages; ; maximum = Math.floor(maximum / 2)) {
    try {
      return { memory: new WebAssembly.Memory({ initial, maximum, shared }), maximumPages: maximum };
    } catch (cause) {
      if (maximum / 2 <= initial)
        throw new MemoryError(
          "WebAssembly: the engine gave no memory at all: for any, however small, it sets aside gigabytes of addresses; raise the " +
            "limit of a process's addresses (`ulimit -v`), or close other pages and programs",
          { cause },
        );
    }
  }
}
