/** The lecture's experiments, each in its quick form: their tables, what of their claims a few seconds can show, and their pictures. */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseHTML } from "linkedom";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../support/temporary.js";

const folder = fileURLToPath(new URL("../../examples/lecture", import.meta.url));
const names = readdirSync(folder)
  .filter((file) => file.endsWith(".mjs") && file !== "experiment.mjs")
  .map((file) => basename(file, ".mjs"));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const run = (name: string, args: readonly string[], cwd: string): Promise<Ended> =>
  new Promise((resolve) => {
    execFile(process.execPath, [join(folder, `${name}.mjs`), ...args], { cwd }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });

type Row = Readonly<Record<string, string>>;

/** The rows of the table that was printed: columns are two or more spaces apart. */
function rowsOf(stdout: string): Row[] {
  const lines = stdout.split("\n").filter((line) => line.includes("  "));
  const [heads, ...rows] = lines.map((line) => line.trim().split(/ {2,}/));
  return rows.map((row) => Object.fromEntries(heads!.map((head, i) => [head, row[i]!])));
}

const column = (rows: readonly Row[], head: string): (string | undefined)[] => rows.map((row) => row[head]);
const numbers = (rows: readonly Row[], head: string): number[] =>
  column(rows, head).map((text) => Number(text?.replace(/[%,]/g, "")));

/** Runs it quickly, holds its pictures to what every picture must be, and gives the table and the words of the picture. */
async function quickly(name: string): Promise<{ rows: Row[]; words: string; lines: number; tiles: number }> {
  const out = temporaryFolder();
  const { code, stdout, stderr } = await run(name, ["--quick", "--out", "drawn"], out);
  expect(code, stderr).toBe(0);
  const path = join(out, "drawn", name);
  const svg = readFileSync(`${path}.svg`, "utf8");
  expect(svg).not.toMatch(/NaN|Infinity|undefined|var\(--/);
  expect(svg).toContain("prefers-color-scheme: dark");
  const { document } = parseHTML(svg);
  const [width, height] = ["width", "height"].map((side) => Number(document.documentElement.getAttribute(side)));
  const { data, info } = await sharp(`${path}.png`).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  expect([info.width, info.height]).toEqual([2 * width!, 2 * height!]);
  // More than paper: a word or a line of ink has the pixels of hundreds.
  const paper = data.reduce((count, byte) => count + (byte === 255 ? 1 : 0), 0) / data.length;
  expect(paper).toBeLessThan(0.995);
  const titles = [...document.querySelectorAll("text")].map((text) => text.textContent);
  const lines = document.querySelectorAll('g[aria-label="line"] path').length;
  return { rows: rowsOf(stdout), words: titles.join("\n"), lines, tiles: document.querySelectorAll("image").length };
}

it("are seven", () => {
  expect(names.sort()).toEqual([
    "augmentation-and-dropout",
    "mlp-against-lenet5",
    "plain-against-residual",
    "relu-against-tanh",
    "shifted-input",
    "subsampled-picture",
    "three-3x3-against-one-7x7",
  ]);
});

describe("quickly", () => {
  it("LeNet-5 is better than networks of as many and of more parameters", async () => {
    const { rows, words, lines } = await quickly("mlp-against-lenet5");
    expect(column(rows, "network")).toEqual(["MLP 784-300-100-10", "MLP 784-78-10", "LeNet-5"]);
    // 784 x 78 + 78 + 78 x 10 + 10.
    expect(column(rows, "parameters")).toEqual(["266,610", "62,020", "61,706"]);
    const [large, small, lenet5] = numbers(rows, "test accuracy") as [number, number, number];
    expect(lenet5).toBeGreaterThan(Math.max(large, small));
    expect(small).toBeGreaterThan(80);
    expect(words).toContain("LeNet-5: 61,706");
    expect(lines).toBe(3);
  });

  it("ReLU and tanh both learn, in both settings", async () => {
    const { rows, words, lines } = await quickly("relu-against-tanh");
    expect(rows.map(({ pixels, units }) => `${pixels}: ${units}`)).toEqual([
      "scaled pixels: ReLU",
      "scaled pixels: tanh",
      "pixels less their mean: ReLU",
      "pixels less their mean: tanh",
    ]);
    for (const loss of numbers(rows, "loss at the end")) expect(loss).toBeLessThan(2);
    // Pixels that are not scaled delay tanh more.
    const [, scaled, , raw] = numbers(rows, "steps to 2") as [number, number, number, number];
    expect(raw).toBeGreaterThan(scaled);
    expect(words).toContain("tanh, rate 0.01");
    expect(lines).toBe(4);
  });

  it("a network without augmentation and dropout is better on its training pictures than on others", async () => {
    const { rows, lines } = await quickly("augmentation-and-dropout");
    expect(rows.map(({ augmentation, dropout }) => [augmentation, dropout])).toEqual([
      ["no", "no"],
      ["no", "0.5"],
      ["yes", "no"],
      ["yes", "0.5"],
    ]);
    const [training] = numbers(rows, "training accuracy") as [number];
    const [test] = numbers(rows, "test accuracy") as [number];
    expect(training).toBeGreaterThan(test + 5);
    expect(Math.min(...numbers(rows, "test accuracy"))).toBeGreaterThan(30);
    expect(lines).toBe(8);
  });

  it("residual networks have the parameters of plain ones", async () => {
    const { rows, words, lines } = await quickly("plain-against-residual");
    expect(rows.map(({ network, layers }) => `${network} ${layers}`)).toEqual([
      "plain 8",
      "plain 14",
      "residual 8",
      "residual 14",
    ]);
    // Of 4, 8 and 16 channels, 8 layers: 9 (4 + 16 + 16 + 32 + 64 + 128 + 256), norms 2 (3 x 4 + 2 x 8 + 2 x 16), 16 x 10 + 10.
    expect(column(rows, "parameters")).toEqual(["4,934", "11,094", "4,934", "11,094"]);
    for (const loss of numbers(rows, "training loss")) expect(loss).toBeLessThan(2.6);
    expect(words).toContain("14 layers");
    expect(lines).toBe(4);
  });

  it("three 3x3 see what one 7x7 sees, with 27/49 of its weights", async () => {
    const { rows, words, lines, tiles } = await quickly("three-3x3-against-one-7x7");
    expect(column(rows, "block")).toEqual(["three 3x3", "one 7x7"]);
    expect(column(rows, "sees")).toEqual(["7x7", "7x7"]);
    // 27 x 16^2 + 3 x 16 and 49 x 16^2 + 16.
    expect(column(rows, "its parameters")).toEqual(["6,960", "12,560"]);
    // Times 14 x 14 places, without biases.
    expect(column(rows, "multiply-adds")).toEqual(["1,354,752", "2,458,624"]);
    for (const error of numbers(rows, "test error")) expect(error).toBeLessThan(60);
    // 1 3 6 7 6 3 1 along either axis.
    for (const text of ["sees 5x5", "1 to 9 ways", "1 to 49 ways", "1 way"]) expect(words).toContain(text);
    expect([lines, tiles]).toEqual([2, 4]);
  });

  it("a digit of which one pixel in four is left is still recognised", async () => {
    const { rows, words, lines, tiles } = await quickly("subsampled-picture");
    expect(column(rows, "pixels")).toEqual(["28x28", "14x14", "7x7"]);
    expect(column(rows, "one in")).toEqual(["1", "4", "16"]);
    const { "the middle ones": middle, means, "trained on means": trained } = rows[0]!;
    expect([middle, trained]).toEqual([means, means]);
    const [whole, quarter, sixteenth] = numbers(rows, "means") as [number, number, number];
    expect(quarter).toBeGreaterThan(whole - 10);
    expect(sixteenth).toBeLessThan(quarter);
    expect(words).toContain("1 in 4x4");
    expect([lines, tiles]).toEqual([3, 9]);
  });

  it("a filter's numbers move with the digit, bit for bit, and pooled ones change less", async () => {
    const { rows, words, tiles } = await quickly("shifted-input");
    // 50 digits of 28 rows, 28 - 4 - shift columns and 6 channels.
    expect(column(rows, "numbers compared")).toEqual(["193,200", "168,000"]);
    expect(column(rows, "unequal")).toEqual(["0", "0"]);
    for (const layer of ["1", "2"]) {
      const [maps, pooled] = [numbers(rows, `change of conv${layer}`), numbers(rows, `change of pool${layer}`)];
      for (const [i, change] of maps.entries()) expect(pooled[i]).toBeLessThan(change);
    }
    for (const change of numbers(rows, "change of maxima")) expect(change).toBeLessThan(0.05);
    expect(words).toContain("shifted by 4");
    expect(tiles).toBe(21);
  });
});

it("gives the same table again, and another for another seed", async () => {
  const once = async (seed: string) =>
    (await run("shifted-input", ["--quick", "--seed", seed, "--out", "drawn"], temporaryFolder())).stdout;
  const [first, second, other] = [await once("1"), await once("1"), await once("2")];
  expect(rowsOf(first)).toHaveLength(2);
  expect(second).toBe(first);
  expect(other).not.toBe(first);
});

describe("a flag that is wrong", () => {
  it.each([
    [["--fast"], "Unknown option '--fast'"],
    [["now"], "now"],
    [["--seed=-1"], '--seed is "-1", expected a whole number of at least 0'],
    [["--seed", "1.5"], '--seed is "1.5", expected a whole number of at least 0'],
    [["--out="], "--out is empty, expected a folder"],
    [["--data", "mnits"], 'did you mean "mnist"'],
  ])("%j", async (args, message) => {
    const { code, stdout, stderr } = await run("shifted-input", args, temporaryFolder());
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/^shifted-input: .*\nusage: node examples\/lecture\/shifted-input\.mjs/s);
    expect(stderr).not.toContain("    at ");
  });

  it("and help is none", async () => {
    const { code, stdout } = await run("shifted-input", ["--help"], temporaryFolder());
    expect(code).toBe(0);
    expect(stdout).toContain("usage: node examples/lecture/shifted-input.mjs [--quick]");
  });
});
