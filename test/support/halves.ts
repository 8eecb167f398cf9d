/**
 * An oracle for numbers of 16 bits that shares nothing with the sources: widening by the formula of the format, narrowing by
 * looking for the nearest of all there are.
 */
import { Random } from "./kernels.js";

export type Half = "f16" | "bf16";

const FORMAT = { f16: { exponent: 5, fraction: 10 }, bf16: { exponent: 8, fraction: 7 } } as const;

function fieldsOf(type: Half, half: number) {
  const { exponent, fraction } = FORMAT[type];
  const top = 2 ** exponent - 1;
  return {
    sign: half >= 0x8000 ? -1 : 1,
    exponent: Math.floor(half / 2 ** fraction) % 2 ** exponent,
    fraction: (half % 2 ** fraction) / 2 ** fraction,
    top,
    bias: (top - 1) / 2,
  };
}

export function isNaNHalf(type: Half, half: number): boolean {
  const { exponent, fraction, top } = fieldsOf(type, half);
  return exponent === top && fraction !== 0;
}

/** The number that a pattern stands for. */
export function widened(type: Half, half: number): number {
  const { sign, exponent, fraction, top, bias } = fieldsOf(type, half);
  if (exponent === top) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias);
  return sign * (1 + fraction) * 2 ** (exponent - bias);
}

/** All finite magnitudes in rising order, and behind them the number that infinity stands in for when it is rounded to. */
const MAGNITUDES: Record<Half, Float64Array> = { f16: magnitudesOf("f16"), bf16: magnitudesOf("bf16") };

function magnitudesOf(type: Half): Float64Array {
  const finite = Array.from({ length: 0x8000 }, (_, half) => widened(type, half)).filter(Number.isFinite);
  const last = finite.at(-1)!;
  return Float64Array.from([...finite, last + (last - finite.at(-2)!)]);
}

/** The pattern nearest to a float32 of these bits, ties to the even pattern; undefined for a NaN. */
export function narrowed(type: Half, bits: number): number | undefined {
  const x = new Float32Array(Int32Array.of(bits).buffer)[0]!;
  if (Number.isNaN(x)) return undefined;
  const sign = bits < 0 ? 0x8000 : 0;
  const all = MAGNITUDES[type];
  const y = Math.abs(x);
  if (y >= all.at(-1)!) return sign + all.length - 1;
  let [low, high] = [0, all.length - 1]; // all[low] <= y < all[high]
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (all[middle]! <= y) low = middle;
    else high = middle;
  }
  const [below, above] = [y - all[low]!, all[high]! - y];
  if (below === above) return sign + (low % 2 === 0 ? low : high);
  return sign + (below < above ? low : high);
}

/** Bits of float32s on both sides of every kind of edge, and some of all kinds. */
export const TRICKY_BITS: Int32Array = (() => {
  const edges: number[] = [];
  const near = (bits: number) => edges.push(bits - 1, bits, bits + 1);
  for (const bits of [0, 0x00400000, 0x00800000, 0x33000000, 0x33800000, 0x38000000, 0x38800000]) near(bits + 1);
  for (const bits of [0x3f800000, 0x477fe000, 0x477ff000, 0x47800000, 0x7f7f8000, 0x7f800000, 0x7fc00000]) near(bits);
  // Ties between neighbours, whose lower one is even or odd, in both formats and among their denormals.
  for (const base of [0x00010000, 0x33800000, 0x35000000, 0x38000000, 0x3f800000, 0x41230000, 0x47000000, 0x7f000000])
    for (const tie of [0x1000, 0x3000, 0x8000, 0x18000]) near(base + tie);
  edges.push(0x7f800001, 0x7fffffff, 0x7fbfffff, 0x7f808000);
  const random = new Random(16);
  const some = Array.from({ length: 600 }, () => random.bits());
  const halves = Array.from({ length: 600 }, () => random.between(0x32000000, 0x48000000));
  return Int32Array.from([...edges, ...edges.map((bits) => bits | 0x80000000), ...some, ...halves]);
})();
