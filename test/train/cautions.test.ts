/** What is seldom meant is said once, and trained all the same. */
import { describe, expect, it } from "vitest";
import { type Dataset, nn, ops, type TrainOptions, train } from "#fovea/index.js";
import { fovea } from "../support/cli.js";
import { writePictures } from "../support/pictures.js";
import { temporaryFolder } from "../support/temporary.js";

/** Two classes of 2x2 pixels. */
const toy = (length: number): Dataset => ({
  name: "toy",
  length,
  shape: [2, 2, 1],
  classes: ["dark", "light"],
  mean: [0],
  std: [1],
  images: Uint8Array.from({ length: 4 * length }, (_, i) => (Math.floor(i / 4) % 2 === 0 ? 9 : 200 + (i % 7))),
  labels: Int32Array.from({ length }, (_, i) => i % 2),
});

const plain = () => nn.sequential(nn.flatten(), nn.linear({ in: 4, out: 2 }));

async function said(network: nn.Module, data: Dataset, options: TrainOptions): Promise<string[]> {
  const notes: string[] = [];
  const note = (text: string) => void notes.push(text);
  const run = await train(network, data, { epochs: 1, batchSize: 2, ...options, note, threads: 1 });
  expect(run.completed).toBe(true);
  return notes;
}

describe("a training says", () => {
  it("nothing where all is as usual, and of toys smaller than the default batch", async () => {
    expect(await said(plain(), toy(8), { test: toy(6) })).toEqual([]);
    expect(await said(plain(), toy(8), { batchSize: 64 })).toEqual([]);
  });

  it("that an epoch is one step", async () => {
    expect(await said(plain(), toy(70), { batchSize: 71 })).toEqual([
      "train: the batch size is 71, and there are 70 pictures: each epoch is one step; lower it, to 64 for a start",
    ]);
    expect(await said(plain(), toy(70), { batchSize: 70 })).toEqual([]);
  });

  it("that the loss takes the softmax, in any form", async () => {
    const text =
      "train: the network ends with a softmax, and the loss takes the softmax itself: it learns slowly; leave the last one out, as answers bring probabilities all the same";
    const ended = nn.sequential(nn.flatten(), nn.linear({ in: 4, out: 2 }), (x) => ops.softmax(x));
    expect(await said(ended, toy(8), {})).toEqual([text]);
  });

  it("that a warm-up never ends", async () => {
    const warm = (warmupSteps: number) => ({ schedule: { kind: "cosine", warmupSteps } as const });
    expect(await said(plain(), toy(8), warm(5))).toEqual([
      "train: the warm-up takes 5 steps, and the training has 4: the learning rate never reaches its full value; lower the warm-up",
    ]);
    expect(await said(plain(), toy(8), warm(4))).toEqual([]);
    // Of two batches an update is made.
    expect(await said(plain(), toy(8), { ...warm(3), accumulate: 2 })).toHaveLength(1);
  });

  it("that it is tested on what it learned, be it a copy", async () => {
    const text =
      "train: the test pictures are the training pictures: their accuracy says nothing about other pictures; keep some pictures apart";
    const data = toy(8);
    expect(await said(plain(), data, { test: data })).toEqual([text]);
    expect(await said(plain(), data, { test: toy(8) })).toEqual([text]);
    const other = { ...toy(8), images: toy(8).images.map((byte, i) => (i === 31 ? 0 : byte)) };
    expect(await said(plain(), data, { test: other })).toEqual([]);
  });
});

it("the command line says it, too", async () => {
  const folder = temporaryFolder();
  writePictures(folder);
  const words = [
    "train",
    "lenet5",
    "--data",
    "./digits",
    "--epochs",
    "1",
    "--batch-size",
    "1000",
    "--warmup",
    "9",
    "--no-report",
  ];
  const { stderr } = await fovea(words, folder);
  expect(stderr).toContain("fovea: the batch size is 1000, and there are 300 pictures: each epoch is one step");
  expect(stderr).toContain("fovea: the warm-up takes 9 steps, and the training has 1");
});
