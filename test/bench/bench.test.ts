/** The benchmark's own arithmetic, and a run of it without peers. */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const bench = (file: string): string => new URL(`../../bench/${file}`, import.meta.url).href;
const load = async <T>(file: string): Promise<T> => (await import(bench(file))) as T;

interface Repeat {
  ms: number;
  quiet: boolean;
}
interface Contender {
  name: string;
  family: string;
  pid: number;
  calls: number;
  repeats: Repeat[];
  run(calls: number): Promise<{ ms: number }>;
}

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "fovea-bench-test-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("whether the machine is quiet", () => {
  interface Quiet {
    busyTicks(stat: string): number;
    ticksOf(stat: string | undefined): number;
    processorSeconds(
      pids: number[],
      read: (path: string) => string | undefined,
      list: () => number[],
    ): { all: number; own: number };
    othersShare(before: object | undefined, after: object | undefined, seconds: number, cores: number): number;
  }

  it("counts all but idle and waiting time, what was stolen too", async () => {
    const { busyTicks } = await load<Quiet>("quiet.mjs");
    // user nice system idle iowait irq softirq steal guest guest_nice
    expect(busyTicks("cpu  100 20 3 9999 8888 4 50 600 7 7\ncpu0 1 2 3\n")).toBe(100 + 20 + 3 + 4 + 50 + 600);
  });

  it("finds a process's time behind a name with spaces and parentheses", async () => {
    const { ticksOf } = await load<Quiet>("quiet.mjs");
    expect(ticksOf("77 (a (b) c) S 1 77 77 0 -1 4194304 101 0 0 0 30 12 5 5 20 0 1 0")).toBe(42);
    expect(ticksOf(undefined)).toBe(0);
  });

  it("gives to others what is not ours, as a part of all cores", async () => {
    const { processorSeconds, othersShare } = await load<Quiet>("quiet.mjs");
    const reading = (all: number, own: number) =>
      processorSeconds(
        [5],
        (path) =>
          path === "/proc/stat" ? `cpu  ${all} 0 0 0 0 0 0 0` : `5 (node) S 1 5 5 0 -1 0 0 0 0 0 ${own} 0 0 0`,
        () => [5],
      );
    // In one second on two cores: 1.5 s of work, 1.2 s of it ours.
    expect(othersShare(reading(1000, 10), reading(1150, 130), 1, 2)).toBeCloseTo(0.15, 10);
    expect(othersShare(undefined, undefined, 1, 2)).toBe(0);
  });

  it("counts what a system started, such as a browser, but not the systems that wait for their turn", async () => {
    const { processorSeconds } = await load<Quiet>("quiet.mjs");
    const me = process.pid;
    // By number: parent and ticks. 5 and 8 are systems; 6 and 7 are the browser of 5, 9 is somebody else's.
    const processes = new Map([
      [me, [1, 1]],
      [5, [me, 10]],
      [6, [5, 100]],
      [7, [6, 1000]],
      [8, [me, 10_000]],
      [9, [1, 100_000]],
    ]);
    const read = (path: string) => {
      const [parent, ticks] = processes.get(Number(path.split("/")[2])) ?? [];
      return parent === undefined ? "cpu  0 0 0 0 0 0 0 0" : `1 (a) S ${parent} 5 5 0 -1 0 0 0 0 0 0 ${ticks} 0 0 0`;
    };
    const { own } = processorSeconds([5, me], read, () => [...processes.keys()]);
    expect(own).toBeCloseTo(11.11, 10);
  });
});

describe("figures", () => {
  interface Summary {
    median(numbers: number[]): number;
    summarise(repeats: Repeat[]): { median: number; min: number; quiet: number; noisy: boolean };
    timesFaster(ours: Repeat[], theirs: Repeat[]): number;
    partOfPeak(repeats: (Repeat & { gflops: number })[], operations: number): number;
    bestOf(contenders: object[], family: string): { name: string } | undefined;
  }
  const quiet = (ms: number): Repeat => ({ ms, quiet: true });
  const noisy = (ms: number): Repeat => ({ ms, quiet: false });

  it("takes medians of quiet repeats only", async () => {
    const { summarise } = await load<Summary>("summary.mjs");
    const figures = summarise([quiet(3), noisy(90), quiet(1), quiet(2), noisy(0.5)]);
    expect(figures).toMatchObject({ median: 2, min: 1, quiet: 3, noisy: false });
  });

  it("says so where fewer than three were quiet, and counts all", async () => {
    const { summarise } = await load<Summary>("summary.mjs");
    expect(summarise([quiet(3), noisy(5), noisy(7), noisy(9)])).toMatchObject({ median: 6, noisy: true, quiet: 1 });
    expect(summarise([quiet(4)])).toMatchObject({ median: 4, noisy: false });
  });

  it("compares round with round", async () => {
    const { timesFaster } = await load<Summary>("summary.mjs");
    // The machine was half as fast in rounds 2 and 3, for both: medians apart would say 20 / 10 or 40 / 10.
    expect(timesFaster([10, 20, 20].map(quiet), [30, 60, 60].map(quiet))).toBe(3);
    const theirs = [30, 30, 30, 900, 900].map((ms, n) => (n < 3 ? quiet(ms) : noisy(ms)));
    expect(timesFaster([10, 10, 10, 10, 10].map(quiet), theirs)).toBe(3);
  });

  it("takes the part of the peak beside each repeat, whatever the peak was by then", async () => {
    const { partOfPeak } = await load<Summary>("summary.mjs");
    const at = (ms: number, gflops: number) => ({ ...quiet(ms), gflops });
    // 8 GFLOP in 40 ms are 200 GFLOP/s of 250; the machine then slows down, and the layer with it
    expect(partOfPeak([at(40, 250), at(80, 125), at(50, 200)], 8e9)).toBeCloseTo(0.8);
    expect(partOfPeak([at(40, 250), at(40, 250), at(40, 250), { ...at(10, 250), quiet: false }], 8e9)).toBeCloseTo(0.8);
  });

  it("finds the best of a family, and none where none was measured", async () => {
    const { bestOf } = await load<Summary>("summary.mjs");
    const of = (name: string, family: string, median?: number) => ({
      name,
      family,
      ...(median === undefined ? {} : { summary: { median } }),
    });
    const all = [of("a", "PyTorch", 5), of("b", "PyTorch", 4), of("c", "fovea", 1), of("d", "PyTorch")];
    expect(bestOf(all, "PyTorch")?.name).toBe("b");
    expect(bestOf(all, "ONNX Runtime")).toBeUndefined();
  });
});

describe("taking turns", () => {
  interface Measure {
    measure(contenders: Contender[], machine: object, options: object): Promise<void>;
    calibrate(contender: Contender, milliseconds: number): Promise<{ calls: number; warmMs: number }>;
    leftIn(contenders: object[], options: { slowest: number }): { name: string }[];
  }
  const contender = (name: string, order: string[], ms: number): Contender => ({
    name,
    family: "test",
    pid: process.pid,
    calls: 7,
    repeats: [],
    run: async (calls) => {
      order.push(`${name}${calls}`);
      return { ms };
    },
  });
  /** A machine whose probes reach the given parts of its peak, one after the other. */
  const machine = (...parts: number[]) => ({ gflops: 100, now: async () => 100 * (parts.shift() ?? 1) });
  const options = { tries: 1, pauseMs: 0 };

  it("goes round, beginning with another one each time", async () => {
    const { measure } = await load<Measure>("measure.mjs");
    const order: string[] = [];
    const all = ["a", "b", "c"].map((name) => contender(name, order, 1));
    await measure(all, machine(), { ...options, rounds: 2, failed: () => {} });
    expect(order).toEqual(["a7", "b7", "c7", "b7", "c7", "a7"]);
    expect(all.map((c) => c.repeats.length)).toEqual([2, 2, 2]);
  });

  it("takes a disturbed repeat again, and keeps it as noisy at last", async () => {
    const { measure } = await load<Measure>("measure.mjs");
    const order: string[] = [];
    const one = contender("a", order, 1);
    await measure([one], machine(1, 0.7, 0.5, 1, 0.1, 0.1), { ...options, tries: 3, rounds: 1, failed: () => {} });
    expect(order).toHaveLength(3);
    expect(one.repeats).toMatchObject([{ quiet: false }]);
  });

  it("notes the peak beside each repeat", async () => {
    const { measure } = await load<Measure>("measure.mjs");
    const one = contender("a", [], 1);
    await measure([one], machine(1, 0.7), { ...options, rounds: 1, failed: () => {} });
    expect(one.repeats).toMatchObject([{ gflops: 85 }]);
  });

  it("goes on without who fails", async () => {
    const { measure } = await load<Measure>("measure.mjs");
    const order: string[] = [];
    const bad = { ...contender("bad", order, 1), run: () => Promise.reject(new Error("out of memory")) };
    const failures: string[] = [];
    const failed = (c: Contender, error: Error) => failures.push(`${c.name}: ${error.message}`);
    await measure([bad, contender("good", order, 1)], machine(), { ...options, rounds: 2, failed });
    expect(failures).toEqual(["bad: out of memory"]);
    expect(order).toEqual(["good7", "good7"]);
  });

  it("makes a repeat long enough", async () => {
    const { calibrate } = await load<Measure>("measure.mjs");
    expect(await calibrate(contender("a", [], 2), 250)).toEqual({ calls: 125, warmMs: 2 });
    expect(await calibrate(contender("slow", [], 900), 250)).toEqual({ calls: 1, warmMs: 900 });
  });

  it("leaves out which form of a peer is far from that peer's best, and never fovea", async () => {
    const { leftIn } = await load<Measure>("measure.mjs");
    const all = [
      { name: "fovea", family: "fovea", warmMs: 9 },
      { name: "fovea awaited", family: "fovea", warmMs: 1 },
      { name: "NCHW", family: "PyTorch", warmMs: 31 },
      { name: "NHWC", family: "PyTorch", warmMs: 20 },
      { name: "NHWC jit", family: "PyTorch", warmMs: 30 },
      { name: "1 thread", family: "ONNX Runtime", warmMs: 500 },
    ];
    const names = (slowest: number) => leftIn(all, { slowest }).map(({ name }) => name);
    expect(names(1.5)).toEqual(["fovea", "fovea awaited", "NHWC", "NHWC jit", "1 thread"]);
    expect(all[2]).toMatchObject({ leftOut: 31 / 20 });
    expect(names(Number.POSITIVE_INFINITY)).toHaveLength(6);
  });
});

describe("rows", () => {
  interface Row {
    id: string;
    what: string;
    network?: string;
    on?: string;
  }
  interface Workloads {
    choose(options: { what?: string; only?: string; quick?: boolean }): Row[];
  }
  const ids = (rows: Row[]) => rows.map(({ id }) => id);

  it("of a quick run are four networks on native code, AlphaGo's among them", async () => {
    const { choose } = await load<Workloads>("workloads.mjs");
    const quick = ids(choose({ quick: true }));
    expect(quick.filter((id) => id.startsWith("alphago"))).toEqual([
      "alphago-train-16",
      "alphago-infer-1",
      "alphago-infer-16",
    ]);
    expect(new Set(quick.map((id) => id.split("-")[0]))).toEqual(
      new Set(["lenet5", "resnet20", "resnet18", "alphago"]),
    );
    expect(quick.filter((id) => id.includes("wasm"))).toEqual([]);
  });

  it("in WebAssembly are those of all seven networks, apart from inference on native code", async () => {
    const { choose } = await load<Workloads>("workloads.mjs");
    const rows = choose({ what: "wasm" });
    expect(new Set(rows.map(({ network }) => network)).size).toBe(7);
    expect(rows.every(({ on, what }) => on === "wasm" && what === "infer")).toBe(true);
    expect(ids(rows)).toEqual(ids(choose({ what: "infer" })).map((id) => id.replace("infer", "wasm")));
  });
});

describe("the table", () => {
  interface Table {
    markdown(result: object): string;
  }
  const contender = (name: string, family: string, median: number, more = {}) => ({
    name,
    family,
    summary: { median, noisy: false },
    ...more,
  });
  const row = (title: string, on: string | undefined, ours: number, theirs: Record<string, number>) => ({
    workload: { title, what: "infer", on },
    contenders: [
      contender("fovea", "fovea", ours),
      ...Object.entries(theirs).map(([family, ms]) => contender(`${family} 1`, family, ms)),
    ],
    against: Object.fromEntries(
      Object.entries(theirs).map(([family, ms]) => [
        family,
        { name: `${family} 1`, timesFaster: ms / ours, noisy: false },
      ]),
    ),
  });
  const result = (rows: object[]) => ({
    date: "2026-01-01",
    machine: {
      processor: "a processor",
      cores: 2,
      memoryGiB: 8,
      node: "20",
      kernel: "linux",
      peaks: [],
      gigabytesPerSecond: 1,
    },
    systems: [],
    rows,
  });

  it("compares with each family, with the best of them, and gives geometric means", async () => {
    const { markdown } = await load<Table>("table.mjs");
    const text = markdown(
      result([row("A", undefined, 10, { PyTorch: 20, ONNX: 80 }), row("B", undefined, 10, { PyTorch: 80, ONNX: 5 })]),
    );
    expect(text).toContain(
      "| A | 10.0 | 20.0 | 80.0 | **2.00** (PyTorch 1) | **8.00** (ONNX 1) | **2.00** (PyTorch 1) |",
    );
    expect(text).toContain("| B | 10.0 | 80.0 | 5.00 | **8.00** (PyTorch 1) | **0.50** (ONNX 1) | **0.50** (ONNX 1) |");
    // The square roots of 2 x 8, 8 x 0.5 and 2 x 0.5.
    expect(text).toContain(
      "Geometric mean: 4.00 times the best PyTorch (ahead on 2 of 2 rows); 2.00 times the best ONNX (ahead on 1 of 2 rows); " +
        "1.00 times the best of them (ahead on 1 of 2 rows).",
    );
  });

  it("keeps WebAssembly apart, and one family needs no best of them", async () => {
    const { markdown } = await load<Table>("table.mjs");
    const text = markdown(
      result([row("A", undefined, 1, { PyTorch: 2 }), row("A", "wasm", 4, { "TensorFlow.js": 12 })]),
    );
    const [, native, wasm] = text.split("\n## ");
    expect(native).toMatch(/^Inference, milliseconds\n/);
    expect(native).not.toContain("best of them");
    expect(wasm).toMatch(/^Inference in WebAssembly, milliseconds\n/);
    expect(wasm).toContain("| A | 4.00 | 12.0 | **3.00** (TensorFlow.js 1) |");
    expect(wasm).not.toContain("PyTorch");
  });
});

describe("agreement", () => {
  interface Agree {
    agreement(file: string, reference?: Float32Array): { numbers: Float32Array; problem?: string; difference?: number };
  }
  const file = (...numbers: number[]) => {
    const path = join(folder, "numbers.raw");
    writeFileSync(path, new Uint8Array(Float32Array.from(numbers).buffer));
    return path;
  };

  it("is to 1e-4 of the largest number", async () => {
    const { agreement } = await load<Agree>("agree.mjs");
    const reference = Float32Array.of(0, -10, 1);
    expect(agreement(file(0.0009, -10, 1), reference).problem).toBeUndefined();
    expect(agreement(file(0.0011, -10, 1), reference).problem).toMatch("more than 0.0001");
    expect(agreement(file(0, -10), reference).problem).toMatch("2 numbers, fovea's 3");
    expect(agreement(file(0, Number.NaN, 1), reference).problem).toMatch("differs");
    expect(agreement(file(Number.NaN)).problem).toMatch("not finite");
  });
});

describe("a system in a process of its own", () => {
  interface Asked {
    ask(what: string, request?: object): Promise<Record<string, unknown>>;
    close(): Promise<void>;
  }
  interface Children {
    Child: new (command: string, args: string[], options?: { timeoutMs?: number }) => Asked;
  }
  const start = async (script: string, options = {}) => {
    const { Child } = await load<Children>("child.mjs");
    const source = `import { serve } from ${JSON.stringify(bench("serve.mjs"))}; serve({ ${script} });`;
    return new Child(process.execPath, ["--input-type=module", "-e", source], options);
  };

  it("answers, whatever its libraries print, and says what is wrong", async () => {
    const child = await start(`
      hello: () => { console.log("a banner"); return { system: "echo" }; },
      run: ({ calls }) => ({ ms: calls / 2 }),
      bad: () => { throw new Error("no such mode"); },
    `);
    expect(await child.ask("hello")).toEqual({ system: "echo" });
    expect(await child.ask("run", { calls: 3 })).toEqual({ ms: 1.5 });
    await expect(child.ask("bad")).rejects.toThrow("no such mode");
    expect(await child.ask("run", { calls: 4 })).toEqual({ ms: 2 });
    await child.close();
  });

  it("is reported when it dies or does not answer", async () => {
    const dying = await start(`run: () => { console.error("out of memory"); process.exit(3); }`);
    await expect(dying.ask("run")).rejects.toThrow(/code 3.*out of memory/s);
    await expect(dying.ask("run")).rejects.toThrow("code 3");
    const hanging = await start("run: () => new Promise(() => {})", { timeoutMs: 300 });
    await expect(hanging.ask("run")).rejects.toThrow(/no answer to "run" in 0.3 s/);
    await hanging.close();
    const { Child } = await load<Children>("child.mjs");
    await expect(new Child(join(folder, "missing"), []).ask("hello")).rejects.toThrow("ENOENT");
  });
});

describe("npm run bench", () => {
  const run = (...args: string[]) =>
    new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
      const child = spawn(process.execPath, [fileURLToPath(bench("run.mjs")), ...args]);
      let out = "";
      let err = "";
      child.stdout.on("data", (text: string) => {
        out += text;
      });
      child.stderr.on("data", (text: string) => {
        err += text;
      });
      child.on("close", (code) => resolve({ code, out, err }));
    });

  it("makes the table without any peer", async () => {
    const results = join(folder, "results");
    const { code, out, err } = await run(
      ...["--peers", "none", "--only", "lenet5", "--what", "infer", "--quick", "--repeats", "1", "--tries", "1"],
      ...["--out", results],
    );
    expect(err).toContain("lenet5-infer-256");
    expect(code).toBe(0);
    expect(out).toMatch(/\| network, batch \| fovea \|\n\| --- \| --- \|\n\| LeNet-5 \(32x32\), 1 \| [\d.]+/);
    const [json, markdown] = readdirSync(results).sort();
    expect(readFileSync(join(results, markdown!), "utf8")).toBe(out.trimEnd().concat("\n"));
    const saved = JSON.parse(readFileSync(join(results, json!), "utf8")) as {
      rows: { workload: { id: string }; contenders: { repeats: { ms: number }[] }[] }[];
    };
    expect(saved.rows.map((row) => row.workload.id)).toEqual(["lenet5-infer-1", "lenet5-infer-256"]);
    expect(saved.rows[0]!.contenders[0]!.repeats[0]!.ms).toBeGreaterThan(0);
  });

  it("gives batch norms their statistics, in WebAssembly as on native code", async () => {
    for (const what of ["infer", "wasm"]) {
      const short = ["--peers", "none", "--quick", "--repeats", "1", "--tries", "1", "--no-save"];
      const { code, err } = await run(...short, "--what", what, "--only", "ResNet-20, 1");
      expect(err).toContain(`resnet20-${what}-1\n`);
      expect(err).not.toContain("failed");
      expect(code).toBe(0);
    }
  });

  it("says how long programs take to compile", async () => {
    const { code, out } = await run("--what", "compile", "--only", "lenet5-infer-1", "--repeats", "1", "--no-save");
    expect(code).toBe(0);
    const [, cold, ...parts] =
      /\| LeNet-5 \(32x32\), 1(?: \\\*)? \| inference \| \d+ \| \d+ \| (\d+) \((\d+) \+ (\d+) \+ (\d+)\)/
        .exec(out)!
        .map(Number);
    expect(cold).toBeGreaterThan(0);
    // Each is rounded.
    expect(Math.abs(parts.reduce((a, b) => a + b) - cold!)).toBeLessThanOrEqual(2);
  });

  it("profiles the steps of a program", async () => {
    const { code, out } = await run("--profile", "--only", "lenet5-train-64");
    expect(code).toBe(0);
    expect(out).toMatch(/LeNet-5 \(32x32\), 64 \(train\): takes 32x32x1\. \w+ on 1 thread: at most \d+ GFLOP\/s/);
    expect(out).toMatch(/Training at batch 64: [\d.]+ ms in \d+ steps/);
    expect(out).toMatch(
      /conv2 \+ pool2 +backward +conv2dWeightGrad\+maxPool2dGrad +routedWeightGradient +[\d.]+ +[\d.]+% +[\d.]+ +[\d.]+ +[\d.]+ +\d+%\n/,
    );
  });

  it("refuses rows that are not there", async () => {
    const { code, err } = await run("--only", "lenet6");
    expect(code).not.toBe(0);
    expect(err).toContain("no row is like that; --list shows them all");
  });
});
