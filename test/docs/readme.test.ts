/** README is short: what it is, the first five minutes, three recipes, what runs where, ten figures. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");

it("has at most 150 lines", () => {
  expect(readme.split("\n").length).toBeLessThanOrEqual(150);
});

it("tells ten figures, each with the command or page that remakes it", () => {
  const rows = readme
    .slice(readme.indexOf("## Figures"), readme.indexOf("## More"))
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("| what"));
  expect(rows).toHaveLength(10);
  for (const row of rows) expect(row.split(" | ").at(-1)).toMatch(/`.+`|\[.+\]\(.+\)/);
});
