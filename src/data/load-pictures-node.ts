/**
 * Decodes the pictures of a found set into memory, all of one size. A picture that will not decode is named, counted and
 * left out, up to a limit.
 */
import { availableParallelism } from "node:os";
import { DataError, FoveaError, MemoryError } from "../errors.js";
import { type BrokenPicture, type Dataset, type DatasetSplits, measureScaling, type Scaling } from "./dataset.js";
import type { FoundSet, LabelledPicture, PictureHalf } from "./labelled-pictures.js";
import { MOST_BROKEN, type OpenOptions } from "./open-options.js";
import { decodePicture, inspectPicture, type PictureFacts } from "./read-picture-node.js";

/** Pictures that are looked at to find the size that all have. */
const SAMPLE = 256;
/** A set is held whole in memory, in one array. */
const MOST_BYTES = 2 ** 31;
/** Broken pictures that are named one by one. */
const NAMED = 10;

type Shape3 = readonly [height: number, width: number, channels: number];

/** @throws DataError where too many pictures are broken, MemoryError where the set is too large to be held whole. */
export async function loadPictures(found: FoundSet, options: OpenOptions = {}): Promise<DatasetSplits> {
  try {
    const shape = await chooseShape(found.train, options);
    for (const half of [found.train, found.test]) checkMemory(half, shape);
    const train = await decodeHalf(found.train, found.classes, shape, options);
    const test = await decodeHalf(found.test, found.classes, shape, options, train);
    return { train, test };
  } finally {
    await found.close?.();
  }
}

/** The size that was asked for, or that all of a sample have, or the usual one, or what most of the sample have. */
async function chooseShape({ name, pictures }: PictureHalf, options: OpenOptions): Promise<Shape3> {
  if (options.size !== undefined && options.channels !== undefined) return [...options.size, options.channels];
  const count = Math.min(SAMPLE, pictures.length);
  const counts = new Map<string, { size: readonly [number, number]; count: number }>();
  let good = 0;
  let grey = true;
  for (let i = 0; i < count; i++) {
    const picture = pictures[Math.floor((i * pictures.length) / count)]!;
    const facts = await factsOf(picture);
    if (facts === undefined) continue;
    good++;
    grey &&= facts.grey;
    const key = `${facts.height}x${facts.width}`;
    const before = counts.get(key)?.count ?? 0;
    counts.set(key, { size: [facts.height, facts.width], count: before + 1 });
  }
  if (good === 0) throw new DataError(`${name}: none of its first ${count} pictures can be read`);
  const [most] = [...counts.values()].sort((a, b) => b.count - a.count);
  const common = counts.size === 1 ? most!.size : (options.usualSize ?? most!.size);
  return [...(options.size ?? common), options.channels ?? (grey ? 1 : 3)];
}

async function factsOf(picture: LabelledPicture): Promise<PictureFacts | undefined> {
  try {
    return await inspectPicture(picture.name, await picture.read());
  } catch (error) {
    if (error instanceof FoveaError) return undefined; // decoding it says what is wrong
    throw error;
  }
}

function checkMemory({ name, pictures }: PictureHalf, [height, width, channels]: Shape3): void {
  const total = pictures.length * height * width * channels;
  if (total < MOST_BYTES) return;
  const side = Math.floor(Math.sqrt((MOST_BYTES - 1) / (pictures.length * channels)));
  throw new MemoryError(
    `${name}: ${pictures.length} pictures of ${height}x${width}x${channels} take ${(total / 2 ** 30).toFixed(1)} GiB, ` +
      `but a set is held whole in memory, up to 2 GiB; choose a smaller --size, such as ${side}, or fewer pictures`,
  );
}

async function decodeHalf(
  { name, pictures }: PictureHalf,
  classes: readonly string[],
  shape: Shape3,
  options: OpenOptions,
  scaling?: Scaling,
): Promise<Dataset> {
  const size = shape[0] * shape[1] * shape[2];
  const limit = options.maxBroken ?? MOST_BROKEN;
  const most = "count" in limit ? limit.count : Math.floor(limit.part * pictures.length);
  const images = new Uint8Array(pictures.length * size);
  const reasons = new Map<number, string>();
  const found: string[] = [];
  const decode = async (i: number) => {
    const picture = pictures[i]!;
    try {
      const { pixels, height, width } = await decodePicture(picture.name, await picture.read(), shape);
      images.set(pixels, i * size);
      found[i] = `${height}x${width}`;
    } catch (error) {
      if (!(error instanceof FoveaError)) throw error;
      reasons.set(i, error.message);
    }
  };
  let next = 0;
  const lane = async () => {
    while (next < pictures.length && reasons.size <= most) await decode(next++);
  };
  // Two pictures a core keep the decoder busy.
  await Promise.all(Array.from({ length: 2 * availableParallelism() }, lane));
  const broken = [...reasons].sort(([a], [b]) => a - b).map(([i, why]) => ({ name: pictures[i]!.name, why }));
  if (broken.length > most) throw tooMany(name, broken, most, pictures.length);
  if (broken.length > 0) tell(name, broken, pictures.length, options.note);
  const good = pictures.flatMap((_, i) => (reasons.has(i) ? [] : [i]));
  if (broken.length > 0) {
    for (const [to, from] of good.entries()) images.copyWithin(to * size, from * size, (from + 1) * size);
  }
  const sizes = new Map<string, number>();
  for (const i of good) sizes.set(found[i]!, (sizes.get(found[i]!) ?? 0) + 1);
  const kept = images.subarray(0, good.length * size);
  const labels = Int32Array.from(good, (i) => pictures[i]!.label);
  const { mean, std } = scaling ?? measureScaling(kept, shape[2]);
  return { name, length: good.length, classes, shape, images: kept, labels, mean, std, report: { sizes, broken } };
}

function tooMany(name: string, broken: readonly BrokenPicture[], most: number, count: number): DataError {
  const shown = broken.slice(0, NAMED).map(({ why }) => why);
  return new DataError(
    `${name}: more than ${most} of ${count} pictures cannot be read: ${shown.join("; ")}. ` +
      "Mend or remove them, or allow more by --max-broken (`fovea data` names them all)",
  );
}

function tell(name: string, broken: readonly BrokenPicture[], count: number, note: OpenOptions["note"]): void {
  for (const { why } of broken.slice(0, NAMED)) note?.(`fovea: ${why}; left out`);
  note?.(`fovea: ${name}: ${broken.length} of ${count} pictures could not be read and are left out`);
}
