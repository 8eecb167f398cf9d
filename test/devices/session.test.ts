import { afterEach, describe, expect, test } from "vitest";
import { InterpreterBackend } from "#fovea/devices/cpu/backends/interpreter.js";
import { detectTargets } from "#fovea/devices/cpu/native/cpu.js";
import { currentPlatform, installPlatform } from "#fovea/devices/cpu/platform/current-platform.js";
import { Session, type SessionOptions } from "#fovea/devices/cpu/session.js";
import type { Numbers } from "#fovea/devices/index.js";
import type { Target } from "#fovea/target/target.js";
import { AVX2, AVX512, WASM } from "#fovea/target/targets.js";
import {
  addScaled,
  CHEAP,
  COSTLY,
  Draft,
  MIDDLING,
  mixProgram,
  mixReference,
  random,
  readerProgram,
  writerProgram,
} from "./programs.js";

const detected: readonly string[] = detectTargets();
const BACKENDS = ["interpreter", "wasm", "avx2", "avx512"] as const;
const missing = (name: string) => name.startsWith("avx") && !detected.includes(name);

const sessions: Session[] = [];
async function open(options: SessionOptions): Promise<Session> {
  const session = await Session.create({ note: () => {}, ...options });
  sessions.push(session);
  return session;
}
afterEach(async () => {
  await Promise.all(sessions.splice(0).map((s) => s.close()));
});

/** Whether a run is done within this turn of the event loop: what the team does alone is heard of in a later one. */
async function isSettled(run: Promise<void>): Promise<boolean> {
  let settled = false;
  void run.then(() => {
    settled = true;
  });
  for (let n = 0; n < 20; n++) await Promise.resolve();
  return settled;
}

const interpreterOf = (target: Target) => new InterpreterBackend(target);

describe.each(BACKENDS)("%s", (backend) => {
  describe.skipIf(missing(backend))("runs", () => {
    test("chained steps to the numbers worked out in float32", async () => {
      const session = await open({ backend, threads: 2 });
      const rounds = backend === "interpreter" ? 3 : 40;
      const program = await session.load(mixProgram(session.target, { rounds, cost: COSTLY }));
      const x = random(1, 512 * 5);
      const { y, sum } = await program.run({ x }, 5);
      expect(y).toEqual(mixReference(x, 512, rounds));
      for (let n = 0; n < 5; n++)
        expect(sum![n]).toBeCloseTo(
          mixReference(x, 512, rounds - 1)
            .subarray(512 * n, 512 * (n + 1))
            .reduce((a, b) => a + b * b, 32 * session.target.lanes * 0.1),
          2,
        );
    });

    test("states that programs share by name, and prepares again when one was written", async () => {
      const session = await open({ backend, threads: 2 });
      const cost = backend === "wasm" ? COSTLY : CHEAP;
      const reader = await session.load(readerProgram(session.target, cost));
      const writer = await session.load(writerProgram(session.target, cost));
      expect(session.states().map((s) => s.name)).toEqual(["w", "g"]);
      await session.writeState("w", new Float32Array(64).fill(3));
      await session.writeState("g", new Float32Array(64).fill(8));
      const x = Float32Array.from({ length: 64 }, (_, i) => i);
      expect((await reader.run({ x }, 1))["y"]).toEqual(x.map((v) => v + 6));
      const slot = await writer.acquire();
      void slot.run(1);
      void slot.run(1);
      expect((await reader.run({ x }, 1))["y"]).toEqual(x.map((v) => v + 22));
      expect(await session.readState("w")).toEqual(new Float32Array(64).fill(11));
      await session.writeState("w", new Float32Array(64).fill(-1));
      expect((await reader.run({ x }, 1))["y"]).toEqual(x.map((v) => v - 2));
    });
  });
});

describe.each(["wasm", "avx2", "avx512"] as const)("%s", (backend) => {
  test.skipIf(missing(backend))("gives the interpreter's bits with 1, 2 and 7 threads", async () => {
    const x = random(2, 512 * 3);
    const results: Record<string, Numbers>[] = [];
    for (const threads of [1, 2, 7]) {
      const session = await open({ backend, threads });
      expect(session.threads).toBe(threads);
      const program = await session.load(mixProgram(session.target, { rounds: 30, cost: COSTLY }));
      const shared = await session.load(mixProgram(session.target, { rounds: 30, cost: MIDDLING / 3 }));
      for (let n = 0; n < 3; n++) {
        results.push(await program.run({ x }, 3));
        results.push(await shared.run({ x }, 3));
      }
      if (threads === 1) {
        const checked = await open({ backend: interpreterOf(session.target) });
        const same = await checked.load(mixProgram(session.target, { rounds: 30, cost: COSTLY }));
        results.push(await same.run({ x }, 3));
      }
    }
    for (const result of results) expect(result).toEqual(results[0]);
    expect(results.length).toBe(19);
  });
});

describe("jobs", () => {
  test("a thousand queued jobs run in order, more than the ring holds", async () => {
    const session = await open({ backend: "wasm", threads: 2 });
    const writer = await session.load(writerProgram(session.target, COSTLY));
    await session.writeState("g", new Float32Array(64).fill(2));
    const slot = await writer.acquire();
    const order: number[] = [];
    const runs = Array.from({ length: 1000 }, (_, n) => slot.run(1).then(() => order.push(n)));
    const middle = session.readState("w");
    const more = slot.run(1);
    await Promise.all(runs);
    expect(order).toEqual(Array.from({ length: 1000 }, (_, n) => n));
    expect((await middle)[0]).toBe(1000);
    await more;
    await session.idle();
    expect((await session.readState("w"))[63]).toBe(1001);
  });

  test("a cheap program runs at once on the caller's thread, one a little dearer with its help, a costly one does not", async () => {
    const session = await open({ backend: "wasm", threads: 2 });
    for (const cost of [CHEAP, MIDDLING, COSTLY]) {
      const program = await session.load(mixProgram(session.target, { rounds: 3, cost }));
      const slot = await program.acquire();
      const x = random(3, 512);
      slot.fill("x", x);
      slot.raw("y").fill(7);
      const done = slot.run(1);
      if (cost !== COSTLY) expect(slot.output("y")).toEqual(mixReference(x, 512, 3));
      else expect(await isSettled(done)).toBe(false);
      await done;
      expect(slot.output("y")).toEqual(mixReference(x, 512, 3));
    }
  });

  test("a training is shared by the caller where each core has its worker, not where one is free to fill the next batch", async () => {
    for (const threads of [2, 4]) {
      const platform = await currentPlatform();
      installPlatform({ ...platform, parallelism: () => 4 });
      const session = await open({ backend: "wasm", threads });
      installPlatform(platform);
      const mix = mixProgram(session.target, { rounds: 3, cost: MIDDLING });
      const { states, bytes } = writerProgram(session.target);
      const training = { ...mix, states, writes: ["w"], bytes: { ...mix.bytes, store: bytes.store } };
      const slot = await (await session.load(training)).acquire();
      const x = random(3, 512);
      slot.fill("x", x);
      slot.raw("y").fill(7);
      const done = slot.run(1);
      if (threads === 4) expect(slot.output("y")).toEqual(mixReference(x, 512, 3));
      else expect(await isSettled(done)).toBe(false);
      await done;
      expect(slot.output("y")).toEqual(mixReference(x, 512, 3));
    }
  });

  test.each([CHEAP, MIDDLING])("a loop of runs of cost %i that are done at once lets timers go off", async (cost) => {
    const session = await open({ backend: "wasm", threads: 2 });
    const program = await session.load(mixProgram(session.target, { rounds: 3, cost }));
    const slot = await program.acquire();
    await slot.run(1);
    let ticks = 0;
    const timer = setInterval(() => ticks++, 5);
    // Four ticks take 20 ms, longer where others use the machine; a loop that keeps them off would run for ever.
    const until = performance.now() + 20_000;
    while (ticks < 4 && performance.now() < until) await slot.run(1);
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(3);
  });

  test("jobs that the caller shares and jobs that the team does alone follow each other, more than the ring holds", async () => {
    const session = await open({ backend: "wasm", threads: 3 });
    const alone = await session.load(mixProgram(session.target, { rounds: 3, cost: COSTLY }));
    const shared = await session.load(mixProgram(session.target, { rounds: 3, cost: MIDDLING }));
    const [x, expected] = [random(3, 512), mixReference(random(3, 512), 512, 3)];
    const [a, b] = [await alone.acquire(), await shared.acquire()];
    for (const slot of [a, b]) slot.fill("x", x);
    const check = (slot: typeof a) => {
      expect(slot.output("y")).toEqual(expected);
      slot.raw("y").fill(7);
    };
    for (let round = 0; round < 12; round++) {
      for (let n = 0; n < 90; n++) {
        await b.run(1);
        check(b);
      }
      // Behind a job of the team a shared one waits its turn; a program that is loaded in between reaches all workers.
      const both = [a.run(1), b.run(1), a.run(1)];
      if (round % 4 === 0) {
        const more = await session.load(
          mixProgram(session.target, { rounds: 3, cost: round === 0 ? COSTLY : MIDDLING }),
        );
        expect((await more.run({ x }, 1))["y"]).toEqual(expected);
        await more.unload();
      }
      await Promise.all(both);
      check(a);
      check(b);
    }
  });

  test("a cheap program waits behind a costly one", async () => {
    const session = await open({ backend: "wasm", threads: 2 });
    const writer = await session.load(writerProgram(session.target, COSTLY));
    const reader = await session.load(readerProgram(session.target, CHEAP));
    await session.writeState("g", new Float32Array(64).fill(4));
    const slot = await writer.acquire();
    const runs = [slot.run(1), slot.run(1), slot.run(1)];
    const { y } = await reader.run({ x: new Float32Array(64) }, 1);
    expect(y![0]).toBe(12);
    await Promise.all(runs);
  });

  test("slots are handed out in the order of asking and keep their outputs", async () => {
    const session = await open({ backend: "wasm", threads: 1 });
    const program = await session.load(mixProgram(session.target, { rounds: 2, cost: CHEAP }), { slots: 2 });
    const [a, b] = [await program.acquire(), await program.acquire()];
    const x = random(4, 1024);
    a.fill("x", x.subarray(0, 512));
    b.fill("x", x.subarray(512));
    await Promise.all([a.run(1), b.run(1)]);
    expect(a.output("y")).toEqual(mixReference(x.slice(0, 512), 512, 2));
    expect(b.output("y")).toEqual(mixReference(x.slice(512), 512, 2));
    const waiting = program.acquire();
    const later = program.acquire();
    a.release();
    const c = await waiting;
    expect(c.index).toBe(a.index);
    expect(() => a.output("y")).toThrow('program "mix": this slot was released; acquire one again');
    await expect(a.run(1)).rejects.toThrow("was released");
    b.release();
    expect((await later).index).toBe(b.index);
  });

  test("a program loaded while the team works reaches the workers; the scratch grows and old programs go on", async () => {
    const session = await open({ backend: "wasm", threads: 2 });
    const small = await session.load(mixProgram(session.target, { rounds: 5, cost: COSTLY, width: 64 }));
    const x = random(5, 4096);
    const first = small.run({ x: x.subarray(0, 64) }, 1);
    const large = await session.load(mixProgram(session.target, { rounds: 5, cost: COSTLY, width: 4096 }));
    expect((await first)["y"]).toEqual(mixReference(x.slice(0, 64), 64, 5));
    expect((await large.run({ x }, 1))["y"]).toEqual(mixReference(x, 4096, 5));
    expect((await small.run({ x: x.subarray(64, 128) }, 1))["y"]).toEqual(mixReference(x.slice(64, 128), 64, 5));
    const before = session.memory.slots;
    await large.unload();
    expect(session.memory.slots).toBeLessThan(before);
    await expect(large.run({ x }, 1)).rejects.toThrow('program "mix" was unloaded');
    for (const cost of [CHEAP, MIDDLING]) {
      const gone = await session.load(mixProgram(session.target, { rounds: 5, cost, width: 4096 }));
      const slot = await gone.acquire();
      await gone.unload();
      await expect(slot.run(1)).rejects.toThrow('program "mix" was unloaded');
    }
  });
});

test("prepare runs once, and again only when a state that it reads was written", async () => {
  const session = await open({ backend: "wasm", threads: 2 });
  // Each time it runs, prepare adds w to what it made before.
  const d = new Draft("counting", session.target, 1, CHEAP);
  const x = d.port(d.inputs, "x", [16]);
  const y = d.port(d.outputs, "y", [16]);
  const w = d.state("w", [16]);
  d.state("other", [16]);
  const sum = d.place("prepared", 64, "sum");
  d.step(addScaled(session.target, 1), [sum, w, sum], { count: 1 }, false, d.prepare);
  d.step(addScaled(session.target, 1), [x, sum, y], { count: 1 }, false);
  const program = await session.load(d.program());
  const run = async () => (await program.run({ x: new Float32Array(16) }, 1))["y"]![15];
  await session.writeState("w", new Float32Array(16).fill(3));
  expect([await run(), await run()]).toEqual([3, 3]);
  await session.writeState("other", new Float32Array(16));
  expect(await run()).toBe(3);
  await session.writeState("w", new Float32Array(16).fill(4));
  expect([await run(), await run()]).toEqual([7, 7]);
});

describe("one thread without workers", () => {
  test("goes to the event loop between pieces of work, and jobs still run one after the other", async () => {
    const session = await open({ backend: new InterpreterBackend(WASM) });
    expect(session.threads).toBe(1);
    const program = await session.load(mixProgram(session.target, { rounds: 200, cost: COSTLY }), { slots: 2 });
    const x = random(10, 512 * 8);
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const results = await Promise.all([program.run({ x }, 8), program.run({ x: x.map((v) => -v) }, 8)]);
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(3);
    expect(results[0]!["y"]).toEqual(mixReference(x, 512, 200));
    expect(results[1]!["y"]).toEqual(mixReference(x, 512, 200).map((v) => -v));
  });
});

describe("check mode", () => {
  test("finds a read of scratch that nothing has written, and dirty pad lanes", async () => {
    const session = await open({ backend: "wasm", threads: 1, check: true });
    const d = new Draft("stale", session.target, 1, CHEAP);
    const y = d.port(d.outputs, "y", [16]);
    const never = d.place("scratch", 64, "never");
    d.step(addScaled(session.target, 1), [never, never, y], { count: 1 });
    const stale = await session.load(d.program());
    const { y: got } = await stale.run({}, 1);
    expect([...got!].every(Number.isNaN)).toBe(true);

    const e = new Draft("dirty", session.target, 1, CHEAP);
    const x = e.port(e.inputs, "x", [16]);
    const out = e.port(e.outputs, "out", [13]);
    e.step(addScaled(session.target, 1), [x, x, out], { count: 1 });
    const dirty = await session.load(e.program());
    await expect(dirty.run({ x: random(6, 16) }, 1)).rejects.toThrow(
      /program "dirty" left .* in a pad lane of output "out" \(element 13\)/,
    );
    await expect(dirty.run({ x: new Float32Array(16) }, 1)).resolves.toBeDefined();
  });

  test("agrees with a run that does not check", async () => {
    const x = random(7, 512);
    const results = [];
    for (const check of [false, true]) {
      const session = await open({ backend: "wasm", threads: 2, check });
      const program = await session.load(mixProgram(session.target, { rounds: 9, cost: COSTLY }));
      const reader = await session.load(readerProgram(session.target));
      await session.writeState("w", random(8, 64));
      results.push([await program.run({ x }, 1), await reader.run({ x: random(9, 64) }, 1)]);
    }
    expect(results[1]).toEqual(results[0]);
  });
});

describe("bad input", () => {
  test("batches, names, lengths and types", async () => {
    const session = await open({ backend: "wasm", threads: 1 });
    const program = await session.load(mixProgram(session.target, { rounds: 2, cost: CHEAP, maxBatch: 4 }));
    const slot = await program.acquire();
    await expect(slot.run(0)).rejects.toThrow('program "mix": batch 0 is not a whole number from 1 to 4');
    await expect(slot.run(5)).rejects.toThrow("batch 5");
    expect(() => slot.fill("x", new Float32Array(513))).toThrow(
      'input "x" of program "mix": 513 numbers given, expected a whole number of samples of 512 (Nx512), at most 4',
    );
    expect(() => slot.fill("x", new Float32Array(512 * 5))).toThrow("at most 4");
    expect(() => slot.fill("x", new Int32Array(512))).toThrow("Int32Array given, expected Float32Array");
    expect(() => slot.input("xx")).toThrow('unknown input of program "mix" "xx"; did you mean "x"?');
    await expect(program.run({}, 1)).rejects.toThrow('input "x" is missing');
    await expect(session.readState("weight")).rejects.toThrow('unknown state "weight"');
    slot.release();
  });

  test("a program for another target, a state of another shape, and places past their region", async () => {
    const session = await open({ backend: "wasm", threads: 1, relaxedSimd: false });
    await expect(session.load(readerProgram(AVX2))).rejects.toThrow(
      'program "reader": compiled for avx2 (8 lanes, fused multiply-add), but this session runs wasm (4 lanes, separate multiply-add)',
    );
    await expect(
      session.load(readerProgram({ ...WASM, registers: { ...WASM.registers, vector: 40 } })),
    ).rejects.toThrow(
      'program "reader": compiled for 40 vector registers, but this session\'s machine has 15; compile it for session.target',
    );
    const fewer = readerProgram({ ...WASM, registers: { ...WASM.registers, vector: 12 } });
    await expect(session.load({ ...fewer, target: WASM })).rejects.toThrow(
      /^program "reader": kernel ".+" was written for another wasm than the program$/,
    );
    await session.load(fewer);
    await session.load(readerProgram(WASM));
    const d = new Draft("other", WASM, 1, CHEAP);
    d.state("w", [32]);
    await expect(session.load(d.program())).rejects.toThrow(
      'program "other": state "w" is f32 32 (128 bytes), but an earlier program of this device has it as f32 64 (256 bytes)',
    );
    const program = mixProgram(WASM, { rounds: 2, cost: CHEAP });
    await expect(session.load({ ...program, bytes: { ...program.bytes, scratch: 64 } })).rejects.toThrow(
      /"a" is at 0\.\.16384 of scratch, which has 64 bytes/,
    );
  });

  test("what does not fit in memory is refused before anything is allocated", async () => {
    const session = await open({ backend: "wasm", threads: 1, memoryLimit: 2 ** 20 });
    const before = session.memory;
    const program = mixProgram(session.target, { rounds: 2, cost: CHEAP, width: 4096, maxBatch: 64 });
    await expect(session.load(program)).rejects.toThrow(
      /needs 4\.\d MiB .*but memoryLimit allows 1\.0 MiB; scratch is the largest part: compile it for a smaller batch than 64, or raise memoryLimit/,
    );
    expect(session.memory).toEqual(before);
    const big = await open({ backend: "wasm", threads: 1 });
    const huge = { ...program, bytes: { ...program.bytes, scratch: 5 * 2 ** 30 } };
    await expect(big.load(huge)).rejects.toThrow(/wasm can hold/);
  });

  test.skipIf(missing("avx512"))("machine code: the machine's memory is the limit", async () => {
    const session = await open({ backend: "avx512", threads: 1 });
    const program = mixProgram(AVX512, { rounds: 2, cost: CHEAP });
    const huge = { ...program, bytes: { ...program.bytes, scratch: 2 ** 45 } };
    await expect(session.load(huge)).rejects.toThrow(/this machine has/);
  });

  test("a closed session", async () => {
    const session = await open({ backend: "wasm", threads: 2 });
    const program = await session.load(mixProgram(session.target, { rounds: 2, cost: COSTLY }));
    const run = program.run({ x: random(1, 512) }, 1);
    await Promise.resolve();
    const closing = session.close();
    await expect(run).resolves.toBeDefined();
    await closing;
    await expect(session.load(program.program)).rejects.toThrow("the device was closed");
    await expect(program.run({ x: random(1, 512) }, 1)).rejects.toThrow("the device was closed");
  });
});
