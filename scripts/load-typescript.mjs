/** Hooks for `module.register`: Node then imports the tests' TypeScript, with the types taken off. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export async function resolve(specifier, context, next) {
  if (specifier.startsWith(".") && specifier.endsWith(".js") && context.parentURL?.startsWith("file:")) {
    const source = new URL(specifier.replace(/\.js$/, ".ts"), context.parentURL);
    if (existsSync(fileURLToPath(source))) return { url: source.href, shortCircuit: true };
  }
  return next(specifier, context);
}

export async function load(url, context, next) {
  if (!url.startsWith("file:") || !url.endsWith(".ts")) return next(url, context);
  const { transformWithOxc } = await import("vite");
  const { code } = await transformWithOxc(readFileSync(fileURLToPath(url), "utf8"), fileURLToPath(url), { lang: "ts" });
  return { format: "module", source: code, shortCircuit: true };
}
