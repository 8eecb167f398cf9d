/**
 * What executables take together, in bytes by part; they share store and scratch. A part that a device has not is 0.
 */
export interface MemoryUse {
  /** States, without what is given back to the system between runs. */
  readonly store: number;
  /** Weights in the order in which kernels read them, and what else depends on states alone. */
  readonly prepared: number;
  /** Inputs and outputs of the runs that may be under way. */
  readonly slots: number;
  /** Values within a run. */
  readonly scratch: number;
  /** Addresses, which kernels read. */
  readonly tables: number;
  /** As planned before it is written. */
  readonly code: number;
}

/** Memory that one executable would take by itself, in bytes. */
export interface PlannedMemory extends MemoryUse {
  /** All parts together. */
  readonly total: number;
  /** About what the device's engine takes beside that: its heap, and its threads. 0 where there is none. */
  readonly engine: number;
}

export const totalOf = (memory: MemoryUse): number => Object.values(memory).reduce((a, b) => a + b, 0);
