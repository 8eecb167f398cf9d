/**
 * Code in the project's Markdown: `js` blocks run (test/scripts/docs.test.ts), `ts` blocks type-check, and a block that cannot be checked says
 * why. A block stands for itself; what it needs from elsewhere is declared in a comment before it, `<!-- given: ... -->`.
 */
import { expect, it } from "vitest";
import { PAGES } from "../../scripts/docs.mjs";
import { blocksOf, pages, proseOf, read } from "./markdown.js";
import { errorsOf } from "./typecheck.js";

const UNCHECKED = /^unchecked: \S/;
const all = pages().map((page) => ({ page, blocks: blocksOf(read(page)) }));

it("every ts block type-checks", () => {
  const blocks = all.flatMap(({ page, blocks }) =>
    blocks
      .filter(({ language, remark }) => language === "ts" && remark === "")
      .map(({ given, code, line }) => ({ at: `${page}:${line}`, given, code })),
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
  const block = (code: string, given = "") => ({ at: "a.md:7", given, code });
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
