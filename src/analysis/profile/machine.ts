/**
 * What the machine can do, measured with kernels of fovea's own: multiply-adds that touch no memory, and reading memory. They
 * are the two lines of the roofline (Williams, Waterman and Patterson, 2009), and tell a benchmark whether the machine is quiet.
 */
import { buildKernel, type KernelBuilder } from "../../codegen/builder.js";
import type { Kernel, Operand, Reg } from "../../codegen/ir.js";
import type { Place } from "../../compile/program.js";
import { Session, type SessionOptions } from "../../runtime/session.js";
import type { Slot } from "../../runtime/slot.js";

export interface MachineFigures {
  readonly backend: string;
  readonly threads: number;
  /** Billions of operations a second in multiply-adds, two each. */
  readonly gflops: number;
  /** Read from memory, far more of it than the caches hold. */
  readonly gigabytesPerSecond: number;
}

/** Multiply-adds in flight, which must hide each other's latency: up to 4 or 5 cycles times 2 a cycle. */
const ACCUMULATORS = 10;
const UNROLL = 8;
const PIECES = 64;
/** Of one run, and the runs of a probe. */
const PROBE_SECONDS = 2e-3;
const RUNS = 5;

/** Runs multiply-adds on all threads of a session; close the session to be rid of it. */
export class PeakProbe {
  readonly #slot: Slot;
  readonly #operations: number;

  private constructor(slot: Slot, operations: number) {
    this.#slot = slot;
    this.#operations = operations;
  }

  static async create(session: Session): Promise<PeakProbe> {
    // First how fast, then how many rounds take PROBE_SECONDS.
    const short = await PeakProbe.#load(session, 1);
    const rounds = Math.ceil(((await short.gflops(3)) * 1e9 * PROBE_SECONDS) / short.#operations);
    return PeakProbe.#load(session, rounds);
  }

  static async #load(session: Session, rounds: number): Promise<PeakProbe> {
    const { lanes } = session.target;
    const inner = 32 * rounds;
    const bytes = PIECES * ACCUMULATORS * lanes * 4;
    const out: Place = { region: "scratch", offset: 0, bytes, label: "out" };
    const slot = await loaded(session, multiplyAdds(session, inner), [out], PIECES, bytes);
    return new PeakProbe(slot, PIECES * inner * UNROLL * ACCUMULATORS * lanes * 2);
  }

  /** The best of some tries, a hundredth of a second each. */
  async gflops(tries: number): Promise<number> {
    return (await mostASecond(this.#slot, tries, this.#operations)) / 1e9;
  }
}

function multiplyAdds({ target }: Session, inner: number): Kernel {
  const { lanes } = target;
  return buildKernel({ key: `peak ${inner}`, name: "peak", target, operands: [["out", "write"]] }, (k) => {
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
}

const VECTORS = 8;

/** Reads memory with all threads of a session, which holds `bytes` for it as long as it is open. */
export class BandwidthProbe {
  readonly #slot: Slot;
  readonly #bytes: number;

  private constructor(slot: Slot, bytes: number) {
    this.#slot = slot;
    this.#bytes = bytes;
  }

  static async create(session: Session, bytes = 256 * 2 ** 20): Promise<BandwidthProbe> {
    return new BandwidthProbe(await readingSlot(session, bytes), bytes);
  }

  /** The best of some tries. */
  async gigabytesPerSecond(tries: number, runs = RUNS): Promise<number> {
    return (await mostASecond(this.#slot, tries, this.#bytes, runs)) / 1e9;
  }
}

async function readingSlot(session: Session, bytes: number): Promise<Slot> {
  const pieces = 256;
  const { target } = session;
  const { lanes } = target;
  const span = VECTORS * lanes * 4;
  const each = (k: KernelBuilder, use: (at: Reg, n: number) => void) =>
    k.loop(k.begin, k.end, (piece) => {
      const at = k.var(k.ptrAdd(k.operand("data"), k.mul(piece, bytes / pieces)), "at");
      k.loop(0, bytes / pieces / span, () => {
        for (let n = 0; n < VECTORS; n++) use(at, n);
        k.advance(at, span);
      });
    });
  const data: Place = { region: "scratch", offset: 0, bytes, label: "data" };
  const out: Place = { region: "scratch", offset: bytes, bytes: pieces * span, label: "out" };
  const scratch = bytes + out.bytes;
  // Pages that were never written are all one page of zeros.
  const write = buildKernel({ key: "write", name: "write", target, operands: [["data", "write"]] }, (k) => {
    const one = k.splat(1, lanes);
    each(k, (at, n) => k.store(at, n * lanes * 4, one));
  });
  await (await loaded(session, write, [data], pieces, scratch)).run(1);
  const operands: readonly [string, Operand["access"]][] = [
    ["data", "read"],
    ["out", "write"],
  ];
  const read = buildKernel({ key: "read", name: "read", target, operands }, (k) => {
    const sums = Array.from({ length: VECTORS }, () => k.acc(0, lanes));
    each(k, (at, n) => k.updateTo(sums[n]!, "fadd", k.load(at, n * lanes * 4, lanes)));
    const to = k.ptrAdd(k.operand("out"), k.mul(k.begin, span));
    for (const [n, sum] of sums.entries()) k.store(to, n * lanes * 4, sum);
  });
  return loaded(session, read, [data, out], pieces, scratch);
}

/** What fits no cache, for measurements that are to be short. */
const SOME_MEMORY = 128 * 2 ** 20;

/** Both, in a session of its own; measured as often as one likes, of which the best counts: others may use the machine, too. */
export class MachineProbe {
  readonly #session: Session;
  readonly #peak: PeakProbe;
  readonly #bandwidth: BandwidthProbe;
  #gflops = 0;
  #gigabytesPerSecond = 0;

  private constructor(session: Session, peak: PeakProbe, bandwidth: BandwidthProbe) {
    this.#session = session;
    this.#peak = peak;
    this.#bandwidth = bandwidth;
  }

  static async create(options: Pick<SessionOptions, "backend" | "threads" | "note">): Promise<MachineProbe> {
    const session = await Session.create(options);
    return new MachineProbe(
      session,
      await PeakProbe.create(session),
      await BandwidthProbe.create(session, SOME_MEMORY),
    );
  }

  /** Some tenths of a second; the best so far. */
  async measure(): Promise<MachineFigures> {
    this.#gflops = Math.max(this.#gflops, await this.#peak.gflops(10));
    this.#gigabytesPerSecond = Math.max(this.#gigabytesPerSecond, await this.#bandwidth.gigabytesPerSecond(4, 2));
    const { backend, threads } = this.#session;
    return { backend, threads, gflops: this.#gflops, gigabytesPerSecond: this.#gigabytesPerSecond };
  }

  close(): Promise<void> {
    return this.#session.close();
  }
}

/** The best of some tries. Runs are queued, so that the team wakes and its promise is resolved once for all of a try. */
async function mostASecond(slot: Slot, tries: number, count: number, runs = RUNS): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let n = 0; n < tries; n++) {
    const started = performance.now();
    await Promise.all(Array.from({ length: runs }, () => slot.run(1)));
    least = Math.min(least, (performance.now() - started) / runs);
  }
  return (count / least) * 1000;
}

/** One step that is dear enough in the plan to be given to the team. */
async function loaded(
  session: Session,
  kernel: Kernel,
  operands: readonly Place[],
  pieces: number,
  scratch: number,
): Promise<Slot> {
  const step = { kernel: 0, operands, pieces: { count: pieces }, label: kernel.name, barrier: false };
  const program = await session.load({
    name: kernel.name,
    target: session.target,
    maxBatch: 1,
    kernels: [kernel],
    prepare: [],
    steps: [{ ...step, nanoseconds: { fixed: 1e9, perSample: 0 } }],
    inputs: [],
    outputs: [],
    states: [],
    writes: [],
    bytes: { store: 0, prepared: 0, slot: 0, scratch, workspace: 0 },
  });
  return program.acquire();
}
