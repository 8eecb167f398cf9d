import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { batchCount, batches, epochOrder, inOrder } from "#fovea/data/sets/sampler.js";

describe("epochOrder", () => {
  it("is a permutation, the same for the same seed and epoch", () => {
    for (const length of [1, 2, 3, 10, 1001]) {
      const order = epochOrder(length, 7, 3);
      expect([...order].sort((a, b) => a - b)).toEqual([...inOrder(length)]);
      expect(epochOrder(length, 7, 3)).toEqual(order);
    }
    expect(epochOrder(0, 7, 3)).toHaveLength(0);
  });

  it("differs between epochs and between seeds, however near", () => {
    const orders = [0, 1, 2].flatMap((seed) => [0, 1, 2].map((epoch) => epochOrder(50, seed, epoch).join()));
    expect(new Set(orders).size).toBe(9);
  });

  it("stays what it was, or a checkpoint of yesterday would resume in another order", () => {
    expect([...epochOrder(10, 1, 0)]).toEqual([6, 4, 1, 8, 0, 7, 9, 3, 5, 2]);
    expect([...epochOrder(10, 1, 1)]).toEqual([6, 3, 2, 0, 1, 5, 9, 7, 4, 8]);
  });

  it("puts every sample in every place equally often", () => {
    // 6 samples over 6000 epochs: each cell of the table expects 1000, with a deviation of 29.
    const counts = Array.from({ length: 6 }, () => new Array<number>(6).fill(0));
    for (let epoch = 0; epoch < 6000; epoch++) {
      epochOrder(6, 11, epoch).forEach((sample, place) => {
        counts[place][sample]++;
      });
    }
    for (const count of counts.flat()) expect(Math.abs(count - 1000)).toBeLessThan(130);
  });
});

describe("batches", () => {
  it("cuts an epoch into full batches and one short one", () => {
    const order = Uint32Array.of(5, 3, 0, 1, 4, 2, 6);
    expect([...batches(order, 3)].map((batch) => [...batch])).toEqual([[5, 3, 0], [1, 4, 2], [6]]);
    expect([...batches(order, 3, 2)].map((batch) => [...batch])).toEqual([[6]]);
    expect([...batches(order, 3, 3)]).toEqual([]);
    expect([...batches(order, 100)].map((batch) => batch.length)).toEqual([7]);
  });

  it("visits every sample once, for any length and size", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 1, max: 64 }), fc.nat(), (length, size, seed) => {
        const all = [...batches(epochOrder(length, seed, 0), size)];
        expect(all).toHaveLength(batchCount(length, size));
        const seen = all.flatMap((batch) => [...batch]);
        expect(seen.sort((a, b) => a - b)).toEqual([...inOrder(length)]);
        expect(all.slice(0, -1).every((batch) => batch.length === size)).toBe(true);
      }),
      { seed: 2, numRuns: 60 },
    );
  });

  it("refuses sizes and starts that make no sense", () => {
    expect(() => [...batches(inOrder(4), 0)]).toThrow("batch size 0 is not a whole number of at least 1");
    expect(() => [...batches(inOrder(4), 1.5)]).toThrow("batch size 1.5");
    expect(() => [...batches(inOrder(4), 2, 3)]).toThrow("fromBatch 3 is not a whole number from 0 to 2");
  });
});
