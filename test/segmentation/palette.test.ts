/** Colours of classes can be told apart by eyes that lack the red or the green cones, too. */
import { describe, expect, it } from "vitest";
import type { Color } from "#fovea/segmentation/class-list.js";
import { distinctColors, EYES, labSeenBy } from "#fovea/segmentation/palette.js";

const KINDS = Object.keys(EYES) as (keyof typeof EYES)[];

/** The least distance of any two, in the eyes that see least of it. */
function leastDistance(colors: readonly Color[]): number {
  const distances = KINDS.flatMap((eyes) => {
    const labs = colors.map((color) => labSeenBy(eyes, color));
    return labs.flatMap((a, i) => labs.slice(0, i).map((b) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2])));
  });
  return Math.min(...distances);
}

describe("colours as eyes see them", () => {
  it.each<[Color, [number, number, number]]>([
    [
      [255, 0, 0],
      [53.2408, 80.0925, 67.2032],
    ],
    [
      [0, 255, 0],
      [87.7347, -86.1827, 83.1793],
    ],
    [
      [0, 0, 255],
      [32.297, 79.1875, -107.8602],
    ],
    [
      [119, 119, 119],
      [50.0344, 0, 0],
    ],
  ])("%j is where CIELAB has it", (color, lab) => {
    for (const [i, value] of labSeenBy("all", color).entries()) expect(value).toBeCloseTo(lab[i]!, 2);
  });

  it.each(KINDS)("%s: greys stay grey, of the same lightness", (eyes) => {
    for (const row of EYES[eyes]) expect(row[0] + row[1] + row[2]).toBeCloseTo(1, 5);
    for (const grey of [0, 40, 128, 255]) {
      const [lightness, red, yellow] = labSeenBy(eyes, [grey, grey, grey]);
      expect(lightness).toBeCloseTo(labSeenBy("all", [grey, grey, grey])[0], 3);
      expect([red, yellow].map(Math.abs).every((value) => value < 0.02)).toBe(true);
    }
  });

  it("red is darker without the red cones, and red and green are alike without either", () => {
    const [red, green] = [
      [200, 60, 0],
      [110, 110, 0],
    ] as const satisfies readonly Color[];
    expect(labSeenBy("protanopia", red)[0]).toBeLessThan(labSeenBy("all", red)[0] - 5);
    const distance = (eyes: keyof typeof EYES) => {
      const [a, b] = [labSeenBy(eyes, red), labSeenBy(eyes, green)];
      return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
    };
    expect(distance("all")).toBeGreaterThan(50);
    expect(distance("deuteranopia")).toBeLessThan(distance("all") / 3);
  });
});

describe("colours of classes", () => {
  it("are Okabe and Ito's first, and fewer are the first of more", () => {
    expect(distinctColors(3)).toEqual([
      [0, 0, 0],
      [230, 159, 0],
      [86, 180, 233],
    ]);
    const many = distinctColors(30);
    for (const count of [0, 1, 8, 9, 21]) expect(distinctColors(count)).toEqual(many.slice(0, count));
    expect(distinctColors(1)).not.toBe(distinctColors(1));
  });

  // Of differences in CIELAB, about 2.3 is just noticed (Mahy et al. 1994). Okabe and Ito's own eight are 17.0 apart.
  it.each([
    [8, 17],
    [11, 17],
    [21, 17],
    [32, 14],
    [64, 9],
  ])("%i of them are %d apart for all eyes, and apart from paper", (count, apart) => {
    const colors = distinctColors(count);
    expect(colors).toHaveLength(count);
    expect(leastDistance([...colors, [255, 255, 255]])).toBeGreaterThan(apart);
  });

  it("are all different for as many classes as labels can have", () => {
    const colors = distinctColors(255);
    expect(new Set(colors.map(String)).size).toBe(255);
    expect(leastDistance(colors)).toBeGreaterThan(2);
  });
});
