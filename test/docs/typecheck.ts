/** Type-checks code of documents: against the build of the entries, by the project's options. */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { documentOptions } from "../support/face.js";
import { temporaryFolder } from "../support/temporary.js";
import { root } from "./markdown.js";

export interface Snippet {
  /** The page and line, or the export, that it stands at: said before its errors. */
  readonly at: string;
  /** Declarations that it needs. */
  readonly given: string;
  readonly code: string;
}

/** The compiler's errors, each with the snippet that it is in. */
export function errorsOf(snippets: readonly Snippet[], options: object = {}): string[] {
  const folder = temporaryFolder();
  const names = new Map<string, string>();
  snippets.forEach(({ at, given, code }, i) => {
    names.set(`${i}.ts`, at);
    writeFileSync(join(folder, `${i}.ts`), `${given.replaceAll("\n", " ")}\n${code}\nexport {};\n`);
  });
  mkdirSync(join(folder, "node_modules"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  const config = { compilerOptions: { ...documentOptions(), ...options }, include: ["*.ts"] };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const { status, stdout } = spawnSync(process.execPath, [compiler, "-p", folder, "--pretty", "false"], {
    cwd: folder,
    encoding: "utf8",
  });
  const errors = stdout
    .split("\n")
    .flatMap((line) => line.replace(/^.*?(\d+\.ts)\((\d+),\d+\)/, (_, file) => names.get(file)!).trim() || []);
  expect(status === 0, stdout).toBe(errors.length === 0);
  return errors;
}
