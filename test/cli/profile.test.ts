import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fovea } from "../support/cli.js";
import { temporaryFolder } from "../support/temporary.js";

describe("fovea profile", () => {
  const run = (...words: string[]) => fovea(["profile", ...words], temporaryFolder());

  it("prints a row for each layer and pass, what is not layers, and totals", async () => {
    const { stdout, code } = await run("lenet5", "--batch", "4", "--repeats", "2");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^lenet5: takes 28x28x1\. \w+ on 1 thread: at most [\d.]+ GFLOP\/s and [\d.]+ GB\/s/);
    expect(stdout).toMatch(/Inference at batch 4: [\d.]+ ms in \d+ steps, medians of 2 runs\. Made once/);
    expect(stdout).toMatch(
      /\nconv1 \+ pool1 \+ relu1 +forward +conv2d\+add\+maxPool2d\+relu +direct +[\d.]+ +[\d.]+% +[\d.]+ +[\d.]+ +[\d.]+ +\d+%\n/,
    );
    expect(stdout).toMatch(/\nfc1 \+ relu3 +forward +linear\+add\+relu +linear /);
    const [, training] = stdout.split("Training at batch 4");
    for (const row of [
      "conv1 \\+ pool1 +backward +conv2dWeightGrad\\+maxPool2dGrad +routedWeightGradient ",
      "packing of weights ",
      "update ",
      "loss and metrics ",
      "all forward ",
      "all backward ",
    ])
      expect(training).toMatch(new RegExp(`\n${row}`));
    expect(training).toMatch(/\ntotal +[\d.]+ +100\.0% /);
  });

  it("shows all that belongs to one layer, and one program alone", async () => {
    const { stdout } = await run("lenet5", "--batch", "2", "--repeats", "1", "--train", "--layer", "conv2");
    expect(stdout).not.toContain("Inference");
    const rows = stdout.split("\n").filter((line) => /^conv2|^pool/.test(line));
    expect(rows.length).toBeGreaterThan(3);
    expect(rows.every((line) => line.startsWith("conv2"))).toBe(true);
    expect(stdout).toMatch(/\nconv2 +update /);
  });

  it("writes pictures, a table and JSON", async () => {
    const folder = temporaryFolder();
    const words = [
      "profile",
      "lenet5",
      "--infer",
      "--batch",
      "2",
      "--repeats",
      "1",
      "--json",
      "--svg",
      "all.svg",
      "--out",
      "a/b",
    ];
    const { stdout, stderr, code } = await fovea(words, folder);
    expect([code, stderr]).toEqual([0, expect.stringContaining("fovea: wrote all.svg, a/b/infer-time.svg")]);
    expect(readdirSync(join(folder, "a/b")).sort()).toEqual([
      "infer-roofline.png",
      "infer-roofline.svg",
      "infer-time.png",
      "infer-time.svg",
      "profile.csv",
    ]);
    const { network, programs } = JSON.parse(stdout) as { network: string; programs: { rows: unknown[] }[] };
    expect([network, programs.length]).toEqual(["lenet5", 1]);
    const lines = readFileSync(join(folder, "a/b/profile.csv"), "utf8").trimEnd().split("\n");
    expect(lines[0]).toBe(
      "program,batch,layers,pass,computes,strategy,steps,ms,share,multiply_adds,operations,bytes,gflops,operations_a_byte,of_roofline",
    );
    expect(lines).toHaveLength(1 + programs[0]!.rows.length);
    expect(readFileSync(join(folder, "all.svg"), "utf8")).toContain("operations a byte moved");
  });

  it("is a Markdown table", async () => {
    const { stdout } = await run("lenet5", "--infer", "--batch", "1", "--repeats", "1", "--markdown", "--no-winograd");
    const lines = stdout.split("\n").filter((line) => line.startsWith("|"));
    expect(lines[0]).toBe(
      "| layers | pass | computes | strategy | ms | share | GFLOP/s | MB | ops/byte | of roofline |",
    );
    expect(new Set(lines.map((line) => line.split("|").length))).toEqual(new Set([12]));
  });

  it.each([
    [["lenet"], 'did you mean "lenet5"?'],
    [["lenet5", "--batch", "0"], "--batch 0: expected a whole number of at least 1"],
    [["lenet5", "--layer", "conv22"], '--layer conv22: there is no such layer; did you mean "conv2"?'],
    [["lenet5", "--memory-limit", "100KB"], "the least that would do is a memoryLimit of"],
    [["lenet5", "--backend", "interpreter"], "the interpreter checks instead of being fast"],
    [["lenet5", "--json", "--markdown"], "give one of the two"],
    [["none.safetensors"], "none.safetensors"],
  ])("refuses %s", async (words, message) => {
    const { stdout, stderr, code } = await run(...words);
    expect([stdout, code === 0]).toEqual(["", false]);
    expect(stderr).toContain(message);
    expect(existsSync("profile.csv")).toBe(false);
  });
});
