/**
 * Packages with native code that not every place can load: a bare install leaves them out, and Node.js refuses addons where it is
 * told to. They are loaded when they are first needed, so that what needs none of them runs everywhere.
 */
import { createRequire } from "node:module";
import { BackendError } from "../base/errors.js";

const loaded = new Map<string, unknown>();

/** `what` needs it, in words: "Reading pictures". @throws BackendError where the package cannot be loaded. */
export function loadAddon<T>(name: string, what: string): T {
  if (!loaded.has(name)) {
    try {
      loaded.set(name, createRequire(import.meta.url)(name));
    } catch (cause) {
      throw new BackendError(`${what} needs the package ${name}, which could not be loaded: ${cure(name, cause)}`, {
        cause,
      });
    }
  }
  return loaded.get(name) as T;
}

function cure(name: string, cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === "MODULE_NOT_FOUND" && message.includes(`'${name}'`))
    return `it is not installed; run "npm install ${name}"`;
  if (code === "ERR_DLOPEN_DISABLED" || /no-addons|addons/i.test(message))
    return "Node.js runs without native addons here; leave out --no-addons, or allow them by --allow-addons";
  const [first] = message.split("\n");
  return `${first?.replace(/:$/, "")}; run "npm install --include=optional ${name}"`;
}
