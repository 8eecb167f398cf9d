/** A project in which fovea alone is installed, with what it depends on: the packages that it takes where they are there are not. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** Copied, since a link would find the packages beside the original. It is removed with the process. */
export function bareProject(): string {
  const folder = mkdtempSync(join(tmpdir(), "fovea-test-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const modules = join(folder, "node_modules");
  const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  for (const name of Object.keys(dependencies)) copy(join(root, "node_modules", name), join(modules, name));
  for (const part of ["package.json", "dist"]) copy(join(root, part), join(modules, "fovea", part));
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }');
  return folder;
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true });
}
