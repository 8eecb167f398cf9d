/**
 * Whether a repeat can be believed: no other process used more than OTHERS of the cores meanwhile, and a probe before and
 * after it reached PROBE of the machine's multiply-add peak. Without /proc (outside Linux) only the probe tells.
 */
import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

export const OTHERS = 0.06;
export const PROBE = 0.8;
const TICKS_A_SECOND = 100; // USER_HZ, the same on every Linux that Node runs on

/**
 * Seconds of processor time since some beginning: everything, and of the processes `pids` and those that they started. What this process
 * started counts only where it is named: these are the systems that are measured one after the other.
 */
export function processorSeconds(pids, read = readProc, list = listProcesses) {
  const stat = read("/proc/stat");
  if (stat === undefined) return undefined;
  const processes = new Map(list().map((pid) => [pid, read(`/proc/${pid}/stat`)]));
  const isOwn = (pid) => pids.includes(pid) || isStartedByOwn(parentOf(processes.get(pid)));
  const isStartedByOwn = (parent) => parent !== process.pid && processes.has(parent) && isOwn(parent);
  let own = 0;
  for (const [pid, line] of processes) if (isOwn(pid)) own += ticksOf(line);
  return { all: busyTicks(stat) / TICKS_A_SECOND, own: own / TICKS_A_SECOND };
}

/** All that is not idle or waiting: also what the hypervisor gave to others. */
export function busyTicks(stat) {
  const [user, nice, system, , , irq, softirq, steal] = stat.split("\n", 1)[0].trim().split(/\s+/).slice(1).map(Number);
  return user + nice + system + (irq ?? 0) + (softirq ?? 0) + (steal ?? 0);
}

/** User and system time of a process; its name, in parentheses, may hold anything. */
export function ticksOf(stat) {
  if (stat === undefined) return 0;
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

/** Process 0 where there is none. */
export function parentOf(stat) {
  return stat === undefined ? 0 : Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}

/** The part of all cores that others used between two readings. */
export function othersShare(before, after, seconds, cores = availableParallelism()) {
  if (before === undefined || after === undefined) return 0;
  return Math.max(0, after.all - before.all - (after.own - before.own)) / (seconds * cores);
}

function listProcesses() {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number);
}

function readProc(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
