/** States whose numbers are lent: read when they are needed, and given back to the system once they are packed. */
import { afterEach, describe, expect, test } from "vitest";
import type { BackendName } from "#fovea/devices/cpu/backends/backend.js";
import { detectTargets } from "#fovea/devices/cpu/native/cpu.js";
import { Session, type SessionOptions } from "#fovea/devices/cpu/session.js";
import { residentBytes } from "../support/resident.js";
import { CHEAP, COSTLY, random, readerProgram, writerProgram } from "./programs.js";

const [native] = detectTargets();
const sessions: Session[] = [];
async function open(options: SessionOptions): Promise<Session> {
  const session = await Session.create({ note: () => {}, threads: 2, ...options });
  sessions.push(session);
  return session;
}
afterEach(async () => {
  await Promise.all(sessions.splice(0).map((s) => s.close()));
});

/** Large enough to be given back. */
const WIDTH = 2 ** 15;
const x = new Float32Array(WIDTH).fill(1);
const w = random(5, WIDTH);
const expected = x.map((v, i) => v + 2 * w[i]!);

const backends: BackendName[] = ["wasm", ...(native === undefined ? [] : [native])];
describe.each(backends)("%s", (backend) => {
  test.each([CHEAP, COSTLY])("are packed, read, and packed anew for another program (cost %i)", async (cost) => {
    const session = await open({ backend });
    const reader = await session.load(readerProgram(session.target, cost, "reader", WIDTH));
    const asked: number[] = [];
    const source = () => {
      asked.push(0);
      return w;
    };
    const { store } = session.memory;
    await session.lendState("w", source);
    expect(asked).toHaveLength(0);
    expect(session.memory.store).toBe(backend === "wasm" ? store : 0);
    for (let run = 0; run < 3; run++) expect((await reader.run({ x }, 1))["y"]).toEqual(expected);
    expect(asked).toHaveLength(1);
    const copy = (await session.readState("w")) as Float32Array;
    expect(copy).toEqual(w);
    copy.fill(0);
    const again = await session.load(readerProgram(session.target, cost, "again", WIDTH));
    expect((await again.run({ x }, 1))["y"]).toEqual(expected);
    expect((await reader.run({ x }, 1))["y"]).toEqual(expected);
  });

  test("are the session's own once they are written, by a program or from outside", async () => {
    const session = await open({ backend });
    const reader = await session.load(readerProgram(session.target, COSTLY, "reader", WIDTH));
    await session.lendState("w", () => w);
    expect((await reader.run({ x }, 1))["y"]).toEqual(expected);
    const writer = await session.load(writerProgram(session.target, COSTLY, WIDTH));
    await session.writeState("g", new Float32Array(WIDTH).fill(8));
    const slot = await writer.acquire();
    await Promise.all([slot.run(1), slot.run(1)]);
    expect(session.memory.store).toBe(2 * 4 * WIDTH);
    const moved = w.map((v) => Math.fround(Math.fround(v + 4) + 4));
    expect(await session.readState("w")).toEqual(moved);
    expect((await reader.run({ x }, 1))["y"]).toEqual(x.map((v, i) => v + 2 * moved[i]!));
    expect(w).toEqual(random(5, WIDTH));
    await session.writeState("w", new Float32Array(WIDTH).fill(3));
    expect((await reader.run({ x }, 1))["y"]).toEqual(x.map((v) => v + 6));
    await session.lendState("w", () => w);
    expect((await reader.run({ x }, 1))["y"]).toEqual(expected);
  });

  test("of another length are refused when they are taken, and may be lent anew", async () => {
    const session = await open({ backend });
    const reader = await session.load(readerProgram(session.target, COSTLY, "reader", WIDTH));
    await session.lendState("w", () => w.subarray(1));
    await expect(reader.run({ x }, 1)).rejects.toThrow(`state "w": ${WIDTH - 1} numbers given, expected ${WIDTH}`);
    await session.lendState("w", () => w);
    expect((await reader.run({ x }, 1))["y"]).toEqual(expected);
  });
});

test.skipIf(native === undefined)("take no memory between runs", async () => {
  // 64 MiB: the threads of the tests before may end meanwhile, and give back some ten.
  const wide = 2 ** 24;
  const numbers = new Float32Array(wide).fill(0.5);
  const session = await open({ backend: native! });
  const reader = await session.load(readerProgram(session.target, COSTLY, "reader", wide));
  const slot = await reader.acquire();
  const after = async () => {
    await slot.run(1);
    return residentBytes();
  };
  await session.writeState("w", numbers);
  const written = await after();
  await session.lendState("w", () => numbers);
  const lent = await after();
  expect(slot.output("y").every((v) => v === 1)).toBe(true);
  const given = (written - lent) / (4 * wide);
  expect(given).toBeGreaterThan(0.9);
  expect(given).toBeLessThan(1.7);
});
