import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fovea } from "../support/cli.js";
import { examplesOf, shellWords } from "../support/shell-words.js";
import { temporaryFolder } from "../support/temporary.js";

describe("fovea summary", () => {
  const summary = (...words: string[]) => fovea(["summary", ...words], temporaryFolder());

  it("takes pictures of another size, also ones that are not square", async () => {
    const { stdout } = await summary("resnet18", "--input", "320x240", "--json");
    const { input, layers, multiplyAdds } = JSON.parse(stdout);
    expect([input, layers.find((l: { path: string }) => l.path === "layer4.1").output]).toEqual([
      [320, 240, 3],
      [10, 8, 512],
    ]);
    expect(multiplyAdds).toBeGreaterThan(2.7e9);
  });

  it("builds a network for the size where it has one", async () => {
    // 32x32 pictures have their border already: no padding in the first convolution.
    const { stdout } = await summary("lenet5", "--input", "32", "--json");
    expect(JSON.parse(stdout).layers[0]).toMatchObject({
      output: [28, 28, 6],
      receptiveField: { rows: { offset: 0 } },
    });
  });

  it("shows one block, and names the nearest of a layer that there is not", async () => {
    const { stdout } = await summary("resnet18", "--layer", "layer1.0");
    const paths = stdout
      .split("\n")
      .filter((line) => line.startsWith("layer1"))
      .map((line) => line.split(" ")[0]);
    expect(paths).toEqual([
      "layer1.0.conv1",
      "layer1.0.bn1",
      "layer1.0.relu1",
      "layer1.0.conv2",
      "layer1.0.bn2",
      "layer1.0",
    ]);
    const wrong = await summary("resnet18", "--layer", "layer1.0.conf2");
    expect([wrong.stderr, wrong.code]).toEqual([
      'fovea: --layer layer1.0.conf2: there is no such layer; did you mean "layer1.0.conv2"?\n',
      2,
    ]);
  });

  it("is a Markdown table", async () => {
    const { stdout } = await summary("lenet5", "--markdown");
    const lines = stdout.split("\n").filter((line) => line.startsWith("|"));
    expect(lines[2]).toBe("| conv1 | Conv2d | 28x28x6 | 156 | 117,600 | 18,816 | 5 | 1 | -2 |");
    expect(new Set(lines.map((line) => line.split("|").length))).toEqual(new Set([11]));
    expect(lines.at(-1)).toContain("**61,706**");
  });

  it.each([
    [["lenet"], 'did you mean "lenet5"?'],
    [
      ["lenet5", "--input", "32x30"],
      "--input 32x30: the network is made for 28x28, and not all of its layers take this size; leave it out (linear(fc1): in 400",
    ],
    [["lenet5", "--input", "0"], "--input 0: expected pixels such as 224"],
    [["lenet5", "--input", "40x30"], "linear(fc1): in 400 does not fit its input 640"],
    [["lenet5", "--json", "--markdown"], "give one of the two"],
    [["lenet5", "--batch", "0"], "--batch 0: expected a whole number of at least 1"],
  ])("refuses %s", async (words, message) => {
    const { stdout, stderr, code } = await summary(...words);
    expect([stdout, code === 0]).toEqual(["", false]);
    expect(stderr).toContain(message);
  });
});

it("prints what docs/looking-inside.md shows", async () => {
  const markdown = readFileSync(new URL("../../docs/looking-inside.md", import.meta.url), "utf8");
  const examples = examplesOf(markdown);
  expect(examples.length).toBeGreaterThan(0);
  for (const { command, expected } of examples) {
    const { stdout } = await fovea(shellWords(command).slice(1), temporaryFolder());
    expect(stdout.trimEnd()).toBe(expected);
  }
});
