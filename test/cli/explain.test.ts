import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { fovea } from "../support/cli.js";
import { examplesOf, shellWords } from "../support/shell-words.js";
import { temporaryFolder } from "../support/temporary.js";

const docs = fileURLToPath(new URL("../../docs", import.meta.url));

describe("docs/worked-examples.md", () => {
  const copied = () => {
    const folder = temporaryFolder();
    cpSync(join(docs, "worked-examples"), join(folder, "worked-examples"), { recursive: true });
    return folder;
  };
  const examples = examplesOf(readFileSync(join(docs, "worked-examples.md"), "utf8"));

  it("has the lecture's exercises", () => {
    expect(examples.length).toBeGreaterThanOrEqual(10);
  });

  it.each(examples)("$command", async ({ command, expected }) => {
    const [name, ...words] = shellWords(command);
    expect(name).toBe("fovea");
    const { stdout, stderr, code } = await fovea(words, copied());
    expect(stderr.replace(/^fovea: drew .*\n/, "")).toBe("");
    expect([stdout.trimEnd(), code]).toEqual([expected, 0]);
  });

  it("shows the picture that is drawn today", async () => {
    const folder = copied();
    const { command } = examples.find(({ command }) => command.includes("--svg"))!;
    await fovea(shellWords(command).slice(1), folder);
    const drawn = readFileSync(join(folder, "steps.svg"), "utf8");
    expect(drawn).toBe(readFileSync(join(docs, "pictures/convolution-steps.svg"), "utf8"));
  });
});

describe("fovea explain", () => {
  it("draws a file a step, and says how many were left out", async () => {
    const folder = temporaryFolder();
    const asked = ["explain", "conv", "--input", "1 2 3; 4 5 6; 7 8 9", "--kernel", "1 0; 0 -1", "--svg", "out/steps"];
    const { stderr } = await fovea([...asked, "--frames", "3"], folder);
    expect(stderr).toContain("drew the first 3 of 4 steps");
    expect(readdirSync(join(folder, "out/steps"))).toEqual(["step-001.svg", "step-002.svg", "step-003.svg"]);
    expect(readFileSync(join(folder, "out/steps/step-003.svg"), "utf8")).toContain("Step 3 of 4: row 1, column 0");
  });

  it("reads a picture, and gives JSON for programs", async () => {
    const folder = temporaryFolder();
    const pixels = Buffer.from([0, 255, 0, 255, 0, 255, 0, 255, 51]);
    const png = await sharp(pixels, { raw: { width: 3, height: 3, channels: 1 } })
      .png()
      .toBuffer();
    writeFileSync(join(folder, "a.png"), png);
    const { stdout } = await fovea(
      ["explain", "conv", "--input", "a.png", "--grey", "--kernel", "0 1; 1 0", "--json"],
      folder,
    );
    const { input, result, convolution } = JSON.parse(stdout);
    expect([input, result, convolution.weights]).toEqual([[3, 3, 1], [2, 0, 0, 2], 4]);
  });

  it("draws of a large picture some steps that are spread over all, in greys", async () => {
    const folder = temporaryFolder();
    const pixels = Buffer.from(Array.from({ length: 20 * 20 }, (_, i) => (i * 13) % 256));
    const png = await sharp(pixels, { raw: { width: 20, height: 20, channels: 1 } })
      .png()
      .toBuffer();
    writeFileSync(join(folder, "a.png"), png);
    const asked = ["explain", "conv", "--input", "a.png", "--grey", "--kernel", "0 1; 1 0", "--svg", "out"];
    const { stderr } = await fovea([...asked, "--frames", "2"], folder);
    expect(stderr).toContain("drew 2 of 361 steps");
    expect(readdirSync(join(folder, "out"))).toEqual(["step-180.svg", "step-361.svg"]);
    const svg = readFileSync(join(folder, "out/step-361.svg"), "utf8");
    // Both grids are full; the kernel alone has its numbers.
    expect(svg.match(/fill="rgb\(/g)).toHaveLength(400 + 361);
    expect(svg).toContain("Step 361 of 361: row 18, column 18");
  });

  it("groups, dilation and strides of two kinds", async () => {
    const asked = ["--input", "9x9x4", "--kernel", "3x2", "--filters", "6", "--groups", "2", "--no-bias"];
    const window = ["--stride", "x=1,y=2", "--dilation", "2", "--padding", "1x0", "--json"];
    const { stdout } = await fovea(["explain", "conv", ...asked, ...window], temporaryFolder());
    const { output, convolution, window: used } = JSON.parse(stdout);
    expect(output).toEqual([4, 7, 6]);
    expect(convolution).toEqual({ weights: 3 * 2 * 2 * 6, biases: 0, multiplyAdds: 4 * 7 * 72 });
    expect(used).toMatchObject({ stride: [2, 1], padding: [1, 1, 0, 0], dilation: [2, 2] });
  });

  it.each([
    ["conv", "--input: say what goes in"],
    ["conv --input 4x4", "--kernel: give its size"],
    ["conv --input 4x4 --kernel 3 --stride 0", "conv2d: stride is 0x0, expected whole numbers of at least 1"],
    ["conv --input 4x4 --kernel 0", "conv2d: kernel is 0x0, expected whole numbers of at least 1"],
    ["conv --input 4x4 --kernel 7", "kernel 7 (=7x7) is larger than its padded input 4x4; add padding"],
    ["conv --input 0x4 --kernel 3", "--input 0x4: expected at least one row, one column and one channel"],
    ["conv --input none.txt --kernel 3", "--input none.txt: no such file; expected sizes such as 6x6x1"],
    ["conv --input 4x4 --kernel 3 --padding left=1,left=2", "expected sides such as top=1,left=1"],
    ["conv --input 4x4 --kernel 3 --svg a.svg", "--svg: steps are drawn where the numbers are known"],
    ["conv --input 4x4 --kernel 3 --kernel 5", "--kernel 3: give one size"],
    ["conv --input empty/a.png --kernel 3", "empty/a.png: no such file"],
    ['conv --input "1 2; 3 x" --kernel 1', 'line 2: "x" is not a number'],
    ['conv --input "1 2; 3 4" --kernel "1 2; 3 4" --filters 2', "--filters 2: the kernel's numbers say how many"],
    ["pool --input 7x7 --kernel 9", "kernel 9 (=9x9) is larger than its padded input 7x7"],
  ])("refuses %s", async (command, message) => {
    const { stdout, stderr, code } = await fovea(["explain", ...shellWords(command)], temporaryFolder());
    expect([stdout, code !== 0]).toEqual(["", true]);
    expect(stderr).toContain(message);
    expect(stderr.split("\n").length).toBeLessThanOrEqual(3);
  });

  it("says of a window in the padding that it has no pixel", async () => {
    const command = 'pool --input "1 2; 3 4" --kernel 1 --stride 2 --padding 1 --steps 4';
    const most = await fovea(["explain", ...shellWords(command)], temporaryFolder());
    expect(most.stdout).toContain("row 0, column 0: max(no pixel) = -Infinity\n");
    expect(most.stdout).toContain("row 1, column 1: max(4) = 4\n");
    const mean = await fovea(["explain", ...shellWords(`${command} --pool average`)], temporaryFolder());
    expect(mean.stdout).toContain("row 0, column 0: no pixel = 0\n");
  });
});
