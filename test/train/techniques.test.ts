/** What training does besides following the slope, each held to arithmetic worked out beside it. */
import { describe, expect, it } from "vitest";
import { OptionError } from "#fovea/base/errors.js";
import { compileEntry } from "#fovea/compiler/compile.js";
import { CpuDevice } from "#fovea/devices/cpu/cpu-device.js";
import { createClassifier } from "#fovea/model/classifier.js";
import { initialWeights, type Weights } from "#fovea/model/weights/weights.js";
import * as models from "#fovea/models/index.js";
import * as nn from "#fovea/nn/index.js";
import { AVX512 } from "#fovea/target/targets.js";
import { adamw } from "#fovea/train/optimizers/adam.js";
import { sgd } from "#fovea/train/optimizers/sgd.js";
import { trainingEntries } from "#fovea/train/step.js";
import type { TrainingTechniques } from "#fovea/train/techniques/techniques.js";
import { evaluate, type TrainOptions, train } from "#fovea/train/train.js";
import { Trainer } from "#fovea/train/trainer.js";
import { pictures } from "../support/pictures.js";

const quiet = { threads: 2, note: () => {} };
const learn = pictures(100, 1);
const test = pictures(40, 2);

const network = () =>
  nn.sequential({
    conv: nn.conv2d({ in: 1, out: 4, kernel: 5, stride: 4 }),
    norm: nn.batchNorm2d({ channels: 4 }),
    relu: nn.relu(),
    flatten: nn.flatten(),
    fc: nn.linear({ in: 144, out: 10 }),
  });

/** One step on all pictures at once, at rate 0.5 unless said. */
const once = (options: Partial<TrainOptions> = {}) =>
  train(network(), learn, {
    ...quiet,
    epochs: 1,
    batchSize: 100,
    schedule: { kind: "constant" },
    optimizer: sgd({ lr: 0.5 }),
    ...options,
  });

const start = initialWeights(network(), 0);
/** How far each number of a weight has moved. */
const moved = (weights: Weights, name: string) =>
  [...weights.get(name)!.data].map((x, i) => x - start.get(name)!.data[i]!);
const near = (found: readonly number[], expected: readonly number[], tolerance: number) => {
  expect(found.length).toBe(expected.length);
  const worst = Math.max(...found.map((x, i) => Math.abs(x - expected[i]!)));
  expect(worst).toBeLessThan(tolerance * Math.max(...expected.map(Math.abs)) + 5e-7);
};

describe("groups", () => {
  it("have rates and decays of their own, the later over the earlier", async () => {
    const plain = (await once()).model.weights;
    const { weights } = (
      await once({
        optimizer: sgd({ lr: 0.5, weightDecay: 0.125 }),
        noDecay: "norms-and-biases",
        groups: [
          { match: "bias$", lr: 64 },
          { match: "^fc", lr: 2, weightDecay: 0.25 },
          { match: "fc.bias", weightDecay: 0 },
        ],
      })
    ).model;
    const times = (name: string, factor: number, decay: number) =>
      near(
        moved(weights, name),
        moved(plain, name).map((d, i) => factor * d - 0.5 * factor * decay * start.get(name)!.data[i]!),
        1e-4,
      );
    times("conv.weight", 1, 0.125);
    times("conv.bias", 64, 0);
    times("norm.weight", 1, 0);
    times("norm.bias", 64, 0);
    times("fc.weight", 2, 0.25);
    times("fc.bias", 2, 0);
  });

  it("cost no step, and decay nothing where it is taken off", () => {
    const steps = (techniques: TrainingTechniques) => {
      const { module, input } = models.create("resnet20");
      const { step } = trainingEntries(module, input, sgd({ lr: 1, momentum: 0.9, weightDecay: 0.1 }), techniques);
      return compileEntry(step, { target: AVX512, maxBatch: 8 }).steps.length;
    };
    expect(steps({ groups: [{ match: "bias$", lr: 64, weightDecay: 0 }], noDecay: "norms-and-biases" })).toBe(
      steps({}),
    );
  });
});

describe("freezing", () => {
  const frozen = ["^conv|^norm"];

  it("keeps what it names, running statistics too, and moves the rest", async () => {
    const run = await once({ freeze: frozen, epochs: 2, batchSize: 32 });
    for (const name of [
      "conv.weight",
      "conv.bias",
      "norm.weight",
      "norm.bias",
      "norm.running_mean",
      "norm.running_var",
    ]) {
      expect(run.model.weights.get(name)).toEqual(start.get(name));
    }
    expect(run.model.weights.get("fc.bias")).not.toEqual(start.get("fc.bias"));
    // With running statistics (mean 0, variance 1) the network trains as it predicts: at rate 0 the losses are equal.
    const still = await once({ freeze: frozen, optimizer: sgd({ lr: 0 }), test: learn });
    expect(still.history[0]!.train.loss).toBeCloseTo(still.history[0]!.test!.loss, 5);
    const batch = await once({ freeze: frozen, frozenNorms: "batch", optimizer: sgd({ lr: 0 }), test: learn });
    expect(Math.abs(batch.history[0]!.train.loss - batch.history[0]!.test!.loss)).toBeGreaterThan(0.01);
    expect(batch.model.weights.get("norm.running_mean")).not.toEqual(start.get("norm.running_mean"));
  });

  it("ends the backward pass early, and keeps no optimiser state", () => {
    const { module, input } = models.create("resnet20");
    const plan = (freeze: string[]) =>
      compileEntry(trainingEntries(module, input, adamw(), { freeze }).step, { target: AVX512, maxBatch: 8 });
    const [whole, half, head] = [plan([]), plan(["^conv1|^bn1|layer[12]"]), plan(["conv|bn"])];
    const kept = (program: typeof whole) =>
      program.states.filter(({ kind }) => kind === "optimizer").map((s) => s.name);
    expect(kept(head)).toEqual([
      "linear.weight.firstMoment",
      "linear.weight.secondMoment",
      "linear.bias.firstMoment",
      "linear.bias.secondMoment",
    ]);
    expect(kept(half).every((name) => /^(layer3|linear)\./.test(name))).toBe(true);
    const backward = (program: typeof whole) =>
      program.steps.filter(({ label }) => /conv2d(Weight|Input)Grad/.test(label));
    expect(backward(whole).length).toBeGreaterThan(30);
    expect(backward(half).every(({ label }) => label.startsWith("layer3."))).toBe(true);
    expect(backward(head)).toEqual([]);
    expect(head.steps.length).toBeLessThan(0.3 * whole.steps.length);
    expect(half.bytes.scratch).toBeLessThan(0.8 * whole.bytes.scratch);
    expect(head.bytes.scratch).toBeLessThan(0.4 * whole.bytes.scratch);
    expect(head.bytes.store).toBeLessThan(0.5 * whole.bytes.store);
  });
});

describe("clipping", () => {
  it("scales all gradients to the norm, and leaves shorter ones as they are", async () => {
    const plain = (await once()).model.weights;
    const trained = ["conv.weight", "conv.bias", "norm.weight", "norm.bias", "fc.weight", "fc.bias"];
    const norm = Math.sqrt(trained.flatMap((name) => moved(plain, name)).reduce((sum, d) => sum + (d / 0.5) ** 2, 0));
    const clipped = await once({ clipNorm: norm / 8 });
    for (const name of trained)
      near(
        moved(clipped.model.weights, name),
        moved(plain, name).map((d) => d / 8),
        1e-4,
      );
    expect(clipped.history[0]!.gradientNorm!.mean).toBeCloseTo(norm, 3);
    expect(clipped.history[0]!.gradientNorm!.largest).toBe(clipped.history[0]!.gradientNorm!.mean);
    expect((await once({ clipNorm: 100 * norm })).model.weights).toEqual(plain);
  });

  it("takes no more memory for the norm that is handed back", () => {
    const { module, input } = models.create("resnet20");
    const bytes = (techniques: TrainingTechniques) =>
      compileEntry(trainingEntries(module, input, sgd({ lr: 1 }), techniques).step, { target: AVX512, maxBatch: 32 })
        .bytes.scratch;
    expect(bytes({ clipNorm: 1 })).toBeLessThan(1.02 * bytes({}));
  });

  it("limits each number to the value, and leaves smaller ones as they are", async () => {
    const plain = (await once()).model.weights;
    const { weights } = (await once({ clipValue: 0.01 })).model;
    let limited = 0;
    for (const [name, { data }] of plain) {
      if (name.includes("running")) continue;
      for (const [i, d] of moved(plain, name).entries()) {
        if (Math.abs(d) > 0.5 * 0.0101) {
          limited++;
          expect(moved(weights, name)[i]).toBeCloseTo(Math.sign(d) * 0.005, 7);
        } else if (Math.abs(d) < 0.5 * 0.0099) expect(weights.get(name)!.data[i]).toBe(data[i]);
      }
    }
    expect(limited).toBeGreaterThan(10);
  });
});

describe("accumulation", () => {
  const plain = () =>
    nn.sequential({
      conv: nn.conv2d({ in: 1, out: 4, kernel: 5, stride: 4 }),
      act: nn.tanh(),
      flatten: nn.flatten(),
      fc: nn.linear({ in: 144, out: 10 }),
    });
  const options: TrainOptions = {
    ...quiet,
    test,
    epochs: 2,
    optimizer: adamw({ lr: 0.01 }),
    schedule: { kind: "one-cycle" },
  };

  it.each([
    [8, 4], // 13 batches, the last of 4 pictures: groups of 4, 4, 4 and 1
    [7, 5], // 15 batches, the last of 2
  ])("of %i pictures, %i times, is a batch of all of them", async (batchSize, accumulate) => {
    const whole = await train(plain(), learn, { ...options, batchSize: batchSize * accumulate, clipNorm: 0.1 });
    const parts = await train(plain(), learn, { ...options, batchSize, accumulate, clipNorm: 0.1 });
    for (const [name, { data }] of whole.model.weights) near([...parts.model.weights.get(name)!.data], [...data], 2e-5);
    for (const [i, record] of whole.history.entries()) {
      const { train: figures, test: tested, learningRate, gradientNorm } = parts.history[i]!;
      expect(figures.loss).toBeCloseTo(record.train.loss, 4);
      expect(tested!.loss).toBeCloseTo(record.test!.loss, 4);
      expect(learningRate).toBe(record.learningRate);
      expect(gradientNorm!.mean).toBeCloseTo(record.gradientNorm!.mean, 4);
    }
  });
});

describe("averages", () => {
  /** Every state after each update: an epoch has one. */
  async function watched(average: NonNullable<TrainingTechniques["average"]>, accumulate?: number) {
    const session = await CpuDevice.create(quiet);
    try {
      const trainer = await Trainer.create(
        session,
        network(),
        learn.shape,
        { train: learn, test },
        {
          epochs: 8,
          batchSize: accumulate === undefined ? 100 : 50,
          optimizer: sgd({ lr: 0.1, momentum: 0.9 }),
          schedule: { kind: "constant" },
          seed: 0,
          average,
          accumulate,
        },
      );
      const names = session.states().map(({ name }) => name);
      const read = async () =>
        new Map(await Promise.all(names.map(async (name) => [name, await session.readState(name)] as const)));
      const states = [await read()];
      await trainer.run({
        async epoch() {
          states.push(await read());
        },
      });
      return { states, evaluation: await trainer.evaluate(test), weights: await trainer.weights() };
    } finally {
      await session.close();
    }
  }
  type States = Awaited<ReturnType<typeof watched>>["states"];

  function follows(states: States, average: (before: number, weight: number, update: number) => number): void {
    for (const name of ["fc.weight", "norm.bias", "norm.running_var"]) {
      expect([...states[0]!.get(`${name}.average`)!]).toEqual([...start.get(name)!.data]);
      for (let step = 1; step < states.length; step++) {
        const [before, after] = [states[step - 1]!.get(`${name}.average`)!, states[step]!.get(`${name}.average`)!];
        const weights = states[step]!.get(name)!;
        const expected = [...before].map((x, i) => average(x, weights[i]!, step));
        near([...after], expected, 1e-6);
      }
    }
  }

  it("follow the weights, and are what is measured and kept", async () => {
    const { states, evaluation, weights } = await watched({ kind: "ema", decay: 0.75 });
    expect(states).toHaveLength(9);
    follows(states, (before, weight) => 0.75 * before + 0.25 * weight);
    for (const [name, { data }] of weights) expect(data).toEqual(states[8]!.get(`${name}.average`));
    const model = { module: network(), input: learn.shape, classes: learn.classes, scaling: learn, weights };
    expect((await evaluate(model, test, quiet)).loss).toBe(evaluation.loss);
    const last = new Map(
      [...weights].map(([name, { shape }]) => [name, { shape, data: states[8]!.get(name) as Float32Array }]),
    );
    expect((await evaluate({ ...model, weights: last }, test, quiet)).loss).not.toBe(evaluation.loss);
  });

  it("forget the start sooner with a warm-up", async () => {
    const { states } = await watched({ kind: "ema", decay: 0.25, warmup: true });
    // (1 + 1) / (10 + 1) = 0.18, (1 + 2) / (10 + 2) = 0.25
    follows(states, (before, weight, update) => {
      const decay = update === 1 ? 2 / 11 : 0.25;
      return decay * before + (1 - decay) * weight;
    });
  });

  it("move once an update where gradients are accumulated", async () => {
    const { states } = await watched({ kind: "ema", decay: 0.75 }, 2);
    follows(states, (before, weight) => 0.75 * before + 0.25 * weight);
  });

  it("of lookahead are where the weights go on from", async () => {
    const { states } = await watched({ kind: "lookahead", every: 3, decay: 0.75, ramp: 1 });
    const of = (name: string, step: number) => [...states[step]!.get(name)!];
    for (const name of ["fc.weight", "norm.running_mean"]) {
      expect(of(`${name}.average`, 2)).toEqual(of(`${name}.average`, 0));
      near(of(name, 3), of(`${name}.average`, 3), 1e-6);
      expect(of(`${name}.average`, 5)).toEqual(of(`${name}.average`, 3));
      expect(of(name, 4)).not.toEqual(of(`${name}.average`, 4));
      near(of(name, 6), of(`${name}.average`, 6), 1e-6);
    }
  });
});

it("label smoothing is in the training loss alone: worked from the logits", async () => {
  const module = nn.sequential({ flatten: nn.flatten(), fc: nn.linear({ in: 784, out: 10 }) });
  const run = await train(module, learn, {
    ...quiet,
    epochs: 1,
    optimizer: sgd({ lr: 0 }),
    test: learn,
    labelSmoothing: 0.3,
  });
  const classify = await createClassifier(run.model, { ...quiet, batch: 50 });
  const size = 784;
  const all = await classify.all(Array.from({ length: 100 }, (_, i) => learn.images.slice(size * i, size * (i + 1))));
  await classify.close();
  const logs = all.map(({ probabilities }) => [...probabilities].map(Math.log));
  const mean = (of: (row: number[], label: number) => number) =>
    logs.reduce((sum, row, i) => sum + of(row, learn.labels[i]!), 0) / 100;
  const plain = mean((row, label) => -row[label]!);
  const spread = mean((row) => -row.reduce((a, b) => a + b) / 10);
  expect(run.history[0]!.train.loss).toBeCloseTo(0.7 * plain + 0.3 * spread, 4);
  expect(run.history[0]!.test!.loss).toBeCloseTo(plain, 4);
});

describe("patience", () => {
  // What is learned soon makes the loss on these worse.
  const wrong = { ...test, labels: test.labels.map((label) => (label + 3) % 10) };
  const options: TrainOptions = {
    ...quiet,
    test: wrong,
    epochs: 12,
    batchSize: 20,
    optimizer: sgd({ lr: 0.3 }),
    schedule: { kind: "constant" },
  };

  it("stops when the test pictures get no better, and keeps the best epoch", async () => {
    const run = await train(network(), learn, { ...options, patience: 2, watch: "loss" });
    const losses = run.history.map((record) => record.test!.loss);
    const best = losses.indexOf(Math.min(...losses)) + 1;
    expect([run.stoppedEarly, run.completed, run.best!.epoch]).toEqual([losses.length < 12, true, best]);
    expect(run.stoppedEarly).toBe(true);
    expect(losses).toHaveLength(best + 2);
    expect((await evaluate(run.best!.model, wrong, quiet)).loss).toBe(Math.min(...losses));
    expect((await evaluate(run.model, wrong, quiet)).loss).toBe(losses.at(-1));
  });

  it("tells of equal accuracies the one of less loss, of equals the first", async () => {
    const { bestEpoch, isExhausted } = await import("#fovea/train/evaluate/best-epoch.js");
    const history = [
      [0.5, 3],
      [0.7, 2],
      [0.7, 1],
      [0.7, 1],
      [0.6, 0.5],
    ].map(([accuracy, loss], i) => ({ epoch: i + 1, test: { accuracy: accuracy!, loss: loss! } }));
    expect([bestEpoch(history)?.epoch, bestEpoch(history, "loss")?.epoch, bestEpoch([{ epoch: 1 }])]).toEqual([
      3,
      5,
      undefined,
    ]);
    expect([
      isExhausted(history, 3),
      isExhausted(history, 2),
      isExhausted(history, undefined),
      isExhausted([], 1),
    ]).toEqual([false, true, false, false]);
  });
});

describe("what cannot be", () => {
  const refusal = (options: Partial<TrainOptions>, module: nn.Module = network()) =>
    train(module, learn, { ...quiet, test, epochs: 1, ...options }).then(
      () => "nothing was refused",
      (error: unknown) => {
        expect(error).toBeInstanceOf(OptionError);
        return (error as Error).message;
      },
    );

  it.each<[Partial<TrainOptions>, string]>([
    [
      { freeze: ["lyaer1"] },
      'freeze "lyaer1": matches no parameter (the network has conv.weight, conv.bias, norm.weight',
    ],
    [{ freeze: ["convv"] }, 'freeze "convv": matches no parameter; did you mean "conv"?'],
    [{ freeze: ["layer[1"] }, 'freeze "layer[1": is not a regular expression'],
    [{ freeze: ["."] }, "freeze: every parameter is frozen and nothing is left to train"],
    [{ groups: [{ match: "fc2", lr: 2 }] }, 'group "fc2": matches no parameter; did you mean "fc"?'],
    [{ groups: [{ match: "fc" }] }, 'group "fc": sets nothing'],
    [{ groups: [{ match: "fc", lr: -1 }] }, 'group "fc": lr is -1, expected a number of at least 0'],
    [{ clipNorm: 0 }, "clipNorm is 0, expected a number above 0"],
    [{ clipValue: Number.NaN }, "clipValue is NaN, expected a number above 0"],
    [{ clipNorm: 1, clipValue: 1 }, "clipNorm and clipValue are both given; clip by one of them"],
    [{ accumulate: 1.5 }, "accumulate is 1.5, expected a whole number of at least 1"],
    [
      { accumulate: 5, batchSize: 30 },
      "accumulate is 5, but an epoch has 4 batches of 30 pictures; accumulate 4 at most",
    ],
    [{ patience: 0 }, "patience is 0, expected a whole number of at least 1"],
    [
      { patience: 1, test: undefined as never },
      "patience is 1, but there are no test pictures to tell a better epoch by",
    ],
    [{ watch: "miou" }, "watch miou: is for networks that label pixels; watch accuracy or loss"],
    [{ labelSmoothing: 1 }, "labelSmoothing is 1, expected a share from 0 to less than 1"],
    [{ average: { kind: "ema", decay: 1 } }, "average ema: decay is 1, expected from 0 to less than 1"],
    [
      { average: { kind: "lookahead", every: 0 } },
      "average lookahead: every is 0, expected a whole number of at least 1",
    ],
    [{ average: { kind: "lookahead", every: 2, ramp: -1 } }, "ramp is -1, expected a whole number of at least 0"],
  ])("%j", async (options, text) => {
    expect(await refusal(options)).toContain(text);
  });

  it("smoothing the labels of a loss that has no such targets", async () => {
    const { module } = models.create("lenet5-1998");
    expect(() => trainingEntries(module, [32, 32, 1], sgd({ lr: 1 }), { labelSmoothing: 0.1 })).toThrow(
      'labelSmoothing is 0.1, but the network says its own loss, "maximumAPosteriori", whose targets cannot be smoothed',
    );
  });
});
