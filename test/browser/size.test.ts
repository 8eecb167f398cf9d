/** What a page must download: the whole of what is needed to run a model, and of each of the commonest imports no more than they use. */
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { temporaryFolder } from "../support/temporary.js";
import { buildPage } from "./site.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const readText = (file: string) => readFileSync(join(root, file), "utf8");

/** Scripts of a page that was built, by name. */
async function scriptsOf(page: string): Promise<Map<string, Buffer>> {
  const out = temporaryFolder();
  await buildPage(page, out);
  const assets = join(out, "assets");
  const names = readdirSync(assets).filter((name) => name.endsWith(".js"));
  return new Map(names.map((name) => [name, readFileSync(join(assets, name))]));
}

/** A page of one module that imports the package as it is installed. */
function pageOf(code: string): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(root, join(folder, "node_modules", "fovea"), "junction");
  writeFileSync(join(folder, "index.html"), '<script type="module" src="./main.js"></script>');
  writeFileSync(join(folder, "main.js"), code);
  return folder;
}

const gzippedKilobytes = (scripts: Iterable<Buffer>) =>
  [...scripts].reduce((sum, text) => sum + gzipSync(text, { level: 9 }).length, 0) / 1000;

it("loads and runs a model with the code that README says, gzipped", async () => {
  const scripts = await scriptsOf(fileURLToPath(new URL("smallest", import.meta.url)));
  const size = gzippedKilobytes(scripts.values());
  const said = Number(/code a page needs to load and run a model \| (\d+) kB gzipped/.exec(readText("README.md"))?.[1]);
  expect(Math.abs(size - said), `README says ${said} kB, it is ${size.toFixed(1)} kB`).toBeLessThan(0.15 * said);
  // Workers are a file of their own, the network is in, and what only Node can use is not.
  expect([...scripts.keys()].some((name) => name.startsWith("worker"))).toBe(true);
  const text = Buffer.concat([...scripts.values()]).toString();
  const has = (words: readonly string[]) => words.filter((word) => text.includes(word));
  expect(has(["LeNet-5 as taught today"])).toHaveLength(1);
  expect(has(["koffi", "node:os", "node:v8", "mprotect", "vzeroupper"])).toEqual([]);
});

/** The table of docs/pages.md: what is imported and used, and what it weighs. */
const COMMON: readonly (readonly [names: string, use: string])[] = [
  ["FoveaError", "FoveaError"],
  ["parseIdx", "parseIdx"],
  ["preprocessDigit", "preprocessDigit"],
  ["nn", "nn.sequential(nn.conv2d({ in: 1, out: 8, kernel: 3 }), nn.relu())"],
  ["models", 'models.create("lenet5")'],
  ["openDevice", "await openDevice()"],
  ["createClassifier, parseModel", "await createClassifier(parseModel(new Uint8Array(9)))"],
  ["nn, train", "[train, nn.conv2d]"],
  ["models, train, createClassifier", '[train, createClassifier, models.create("lenet5")]'],
];

it.each(COMMON)("import { %s } brings what docs/pages.md says, and no more", async (names, use) => {
  const scripts = await scriptsOf(pageOf(`import { ${names} } from "fovea"; console.log(${use});`));
  const size = gzippedKilobytes(scripts.values());
  const row = readText("docs/pages.md")
    .split("\n")
    .find((line) => line.startsWith(`| \`${names}\` |`));
  const said = Number(/\| (\d+(?:\.\d+)?) kB \|$/.exec(row ?? "")?.[1]);
  expect(Math.abs(size - said), `docs/pages.md says ${said} kB, it is ${size.toFixed(1)} kB`).toBeLessThan(
    Math.max(1, 0.15 * said),
  );
  const text = Buffer.concat([...scripts.values()]).toString();
  const usesZoo = /models|parseModel/.test(names);
  expect(text.includes("LeNet-5 as taught today")).toBe(usesZoo);
});
