/**
 * A network of the user's own, named on the command line by `--module FILE#EXPORT`. It is registered as those of the
 * zoo are, so that every command knows it then. Its code runs because the user named it here; no other file ever makes
 * it run (record.ts).
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { FileError, OptionError, unknownName } from "../../base/errors.js";
import { shown } from "../../base/options.js";
import type { Shape } from "../../graph/shape.js";
import { registerModel } from "../../models/index.js";
import type { ModuleRecord } from "../../run/config.js";
import { definitionFrom } from "./definition.js";
import { importFile } from "./import-file.js";

/** As a command declares it: `.option(...MODULE)`. */
export const MODULE = [
  "--module <file#export>",
  "a network of one's own: a file of TypeScript or JavaScript, whose code is run, and its export (default: default)",
] as const;

export interface OwnNetwork {
  /** By which it is registered: `net.ts`, or `net.ts#tower` for an export of its own name. */
  readonly name: string;
  readonly record: ModuleRecord;
}

/**
 * @param as the name to register it by, where a file knows it by one
 * @throws OptionError or FileError, naming the file and the export, where there is no network.
 */
export async function ownNetwork(text: string, as?: string): Promise<OwnNetwork> {
  const [, file = text, exported = "default"] = /^(.+)#([^#/\\]*)$/.exec(text) ?? [];
  if (exported === "") throw new OptionError(`--module ${text}: name an export behind #, such as ${file}#default`);
  const path = resolve(file);
  const exports = await importFile(path, file);
  const names = Object.keys(exports);
  const what = exported === "default" ? file : `${file}#${exported}`;
  if (!names.includes(exported)) throw noExport(file, exported, names);
  const name = as ?? `${basename(file)}${exported === "default" ? "" : `#${exported}`}`;
  registerModel({ ...definitionFrom(exports[exported], inputIn(exports, file), what), name });
  const sha256 = createHash("sha256").update(readFileSync(path)).digest("hex");
  return { name, record: { path, export: exported, sha256 } };
}

function noExport(file: string, exported: string, names: readonly string[]): Error {
  if (names.length === 0)
    return new FileError(`--module ${file}: exports nothing; add "export default" to its network`);
  if (exported !== "default") return unknownName(`export of ${file}`, exported, names);
  const network = names.find((name) => name !== "input") ?? names[0];
  return new OptionError(
    `--module ${file}: has no default export; name another, such as --module ${file}#${network} (exported: ${names.join(", ")})`,
  );
}

/** What the file says that its networks take. */
function inputIn({ input }: Readonly<Record<string, unknown>>, file: string): Shape | undefined {
  if (input === undefined) return undefined;
  const isShape = Array.isArray(input) && input.length === 3 && input.every((n) => Number.isSafeInteger(n) && n > 0);
  if (isShape) return input as Shape;
  throw new FileError(`--module ${file}: its export input is ${shown(input)}, expected [height, width, channels]`);
}
