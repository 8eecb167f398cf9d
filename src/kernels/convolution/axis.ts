/**
 * One axis of a convolution, seen from the values that it writes. Output index j of a *phase* (j = 0..count-1) is
 * written at `first + j * step`, and tap m (0..taps-1) reads source index `scale * j + start + m * stride`, weighted by
 * the kernel's element `weight + m * weightStep`. Indices outside 0..extent-1 read nothing: that is the padding.
 *
 * Forward, out[o] = sum_k x[o * s - p + k * d] w[k]: one phase, scale = s, start = -p, stride = d.
 *
 * Input gradient, dx[i] = sum_k dy[(i + p - k * d) / s] w[k] over the k that divide: i = s * j + r is phase r; its k
 * run through one residue class k0, k0 + q, ... with q = s / gcd(s, d), and dy's index falls by q * d / s from one to
 * the next. They are taken backwards so that the source index grows.
 */
export interface Phase {
  readonly count: number;
  readonly first: number;
  readonly step: number;
  readonly taps: number;
  readonly scale: number;
  readonly start: number;
  readonly stride: number;
  readonly weight: number;
  readonly weightStep: number;
  /** Extent of the source. */
  readonly extent: number;
}

export interface AxisWindow {
  readonly kernel: number;
  readonly stride: number;
  readonly before: number;
  readonly dilation: number;
}

export function forwardPhase(w: AxisWindow, input: number, output: number): Phase {
  return {
    count: output,
    first: 0,
    step: 1,
    taps: w.kernel,
    scale: w.stride,
    start: -w.before,
    stride: w.dilation,
    weight: 0,
    weightStep: 1,
    extent: input,
  };
}

export function inputGradientPhases(w: AxisWindow, input: number, output: number): Phase[] {
  const { kernel, stride: s, before: p, dilation: d } = w;
  const phases: Phase[] = [];
  for (let r = 0; r < Math.min(s, input); r++) {
    const ks: number[] = [];
    for (let k = 0; k < kernel; k++) if ((((r + p - k * d) % s) + s) % s === 0) ks.push(k);
    const count = Math.ceil((input - r) / s);
    if (ks.length === 0) {
      phases.push({
        count,
        first: r,
        step: s,
        taps: 0,
        scale: 1,
        start: 0,
        stride: 1,
        weight: 0,
        weightStep: 1,
        extent: output,
      });
      continue;
    }
    const last = ks[ks.length - 1]!;
    const between = ks.length > 1 ? ks[1]! - ks[0]! : 1;
    phases.push({
      count,
      first: r,
      step: s,
      taps: ks.length,
      scale: 1,
      start: (r + p - last * d) / s,
      stride: ks.length > 1 ? (between * d) / s : 1,
      weight: last,
      weightStep: -between,
      extent: output,
    });
  }
  return phases;
}

/** Whether output j of the phase reads a real source element at tap m. */
export function reaches(phase: Phase, j: number, m: number): boolean {
  const source = phase.scale * j + phase.start + m * phase.stride;
  return source >= 0 && source < phase.extent;
}

/** Whether every tap of every output of the phase reads a real element: no border at all. */
export function allReach(phase: Phase): boolean {
  return (
    phase.start >= 0 && phase.scale * (phase.count - 1) + phase.start + (phase.taps - 1) * phase.stride < phase.extent
  );
}

/** Whether every tap of the `width` outputs from `from` on reads a real element. */
export function tileReaches(phase: Phase, from: number, width: number): boolean {
  for (let i = 0; i < width; i++) for (let m = 0; m < phase.taps; m++) if (!reaches(phase, from + i, m)) return false;
  return true;
}

/**
 * A run of equal tiles along the axis: `tiles` tiles of `size` outputs from output `from` on, all with the same taps.
 */
export interface TileRun {
  readonly from: number;
  readonly size: number;
  readonly tiles: number;
}

/** The axis cut into tiles of at most `size`, neighbours whose taps all reach merged into one run. */
export function tileRuns(phase: Phase, size: number): TileRun[] {
  const runs: { from: number; size: number; tiles: number; inner: boolean }[] = [];
  for (let from = 0; from < phase.count; from += size) {
    const width = Math.min(size, phase.count - from);
    const inner = tileReaches(phase, from, width);
    const last = runs[runs.length - 1];
    if (inner && last?.inner && last.size === width) last.tiles++;
    else runs.push({ from, size: width, tiles: 1, inner });
  }
  return runs;
}
