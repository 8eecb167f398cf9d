/** A kernel that traps must reject what is pending, free the other threads, and leave a session that can be closed. */
import { expect, test } from "vitest";
import { BackendError } from "#fovea/base/errors.js";
import { buildKernel } from "#fovea/codegen/builder/builder.js";
import { currentPlatform, installPlatform } from "#fovea/devices/cpu/platform/current-platform.js";
import { Session } from "#fovea/devices/cpu/session.js";
import type { WorkerHandle } from "#fovea/host/worker-handle.js";
import type { Target } from "#fovea/target/target.js";
import { CHEAP, COSTLY, Draft, MIDDLING, mix, mixProgram, random } from "./programs.js";

/** Piece 5 of the second step reads 2 GiB past its operand; the other thread meets a barrier after it. */
function trapping(target: Target, cost: number) {
  const d = new Draft("trapping", target, 1, cost);
  const x = d.port(d.inputs, "x", [256]);
  const y = d.port(d.outputs, "y", [256]);
  const operands = [
    ["from", "read"],
    ["to", "write"],
  ] as const;
  const trap = buildKernel({ key: "trap", name: "trap", target, operands }, (k) => {
    k.loop(k.begin, k.end, (piece) => {
      k.if(piece, "eq", 5, () => {
        const far = k.ptrAdd(k.operand("from"), 0x70000000);
        k.store(k.operand("to"), 0, k.load(far, 0, target.lanes));
      });
    });
  });
  d.step(mix(target, 256), [x, y], { count: 16 });
  d.step(trap, [x, y], { count: 16 });
  for (let n = 0; n < 10; n++) d.step(mix(target, 256), [x, y], { count: 16 });
  return d.program();
}

test.each([2, 5])("a trap in one of %i workers rejects everything pending", async (threads) => {
  const session = await Session.create({ backend: "wasm", threads });
  const good = await session.load(mixProgram(session.target, { rounds: 3, cost: COSTLY }));
  const bad = await session.load(trapping(session.target, COSTLY));
  const [a, b] = [await good.acquire(), await bad.acquire()];
  await a.run(1);
  const results = await Promise.allSettled([a.run(1), b.run(1), a.run(1), session.readState("none"), a.run(2)]);
  expect(results.map((r) => r.status)).toEqual(["fulfilled", "rejected", "rejected", "rejected", "rejected"]);
  const failure = (results[1] as PromiseRejectedResult).reason;
  expect(failure).toBeInstanceOf(BackendError);
  expect(failure.message).toMatch(
    /^program "trapping", step 1 \(y trap\) failed on a worker: RuntimeError: memory access/,
  );
  await expect(a.run(1)).rejects.toBe(failure);
  await expect(session.load(good.program)).rejects.toBe(failure);
  await session.idle();
  await session.close();
});

test.each([2, 8])(
  "a trap in a job that the caller shares with one of %i threads gives the team up",
  async (threads) => {
    const session = await Session.create({ backend: "wasm", threads });
    const bad = await session.load(trapping(session.target, MIDDLING));
    const good = await session.load(mixProgram(session.target, { rounds: 3, cost: MIDDLING }));
    await expect(good.run({ x: random(1, 512) }, 1)).resolves.toBeDefined();
    const [a, b] = [await good.acquire(), await bad.acquire()];
    const results = await Promise.allSettled([b.run(1), a.run(1)]);
    const failure = (results[0] as PromiseRejectedResult).reason;
    expect(failure).toBeInstanceOf(BackendError);
    // piece 5 of 16 is the caller's of two threads, and a worker's of eight
    const where = threads === 2 ? "failed" : "failed on a worker";
    expect(failure.message).toMatch(
      new RegExp(`^program "trapping", step 1 \\(y trap\\) ${where}: RuntimeError: memory`),
    );
    expect(results[1]?.status).toBe("rejected");
    await expect(session.load(good.program)).rejects.toBe(failure);
    await session.close();
  },
);

test("a trap on the caller's thread rejects that run only", async () => {
  const session = await Session.create({ backend: "wasm", threads: 2 });
  const bad = await session.load(trapping(session.target, CHEAP));
  await expect(bad.run({ x: random(1, 256) }, 1)).rejects.toThrow(
    'program "trapping", step 1 (y trap) failed: RuntimeError: memory access out of bounds',
  );
  const good = await session.load(mixProgram(session.target, { rounds: 3, cost: CHEAP }));
  await expect(good.run({ x: random(1, 512) }, 1)).resolves.toBeDefined();
  await session.close();
});

test("a worker that dies rejects what is pending", async () => {
  const platform = await currentPlatform();
  const workers: WorkerHandle[] = [];
  installPlatform({
    ...platform,
    startWorker: (name) => {
      const worker = platform.startWorker(name);
      workers.push(worker);
      return worker;
    },
  });
  const session = await Session.create({ backend: "wasm", threads: 2 });
  installPlatform(platform);
  const program = await session.load(mixProgram(session.target, { rounds: 1000, cost: COSTLY }));
  const slot = await program.acquire();
  const runs = Promise.allSettled(Array.from({ length: 50 }, () => slot.run(8)));
  void workers[1]!.terminate();
  const results = await runs;
  const last = results.at(-1) as PromiseRejectedResult;
  expect(last.status).toBe("rejected");
  expect(last.reason.message).toMatch(/^worker 1 of 2 died: it ended with code 1/);
  await session.close();
});
