/**
 * How many processors the control groups of Linux leave this process: containers are given a share of processor time (a
 * quota of microseconds in each period) or some processors of the machine's. Threads beyond it do not help: they use
 * the quota up early in each period, and then all of them stand still. Node counts the processors of the affinity mask
 * and, up to Node 22, no quota.
 *
 * Version 2 has `cpu.max` ("150000 100000", "max 100000"), version 1 `cpu.cfs_quota_us` (-1 for none) and
 * `cpu.cfs_period_us`; the least along the way from the process's group to the root counts.
 * https://docs.kernel.org/admin-guide/cgroup-v2.html
 */
import { readFileSync } from "node:fs";
import { posix } from "node:path";

/** Whole processors, at least 1; infinitely many where nothing limits them, or where it cannot be read. */
export function cpuLimit(read: (path: string) => string | undefined = readText): number {
  const groups = (read("/proc/self/cgroup") ?? "").split("\n");
  const mounts = mountsOf(read("/proc/self/mountinfo") ?? "");
  let limit = Number.POSITIVE_INFINITY;
  for (const line of groups) {
    const [, controllers, group] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined || group === undefined) continue;
    const names = controllers.split(",");
    const mount = mounts.find((m) =>
      controllers === "" ? m.isUnified : names.some((name) => m.controllers.has(name)),
    );
    if (mount === undefined) continue;
    for (const folder of foldersOf(mount, group)) {
      const file = (name: string) => read(posix.join(folder, name));
      if (controllers === "")
        limit = Math.min(limit, quotaOf(file("cpu.max")), processorsOf(file("cpuset.cpus.effective")));
      if (names.includes("cpu"))
        limit = Math.min(limit, quotaOf(`${file("cpu.cfs_quota_us")} ${file("cpu.cfs_period_us")}`));
      if (names.includes("cpuset"))
        limit = Math.min(limit, processorsOf(file("cpuset.effective_cpus") ?? file("cpuset.cpus")));
    }
  }
  return Math.max(1, Math.floor(limit));
}

interface Mount {
  /** The group that is seen at `folder`. */
  readonly root: string;
  readonly folder: string;
  readonly isUnified: boolean;
  readonly controllers: ReadonlySet<string>;
}

/** `30 23 0:26 ROOT FOLDER rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct` (proc_pid_mountinfo(5)). */
function mountsOf(mountinfo: string): Mount[] {
  return mountinfo.split("\n").flatMap((line) => {
    const [before, after] = line.split(" - ");
    const [, , , root, folder] = before?.split(" ") ?? [];
    const [type, , options] = after?.split(" ") ?? [];
    if (root === undefined || folder === undefined || (type !== "cgroup" && type !== "cgroup2")) return [];
    return { root, folder, isUnified: type === "cgroup2", controllers: new Set(options?.split(",")) };
  });
}

/**
 * Where the files of a group and of those around it are. A container that sees only its own group has it at the mount
 * itself.
 */
function foldersOf({ root, folder }: Mount, group: string): string[] {
  const inside = root === "/" ? group : group === root || group.startsWith(`${root}/`) ? group.slice(root.length) : "/";
  const names = inside.split("/").filter((name) => name !== "");
  if (names.includes("..")) return [folder];
  return Array.from({ length: names.length + 1 }, (_, n) => posix.join(folder, ...names.slice(0, n)));
}

function quotaOf(text: string | undefined): number {
  const [quota, period] = (text ?? "").trim().split(/\s+/).map(Number);
  return quota !== undefined && period !== undefined && quota > 0 && period > 0
    ? quota / period
    : Number.POSITIVE_INFINITY;
}

/** `0-3,8` are five. */
function processorsOf(list: string | undefined): number {
  let count = 0;
  for (const part of (list ?? "").trim().split(",")) {
    const [first, last = first] = part.split("-").map(Number);
    if (part !== "" && first !== undefined && last !== undefined && last >= first) count += last - first + 1;
  }
  return count > 0 ? count : Number.POSITIVE_INFINITY;
}

/** Undefined where there is no such file, or reading it is not permitted. */
function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
