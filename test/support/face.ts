/** The public face as an editor sees it: each export of each entry and each member of its types, with their doc comments, read from the build. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Node, SyntaxKind } from "typescript/unstable/ast";
import {
  API,
  type Checker,
  type Symbol as Named,
  type NodeHandle,
  SignatureKind,
  SymbolFlags,
} from "typescript/unstable/sync";

export const root = fileURLToPath(new URL("../../", import.meta.url));

/** An export, or a member of an exported type. */
export interface Declared {
  /** `nn.conv2d`, or `TrainOptions.epochs`: what one would look for. */
  readonly name: string;
  readonly kind: "function" | "class" | "const" | "type" | "namespace" | "member";
  /** The file of `src/` that declares it. */
  readonly file: string;
  readonly doc: string;
  readonly tags: readonly { readonly name: string; readonly text?: string | undefined }[];
  /** A member that may be left out. */
  readonly isOptional: boolean;
  /** The names of its parameters, where it is a function and `@param` says something of one. */
  readonly parameters?: readonly string[];
}

/** An entry of the package (`fovea/node`), and what it exports, by name: `nn`, `nn.conv2d`. */
export interface Entry {
  readonly name: string;
  readonly declarations: string;
  readonly exports: readonly Declared[];
}

export interface Face {
  readonly entries: readonly Entry[];
  /** All exports and members, each once. */
  readonly declared: readonly Declared[];
  /** Types that these name and no entry exports: nobody can write them down. */
  readonly forgotten: readonly string[];
}

/** The entries that have declarations: their names and files. */
export function entryFiles(): [name: string, declarations: string][] {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return Object.entries<{ types?: string }>(exports).flatMap(([entry, { types }]) =>
    types === undefined ? [] : [[`fovea${entry.slice(1)}`, join(root, types)]],
  );
}

/** The options of the compiler with which code in documents is read: the project's, and the entries by name. */
export function documentOptions() {
  const base = JSON.parse(readFileSync(join(root, "tsconfig.json"), "utf8")).compilerOptions;
  const { target, module, moduleResolution, lib, strict, skipLibCheck } = base;
  const paths = {
    ...Object.fromEntries(entryFiles().map(([name, file]) => [name, [file]])),
    "#fovea/*": [join(root, "dist/*")],
  };
  const types = { types: ["node"], typeRoots: [join(root, "node_modules/@types")] };
  return { target, module, moduleResolution, lib, strict, skipLibCheck, noEmit: true, paths, ...types };
}

/** Reads the declarations of the entries, or of `files` in their place. */
export function readFace(files = entryFiles()): Face {
  const folder = mkdtempSync(join(tmpdir(), "fovea-face-"));
  const config = join(folder, "tsconfig.json");
  writeFileSync(config, JSON.stringify({ compilerOptions: documentOptions(), files: files.map(([, file]) => file) }));
  const api = new API({ cwd: root });
  try {
    const project = api.updateSnapshot({ openProjects: [config] }).getProject(config)!;
    const reader = new Reader(project.checker);
    const entries = files.map(([name, declarations]) => {
      const module = project.checker.getSymbolAtLocation(project.program.getSourceFile(declarations)!)!;
      return { name, declarations, exports: reader.exportsOf(module, "") };
    });
    return { entries, declared: [...reader.found.values()], forgotten: reader.forgotten() };
  } finally {
    api.close();
    rmSync(folder, { recursive: true });
  }
}

const MEMBERS: ReadonlySet<SyntaxKind> = new Set([
  SyntaxKind.PropertySignature,
  SyntaxKind.MethodSignature,
  SyntaxKind.PropertyDeclaration,
  SyntaxKind.MethodDeclaration,
  SyntaxKind.GetAccessor,
  SyntaxKind.SetAccessor,
]);
const HIDDEN: ReadonlySet<SyntaxKind> = new Set([SyntaxKind.PrivateKeyword, SyntaxKind.ProtectedKeyword]);

class Reader {
  readonly found = new Map<string, Declared>();
  readonly #exported = new Map<string, Named>();
  readonly #checker: Checker;

  constructor(checker: Checker) {
    this.#checker = checker;
  }

  exportsOf(module: Named, prefix: string): Declared[] {
    return this.#checker.getExportsOfModule(module).flatMap((exported): Declared[] => {
      const symbol = exported.flags & SymbolFlags.Alias ? this.#checker.getAliasedSymbol(exported) : exported;
      const name = prefix + exported.name;
      if (symbol.flags & SymbolFlags.ValueModule) {
        const file = fileOf(symbol.declarations[0]!);
        const self: Declared = { name, kind: "namespace", file, doc: "", tags: [], isOptional: false };
        return [self, ...this.exportsOf(symbol, `${name}.`)];
      }
      const declared = this.#add(symbol, name);
      return [this.#isTypeOnly(exported) ? { ...declared, kind: "type" } : declared];
    });
  }

  /** Whether one of the exports that a name goes through is `export { type X }` or `export type { X }`. */
  #isTypeOnly(symbol: Named): boolean {
    if (!(symbol.flags & SymbolFlags.Alias)) return false;
    const specifier = symbol.declarations[0]!.resolve() as Node & { isTypeOnly?: boolean };
    const declaration = specifier.parent?.parent as (Node & { isTypeOnly?: boolean }) | undefined;
    if (specifier.isTypeOnly || declaration?.isTypeOnly) return true;
    const next = this.#checker.getImmediateAliasedSymbol(symbol);
    return next !== undefined && this.#isTypeOnly(next);
  }

  #add(symbol: Named, name: string): Declared {
    const [first] = symbol.declarations;
    const key = keyOf(first!);
    this.#exported.set(key, symbol);
    const known = this.found.get(key);
    if (known !== undefined) return { ...known, name };
    const declared = { ...this.#docOf(symbol), name, kind: kindOf(symbol), file: fileOf(first!), isOptional: false };
    this.found.set(key, declared);
    // The members of classes and types, and of type literals within any declaration: options that a function spells out.
    if (symbol.flags & (SymbolFlags.Class | SymbolFlags.Interface | SymbolFlags.TypeAlias)) {
      const type = this.#checker.getDeclaredTypeOfSymbol(symbol);
      for (const member of this.#checker.getPropertiesOfType(type)) this.#member(member, name);
      if (symbol.flags & SymbolFlags.Class) {
        const statics = this.#checker.getTypeOfSymbol(symbol)!;
        for (const member of this.#checker.getPropertiesOfType(statics)) this.#member(member, name);
      }
    }
    for (const handle of symbol.declarations) this.#within(handle.resolve()!, name);
    return declared;
  }

  /** Members that are declared below a node. */
  #within(node: Node, owner: string): void {
    node.forEachChild((child) => {
      if (MEMBERS.has(child.kind)) {
        const symbol = this.#checker.getSymbolAtLocation((child as Node & { name: Node }).name);
        if (symbol !== undefined) this.#member(symbol, owner);
      } else {
        this.#within(child, owner);
      }
      return undefined;
    });
  }

  #member(symbol: Named, owner: string): void {
    const handle = symbol.declarations[0];
    if (handle === undefined || !isOurs(handle)) return;
    const key = keyOf(handle);
    if (this.found.has(key)) return;
    const node = handle.resolve() as Node & { postfixToken?: Node; modifiers?: readonly Node[] };
    if (!MEMBERS.has(node.kind) || symbol.name.includes("#")) return;
    if (node.modifiers?.some((modifier) => HIDDEN.has(modifier.kind))) return;
    const isOptional = node.postfixToken?.kind === SyntaxKind.QuestionToken;
    // TypeScript names symbols as keys `__@iterator@7`.
    const name = `${owner}.${symbol.name.replace(/^__@(\w+)@\d+$/, "[Symbol.$1]")}`;
    this.found.set(key, { ...this.#docOf(symbol), name, kind: "member", file: fileOf(handle), isOptional });
    this.#within(node, name);
  }

  forgotten(): string[] {
    const names = new Set<string>();
    const walk = (node: Node): void => {
      node.forEachChild((child) => {
        const { typeName, expression } = child as Node & { typeName?: Node; expression?: Node };
        const name = typeName ?? (child.kind === SyntaxKind.ExpressionWithTypeArguments ? expression : undefined);
        if (name !== undefined) this.#note(name, names);
        walk(child);
        return undefined;
      });
    };
    for (const { declarations } of this.#exported.values()) for (const handle of declarations) walk(handle.resolve()!);
    return [...names].sort();
  }

  #note(name: Node, forgotten: Set<string>): void {
    const found = this.#checker.getSymbolAtLocation(name);
    const symbol = found && found.flags & SymbolFlags.Alias ? this.#checker.getAliasedSymbol(found) : found;
    const handle = symbol?.declarations[0];
    if (symbol === undefined || handle === undefined || !isOurs(handle)) return;
    if (!(symbol.flags & SymbolFlags.TypeParameter) && !this.#exported.has(keyOf(handle))) forgotten.add(symbol.name);
  }

  #docOf(symbol: Named): Pick<Declared, "doc" | "tags" | "parameters"> {
    const tags = this.#checker.getJsDocTagsOfSymbol(symbol);
    const doc = this.#checker.getDocumentationCommentOfSymbol(symbol);
    if (!tags.some(({ name }) => name === "param")) return { doc, tags };
    const type = this.#checker.getTypeOfSymbol(symbol)!;
    const signatures = this.#checker.getSignaturesOfType(type, SignatureKind.Call);
    return { doc, tags, parameters: signatures.flatMap((s) => s.getParameters().map(({ name }) => name)) };
  }
}

function kindOf(symbol: Named): Declared["kind"] {
  if (symbol.flags & SymbolFlags.Function) return "function";
  if (symbol.flags & SymbolFlags.Class) return "class";
  return symbol.flags & SymbolFlags.Variable ? "const" : "type";
}

const keyOf = (handle: NodeHandle) => `${handle.path}:${handle.index}`;
const isOurs = (handle: NodeHandle) => !handle.path.includes("/node_modules/");
const fileOf = (handle: NodeHandle) =>
  handle.path
    .slice(root.length)
    .replace(/^dist\//, "src/")
    .replace(/\.d\.ts$/, ".ts");
