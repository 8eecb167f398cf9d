/**
 * Times contenders round by round: fovea, one peer, the next, fovea again, so that all see the same machine. A repeat that
 * others disturbed is taken again, up to a bound, and is marked noisy where it stays so.
 */
import { othersShare, OTHERS, PROBE, processorSeconds } from "./quiet.mjs";

/** The machine's peak so far: probes raise it. */
export class Machine {
  constructor(probe) {
    this.probe = probe;
  }

  /** Takes the peak when the machine is quiet, or else the best of `tries`. */
  async start({ tries = 8, pauseMs = 500 } = {}) {
    let quiet = false;
    for (let n = 0; n < tries && !quiet; n++) {
      if (n > 0) await sleep(pauseMs);
      const pids = [this.probe.pid, process.pid];
      const before = processorSeconds(pids);
      const started = performance.now();
      const found = await this.probe.ask("peak");
      quiet = othersShare(before, processorSeconds(pids), (performance.now() - started) / 1000) <= OTHERS;
      if (this.gflops === undefined || found.gflops > this.gflops) Object.assign(this, found);
    }
    this.gigabytesPerSecond = (await this.probe.ask("bandwidth")).gigabytesPerSecond;
    this.quietAtStart = quiet;
    return this;
  }

  /** GFLOP/s now. */
  async now() {
    const { gflops } = await this.probe.ask("probe");
    this.gflops = Math.max(this.gflops, gflops);
    return gflops;
  }
}

/**
 * @typedef {object} Repeat
 * @property {number} ms        a call
 * @property {boolean} quiet
 * @property {number} others    share of the cores that others used
 * @property {number} probe     the lower of both probes, as a part of the peak
 * @property {number} gflops    the multiply-add peak meanwhile: the mean of both probes, GFLOP/s
 */

/** Calls a repeat so that it lasts `milliseconds`, and milliseconds a call by then; also the warm-up. */
export async function calibrate(contender, milliseconds) {
  let calls = 1;
  let spent = 0;
  for (;;) {
    const { ms } = await contender.run(calls);
    spent += ms * calls;
    // Twice: a first batch of calls is slower than those that follow.
    if (spent > milliseconds && ms * calls > milliseconds / 4)
      return { calls: Math.max(1, Math.ceil(milliseconds / ms)), warmMs: ms };
    calls = Math.max(calls + 1, Math.min(calls * 8, Math.ceil(milliseconds / ms)));
  }
}

/**
 * Contenders without those of a peer that took over `slowest` times as long as the best of their family when they were warmed up: they cannot
 * be what a ratio is taken with. Says so in their `leftOut`.
 */
export function leftIn(contenders, { slowest }) {
  return contenders.filter((contender) => {
    const family = contenders.filter((c) => c.family === contender.family);
    const best = Math.min(...family.map((c) => c.warmMs));
    if (contender.family === "fovea" || contender.warmMs <= slowest * best) return true;
    contender.leftOut = contender.warmMs / best;
    return false;
  });
}

/** @returns {Promise<Repeat>} the quiet one of up to `tries`, else the least disturbed. */
export async function repeatOf(contender, machine, { tries, pauseMs }) {
  let best;
  for (let n = 0; n < tries; n++) {
    if (n > 0) await sleep(pauseMs);
    const repeat = await once(contender, machine);
    if (repeat.quiet) return repeat;
    if (best === undefined || repeat.others < best.others) best = repeat;
  }
  return best;
}

async function once(contender, machine) {
  const first = await machine.now();
  await sleep(10); // for threads that still spin
  const pids = [contender.pid, process.pid];
  const before = processorSeconds(pids);
  const started = performance.now();
  const { ms } = await contender.run(contender.calls);
  const seconds = (performance.now() - started) / 1000;
  const after = processorSeconds(pids);
  await sleep(10);
  const second = await machine.now();
  const probe = Math.min(first, second) / machine.gflops;
  const others = othersShare(before, after, seconds);
  return { ms, others, probe, gflops: (first + second) / 2, quiet: others <= OTHERS && probe >= PROBE };
}

/** All contenders, `rounds` times, each round beginning with another one; fills `contender.repeats`. */
export async function measure(contenders, machine, { rounds, tries, pauseMs, failed }) {
  let running = contenders;
  for (let round = 0; round < rounds; round++) {
    for (let n = 0; n < contenders.length; n++) {
      const contender = contenders[(n + round) % contenders.length];
      if (!running.includes(contender)) continue;
      try {
        contender.repeats.push(await repeatOf(contender, machine, { tries, pauseMs }));
      } catch (error) {
        failed(contender, error);
        running = running.filter((c) => c !== contender);
      }
    }
  }
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
