/** Writes the API reference: TypeDoc reads the doc comments of the build, as editors do, and writes a page for each export. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { inProject, runNode } from "../prepare.mjs";

const SITE = inProject("docs", "site");

/** Files that give each entry of the package its name: TypeDoc names a module after its file. */
function writeEntries() {
  const entries = join(SITE, ".entries");
  rmSync(entries, { recursive: true, force: true });
  const { exports } = JSON.parse(readFileSync(inProject("package.json"), "utf8"));
  return Object.entries(exports).flatMap(([entry, { types }]) => {
    if (types === undefined) return [];
    const file = join(entries, `${join("fovea", entry)}.ts`);
    mkdirSync(dirname(file), { recursive: true });
    const up = "../".repeat(file.slice(SITE.length).split(/[\\/]/).length);
    writeFileSync(file, `export * from "${up}${types.slice(2).replace(/\.d\.ts$/, ".js")}";\n`);
    return [file];
  });
}

/** @param {string} to the folder of the pages. Returns whether it went well. */
export async function writeApi(to) {
  const entryPoints = writeEntries().flatMap((file) => ["--entryPoints", file]);
  const typedoc = join(SITE, "node_modules", "typedoc", "bin", "typedoc");
  const { code } = await runNode([typedoc, "--options", "typedoc.json", ...entryPoints, "--out", to], { cwd: SITE });
  return code === 0;
}
