// Run by process.test.ts in a process of its own, as the process's end, its environment and its permissions are what is
// tested. The first argument names the scene; the answer is one line of JSON.
import { readdirSync } from "node:fs";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { buildKernel } from "#fovea/codegen/builder/builder.js";
import { layoutOf } from "#fovea/kernels/contract/layout.js";

const scene = process.argv[2];
const notes = [];
const warn = console.warn;
console.warn = (text) => notes.push(text);
// Before fovea looks for it.
if (scene === "unshared") delete globalThis.SharedArrayBuffer;
if (scene === "workerless") forbidWorkers();
const { Session } = await import("#fovea/devices/cpu/session.js");

function forbidWorkers() {
  const threads = createRequire(import.meta.url)("node:worker_threads");
  threads.Worker = class {
    constructor() {
      throw new Error("a worker was started");
    }
  };
  syncBuiltinESMExports();
}

/** y = x + x, claimed to cost `nanoseconds`. */
function doubling(target, nanoseconds) {
  const layout = layoutOf({ shape: [16], batched: true, dtype: "f32" }, target);
  const kernel = buildKernel(
    {
      key: "double",
      name: "double",
      target,
      operands: [
        ["x", "read"],
        ["y", "write"],
      ],
    },
    (k) => {
      const [x, y] = [k.operand("x"), k.operand("y")];
      k.loop(k.begin, k.end, (piece) => {
        const at = k.mul(piece, 4 * target.lanes);
        const v = k.load(k.ptrAdd(x, at), 0, target.lanes);
        k.store(k.ptrAdd(y, at), 0, k.fadd(v, v));
      });
    },
  );
  const x = { region: "slot", offset: 0, bytes: 64, label: "x" };
  const y = { region: "slot", offset: 64, bytes: 64, label: "y" };
  const pieces = { count: 16 / target.lanes, samples: 1 };
  const step = {
    kernel: 0,
    operands: [x, y],
    pieces,
    label: "double",
    barrier: false,
    nanoseconds: { fixed: nanoseconds, perSample: 0 },
  };
  return {
    name: "doubling",
    target,
    maxBatch: 1,
    kernels: [kernel],
    prepare: [],
    steps: [step],
    inputs: [{ name: "x", layout, place: x }],
    outputs: [{ name: "y", layout, place: y }],
    states: [],
    writes: [],
    bytes: { store: 0, prepared: 0, slot: 128, scratch: 0 },
  };
}

async function runOnce(options = {}) {
  const session = await Session.create(options);
  const program = await session.load(doubling(session.target, 1_000_000));
  const { y } = await program.run({ x: Float32Array.from({ length: 16 }, (_, n) => n) }, 1);
  return { session, y: [...y] };
}

const threadsOfProcess = () => readdirSync("/proc/self/task").length;

async function forgotten() {
  const before = threadsOfProcess();
  await (async () => {
    for (let n = 0; n < 3; n++) await runOnce({ threads: 2 });
  })();
  const during = threadsOfProcess();
  for (let n = 0; n < 200 && threadsOfProcess() > before; n++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { started: during - before, left: threadsOfProcess() - before };
}

try {
  if (scene === "forgotten") {
    console.log(JSON.stringify(await forgotten()));
  } else {
    const { session, y } = await runOnce();
    // A second session must not say again what the first has said.
    const again = await runOnce();
    const { backend, threads } = session;
    console.log(JSON.stringify({ backend, threads, y, same: again.y.every((v, n) => v === y[n]), notes }));
  }
} catch (error) {
  console.log(JSON.stringify({ error: error.name, message: error.message }));
}
console.warn = warn;
// Nothing is closed: idle workers must let the process end.
