/** TypeScript to JavaScript, by what is there: Node itself, else a compiler that the user's project has. fovea brings none. */
import nodeModule from "node:module";
import { basename } from "node:path";
import { pathToFileURL } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { reasonOf } from "../../base/reason.js";

type Strip = (code: string, path: string) => string | Promise<string>;

/** A compiler as a package; `stripOf` is undefined where this version of it has no such function. */
interface Compiler {
  readonly name: string;
  readonly stripOf: (exports: Record<string, unknown>) => Strip | undefined;
}

type NodesStrip = (code: string, options: { readonly mode: "strip" | "transform" }) => string;
type Transform = (code: string, options: object) => { readonly code: string };
type Oxc = (code: string, path: string, options: object) => Promise<{ readonly code: string }>;
interface Diagnostic {
  readonly start?: number;
  readonly messageText: string | { readonly messageText: string };
}
type Transpile = (
  code: string,
  options: object,
) => { readonly outputText: string; readonly diagnostics?: readonly Diagnostic[] };

const COMPILERS: readonly Compiler[] = [
  {
    name: "esbuild",
    stripOf: ({ transformSync: transform }) =>
      transform === undefined
        ? undefined
        : (code, path) =>
            (transform as Transform)(code, { loader: "ts", format: "esm", target: "es2022", sourcefile: path }).code,
  },
  {
    name: "typescript",
    stripOf: ({ transpileModule: transpile, ModuleKind: kinds, ScriptTarget: targets }) =>
      transpile === undefined
        ? undefined
        : (code, path) => {
            const module = (kinds as Record<string, number>)["ESNext"];
            const target = (targets as Record<string, number>)["ES2022"];
            const options = { fileName: path, reportDiagnostics: true, compilerOptions: { module, target } };
            const { outputText, diagnostics = [] } = (transpile as Transpile)(code, options);
            const [first] = diagnostics;
            if (first === undefined) return outputText;
            const line = code.slice(0, first.start).split("\n").length;
            const text = typeof first.messageText === "string" ? first.messageText : first.messageText.messageText;
            throw new SyntaxError(`${path}:${line}: ERROR: ${text}`);
          },
  },
  {
    name: "vite",
    stripOf: ({ transformWithOxc: transform }) =>
      transform === undefined
        ? undefined
        : async (code, path) => (await (transform as Oxc)(code, path, { lang: "ts" })).code,
  },
];

/** Of Node 22.13 and later. */
function stripByNode(): Strip | undefined {
  const strip = Reflect.get(nodeModule, "stripTypeScriptTypes") as NodesStrip | undefined;
  return strip && ((code) => withoutWarning(() => stripOrTransform(strip, code)));
}

/** Lines stay where they are, unless there is more to do than to take types off: enums, parameter properties. */
function stripOrTransform(strip: NodesStrip, code: string): string {
  try {
    return strip(code, { mode: "strip" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX") throw error;
    return strip(code, { mode: "transform" });
  }
}

/** Node calls it experimental at each start, which is no concern of the user's. */
function withoutWarning<T>(work: () => T): T {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return work();
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** What takes the types off the file at `path`; undefined where neither Node nor a package of its project can. */
async function stripperFor(path: string): Promise<Strip | undefined> {
  const own = stripByNode();
  if (own !== undefined) return own;
  const { resolve } = nodeModule.createRequire(path);
  for (const { name, stripOf } of COMPILERS) {
    const found = await importOrNothing(() => resolve(name));
    const strip = found && stripOf({ ...(found["default"] as object | undefined), ...found });
    if (strip !== undefined) return strip;
  }
  return undefined;
}

async function importOrNothing(resolve: () => string): Promise<Record<string, unknown> | undefined> {
  try {
    return (await import(pathToFileURL(resolve()).href)) as Record<string, unknown>;
  } catch {
    return undefined; // not installed there
  }
}

export const canStripTypes = async (path: string): Promise<boolean> => (await stripperFor(path)) !== undefined;

/** @throws SyntaxError `net.ts, line 3: ...` where it is no TypeScript. */
export async function stripTypes(code: string, path: string): Promise<string> {
  const strip = await stripperFor(path);
  if (strip === undefined) throw new Error("nothing here reads TypeScript");
  try {
    return await strip(code, path);
  } catch (error) {
    throw notTypeScript(error, path);
  }
}

/** Compilers name the line in their message, Node in the first line of the stack; both may be coloured. */
function notTypeScript(error: unknown, path: string): SyntaxError {
  const { message = "", stack = "" } = error as Partial<Error>;
  const plain = stripVTControlCharacters(message);
  const name = basename(path);
  const at = plain.indexOf(`${name}:`);
  const [, line] = /^:(\d+)/.exec(at < 0 ? stack : plain.slice(at + name.length)) ?? [];
  const [, said = reasonOf(error)] = /ERROR\]?:?\s+(.*)/.exec(plain) ?? [];
  return new SyntaxError(`${name}${line === undefined ? "" : `, line ${line}`}: ${said}`);
}
