// Run by refused-threads.test.ts in a process of its own, as what a process may do is what is tested: reads pictures from the disk,
// encodes positions and profiles a network. The arguments: a folder with pictures and a store of games, and what becomes of threads.
import { createHash } from "node:crypto";
import { EventEmitter } from "node:events";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { join } from "node:path";

const [folder, threads] = process.argv.slice(2);
const notes = [];
console.warn = (text) => notes.push(text);

/** In the place of Worker, before fovea looks for it. */
const stand = {
  "cannot be made": class {
    constructor() {
      throw new Error("no threads today");
    }
  },
  "die before they are there": class extends EventEmitter {
    constructor() {
      super();
      setTimeout(() => this.emit("error", new Error("Cannot find module")));
    }
    threadId = -1;
    ref() {}
    unref() {}
    postMessage() {}
    async terminate() {}
  },
}[threads];
if (stand !== undefined) {
  createRequire(import.meta.url)("node:worker_threads").Worker = stand;
  syncBuiltinESMExports();
}

const { profile } = await import("#fovea/analysis/profile/profile-node.js");
const { openDataset } = await import("#fovea/data/open-node.js");
const { openStore } = await import("#fovea/go/games/store-node.js");
const { PositionStream } = await import("#fovea/go/games/stream.js");
const { workerMaker } = await import("#fovea/go/games/stream-node.js");
const { create } = await import("#fovea/models/index.js");

const digest = (...arrays) => {
  const hash = createHash("sha256");
  for (const array of arrays) hash.update(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  return hash.digest("hex");
};

async function pictures() {
  const { train } = await openDataset(join(folder, "pictures"), { stream: true, size: [8, 8], workers: 2 });
  const { mean, std } = train;
  const transforms = [{ kind: "flip", mode: "random", probability: 0.5 }];
  const stream = train.stream({ target: [8, 8, 3], mean, std, seed: 3, transforms });
  const images = new Float32Array(train.length * 192);
  const labels = new Int32Array(train.length);
  await stream.fill(Uint32Array.from(labels.keys()), 1, images, labels);
  await stream.close();
  return digest(images, labels);
}

async function positions() {
  const store = await openStore(join(folder, "games.store"));
  const maker = workerMaker(store, 48);
  const stream = new PositionStream(store, store.select("train"), { planes: 48, seed: 3, maker, blockPositions: 100 });
  const planes = new Float32Array(300 * 49 * 48);
  const labels = new Int32Array(300);
  await stream.fill(300, planes, labels);
  await maker.close();
  return digest(planes, labels);
}

async function profiled() {
  const { machine, programs } = await profile(create("lenet5"), { threads: 2, repeats: 1, batch: 2, what: ["infer"] });
  return { threads: machine.threads, steps: programs[0].rows.every(({ milliseconds }) => milliseconds > 0) };
}

console.log(
  JSON.stringify({ pictures: await pictures(), positions: await positions(), profiled: await profiled(), notes }),
);
