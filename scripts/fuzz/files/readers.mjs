/**
 * Every reader of files, as a table row: its name, good files to begin with, how they are changed besides mutate.mjs's ways, and
 * the reading itself. A new reader is one more row.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { DataError } from "../../../dist/base/errors.js";
import { parseAugmentation } from "../../../dist/data/augment/grammar.js";
import { decodePicture, inspectPicture } from "../../../dist/data/decode/read-picture-node.js";
import { readClassNames } from "../../../dist/data/sources/class-names-node.js";
import { tarEntries } from "../../../dist/formats/archives/tar.js";
import { parseZip } from "../../../dist/formats/archives/zip.js";
import { parseCifar } from "../../../dist/formats/cifar.js";
import { parseIdx, writeIdx } from "../../../dist/formats/idx.js";
import { readIdx } from "../../../dist/formats/idx-node.js";
import { parseJpegHeader } from "../../../dist/formats/pictures/jpeg-header.js";
import { parsePth } from "../../../dist/formats/pth/pth.js";
import { encodeSafetensors, parseSafetensors } from "../../../dist/formats/safetensors/safetensors.js";
import { parseTensors } from "../../../dist/formats/tensors.js";
import { GameStore, StoreBuilder } from "../../../dist/go/games/store.js";
import { GtpSession } from "../../../dist/go/gtp/gtp.js";
import { Player } from "../../../dist/go/policy/player.js";
import { uniformPolicy } from "../../../dist/go/policy/policy.js";
import { parseGameTexts, readGameTexts } from "../../../dist/go/sgf/read-node.js";
import { SgfScanner } from "../../../dist/go/sgf/scanner.js";
import { gameFromNodes, SGF_PROPERTIES } from "../../../dist/go/sgf/sgf.js";
import { encodeModel, parseModel } from "../../../dist/model/model-file.js";
import { untrained } from "../../../dist/model/trained-model.js";
import { loadWeights } from "../../../dist/model/weights/load-node.js";
import { create } from "../../../dist/models/index.js";
import { readCheckpoint } from "../../../dist/run/checkpoint-node.js";
import { checkSums } from "../../../dist/run/checkpoint-sums-node.js";
import { parseConfig } from "../../../dist/run/config.js";
import { openRunFolder } from "../../../dist/run/folder-node.js";
import { CAMVID, parseClassList } from "../../../dist/segmentation/class-list.js";
import { readLabels } from "../../../dist/segmentation/read-labels-node.js";
import { TRAINING_DEFAULTS } from "../../../dist/train/defaults.js";
import { jsonText, mutated, mutatedJson } from "./mutate.mjs";
import { jpegs, plainPictures, pngs, tars, unpacked, withChunkSums, withTarSums, zipped } from "./seeds.mjs";

const fixtures = new URL("../../../test/fixtures/", import.meta.url);
const fixture = (name) => new Uint8Array(readFileSync(new URL(name, fixtures)));
const text = (value) => new TextEncoder().encode(value);
const decoded = (bytes) => new TextDecoder().decode(bytes);
const gather = (pieces) => new Uint8Array(Buffer.concat(pieces));

const pthNames = readdirSync(new URL("pth/", fixtures)).filter((name) => name.endsWith(".pth"));
const pthFiles = pthNames.map((name) => fixture(`pth/${name}`));
const isZip = (bytes) => bytes[0] === 0x50 && bytes[1] === 0x4b;

const CONFIG = {
  ...TRAINING_DEFAULTS,
  network: "lenet5",
  options: { classes: 10, channels: 1, size: 28 },
  data: "mnist",
  augment: parseAugmentation("padCrop:4,flip,cutout:8", [28, 28, 1]),
  groups: [{ match: "bias$", lr: 4, weightDecay: 0 }],
  freeze: ["fc2.weight"],
  average: { kind: "lookahead", every: 3, ramp: 1 },
  labelSmoothing: 0.1,
  patience: 1,
  mixup: 0.2,
};

const FIGURES = { loss: 0.5, accuracy: 0.9 };
const STATE = {
  step: 3,
  epoch: 1,
  batch: 2,
  sums: { samples: 4, loss: 1, correct: 2 },
  seconds: 1.5,
  history: [{ epoch: 1, train: FIGURES, test: FIGURES, learningRate: 0.1, trainSeconds: 1, testSeconds: 0.1 }],
};

/**
 * @param scratch a folder for readers that take paths
 * @returns rows { name, make(random), read(bytes) }
 */
export async function readers(scratch) {
  const zips = pthFiles.filter(isZip);
  const pickles = zips.map((zip) => {
    const entries = unpacked(zip);
    return entries.get([...entries.keys()].find((name) => name.endsWith("data.pkl")));
  });
  const lenet = create("lenet5");
  const [pngFiles, jpegFiles] = [await pngs(), await jpegs()];
  const tensors = safetensorsFiles();
  const models = modelFiles();
  const games = [
    "(;GM[1]FF[4]SZ[9]KM[6.5]HA[2]AB[cc][gg]PB[a]PW[b]RE[B+3.5];W[ee];B[ec](;W[gc])(;W[cg];B[]))",
    "(;SZ[19]CA[UTF-8]C[a \\] b];B[pd];W[dp];B[pp];W[dd];B[tt])(;SZ[5];B[aa])",
    "(;SZ[9];B[aa];W[bb])\n(;SZ[9];B[cc])\n(;SZ[9]AB[aa:cc];W[dd])\n",
  ].map(text);
  const stores = [storeOf(9, games), storeOf(19, games)];

  const file = (name, bytes) => {
    const path = join(scratch, name);
    writeFileSync(path, bytes);
    return path;
  };
  /** A file that is changed as bytes. */
  const plain = (name, seeds, read, mend = (bytes) => bytes) => ({
    name,
    make: (random) => mend(mutated(random, random.pick(seeds), seeds), random),
    read,
  });
  const changedHeader = (random, bytes) => {
    const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    const header = text(jsonText(mutatedJson(random, JSON.parse(decoded(bytes.subarray(8, 8 + length))))));
    return withHeader(header, bytes.subarray(8 + length));
  };
  /** Safetensors, changed as bytes or in the values of its header. */
  const headed = (name, seeds, read, mend = (bytes) => bytes) => ({
    name,
    make(random) {
      const seed = random.pick(seeds);
      return mend(
        seed[8] !== 0x7b || random.chance(0.5) ? mutated(random, seed, seeds) : changedHeader(random, seed),
        random,
      );
    },
    read,
  });
  /** Texts of JSON, changed as bytes or in their values. */
  const json = (name, values, read) => {
    const seeds = values.map((value) => text(JSON.stringify(value)));
    return {
      name,
      make: (random) =>
        random.chance(0.3)
          ? mutated(random, random.pick(seeds), seeds)
          : text(jsonText(mutatedJson(random, random.pick(values)))),
      read,
    };
  };

  return [
    headed("safetensors", tensors, (bytes) => parseSafetensors(bytes, "a.safetensors")),
    headed("model", models, (bytes) => parseModel(bytes, {}, "a.safetensors")),
    headed(
      "weights",
      [...models, ...pthFiles],
      (bytes) => loadWeights(file("weights", bytes), lenet),
      (b) => b,
    ),
    {
      name: "pth",
      // An entry of the archive is changed, most often the pickle, and the archive written anew.
      make(random) {
        const seed = random.pick(zips);
        if (random.chance(0.3)) return mutated(random, seed, zips);
        const entries = unpacked(seed);
        const names = [...entries.keys()];
        const name = random.chance(0.8) ? names.find((name) => name.endsWith("data.pkl")) : random.pick(names);
        entries.set(name, mutated(random, entries.get(name), pickles));
        return zipped(entries, random.chance(0.3));
      },
      read: (bytes) => parsePth(bytes, "a.pth"),
    },
    plain(
      "pth-legacy",
      pthFiles.filter((bytes) => !isZip(bytes)),
      (bytes) => parsePth(bytes, "a.pth"),
      withTarSums,
    ),
    plain("tensors", [...pthFiles, ...tensors], (bytes) => parseTensors(bytes, "a.pth")),
    plain("zip", zips, (bytes) => {
      const archive = parseZip(bytes, "a.zip");
      for (const name of archive.names) archive.read(name);
    }),
    plain("idx", idxFiles(), (bytes) => parseIdx(bytes, { file: "a.idx" })),
    {
      ...plain("idx-gzip", idxFiles(), (bytes) => readIdx(bytes, { file: "a.idx.gz" })),
      make(random) {
        const seeds = idxFiles();
        const seed = random.pick(seeds);
        if (random.chance(0.5)) return new Uint8Array(gzipSync(mutated(random, seed, seeds), { level: 1 }));
        const packed = seeds.map((bytes) => new Uint8Array(gzipSync(bytes, { level: 1 })));
        return mutated(random, random.pick(packed), packed);
      },
    },
    plain("cifar", [new Uint8Array(3073 * 2).fill(3), new Uint8Array(3074).fill(9)], (bytes) =>
      parseCifar(bytes, { bytes: 1, at: 0, classes: 10 }, "a.bin"),
    ),
    plain(
      "tar",
      tars(),
      async (bytes) => {
        const read = async (offset, length) => bytes.subarray(offset, offset + length);
        for await (const _ of tarEntries(read, bytes.length, "a.tar"));
      },
      withTarSums,
    ),
    plain("jpeg-header", jpegFiles, (bytes) => void parseJpegHeader(bytes)),
    plain("picture", [...pngFiles, ...jpegFiles], (bytes) => inspectPicture("a.png", bytes), withChunkSums),
    plain(
      "decoded",
      [...pngFiles, ...jpegFiles, ...plainPictures()],
      (bytes) => decodePicture("a.png", bytes, [4, 4, 3]),
      withChunkSums,
    ),
    plain("labels", pngFiles, (bytes) => readLabels("a.png", bytes, CAMVID), withChunkSums),
    {
      ...plain("sgf", games, async (bytes) => {
        for (const { game } of parseGameTexts(await readGameTexts(file("games.sgf", bytes)))) {
          if (game instanceof Error && !(game instanceof DataError)) throw game;
        }
      }),
      make(random) {
        const bytes = mutated(random, random.pick(games), games);
        return random.chance(0.2) ? new Uint8Array(gzipSync(bytes, { level: 1 })) : bytes;
      },
    },
    plain(
      "store",
      stores,
      (bytes) => {
        const store = new GameStore(bytes, "a.store");
        for (let game = 0; game < Math.min(store.games, 100); game++) {
          store.positionCount(game);
          store.game(game);
        }
      },
      withStoreSum,
    ),
    headed(
      "checkpoint",
      [checkpointFile()],
      (bytes) => readCheckpoint(file("checkpoint.safetensors", bytes)),
      withSums,
    ),
    json("config", [CONFIG, { ...TRAINING_DEFAULTS, network: "mlp", options: {}, data: "d" }], async (bytes) => {
      file("config.json", bytes);
      const { config } = await openRunFolder(scratch);
      parseConfig(config, "config.json");
    }),
    json("classes", [CAMVID, { classes: [{ name: "a", value: 1, color: [1, 2, 3] }], ignore: [] }], (bytes) =>
      parseClassList(decoded(bytes), "classes.json"),
    ),
    json(
      "class-names",
      [
        ["a", "b"],
        ["cat", "dog", "bird"],
      ],
      async (bytes) => {
        file("classes.json", bytes);
        await readClassNames(scratch, ["classes.json"]);
      },
    ),
    plain("gtp", gtpLines(), async (bytes) => {
      const player = new Player(uniformPolicy(), {});
      const session = new GtpSession({ player, name: "fovea", version: "1", readGame: async () => gameOf(games[0]) });
      for (const line of decoded(bytes).split("\n").slice(0, 10)) {
        if (!session.ended) await session.answer(line);
      }
    }),
  ];
}

function withHeader(header, data) {
  const bytes = new Uint8Array(8 + header.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, 8);
  bytes.set(data, 8 + header.length);
  return bytes;
}

function safetensorsFiles() {
  const mixed = encodeSafetensors(
    [
      ["wide", { shape: [2], data: Float64Array.of(1, 2) }],
      ["long", { shape: [1], data: BigInt64Array.of(-3n) }],
      ["plain", { shape: [2, 2], data: Float32Array.of(4, 5, 6, 7) }],
      ["bytes", { shape: [3], data: Uint8Array.of(1, 2, 3) }],
    ],
    { format: "pt" },
  );
  return [fixture("python.safetensors"), gather(mixed), gather(encodeSafetensors([]))];
}

function modelFiles() {
  return ["lenet5", "alphago-policy"].map((name) => {
    const model = create(name, name === "lenet5" ? {} : { filters: 2, layers: 3, planes: 4, size: 5 });
    const classes = Array.from({ length: model.classes }, (_, i) => String(i));
    const channels = model.input[2];
    const one = (value) => new Array(channels).fill(value);
    return gather(encodeModel(untrained(model, { data: { shape: model.input, classes, mean: one(0), std: one(1) } })));
  });
}

function checkpointFile() {
  const tensors = [
    ["conv1.weight", { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
    ["step", { shape: [1], data: Int32Array.of(7) }],
  ];
  const metadata = {
    format: "fovea checkpoint",
    version: "1",
    config: JSON.stringify(CONFIG),
    data: JSON.stringify({ train: { name: "a", length: 10, fingerprint: "00" } }),
    backend: JSON.stringify({ name: "wasm", target: "wasm" }),
    plan: "00",
    state: JSON.stringify(STATE),
  };
  return gather(encodeSafetensors(tensors, { ...metadata, checksums: checkSums(tensors, metadata) }));
}

/** Half of the checkpoints get sums that fit again. */
function withSums(bytes, random) {
  if (random.chance(0.5)) return bytes;
  try {
    const { tensors, metadata } = parseSafetensors(bytes);
    const { checksums: _, ...others } = metadata;
    return gather(encodeSafetensors(tensors, { ...others, checksums: checkSums(tensors, others) }));
  } catch {
    return bytes;
  }
}

const idxFiles = () => [
  writeIdx({ shape: [3, 4, 4], data: Uint8Array.from({ length: 48 }, (_, i) => i) }),
  writeIdx({ shape: [5], data: Uint8Array.of(0, 1, 2, 3, 4) }),
  writeIdx({ shape: [1, 28, 28], data: new Uint8Array(784) }),
];

function gameOf(bytes) {
  const scanner = new SgfScanner(decoded(bytes), SGF_PROPERTIES);
  scanner.nextGame();
  return gameFromNodes(scanner.mainLine());
}

function storeOf(size, games) {
  const builder = new StoreBuilder(size);
  for (const game of games) {
    try {
      builder.add(gameOf(game), "source");
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
    }
  }
  return builder.finish();
}

/** Most stores get the check sum that fits: it is no trust. */
function withStoreSum(bytes, random) {
  if (bytes.length < 24 || random.chance(0.1)) return bytes;
  let sum = 0x811c9dc5;
  for (let i = 24; i < bytes.length; i++) sum = Math.imul(sum ^ bytes[i], 0x01000193);
  const copy = bytes.slice();
  new DataView(copy.buffer).setUint32(20, sum >>> 0, true);
  return copy;
}

/** A score takes two hundred games to its end, and is asked for once in a while. */
const gtpLines = () => {
  const cheap = [
    "boardsize 9\nclear_board\nkomi 6.5\nplay black D4\n1 genmove white\nshowboard\nundo\nquit\n",
    "protocol_version\nlist_commands\nknown_command play\nfixed_handicap 2\nloadsgf a.sgf 3\nplay w pass\n",
    "time_settings 60 10 5\ntime_left black 3 2\nset_free_handicap D4 E5\nplace_free_handicap 3\nkgs-rules japanese\n",
  ];
  return [...cheap, ...cheap, ...cheap, ...cheap, "boardsize 5\nplay b C3\nfinal_score\n"].map(text);
};
