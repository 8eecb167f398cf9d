/** Makes machine code callable on this thread: all kernels through one native function. */
import { BackendError } from "../../../base/errors.js";
import type { Code, KernelFunction } from "../backends/backend.js";
import { bindEntry } from "./executable.js";

/** Addresses are used again when code is unmapped, so it lives no longer than its session. */
export class NativeBinder {
  readonly #entries = new Map<number, ReturnType<typeof bindEntry>>();

  bind(code: Code): KernelFunction[] {
    if (code.kind !== "native") throw new BackendError(`${code.kind} code cannot be bound as machine code`);
    if (code.addresses.length === 0) return [];
    const call = this.#entries.get(code.entry) ?? bindEntry(code.entry);
    this.#entries.set(code.entry, call);
    return code.addresses.map((address) => (table, begin, end, batch) => call(address, table, begin, end, batch));
  }
}
