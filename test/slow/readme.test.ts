/** The transcript that README shows is what the command prints; machines differ in the last figures. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));

it("README shows what training LeNet-5 prints", () => {
  const shown = /^ {4}(epoch 1\/.*)\n {4}\.\.\.\n {4}(Test accuracy .*)$/m
    .exec(readFileSync(path("README.md"), "utf8"))!
    .slice(1);
  const printed = execFileSync(process.execPath, [path("scripts/transcript.mjs")], { encoding: "utf8" });
  const lines = printed.trim().split("\n");
  const words = (line: string) => line.replace(/\d+\.\d+/g, "#");
  const numbers = (line: string) => (line.match(/\d+\.\d+/g) ?? []).map(Number);
  expect([words(lines[0]!), words(lines[2]!)]).toEqual(shown.map(words));
  for (const [i, line] of [lines[0]!, lines[2]!].entries())
    for (const [n, number] of numbers(line).entries()) {
      const told = numbers(shown[i]!)[n]!;
      // Losses, and percentages.
      expect(Math.abs(number - told), `${line}: README says ${told}`).toBeLessThan(told < 1 ? 0.15 : 0.5);
    }
});

it("README's code says what the first test digit is", () => {
  const readme = readFileSync(path("README.md"), "utf8");
  const [code] = /import \{ createClassifier[\s\S]*?(?=```)/.exec(readme)!;
  const run = ["--input-type=module", "--eval", code];
  const printed = execFileSync(process.execPath, run, { cwd: path("."), encoding: "utf8" });
  const [label, probability] = printed.trim().split(" ").map(Number);
  expect(label).toBe(7);
  expect(probability).toBeGreaterThan(0.99);
  expect(probability).toBeLessThanOrEqual(1);
});
