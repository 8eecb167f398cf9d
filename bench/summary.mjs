/** From repeats to figures: medians of the quiet repeats, and ratios taken round by round. */

const LEAST_QUIET = 3;

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Milliseconds a call. Noisy repeats count only where there are fewer than three quiet ones; then `noisy` is set. */
export function summarise(repeats) {
  const { counted, quiet, noisy } = judge(repeats);
  const ms = counted.map((r) => r.ms);
  return { median: median(ms), min: Math.min(...ms), quiet, repeats: repeats.length, noisy };
}

/** Which repeats count: the quiet ones, or all where those are too few, which is `noisy`; and how many are quiet. */
export function judge(repeats) {
  const quiet = repeats.filter((r) => r.quiet);
  const noisy = quiet.length < Math.min(LEAST_QUIET, repeats.length);
  return { counted: noisy ? repeats : quiet, quiet: quiet.length, noisy };
}

/** The part of the multiply-add peak that `operations` a call reach: of what the probes beside each repeat found, since it moves as others use the host. */
export function partOfPeak(repeats, operations) {
  return median(judge(repeats).counted.map(({ ms, gflops }) => operations / ms / 1e6 / gflops));
}

/** How many times faster `ours` is: the median over the rounds that were quiet for both, else over all. */
export function timesFaster(ours, theirs) {
  const rounds = ours.slice(0, theirs.length).map((our, n) => ({
    ratio: theirs[n].ms / our.ms,
    quiet: our.quiet && theirs[n].quiet,
  }));
  return median(judge(rounds).counted.map((r) => r.ratio));
}

/** The contender of a family with the lowest median; undefined where none was measured. */
export function bestOf(contenders, family) {
  let best;
  for (const contender of contenders)
    if (contender.family === family && contender.summary !== undefined)
      if (best === undefined || contender.summary.median < best.summary.median) best = contender;
  return best;
}

/** The families that something was measured of, without fovea, in the order in which they come. */
export function familiesOf(rows) {
  const measured = rows.flatMap(({ contenders }) => contenders.filter((c) => c.summary !== undefined && c.family !== "fovea"));
  return [...new Set(measured.map(({ family }) => family))];
}

/** Of what a row was compared with, the one that fovea is ahead of by the least; undefined where there was nobody. */
export function hardest(against) {
  let least;
  for (const found of Object.values(against)) if (least === undefined || found.timesFaster < least.timesFaster) least = found;
  return least;
}

export function geometricMean(numbers) {
  return Math.exp(numbers.reduce((sum, number) => sum + Math.log(number), 0) / numbers.length);
}
