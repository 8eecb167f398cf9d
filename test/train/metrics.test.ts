import { expect, it } from "vitest";
import {
  addBatch,
  classFigures,
  confusionMatrix,
  confusionText,
  figures,
  noSums,
} from "#fovea/train/evaluate/metrics.js";

it("sums losses and hits in float64, however they are cut into batches", () => {
  const loss = [0.5, 0.25, 1.25, 2];
  const hits = [1, 0, 1, 0];
  const whole = noSums();
  expect(addBatch(whole, loss, hits, 4)).toBe(true);
  const cut = noSums();
  addBatch(cut, loss, hits, 3);
  addBatch(cut, loss.slice(3), hits.slice(3), 1);
  expect(cut).toEqual(whole);
  expect(figures(whole)).toEqual({ loss: 1, accuracy: 0.5 });
});

it("counts only the batch, not what lies behind it", () => {
  const sums = noSums();
  addBatch(sums, [1, Number.NaN], [1, 7], 1);
  expect(figures(sums)).toEqual({ loss: 1, accuracy: 1 });
});

it("says when a loss is not finite", () => {
  expect(addBatch(noSums(), [1, Number.NaN], [0, 0], 2)).toBe(false);
  expect(addBatch(noSums(), [Number.POSITIVE_INFINITY], [0], 1)).toBe(false);
});

it("counts how often each class is taken for each", () => {
  const matrix = confusionMatrix([0, 0, 1, 2, 2, 2], [0, 1, 1, 2, 0, 2], 3);
  expect(matrix).toEqual([
    [1, 1, 0],
    [0, 1, 0],
    [1, 0, 2],
  ]);
  expect(confusionText(matrix, ["cat", "dog", "bird"])).toBe(
    ["         cat  dog bird", "cat        1    1    .", "dog        .    1    .", "bird       1    .    2"].join("\n"),
  );
});

it("numbers the columns where a name is longer than they are", () => {
  const text = confusionText(
    [
      [10, 0],
      [2, 7],
    ],
    ["airplane", "car"],
  );
  expect(text).toBe(["              0  1", " 0 airplane  10  .", " 1 car        2  7"].join("\n"));
});

it("tells how much of a class is found, and how much of what is said is right", () => {
  const [cat, dog, bird] = classFigures([
    [3, 1, 0],
    [1, 1, 0],
    [0, 0, 0],
  ]);
  expect(cat).toEqual({ recall: 3 / 4, precision: 3 / 4, f1: 3 / 4 });
  expect(dog).toEqual({ recall: 1 / 2, precision: 1 / 2, f1: 1 / 2 });
  expect(bird).toEqual({ recall: Number.NaN, precision: Number.NaN, f1: Number.NaN });
});
