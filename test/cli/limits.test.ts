/** Where the system gives no room, a command says so in one line and ends with 1. */
import { spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import { expect, it } from "vitest";
import { MAIN } from "../support/cli.js";
import { temporaryFolder } from "../support/temporary.js";

const hasShell = existsSync("/bin/sh");
const isLinux = process.platform === "linux";

function run(args: readonly string[], stdout: number | "pipe", stderr: number | "pipe" = "pipe") {
  const env = { ...process.env, FOVEA_BACKEND: "", FOVEA_THREADS: "" };
  return spawnSync(process.execPath, [MAIN, ...args], {
    cwd: temporaryFolder(),
    env,
    encoding: "utf8",
    stdio: ["ignore", stdout, stderr],
  });
}

/** `limits` are those of the shell that starts it. */
function limited(limits: string, args: string, environment: Record<string, string> = {}) {
  const env = { ...process.env, FOVEA_BACKEND: "", FOVEA_THREADS: "", ...environment };
  const command = `${limits} && exec "${process.execPath}" "${MAIN}" ${args}`;
  return spawnSync("/bin/sh", ["-c", command], { cwd: temporaryFolder(), env, encoding: "utf8" });
}

it.skipIf(!existsSync("/dev/full")).each([[["summary", "lenet5"]], [["models"]], [["go", "--help"]]])(
  "%j to a full disk",
  (args) => {
    const full = openSync("/dev/full", "w");
    try {
      const { status, stderr } = run(args, full);
      expect([status, stderr]).toEqual([
        1,
        "fovea: standard output cannot be written: no space is left on the device\n",
      ]);
      // Nobody can be told.
      expect(run(["summary", "no-network"], "pipe", full).status).toBeGreaterThan(0);
    } finally {
      closeSync(full);
    }
  },
);

it.skipIf(!hasShell || !isLinux)("with few files", () => {
  const { status, stdout, stderr } = limited("ulimit -n 40", "models");
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toBe(
    "fovea: too many files are open at once for this system; raise its limit, such as by `ulimit -n 1024`\n",
  );
});

it.skipIf(!hasShell || !isLinux)("with few addresses", () => {
  const { status, stderr } = limited("ulimit -v 3000000", "profile lenet5 --batch 2", { FOVEA_BACKEND: "wasm" });
  expect(status).toBe(1);
  expect(stderr).toMatch(/^fovea: WebAssembly: the engine gave no memory at all: .*`ulimit -v`/);
});
