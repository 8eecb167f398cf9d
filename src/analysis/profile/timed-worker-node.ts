/**
 * A thread of a timed team other than the caller's: walks a section whenever the caller does. It serves one team after
 * the other.
 */
import { parentPort } from "node:worker_threads";
import type { KernelFunction } from "../../devices/cpu/backends/backend.js";
import { bindWasm } from "../../devices/cpu/backends/wasm-binding.js";
import type { ProgramImage } from "../../devices/cpu/team/schedule.js";
import { serveUntilRetired } from "../../host/retire-node.js";
import { COUNT, Meeting, ORDER, timedWalk, WALK } from "./timed-walk.js";

/** What a thread is told by each team. */
export interface TimedStart {
  readonly meeting: SharedArrayBuffer;
  /** What to walk next: one of WALK (timed-walk.ts). */
  readonly orders: SharedArrayBuffer;
  readonly image: ProgramImage;
  readonly thread: number;
  readonly threads: number;
  readonly batch: number;
}

async function bind({ code }: ProgramImage): Promise<KernelFunction[]> {
  if (code.kind !== "native") return bindWasm(code);
  const { NativeBinder } = await import("../../devices/cpu/native/binding.js");
  return new NativeBinder().bind(code);
}

/** Returns when the team ends. */
async function serve({ meeting, orders, image, thread, threads, batch }: TimedStart, ready: () => void): Promise<void> {
  const meet = new Meeting(new Int32Array(meeting), threads);
  try {
    const program = { ...image, functions: await bind(image) };
    const words = new Int32Array(orders);
    ready();
    for (let done = 0; ; done++) {
      while (Atomics.load(words, COUNT) === done) Atomics.wait(words, COUNT, done);
      const order = Atomics.load(words, ORDER);
      if (order === WALK.end) return;
      const section = order === WALK.prepare ? image.prepare : image.steps;
      timedWalk(program, section, { thread, threads, meeting: meet }, batch);
    }
  } catch (cause) {
    meet.giveUp();
    throw cause;
  }
}

if (parentPort !== null) {
  const port = parentPort;
  /** Whether this thread has called machine code. */
  let isNative = false;
  serveUntilRetired(
    port,
    (start: TimedStart) => {
      isNative ||= start.image.code.kind === "native";
      return serve(start, () => port.postMessage("ready"));
    },
    () => isNative,
  );
}
