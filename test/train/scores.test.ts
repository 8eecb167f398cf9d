/** Top-5, calibration and the area under the ROC curve, by hand and through `evaluate`. */
import { expect, it } from "vitest";
import { untrained } from "#fovea/model/trained-model.js";
import { create } from "#fovea/models/index.js";
import { classFigures, macroFigures } from "#fovea/train/evaluate/metrics.js";
import { Scores } from "#fovea/train/evaluate/scores.js";
import { evaluate } from "#fovea/train/train.js";
import { toy, toyNetwork } from "../support/toy.js";

it("bins pictures by the probability of their likeliest class", () => {
  const scores = new Scores(4);
  // Probabilities of the likeliest class and whether it is right: 0.7 yes, 0.7 no, 0.9 yes, 1 yes.
  scores.add([0.1, 0.7, 0.1, 0.1], 0, 1, false);
  scores.add([0.7, 0.1, 0.1, 0.1], 0, 2, false);
  scores.add([9, 0.05, 0.9, 0.05, 0], 1, 1, false);
  scores.add([0, 0, 0, 1], 0, 3, false);
  const { calibration, top5, rocAuc } = scores.figures();
  const taken = calibration.bins.filter(({ samples }) => samples > 0);
  expect(taken.map(({ samples, accuracy }) => [samples, accuracy])).toEqual([
    [2, 0.5],
    [1, 1],
    [1, 1],
  ]);
  expect(taken.map(({ confidence }) => confidence)).toEqual([0.7, 0.9, 1]);
  // (2 x 0.2 + 1 x 0.1 + 0) / 4
  expect(calibration.error).toBeCloseTo(0.125, 12);
  expect(calibration.largest).toBeCloseTo(0.2, 12);
  expect([top5, rocAuc]).toEqual([1, undefined]);
});

it("takes the softmax of logits, however large, and counts the five likeliest", () => {
  const scores = new Scores(6);
  scores.add([1000, 0, 0, 0, 0, -1000], 0, 0, true);
  scores.add([5, 4, 3, 2, 1, 0], 0, 5, true);
  const { calibration, top5 } = scores.figures();
  expect(top5).toBe(0.5);
  const sum = [0, 1, 2, 3, 4, 5].reduce((total, k) => total + Math.exp(-k), 0);
  const confidences = calibration.bins.filter(({ samples }) => samples > 0).map(({ confidence }) => confidence);
  expect(confidences[0]).toBeCloseTo(1 / sum, 12);
  expect(confidences[1]).toBe(1);
});

it("tells by the area under the ROC curve how two classes are ranked, ties by half", () => {
  const areaOf = (pairs: readonly (readonly [score: number, label: number])[]) => {
    const scores = new Scores(2);
    for (const [score, label] of pairs) scores.add([1 - score, score], 0, label, false);
    return scores.figures().rocAuc;
  };
  // The pairs of a 1 and a 0: 0.35 > 0.1, 0.35 < 0.4, 0.8 > 0.1, 0.8 > 0.4
  expect(
    areaOf([
      [0.1, 0],
      [0.4, 0],
      [0.35, 1],
      [0.8, 1],
    ]),
  ).toBe(0.75);
  expect(
    areaOf([
      [0.5, 0],
      [0.5, 1],
    ]),
  ).toBe(0.5);
  expect(
    areaOf([
      [0.5, 0],
      [0.5, 1],
      [0.5, 1],
      [0.9, 1],
    ]),
  ).toBeCloseTo((0.5 + 0.5 + 1) / 3, 12);
  expect(
    areaOf([
      [0.2, 1],
      [0.6, 1],
    ]),
  ).toBeNaN();
  expect(
    areaOf([
      [Number.NaN, 1],
      [0.6, 0],
    ]),
  ).toBeNaN();
});

it("gives F1 and means over the classes that have pictures", () => {
  const matrix = [
    [3, 1, 0],
    [1, 1, 0],
    [0, 0, 0],
  ];
  expect(classFigures(matrix)[0]).toEqual({ recall: 0.75, precision: 0.75, f1: 0.75 });
  expect(classFigures(matrix)[1]).toEqual({ recall: 0.5, precision: 0.5, f1: 0.5 });
  expect(classFigures(matrix)[2]!.recall).toBeNaN();
  expect(macroFigures(matrix)).toEqual({ recall: 0.625, precision: 0.625, f1: 0.625 });
  // Never predicted: found never, and so right never.
  expect(
    macroFigures([
      [2, 0],
      [2, 0],
    ]),
  ).toEqual({ recall: 0.5, precision: 0.25, f1: (2 * 2) / (2 + 4) / 2 });
});

it("comes with evaluate, by its own pictures and by views", async () => {
  const data = toy({ length: 40 });
  const model = untrained(toyNetwork(), { data });
  const plain = await evaluate(model, data, { note: () => {} });
  expect([plain.calibration, plain.top5, plain.rocAuc]).toEqual([undefined, undefined, undefined]);
  for (const views of ["none", "flip"] as const) {
    const found = await evaluate(model, data, {
      calibration: true,
      top5: true,
      testTimeAugmentation: views,
      note: () => {},
    });
    const { bins } = found.calibration!;
    expect(bins.reduce((sum, { samples }) => sum + samples, 0)).toBe(40);
    const right = bins.reduce((sum, { samples, accuracy }) => sum + (samples > 0 ? samples * accuracy : 0), 0);
    expect(right / 40).toBeCloseTo(found.accuracy, 12);
    expect(found.top5).toBe(1);
  }
  // Its own loss gives no probabilities.
  const old = untrained(create("lenet5-1998"), { data: toy({ length: 4, shape: [28, 28, 1], classes: 10 }) });
  const { calibration } = await evaluate(old, toy({ length: 4, shape: [28, 28, 1], classes: 10 }), {
    calibration: true,
    note: () => {},
  });
  expect(calibration).toBeUndefined();
});
