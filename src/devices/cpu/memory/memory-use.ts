/** What programs take together, in bytes by part; they share store and scratch. */
export interface MemoryUse {
  /** States, without what is given back to the system between runs. */
  readonly store: number;
  readonly prepared: number;
  readonly slots: number;
  readonly scratch: number;
  readonly tables: number;
  /** As planned before it is written. */
  readonly code: number;
}
