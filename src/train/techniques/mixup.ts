/**
 * Mixup (Zhang, Cisse, Dauphin and Lopez-Paz 2017): a training step sees share x one picture + (1 - share) x another of
 * the same batch, and the same mixture of their two losses. As in the authors' code one share is drawn a batch, from
 * Beta(alpha, alpha), and a permutation says who is mixed with whom: a pure function of seed, epoch and batch. The
 * pictures are mixed as they were written for the input, scaled and augmented. `labels` are those of the heavier
 * picture, by which accuracy counts.
 */

import { naturalLogarithm, Random } from "../../base/random.js";
import { exponential } from "../../data/augment/numbers.js";
import { inOrder } from "../../data/sets/sampler.js";
import type { Slot } from "../../devices/device.js";
import type { Written } from "../feed.js";

/** Inputs of a training step beside `input` and `labels`, where pictures are mixed. */
export const OTHER_LABELS = "otherLabels";
export const MIX = "mix";

export interface Mixture {
  /** Of the heavier picture, from 1/2 to 1. */
  readonly share: number;
  /** The number of the other picture, within the batch. */
  readonly partner: Uint32Array;
}

/** What is mixed with what in a batch of `count` pictures. */
export function drawMixture(alpha: number, seed: number, epoch: number, batch: number, count: number): Mixture {
  const random = new Random(seed).fork(`mixup of epoch ${epoch}, batch ${batch}`);
  const share = beta(random, alpha);
  // Beta(alpha, alpha) is symmetric: mixing with 1 - share is the same draw with the partners turned round.
  return { share: Math.max(share, 1 - share), partner: random.shuffle(inOrder(count)) };
}

/** From Beta(alpha, alpha): a / (a + b) with a and b from Gamma(alpha), by their logarithms, since both may be tiny. */
export function beta(random: Random, alpha: number): number {
  const difference = logGamma(random, alpha) - logGamma(random, alpha);
  return 1 / (1 + exponential(-difference));
}

/** The logarithm of a number from Gamma(alpha) (Marsaglia and Tsang 2000; below 1, Gamma(alpha + 1) U^(1 / alpha)). */
function logGamma(random: Random, alpha: number): number {
  if (alpha < 1) return logGamma(random, alpha + 1) + naturalLogarithm(1 - random.uniform()) / alpha;
  const d = alpha - 1 / 3;
  for (;;) {
    const x = random.normal();
    const root = 1 + x / Math.sqrt(9 * d);
    if (root <= 0) continue;
    const v = root * root * root;
    if (naturalLogarithm(1 - random.uniform()) < (x * x) / 2 + d - d * v + d * naturalLogarithm(v)) {
      return naturalLogarithm(d * v);
    }
  }
}

/** Mixes the pictures that were written for a slot, and fills in both labels. */
export function mixInto(slot: Slot, { images, stride, labels }: Written, mixture: Mixture): void {
  mix(images, stride, mixture);
  const { share, partner } = mixture;
  slot.fill(
    OTHER_LABELS,
    Int32Array.from(partner, (other) => labels[other]!),
  );
  slot.fill(MIX, new Float32Array(partner.length).fill(share));
}

/** Along each cycle of the permutation, so that one picture aside is room enough. */
export function mix(pictures: Float32Array, size: number, { share, partner }: Mixture): void {
  const done = new Uint8Array(partner.length);
  const rest = 1 - share;
  for (let start = 0; start < partner.length; start++) {
    if (done[start] === 1 || partner[start] === start) continue;
    const first = pictures.slice(start * size, (start + 1) * size);
    for (let at = start; done[at] === 0; at = partner[at]!) {
      done[at] = 1;
      const other = partner[at]!;
      const to = at * size;
      if (other === start)
        for (let i = 0; i < size; i++) pictures[to + i] = share * pictures[to + i]! + rest * first[i]!;
      else {
        const from = other * size;
        for (let i = 0; i < size; i++) pictures[to + i] = share * pictures[to + i]! + rest * pictures[from + i]!;
      }
    }
  }
}
