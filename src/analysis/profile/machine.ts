/**
 * What the machine can do, measured with kernels of fovea's own: multiply-adds that touch no memory, and reading
 * memory. They are the two lines of the roofline (Williams, Waterman and Patterson, 2009), and tell a benchmark whether
 * the machine is quiet. Here are the programs, and probes that run them in a session as networks run; machine-node.ts
 * times them as profiles are timed.
 */
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import { defineKernel } from "../../codegen/definition.js";
import type { Kernel, Reg } from "../../codegen/ir.js";
import type { Place, Program, Step } from "../../compiler/program.js";
import type { Slot } from "../../devices/cpu/memory/slot.js";
import type { Session } from "../../devices/cpu/session.js";
import type { Target } from "../../target/target.js";

/** Multiply-adds in flight, which must hide each other's latency: up to 4 or 5 cycles times 2 a cycle. */
const ACCUMULATORS = 10;
const UNROLL = 8;
const PIECES = 64;
/** Of one run of a session's probe, and the runs of a try. */
const PROBE_SECONDS = 2e-3;
const RUNS = 5;

// --- Programs

/** Multiply-adds on registers, two operations each. `rounds` is how long they take; `operations` how many they are. */
export function multiplyAddProgram(target: Target, rounds: number): { program: Program; operations: number } {
  const { lanes } = target;
  const inner = 32 * rounds;
  const bytes = PIECES * ACCUMULATORS * lanes * 4;
  const kernel = peakKernel.build(target, { inner });
  const out: Place = { region: "scratch", offset: 0, bytes, label: "out" };
  const program = programOf(target, [kernel], [], [stepOf(kernel, 0, [out], PIECES)], bytes);
  return { program, operations: PIECES * inner * UNROLL * ACCUMULATORS * lanes * 2 };
}

interface Peak {
  /** Turns of the loop in a piece. */
  readonly inner: number;
}

const peakKernel = defineKernel<Peak>("peak", {
  operands: [["out", "write"]],
  write(k, { inner }) {
    const { lanes } = k.target;
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
  },
});

const VECTORS = 8;

const spanOf = ({ lanes }: Pick<Target, "lanes">): number => VECTORS * lanes * 4;

/** Every vector of the pieces, `piece` bytes each, from `begin` to `end`. */
function eachVector(k: KernelBuilder, piece: number, use: (at: Reg, offset: number, n: number) => void): void {
  const { lanes } = k.target;
  const span = spanOf(k.target);
  k.loop(k.begin, k.end, (number) => {
    const at = k.var(k.ptrAdd(k.operand("data"), k.mul(number, piece)), "at");
    k.loop(0, piece / span, () => {
      for (let n = 0; n < VECTORS; n++) use(at, n * lanes * 4, n);
      k.advance(at, span);
    });
  });
}

interface Memory {
  /** Bytes of a piece. */
  readonly piece: number;
}

const writeKernel = defineKernel<Memory>("write memory", {
  title: "write",
  operands: [["data", "write"]],
  write(k, { piece }) {
    const one = k.splat(1, k.target.lanes);
    eachVector(k, piece, (at, offset) => k.store(at, offset, one));
  },
});

const readKernel = defineKernel<Memory>("read memory", {
  title: "read",
  operands: [
    ["data", "read"],
    ["out", "write"],
  ],
  write(k, { piece }) {
    const { lanes } = k.target;
    const sums = Array.from({ length: VECTORS }, () => k.acc(0, lanes));
    eachVector(k, piece, (at, offset, n) => k.updateTo(sums[n]!, "fadd", k.load(at, offset, lanes)));
    const to = k.ptrAdd(k.operand("out"), k.mul(k.begin, spanOf(k.target)));
    for (const [n, sum] of sums.entries()) k.store(to, n * lanes * 4, sum);
  },
});

/** Reads `bytes` of memory in so many steps, each in 16 pieces. */
export function readProgram(target: Target, bytes: number, parts: number): Program {
  const pieces = 16;
  const piece = bytes / parts / pieces;
  // Pages that were never written are all one page of zeros.
  const write = writeKernel.build(target, { piece });
  const read = readKernel.build(target, { piece });
  const part = (n: number): Place => ({
    region: "scratch",
    offset: (n * bytes) / parts,
    bytes: bytes / parts,
    label: "data",
  });
  const out: Place = { region: "scratch", offset: bytes, bytes: pieces * spanOf(target), label: "out" };
  const all = Array.from({ length: parts }, (_, n) => part(n));
  return programOf(
    target,
    [write, read],
    all.map((data) => stepOf(write, 0, [data], pieces)),
    all.map((data) => stepOf(read, 1, [data, out], pieces)),
    bytes + out.bytes,
  );
}

/** Dear enough in the plan to be given to a session's team. */
const stepOf = ({ name }: Kernel, kernel: number, operands: readonly Place[], count: number): Step => ({
  kernel,
  operands,
  pieces: { count },
  label: name,
  barrier: false,
  nanoseconds: { fixed: 1e9, perSample: 0 },
});

function programOf(
  target: Target,
  kernels: readonly Kernel[],
  prepare: readonly Step[],
  steps: readonly Step[],
  scratch: number,
): Program {
  return {
    name: kernels[0]!.name,
    target,
    maxBatch: 1,
    kernels,
    prepare,
    steps,
    inputs: [],
    outputs: [],
    states: [],
    writes: [],
    bytes: { store: 0, prepared: 0, slot: 0, scratch, workspace: 0 },
  };
}

// --- In a session

/** Runs multiply-adds on all threads of a session; close the session to be rid of it. */
export class PeakProbe {
  readonly #slot: Slot;
  readonly #operations: number;

  private constructor(slot: Slot, operations: number) {
    this.#slot = slot;
    this.#operations = operations;
  }

  static async create(session: Session): Promise<PeakProbe> {
    // As many rounds as take PROBE_SECONDS: of a few, waking the team takes most of the time.
    for (let rounds = 1; ; ) {
      const probe = await PeakProbe.#load(session, rounds);
      const seconds = probe.#operations / 1e9 / (await probe.gflops(3));
      if (seconds > PROBE_SECONDS / 2) return probe;
      rounds = Math.ceil(rounds * Math.min(16, PROBE_SECONDS / seconds));
    }
  }

  static async #load(session: Session, rounds: number): Promise<PeakProbe> {
    const { program, operations } = multiplyAddProgram(session.target, rounds);
    return new PeakProbe(await (await session.load(program)).acquire(), operations);
  }

  /** The best of some tries, a hundredth of a second each. */
  async gflops(tries: number): Promise<number> {
    return (await mostASecond(this.#slot, tries, this.#operations)) / 1e9;
  }
}

/** GB/s that all threads of a session read. It holds the `bytes` for it as long as it is open. */
export async function readBandwidth(session: Session, bytes = 256 * 2 ** 20): Promise<number> {
  const slot = await (await session.load(readProgram(session.target, bytes, 16))).acquire();
  await slot.run(1);
  return (await mostASecond(slot, 5, bytes)) / 1e9;
}

/**
 * The best of some tries. Runs are queued, so that the team wakes and its promise is resolved once for all of a try.
 */
async function mostASecond(slot: Slot, tries: number, count: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let n = 0; n < tries; n++) {
    const started = performance.now();
    await Promise.all(Array.from({ length: RUNS }, () => slot.run(1)));
    least = Math.min(least, (performance.now() - started) / RUNS);
  }
  return (count / least) * 1000;
}
