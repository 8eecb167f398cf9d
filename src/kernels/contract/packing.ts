/**
 * Memory that is made of one value alone and read by kernels in its place: a weight in the order in which they read it.
 * Like kernels, ways of packing are defined beside the imports of their file, and depend on plain data alone, so that
 * whoever shares what was packed needs the very same.
 */

import { type Plain, plainText } from "../../base/plain.js";
import type { Buffer, Emitter } from "./emitter.js";

export interface PackingCode<Spec> {
  /** Of what is made. */
  bytes(spec: Spec): number;
  /** Emits the steps that make `into` of `from`. */
  pack(to: Emitter, from: Buffer, into: Buffer, spec: Spec): void;
}

class Definition<Spec> {
  readonly #code: PackingCode<Spec>;

  constructor(
    /** Its name, which no other packing has. */
    readonly name: string,
    code: PackingCode<Spec>,
  ) {
    this.#code = code;
  }

  /** Equal for two specs only where the same memory is made, on one target. */
  key(spec: Spec): string {
    return `${this.name} ${plainText(spec)}`;
  }

  /** Bytes of the packed memory. */
  bytes(spec: Spec): number {
    return this.#code.bytes(spec);
  }

  /** Emits the steps that make `into` of `from`. */
  pack(to: Emitter, from: Buffer, into: Buffer, spec: Spec): void {
    this.#code.pack(to, from, into, spec);
  }
}

/** A way of packing, as `definePacking` makes it. */
export type Packing<Spec> = Definition<Spec>;

/** `name`: no other packing has it. */
export function definePacking<Spec extends Plain<Spec>>(name: string, code: PackingCode<Spec>): Packing<Spec> {
  return new Definition(name, code);
}
