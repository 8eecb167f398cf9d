/**
 * Gives damaged and hostile files to every reader: files as programs write them, changed a little or much (files/mutate.mjs), their
 * check sums made right again where a format has some. A seed is one file for one reader. What is held (files/attempt.mjs): a
 * file is read or refused by an error of fovea's own, in two seconds of processor time, with memory in proportion to its bytes.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tried } from "./files/attempt.mjs";
import { randomFrom } from "./files/random.mjs";
import { readers } from "./files/readers.mjs";

export const about = "every reader of files with damaged and hostile ones";
export const things = "files";
export const patienceMs = 120_000;
export const options = {
  reader: { type: "string", help: "this one alone; the last lines list all" },
  keep: { type: "string", help: `where failing files are put (${join(tmpdir(), "fovea-fuzz")})` },
};

/** `quiet` prints no figures at the end. */
export async function open({ reader, keep = join(tmpdir(), "fovea-fuzz"), quiet = false } = {}) {
  const scratch = mkdtempSync(join(tmpdir(), "fovea-files-"));
  const all = await readers(scratch);
  const chosen = reader === undefined ? all : all.filter(({ name }) => name === reader);
  if (chosen.length === 0)
    throw new Error(`--reader ${reader}: expected one of ${all.map(({ name }) => name).join(", ")}`);
  const figures = new Map(chosen.map(({ name }) => [name, { tried: 0, refused: 0, failed: [] }]));
  return {
    async attempt(seed) {
      const subject = chosen[seed % chosen.length];
      const random = randomFrom(seed);
      const bytes = subject.make(random);
      const { refused, failure } = await tried(subject, bytes, seed, keep);
      const counts = figures.get(subject.name);
      counts.tried++;
      if (refused) counts.refused++;
      if (failure !== undefined) counts.failed.push(seed);
      return { failures: failure === undefined ? [] : [failure] };
    },
    figures,
    close() {
      rmSync(scratch, { recursive: true, force: true });
      if (quiet) return;
      for (const [name, { tried, refused, failed }] of figures) {
        const seeds = failed.length === 0 ? "" : `: seeds ${failed.slice(0, 10).join(", ")}`;
        const numbers = `${String(tried).padStart(9)} tried ${String(refused).padStart(9)} refused ${String(failed.length).padStart(6)} failed`;
        console.log(`${name.padEnd(14)}${numbers}${seeds}`);
      }
    },
  };
}
