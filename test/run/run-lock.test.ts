/** The lock of a run's folder: held by one, released, and taken over from the dead alone. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { FileError } from "#fovea/base/errors.js";
import { lockRun } from "#fovea/run/lock-node.js";
import { temporaryFolder } from "../support/temporary.js";

let path: string;
beforeEach(() => {
  path = join(temporaryFolder(), "run.lock");
});

const holder = (changes: object) =>
  writeFileSync(path, JSON.stringify({ pid: process.pid, host: hostname(), began: "", ...changes }));

it("is held by one until it is released", async () => {
  const release = await lockRun(path);
  await expect(lockRun(path)).rejects.toThrow(
    `process ${process.pid} is working on this run; wait until it is done, or stop it`,
  );
  await expect(lockRun(path)).rejects.toBeInstanceOf(FileError);
  await release();
  expect(existsSync(path)).toBe(false);
  await (await lockRun(path))();
});

it("of a process that is gone is taken over", async () => {
  const { pid } = spawnSync(process.execPath, ["-e", ""]);
  holder({ pid });
  const release = await lockRun(path);
  expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ pid: process.pid });
  await release();
  expect(readdirSync(join(path, ".."))).toEqual([]);
});

it.runIf(process.platform === "linux")("of another process that had this number is taken over", async () => {
  holder({ began: "1" });
  await (await lockRun(path))();
});

it("that is damaged is taken over, that of another machine is not", async () => {
  writeFileSync(path, "{");
  await (await lockRun(path))();
  holder({ host: "elsewhere", pid: 1 });
  await expect(lockRun(path)).rejects.toThrow("process 1 on elsewhere is working on this run");
  await expect(lockRun(path)).rejects.toThrow("if it is gone, delete this file");
});

it.each(["{}", "null", "7", "[]", '"pid"', "", "\u0000", "{".repeat(1e5)])(
  "that holds %.10s is taken over",
  async (text) => {
    writeFileSync(path, text);
    await (await lockRun(path))();
    expect(existsSync(path)).toBe(false);
  },
);

it.each([0, -1, 1e99, 1.5, 2 ** 31, null, "1"])("of process %s, which no system has, is taken over", async (pid) => {
  holder({ pid });
  await (await lockRun(path))();
  holder({ pid, host: "elsewhere" });
  await (await lockRun(path))();
  expect(existsSync(path)).toBe(false);
});

it("that is no file is named", async () => {
  mkdirSync(path);
  await expect(lockRun(path)).rejects.toThrow(
    `${path}: is a folder, not a file; delete it if no process works on this run`,
  );
  rmdirSync(path);
  symlinkSync("nowhere", path);
  await expect(lockRun(path)).rejects.toThrow(`${path}: is a link to a file that is gone; delete it`);
  expect(readdirSync(join(path, ".."))).toEqual(["run.lock"]);
});

it("where there is no folder, or none that can be written in, says so", async () => {
  const elsewhere = join(path, "..", "none", "run.lock");
  await expect(lockRun(elsewhere)).rejects.toThrow(`${elsewhere}: could not be made: there is no folder`);
});

it("goes to one of many that ask at once", async () => {
  const { pid } = spawnSync(process.execPath, ["-e", ""]);
  holder({ pid });
  const asked = await Promise.allSettled(Array.from({ length: 20 }, () => lockRun(path)));
  const got = asked.filter((result) => result.status === "fulfilled");
  expect(got).toHaveLength(1);
  await got[0]!.value();
  expect(readdirSync(join(path, ".."))).toEqual([]);
});
