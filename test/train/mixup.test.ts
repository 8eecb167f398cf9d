/** Mixup: the draws, the mixing, the loss against float64, and a training with it. */
import { describe, expect, it } from "vitest";
import { Random } from "#fovea/base/random.js";
import { compileEntry } from "#fovea/compiler/compile.js";
import { CpuDevice } from "#fovea/devices/cpu/cpu-device.js";
import { evaluate } from "#fovea/graph/evaluate.js";
import { nn } from "#fovea/index.js";
import { create } from "#fovea/models/index.js";
import { sgd } from "#fovea/train/optimizers/sgd.js";
import { trainingEntries } from "#fovea/train/step.js";
import { beta, drawMixture, mix, mixInto } from "#fovea/train/techniques/mixup.js";
import { Trainer } from "#fovea/train/trainer.js";
import { pictures } from "../support/pictures.js";

describe("a mixture", () => {
  it("is a function of seed, epoch and batch, and its share is the larger one", () => {
    const draw = (seed: number, epoch: number, batch: number) => drawMixture(0.4, seed, epoch, batch, 16);
    expect(draw(1, 2, 3)).toEqual(draw(1, 2, 3));
    const shares = [draw(1, 2, 3), draw(2, 2, 3), draw(1, 3, 3), draw(1, 2, 4)].map(({ share }) => share);
    expect(new Set(shares).size).toBe(4);
    for (let batch = 0; batch < 200; batch++) {
      const { share, partner } = draw(7, 0, batch);
      expect(share).toBeGreaterThanOrEqual(0.5);
      expect(share).toBeLessThanOrEqual(1);
      expect([...partner].sort((a, b) => a - b)).toEqual(Array.from({ length: 16 }, (_, i) => i));
    }
  });

  it.each([0.1, 0.2, 1, 4])("has shares from Beta(%f, same)", (alpha) => {
    const random = new Random(3);
    const values = Array.from({ length: 6000 }, () => beta(random, alpha));
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const variance = values.reduce((a, b) => a + (b - 0.5) ** 2, 0) / values.length;
    expect(mean).toBeCloseTo(0.5, 1);
    // 1 / (4 (2 alpha + 1)).
    expect(variance * 4 * (2 * alpha + 1)).toBeCloseTo(1, 1);
    for (const value of values) expect(value >= 0 && value <= 1).toBe(true);
  });

  it("mixes along every cycle: by hand", () => {
    // 0 with 2, 2 with 1, 1 with 0; 3 with itself; 4 and 5 with each other.
    const partner = Uint32Array.of(2, 0, 1, 3, 5, 4);
    const numbers = Float32Array.of(0, 10, 100, 110, 200, 210, 300, 310, 400, 410, 500, 510);
    mix(numbers, 2, { share: 0.75, partner });
    expect([...numbers]).toEqual([50, 60, 75, 85, 175, 185, 300, 310, 425, 435, 475, 485]);
  });
});

const network = () => nn.sequential(nn.flatten(), nn.linear({ in: 4, out: 3 }));
const INPUT = [2, 2, 1];

it("the loss of a step is the mixture of both losses, and its gradient too: the compiled step against float64", async () => {
  const { step, traced } = trainingEntries(network(), INPUT, sgd({ lr: 0.5 }), { mixup: 0.2 });
  const plain = trainingEntries(network(), INPUT, sgd({ lr: 0.5 }));
  const random = new Random(1);
  const numbers = (count: number) => Float32Array.from({ length: count }, () => random.normal());
  const weights: Record<string, Float32Array> = {};
  const states = Object.fromEntries(
    traced.graph.states.map((state) => {
      const data = numbers(state.shape.reduce((a, b) => a * b, 1));
      weights[state.attributes.name] = data;
      return [state.attributes.name, { shape: state.shape, data: Float64Array.from(data) }];
    }),
  );
  const images = numbers(12);
  const [labels, others, shares] = [
    [0, 1, 2],
    [2, 0, 1],
    [0.75, 0.5, 1],
  ];
  const tensor = (data: readonly number[], shape: readonly number[]) => ({ shape, data: Float64Array.from(data) });
  const input = tensor([...images], [3, 2, 2, 1]);
  const one = (entry: typeof step, given: readonly number[], extra: Record<string, ReturnType<typeof tensor>> = {}) =>
    evaluate(
      [entry.outputs["loss"]!, ...entry.assigns.map((assign) => assign.value)],
      {
        inputs: {
          input,
          labels: tensor(given, [3]),
          learningRate: tensor([0.5], []),
          share: tensor([1], []),
          ...extra,
        },
        states,
      },
      3,
    ).map(({ data }) => [...data]);
  const [mixedLoss, ...mixedUpdates] = one(step, labels, {
    otherLabels: tensor(others, [3]),
    mix: tensor(shares, [3]),
  });
  const [lossA] = one(plain.step, labels);
  const [lossB] = one(plain.step, others);
  const expected = shares.map((share, i) => share * lossA![i]! + (1 - share) * lossB![i]!);
  for (const [i, loss] of expected.entries()) expect(mixedLoss![i]).toBeCloseTo(loss, 10);

  const session = await CpuDevice.create({ threads: 1, note: () => {} });
  try {
    const { target } = session;
    const loaded = await session.load(compileEntry(step, { target, maxBatch: 3 }));
    for (const { state } of step.assigns) {
      await session.writeState(state.attributes.name, weights[state.attributes.name]!);
    }
    const slot = await loaded.acquire();
    const given: Record<string, readonly number[] | Float32Array> = {
      input: images,
      labels,
      otherLabels: others,
      mix: shares,
      learningRate: [0.5],
    };
    for (const { name } of loaded.program.inputs) slot.fill(name, given[name]!);
    await slot.run(3);
    const loss = slot.output("loss");
    for (const [i, value] of expected.entries()) expect(loss[i]).toBeCloseTo(value, 5);
    for (const [i, { state }] of step.assigns.entries()) {
      const found = await session.readState(state.attributes.name);
      for (const [j, value] of mixedUpdates[i]!.entries()) expect(found[j]).toBeCloseTo(value, 5);
    }
  } finally {
    await session.close();
  }
});

it("a batch is mixed before it is handed over, and counts for the heavier label", async () => {
  const session = await CpuDevice.create({ threads: 1, note: () => {} });
  try {
    const { step } = trainingEntries(network(), INPUT, sgd({ lr: 0 }), { mixup: 1 });
    const loaded = await session.load(compileEntry(step, { target: session.target, maxBatch: 2 }));
    const slot = await loaded.acquire();
    const { numbers, stride: apart, done } = slot.samples("input", 2);
    const images = numbers as Float32Array;
    images.fill(8, apart, apart + 4);
    const labels = Int32Array.of(1, 2);
    slot.fill("labels", labels);
    mixInto(slot, { images, stride: apart, labels }, { share: 0.75, partner: Uint32Array.of(1, 0) });
    done();
    const stride = loaded.program.inputs.find(({ name }) => name === "input")!.layout.sampleStride;
    const pictures = slot.input("input");
    expect([...pictures.subarray(0, 4), ...pictures.subarray(stride, stride + 4)]).toEqual([2, 2, 2, 2, 6, 6, 6, 6]);
    expect([...slot.input("labels").subarray(0, 2)]).toEqual([1, 2]);
    expect([...slot.input("otherLabels").subarray(0, 2)]).toEqual([2, 1]);
    expect([...slot.input("mix").subarray(0, 2)]).toEqual([0.75, 0.75]);
  } finally {
    await session.close();
  }
});

it("trains with it, augmented, to the same bits on one thread and two, and where it was stopped", async () => {
  const data = pictures(200);
  const run = async (threads: number, stopAt?: number) => {
    const session = await CpuDevice.create({ threads, note: () => {} });
    try {
      const model = create("lenet5");
      const { module, input } = model;
      const options = {
        epochs: 2,
        batchSize: 32,
        optimizer: sgd({ lr: 0.05, momentum: 0.9 }),
        schedule: { kind: "constant" },
        seed: 3,
        mixup: 0.3,
        augment: [{ kind: "padCrop", padding: 1, mode: "zero" }],
        testTimeAugmentation: "shift",
      } as const;
      const trainer = await Trainer.create(session, module, input, { train: data, test: pictures(40, 2) }, options);
      if (stopAt !== undefined) {
        await trainer.run({ shouldStop: () => trainer.state.step >= stopAt });
        expect(trainer.state.step).toBeLessThan(14);
        trainer.restore(trainer.state);
      }
      await trainer.run();
      const { history } = trainer.state;
      return { weights: [...(await trainer.weights()).values()].map(({ data }) => [...data]), history };
    } finally {
      await session.close();
    }
  };
  const [one, two, stopped] = [await run(1), await run(2), await run(2, 5)];
  expect(two.weights).toEqual(one.weights);
  expect(stopped.weights).toEqual(one.weights);
  expect(one.history[1]!.train.loss).toBeLessThan(one.history[0]!.train.loss);
  expect(two.history.map(({ test }) => test)).toEqual(one.history.map(({ test }) => test));
});
