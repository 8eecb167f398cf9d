/**
 * TypeScript to JavaScript, by what is there: Node itself, else a compiler that the user's project has. fovea brings none.
 */
import nodeModule from "node:module";
import { pathToFileURL } from "node:url";

type Strip = (code: string, path: string) => string | Promise<string>;

/** A compiler as a package; undefined where this version of it has no such function. */
interface Compiler {
  readonly name: string;
  readonly stripOf: (exports: Record<string, unknown>) => Strip | undefined;
}

type Transform = (code: string, options: object) => { readonly code: string };
type Transpile = (code: string, options: object) => { readonly outputText: string };
type Oxc = (code: string, path: string, options: object) => Promise<{ readonly code: string }>;

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
            return (transpile as Transpile)(code, { fileName: path, compilerOptions: { module, target } }).outputText;
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

/** Whether Node takes types off by itself: 22.18, 23.6 and later. */
export const nodeStripsTypes = (): boolean => Boolean(Reflect.get(process.features, "typescript"));

const byNode = (): Strip | undefined => Reflect.get(nodeModule, "stripTypeScriptTypes") as Strip | undefined;

/** How types are taken off the file at `path`; undefined where neither Node nor a package of its project can. */
export async function typeStripper(path: string): Promise<Strip | undefined> {
  if (byNode() !== undefined) return (code) => byNode()!(code, path);
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
