/** Gives one file to one reader, and judges what comes of it. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { FoveaError } from "../../../dist/base/errors.js";

/** Of processor time, so that a busy machine makes nothing fail. */
const MOST_SECONDS = 2;
/** Granted to any file, and for each of its bytes: budget.ts grants 16 MiB and 32, and the copies on the way are counted here, too. */
const LEAST_BYTES = 96 * 2 ** 20;
const TIMES = 100;
const LONGEST_MESSAGE = 4000;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");

/** Keeps a file that fails in the folder `keep`. */
export async function tried(reader, bytes, seed, keep, mostSeconds = MOST_SECONDS) {
  let outcome = await measured(reader, bytes);
  let why = judged(outcome, bytes, mostSeconds);
  // Garbage of cases before, or a collection in the middle of this one, is not its own: asked again by itself.
  if (why !== undefined && outcome.error === undefined) {
    collect();
    outcome = await measured(reader, bytes);
    why = judged(outcome, bytes, mostSeconds);
  }
  if (why === undefined) return { refused: outcome.error !== undefined };
  mkdirSync(keep, { recursive: true });
  const path = join(keep, `${reader.name}-${seed}`);
  writeFileSync(path, bytes);
  const text = `seed ${seed}, reader ${reader.name}, ${bytes.length} bytes, kept as ${path}\n${why.text}`;
  return { refused: outcome.error !== undefined, failure: { title: `${reader.name}: ${why.title}`, text } };
}

async function measured(reader, bytes) {
  const before = process.memoryUsage();
  const began = process.cpuUsage();
  let error;
  try {
    await reader.read(bytes);
  } catch (thrown) {
    error = thrown ?? new Error("threw nothing");
  }
  const { user, system } = process.cpuUsage(began);
  const after = process.memoryUsage();
  const grown = after.arrayBuffers - before.arrayBuffers + Math.max(0, after.heapUsed - before.heapUsed);
  return { error, seconds: (user + system) / 1e6, grown };
}

function judged({ error, seconds, grown }, bytes, mostSeconds) {
  if (error !== undefined && !(error instanceof FoveaError)) {
    const [first, ...frames] = String(error?.stack ?? error).split("\n");
    const place = /([\w.-]+\.m?js):\d+:\d+\)?$/.exec(frames.find((line) => line.includes("/dist/")) ?? "")?.[1] ?? "";
    const kind = first.replace(/\d+/g, "N").slice(0, 120);
    return { title: `${kind} ${place}`, text: [first, ...frames.slice(0, 8)].join("\n") };
  }
  if (error !== undefined && (error.message.length > LONGEST_MESSAGE || error.message === "")) {
    return {
      title: "a message that is too long or empty",
      text: `${error.message.slice(0, 300)}... (${error.message.length})`,
    };
  }
  if (seconds > mostSeconds)
    return { title: `took over ${mostSeconds} s`, text: `${seconds.toFixed(1)} s of processor time` };
  if (grown > LEAST_BYTES + TIMES * bytes.length) {
    return { title: "took too much memory", text: `${(grown / 2 ** 20).toFixed(0)} MiB for ${bytes.length} bytes` };
  }
  return undefined;
}
