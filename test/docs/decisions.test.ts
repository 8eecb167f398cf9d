/** Each decision has a number, a title, a date, an outcome, a command, and its row in the table of docs/decisions/README.md. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { read, root } from "./markdown.js";

const pages = readdirSync(join(root, "docs/decisions")).filter((name) => name !== "README.md");
const index = read("docs/decisions/README.md");

it("numbers them without a gap", () => {
  expect(pages.map((name) => Number(name.slice(0, 3)))).toEqual(pages.map((_, i) => i + 1));
});

it.each(pages)("%s says what, when, with which outcome and how to check it", (name) => {
  const text = read(`docs/decisions/${name}`);
  const [, number, title] = /^# (\d+)\. (.+)\n/.exec(text) ?? [];
  expect(Number(number)).toBe(Number(name.slice(0, 3)));
  const [, date, outcome] = /^(20\d\d-\d\d-\d\d)\b.*?\b(Taken|Not taken|Measured)\b/m.exec(text) ?? [];
  expect(text).toMatch(/`(?:npm|npx|node|fovea) [^`]+`/);
  expect(index).toContain(`| ${number} | [${title}](${name}) | ${date} | ${outcome?.toLowerCase()} |`);
});
