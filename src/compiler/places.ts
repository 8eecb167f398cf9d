/** The buffers of a program, and where each lies: in which region, and how far in. */
import { MemoryError } from "../base/errors.js";
import type { Buffer } from "../kernels/contract/emitter.js";
import { align } from "./memory.js";
import type { Place, Region } from "./program.js";

/** Byte offsets inside a value are 32-bit integers. */
const LARGEST_VALUE = 2 ** 31 - 1;

export class Places {
  readonly sizes: Record<Region, number> = { store: 0, prepared: 0, slot: 0, scratch: 0, workspace: 0 };
  readonly #maxBatch: number;
  readonly #homes = new Map<Buffer, { region: Region; offset: number }>();
  #count = 0;

  constructor(maxBatch: number) {
    this.#maxBatch = maxBatch;
  }

  make(label: string, bytes: { fixedBytes: number; sampleBytes: number }): Buffer {
    const buffer: Buffer = { id: this.#count++, label, ...bytes };
    const total = buffer.fixedBytes + buffer.sampleBytes * this.#maxBatch;
    if (total > LARGEST_VALUE) {
      throw new MemoryError(
        `${label}: takes ${(total / 2 ** 30).toFixed(1)} GiB at batch ${this.#maxBatch}, and one value can take 2 GiB at most; ` +
          "choose a smaller batch",
      );
    }
    return buffer;
  }

  bytes(buffer: Buffer): number {
    return align(buffer.fixedBytes + buffer.sampleBytes * this.#maxBatch);
  }

  /** Puts it behind what lies in the region. What never gets a home is planned into the scratch in the end. */
  home(buffer: Buffer, region: Region): void {
    this.#homes.set(buffer, { region, offset: this.sizes[region] });
    this.sizes[region] += this.bytes(buffer);
  }

  /** Each thread has a workspace of its own, which one step after the other takes from its start. */
  homeWorkspace(buffer: Buffer): void {
    this.#homes.set(buffer, { region: "workspace", offset: 0 });
    this.sizes.workspace = Math.max(this.sizes.workspace, this.bytes(buffer));
  }

  homeScratch(offsets: Iterable<readonly [Buffer, number]>, bytes: number): void {
    for (const [buffer, offset] of offsets) this.#homes.set(buffer, { region: "scratch", offset });
    this.sizes.scratch = bytes;
  }

  /**
   * Moves what is prepared behind the scratch of the steps, but for the first `kept` bytes, which stay where they are.
   */
  movePreparedToScratch(kept: number): void {
    const start = this.sizes.scratch - kept;
    for (const [buffer, { region, offset }] of this.#homes)
      if (region === "prepared" && offset >= kept)
        this.#homes.set(buffer, { region: "scratch", offset: start + offset });
    this.sizes.scratch = start + this.sizes.prepared;
    this.sizes.prepared = kept;
  }

  regionOf(buffer: Buffer): Region | undefined {
    return this.#homes.get(buffer)?.region;
  }

  place(buffer: Buffer): Place {
    const home = this.#homes.get(buffer)!;
    return { ...home, bytes: this.bytes(buffer), label: buffer.label };
  }
}
