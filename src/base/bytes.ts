/**
 * Bytes as callers have them: Uint8Arrays, Node's Buffers (whose `slice` shares memory) at any offset, other views,
 * whole buffers, and memory that other threads share. Every reader of this folder takes its bytes through here.
 */
import { OptionError } from "./errors.js";

/**
 * A plain Uint8Array over the same memory. Shared memory is copied, since others may change it while it is read, and
 * parts of the platform refuse it.
 * @throws OptionError where `source` is no bytes.
 */
export function plainBytes(source: unknown, what: string): Uint8Array {
  if (ArrayBuffer.isView(source)) {
    const view = new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
    return isShared(source.buffer) ? new Uint8Array(view) : view;
  }
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (isShared(source)) return new Uint8Array(new Uint8Array(source));
  const found = source === null ? "null" : Array.isArray(source) ? "an array" : `a ${typeof source}`;
  throw new OptionError(`${what}: found ${found}, expected its bytes: a Uint8Array (await fetch: arrayBuffer())`);
}

/** Whether `plainBytes` takes it. */
export function isBytes(source: unknown): source is ArrayBufferView | ArrayBufferLike {
  return ArrayBuffer.isView(source) || source instanceof ArrayBuffer || isShared(source);
}

function isShared(buffer: unknown): buffer is SharedArrayBuffer {
  return typeof SharedArrayBuffer === "function" && buffer instanceof SharedArrayBuffer;
}

/** A name or value from a file, as a message shows it: not without end. */
export function shown(value: unknown, most = 80): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? String(value));
  return text.length <= most ? text : `${text.slice(0, most)}... (${text.length} characters)`;
}

/** Extents in a message, of whatever rank a file says. */
export function shownShape(shape: readonly unknown[]): string {
  const most = 16;
  const more = shape.length > most ? `, ... (${shape.length} extents)` : "";
  return `[${shape.slice(0, most).join(", ")}${more}]`;
}
