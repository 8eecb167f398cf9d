import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import type { MeasuredEpoch, PlateauSchedule } from "#fovea/train/schedules/plateau.js";
import { checkSchedule, learningRateAt, type Schedule } from "#fovea/train/schedules/schedule.js";

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

it("refuses what makes no sense, naming it", () => {
  const refused = (schedule: Schedule, text: string) => expect(() => checkSchedule(schedule)).toThrow(text);
  refused({ kind: "constant", warmupSteps: -1 }, "warmupSteps is -1, expected a whole number of at least 0");
  refused({ kind: "step", milestones: [3, 2] }, "milestones are 3, 2, expected rising whole epochs above 0");
  refused({ kind: "step", milestones: [1], gamma: 0 }, "gamma is 0, expected a number above 0");
  refused({ kind: "cosine", final: 2 }, "final is 2, expected a part of the learning rate from 0 to 1");
});

// PyTorch 2: OneCycleLR(max_lr=1, total_steps=10), and (total_steps=8, pct_start=.5, anneal_strategy="linear", div_factor=10, final_div_factor=5).
const ONE_CYCLE = [
  0.04, 0.52, 1, 0.9504846320134737, 0.8117456539497631, 0.6112620219362893, 0.38874197806371075, 0.18825834605023697,
  0.049519367986526286, 4e-6,
];

it("one-cycle rises and falls as PyTorch's does", () => {
  for (const [i, rate] of rates({ kind: "one-cycle" }).entries()) expect(rate).toBeCloseTo(ONE_CYCLE[i]!, 14);
  const linear: Schedule = { kind: "one-cycle", rise: 0.5, initial: 0.1, final: 0.02, shape: "linear" };
  const eight = Array.from({ length: 8 }, (_, i) => learningRateAt(linear, 1, i, { totalSteps: 8, stepsPerEpoch: 4 }));
  for (const [i, rate] of [0.1, 0.4, 0.7, 1, 0.755, 0.51, 0.265, 0.02].entries())
    expect(eight[i]).toBeCloseTo(rate, 14);
  // One step, or a rise to the end, has nothing to fall in.
  expect(learningRateAt({ kind: "one-cycle" }, 3, 0, { totalSteps: 1, stepsPerEpoch: 1 })).toBe(3);
  expect(rates({ kind: "one-cycle", rise: 1 })[9]).toBe(1);
});

it("triangular goes straight up and straight down", () => {
  const triangle = rates({ kind: "triangular", rise: 0.4, initial: 0.2, final: 0.4 });
  for (const [i, rate] of [0.2, 0.4, 0.6, 0.8, 1, 0.9, 0.8, 0.7, 0.6, 0.5].entries()) {
    expect(triangle[i]).toBeCloseTo(rate, 14);
  }
  expect(rates({ kind: "triangular", rise: 0 })[0]).toBe(1);
});

it("refuses parts out of range and a warm-up beside a rise", () => {
  const refused = (schedule: unknown) => expect(() => checkSchedule(schedule as Schedule));
  refused({ kind: "one-cycle", rise: 1.5 }).toThrow(
    "schedule one-cycle: rise is 1.5, expected a part of all steps from 0 to 1",
  );
  refused({ kind: "triangular", initial: -1 }).toThrow(
    "initial is -1, expected a part of the learning rate from 0 to 1",
  );
  refused({ kind: "one-cycle", shape: "round" }).toThrow('shape is "round", expected "cosine" or "linear"');
  refused({ kind: "triangular", warmupSteps: 3 }).toThrow("has a rise of its own; leave the warm-up out");
});

interface Fixture {
  readonly stepsPerEpoch: number;
  readonly cases: readonly { readonly schedule: Schedule; readonly rates: readonly number[] }[];
  readonly plateaus: readonly {
    readonly schedule: PlateauSchedule;
    readonly losses?: readonly number[];
    readonly accuracies?: readonly number[];
    readonly rates: readonly number[];
  }[];
}

const fixture = JSON.parse(readFileSync(new URL("../fixtures/schedules.json", import.meta.url), "utf8")) as Fixture;

it.each(fixture.cases)("$schedule is PyTorch's", ({ schedule, rates: expected }) => {
  const extent = { totalSteps: expected.length, stepsPerEpoch: fixture.stepsPerEpoch };
  for (const [step, rate] of expected.entries())
    expect(Math.abs(learningRateAt(schedule, 1, step, extent) - rate)).toBeLessThan(1e-12);
});

it.each(fixture.plateaus)(
  "$schedule falls where PyTorch's does",
  ({ schedule, losses, accuracies, rates: expected }) => {
    const history: MeasuredEpoch[] = expected.map((_, i) => ({
      test: { loss: losses?.[i] ?? 1, accuracy: accuracies?.[i] ?? 0 },
    }));
    for (const [epoch, rate] of expected.entries()) {
      const extent = { totalSteps: 1000, stepsPerEpoch: 10, history: history.slice(0, epoch) };
      expect(learningRateAt(schedule, 2, 10 * epoch + 3, extent)).toBeCloseTo(2 * rate, 12);
    }
  },
);

it("a plateau is told by validation pictures before test pictures, and by nothing in epochs that were not measured", () => {
  const schedule: PlateauSchedule = { kind: "plateau", patience: 0, factor: 0.5 };
  const at = (history: readonly MeasuredEpoch[]) =>
    learningRateAt(schedule, 1, 0, { totalSteps: 1, stepsPerEpoch: 1, history });
  const [better, worse] = [
    { loss: 1, accuracy: 0 },
    { loss: 2, accuracy: 0 },
  ];
  expect(
    at([
      { val: better, test: worse },
      { val: worse, test: better },
    ]),
  ).toBe(0.5);
  expect(
    at([
      { val: worse, test: better },
      { val: better, test: worse },
    ]),
  ).toBe(1);
  expect(at([{}, {}, { test: better }])).toBe(1);
  expect(at([])).toBe(1);
});

it("refuses hyper-parameters of the falling schedules out of range", () => {
  const refused = (schedule: object, text: string) => expect(() => checkSchedule(schedule as Schedule)).toThrow(text);
  refused({ kind: "exponential" }, "schedule exponential: gamma is missing");
  refused({ kind: "polynomial", power: 0 }, "schedule polynomial: power is 0, expected a number above 0");
  refused({ kind: "warm-restarts", period: 0 }, "period is 0, expected a whole number of at least 1");
  refused({ kind: "plateau", factor: 1 }, "factor is 1, expected a number above 0, up to less than 1");
  refused({ kind: "plateau", watch: "f1" }, 'watch is "f1", expected "miou", "accuracy", "loss"');
  refused({ kind: "plateou" }, 'did you mean "plateau"?');
});
