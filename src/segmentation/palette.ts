/**
 * Colours for classes that come without: those of Okabe and Ito (2008), then whichever of a grid is farthest from all
 * before it, in the eyes that see least of a difference. Distances are those of CIELAB (CIE 1976); red-blind and
 * green-blind eyes are simulated as Machado, Oliveira and Fernandes (2009) do, in linear light.
 */
import type { Color } from "./class-list.js";

/** Black, orange, sky blue, bluish green, yellow, blue, vermillion, reddish purple. */
const OKABE_ITO: readonly Color[] = [
  [0, 0, 0],
  [230, 159, 0],
  [86, 180, 233],
  [0, 158, 115],
  [240, 228, 66],
  [0, 114, 178],
  [213, 94, 0],
  [204, 121, 167],
];

type Triple = readonly [number, number, number];
type Matrix = readonly [Triple, Triple, Triple];

/**
 * What is seen of red, green and blue light: by all cones, without the red ones (protanopia), without the green ones.
 */
export const EYES = {
  all: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
} as const satisfies Readonly<Record<string, Matrix>>;

/** sRGB's linear light to CIE XYZ (IEC 61966-2-1), and the white of D65 in it. */
const TO_XYZ: Matrix = [
  [0.4124564, 0.3575761, 0.1804375],
  [0.2126729, 0.7151522, 0.072175],
  [0.0193339, 0.119192, 0.9503041],
];
const WHITE: Triple = [0.95047, 1, 1.08883];

/** CIELAB's lightness, green to red and blue to yellow of a colour as these eyes see it. */
export function labSeenBy(eyes: keyof typeof EYES, color: Color): Triple {
  const linear = each(color, (byte) => {
    const value = byte / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  const seen = each(times(EYES[eyes], linear), (value) => Math.min(1, Math.max(0, value)));
  const [x, y, z] = each(times(TO_XYZ, seen), (value, i) => {
    const part = value / WHITE[i]!;
    return part > 216 / 24389 ? Math.cbrt(part) : ((24389 / 27) * part + 16) / 116;
  });
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

const each = ([a, b, c]: Triple, change: (value: number, i: number) => number): Triple => [
  change(a, 0),
  change(b, 1),
  change(c, 2),
];

const times = ([a, b, c]: Matrix, v: Triple): Triple => [dot(a, v), dot(b, v), dot(c, v)];
const dot = (a: Triple, b: Triple): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

const GRID = [0, 32, 64, 96, 128, 160, 192, 224, 255];

/** `count` colours, up to the 255 that labels can have; fewer are the first of more. */
export function distinctColors(count: number): Color[] {
  const chosen = OKABE_ITO.slice(0, count);
  if (count <= chosen.length) return chosen;
  const candidates = GRID.flatMap((red) => GRID.flatMap((green) => GRID.map((blue): Color => [red, green, blue])));
  const seen = candidates.map(inAllEyes);
  const nearest = new Float64Array(candidates.length).fill(Number.POSITIVE_INFINITY);
  const keepAwayFrom = (color: Color) => {
    const other = inAllEyes(color);
    for (const [i, candidate] of seen.entries()) nearest[i] = Math.min(nearest[i]!, leastDistance(candidate, other));
  };
  // White is the paper of a legend.
  for (const color of [[255, 255, 255] as const, ...chosen]) keepAwayFrom(color);
  while (chosen.length < count) {
    const farthest = candidates[nearest.indexOf(nearest.reduce((most, distance) => Math.max(most, distance)))]!;
    chosen.push(farthest);
    keepAwayFrom(farthest);
  }
  return chosen;
}

const inAllEyes = (color: Color): readonly Triple[] =>
  (Object.keys(EYES) as (keyof typeof EYES)[]).map((eyes) => labSeenBy(eyes, color));

const leastDistance = (a: readonly Triple[], b: readonly Triple[]): number =>
  Math.min(...a.map((lab, i) => Math.hypot(...lab.map((value, axis) => value - b[i]![axis]!))));
