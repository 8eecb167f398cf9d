/** Some thousands of damaged and hostile files, a few hundred for each reader: `npm run fuzz -- files` tries millions. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";

interface Figures {
  readonly tried: number;
  readonly refused: number;
}

it("are read, or refused in words, by every reader", async () => {
  const { open } = await import(new URL("../../scripts/fuzz/files.mjs", import.meta.url).href);
  const keep = mkdtempSync(join(tmpdir(), "fovea-fuzz-test-"));
  const { attempt, close, figures } = await open({ keep, quiet: true });
  try {
    const failures: string[] = [];
    for (let seed = 1; seed <= 2000; seed++) {
      for (const { text } of (await attempt(seed)).failures) failures.push(text);
    }
    expect(failures).toEqual([]);
    expect(readdirSync(keep)).toEqual([]);
    for (const [name, { tried, refused }] of figures as ReadonlyMap<string, Figures>) {
      expect(tried, name).toBeGreaterThan(80);
      // A reader that refuses nothing was given nothing damaged, or looks at nothing; these answer in other ways.
      if (!["jpeg-header", "sgf", "gtp"].includes(name)) expect(refused, name).toBeGreaterThan(50);
    }
  } finally {
    close();
    rmSync(keep, { recursive: true, force: true });
  }
});

it("notices what is no error of fovea's own, a hang, and memory", async () => {
  const { tried } = await import(new URL("../../scripts/fuzz/files/attempt.mjs", import.meta.url).href);
  const keep = mkdtempSync(join(tmpdir(), "fovea-fuzz-test-"));
  const judged = async (read: () => unknown, mostSeconds?: number) =>
    (await tried({ name: "made-up", read }, new Uint8Array(3), 7, keep, mostSeconds)).failure?.title;
  try {
    expect(await judged(() => undefined)).toBeUndefined();
    expect(readdirSync(keep)).toEqual([]);
    expect(await judged(() => [].reduce((a) => a))).toMatch(/^made-up: TypeError: Reduce of empty array/);
    expect(readdirSync(keep)).toEqual(["made-up-7"]);
    const held: Uint8Array[] = [];
    expect(await judged(() => held.push(new Uint8Array(200e6)))).toBe("made-up: took too much memory");
    const spin = () => {
      for (
        const began = process.cpuUsage();
        (process.cpuUsage(began).user + process.cpuUsage(began).system) / 1e6 < 0.1;
      );
    };
    expect(await judged(spin, 0.05)).toBe("made-up: took over 0.05 s");
  } finally {
    rmSync(keep, { recursive: true, force: true });
  }
});
