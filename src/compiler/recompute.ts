/**
 * Computing values a second time instead of keeping them from the forward to the backward pass (Chen, Xu, Zhang and
 * Guestrin 2016, "Training deep nets with sublinear memory cost"). It works on steps, after kernels are chosen: a copy
 * is the same kernel with the same operands into another buffer, so its bits are the same, random numbers included.
 * Only steps that write nothing but scratch are copied: states change once.
 *
 * A step is forward if an output of the program needs it. A kept value is a checkpoint. A dropped one has its forward
 * readers served as ever; before the first step of the backward pass that reads it, it is computed again, and so is
 * whatever large value that needs in turn, down to checkpoints, states and inputs.
 */
import type { Buffer } from "../kernels/contract/emitter.js";
import type { Access } from "./order.js";

export interface CostedStep extends Access {
  readonly nanoseconds: number;
}

export interface RecomputeOptions {
  /** Bytes of a scratch buffer; 0 for any other. */
  bytes(buffer: Buffer): number;
  /** Whether a buffer is handed back to the caller. */
  isOutput(buffer: Buffer): boolean;
  /** What takes no more bytes is always kept. */
  readonly tiny: number;
}

/** A step of the program, or a copy of one with other buffers. */
export interface Rewritten {
  readonly source: number;
  readonly isCopy: boolean;
  /** What to read and write in place of the step's own buffers. */
  readonly instead: ReadonlyMap<Buffer, Buffer>;
}

/** A value that the backward pass reads and that can be computed again. */
export interface Candidate {
  readonly buffer: Buffer;
  readonly bytes: number;
  /** Of the steps that make it. */
  readonly nanoseconds: number;
  /** Whether all of the forward pass behind it reads nothing from before it: where to put a checkpoint. */
  readonly isNarrow: boolean;
}

export class Recomputation<S extends CostedStep> {
  readonly candidates: readonly Candidate[];
  readonly #steps: readonly S[];
  readonly #options: RecomputeOptions;
  readonly #forward: readonly boolean[];
  /** The steps that write a scratch buffer in the forward pass. */
  readonly #makers = new Map<Buffer, number[]>();
  /** Those that the backward pass reads. */
  readonly #keepable = new Set<Buffer>();
  readonly #pure = new Map<Buffer, boolean>();
  /** The first step that writes what is not scratch: its old value is gone then. */
  readonly #changed = new Map<Buffer, number>();

  constructor(steps: readonly S[], options: RecomputeOptions) {
    this.#steps = steps;
    this.#options = options;
    const forward = new Set(forwardSteps(steps, options.isOutput));
    this.#forward = steps.map((step) => forward.has(step));
    const { bytes, tiny } = options;
    const isRead = new Set<Buffer>();
    for (const [i, { reads, writes }] of steps.entries()) {
      for (const write of writes) if (bytes(write) === 0 && !this.#changed.has(write)) this.#changed.set(write, i);
      if (!this.#forward[i]) for (const buffer of reads) isRead.add(buffer);
      else {
        for (const buffer of writes) {
          if (bytes(buffer) === 0) continue;
          const makers = this.#makers.get(buffer);
          if (makers === undefined) this.#makers.set(buffer, [i]);
          else makers.push(i);
        }
      }
    }
    for (const buffer of this.#makers.keys()) if (isRead.has(buffer)) this.#keepable.add(buffer);
    const narrow = this.#narrow();
    this.candidates = [...this.#keepable]
      .filter((buffer) => bytes(buffer) > tiny && this.#isPure(buffer))
      .sort((a, b) => this.#makers.get(a)!.at(-1)! - this.#makers.get(b)!.at(-1)!)
      .map((buffer) => ({
        buffer,
        bytes: bytes(buffer),
        nanoseconds: this.#makers.get(buffer)!.reduce((sum, step) => sum + steps[step]!.nanoseconds, 0),
        isNarrow: narrow.has(buffer),
      }));
  }

  /** The steps with copies in them; `copyOf` makes a buffer like another. */
  rewrite(dropped: ReadonlySet<Buffer>, copyOf: (buffer: Buffer) => Buffer): Rewritten[] {
    const { bytes, tiny } = this.#options;
    const copies = new Map<Buffer, Buffer>();
    const rewritten: Rewritten[] = [];
    const isKept = (buffer: Buffer) =>
      !this.#makers.has(buffer) ||
      bytes(buffer) <= tiny ||
      (this.#keepable.has(buffer) && !dropped.has(buffer)) ||
      !this.#isPure(buffer);
    /** The first step behind which a value cannot be made any more, since a state that it needs has changed. */
    const deadlines = new Map<Buffer, number>();
    const deadline = (buffer: Buffer): number => {
      const known = deadlines.get(buffer);
      if (known !== undefined) return known;
      let earliest = Number.POSITIVE_INFINITY;
      for (const maker of this.#makers.get(buffer)!) {
        for (const read of this.#readsBefore(maker)) {
          if (bytes(read) === 0) earliest = Math.min(earliest, this.#changed.get(read) ?? earliest);
          else if (!isKept(read)) earliest = Math.min(earliest, deadline(read));
        }
      }
      deadlines.set(buffer, earliest);
      return earliest;
    };
    const make = (buffer: Buffer): void => {
      if (copies.has(buffer)) return;
      const makers = this.#makers.get(buffer)!;
      for (const source of makers) for (const read of this.#readsBefore(source)) if (!isKept(read)) make(read);
      for (const source of makers) {
        const { reads, writes } = this.#steps[source]!;
        const instead = new Map<Buffer, Buffer>();
        for (const read of reads) if (!isKept(read) && copies.has(read)) instead.set(read, copies.get(read)!);
        for (const write of writes) {
          if (!copies.has(write)) copies.set(write, copyOf(write));
          instead.set(write, copies.get(write)!);
        }
        rewritten.push({ source, isCopy: true, instead });
      }
    };
    for (const [source, { reads }] of this.#steps.entries()) {
      const instead = new Map<Buffer, Buffer>();
      if (!this.#forward[source]) {
        for (const read of reads) {
          if (!dropped.has(read) || (!copies.has(read) && deadline(read) < source)) continue;
          make(read);
          instead.set(read, copies.get(read)!);
        }
      }
      rewritten.push({ source, isCopy: false, instead });
    }
    return rewritten;
  }

  /** What a step reads that it does not write as well: of pure values it makes, all that must be there before. */
  #readsBefore(step: number): Buffer[] {
    const { reads, writes } = this.#steps[step]!;
    return reads.filter((read) => !writes.includes(read));
  }

  /** Whether its makers write scratch alone, and nothing that others write, too. */
  #isPure(buffer: Buffer): boolean {
    const known = this.#pure.get(buffer);
    if (known !== undefined) return known;
    const makers = this.#makers.get(buffer)!;
    const pure = makers.every((maker) =>
      this.#steps[maker]!.writes.every(
        (write) => this.#options.bytes(write) > 0 && this.#makers.get(write)!.every((other) => makers.includes(other)),
      ),
    );
    this.#pure.set(buffer, pure);
    return pure;
  }

  /** Values behind which the forward pass reads no other large value from before. */
  #narrow(): Set<Buffer> {
    const { bytes, tiny } = this.#options;
    const last = new Map<Buffer, number>();
    for (const [i, { reads }] of this.#steps.entries())
      if (this.#forward[i]) for (const read of reads) if (isLarge(read)) last.set(read, i);
    const alive = new Set<Buffer>();
    const narrow = new Set<Buffer>();
    for (const [i, { writes }] of this.#steps.entries()) {
      if (!this.#forward[i]) continue;
      for (const write of writes) if (isLarge(write) && last.has(write)) alive.add(write);
      for (const buffer of alive) if (last.get(buffer)! <= i) alive.delete(buffer);
      const [only] = alive;
      if (alive.size === 1 && only !== undefined) narrow.add(only);
    }
    return narrow;

    function isLarge(buffer: Buffer): boolean {
      return buffer.sampleBytes > 0 && bytes(buffer) > tiny;
    }
  }
}

/** The steps that an output needs. */
export function forwardSteps<S extends Access>(steps: readonly S[], isOutput: (buffer: Buffer) => boolean): S[] {
  const forward: S[] = [];
  const wanted = new Set<Buffer>();
  for (const step of [...steps].reverse()) {
    if (!step.writes.some((write) => isOutput(write) || wanted.has(write))) continue;
    forward.push(step);
    for (const read of step.reads) wanted.add(read);
  }
  return forward.reverse();
}
