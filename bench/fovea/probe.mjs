/**
 * What the machine can do, measured with fovea's own kernels on two threads (src/analysis/profile/machine.ts). A short probe
 * of the multiply-adds tells before and after each repeat whether the machine is ours.
 */
import { PeakProbe, readBandwidth } from "#fovea/analysis/profile/machine.js";
import { Session } from "#fovea/devices/cpu/session.js";
import { serve } from "../serve.mjs";

const THREADS = 2;

let session;
let both;

serve({
  /** GFLOP/s of two threads, and of one. */
  async peak() {
    session = await Session.create({ threads: THREADS });
    both = await PeakProbe.create(session);
    const gflops = await both.gflops(50);
    const alone = await Session.create({ threads: 1 });
    const gflopsOfOne = await (await PeakProbe.create(alone)).gflops(10);
    await alone.close();
    return { backend: session.backend, gflops, gflopsOfOne };
  },

  /** GFLOP/s of two threads now, in some 60 milliseconds: the first of them bring the threads and their clock up. */
  async probe() {
    return { gflops: await both.gflops(6) };
  },

  /** GB/s that two threads read from memory (far more of it than the caches hold). */
  async bandwidth() {
    const own = await Session.create({ threads: THREADS });
    const gigabytesPerSecond = await readBandwidth(own);
    await own.close();
    return { gigabytesPerSecond };
  },
});
