/** What is said where WebAssembly cannot be had: the cause, and the cure that helps in that place. */
import { createContext, runInContext } from "node:vm";
import { afterEach, expect, test, vi } from "vitest";
import { BackendError } from "#fovea/base/errors.js";
import { detectWasm } from "#fovea/codegen/wasm/features.js";
import { chooseBackend } from "#fovea/devices/cpu/backends/choose.js";
import { platform as page } from "#fovea/devices/cpu/platform/platform-browser.js";
import { platform as node } from "#fovea/devices/cpu/platform/platform-node.js";

afterEach(() => void vi.unstubAllGlobals());

const SLOW = ', or choose backend "interpreter", which is very slow';
const REFUSED =
  "WebAssembly may not be compiled here (WebAssembly.Module(): Wasm code generation disallowed by embedder); ";

async function refusalOn(platform: typeof page): Promise<string> {
  const choice = await chooseBackend({ backend: "wasm" }, platform, () => {}).catch((error: unknown) => error);
  expect(choice).toBeInstanceOf(BackendError);
  return (choice as BackendError).message;
}

test("a policy that refuses to compile is told from an engine without vectors", async () => {
  // What V8 does in such a context is what it does under a page's Content-Security-Policy, and in Cloudflare's Workers.
  const context = createContext({}, { codeGeneration: { strings: false, wasm: false } });
  vi.stubGlobal("WebAssembly", runInContext("WebAssembly", context));
  expect(detectWasm()).toMatchObject({ simd: true, relaxed: false, missing: { kind: "refused" } });
  expect(await refusalOn(node)).toBe(`${REFUSED}allow it where this context is made (codeGeneration.wasm)${SLOW}`);
  expect(await refusalOn(page)).toBe(
    `${REFUSED}add 'wasm-unsafe-eval' to script-src of the page's Content-Security-Policy ` +
      `(of an extension: to extension_pages in its manifest's content_security_policy)${SLOW}`,
  );
  vi.stubGlobal("navigator", { userAgent: "Cloudflare-Workers" });
  expect(await refusalOn(page)).toBe(
    `${REFUSED}Cloudflare's Workers run no code that is made at run time: run fovea in a container or in the page${SLOW}`,
  );
});

test("an engine without WebAssembly is told from one without vectors", async () => {
  vi.stubGlobal("Window", class {});
  vi.stubGlobal("WebAssembly", undefined);
  expect(await refusalOn(page)).toBe(
    "this browser has no WebAssembly, which fovea needs; a mode for more security may have switched it off (iOS's Lockdown Mode does)" +
      SLOW,
  );
  vi.unstubAllGlobals();
  vi.spyOn(WebAssembly, "validate").mockReturnValue(false);
  expect(await refusalOn(page)).toBe(
    "this engine has no WebAssembly SIMD (128-bit vectors), which fovea needs; Chrome 91, Firefox 89, Safari 16.4 and Node 16.4 " +
      `brought it: update it${SLOW}`,
  );
  expect(await refusalOn(node)).toBe(
    "this engine has no WebAssembly SIMD (128-bit vectors), which fovea needs; Node has it from version 16.4 on, on processors with " +
      `SSE4.1 or NEON, unless an option takes it away${SLOW}`,
  );
  vi.restoreAllMocks();
});
