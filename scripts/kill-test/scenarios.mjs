/**
 * Small trainings of all kinds, each with the data that it learns from: a second or two long, of which every moment is one to be
 * killed at. `command` and `always` resume them, `args` besides begin them.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { writeIdx } from "#fovea/formats/idx.js";
import { Board } from "#fovea/go/board/board.js";
import { isTestGame, StoreBuilder } from "#fovea/go/games/store.js";
import { gameHash } from "#fovea/go/sgf/record.js";

const words = (text) => text.split(/\s+/);

export const SCENARIOS = [
  {
    name: "from memory",
    command: ["train"],
    always: ["--no-report"],
    args: words("lenet5 --data ./digits --epochs 8 --batch-size 4 --lr 0.002"),
    data: writeDigits,
  },
  {
    name: "averages, groups and accumulation",
    command: ["train"],
    always: ["--no-report"],
    args: words(
      "lenet5 --data ./digits --epochs 8 --batch-size 2 --lr 0.002 --ema 0.99 --ema-warmup --accumulate 4 --clip-norm 0.5 " +
        "--label-smoothing 0.1 --group bias$:lr=4,decay=0 --freeze ^conv1 --schedule one-cycle --tensorboard",
    ),
    data: writeDigits,
  },
  {
    name: "mixup and distortion",
    command: ["train"],
    always: ["--no-report"],
    args: words("mlp --data ./digits --epochs 10 --batch-size 4 --optimizer adamw --lr 0.001 --mixup 0.4 --distort"),
    data: writeDigits,
  },
  {
    name: "from disk",
    command: ["train"],
    always: ["--no-report"],
    args: words(
      "resnet20 --data ./pictures --size 16 --stream --augment randomResizedCrop,flip --epochs 3 --batch-size 5 --lr 0.01",
    ),
    data: writePictures,
  },
  {
    name: "scenes",
    command: ["segment", "train"],
    args: words(
      "unet --data ./land --option widths=4,6 --augment flip --lr 0.02 --batch-size 2 --epochs 20 --balance sqrt",
    ),
    data: writeScenes,
  },
  {
    name: "go",
    command: ["go", "train"],
    always: ["--no-report"],
    args: words("seven.store --filters 8 --layers 3 --batch-size 8 --steps 1600 --evaluate-every 200"),
    data: writeStore,
  },
];

/** The same numbers for the same seed. */
export function random(seed) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    uniform,
    integer: (low, high) => low + Math.floor(uniform() * (high - low + 1)),
    pick: (list) => list[Math.floor(uniform() * list.length)],
  };
}

function put(path, bytes) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
}

/** Digits as bars: class k is bright at column 2k + 4. */
async function writeDigits(folder) {
  const rng = random(1);
  for (const [split, count] of [
    ["train", 240],
    ["t10k", 40],
  ]) {
    const labels = Uint8Array.from({ length: count }, (_, i) => i % 10);
    const bar = (n, x) => Math.floor((x - 4) / 2) === labels[n];
    const data = Uint8Array.from({ length: count * 784 }, (_, i) => {
      const n = Math.floor(i / 784);
      return bar(n, i % 28) ? rng.integer(150, 255) : rng.integer(0, 90);
    });
    put(join(folder, "digits", `${split}-images-idx3-ubyte`), writeIdx({ shape: [count, 28, 28], data }));
    put(join(folder, "digits", `${split}-labels-idx1-ubyte`), writeIdx({ shape: [count], data: labels }));
  }
}

async function writePictures(folder) {
  const rng = random(2);
  for (const [half, count] of [
    ["train", 20],
    ["val", 4],
  ]) {
    for (let n = 0; n < 2 * count; n++) {
      const [height, width] = [20 + (n % 4), 24];
      const pixels = Uint8Array.from({ length: 3 * height * width }, (_, i) => 90 * ((i + n) % 3) + rng.integer(0, 40));
      const jpeg = await sharp(pixels, { raw: { height, width, channels: 3 } })
        .jpeg()
        .toBuffer();
      put(join(folder, "pictures", half, `class${n % 2}`, `${n}.jpg`), jpeg);
    }
  }
}

/** Sky over ground. */
async function writeScenes(folder) {
  const [height, width] = [20, 24];
  for (const [half, rows] of [
    ["train", [4, 7, 9, 11, 13, 15]],
    ["val", [6, 12]],
  ]) {
    for (const row of rows) {
      const isSky = (i) => i / width < row;
      const colours = Array.from({ length: height * width }, (_, i) =>
        isSky(i) ? [40, 90, 220 - (i % 9)] : [120 + (i % 7), 90, 30],
      );
      const labels = Array.from({ length: height * width }, (_, i) => (isSky(i) ? 0 : 1));
      const picture = sharp(Buffer.from(colours.flat()), { raw: { height, width, channels: 3 } });
      const label = sharp(Buffer.from(labels), { raw: { height, width, channels: 1 } }).toColourspace("b-w");
      put(join(folder, "land", half, `${row}.png`), await picture.png().toBuffer());
      put(join(folder, "land", `${half}annot`, `${row}.png`), await label.png().toBuffer());
    }
  }
  const classes = [
    { name: "sky", color: [0, 0, 255] },
    { name: "ground", color: [90, 60, 0] },
  ];
  put(join(folder, "land", "classes.json"), JSON.stringify({ classes }));
}

/** Games of random legal moves on 7x7. */
async function writeStore(folder) {
  const rng = random(3);
  const builder = new StoreBuilder(7);
  const unsaid = { setup: [], handicap: 0, komi: 7.5, blackRank: 0, whiteRank: 0, rules: "", size: 7 };
  let tests = 0;
  while (tests < 2 || builder.games < 40) {
    const board = new Board(7);
    const moves = [];
    for (let turn = 0; turn < 30; turn++) {
      const colour = 1 + (turn % 2);
      const legal = [...board.geometry.pointOf.keys()].filter((vertex) => board.isLegal(colour, vertex));
      if (legal.length === 0) break;
      const vertex = rng.pick(legal);
      board.play(colour, vertex);
      moves.push({ colour, vertex });
    }
    const game = { ...unsaid, moves, result: { winner: undefined, margin: undefined } };
    const isTest = isTestGame(gameHash(game));
    if (isTest) tests++;
    if (isTest || builder.games < 40) builder.add(game, "random");
  }
  put(join(folder, "seven.store"), builder.finish());
}
