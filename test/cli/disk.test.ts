/** Disks that are full or may not be written: one line, an exit code, and a run that goes on once there is room. */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fovea, MAIN } from "../support/cli.js";
import { writePictures } from "../support/pictures.js";
import { temporaryFolder } from "../support/temporary.js";

const RUN = ["train", "mlp", "--data", "./digits", "--epochs", "2", "--batch-size", "20", "--no-report", "--json"];
const KEPT = ["--resume", "run", "--no-report", "--json"];
const model = (folder: string) => readFileSync(join(folder, "run", "model.safetensors"));

/** Runs a line of the shell in a folder; FOVEA runs the command line. */
async function shell(line: string, cwd: string): Promise<{ code: number | null; stderr: string }> {
  const env = { ...process.env, FOVEA_BACKEND: "", FOVEA_THREADS: "", NODE: process.execPath, MAIN };
  const child = spawn("sh", ["-c", line], { cwd, env, stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, stderr };
}

const FOVEA = '"$NODE" "$MAIN"';

function folderWithDigits(): string {
  const folder = temporaryFolder();
  writePictures(folder);
  return folder;
}

describe.skipIf(process.platform === "win32")("a limit for files", () => {
  it("stops a run in one line, which goes on without it to the same bits", async () => {
    const folder = folderWithDigits();
    const whole = folderWithDigits();
    expect((await fovea([...RUN, "--out", "run"], whole)).code).toBe(0);
    // 64 blocks of 512 bytes; the model takes over 300,000.
    const limited = await shell(`ulimit -f 64 && exec ${FOVEA} ${RUN.join(" ")} --out run`, folder);
    expect(limited.stderr).toMatch(
      /^fovea: run\/model\.safetensors: could not be written: a file of \d+ bytes is larger than the limit for files \(see `ulimit -f`\); raise it or write elsewhere\n$/,
    );
    expect(limited.code).toBe(1);
    const end = await fovea(["train", ...KEPT], folder);
    expect([end.code, end.stderr]).toEqual([0, expect.stringMatching(/^(fovea: there is no checkpoint yet.*\n)?$/)]);
    expect(model(folder).equals(model(whole))).toBe(true);
  });
});

/** Whether this user may have mounts of its own, in a name space that ends with the process. */
const canMount =
  process.platform === "linux" && spawnSync("unshare", ["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0;

describe.skipIf(!canMount)("a disk (skipped where mounts are not allowed)", () => {
  it("that is full stops a run in one line", async () => {
    const folder = folderWithDigits();
    mkdirSync(join(folder, "small"));
    const mount = `unshare -rm sh -c 'mount -t tmpfs -o size=256k none small && ${FOVEA} ${RUN.join(" ")} --out small/run'`;
    const full = await shell(mount, folder);
    expect(full.stderr).toMatch(
      /^fovea: small\/run\/\w+\.safetensors: could not be written: the disk is full \(\d+ bytes free in small\/run\); \d+ bytes are needed: free space or write elsewhere\n$/,
    );
    expect(full.code).toBe(1);
  });

  it("that may not be written refuses to resume in one line", async () => {
    const folder = folderWithDigits();
    expect((await fovea([...RUN, "--out", "run"], folder)).code).toBe(0);
    const readOnly = (what: string) =>
      shell(`unshare -rm sh -c 'mount --bind run run && mount -o remount,ro,bind run && ${FOVEA} ${what}'`, folder);
    expect(await readOnly(["train", ...KEPT].join(" "))).toEqual({
      code: 1,
      stderr: "fovea: run/run.lock: could not be made: run is on a read-only file system; write elsewhere\n",
    });
    // Reading needs no lock.
    expect(await readOnly("eval run --json")).toEqual({ code: 0, stderr: "" });
  });
});
