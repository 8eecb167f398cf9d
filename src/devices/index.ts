/** The runtime's public face. */
export type { Backend, BackendLimits, BackendName } from "./cpu/backends/backend.js";
export { BACKEND_NAMES } from "./cpu/backends/backend.js";
export { InterpreterBackend } from "./cpu/backends/interpreter.js";
export { LoadedProgram } from "./cpu/loaded-program.js";
export type { Numbers } from "./cpu/memory/copy.js";
export { Slot } from "./cpu/memory/slot.js";
export { Session, type SessionOptions, type StateDescription } from "./cpu/session.js";
export type { MemoryUse } from "./memory-use.js";
