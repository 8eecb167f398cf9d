/** The picture of the folders is what its script draws of the sources as they are. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { arrowsOf, drawFloors, foldersOf, PICTURE } from "../../scripts/floors.mjs";
import { read } from "./markdown.js";

it("docs/pictures/floors.svg shows the folders of src/ and their imports; else run node scripts/floors.mjs", () => {
  expect(drawFloors()).toBe(readFileSync(PICTURE, "utf8"));
});

it("docs/architecture.md has a sentence for each folder", () => {
  const text = read("docs/architecture.md");
  for (const folder of [...foldersOf().keys(), "base"]) expect(text).toMatch(new RegExp(`^\\| \`${folder}\` \\|`, "m"));
});

it("leaves out arrows that follow from others, and asks for the caption of a new folder", () => {
  const folders = new Map([
    ["cli", new Set(["run", "graph"])],
    ["run", new Set(["graph"])],
    ["graph", new Set<string>()],
  ]);
  expect(arrowsOf(folders)).toEqual([
    ["cli", "run"],
    ["run", "graph"],
  ]);
  expect(() => drawFloors(folders.set("attic", new Set()))).toThrow("src/attic");
});
