/**
 * Listeners that are asynchronous: the call that tells them something waits for them, and rejects with what they throw, be it at once or
 * later. Those of a training's steps and epochs are tested in train/failures.test.ts.
 */
import { createRequire, syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { compareNetworks } from "#fovea/analysis/compare/measure.js";
import { lookInside } from "#fovea/analysis/inspect/look.js";
import { profile } from "#fovea/analysis/profile/profile-node.js";
import { LoaderPool } from "#fovea/data/loader/pool-node.js";
import { openDataset } from "#fovea/data/open-node.js";
import { currentPlatform, installPlatform } from "#fovea/devices/cpu/platform/current-platform.js";
import type { Platform } from "#fovea/devices/cpu/platform/platform.js";
import { Session } from "#fovea/devices/cpu/session.js";
import { createBlock } from "#fovea/go/games/stream.js";
import { workerMaker } from "#fovea/go/games/stream-node.js";
import { createClassifier } from "#fovea/model/classifier.js";
import { type TrainedModel, untrained } from "#fovea/model/trained-model.js";
import { create } from "#fovea/models/index.js";
import { runTraining } from "#fovea/run/run-node.js";
import { evaluate, train } from "#fovea/train/train.js";
import { COSTLY, mixProgram } from "./devices/programs.js";
import { randomStore } from "./go/support/random-store.js";
import { damaged, jpegOf, put } from "./support/picture-folder.js";
import { temporaryFolder } from "./support/temporary.js";
import { toy, toyNetwork } from "./support/toy.js";

const data = toy({ length: 12 });
const quiet = { threads: 1, note: () => {} };

let platform: Platform;
let unhandled: unknown[];
const heard = (reason: unknown) => void unhandled.push(reason);
beforeEach(async () => {
  platform = await currentPlatform();
  unhandled = [];
  process.on("unhandledRejection", heard);
});
afterEach(async () => {
  installPlatform(platform);
  await new Promise((resolve) => setTimeout(resolve, 10));
  process.off("unhandledRejection", heard);
  expect(unhandled).toEqual([]);
});

const refuse = (): never => {
  throw new Error("refused");
};

/** From now on there is a processor that fovea knows, and machine code is refused, whatever the environment asks for. */
function refuseNative(): void {
  const environment = () => undefined;
  installPlatform({ ...platform, environment, nativeTargets: async () => ["avx2"], createNative: refuse });
}

/** While no thread of Node can be made. */
async function withoutThreads<T>(work: () => Promise<T>): Promise<T> {
  const threads = createRequire(import.meta.url)("node:worker_threads");
  const { Worker } = threads;
  threads.Worker = refuse;
  syncBuiltinESMExports();
  try {
    return await work();
  } finally {
    threads.Worker = Worker;
    syncBuiltinESMExports();
  }
}

/** A network whose answers are no numbers: 3e38 + 3e38 is too large for 32 bits, and infinity less infinity is none. */
function overflowing(): TrainedModel {
  const model = untrained(toyNetwork(), { data });
  const weight = Float32Array.from({ length: 36 * 3 }, (_, i) => (i % 2 === 0 ? 3e38 : -3e38));
  const weights = new Map(model.weights).set("fc.weight", { shape: [36, 3], data: weight });
  return { ...model, weights, scaling: { mean: [0], std: [1 / 255] } };
}

type Listener = () => Promise<never>;
type Call = (listener: Listener) => Promise<unknown>;

/** By what is called, with which listener. */
const CALLS: Readonly<Record<string, Call>> = {
  "Session.create, note": (note) => {
    refuseNative();
    return Session.create({ note });
  },
  "Session.create without SharedArrayBuffer, note": (note) => {
    installPlatform({ ...platform, whyAlone: () => "alone" });
    return Session.create({ backend: "wasm", threads: 2, note });
  },
  "session.load, note": async (note) => {
    installPlatform({ ...platform, startWorker: refuse });
    const session = await Session.create({ backend: "wasm", threads: 2, note });
    try {
      return await session.load(mixProgram(session.target, { rounds: 3, cost: COSTLY }));
    } finally {
      await session.close();
    }
  },
  "train, note": (note) => {
    refuseNative();
    return train(toyNetwork(), data, { epochs: 1, threads: 1, note });
  },
  "evaluate, note": (note) => evaluate(overflowing(), data, { threads: 1, note }),
  "evaluate, onProgress": (onProgress) => evaluate(untrained(toyNetwork(), { data }), data, { ...quiet, onProgress }),
  "classify, note": async (note) => {
    const classify = await createClassifier(overflowing(), { threads: 1, note });
    try {
      return await classify(data.images.subarray(0, 36));
    } finally {
      await classify.close();
    }
  },
  "openDataset, note": async (note) => {
    const folder = await pictures();
    put(folder, "train/class0/002.jpg", (await jpegOf(8, 8, 0, 2)).subarray(0, 300));
    return openDataset(folder, { workers: 0, maxBroken: { count: 4 }, note });
  },
  "stream.fill, note": async (note) => {
    const folder = await pictures();
    put(folder, "train/class0/002.jpg", damaged(await jpegOf(40, 40, 0, 2)));
    const { train } = await openDataset(folder, {
      ...{ stream: true, size: [8, 8], workers: 0, maxBroken: { count: 4 }, note },
    });
    const stream = train.stream!({ target: [8, 8, 3], mean: train.mean, std: train.std, seed: 0 });
    try {
      const indices = Uint32Array.from({ length: train.length }, (_, i) => i);
      return await stream.fill(indices, 0, new Float32Array(192 * train.length), new Int32Array(train.length));
    } finally {
      await stream.close();
    }
  },
  "a loader's run, note": (note) =>
    withoutThreads(async () => {
      const pool = new LoaderPool(2, note);
      const recipe = pool.learn({ kind: "head" });
      const asked = [1, 2, 3].map(() => pool.run({ recipe, buffer: -1, offset: 0, epoch: 0, pictures: [] }));
      const ends = await Promise.allSettled(asked);
      expect(new Set(ends.map((end) => (end as PromiseRejectedResult).reason)).size).toBe(1);
      await pool.close();
      return asked[2];
    }),
  "a maker of positions, note": (note) =>
    withoutThreads(async () => {
      const store = randomStore();
      const maker = workerMaker(store, 48, note);
      try {
        return await maker.make(store.select("train").subarray(0, 1), createBlock(store.size, 100));
      } finally {
        await maker.close();
      }
    }),
  "profile, note": (note) =>
    withoutThreads(() => profile(create("lenet5"), { threads: 2, batch: 1, repeats: 1, what: ["infer"], note })),
  "profile, onProgress": (onProgress) =>
    profile(create("lenet5"), { batch: 1, repeats: 1, what: ["infer"], onProgress }),
  "compareNetworks, onProgress": (onProgress) =>
    compareNetworks(["mlp"], { ...quiet, batches: [1], budgetMs: 1, onProgress }),
  "lookInside, onProgress": (onProgress) => {
    const classes = Array.from({ length: 10 }, (_, k) => String(k));
    const model = untrained(create("lenet5"), { data: { shape: [28, 28, 1], classes, mean: [0], std: [1] } });
    return lookInside(model, new Float32Array(784), { ...quiet, occlusion: true, onProgress });
  },
  "runTraining, onPlan": (onPlan) => runTraining(runOptions(), { onPlan }),
  "runTraining, onProgress": (onProgress) => runTraining(runOptions(), { onProgress }),
  "runTraining, onEpoch": (onEpoch) => runTraining(runOptions(), { onEpoch }),
};

async function pictures(): Promise<string> {
  const folder = temporaryFolder();
  for (const half of ["train", "val"])
    for (const k of [0, 1])
      for (let n = 0; n < 3; n++) put(folder, `${half}/class${k}/00${n}.jpg`, await jpegOf(8, 8, k, n));
  return folder;
}

const runOptions = () => ({
  config: {
    network: "mlp",
    options: { classes: 3, channels: 1, size: 6 },
    data: "toy",
    epochs: 1,
    batchSize: 8,
    optimizer: { name: "sgd", lr: 0.01, momentum: 0, nesterov: false, weightDecay: 0 } as const,
    schedule: { kind: "constant" } as const,
    seed: 0,
  },
  data: { train: data, test: data },
  out: join(temporaryFolder(), "run"),
  session: quiet,
  checkpointEverySeconds: 60,
});

it.each(Object.entries(CALLS))("%s: a listener that rejects is heard", async (_, call) => {
  const error = new Error("from the listener");
  let calls = 0;
  const late = async () => {
    calls++;
    await new Promise((resolve) => setTimeout(resolve, 2));
    throw error;
  };
  await expect(call(late)).rejects.toBe(error);
  expect(calls).toBe(1);
});

it("an aborted signal ends what was asked for", async () => {
  const signal = AbortSignal.abort(new Error("enough"));
  expect((await runTraining(runOptions(), { signal })).history).toEqual([]);
  const model = untrained(toyNetwork(), { data });
  await expect(evaluate(model, data, { ...quiet, signal })).rejects.toThrow("enough");
  const stop = new AbortController();
  const done: number[] = [];
  const measuring = evaluate(model, data, {
    ...quiet,
    batchSize: 8,
    signal: stop.signal,
    onProgress(progress) {
      done.push(progress.done);
      stop.abort(new Error("after the first"));
    },
  });
  await expect(measuring).rejects.toThrow("after the first");
  expect(done).toEqual([8]);
  expect((await compareNetworks(["mlp"], { ...quiet, batches: [1], signal })).networks).toEqual([]);
  const { history, completed } = await train(toyNetwork(), data, { ...quiet, epochs: 3, signal });
  expect([history.length, completed]).toEqual([0, false]);
});
