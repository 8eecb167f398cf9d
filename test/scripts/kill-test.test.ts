/** `npm run kill-test` in small: its own words, and a few kills of each kind of training. */
import { execFile } from "node:child_process";
import { expect, it } from "vitest";

const root = new URL("../..", import.meta.url).pathname;

const killTest = (...args: string[]) =>
  new Promise<{ code: number | string | null; stdout: string; stderr: string }>((resolve) => {
    execFile(
      process.execPath,
      ["scripts/kill-test.mjs", "--no-build", ...args],
      { cwd: root },
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : (error.code ?? null), stdout, stderr }),
    );
  });

it.each(["mixup and distortion", "scenes"])(
  "killed at random moments, a training %s ends in the same bits",
  async (only) => {
    const { code, stdout, stderr } = await killTest("--kills", "3", "--seed", "2", "--only", only, "--jobs", "1");
    expect([code, stdout], stderr).toEqual([0, "3 kills tried, 0 failed\n"]);
  },
);

it("refuses what it does not know", async () => {
  expect(await killTest("--kills", "0")).toMatchObject({
    code: 2,
    stderr: "kill-test: --kills 0: expected a whole number from 1\n",
  });
  expect(await killTest("--only", "golf")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(
      "--only golf: expected one of from memory, averages, groups and accumulation, mixup",
    ),
  });
});
