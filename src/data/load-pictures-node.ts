/**
 * Opens a found set of picture files. It is decoded into memory where that takes at most 512 MiB and nothing is lost by
 * it; else pictures stay on disk and are decoded as they are needed (disk-set-node.ts). `options.stream` decides
 * otherwise. A picture that will not decode is named, counted and left out, up to a limit.
 */
import { DataError, MemoryError } from "../base/errors.js";
import { eachOnce, noteOnce } from "../base/notes.js";
import { BrokenPictures } from "./decode/broken-pictures.js";
import { chunkLength } from "./loader/chunks.js";
import { cook, sizeText } from "./loader/cook-node.js";
import { openOnDisk } from "./loader/disk-set-node.js";
import { LoaderPool } from "./loader/pool-node.js";
import type { OpenOptions } from "./open-options.js";
import { type Dataset, type DatasetSplits, greyNote, type Scaling, scalingOf } from "./sets/dataset.js";
import type { FoundSet, PictureHalf } from "./sources/labelled-pictures.js";
import { endingsOf } from "./sources/picture-kinds.js";

/** Pictures that are looked at to find the size that all have. */
const SAMPLE = 256;
/** Up to this, a set is decoded into memory unless it is said otherwise. */
export const HELD_BYTES = 2 ** 29;
/** A set in memory is one array. */
const MOST_BYTES = 2 ** 31;
/** Up to this many pictures, starting workers takes longer than decoding them here. */
const FEW = 64;

type Shape3 = readonly [height: number, width: number, channels: number];

/**
 * @throws DataError where too many pictures are broken, MemoryError where a set that is to be in memory is too large
 * for it.
 */
export async function loadPictures(found: FoundSet, options: OpenOptions = {}): Promise<DatasetSplits> {
  const few = halvesOf(found).reduce((sum, { pictures }) => sum + pictures.length, 0) <= FEW;
  const note = eachOnce(options.note ?? noteOnce);
  const pool = new LoaderPool(options.workers ?? (few ? 0 : undefined), note);
  let kept = false;
  try {
    const { shape, asTheyAre } = await chooseShape(found.train, options, pool);
    const wanted: FoundSet = {
      ...found,
      train: wantedHalf(found.train, "train", options),
      ...(found.val === undefined ? {} : { val: wantedHalf(found.val, "val", options) }),
      test: wantedHalf(found.test, "test", options),
    };
    if (staysOnDisk(wanted, shape, asTheyAre, options)) {
      const sets = await openOnDisk(wanted, shape, options, pool, () => new LoaderPool(options.workers, note));
      kept = true;
      return sets;
    }
    for (const half of halvesOf(wanted)) checkMemory(half, shape);
    const train = await decodeHalf(wanted.train, found.classes, shape, options, pool);
    const scaling = train.length > 0 ? train : undefined;
    const decode = (half: PictureHalf) => decodeHalf(half, found.classes, shape, options, pool, scaling);
    const val = wanted.val && (await decode(wanted.val));
    return { train, ...(val && { val }), test: await decode(wanted.test), halves: found.halves };
  } finally {
    if (!kept) await pool.close();
  }
}

const halvesOf = ({ train, val, test }: FoundSet): PictureHalf[] => [train, ...(val === undefined ? [] : [val]), test];

/** One that is not wanted has no pictures. */
function wantedHalf(
  half: PictureHalf,
  name: "train" | "val" | "test",
  { half: wanted = name }: OpenOptions,
): PictureHalf {
  return wanted === name ? half : { name: half.name, pictures: [] };
}

/** In memory, pictures have one size: those that are to be transformed from another stay on disk. */
function staysOnDisk(found: FoundSet, shape: Shape3, asTheyAre: boolean, options: OpenOptions): boolean {
  if (options.stream !== undefined) return options.stream;
  if (options.ownSize && !asTheyAre) return true;
  return halvesOf(found).reduce((sum, half) => sum + bytesOf(half, shape), 0) > HELD_BYTES;
}

const bytesOf = ({ pictures }: PictureHalf, [height, width, channels]: Shape3) =>
  pictures.length * height * width * channels;

/**
 * The size that was asked for, or that all of a sample have, or the usual one, or what most of the sample have; and
 * whether all of the sample are of it.
 */
async function chooseShape(
  { name, pictures }: PictureHalf,
  options: OpenOptions,
  pool: LoaderPool,
): Promise<{ readonly shape: Shape3; readonly asTheyAre: boolean }> {
  const { size, channels, usualSize, ownSize = false } = options;
  if (size !== undefined && channels !== undefined && !ownSize) {
    return { shape: [size[0], size[1], channels], asTheyAre: false };
  }
  const count = Math.min(SAMPLE, pictures.length);
  const sample = Array.from({ length: count }, (_, i) => pictures[Math.floor((i * pictures.length) / count)]!);
  const counts = new Map<string, { size: readonly [number, number]; count: number }>();
  let grey = true;
  const broken: string[] = [];
  await cook(pool, { kind: "head" }, undefined, sample, 16, (_, outcome) => {
    if ("why" in outcome) {
      broken.push(outcome.why); // decoding it says what is wrong, where others are whole
      return true;
    }
    grey &&= outcome.grey;
    const key = sizeText(outcome);
    const before = counts.get(key)?.count ?? 0;
    counts.set(key, { size: [outcome.height, outcome.width], count: before + 1 });
    return true;
  });
  if (counts.size === 0) {
    const shown = broken.slice(0, 3).join("; ") + (broken.length > 3 ? "; ..." : "");
    const which =
      count === pictures.length ? `of its ${count} pictures` : `of ${count} of its ${pictures.length} pictures`;
    throw new DataError(`${name}: none ${which} can be read: ${shown}`);
  }
  const [most] = [...counts.values()].sort(
    (a, b) => b.count - a.count || a.size[0] - b.size[0] || a.size[1] - b.size[1],
  );
  const oneSize = counts.size === 1;
  const [height, width] = size ?? (oneSize ? most!.size : (usualSize ?? most!.size));
  const asTheyAre = oneSize && most!.size[0] === height && most!.size[1] === width;
  return { shape: [height, width, channels ?? (grey ? 1 : 3)], asTheyAre };
}

function checkMemory(half: PictureHalf, shape: Shape3): void {
  const total = bytesOf(half, shape);
  if (total < MOST_BYTES) return;
  const { name, pictures } = half;
  const side = Math.floor(Math.sqrt((MOST_BYTES - 1) / (pictures.length * shape[2])));
  throw new MemoryError(
    `${name}: ${pictures.length} pictures of ${shape.join("x")} take ${(total / 2 ** 30).toFixed(1)} GiB, ` +
      `but at most 2 GiB are held in memory; leave pictures on disk (--stream), or choose a smaller --size, such as ${side}`,
  );
}

async function decodeHalf(
  { name, pictures }: PictureHalf,
  classes: readonly string[],
  shape: Shape3,
  options: OpenOptions,
  pool: LoaderPool,
  scaling?: Scaling,
): Promise<Dataset> {
  const size = shape[0] * shape[1] * shape[2];
  const broken = new BrokenPictures(name, pictures.length, options);
  const buffer = new SharedArrayBuffer(pictures.length * size);
  const found: string[] = [];
  let grey = true;
  await cook(
    pool,
    { kind: "bytes", shape },
    { buffer, size },
    pictures,
    chunkLength(shape[0], shape[1]),
    (i, outcome) => {
      if ("why" in outcome) broken.add(i, { name: pictures[i]!.name, why: outcome.why });
      else {
        found[i] = sizeText(outcome);
        grey &&= outcome.grey;
      }
      return !broken.tooMany;
    },
  );
  broken.check();
  await broken.tell();
  if (scaling === undefined && found.length > 0 && grey && shape[2] === 3) await options.note?.(greyNote(name));
  const images = new Uint8Array(buffer);
  const good = pictures.flatMap((_, i) => (broken.has(i) ? [] : [i]));
  if (good.length < pictures.length) {
    for (const [to, from] of good.entries()) images.copyWithin(to * size, from * size, (from + 1) * size);
  }
  const sizes = new Map<string, number>();
  for (const i of good) sizes.set(found[i]!, (sizes.get(found[i]!) ?? 0) + 1);
  const kept = images.subarray(0, good.length * size);
  const labels = Int32Array.from(good, (i) => pictures[i]!.label);
  const { mean, std } = scaling ?? scalingOf(kept, shape[2]);
  const report = { sizes, endings: endingsOf(pictures.map(({ path }) => path)), broken: broken.list() };
  return { name, length: good.length, classes, shape, images: kept, labels, mean, std, report };
}
