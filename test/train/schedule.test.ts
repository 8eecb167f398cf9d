import { expect, it } from "vitest";
import { checkSchedule, cosineOfPi, learningRateAt, type Schedule } from "#fovea/train/schedule.js";

/** The rates of ten steps, five an epoch, from a rate of 1. */
const rates = (schedule: Schedule) =>
  Array.from({ length: 10 }, (_, step) => learningRateAt(schedule, 1, step, { totalSteps: 10, stepsPerEpoch: 5 }));

it("constant stays", () => {
  expect(rates({ kind: "constant" })).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
});

it("a warm-up rises in equal steps and reaches the full rate at its last", () => {
  expect(rates({ kind: "constant", warmupSteps: 4 })).toEqual([0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1, 1]);
});

it("step falls at the beginning of each milestone's epoch", () => {
  expect(rates({ kind: "step", milestones: [1], gamma: 0.5 })).toEqual([1, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5]);
  expect(rates({ kind: "step", milestones: [1, 2] })[9]).toBe(0.1);
  expect(
    learningRateAt({ kind: "step", milestones: [1, 2], gamma: 0.5 }, 8, 10, { totalSteps: 20, stepsPerEpoch: 5 }),
  ).toBe(2);
});

it("cosine falls along half a cosine to its final part", () => {
  const cosine = rates({ kind: "cosine" });
  expect(cosine[0]).toBe(1);
  expect(cosine[5]).toBeCloseTo(0.5, 15);
  expect(cosine[9]).toBeCloseTo(0.024471741852423234, 15); // (1 + cos(0.9 pi)) / 2
  expect(rates({ kind: "cosine", final: 0.5 })[5]).toBeCloseTo(0.75, 15);
  // after the warm-up it has the rest of the steps to itself
  const warm = rates({ kind: "cosine", warmupSteps: 2 });
  expect(warm.slice(0, 3)).toEqual([0.5, 1, 1]);
  expect(warm[6]).toBeCloseTo(0.5, 15);
});

it("the cosine is right to 1e-15 without asking the engine for one", () => {
  for (let i = 0; i <= 100; i++)
    expect(Math.abs(cosineOfPi(i / 100) - Math.cos((Math.PI * i) / 100))).toBeLessThan(1e-15);
  expect([cosineOfPi(0), cosineOfPi(1)]).toEqual([1, -1]);
});

it("refuses what makes no sense, naming it", () => {
  const refused = (schedule: Schedule, text: string) => expect(() => checkSchedule(schedule)).toThrow(text);
  refused({ kind: "constant", warmupSteps: -1 }, "warmupSteps is -1, expected a whole number of at least 0");
  refused({ kind: "step", milestones: [3, 2] }, "milestones are 3, 2, expected rising whole epochs above 0");
  refused({ kind: "step", milestones: [1], gamma: 0 }, "gamma is 0, expected a number above 0");
  refused({ kind: "cosine", final: 2 }, "final is 2, expected a part of the learning rate from 0 to 1");
});
