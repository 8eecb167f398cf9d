/**
 * `node scripts/transcript.mjs`: trains LeNet-5 on MNIST as README's first five minutes do, and prints the lines that README shows of it: the first
 * epoch and the last line, without times.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = mkdtempSync(join(tmpdir(), "fovea-transcript-"));
try {
  const cli = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
  const args = [cli, "train", "lenet5", "--data", "mnist", "--out", join(folder, "run"), "--no-report"];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`training failed:\n${stderr}`);
  const lines = stdout.split("\n");
  const first = lines.find((line) => line.startsWith("epoch 1/"));
  const last = lines.find((line) => line.startsWith("Test accuracy"));
  console.log(first.split(/ {2}[\d.]+ s {2}/)[0]);
  console.log("...");
  console.log(last.replace(/ after .*$/, ""));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
