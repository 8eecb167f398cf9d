/**
 * Machine code in this process: AVX-512 or AVX2, called through koffi. Memory is SharedArrayBuffers with slack, the
 * base aligned inside; code is mapped once a session and decoded in each thread that calls it.
 */

import { BackendError, MemoryError } from "../../../base/errors.js";
import type { Steps } from "../../../base/steps.js";
import type { Kernel } from "../../../codegen/ir.js";
import { encodeX64Steps } from "../../../codegen/x64/encode.js";
import { inTurns } from "../../../host/event-loop.js";
import type { Target } from "../../../target/target.js";
import { AVX2, AVX512 } from "../../../target/targets.js";
import type { Backend, BackendLimits, Code, KernelFunction, OperandMemory, Segment } from "../backends/backend.js";
import type { NativeName } from "../platform/platform.js";
import { giveBack, wishForHugePages } from "./advice.js";
import { NativeBinder } from "./binding.js";
import { detectTargets } from "./cpu.js";
import { ENTRY, ExecutableMemory } from "./executable.js";
import { addressOf } from "./libc.js";

export function createNativeBackend(name: NativeName): Backend {
  if (!detectTargets().includes(name))
    throw new BackendError(
      `this processor or system lacks ${name} (it has ${detectTargets().join(", ") || "neither AVX-512 nor AVX2"}); use backend "wasm"`,
    );
  return new NativeBackend(name === "avx512" ? AVX512 : AVX2, name);
}

const ALIGNMENT = 64;
const LARGE = 2 ** 20;
/** Of large segments: pages, and huge pages where one fits. */
const LARGE_ALIGNMENT = 4096;
const HUGE = 2 ** 22;
const HUGE_ALIGNMENT = 2 ** 21;

function* encodeSteps(kernels: readonly Kernel[]): Steps<Uint8Array[]> {
  const code: Uint8Array[] = [];
  for (const kernel of kernels) {
    code.push(yield* encodeX64Steps(kernel));
    yield;
  }
  return code;
}

class NativeBackend implements Backend {
  readonly name: NativeName;
  readonly target: Target;
  readonly limits: BackendLimits = {
    alignment: ALIGNMENT,
    // A Float32Array spans 2^32 - 1 elements.
    largestSegment: 2 ** 34 - 4096,
    largestTotal: 2 ** 46,
    threads: true,
    pointerBytes: 8,
  };
  readonly #code: ExecutableMemory[] = [];
  readonly #known = new Map<string, number>();
  readonly #binder = new NativeBinder();
  #isReleased = false;
  /** Addresses are used long after a segment was asked for: its buffer must stay. */
  readonly #buffers = new Map<Segment, SharedArrayBuffer>();

  constructor(target: Target, name: NativeName) {
    this.target = target;
    this.name = name;
  }

  allocate(bytes: number): Segment {
    const alignment = bytes >= HUGE ? HUGE_ALIGNMENT : bytes >= LARGE ? LARGE_ALIGNMENT : ALIGNMENT;
    let buffer: SharedArrayBuffer;
    try {
      buffer = new SharedArrayBuffer(bytes + alignment);
    } catch (cause) {
      throw new MemoryError(`${bytes} bytes were refused by the system; lower the batch`, { cause });
    }
    const base = addressOf(buffer);
    const address = Math.ceil(base / alignment) * alignment;
    const start = address - base;
    if (bytes >= HUGE) wishForHugePages(address, bytes);
    const segment: Segment = {
      address,
      bytes,
      f32: (offset, length) => new Float32Array(buffer, start + offset, length),
      i32: (offset, length) => new Int32Array(buffer, start + offset, length),
      u8: (offset, length) => new Uint8Array(buffer, start + offset, length),
    };
    this.#buffers.set(segment, buffer);
    return segment;
  }

  free(segment: Segment): void {
    this.#buffers.delete(segment);
  }

  discard(segment: Segment, offset: number, bytes: number): void {
    giveBack(segment.address + offset, bytes);
  }

  async encode(kernels: readonly Kernel[]): Promise<Code> {
    const fresh = new Map(kernels.filter(({ key }) => !this.#known.has(key)).map((kernel) => [kernel.key, kernel]));
    if (fresh.size > 0) {
      const code = await inTurns(encodeSteps([...fresh.values()]));
      if (this.#isReleased) throw new BackendError("the device was closed");
      const memory = ExecutableMemory.map([ENTRY, ...code]);
      this.#code.push(memory);
      [...fresh.keys()].forEach((key, n) => {
        this.#known.set(key, memory.addresses[n + 1]!);
      });
    }
    const entry = this.#code[0]?.addresses[0] ?? 0;
    return { kind: "native", entry, addresses: kernels.map(({ key }) => this.#known.get(key)!) };
  }

  async bind(code: Code): Promise<KernelFunction[]> {
    return this.#binder.bind(code);
  }

  writeTable(segment: Segment, offset: number, operands: readonly OperandMemory[]): number {
    const words = segment.i32(offset, 2 * operands.length);
    operands.forEach((operand, n) => {
      const address = operand.segment.address + operand.offset;
      words[2 * n] = (address % 2 ** 32) | 0;
      words[2 * n + 1] = Math.floor(address / 2 ** 32);
    });
    return segment.address + offset;
  }

  release(): void {
    this.#isReleased = true;
    for (const memory of this.#code.splice(0)) memory.release();
    this.#known.clear();
    this.#buffers.clear();
  }
}
