/** Makes machine code callable on this thread. An address is decoded once a thread, however many programs call it. */
import { BackendError } from "../../errors.js";
import type { Code, KernelFunction } from "../backend.js";
import { bindKernel } from "./executable.js";

/** Decodes each address once. Addresses are used again when code is unmapped, so it lives no longer than its session. */
export class NativeBinder {
  readonly #functions = new Map<number, KernelFunction>();

  bind(code: Code): KernelFunction[] {
    if (code.kind !== "native") throw new BackendError(`${code.kind} code cannot be bound as machine code`);
    return code.addresses.map((address) => {
      let run = this.#functions.get(address);
      if (run === undefined) {
        run = bindKernel(address);
        this.#functions.set(address, run);
      }
      return run;
    });
  }
}
