/** Computing on the caller's thread leaves the event loop its turns, and comes to the same. */
import { describe, expect, test } from "vitest";
import { atOnce } from "#fovea/base/steps.js";
import { compileEntry, compileSteps } from "#fovea/compiler/compile.js";
import { Session } from "#fovea/devices/cpu/session.js";
import { inTurns } from "#fovea/host/event-loop.js";
import { createClassifier, models, nn, untrained } from "#fovea/index.js";
import { predictionEntry } from "#fovea/model/prediction.js";
import { initialWeights } from "#fovea/model/weights/weights.js";

const network = () => models.create("resnet18", { size: 64 });

function model() {
  const net = network();
  const classes = Array.from({ length: 1000 }, (_, i) => `class ${i}`);
  return untrained(net, { data: { shape: [64, 64, 3], classes, mean: [0, 0, 0], std: [1, 1, 1] }, seed: 3 });
}

const zeros = (shape: readonly number[]) => new Float32Array(shape.reduce((a, b) => a * b, 1));

/** Of `work`: turns of the event loop in it, and the share of its time that the longest of them took. */
async function watch(work: () => Promise<unknown>): Promise<{ turns: number; longest: number; milliseconds: number }> {
  let turns = 0;
  let longest = 0;
  const began = performance.now();
  let last = began;
  const turn = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    turns++;
    timer = setImmediate(turn);
  };
  let timer = setImmediate(turn);
  await work();
  clearImmediate(timer);
  const milliseconds = performance.now() - began;
  return { turns, longest: Math.max(longest, performance.now() - last) / milliseconds, milliseconds };
}

// A moment in which others have the processor looks like a long turn: one quiet try is enough.
describe("the event loop has its turns", { retry: 5 }, () => {
  test.each(["wasm", undefined] as const)("while a network is planned and encoded (%s)", async (backend) => {
    const drawn = model();
    const weights = new Map([...drawn.weights].map(([name, { shape }]) => [name, { shape, data: zeros(shape) }]));
    const { turns, longest } = await watch(async () => {
      const classify = await createClassifier({ ...drawn, weights }, { backend, threads: 1, note: () => {} });
      await classify.close();
    });
    // In two pieces it had three turns, and one piece took two thirds of it.
    expect(turns).toBeGreaterThanOrEqual(6);
    expect(longest).toBeLessThan(0.5);
  });

  test("while weights are drawn", async () => {
    const net = nn.sequential(nn.flatten(), nn.linear({ in: 1000, out: 1000 }), nn.linear({ in: 1000, out: 10 }));
    const ten = (value: number) => new Array<number>(10).fill(value);
    const data = { shape: [10, 10, 10] as const, classes: [..."0123456789"], mean: ten(0), std: ten(1) };
    const began = await watch(async () => untrained(net, { data }));
    const drawn = untrained(net, { data });
    const { turns, longest, milliseconds } = await watch(async () => {
      const classify = await createClassifier(drawn, { threads: 1, note: () => {} });
      await classify.close();
    });
    expect(began.milliseconds).toBeLessThan(milliseconds / 3);
    expect(turns).toBeGreaterThanOrEqual(5);
    expect(longest).toBeLessThan(0.5);
  });

  test("two computations at once share its 10 ms", async () => {
    function* spin(): Generator<void, number, void> {
      for (let n = 0; n < 40; n++) {
        const until = performance.now() + 1;
        while (performance.now() < until);
        yield;
      }
      return 40;
    }
    const { turns } = await watch(() => Promise.all([inTurns(spin()), inTurns(spin()), inTurns(spin())]));
    expect(turns).toBeGreaterThanOrEqual(8);
  });
});

test("a program compiled in turns is the one that is compiled at once", async () => {
  const session = await Session.create({ note: () => {} });
  const { module, input } = models.create("lenet5");
  const options = { target: session.target, maxBatch: 4 };
  const program = () => predictionEntry(module, input).entry;
  expect(await inTurns(compileSteps(program(), options))).toEqual(compileEntry(program(), options));
  await session.close();
});

test("weights are drawn when they are first read, once, to the same bits as in turns", async () => {
  const { module } = models.create("lenet5");
  const [read, lent] = [initialWeights(module, 5), initialWeights(module, 5)];
  const conv = read.get("conv1.weight")!;
  expect(conv.data).toBe(conv.data);
  expect(Array.from(conv.data.subarray(0, 2))).toEqual(Array.from(lent.get("conv1.weight")!.data.subarray(0, 2)));
  expect({ ...conv }).toEqual({ shape: [5, 5, 1, 6], data: conv.data });
  const net = models.create("lenet5");
  const data = { shape: [28, 28, 1] as const, classes: [..."0123456789"], mean: [0], std: [1] };
  const plain = untrained(net, { data, seed: 5 });
  for (const [, weight] of plain.weights) void weight.data;
  const answers: Float32Array[] = [];
  for (const each of [plain, untrained(net, { data, seed: 5 })]) {
    const classify = await createClassifier(each, { note: () => {} });
    answers.push((await classify(new Float32Array(784).fill(0.5))).logits);
    await classify.close();
  }
  expect(answers[1]).toEqual(answers[0]);
});

test("what makes no sense is refused before anything is drawn", () => {
  const net = models.create("lenet5");
  const data = { shape: [28, 28, 1] as const, classes: [..."0123456789"], mean: [0], std: [1] };
  expect(() => untrained(net, { data, seed: -1 })).toThrow("seed is -1, expected a whole number of at least 0");
});

test("atOnce gives what a generator returns", () => {
  expect(
    atOnce(
      (function* () {
        yield;
        return 7;
      })(),
    ),
  ).toBe(7);
});

test("a session that is closed while it encodes gives its code back", async () => {
  const session = await Session.create({ note: () => {} });
  const { module, input } = network();
  const program = compileEntry(predictionEntry(module, input).entry, { target: session.target, maxBatch: 1 });
  const loading = expect(session.load(program)).rejects.toThrow("the device was closed");
  await session.close();
  await loading;
});
