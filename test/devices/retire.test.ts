import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { retire } from "#fovea/host/retire-node.js";

const module = new URL("../../dist/host/retire-node.js", import.meta.url).href;

/** A worker that takes as many milliseconds as it is told, then stores 1. */
function slow(shared: SharedArrayBuffer): Worker {
  return new Worker(
    `const { parentPort, workerData } = require("node:worker_threads");
     const done = new Int32Array(workerData.shared);
     import(workerData.module).then(({ serveUntilRetired }) => {
       serveUntilRetired(parentPort, async (ms) => {
         if (ms < 0) throw new Error("less than nothing");
         await new Promise((resolve) => setTimeout(resolve, ms));
         Atomics.store(done, 0, 1);
       });
     });`,
    { eval: true, workerData: { shared, module } },
  );
}

test("a worker that is retired ends what it has at hand, then its thread", async () => {
  const shared = new SharedArrayBuffer(4);
  const worker = slow(shared);
  worker.postMessage(100);
  await retire(worker);
  expect(Atomics.load(new Int32Array(shared), 0)).toBe(1);
  expect(worker.threadId).not.toBe(-1);
  expect(await once(worker, "exit")).toEqual([0]);
  await retire(worker);
});

test("a worker that dies is waited for no longer", async () => {
  const worker = slow(new SharedArrayBuffer(4));
  const failed = once(worker, "error");
  worker.postMessage(-1);
  await Promise.all([retire(worker), failed]);
  expect(String((await failed)[0])).toContain("less than nothing");
});
