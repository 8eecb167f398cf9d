import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { Project } from "./project.js";

/** A project whose one thing to fuzz is apples: the third is bad, the fourth ends its process. */
function orchard(): Project {
  const project = new Project({ installed: true });
  const folder = join(project.folder, "scripts/fuzz");
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
  project.write(
    "scripts/fuzz/apples.mjs",
    `export const about = "apples, one after another";
     export const things = "apples";
     export const options = { basket: { type: "string", help: "which basket" } };
     export async function open({ basket }) {
       if (basket === "none") throw new Error("there is no basket");
       return {
         async attempt(seed) {
           if (seed === 4) process.exit(7);
           if (seed === 5) throw new Error("a worm");
           if (seed === 1000) console.log("at 1000");
           return { failures: seed === 3 || seed === 6 ? [{ title: "bad", text: "apple " + seed + " is bad" }] : [] };
         },
       };
     }`,
  );
  return project;
}

it("lists what there is, and the flags of each", async () => {
  const project = orchard();
  const { code, stdout } = await project.run("fuzz.mjs");
  expect({ code, lines: stdout.split("\n") }).toMatchObject({ code: 0 });
  expect(stdout).toContain("  apples      apples, one after another\n");
  expect((await project.run("fuzz.mjs", ["apples", "--help"])).stdout).toContain("--basket X      which basket\n");
});

it.each([
  [["pears"], 'fuzz: unknown "pears", expected one of apples\n'],
  [["apples", "--seed", "-1"], "fuzz: "],
  [["apples", "--seed", "1.5"], "fuzz: --seed 1.5: expected a whole number from 0\n"],
  [["apples", "--minutes", "0"], "fuzz: --minutes 0: expected a number above 0\n"],
  [["apples", "--basket", "none"], "fuzz: there is no basket\n"],
])("refuses %j", async (args, said) => {
  const { code, stderr, stdout } = await orchard().run("fuzz.mjs", args);
  expect(stderr).toContain(said);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
});

it("says each fault once, and goes on behind a case that ends its process", async () => {
  const { code, stdout } = await orchard().run("fuzz.mjs", ["apples", "--count", "7"]);
  expect(stdout).toContain("apple 3 is bad\n");
  expect(stdout).not.toContain("apple 6 is bad");
  expect(stdout).toContain("seed 4 ended the process with code 7\n");
  expect(stdout).toContain("seed 5: Error: a worm\n");
  expect(stdout).toContain("     2 x bad\n");
  expect(stdout.endsWith("\n7 apples tried, 4 failures\n")).toBe(true);
  expect(code).toBe(1);
});

it.skipIf(process.platform === "win32")("prints its summary at Ctrl-C", async () => {
  const args = ["apples", "--seed", "7", "--minutes", "60"];
  const { code, stdout } = await orchard().run("fuzz.mjs", args, { whenSays: ["at 1000", "SIGINT"] });
  expect(stdout).toMatch(/\n\d+ apples tried, 0 failures\n$/);
  expect(code).toBe(130);
});
