/**
 * What the machine can do, measured with fovea's own kernels on two threads: multiply-adds that touch no memory, and
 * reading memory. A short probe of the former tells before and after each repeat whether the machine is ours.
 */
import { buildKernel } from "#fovea/codegen/builder.js";
import { Session } from "#fovea/runtime/session.js";
import { serve } from "../serve.mjs";

const THREADS = 2;
/** Multiply-adds in flight, which must hide each other's latency: up to 4 or 5 cycles times 2 a cycle. */
const ACCUMULATORS = 10;
const UNROLL = 8;
const PIECES = 64;
/** Of one run, and the runs of a probe. */
const PROBE_SECONDS = 2e-3;
const RUNS = 5;

let session;
let slot;
let operations = 0;

serve({
  /** GFLOP/s of two threads, and of one. */
  async peak() {
    session = await Session.create({ threads: THREADS });
    // First how fast, then how many rounds take PROBE_SECONDS.
    slot = await load(session, 1);
    const rounds = Math.ceil(((await best(slot, 3)) * PROBE_SECONDS) / operations);
    slot = await load(session, rounds);
    const both = await best(slot, 20);
    const alone = await Session.create({ threads: 1 });
    const one = await best(await load(alone, rounds), 10);
    await alone.close();
    return { backend: session.backend, gflops: both / 1e9, gflopsOfOne: one / 1e9 };
  },

  /** GFLOP/s of two threads now, in some 10 milliseconds. */
  async probe() {
    return { gflops: (await best(slot, 1)) / 1e9 };
  },

  /** GB/s that two threads read from memory (far more of it than the caches hold). */
  async bandwidth() {
    return { gigabytesPerSecond: await readMemory() };
  },
});

/**
 * Best of some tries: operations (or `count` of something else) a second. Runs are queued, so that the team wakes and its
 * promise is resolved once for all of a try.
 */
async function best(of, tries, count = operations) {
  let least = Number.POSITIVE_INFINITY;
  for (let n = 0; n < tries; n++) {
    const started = performance.now();
    await Promise.all(Array.from({ length: RUNS }, () => of.run(1)));
    least = Math.min(least, (performance.now() - started) / RUNS);
  }
  return (count / least) * 1000;
}

async function load(into, rounds) {
  const { target } = into;
  const { lanes } = target;
  const inner = 32 * rounds;
  const kernel = buildKernel({ key: `peak ${inner}`, name: "peak", target, operands: [["out", "write"]] }, (k) => {
    const a = k.splat(0.5, lanes);
    const b = k.splat(0.25, lanes);
    const sums = Array.from({ length: ACCUMULATORS }, (_, n) => k.acc(n, lanes));
    k.loop(k.begin, k.end, () => {
      k.loop(0, inner, () => {
        for (let u = 0; u < UNROLL; u++) for (const sum of sums) k.fmaTo(sum, a, b);
      });
    });
    // Into memory, so that nobody can leave the work out.
    sums.forEach((sum, n) => {
      k.store(k.ptrAdd(k.operand("out"), k.mul(k.begin, ACCUMULATORS * lanes * 4)), n * lanes * 4, sum);
    });
  });
  operations = PIECES * inner * UNROLL * ACCUMULATORS * lanes * 2;
  const bytes = PIECES * ACCUMULATORS * lanes * 4;
  const out = { region: "scratch", offset: 0, bytes, label: "out" };
  return acquire(into, kernel, [out], PIECES, { scratch: bytes });
}

async function readMemory() {
  const bytes = 256 * 2 ** 20;
  const pieces = 256;
  const own = await Session.create({ threads: THREADS });
  const { target } = own;
  const { lanes } = target;
  const vectors = 8;
  const span = vectors * lanes * 4;
  const each = (k, use) =>
    k.loop(k.begin, k.end, (piece) => {
      const at = k.var(k.ptrAdd(k.operand("data"), k.mul(piece, bytes / pieces)), "at");
      k.loop(0, bytes / pieces / span, () => {
        for (let n = 0; n < vectors; n++) use(at, n);
        k.advance(at, span);
      });
    });
  const data = { region: "scratch", offset: 0, bytes, label: "data" };
  const out = { region: "scratch", offset: bytes, bytes: pieces * span, label: "out" };
  const scratch = bytes + out.bytes;
  // Pages that were never written are all one page of zeros.
  const write = buildKernel({ key: "write", name: "write", target, operands: [["data", "write"]] }, (k) => {
    const one = k.splat(1, lanes);
    each(k, (at, n) => k.store(at, n * lanes * 4, one));
  });
  await (await acquire(own, write, [data], pieces, { scratch })).run(1);
  const operands = [
    ["data", "read"],
    ["out", "write"],
  ];
  const read = buildKernel({ key: "read", name: "read", target, operands }, (k) => {
    const sums = Array.from({ length: vectors }, () => k.acc(0, lanes));
    each(k, (at, n) => k.updateTo(sums[n], "fadd", k.load(at, n * lanes * 4, lanes)));
    const to = k.ptrAdd(k.operand("out"), k.mul(k.begin, span));
    for (const [n, sum] of sums.entries()) k.store(to, n * lanes * 4, sum);
  });
  const rate = await best(await acquire(own, read, [data, out], pieces, { scratch }), 5, bytes);
  await own.close();
  return rate / 1e9;
}

/** One step that is dear enough in the plan to be given to the team. */
async function acquire(into, kernel, operands, pieces, bytes) {
  const step = { kernel: 0, operands, pieces: { count: pieces }, label: kernel.name, barrier: false };
  const program = {
    name: kernel.name,
    target: into.target,
    maxBatch: 1,
    kernels: [kernel],
    prepare: [],
    steps: [{ ...step, nanoseconds: { fixed: 1e9, perSample: 0 } }],
    inputs: [],
    outputs: [],
    states: [],
    writes: [],
    bytes: { store: 0, prepared: 0, slot: 0, scratch: 0, workspace: 0, ...bytes },
  };
  return (await into.load(program)).acquire();
}
