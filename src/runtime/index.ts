/** The runtime's public face. */
export type { Backend, BackendLimits, BackendName } from "./backend.js";
export { BACKEND_NAMES } from "./backend.js";
export type { Numbers } from "./copy.js";
export type { MemoryUse } from "./engine.js";
export { InterpreterBackend } from "./interpreter-backend.js";
export { LoadedProgram } from "./loaded-program.js";
export { Session, type SessionOptions, type StateDescription } from "./session.js";
export { Slot } from "./slot.js";
