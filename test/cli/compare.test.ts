import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { events, fovea, startFovea } from "../support/cli.js";
import { temporaryFolder } from "../support/temporary.js";

describe("fovea compare", () => {
  it("writes pictures and the table behind them", async () => {
    const folder = temporaryFolder();
    const words = ["compare", "mlp", "lenet5", "--quick", "--batches", "1,2", "--json", "--out", "a/b"];
    const { stdout, stderr, code } = await fovea(words, folder);
    expect([code, stderr]).toEqual([0, "fovea: wrote a/b/compare.csv and 8 pictures beside it\n"]);
    expect(readdirSync(join(folder, "a/b")).sort()).toEqual([
      "accuracy-operations.png",
      "accuracy-operations.svg",
      "compare.csv",
      "memory-batch.png",
      "memory-batch.svg",
      "time-batch.png",
      "time-batch.svg",
      "time-operations.png",
      "time-operations.svg",
    ]);
    expect(events(stdout).map(({ network, batch }) => [network, batch])).toEqual([
      ["mlp", 1],
      ["mlp", 2],
      ["lenet5", 1],
      ["lenet5", 2],
    ]);
    expect(readFileSync(join(folder, "a/b/compare.csv"), "utf8").split("\n")).toHaveLength(6);
  });

  it("keeps what was measured at a Ctrl-C", async () => {
    const folder = temporaryFolder();
    const batches = Array.from({ length: 400 }, (_, i) => i + 1).join(",");
    const started = startFovea(["compare", "lenet5", "mlp", "--batches", batches], folder);
    await started.said("comparing");
    started.child.kill("SIGINT");
    const { code, stdout, stderr } = await started.ended;
    expect([code, stderr]).toEqual([130, expect.stringContaining("stopping after the measurement under way")]);
    const lines = readFileSync(join(folder, "compare/compare.csv"), "utf8").trimEnd().split("\n");
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.length).toBeLessThan(400);
    expect(stdout).toContain("lenet5");
    expect(existsSync(join(folder, "compare/time-batch.png"))).toBe(true);
  });

  it.each([
    [["lenet"], 'unknown network "lenet"; did you mean "lenet5"?'],
    [["mlp", "mlp"], "mlp is named twice"],
    [["mlp", "--batches", "4,2"], "--batches 4,2: expected ascending numbers"],
    [["mlp", "--batches", "0"], "--batches 0: expected a whole number of at least 1"],
  ])("refuses %s", async (words, message) => {
    const { stdout, stderr, code } = await fovea(["compare", ...words], temporaryFolder());
    expect([stdout, code]).toEqual(["", 2]);
    expect(stderr).toContain(message);
  });
});
