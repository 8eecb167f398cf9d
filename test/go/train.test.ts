/** Training and measuring a policy: what a batch holds, how long a run is, that it learns, and that its figures are what they say. */
import { describe, expect, it } from "vitest";
import { CpuDevice } from "#fovea/devices/cpu/cpu-device.js";
import { PASS, vertexName } from "#fovea/go/board/geometry.js";
import { samplePositions } from "#fovea/go/games/position-sample.js";
import { testGames, testSet, trainingSet } from "#fovea/go/games/position-sets.js";
import type { GameStore } from "#fovea/go/games/store.js";
import { localMaker, PositionStream } from "#fovea/go/games/stream.js";
import { workerMaker } from "#fovea/go/games/stream-node.js";
import { networkPolicy } from "#fovea/go/policy/policy.js";
import { startOf } from "#fovea/go/sgf/record.js";
import { lengthOf, lengthWithin, policyConfig } from "#fovea/go/training/config.js";
import { evaluatePolicy, PHASES } from "#fovea/go/training/evaluate-policy.js";
import { measureSpeed } from "#fovea/go/training/speed.js";
import { rankOf } from "#fovea/model/rank.js";
import { type TrainedModel, untrained } from "#fovea/model/trained-model.js";
import * as models from "#fovea/models/index.js";
import { parseConfig } from "#fovea/run/config.js";
import { optimizerFrom } from "#fovea/train/defaults.js";
import { evaluate } from "#fovea/train/train.js";
import { Trainer } from "#fovea/train/trainer.js";
import { randomStore } from "./support/random-store.js";

const quiet = { threads: 2, note: () => {} };

const trainOf = (store: GameStore, length: number, planes = 48) =>
  trainingSet(store, {
    name: "train",
    planes,
    length,
    maker: () => ({ ...localMaker(store, planes), close: () => Promise.resolve() }),
    blockPositions: 100,
  });

function policy(store: GameStore, planes = 48): TrainedModel {
  const { size } = store;
  const model = models.create("alphago-policy", { filters: 8, layers: 3, planes, size });
  const channels = { mean: new Array<number>(planes).fill(0), std: new Array<number>(planes).fill(1) };
  const classes = Array.from({ length: size * size }, (_, vertex) => vertexName(vertex, size));
  return untrained(model, { data: { shape: [size, size, planes], classes, ...channels }, seed: 5 });
}

describe("training positions", () => {
  it("are the stream's, epoch after epoch, whatever comes first, and across the store's end", async () => {
    const store = randomStore();
    const stream = new PositionStream(store, store.select("train"), { planes: 4, seed: 9, blockPositions: 100 });
    const area = 49;
    const total = 2 * stream.length;
    const planes = new Float32Array(total * area * 4);
    const labels = new Int32Array(total);
    const half = await stream.fill(stream.length, planes, labels);
    await stream.fill(stream.length, planes.subarray(half * area * 4), labels.subarray(half));

    const length = 60;
    const set = trainOf(store, length, 4);
    expect([set.length, set.shape, set.classes[0], set.inOrder]).toEqual([60, [7, 7, 4], "A7", true]);
    const reader = set.stream!({ target: set.shape, mean: set.mean, std: set.std, seed: 9 });
    const acrossEnd = Math.floor((stream.length - 5) / length);
    for (const epoch of [3, 0, 1, acrossEnd, 0]) {
      const some = { planes: new Float32Array(length * area * 4), labels: new Int32Array(length) };
      const from = Uint32Array.from({ length: 40 }, (_, i) => i);
      const rest = Uint32Array.from({ length: 20 }, (_, i) => 40 + i);
      // Asked for at once, as a queue does.
      await Promise.all([
        reader.fill(from, epoch, some.planes, some.labels),
        reader.fill(rest, epoch, some.planes.subarray(40 * area * 4), some.labels.subarray(40)),
      ]);
      const first = epoch * length;
      expect(some.labels).toEqual(labels.slice(first, first + length));
      expect(some.planes).toEqual(planes.slice(first * area * 4, (first + length) * area * 4));
    }
    expect(acrossEnd * length + length).toBeGreaterThan(stream.length);
    await reader.close();
  });
});

describe("a sample", () => {
  it("takes every so manieth position of all games", async () => {
    const store = randomStore();
    const games = store.select("test");
    const all: { vertex: number; turn: number }[] = [];
    for (const game of games) {
      for (const [turn, { vertex }] of store.game(game).moves.entries())
        if (vertex !== PASS) all.push({ vertex, turn });
    }
    const sample = await samplePositions(store, games, 10, 48);
    expect([sample.length, sample.of]).toEqual([10, all.length]);
    const expected = Array.from({ length: 10 }, (_, i) => all[Math.floor((i * all.length) / 10)]!);
    expect([...sample.block.labels]).toEqual(expected.map(({ vertex }) => vertex));
    expect([...sample.block.turns]).toEqual(expected.map(({ turn }) => turn));
    const whole = await samplePositions(store, games, 1e6, 48);
    expect([...whole.block.labels]).toEqual(all.map(({ vertex }) => vertex));
  });

  it("names the test games, or says that there are none", () => {
    const store = randomStore({ test: 2 });
    const { games, of, split, sources, positions } = testGames(store, "x.store");
    expect([games, of, split, sources]).toEqual([
      2,
      32,
      "a game is a test game where its hash is a multiple of 50",
      { "games.sgf": 2 },
    ]);
    expect(positions).toBe([...store.select("test")].reduce((sum, game) => sum + store.positionCount(game), 0));
    expect(() => testGames(randomStore({ test: 0 }), "x.store")).toThrow(
      "x.store: none of its 30 games is a test game (a game is a test game where its hash is a multiple of 50); prepare a store of more games",
    );
    expect(() => trainOf(randomStore({ train: 0 }), 10)).toThrow("train: has no training games");
  });
});

describe("a run's length", () => {
  const wish = { recipe: "modern", testPositions: 1000 } as const;

  it("in steps is what was asked for, or the fewest above that evaluations divide", () => {
    expect(lengthOf(600, wish, 200)).toEqual({ evaluateEvery: 200, evaluations: 3 });
    expect(() => lengthOf(500, wish, 200)).toThrow(
      "--steps 500: is no multiple of --evaluate-every 200, and a run ends with an evaluation; try --steps 400 or 600",
    );
    expect(() => lengthOf(5, wish, 200)).toThrow("try --steps 200");
    // 8% of 3 x 128,000 positions are 30.7 evaluations of 1,000; 24 are enough, of 42 steps each.
    expect(lengthOf(1000, wish)).toEqual({ evaluateEvery: 42, evaluations: 24 });
    // 8% of 3 x 12,800 are 3.07.
    expect(lengthOf(100, wish)).toEqual({ evaluateEvery: 34, evaluations: 3 });
    expect(lengthOf(2, wish)).toEqual({ evaluateEvery: 2, evaluations: 1 });
  });

  it("in time is what fits into it", () => {
    const speed = { stepSeconds: 0.5, evaluationSeconds: 10, startSeconds: 100 };
    // 8% of 1,000 seconds are 8 evaluations, 125 seconds apart: 115 for steps.
    expect(lengthWithin(1100, speed)).toEqual({ evaluateEvery: 230, evaluations: 8 });
    expect(lengthWithin(1100, speed, 80)).toEqual({ evaluateEvery: 80, evaluations: 20 });
    expect(lengthWithin(1, speed)).toEqual({ evaluateEvery: 1, evaluations: 1 });
  });

  it("is measured with steps that are thrown away", async () => {
    const store = randomStore();
    const sample = await samplePositions(store, store.select("test"), 20, 48);
    const network = { store: "x", size: 7, filters: 8, layers: 3, planes: 48, seed: 0, testPositions: 20 };
    const config = policyConfig({ ...network, recipe: "modern" }, { evaluateEvery: 1, evaluations: 1 });
    const speed = await measureSpeed({
      config,
      store,
      test: testSet("test", sample, store),
      session: quiet,
      seconds: 0,
    });
    for (const value of Object.values(speed)) expect(value).toBeGreaterThan(0);
  });
});

describe("a recipe", () => {
  const network = { store: "x", size: 19, filters: 192, layers: 13, planes: 48, seed: 0, testPositions: 10 };

  it("of the paper is plain descent, halved every 80 million steps", () => {
    const paper = policyConfig({ ...network, recipe: "paper" }, { evaluateEvery: 1e7, evaluations: 34 });
    expect(paper.optimizer).toEqual({ name: "sgd", lr: 0.003, momentum: 0, nesterov: false, weightDecay: 0 });
    expect(paper.schedule).toEqual({ kind: "step", milestones: [8, 16, 24, 32], gamma: 0.5 });
    expect(paper.batchSize).toBe(16);
    const short = policyConfig({ ...network, recipe: "paper" }, { evaluateEvery: 100, evaluations: 5 });
    expect(short.schedule).toEqual({ kind: "step", milestones: [], gamma: 0.5 });
  });

  it("is a configuration that can be read again, and refuses what there is not", () => {
    for (const recipe of ["modern", "paper"] as const) {
      const config = policyConfig({ ...network, recipe }, { evaluateEvery: 100, evaluations: 5 });
      expect(parseConfig(JSON.parse(JSON.stringify(config)), "config.json")).toEqual(config);
    }
    expect(() =>
      policyConfig({ ...network, recipe: "modern", planes: 47 }, { evaluateEvery: 1, evaluations: 1 }),
    ).toThrow("planes is 47, expected 1, 4, 20, 48");
  });
});

describe("a policy", () => {
  it("learns: on games that it has not seen it is better than equal chances", async () => {
    const store = randomStore({ train: 120, test: 6 });
    const sample = await samplePositions(store, store.select("test"), 1000, 48);
    const test = testSet("test", sample, store);
    const network = { store: "x", size: 7, filters: 16, layers: 3, planes: 48, seed: 0, testPositions: sample.length };
    const config = policyConfig(
      { ...network, recipe: "modern", batchSize: 32 },
      { evaluateEvery: 100, evaluations: 2 },
    );
    const session = await CpuDevice.create(quiet);
    try {
      const { module, input } = models.create(config.network, config.options);
      const train = trainOf(store, 100 * 32);
      const optimizer = optimizerFrom(config.optimizer);
      const trainer = await Trainer.create(session, module, input, { train, test }, { ...config, optimizer });
      await trainer.run();
      const { history } = trainer.state;
      // Random moves can be foreseen only so far as they go to empty points.
      for (const record of history) expect(record.test!.loss).toBeLessThan(Math.log(49) - 0.1);
      expect(history[1]!.test!.top5!).toBeGreaterThanOrEqual(history[1]!.test!.accuracy);
    } finally {
      await session.close();
    }
  });

  it.each([false, true])("is measured as a count by hand says (symmetries: %s)", async (symmetries) => {
    const store = randomStore({ train: 0, test: 2, moves: [170, 200] });
    const model = policy(store);
    const asked = await networkPolicy(model, { ...quiet, symmetries });
    const phases = PHASES.map(() => ({ positions: 0, first: 0, five: 0 }));
    let loss = 0;
    const games = store.select("test");
    for (const game of games) {
      const record = store.game(game);
      const board = startOf(record);
      for (const [turn, { colour, vertex }] of record.moves.entries()) {
        if (vertex !== PASS) {
          const said = await asked.probabilities(board, colour);
          const order = [...said.keys()].sort((a, b) => said[b]! - said[a]! || a - b);
          const place = order.indexOf(vertex);
          const phase = phases[turn < 60 ? 0 : turn < 160 ? 1 : 2]!;
          phase.positions++;
          if (place === 0) phase.first++;
          if (place < 5) phase.five++;
          loss -= Math.log(said[vertex]!);
        }
        board.play(colour, vertex);
      }
    }
    await asked.close();
    const maker = workerMaker(store, 48);
    const found = await evaluatePolicy(model, { store, games, maker }, { ...quiet, symmetries, batchSize: 16 });
    await maker.close();
    const total = phases.reduce((sum, { positions }) => sum + positions, 0);
    expect(found.positions).toBe(total);
    expect(found.top1 * total).toBeCloseTo(
      phases.reduce((sum, { first }) => sum + first, 0),
      6,
    );
    expect(found.top5 * total).toBeCloseTo(
      phases.reduce((sum, { five }) => sum + five, 0),
      6,
    );
    expect(found.loss).toBeCloseTo(loss / total, 4);
    for (const [i, { positions, first, five }] of phases.entries()) {
      const { name, ...phase } = found.phases[i]!;
      expect([name, phase.positions]).toEqual([["opening", "middle", "end"][i], positions]);
      expect(phase.top1 * positions).toBeCloseTo(first, 6);
      expect(phase.top5 * positions).toBeCloseTo(five, 6);
    }
    // Each phase has something to count, first choices among them.
    for (const { positions, five } of phases) expect(Math.min(positions / 20, five)).toBeGreaterThanOrEqual(1);
  });

  it("is measured alike in a run and on its own", async () => {
    const store = randomStore({ test: 4 });
    const model = policy(store);
    const sample = await samplePositions(store, store.select("test"), 1e6, 48);
    const found = await evaluatePolicy(model, sample, quiet);
    const session = await CpuDevice.create(quiet);
    const { Evaluator } = await import("#fovea/train/evaluate/evaluator.js");
    const { writeWeights } = await import("#fovea/model/weights/weights.js");
    const evaluator = await Evaluator.create(session, model.module, model.input, { top5: true, batchSize: 7 });
    await writeWeights(session, model.weights);
    const inRun = await evaluator.run(testSet("test", sample, store));
    await session.close();
    expect([inRun.accuracy, inRun.top5, inRun.samples]).toEqual([found.top1, found.top5, found.positions]);
    expect(inRun.loss).toBeCloseTo(found.loss, 5);
    // Who does not ask for the first five is not told.
    expect("top5" in (await evaluate(model, testSet("test", sample, store), quiet))).toBe(false);
  });

  it("of another board is refused", async () => {
    const store = randomStore();
    const maker = localMaker(store, 48);
    const small = policy(randomStore({ size: 5 }));
    await expect(evaluatePolicy(small, { store, games: store.select("test"), maker }, quiet)).rejects.toThrow(
      "the games are played on 7x7, but the network plays 5x5",
    );
  });
});

it("ranks a class among all: equals by number, what is no number last", () => {
  const numbers = [0.5, 2, -1, 2, 0.25];
  expect([0, 1, 2, 3, 4].map((label) => rankOf(numbers, 0, 5, label))).toEqual([3, 1, 5, 2, 4]);
  expect(rankOf([9, 9, 0.1, 0.3, 0.2], 2, 3, 2)).toBe(2);
  // As the likeliest class does, a class that is not a number comes first.
  expect([0, 1, 2].map((label) => rankOf([1, Number.NaN, 2], 0, 3, label))).toEqual([3, 1, 2]);
});
