/** The queue of batches: their order, what ends it, and how the time is counted in which nothing ran. */
import { expect, it } from "vitest";
import type { Executable, Slot } from "#fovea/devices/device.js";
import { type QueueWork, runQueue } from "#fovea/devices/queue.js";

const delay = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Slots of a program whose runs take `runMs` each, one after another. */
function program(slots: number, runMs: number) {
  const log: string[] = [];
  const free = Array.from({ length: slots }, (_, n) => n);
  const waiting: ((n: number) => void)[] = [];
  let last = Promise.resolve();
  let held = 0;
  const slot = (n: number) => ({
    run(count: number) {
      log.push(`run ${count}`);
      last = last.then(() => delay(runMs));
      return last;
    },
    release() {
      held--;
      const next = waiting.shift();
      if (next === undefined) free.push(n);
      else next(n);
    },
  });
  const loaded = {
    async acquire() {
      const n = free.shift() ?? (await new Promise<number>((resolve) => waiting.push(resolve)));
      held++;
      return slot(n) as unknown as Slot;
    },
  } as unknown as Executable;
  return { loaded, log, held: () => held };
}

async function queue(batches: number, work: Partial<QueueWork>, { slots = 4, runMs = 5 } = {}) {
  const { loaded, log, held } = program(slots, runMs);
  const done: number[] = [];
  let waited = 0;
  const ended = await runQueue(loaded, batches, {
    fill: (_, batch) => batch + 1,
    done: (_, batch) => {
      done.push(batch);
      return true;
    },
    waited: (ms) => {
      waited += ms;
    },
    ...work,
  }).then(
    () => "well",
    (error: Error) => error.message,
  );
  expect(held()).toBe(0);
  return { ended, log, done, waited };
}

it("runs batches in order, filled at once or by others, in whatever order they are ready", async () => {
  const order = ["run 1", "run 2", "run 3", "run 4", "run 5", "run 6"];
  expect(await queue(6, {})).toMatchObject({ ended: "well", log: order, done: [0, 1, 2, 3, 4, 5] });
  const late = async (_: Slot, batch: number) => {
    await delay(batch % 2 === 0 ? 25 : 1);
    return batch + 1;
  };
  expect(await queue(6, { fill: late })).toMatchObject({ ended: "well", log: order, done: [0, 1, 2, 3, 4, 5] });
});

it("begins as many fills as there are slots", async () => {
  let most = 0;
  let now = 0;
  const fill = async (_: Slot, batch: number) => {
    most = Math.max(most, ++now);
    await delay(10);
    now--;
    return batch + 1;
  };
  await queue(9, { fill }, { slots: 3 });
  expect(most).toBe(3);
});

it("stops when asked, with the results of what was submitted, and without running what was not", async () => {
  const fill = async (_: Slot, batch: number) => {
    await delay(batch < 2 ? 1 : 60);
    return batch + 1;
  };
  const seen: number[] = [];
  const done = (_: Slot, batch: number) => {
    seen.push(batch);
    return batch < 1;
  };
  expect(await queue(8, { fill, done })).toMatchObject({ ended: "well", log: ["run 1", "run 2"] });
  expect(seen).toEqual([0, 1]);
});

it.each([0, 2])("ends with the error of fill %i when all others have ended", async (bad) => {
  let writing = 0;
  const fill = async (_: Slot, batch: number) => {
    writing++;
    await delay(batch === bad ? 1 : 30);
    writing--;
    if (batch === bad) throw new Error(`no picture ${batch}`);
    return batch + 1;
  };
  const { ended, log } = await queue(8, { fill });
  expect([ended, writing]).toEqual([`no picture ${bad}`, 0]);
  expect(log.length).toBeLessThanOrEqual(bad);
  const thrown = await queue(8, {
    fill: (_, batch) => {
      if (batch === bad) throw new Error("at once");
      return batch + 1;
    },
  });
  expect([thrown.ended, thrown.log.length]).toEqual(["at once", bad]);
});

it("counts the time in which nothing ran for want of a batch", async () => {
  const slow = await queue(5, { fill: (_, batch) => delay(40 * (batch + 1)).then(() => 1) }, { slots: 1, runMs: 1 });
  expect(slow.waited).toBeGreaterThan(40 + 80 + 120 + 160 + 200 - 10);
  const fast = await queue(5, { fill: () => delay(5).then(() => 1) }, { runMs: 40 });
  expect(fast.waited).toBeLessThan(40);
});
