import { describe, expect, it } from "vitest";
import type { Dataset } from "#fovea/data/sets/dataset.js";
import { inMemory } from "#fovea/data/sets/in-memory.js";
import { openBytes, openPictures } from "#fovea/data/sets/open-pictures.js";

const set: Dataset = {
  name: "set",
  length: 3,
  classes: ["a", "b"],
  shape: [1, 2, 1],
  images: Uint8Array.of(0, 255, 51, 102, 153, 204),
  labels: Uint8Array.of(1, 0, 1),
  mean: [0.5],
  std: [0.25],
};

describe("the pictures of a set in memory", () => {
  it("as bytes and as numbers, in the order asked for", async () => {
    const pictures = openPictures(set, { target: [1, 2, 1], mean: [0], std: [1], seed: 0 });
    const labels = new Int32Array(2);
    const numbers = new Float32Array(4);
    expect(await pictures.fill(Uint32Array.of(2, 0), 0, numbers, labels)).toEqual([]);
    // The scaling is the one that was asked for, not the set's.
    expect([...numbers]).toEqual([0.6, 0.8, 0, 1].map((x) => expect.closeTo(x, 6)));
    expect([...labels]).toEqual([1, 1]);
    const bytes = new Uint8Array(4);
    await pictures.bytes(Uint32Array.of(1, 2), bytes, labels);
    expect([...bytes, ...labels]).toEqual([51, 102, 153, 204, 0, 1]);
    await pictures.close();
  });

  it("through transforms, by seed and epoch", async () => {
    const open = (seed: number) =>
      openPictures(set, {
        target: [1, 2, 1],
        mean: [0],
        std: [1],
        seed,
        transforms: [{ kind: "flip", mode: "random", probability: 0.5 }],
      });
    const flipped = async (seed: number) => {
      const pictures = open(seed);
      const numbers = new Float32Array(2);
      const first: boolean[] = [];
      for (let epoch = 0; epoch < 32; epoch++) {
        await pictures.fill(Uint32Array.of(1), epoch, numbers, new Int32Array(1));
        expect([...numbers].sort()).toEqual([0.2, 0.4].map((x) => expect.closeTo(x, 6)));
        first.push(numbers[0]! > numbers[1]!);
      }
      return first;
    };
    const some = await flipped(3);
    expect(new Set(some).size).toBe(2);
    expect(await flipped(3)).toEqual(some);
    expect(await flipped(4)).not.toEqual(some);
  });

  it("or of one that streams: its own stream is opened, and closed", async () => {
    const told: unknown[] = [];
    const streamed: Dataset = {
      ...set,
      images: new Uint8Array(0),
      stream: (options) => ({
        fill: async () => [],
        async bytes(indices, images, labels) {
          for (const [n, index] of indices.entries()) images.fill(index + 1, 2 * n, 2 * n + 2);
          labels.fill(1);
          told.push(options.target);
          return [];
        },
        async close() {
          told.push("closed");
        },
      }),
    };
    const { images, labels, length } = await inMemory(streamed, [2, 0]);
    expect([...images, ...labels, length]).toEqual([3, 3, 1, 1, 1, 1, 2]);
    expect(told).toEqual([[1, 2, 1], "closed"]);
    expect(await openBytes(streamed).bytes(Uint32Array.of(0), new Uint8Array(2), new Int32Array(1))).toEqual([]);
    await expect(inMemory(streamed, [3])).rejects.toThrow("set: index 3 is out of range 0..2");
  });
});
