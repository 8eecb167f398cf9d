/** Nothing piles up: a soak of a minute's worth, as `npm run soak` does it at length. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const root = new URL("../..", import.meta.url).pathname;

it.each([
  ["steps", 800],
  ["predictions", 800],
  ["cycles", 20],
  ["crews", 20],
  ["profiles", 20],
])("memory, threads and mappings stay as they are over %s", async (part, count) => {
  const { FOVEA_BACKEND: _b, FOVEA_THREADS: _t, ...inherited } = process.env;
  const env = { ...inherited, MALLOC_MMAP_THRESHOLD_: "131072" };
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--expose-gc", "scripts/soak-child.mjs", part, String(count)],
    { cwd: root, env },
  ).catch((error: { stdout: string; stderr: string }) => expect.fail(`${error.stdout}${error.stderr}`));
  const lines = stdout.trim().split("\n");
  expect(lines.map((line) => line.split(/ +/).slice(0, 2).join(" "))).toEqual([
    `${part} start`,
    `${part} middle`,
    `${part} end`,
    `${part} flat`,
  ]);
});
