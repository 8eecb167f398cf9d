/** The runtime's small parts, each by itself. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { WasmBackend } from "#fovea/devices/cpu/backends/wasm.js";
import { JobQueue } from "#fovea/devices/cpu/job-queue.js";
import { firstDirtyPad, pack, unpack } from "#fovea/devices/cpu/memory/copy.js";
import { FreeList } from "#fovea/devices/cpu/memory/free-list.js";
import { checkMemory } from "#fovea/devices/cpu/memory/memory-check.js";
import { makeSchedule, piecesAt, STEP_WORDS } from "#fovea/devices/cpu/team/schedule.js";
import { layoutOf } from "#fovea/kernels/contract/layout.js";
import { AVX512, WASM } from "#fovea/target/targets.js";
import { CHEAP, mixProgram } from "./programs.js";

describe("copies between row-major and padded", () => {
  test("two samples of two rows of five channels, four lanes", () => {
    const layout = layoutOf({ shape: [2, 5], batched: true, dtype: "f32" }, WASM);
    const memory = new Float32Array(48);
    const data = Array.from({ length: 20 }, (_, n) => n + 1);
    expect(pack(memory, layout, data, 3, "x")).toBe(2);
    expect([...memory.subarray(0, 32)]).toEqual([
      ...[1, 2, 3, 4, 5, 0, 0, 0, 6, 7, 8, 9, 10, 0, 0, 0],
      ...[11, 12, 13, 14, 15, 0, 0, 0, 16, 17, 18, 19, 20, 0, 0, 0],
    ]);
    expect([...unpack(memory, layout, 2)]).toEqual(data);
    expect([...unpack(memory, layout, 1)]).toEqual(data.slice(0, 10));
    expect(firstDirtyPad(memory, layout, 2)).toBe(-1);
    memory[29] = -0;
    expect(firstDirtyPad(memory, layout, 1)).toBe(-1);
    expect(firstDirtyPad(memory, layout, 2)).toBe(29);
  });

  test("unpadded rows of three channels with zeros after a sample", () => {
    const layout = layoutOf({ shape: [3, 3], batched: true, dtype: "f32" }, WASM);
    const memory = new Float32Array(24);
    pack(
      memory,
      layout,
      Float32Array.from({ length: 18 }, (_, n) => n + 1),
      2,
      "x",
    );
    expect([...memory]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 0, 10, 11, 12, 13, 14, 15, 16, 17, 18, 0, 0, 0]);
    memory[11] = 1;
    expect(firstDirtyPad(memory, layout, 2)).toBe(11);
    expect([...unpack(memory, layout, 2)]).toEqual(Array.from({ length: 18 }, (_, n) => n + 1));
  });

  test("labels: one integer a sample; a parameter: one piece", () => {
    const labels = layoutOf({ shape: [], batched: true, dtype: "i32" }, AVX512);
    const memory = new Int32Array(16);
    expect(pack(memory, labels, Int32Array.of(7, 8, 9), 4, "labels")).toBe(3);
    expect(unpack(memory, labels, 2)).toEqual(Int32Array.of(7, 8));
    const weight = layoutOf({ shape: [2, 3], batched: false, dtype: "f32" }, AVX512);
    const stored = new Float32Array(16);
    pack(stored, weight, [1, 2, 3, 4, 5, 6], 1, "w");
    expect(unpack(stored, weight, 9)).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6));
    expect(() => pack(stored, weight, [1, 2, 3], 1, 'state "w"')).toThrow(
      'state "w": 3 numbers given, expected 6 numbers (2x3)',
    );
  });
});

test("a free list joins neighbours and gives its end back", () => {
  const list = new FreeList(64, 64);
  const [a, b, c] = [100, 64, 1].map((bytes) => list.take(bytes));
  expect([a!.offset, b!.offset, c!.offset, list.end]).toEqual([64, 192, 256, 320]);
  list.give(64, 100);
  list.give(192, 64);
  expect(list.take(192)).toEqual({ offset: 64, reused: true });
  list.give(256, 1);
  expect(list.end).toBe(256);
  expect(list.take(640)).toEqual({ offset: 256, reused: true });
  expect(list.take(64)).toEqual({ offset: 896, reused: false });
  expect(list.end).toBe(960);
});

test("WebAssembly memory that is used again is zero", () => {
  const backend = new WasmBackend({ shared: false, relaxed: false, limit: 2 ** 20 });
  const first = backend.allocate(256);
  first.f32(0, 64).fill(5);
  backend.free(first);
  const second = backend.allocate(128);
  expect(second.address).toBe(first.address);
  expect(second.f32(0, 32)).toEqual(new Float32Array(32));
  expect(() => backend.allocate(2 ** 22)).toThrow(/were refused; lower the batch/);
  expect(backend.allocate(64).address).toBe(second.address + 128);
});

describe("job queue", () => {
  test("an exclusive job waits for those before it and holds back those after it", async () => {
    const queue = new JobQueue();
    const events: string[] = [];
    const ends: (() => void)[] = [];
    const job = (name: string, exclusive = false) =>
      queue.submit(() => {
        events.push(`${name} begins`);
        return new Promise<void>((resolve) => ends.push(resolve)).then(() => {
          events.push(`${name} ends`);
        });
      }, exclusive);
    const all = [job("a"), job("b"), job("c", true), job("d"), job("e")];
    expect(events).toEqual(["a begins", "b begins"]);
    expect(queue.quiet).toBe(false);
    ends[0]!();
    ends[1]!();
    await Promise.all(all.slice(0, 2));
    expect(events.splice(0)).toEqual(["a begins", "b begins", "a ends", "b ends", "c begins"]);
    ends[2]!();
    await all[2];
    expect(events.splice(0)).toEqual(["c ends", "d begins", "e begins"]);
    const idle = queue.idle().then(() => events.push("idle"));
    ends[4]!();
    ends[3]!();
    await idle;
    expect(events).toEqual(["e ends", "d ends", "idle"]);
  });

  test("a job that throws lets the next one begin", async () => {
    const queue = new JobQueue();
    const bad = queue.submit(() => {
      throw new Error("no");
    }, true);
    const good = queue.submit(() => 3);
    await expect(bad).rejects.toThrow("no");
    expect(await good).toBe(3);
    expect(queue.quiet).toBe(true);
  });
});

test("pieces of a step at a batch", () => {
  const program = mixProgram(WASM, { rounds: 2, cost: CHEAP, width: 64 });
  const { steps, tableBytes } = makeSchedule(program, 4);
  expect(piecesAt(steps, 0, 3)).toBe(12);
  expect(piecesAt(steps, 4 * STEP_WORDS, 8)).toBe(8);
  const pairs = steps.slice(0, STEP_WORDS);
  pairs[3] = 2;
  expect([1, 2, 3, 4].map((batch) => piecesAt(pairs, 0, batch))).toEqual([4, 4, 8, 8]);
  expect(tableBytes).toBe(64);
});

test("a memory error names the parts, the bound that is met first, and the cure", () => {
  const limits = { alignment: 64, largestSegment: 2 ** 31, largestTotal: 2 ** 32, threads: true, pointerBytes: 4 };
  const need = {
    program: "train",
    maxBatch: 128,
    slots: 2,
    used: 2 ** 30,
    parts: { scratch: 3 * 2 ** 30, store: 2 ** 29 },
  };
  expect(() => checkMemory(need, { limits, backend: "wasm", machine: 2 ** 36 })).toThrow(
    'program "train": needs 3.50 GiB beside the 1.00 GiB in use (scratch 3.00 GiB, store 512.0 MiB), but wasm can hold 4.00 GiB; ' +
      "scratch is the largest part: compile it for a smaller batch than 128 or load it with fewer slots than 2",
  );
  expect(() => checkMemory({ ...need, used: 0 }, { limits, backend: "wasm" })).toThrow(
    "scratch needs 3.00 GiB in one piece, but wasm can hold 2.00 GiB at most",
  );
  expect(() =>
    checkMemory({ ...need, used: 0, parts: { scratch: 2 ** 30 } }, { limits, backend: "wasm" }),
  ).not.toThrow();
});

test("what a page loads needs nothing of Node", () => {
  const root = new URL("../../", import.meta.url);
  const { browser } = JSON.parse(readFileSync(new URL("package.json", root), "utf8"));
  /** As bundlers for pages do. */
  const replaced = (url: URL) => {
    const other = browser[`./${url.href.slice(root.href.length)}`];
    return other === undefined ? url : new URL(other, root);
  };
  const seen = new Set<string>();
  const visit = (url: URL) => {
    if (seen.has(url.href)) return;
    seen.add(url.href);
    const text = readFileSync(url, "utf8");
    for (const [, specifier] of text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)) {
      expect(specifier, `${url.pathname} imports ${specifier}`).toMatch(/^\.\.?\//);
      visit(replaced(new URL(specifier!, url)));
    }
  };
  for (const entry of ["session", "platform/worker"])
    visit(new URL(`../../dist/devices/cpu/${entry}.js`, import.meta.url));
  const files = [...seen].map((href) => href.slice(href.indexOf("/dist/")));
  expect(files).toContain("/dist/devices/cpu/platform/platform-browser.js");
  expect(files.filter((file) => /-node\.js$|\/native\//.test(file))).toEqual([]);
});
