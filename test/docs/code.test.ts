/**
 * Code in the project's Markdown: `js` blocks run (test/scripts/docs.test.ts), `ts` blocks type-check, and a block that cannot be checked says
 * why. A block stands for itself; what it needs from elsewhere is declared in a comment before it, `<!-- given: ... -->`.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { PAGES } from "../../scripts/docs.mjs";
import { temporaryFolder } from "../support/temporary.js";
import { type Block, blocksOf, pages, proseOf, read, root } from "./markdown.js";

const UNCHECKED = /^unchecked: \S/;
const all = pages().map((page) => ({ page, blocks: blocksOf(read(page)) }));

/** Each entry of the package, and the declarations of its build. */
function paths(): Record<string, string[]> {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const entries = Object.entries<{ types?: string }>(exports).flatMap(([entry, { types }]) =>
    types === undefined ? [] : [[join("fovea", entry).replaceAll("\\", "/"), [join(root, types)]]],
  );
  return { ...Object.fromEntries(entries), "#fovea/*": [join(root, "dist/*")] };
}

/** The compiler's errors, each with the page and the block that it is in. */
function errorsOf(blocks: readonly (Block & { readonly page: string })[]): string[] {
  const folder = temporaryFolder();
  const names = new Map<string, string>();
  blocks.forEach((block, i) => {
    names.set(`${i}.ts`, `${block.page}:${block.line}`);
    writeFileSync(join(folder, `${i}.ts`), `${block.given.replaceAll("\n", " ")}\n${block.code}\nexport {};\n`);
  });
  mkdirSync(join(folder, "node_modules"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  const base = JSON.parse(readFileSync(join(root, "tsconfig.json"), "utf8")).compilerOptions;
  const { target, module, moduleResolution, lib, strict, skipLibCheck } = base;
  const compilerOptions = { target, module, moduleResolution, lib, strict, skipLibCheck, noEmit: true, paths: paths() };
  const types = { types: ["node"], typeRoots: [join(root, "node_modules/@types")] };
  const config = { compilerOptions: { ...compilerOptions, ...types }, include: ["*.ts"] };
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

it("every ts block type-checks", () => {
  const blocks = all.flatMap(({ page, blocks }) =>
    blocks.filter(({ language, remark }) => language === "ts" && remark === "").map((block) => ({ ...block, page })),
  );
  expect(blocks.length).toBeGreaterThan(5);
  expect(errorsOf(blocks)).toEqual([]);
});

it("every js block is on a page whose code runs, and what is not checked says why", () => {
  const wrong = all.flatMap(({ page, blocks }) =>
    blocks
      .filter(({ language, remark }) => {
        if (!["js", "ts", "javascript", "typescript", "mjs"].includes(language)) return false;
        if (UNCHECKED.test(remark)) return false;
        return remark !== "" || (language === "js" ? !PAGES.includes(page) : language !== "ts");
      })
      .map(({ language, remark, line }) => `${page}:${line}: ${language} ${remark}`),
  );
  expect(wrong).toEqual([]);
});

it("no code hides in an indented block", () => {
  const wrong = all.flatMap(({ page }) =>
    [...read(page).matchAll(/^ {4}(?:import .* from ["']|(?:const|let) .* = |await \w).*$/gm)].flatMap(([line]) =>
      blocksOf(read(page)).some(({ code }) => code.includes(line!)) ? [] : [`${page}: ${line}`],
    ),
  );
  expect(wrong).toEqual([]);
});

it("finds code that does not type-check, and where it stands", () => {
  const block = (code: string, given = "") => ({ page: "a.md", language: "ts", remark: "", given, code, line: 7 });
  expect(
    errorsOf([block('import { nn } from "fovea";\nnn.relu();'), block("x + 1;", "declare const x: number;")]),
  ).toEqual([]);
  const found = errorsOf([block('import { nn } from "fovea";\nnn.rely();'), block("x + 1;")]);
  expect(found).toHaveLength(2);
  expect(found[0]).toMatch(/^a\.md:7: error TS\d+: .*'rely'/);
});

it("reads blocks with their remarks and what is given", () => {
  const text = "# a\n\n<!-- given: declare const x: number; -->\n```ts unchecked: no\nx;\n```\n\n```js\ny;\n```\n";
  expect(blocksOf(text)).toEqual([
    { language: "ts", remark: "unchecked: no", given: "declare const x: number;", code: "x;\n", line: 4 },
    { language: "js", remark: "", given: "", code: "y;\n", line: 8 },
  ]);
  expect(proseOf(text)).not.toContain("y;");
});
