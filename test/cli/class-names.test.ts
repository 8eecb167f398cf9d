/** Names of classes for weights that come without, and how well each class is told from the others. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nn, type TrainedModel } from "#fovea/index.js";
import { saveModel } from "#fovea/index-node.js";
import { events, fovea } from "../support/cli.js";

let folder: string;
const run = (...words: string[]) => fovea(words, folder);
const COLOURS = ["red", "green", "blue"];

/** Tells the brightest channel of a picture, as one of `classes`; those behind the third are never said. */
function brightest(classes: number): TrainedModel {
  const module = nn.sequential({ pool: nn.globalAvgPool2d(), fc: nn.linear({ in: 3, out: classes }) });
  const weight = Float32Array.from({ length: 3 * classes }, (_, i) =>
    i % classes === Math.floor(i / classes) ? 9 : 0,
  );
  const bias = Float32Array.from({ length: classes }, (_, label) => (label < 3 ? 0 : -9));
  const weights = new Map([
    ["fc.weight", { shape: [3, classes], data: weight }],
    ["fc.bias", { shape: [classes], data: bias }],
  ]);
  const names = Array.from({ length: classes }, (_, label) => String(label));
  return { module, input: [2, 2, 3], classes: names, scaling: { mean: [0, 0, 0], std: [1, 1, 1] }, weights };
}

const NET = (classes: number) => `import { nn } from "fovea"; export const input = [2, 2, 3];
export default nn.sequential({ pool: nn.globalAvgPool2d(), fc: nn.linear({ in: 3, out: ${classes} }) });`;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "fovea-classes-"));
  await saveModel(join(folder, "three.safetensors"), brightest(3));
  await saveModel(join(folder, "many.safetensors"), brightest(30));
  for (const classes of [3, 30]) writeFileSync(join(folder, `net${classes}.mjs`), NET(classes));
  const { mkdir } = await import("node:fs/promises");
  // Of three red pictures one is in the folder of blue ones, and one is green.
  const pictures: [string, string, string][] = [
    ["red", "a", "red"],
    ["red", "b", "lime"],
    ["green", "a", "lime"],
    ["blue", "a", "blue"],
    ["blue", "b", "red"],
  ];
  for (const [label, name, background] of pictures) {
    for (const half of ["train", "test"]) {
      await mkdir(join(folder, "data", half, label), { recursive: true });
      const one = sharp({ create: { width: 2, height: 2, channels: 3, background } });
      await one.png().toFile(join(folder, "data", half, label, `${name}.png`));
    }
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const RED = "data/test/red/a.png";
const three = ["three.safetensors", "--module", "net3.mjs"];

describe("--classes", () => {
  it.each([
    ["lines", "red\ngreen\r\nblue\n"],
    ["a list in JSON", JSON.stringify(COLOURS)],
    [
      "names by number, as ImageNet's go around",
      JSON.stringify({ 0: ["n1", "red"], 1: ["n2", "green"], 2: ["n3", "blue"] }),
    ],
  ])("reads %s", async (_, text) => {
    writeFileSync(join(folder, "names"), text);
    const { stdout, stderr } = await run(
      "predict",
      ...three,
      RED,
      "--classes",
      "names",
      "--json",
      "--mean",
      "0,0,0",
      "--std",
      "1,1,1",
    );
    expect(events(stdout)[0]).toMatchObject({ label: 0, class: "red" });
    expect(stderr).not.toContain("--classes");
  });

  it("is what a numbered answer asks for", async () => {
    const { stdout, stderr } = await run("predict", ...three, RED, "--top", "1");
    expect(stdout).toMatch(/red\/a\.png: 0 \(/);
    expect(stderr).toContain("three.safetensors does not name its classes; name them by --classes FILE");
  });

  it.each([
    ["red\ngreen", "--classes names: names 2 classes, but the network tells 3 apart; give a name for each"],
    ["[1, 2, 3]", "--classes names: expected a list of names, or names by number from 0"],
    ["[", "--classes names: is not JSON"],
  ])("refuses %j", async (text, message) => {
    writeFileSync(join(folder, "names"), text);
    expect((await run("predict", ...three, RED, "--classes", "names")).stderr).toContain(message);
  });
});

describe("fovea eval", () => {
  it("shows recall and precision of each class", async () => {
    writeFileSync(join(folder, "names"), COLOURS.join("\n"));
    const words = ["eval", ...three, "--data", "data", "--classes", "names"];
    const { stdout } = await run(...words);
    // One of two red pictures is found; of the two that are said to be red, one is. Green: 1 of 1, 1 of 2. Blue: 1 of 2, 1 of 1.
    const rows = stdout
      .slice(stdout.indexOf("class "))
      .trim()
      .split("\n")
      .map((row) => row.trim().split(/ {2,}/));
    expect(rows).toEqual([
      ["class", "pictures", "recall", "precision", "F1"],
      ["red", "2", "50.00%", "50.00%", "50.00%"],
      ["green", "1", "100.00%", "50.00%", "66.67%"],
      ["blue", "2", "50.00%", "100.00%", "66.67%"],
    ]);
    const { classes } = JSON.parse((await run(...words, "--json")).stdout);
    expect(classes).toEqual([
      { recall: 0.5, precision: 0.5, f1: 0.5 },
      { recall: 1, precision: 0.5, f1: 2 / 3 },
      { recall: 0.5, precision: 1, f1: 2 / 3 },
    ]);
  });

  it("of many classes shows those that are found least, and the top five", async () => {
    writeFileSync(join(folder, "names"), [...COLOURS, ...Array.from({ length: 27 }, (_, i) => `other${i}`)].join("\n"));
    const { stdout } = await run(
      "eval",
      "many.safetensors",
      "--module",
      "net30.mjs",
      "--data",
      "data",
      "--classes",
      "names",
    );
    expect(stdout).toContain("  top 5     100.00%\n");
    expect(stdout).not.toContain("Rows are what the pictures show");
    expect(stdout).toContain("green");
  });
});

it("a model of a network of one's own asks for its file in words of the command line", async () => {
  const { stderr, code } = await run("predict", "three.safetensors", RED);
  expect([stderr, code]).toEqual([
    "fovea: three.safetensors: is a model of a network that is not of the zoo; name the file of its code: --module FILE\n",
    2,
  ]);
});
