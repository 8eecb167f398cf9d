/** Pages whose code runs and whose printed blocks are what it prints: `node scripts/docs.mjs` writes them anew. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { PAGES, refreshed } from "../../scripts/docs.mjs";

it.each(PAGES)("%s shows what its code prints", (page) => {
  const markdown = readFileSync(new URL(`../../${page}`, import.meta.url), "utf8");
  expect(markdown).toMatch(/```(text|console)\n/);
  expect(refreshed(markdown)).toBe(markdown);
});

it("sees what is no longer so, and code that fails", () => {
  const page = (text: string) =>
    `\`\`\`js\nconst a = 6;\n\`\`\`\n\n\`\`\`js\nconsole.log(7 * a);\n\`\`\`\n\n\`\`\`text\n${text}\n\`\`\`\n`;
  expect(refreshed(page("41"))).toBe(page("42"));
  expect(refreshed(page("42"))).toBe(page("42"));
  expect(() => refreshed("```js\nthrow new Error('no');\n```\n")).toThrow("no");
});
