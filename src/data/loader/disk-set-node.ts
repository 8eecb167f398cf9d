/**
 * A set whose pictures stay on disk: larger than memory, decoded by workers while a network learns. When it is opened,
 * the head and the end of every file are looked at, so that sizes are known and nearly all broken files are left out at
 * once, as from a set in memory. What only decoding finds is named when it is first met, and replaced by the next
 * picture of the set that is whole, in every epoch.
 */
import { createHash } from "node:crypto";
import { DataError, MemoryError } from "../../base/errors.js";
import { Random } from "../../base/random.js";
import { BrokenPictures } from "../decode/broken-pictures.js";
import type { OpenOptions } from "../open-options.js";
import { type Dataset, type DatasetSplits, greyNote, type Scaling, scalingOf } from "../sets/dataset.js";
import type { FoundSet, LabelledPicture, PictureHalf } from "../sources/labelled-pictures.js";
import { endingsOf } from "../sources/picture-kinds.js";
import { chunkLength } from "./chunks.js";
import { cook, sizeText } from "./cook-node.js";
import { type DiskPictures, openDiskStream } from "./disk-stream-node.js";
import type { Facts } from "./messages.js";
import type { LoaderPool } from "./pool-node.js";
import { SharedPool } from "./shared-pool-node.js";

type Shape3 = readonly [height: number, width: number, channels: number];

/** Pictures whose pixels are measured for mean and deviation, and the bytes that they may take. */
const MEASURED = 1024;
const MEASURED_BYTES = 2 ** 27;
const MOST_PICTURE_BYTES = 2 ** 29;

/**
 * `pool` is closed when the pictures have been looked at; training starts workers of its own, of pools that `morePools`
 * makes.
 */
export async function openOnDisk(
  found: FoundSet,
  shape: Shape3,
  options: OpenOptions,
  pool: LoaderPool,
  morePools: () => LoaderPool,
): Promise<DatasetSplits> {
  const bytes = shape[0] * shape[1] * shape[2];
  if (bytes > MOST_PICTURE_BYTES) {
    const takes = `${(bytes / 2 ** 30).toFixed(1)} GiB`;
    throw new MemoryError(
      `${found.train.name}: a picture of ${shape.join("x")} takes ${takes}; choose a smaller --size`,
    );
  }
  const workers = new SharedPool(morePools);
  const learnt = await lookAt(found.train, options, pool);
  if (learnt.facts.length > 0 && shape[2] === 3 && learnt.facts.every(({ grey }) => grey)) {
    await options.note?.(greyNote(learnt.name));
  }
  const scaling = await measure(learnt, shape, options.seed ?? 0, pool);
  const train = datasetOf(learnt, found.classes, shape, scaling, workers);
  const other = async (half: PictureHalf) =>
    datasetOf(await lookAt(half, options, pool), found.classes, shape, scaling, workers);
  const val = found.val && (await other(found.val));
  const test = await other(found.test);
  await pool.close();
  return { train, ...(val && { val }), test, halves: found.halves };
}

interface Looked {
  readonly name: string;
  readonly pictures: readonly LabelledPicture[];
  readonly facts: readonly Facts[];
  readonly broken: BrokenPictures;
}

async function lookAt({ name, pictures }: PictureHalf, options: OpenOptions, pool: LoaderPool): Promise<Looked> {
  const broken = new BrokenPictures(name, pictures.length, options);
  const facts: Facts[] = [];
  await cook(
    pool,
    { kind: "head", whole: options.whole ?? false },
    undefined,
    pictures,
    options.whole ? 8 : 64,
    (i, outcome) => {
      if ("why" in outcome) broken.add(i, { name: pictures[i]!.name, why: outcome.why });
      else facts[i] = outcome;
      return !broken.tooMany;
    },
  );
  broken.check();
  await broken.tell();
  const isGood = (_: unknown, i: number) => !broken.has(i);
  return { name, pictures: pictures.filter(isGood), facts: facts.filter(isGood), broken };
}

/** Mean and deviation of a seeded sample, pictures brought to the set's shape. */
async function measure({ name, pictures }: Looked, shape: Shape3, seed: number, pool: LoaderPool): Promise<Scaling> {
  const size = shape[0] * shape[1] * shape[2];
  const most = Math.max(1, Math.min(MEASURED, Math.floor(MEASURED_BYTES / size)));
  const order = new Random(seed).fork("measured").shuffle(Uint32Array.from(pictures.keys()));
  const sample = [...order.subarray(0, most)].sort((a, b) => a - b).map((i) => pictures[i]!);
  const buffer = new SharedArrayBuffer(sample.length * size);
  const images = new Uint8Array(buffer);
  const good: number[] = [];
  await cook(
    pool,
    { kind: "bytes", shape },
    { buffer, size },
    sample,
    chunkLength(shape[0], shape[1]),
    (i, outcome) => {
      if (!("why" in outcome)) good.push(i);
      return true;
    },
  );
  if (good.length === 0 && sample.length > 0)
    throw new DataError(`${name}: none of ${sample.length} of its pictures will decode`);
  good.sort((a, b) => a - b);
  for (const [to, from] of good.entries()) images.copyWithin(to * size, from * size, (from + 1) * size);
  return scalingOf(images.subarray(0, good.length * size), shape[2]);
}

function datasetOf(
  { name, pictures, facts, broken }: Looked,
  classes: readonly string[],
  shape: Shape3,
  { mean, std }: Scaling,
  workers: SharedPool,
): Dataset {
  const sizes = new Map<string, number>();
  for (const fact of facts) sizes.set(sizeText(fact), (sizes.get(sizeText(fact)) ?? 0) + 1);
  const labels = Int32Array.from(pictures, ({ label }) => label);
  const set: DiskPictures = { name, shape, pictures, facts, labels, broken: broken.rest() };
  return {
    ...{ name, length: pictures.length, classes, shape, images: new Uint8Array(0), labels, mean, std },
    report: { sizes, endings: endingsOf(pictures.map(({ path }) => path)), broken: broken.list() },
    contents: contentsOf(pictures, facts),
    stream: (options) => openDiskStream(set, workers, options),
  };
}

/** Names as they are below the folder that all have in common, sizes and labels. */
function contentsOf(pictures: readonly LabelledPicture[], facts: readonly Facts[]): string {
  const common = commonFolder(pictures.map(({ name }) => name));
  const hash = createHash("sha256");
  for (const [i, { name, label }] of pictures.entries()) {
    const path = name.slice(common.length).replaceAll("\\", "/");
    hash.update(`${path}\0${facts[i]!.bytes}\0${label}\n`);
  }
  return hash.digest("hex").slice(0, 32);
}

function commonFolder(names: readonly string[]): string {
  let common = names[0] ?? "";
  for (const name of names) {
    let length = 0;
    while (length < common.length && common[length] === name[length]) length++;
    common = common.slice(0, length);
  }
  return common.slice(0, Math.max(common.lastIndexOf("/"), common.lastIndexOf("\\")) + 1);
}
