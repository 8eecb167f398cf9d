/**
 * Hooks for `module.register`, on a thread of Node's own: with them a user's file is imported in TypeScript, and without fovea installed
 * beside it. What resolves and loads without them is left as it is.
 */
import { existsSync, readFileSync } from "node:fs";
import type { LoadHook, ResolveHook } from "node:module";
import { fileURLToPath } from "node:url";
import { stripTypes } from "./strip-types.js";

const isOurs = (specifier: string) => specifier === "fovea" || specifier.startsWith("fovea/");

export const resolve: ResolveHook = async (specifier, context, next) => {
  try {
    return await next(specifier, context);
  } catch (error) {
    // In a package its own name is known.
    if (isOurs(specifier)) return next(specifier, { ...context, parentURL: import.meta.url });
    const source = typed(specifier, context.parentURL);
    if (source !== undefined) return next(source, context);
    throw error;
  }
};

/** TypeScript's files import each other by the names that they will have: `./block.js` is then `./block.ts`. */
function typed(specifier: string, parent: string | undefined): string | undefined {
  if (!/^\.{0,2}\/.*\.m?js$/.test(specifier) || !parent?.startsWith("file:")) return undefined;
  const source = new URL(specifier.replace(/js$/, "ts"), parent);
  return existsSync(source) ? source.href : undefined;
}

export const load: LoadHook = async (url, context, next) => {
  if (!url.startsWith("file:") || url.includes("/node_modules/")) return next(url, context);
  if (/\.m?ts$/.test(url)) {
    const path = fileURLToPath(url);
    return asModule(await stripTypes(readFileSync(path, "utf8"), path));
  }
  const loaded = context.format === "commonjs" ? readFileSync(fileURLToPath(url), "utf8") : undefined;
  return loaded !== undefined && IS_MODULE.test(loaded) ? asModule(loaded) : next(url, context);
};

/** What `npm init` makes says that its files are CommonJS, whatever is written in them. */
const IS_MODULE = /^\s*(?:import\s*[\w{*"']|export\s+(?:default|const|class|function|async|let|\{|\*))/m;

const asModule = (source: string) => ({ format: "module", source, shortCircuit: true }) as const;
