/**
 * Which platform this is: `platform-node.ts` in Node, Bun and Deno, `platform-browser.ts` anywhere else. Both are
 * imported by literal names, so that every bundler can follow; `browser` in package.json puts the latter in the
 * former's place in bundles for pages, which must not name Node's modules.
 */
import type { Platform } from "./platform.js";
import { platform as browserPlatform } from "./platform-browser.js";

let installed: Platform | undefined;

/** In place of the one that is found. */
export function installPlatform(platform: Platform): void {
  installed = platform;
}

export async function currentPlatform(): Promise<Platform> {
  // Service workers refuse `import()`, so what pages need is there already.
  installed ??= isNode() ? (await import("./platform-node.js")).platform : browserPlatform;
  return installed;
}

function isNode(): boolean {
  return typeof process !== "undefined" && process.versions?.node !== undefined;
}
