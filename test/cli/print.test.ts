import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fovea } from "../support/cli.js";
import { temporaryFolder } from "../support/temporary.js";

const print = (...words: string[]) => fovea(["print", "lenet5", "--target", "avx2", ...words], temporaryFolder());

describe("fovea print", () => {
  it("says what the stages are, how large, and how to see one", async () => {
    const { stdout, code } = await print("--layer", "conv1");
    expect(code).toBe(0);
    expect(stdout).toContain("lenet5: the stages of conv1 in inference at batch 16 for avx2\n");
    for (const stage of ["graph", "units", "program", "kernel", "code"])
      expect(stdout).toMatch(new RegExp(`print lenet5 --stage ${stage} --layer conv1$`, "m"));
  });

  it.each(["graph", "units", "program", "kernel"])("prints the stage %s", async (stage) => {
    const { stdout, code } = await print("--stage", stage, "--layer", "conv1");
    expect([code, stdout.startsWith("lenet5: ")]).toEqual([0, true]);
    expect(stdout).toContain("conv1");
  });

  it("prints JSON of the same things as text", async () => {
    const { network, kernels } = JSON.parse((await print("--stage", "code", "--layer", "conv1", "--json")).stdout);
    const { stdout } = await print("--stage", "code", "--layer", "conv1");
    expect([network, kernels.length]).toEqual(["lenet5", 2]);
    for (const { name, lines } of kernels) {
      expect(stdout).toContain(name);
      for (const { text } of lines) expect(stdout).toContain(text);
    }
  });

  it("writes text and pictures into files", async () => {
    const folder = temporaryFolder();
    const words = ["print", "mlp", "--stage", "program", "--target", "wasm"];
    const text = await fovea([...words, "--out", "program.txt"], folder);
    expect([text.code, text.stdout, text.stderr]).toEqual([0, "", "fovea: wrote program.txt\n"]);
    expect(readFileSync(join(folder, "program.txt"), "utf8")).toBe((await fovea(words, folder)).stdout);
    await fovea([...words, "--out", "memory.svg"], folder);
    expect(readFileSync(join(folder, "memory.svg"), "utf8")).toMatch(/^<svg/);
  });

  it.each([
    [["--layer", "conf1"], 'layer "conf1": there is no such layer; did you mean "conv1"?'],
    [
      ["--stage", "grap"],
      'unknown value of --stage "grap"; did you mean "graph"? (known: graph, units, program, kernel, code)',
    ],
    [["--target", "avx3"], 'unknown value of --target "avx3"; did you mean "avx2"?'],
    [["--batch", "0"], "--batch 0: expected a whole number of at least 1"],
    [["--out", "a.svg"], "--out a.svg: only --stage program has a picture; name a text file, or add --stage program"],
    [["--stage", "program", "--json", "--out", "a.svg"], "--json and --out a.svg: a picture is no JSON"],
    [["--optimizer", "adam"], "--optimizer: inference has none; add --training, or leave it out"],
    [["--input", "40x30"], "--input 40x30"],
  ])("refuses %s", async (words, message) => {
    const folder = temporaryFolder();
    const { stdout, stderr, code } = await fovea(["print", "lenet5", ...words], folder);
    expect([stdout, code, readdirSync(folder)]).toEqual(["", 2, []]);
    expect(stderr).toContain(`fovea: ${message}`);
  });
});
