/**
 * The checking interpreter as a backend: slow, on the caller's thread only, and every access is checked against the
 * operand's own bytes. It runs programs of any target, so that another backend's program can be looked at.
 */

import { BackendError } from "../../../base/errors.js";
import { interpret } from "../../../codegen/interpreter/interpreter.js";
import type { Kernel } from "../../../codegen/ir.js";
import type { Target } from "../../../target/target.js";
import { AVX512 } from "../../../target/targets.js";
import type { Backend, BackendLimits, Code, KernelFunction, OperandMemory, Segment } from "./backend.js";

export class InterpreterBackend implements Backend {
  readonly name = "interpreter";
  readonly target: Target;
  readonly limits: BackendLimits = {
    alignment: 64,
    largestSegment: 2 ** 32,
    largestTotal: 2 ** 33,
    threads: false,
    pointerBytes: 4,
  };
  readonly #buffers = new Map<Segment, ArrayBuffer>();
  readonly #tables = new Map<number, Uint8Array[]>();
  /** Segments have addresses, but only as names: far enough apart that none runs into the next. */
  #next = 2 ** 16;

  constructor(target: Target = AVX512) {
    this.target = target;
  }

  allocate(bytes: number): Segment {
    const buffer = new ArrayBuffer(Math.max(64, bytes));
    const segment: Segment = {
      address: this.#next,
      bytes,
      f32: (offset, length) => new Float32Array(buffer, offset, length),
      i32: (offset, length) => new Int32Array(buffer, offset, length),
      u8: (offset, length) => new Uint8Array(buffer, offset, length),
    };
    this.#next += Math.ceil((bytes + 2 ** 16) / 4096) * 4096;
    this.#buffers.set(segment, buffer);
    return segment;
  }

  free(segment: Segment): void {
    this.#buffers.delete(segment);
    for (const address of this.#tables.keys())
      if (address >= segment.address && address < segment.address + segment.bytes) this.#tables.delete(address);
  }

  async encode(kernels: readonly Kernel[]): Promise<Code> {
    return { kind: "interpreter", kernels };
  }

  async bind(code: Code): Promise<KernelFunction[]> {
    if (code.kind !== "interpreter") throw new BackendError(`${code.kind} code cannot be interpreted`);
    return code.kernels.map((kernel) => (table, begin, end, batch) => {
      const operands = this.#tables.get(table);
      if (operands === undefined) throw new BackendError(`kernel "${kernel.name}": no table at ${table}`);
      interpret(kernel, operands, { begin, end, batch });
    });
  }

  writeTable(segment: Segment, offset: number, operands: readonly OperandMemory[]): number {
    const address = segment.address + offset;
    this.#tables.set(
      address,
      operands.map((operand) => {
        const buffer = this.#buffers.get(operand.segment);
        if (buffer === undefined) throw new BackendError("an operand lies in memory that was freed");
        return new Uint8Array(buffer, operand.offset, operand.bytes);
      }),
    );
    return address;
  }

  release(): void {
    this.#buffers.clear();
    this.#tables.clear();
  }
}
