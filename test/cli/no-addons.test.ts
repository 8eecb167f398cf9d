/** Where Node.js loads no native addons, commands that need no pictures run, and the others say what is missing. */
import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { MAIN } from "../support/cli.js";
import { temporaryFolder } from "../support/temporary.js";

function withoutAddons(args: readonly string[], cwd: string) {
  const env = { ...process.env, FOVEA_BACKEND: "", FOVEA_THREADS: "" };
  return spawnSync(process.execPath, ["--no-addons", MAIN, ...args], { cwd, env, encoding: "utf8" });
}

it.each([
  ["--version"],
  ["models"],
  ["summary", "lenet5"],
  ["go", "policy", "--help"],
  ["train", "lenet5", "--data", "mnist", "--help"],
])("runs %s %s %s", (...args: string[]) => {
  const { status, stderr, stdout } = withoutAddons(args, temporaryFolder());
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout).not.toBe("");
});

it("says what drawing and reading pictures need", () => {
  const folder = temporaryFolder();
  const { status, stderr } = withoutAddons(["data", "preview", "mnist", "--out", "digits.png"], folder);
  expect(status).toBe(1);
  expect(stderr).toContain(
    "fovea: Reading and writing pictures needs the package sharp, which could not be loaded: Node.js runs without native addons here; " +
      "leave out --no-addons, or allow them by --allow-addons\n",
  );
});
