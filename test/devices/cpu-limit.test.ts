import { expect, test } from "vitest";
import { cpuLimit } from "#fovea/host/cpu-limit-node.js";

const reader = (files: Record<string, string>) => (path: string) => files[path];

const V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
const v1 = (folder: string, options: string, root = "/") =>
  `33 32 0:29 ${root} /sys/fs/cgroup/${folder} rw,nosuid - cgroup cgroup rw,${options}\n`;

test.each([
  ["150000 100000", 1],
  ["200000 100000", 2],
  ["370000 100000", 3],
  ["10000 100000", 1],
  ["max 100000", Number.POSITIVE_INFINITY],
  ["", Number.POSITIVE_INFINITY],
])("version 2: cpu.max %j in a container leaves %d processors", (max, processors) => {
  const files = { "/proc/self/cgroup": "0::/\n", "/proc/self/mountinfo": V2, "/sys/fs/cgroup/cpu.max": `${max}\n` };
  expect(cpuLimit(reader(files))).toBe(processors);
});

test("version 2: the least of a group and of those around it counts, and so do the processors it may use", () => {
  const files = {
    "/proc/self/cgroup": "0::/user.slice/job\n",
    "/proc/self/mountinfo": V2,
    "/sys/fs/cgroup/user.slice/cpu.max": "300000 100000\n",
    "/sys/fs/cgroup/user.slice/job/cpu.max": "max 100000\n",
    "/sys/fs/cgroup/user.slice/job/cpuset.cpus.effective": "0-3,8,10-11\n",
  };
  expect(cpuLimit(reader(files))).toBe(3);
  expect(cpuLimit(reader({ ...files, "/sys/fs/cgroup/user.slice/cpu.max": "max 100000\n" }))).toBe(7);
  expect(cpuLimit(reader({ ...files, "/sys/fs/cgroup/user.slice/job/cpu.max": "200000 100000\n" }))).toBe(2);
});

test("version 1: quota and period, and the set of processors", () => {
  const files = {
    "/proc/self/cgroup": "5:cpuset:/a\n4:cpu,cpuacct:/docker/7f\n0::/\n",
    "/proc/self/mountinfo": v1("cpu,cpuacct", "cpu,cpuacct") + v1("cpuset", "cpuset"),
    "/sys/fs/cgroup/cpu,cpuacct/docker/7f/cpu.cfs_quota_us": "250000\n",
    "/sys/fs/cgroup/cpu,cpuacct/docker/7f/cpu.cfs_period_us": "100000\n",
    "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
    "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
  };
  expect(cpuLimit(reader(files))).toBe(2);
  expect(cpuLimit(reader({ ...files, "/sys/fs/cgroup/cpuset/a/cpuset.cpus": "5\n" }))).toBe(1);
});

test("version 1: a container sees its own group at the mount", () => {
  const files = {
    "/proc/self/cgroup": "4:cpu,cpuacct:/docker/7f\n",
    "/proc/self/mountinfo": v1("cpu", "cpu,cpuacct", "/docker/7f"),
    "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "400000\n",
    "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
  };
  expect(cpuLimit(reader(files))).toBe(4);
  // the group of a process that was moved in from outside
  expect(cpuLimit(reader({ ...files, "/proc/self/cgroup": "4:cpu,cpuacct:/../other\n" }))).toBe(4);
  expect(cpuLimit(reader({ ...files, "/proc/self/cgroup": "4:cpu,cpuacct:/elsewhere\n" }))).toBe(4);
});

test("nothing limits a process where there are no control groups, or files that make no sense", () => {
  expect(cpuLimit(reader({}))).toBe(Number.POSITIVE_INFINITY);
  const odd = { "/proc/self/cgroup": "what\n0::/\n", "/proc/self/mountinfo": `- - -\n\n${V2}` };
  expect(cpuLimit(reader({ ...odd, "/sys/fs/cgroup/cpu.max": "0 0\n" }))).toBe(Number.POSITIVE_INFINITY);
  expect(cpuLimit(reader({ ...odd, "/sys/fs/cgroup/cpu.max": "lots\n" }))).toBe(Number.POSITIVE_INFINITY);
});

test("what is found on this machine is a whole number of processors", () => {
  const limit = cpuLimit();
  expect(limit === Number.POSITIVE_INFINITY || (Number.isInteger(limit) && limit >= 1)).toBe(true);
});
