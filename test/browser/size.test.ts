/** What a page must download before it can load a model file and run it: the code of the session, its workers, the compiler, the zoo. */
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { temporaryFolder } from "../support/temporary.js";
import { buildPage } from "./site.js";

it("loads and runs a model with less than 121 kB of code, gzipped", async () => {
  const folder = temporaryFolder();
  await buildPage(fileURLToPath(new URL("smallest", import.meta.url)), folder);
  const assets = join(folder, "assets");
  const scripts = readdirSync(assets).filter((name) => name.endsWith(".js"));
  const code = scripts.map((name) => readFileSync(join(assets, name)));
  const bytes = code.reduce((sum, text) => sum + gzipSync(text, { level: 9 }).length, 0);
  console.log(`code to load and run a model: ${(bytes / 1000).toFixed(1)} kB gzipped (${scripts.sort().join(", ")})`);
  expect(bytes).toBeLessThan(121_000);
  // Workers are a file of their own, the network is in, and what only Node can use is not.
  expect(scripts.some((name) => name.startsWith("worker"))).toBe(true);
  const text = Buffer.concat(code).toString();
  const has = (words: readonly string[]) => words.filter((word) => text.includes(word));
  expect(has(["LeNet-5 as taught today"])).toHaveLength(1);
  expect(has(["koffi", "node:os", "node:v8", "mprotect", "vzeroupper"])).toEqual([]);
});

it("keeps the networks where a page only creates and trains them, from an installed package", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(fileURLToPath(new URL("../..", import.meta.url)), join(folder, "node_modules", "fovea"), "junction");
  writeFileSync(join(folder, "index.html"), '<script type="module" src="./main.js"></script>');
  writeFileSync(
    join(folder, "main.js"),
    'import { models, train } from "fovea"; console.log(models.create("lenet5"), train);',
  );
  await buildPage(folder, join(folder, "out"));
  const assets = join(folder, "out", "assets");
  const text = readdirSync(assets).map((name) => readFileSync(join(assets, name), "utf8"));
  // Networks register themselves: a bundler that thinks this has no effect would leave them out.
  expect(text.some((code) => code.includes("LeNet-5 as taught today"))).toBe(true);
});
