/** A thread of a timed team other than the caller's: walks a section whenever the caller does. */
import { parentPort, workerData } from "node:worker_threads";
import { serveUntilRetired } from "../../runtime/retire-node.js";
import type { ProgramImage } from "../../runtime/schedule.js";
import { bindWasm } from "../../runtime/wasm-binding.js";
import { COUNT, Meeting, ORDER, timedWalk, WALK } from "./timed-walk.js";

export interface TimedWorkerData {
  readonly meeting: SharedArrayBuffer;
  /** What to walk next: one of WALK (timed-walk.ts). */
  readonly orders: SharedArrayBuffer;
  readonly image: ProgramImage;
  readonly thread: number;
  readonly threads: number;
  readonly batch: number;
}

async function serve({ meeting, orders, image, thread, threads, batch }: TimedWorkerData): Promise<void> {
  const meet = new Meeting(new Int32Array(meeting), threads);
  try {
    const { code } = image;
    const functions =
      code.kind === "native"
        ? new (await import("../../runtime/native/binding.js")).NativeBinder().bind(code)
        : await bindWasm(code);
    const program = { ...image, functions };
    const words = new Int32Array(orders);
    parentPort?.postMessage("ready");
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
  await serve(workerData as TimedWorkerData);
  serveUntilRetired(parentPort, () => {});
}
