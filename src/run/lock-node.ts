/**
 * One process at a time in a run's folder: `run.lock`, which names the process that works there. A process that was
 * killed leaves its lock behind; that is told by the process being gone, or by another one having its number now, and
 * the lock is taken over.
 */
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { link, open, readFile, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { FileError } from "../base/errors.js";
import { whyUnwritable } from "../host/atomic-write-node.js";
import { whyUnreadable } from "../host/read-node.js";

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When the process began, as the system counts; empty where it does not say. */
  readonly began: string;
}

/** A process that was killed a moment ago takes a while to give its memory back, and counts as alive until then. */
const PATIENCE_MS = 1000;
const ABANDONED_MS = 30_000;

/**
 * Takes the lock; the function that is given back releases it.
 * @throws FileError where another process that is alive has it.
 */
export async function lockRun(path: string): Promise<() => Promise<void>> {
  const own = JSON.stringify({
    pid: process.pid,
    host: hostname(),
    began: statusOf(process.pid).began,
    key: randomBytes(8).toString("hex"),
  } satisfies Holder & { readonly key: string });
  const patientUntil = performance.now() + PATIENCE_MS;
  while (!(await create(path, own))) {
    const text = await textOf(path);
    if (text === undefined) {
      // Released just now; what stays there unread is a link that leads nowhere.
      if (performance.now() < patientUntil) continue;
      throw new FileError(`${path}: is a link to a file that is gone; delete it`);
    }
    const holder = parse(text);
    if (holder !== undefined && isAlive(holder)) {
      if (holder.host === hostname() && performance.now() < patientUntil) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        continue;
      }
      const where = holder.host === hostname() ? "" : ` on ${holder.host}`;
      throw new FileError(
        `${path}: process ${holder.pid}${where} is working on this run; wait until it is done, or stop it` +
          `${where === "" ? "" : " (if it is gone, delete this file)"}`,
      );
    }
    await takeAway(path, text);
  }
  return async () => {
    if ((await readFile(path, "utf8").catch(() => undefined)) === own) await rm(path, { force: true });
  };
}

/** Undefined where there is no such file. */
async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new FileError(`${path}: ${whyUnreadable(error)}; delete it if no process works on this run`, {
      cause: error,
    });
  }
}

async function create(path: string, text: string): Promise<boolean> {
  // Written whole before it appears, so that nobody reads half of it.
  const beside = `${path}.tmp-${process.pid}-${randomBytes(4).toString("hex")}`;
  try {
    const file = await open(beside, "wx");
    await file.writeFile(text).finally(() => file.close());
    await link(beside, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    const why = await whyUnwritable(error, dirname(path), text.length);
    throw new FileError(`${path}: could not be made: ${why}`, { cause: error });
  } finally {
    await rm(beside, { force: true }).catch(() => {});
  }
}

/**
 * Removes a lock that holds `text`, and no other that came there meanwhile: whoever makes the file that is named after
 * the text may remove the lock, and looks at it once more before. No lock holds the same text twice.
 */
async function takeAway(path: string, text: string): Promise<void> {
  const token = `${path}.tmp-${createHash("sha256").update(text).digest("hex").slice(0, 16)}`;
  try {
    await (await open(token, "wx")).close();
    if ((await textOf(path)) === text) await rm(path, { force: true });
    await rm(token, { force: true });
  } catch (error) {
    if (error instanceof FileError) throw error;
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
      const why = await whyUnwritable(error, dirname(path), text.length);
      throw new FileError(`${path}: could not be taken over: ${why}`, { cause: error });
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
    // Of a process that was killed in between.
    const made = await stat(token).catch(() => undefined);
    if (made !== undefined && Date.now() - made.mtimeMs > ABANDONED_MS) await rm(token, { force: true });
  }
}

function parse(text: string): Holder | undefined {
  try {
    const { pid, host, began } = JSON.parse(text) as Partial<Holder>;
    return isProcess(pid) && typeof host === "string" && host.length < 256 && typeof began === "string"
      ? { pid, host, began }
      : undefined;
  } catch {
    return undefined;
  }
}

/** No system counts processes further. 0 and numbers below it name groups of them. */
const isProcess = (pid: unknown): pid is number =>
  Number.isInteger(pid) && (pid as number) > 0 && (pid as number) < 2 ** 31;

function isAlive({ pid, host, began }: Holder): boolean {
  if (host !== hostname()) return true; // nobody here can tell
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  const { state, began: now } = statusOf(pid);
  // A zombie has ended, and nobody has asked for its exit code yet.
  if (state === "Z" || state === "X") return false;
  return began === "" || now === "" || began === now;
}

/** Linux: fields 3 and 22 of /proc/PID/stat, counted behind the name, which may hold spaces and brackets. */
function statusOf(pid: number): { readonly state: string; readonly began: string } {
  try {
    const status = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = status.slice(status.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0] ?? "", began: fields[19] ?? "" };
  } catch {
    return { state: "", began: "" };
  }
}
