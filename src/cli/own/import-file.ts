/** Imports a file of the user's: JavaScript, or TypeScript where Node or a package of the user's project reads it. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { createRequire, register } from "node:module";
import { dirname, extname } from "node:path";
import { pathToFileURL } from "node:url";
import { FileError } from "../../base/errors.js";
import { reasonOf } from "../../base/reason.js";
import { foveaVersion, packageFile } from "../../host/package-node.js";
import { canStripTypes } from "./strip-types.js";

const ENDINGS = [".ts", ".mts", ".js", ".mjs"];

/**
 * The exports of the file at `path`, whose name for messages is `file`.
 * @throws FileError where it is not there, cannot be read as code, throws, or imports another copy of fovea.
 */
export async function importFile(path: string, file: string): Promise<Readonly<Record<string, unknown>>> {
  if (!existsSync(path)) throw new FileError(`--module ${file}: no such file`);
  const ending = extname(path);
  if (!ENDINGS.includes(ending)) {
    throw new FileError(`--module ${file}: expected a file of code, one that ends in ${ENDINGS.join(", ")}`);
  }
  if (ending.endsWith("ts") && !(await canStripTypes(path))) throw untyped(file);
  checkCopy(path, file);
  register("./hooks.js", import.meta.url);
  try {
    return (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw new FileError(`--module ${file}: ${whyNotImported(error, path)}`, { cause: error });
  }
}

function untyped(file: string): FileError {
  const script = file.replace(/ts$/, "js");
  return new FileError(
    `--module ${file}: Node ${process.versions.node} reads no TypeScript, and no compiler is installed beside the file; use Node 22.13 or later, ` +
      `or run "npm install --save-dev esbuild" there, or make JavaScript of it by "npx esbuild ${file} --bundle --packages=external --format=esm --outfile=${script}"`,
  );
}

/** Networks are told by their class, which another copy of fovea has anew. */
function checkCopy(path: string, file: string): void {
  const own = realpathSync(packageFile("."));
  let found: string;
  try {
    found = realpathSync(dirname(createRequire(path).resolve("fovea/package.json")));
  } catch {
    return; // the hooks give it this copy
  }
  if (found !== own) throw otherCopy(file, found);
}

export function otherCopy(file: string, found?: string): FileError {
  const place = found === undefined ? "" : ` (${found})`;
  return new FileError(
    `--module ${file}: imports another copy of fovea${place} than this command's (${packageFile(".")}), and networks are told by their class; ` +
      `run the command that is installed beside the file: "npm install fovea-cli@${foveaVersion()}" there, then "npx fovea"`,
  );
}

function whyNotImported(error: unknown, path: string): string {
  if (error instanceof SyntaxError && path.endsWith("ts")) return `is not valid code: ${reasonOf(error)}`;
  if (error instanceof SyntaxError) {
    // Node names the line of a syntax error only where nobody catches it.
    const asModule = ["--input-type=module", "--check", "-"];
    const checked = spawnSync(process.execPath, asModule, { input: readFileSync(path), encoding: "utf8" }).stderr;
    return `is not valid code${lineIn(checked, "[stdin]")}: ${reasonOf(error)}`;
  }
  const { code } = (error ?? {}) as NodeJS.ErrnoException;
  if (code === "ERR_MODULE_NOT_FOUND") return `imports what is not there: ${reasonOf(error)}`;
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  return `throws while it is imported${lineIn(stack, pathToFileURL(path).href)}: ${reasonOf(error)}`;
}

/** Where `text` names a line of `file`. Lines of what a compiler made of it are none of the file. */
function lineIn(text: string, file: string): string {
  const at = text.indexOf(`${file}:`);
  const line = at < 0 ? Number.NaN : Number.parseInt(text.slice(at + file.length + 1), 10);
  return Number.isNaN(line) ? "" : `, line ${line}`;
}
