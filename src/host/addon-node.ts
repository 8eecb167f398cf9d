/**
 * Loads the packages of packages.ts in Node.js, when they are first needed. A bare install leaves them out, and some
 * have native code, which Node.js refuses where it is told to.
 */
import { createRequire } from "node:module";
import { BackendError } from "../base/errors.js";
import { notInstalled, type OptionalPackage } from "./packages.js";

const loaded = new Map<string, unknown>();

/**
 * `what` needs it, in words: "Reading pictures". Who lacks it is told to install those that it is used `together` with.
 * @throws BackendError where the package cannot be loaded.
 */
export function loadAddon<T>(name: OptionalPackage, what: string, together?: readonly OptionalPackage[]): T {
  if (!loaded.has(name)) {
    try {
      loaded.set(name, createRequire(import.meta.url)(name));
    } catch (cause) {
      if (isMissing(name, cause)) throw new BackendError(notInstalled(what, name, together), { cause });
      throw new BackendError(`${what} needs the package ${name}, which could not be loaded: ${cure(name, cause)}`, {
        cause,
      });
    }
  }
  return loaded.get(name) as T;
}

/**
 * The path of one of the files of a package.
 * @throws BackendError where the package is not installed.
 */
export function packagePath(name: OptionalPackage, file: string, what: string, together?: readonly OptionalPackage[]) {
  try {
    // The package may be hoisted to any node_modules above, so its place is the resolver's to say.
    return createRequire(import.meta.url).resolve(`${name}/${file}`);
  } catch (cause) {
    throw new BackendError(notInstalled(what, name, together), { cause });
  }
}

function isMissing(name: OptionalPackage, cause: unknown): boolean {
  const { code, message } = cause as NodeJS.ErrnoException;
  return code === "MODULE_NOT_FOUND" && message.includes(`'${name}'`);
}

function cure(name: OptionalPackage, cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === "ERR_DLOPEN_DISABLED" || /no-addons|addons/i.test(message))
    return "Node.js runs without native addons here; leave out --no-addons, or allow them by --allow-addons";
  const [first] = message.split("\n");
  return `${first?.replace(/:$/, "")}; run "npm install --include=optional ${name}"`;
}
