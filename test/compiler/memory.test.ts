import fc from "fast-check";
import { expect, it } from "vitest";
import { liveBytes, placeBuffers } from "#fovea/compiler/memory.js";

it("lays buffers that never meet into one place, and others apart", () => {
  const lives = [
    { bytes: 640, from: 0, to: 1 },
    { bytes: 128, from: 1, to: 2 },
    { bytes: 640, from: 2, to: 3 },
    { bytes: 100, from: 3, to: 4 },
  ];
  expect(placeBuffers(lives)).toEqual({ offsets: [0, 640, 0, 640], bytes: 768 });
  expect([...liveBytes(lives, 5)]).toEqual([640, 768, 768, 768, 128]);
});

const life = fc
  .record({ bytes: fc.integer({ min: 1, max: 5000 }), from: fc.nat(40), length: fc.nat(15) })
  .map(({ bytes, from, length }) => ({ bytes, from, to: from + length }));

it("never lets two living buffers share a byte, and stays near what must be", () => {
  fc.assert(
    fc.property(fc.array(life, { maxLength: 60 }), (lives) => {
      const { offsets, bytes } = placeBuffers(lives);
      for (const [i, a] of lives.entries()) {
        expect(offsets[i]! % 64).toBe(0);
        expect(offsets[i]! + a.bytes).toBeLessThanOrEqual(bytes);
        for (const [j, b] of lives.entries()) {
          if (i === j || a.to < b.from || b.to < a.from) continue;
          expect(offsets[i]! + a.bytes <= offsets[j]! || offsets[j]! + b.bytes <= offsets[i]!).toBe(true);
        }
      }
      expect(bytes).toBeGreaterThanOrEqual(Math.max(0, ...liveBytes(lives, 56)));
      expect(bytes).toBeLessThanOrEqual(1.7 * Math.max(0, ...liveBytes(lives, 56)));
    }),
    { seed: 3, numRuns: 200 },
  );
});
