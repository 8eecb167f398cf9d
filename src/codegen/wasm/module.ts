/**
 * A WebAssembly module of functions over one imported memory, `env.memory`, exported as "k0", "k1", ...: the shape of
 * everything that fovea encodes for WebAssembly.
 */
import { ByteWriter } from "./bytes.js";

export interface MemoryLimits {
  /** In pages of 64 KiB. */
  readonly initialPages: number;
  readonly maximumPages: number;
  readonly shared: boolean;
}

/** A function's locals beyond its parameters, and its code without the final `end`. */
export interface FunctionBody {
  readonly locals: readonly { readonly type: number; readonly count: number }[];
  readonly code: ByteWriter;
}

export const VALUE_I32 = 0x7f;
export const VALUE_V128 = 0x7b;

const SECTION = { type: 1, import: 2, function: 3, export: 7, code: 10 } as const;

/** All functions take `parameters` i32 arguments and return `results` (value types). */
export function writeModule(
  memory: MemoryLimits | undefined,
  parameters: number,
  results: readonly number[],
  functions: readonly FunctionBody[],
): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter().byte(0x00, 0x61, 0x73, 0x6d).byte(1, 0, 0, 0);
  const section = (id: number, write: (w: ByteWriter) => void) => {
    const body = new ByteWriter();
    write(body);
    out.byte(id).sized(body);
  };
  section(SECTION.type, (w) => {
    w.u32(1).byte(0x60).u32(parameters);
    for (let n = 0; n < parameters; n++) w.byte(VALUE_I32);
    w.u32(results.length).byte(...results);
  });
  if (memory !== undefined)
    section(SECTION.import, (w) => {
      w.u32(1).name("env").name("memory").byte(0x02);
      w.byte(memory.shared ? 0x03 : 0x01)
        .u32(memory.initialPages)
        .u32(memory.maximumPages);
    });
  section(SECTION.function, (w) => {
    w.u32(functions.length);
    for (const _ of functions) w.u32(0);
  });
  section(SECTION.export, (w) => {
    w.u32(functions.length);
    for (let n = 0; n < functions.length; n++) w.name(`k${n}`).byte(0x00).u32(n);
  });
  section(SECTION.code, (w) => {
    w.u32(functions.length);
    for (const f of functions) w.sized(writeFunction(f));
  });
  return out.toUint8Array();
}

/** Declarations of locals, the code, and its end. */
export function writeFunction({ locals, code }: FunctionBody): ByteWriter {
  const body = new ByteWriter();
  const declared = locals.filter(({ count }) => count > 0);
  body.u32(declared.length);
  for (const { count, type } of declared) body.u32(count).byte(type);
  return body.append(code).byte(0x0b);
}
