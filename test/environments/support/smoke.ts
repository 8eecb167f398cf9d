/** What page/smoke.js gives. */
export interface Report {
  readonly backend?: string;
  readonly threads?: number;
  readonly digest?: string;
  readonly notes: readonly string[];
  readonly error?: string;
  readonly message?: string;
}

/** Its digest in WebAssembly that rounds twice, in any engine, for any number of threads. */
export const WASM_DIGEST = "60984389";
