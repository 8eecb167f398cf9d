// What a step costs beyond its kernel: on the caller's thread, and on two workers that meet at a barrier.
//     node bench/team.mjs            (after a build; FOVEA_BACKEND chooses the backend)
import { buildKernel } from "#fovea/codegen/builder/builder.js";
import { Session } from "#fovea/devices/cpu/session.js";

const STEPS = 20_000;

/** STEPS calls of a kernel that does nothing, in `count` pieces. */
function empty(target, { count, barrier, nanoseconds }) {
  const kernel = buildKernel({ key: "nothing", name: "nothing", target, operands: [] }, () => {});
  const step = { kernel: 0, operands: [], pieces: { count }, label: "nothing", barrier };
  const steps = Array.from({ length: STEPS }, (_, n) => ({
    ...step,
    nanoseconds: { fixed: n === 0 ? nanoseconds : 0, perSample: 0 },
  }));
  const none = { prepare: [], inputs: [], outputs: [], states: [], writes: [] };
  const bytes = { store: 0, prepared: 0, slot: 0, scratch: 0 };
  return { name: "empty", target, maxBatch: 1, kernels: [kernel], steps, bytes, ...none };
}

async function measure(threads, options) {
  const session = await Session.create({ threads });
  const program = await session.load(empty(session.target, options));
  const slot = await program.acquire();
  for (let n = 0; n < 20; n++) await slot.run(1);
  const times = [];
  for (let n = 0; n < 21; n++) {
    const start = performance.now();
    await slot.run(1);
    times.push(((performance.now() - start) * 1e6) / STEPS);
  }
  times.sort((a, b) => a - b);
  const { backend } = session;
  await session.close();
  return { backend, median: times[10], best: times[0] };
}

async function wakeUp(threads) {
  const session = await Session.create({ threads });
  const one = empty(session.target, { count: 2, barrier: true, nanoseconds: 1e9 });
  const costly = await session.load({ ...one, steps: one.steps.slice(0, 1) });
  const slot = await costly.acquire();
  const times = [];
  for (let n = 0; n < 50; n++) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    const start = performance.now();
    await slot.run(1);
    times.push((performance.now() - start) * 1e3);
  }
  times.sort((a, b) => a - b);
  const start = performance.now();
  await Promise.all(Array.from({ length: 400 }, () => slot.run(1)));
  const queued = ((performance.now() - start) * 1e3) / 400;
  await session.close();
  return { median: times[25], queued };
}

const alone = await measure(1, { count: 1, barrier: false, nanoseconds: 0 });
const worker = await measure(1, { count: 1, barrier: true, nanoseconds: 1e9 });
const free = await measure(2, { count: 2, barrier: false, nanoseconds: 1e9 });
const barrier = await measure(2, { count: 2, barrier: true, nanoseconds: 1e9 });
const wake = await wakeUp(2);
const row = (what, { median, best }) => console.log(`${what.padEnd(44)} ${median.toFixed(0).padStart(6)} ns  (best ${best.toFixed(0)})`);
console.log(`backend ${alone.backend}, ${STEPS} empty steps a run, time a step:`);
row("caller's thread", alone);
row("one worker", worker);
row("two workers, no barriers", free);
row("two workers, a barrier before each step", barrier);
console.log(
  `an idle team, from run() to its promise: ${wake.median.toFixed(0)} us; a queued job: ${wake.queued.toFixed(1)} us`,
);
