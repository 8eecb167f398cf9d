/**
 * A trained network that labels pictures of any size. A program is compiled for each size and kept for the next picture
 * of it; large pictures go through in tiles (tiles.ts), with the same result as whole. Calls are answered one after
 * another.
 */
import { OptionError } from "../base/errors.js";
import { OpenCalls } from "../base/open-calls.js";
import { checkOptions, type Fields, isRecord, mismatch, object, pick, shown, whole } from "../base/options.js";
import { byteScaling } from "../data/sets/byte-scaling.js";
import type { Executable } from "../devices/device.js";
import { MACHINE_OPTIONS, type MachineOptions } from "../devices/machine-options.js";
import { openDevice } from "../devices/open.js";
import type { Shape } from "../graph/shape.js";
import { checkOutputs } from "../model/check-outputs.js";
import { checkModel, type TrainedModel } from "../model/trained-model.js";
import { lendWeights } from "../model/weights/weights.js";
import { traceOne } from "../nn/trace.js";
import { argmax } from "../ops/index.js";
import { type Reach, reachOf } from "./reach.js";
import { majorityVote, SUPERPIXEL_OPTIONS, type SuperpixelOptions, superpixels } from "./superpixels.js";
import { planTiles } from "./tiles.js";

/** A picture in colours. */
export interface RgbPicture {
  /** Its height in pixels. */
  readonly height: number;
  /** Its width in pixels. */
  readonly width: number;
  /** height x width x 3 bytes. */
  readonly pixels: Uint8Array;
}

/** Options of `createLabeller`. All are optional. */
export interface LabellerOptions extends MachineOptions {
  /**
   * Rows and columns, at most, that are labelled at once. Larger pictures go in tiles, with the same result.
   * @default 1024
   */
  readonly tile?: number;
  /**
   * Whether superpixels vote, for borders as sharp as the picture's; an object for other superpixels than the default
   * ones.
   * @default false
   */
  readonly vote?: boolean | SuperpixelOptions;
}

/** A trained network that labels every pixel of pictures of any size. */
export interface Labeller {
  /** The class of each pixel, row by row. Calls may overlap; a picture must stay as it is until it is answered. */
  label(picture: RgbPicture): Promise<Uint8Array>;
  /** The model that it was made of. */
  readonly model: TrainedModel;
  /** How it uses the processor. */
  readonly backend: string;
  /** Threads that compute. */
  readonly threads: number;
  /** Answers the calls under way, refuses later ones, and frees the memory. */
  close(): Promise<void>;
}

export const LABELLER_OPTIONS: Fields<LabellerOptions> = {
  ...MACHINE_OPTIONS,
  tile: whole(1),
  vote(value, name) {
    if (isRecord(value)) object(SUPERPIXEL_OPTIONS)(value, name);
    else if (typeof value !== "boolean") throw mismatch(name, value, "true, false or an object such as { k: 30 }");
  },
};

/** Whole pictures are labelled up to this many pixels a side, unless said. */
const MOST_WHOLE = 1024;
/** Sizes whose programs are kept. */
const KEPT = 4;

/**
 * Makes a labeller of a trained network. It compiles a program for each size of picture, and keeps the last four.
 *
 * @example
 * ```js
 * import { models, untrained } from "fovea";
 * import { createLabeller } from "fovea/segmentation";
 *
 * const unet = models.create("unet", { classes: 2, height: 32, width: 32, widths: [4, 8] });
 * const model = untrained(unet, { data: { shape: [32, 32, 3], classes: ["a", "b"], mean: [0, 0, 0], std: [1, 1, 1] } });
 * const labeller = await createLabeller(model);
 * const labels = await labeller.label({ height: 32, width: 32, pixels: new Uint8Array(32 * 32 * 3) });
 * await labeller.close();
 * console.log(labels.length); // 1024
 * ```
 *
 * @throws OptionError on an option that is not what it should be, and if the network labels no pixels
 */
export async function createLabeller(model: TrainedModel, options: LabellerOptions = {}): Promise<Labeller> {
  checkOptions("createLabeller", options, LABELLER_OPTIONS);
  checkModel(model, "createLabeller");
  const { tile = MOST_WHOLE, vote = false } = options;
  const { module } = model;
  if (module.loss?.kind !== "pixelCrossEntropy") {
    throw new OptionError(
      `segment: the network ${model.network?.name ?? ""} gives a class a picture, not a pixel; take one that labels pixels, such as unet`,
    );
  }
  const { classes } = module.loss;
  const device = await openDevice(pick(options, MACHINE_OPTIONS));
  const programs = new Map<string, Executable>();
  let reach: Reach | undefined;
  let written = false;

  const programFor = async (height: number, width: number): Promise<Executable> => {
    const key = `${height}x${width}`;
    const known = programs.get(key);
    if (known !== undefined) {
      programs.delete(key);
      programs.set(key, known);
      return known;
    }
    if (programs.size >= KEPT) {
      const [oldest, program] = [...programs][0]!;
      programs.delete(oldest);
      await program.unload();
    }
    const input: Shape = [height, width, model.input[2]!];
    const traced = traceOne(module, { input, training: false });
    checkOutputs(module, traced);
    const labels = traced.graph.scope("labels", () => argmax(traced.output));
    const entry = { name: `label ${key}`, outputs: { labels }, assigns: [] };
    const program = await device.compile(entry, { maxBatch: 1, slots: 1 });
    if (!written) await lendWeights(device, model, "segment");
    written = true;
    programs.set(key, program);
    return program;
  };

  const label = async (picture: RgbPicture): Promise<Uint8Array> => {
    const { height, width } = picture;
    const isLarge = height > tile || width > tile;
    if (isLarge) reach ??= reachOf(module, model.input[2]!);
    const along = (axis: 0 | 1, extent: number) =>
      reach === undefined || !isLarge
        ? { size: extent, spans: [{ begin: 0, from: 0, to: extent }] }
        : planTiles(extent, tile, reach.halo[axis], reach.stride[axis]);
    const [rows, columns] = [along(0, height), along(1, width)];
    const labels = new Uint8Array(height * width);
    const program = await programFor(rows.size, columns.size);
    for (const row of rows.spans) {
      for (const column of columns.spans) {
        const slot = await program.acquire();
        try {
          const { numbers, done } = slot.samples("input", 1);
          cut(picture, model, row.begin, column.begin, rows.size, columns.size, numbers as Float32Array);
          done();
          await slot.run(1);
          const found = slot.output("labels");
          for (let y = row.from; y < row.to; y++) {
            const line = (y - row.begin) * columns.size - column.begin;
            for (let x = column.from; x < column.to; x++) labels[y * width + x] = found[line + x]!;
          }
        } finally {
          slot.release();
        }
      }
    }
    if (vote === false) return labels;
    return majorityVote(superpixels(picture.pixels, height, width, vote === true ? {} : vote), labels, classes);
  };

  const calls = new OpenCalls("the labeller");
  let last: Promise<unknown> = Promise.resolve();
  return {
    label: (picture) =>
      calls.run(() => {
        checkPicture(picture);
        const answer = last.then(() => label(picture));
        last = answer.catch(() => {});
        return answer;
      }),
    model,
    backend: device.backend,
    get threads() {
      return device.threads; // known once a picture came
    },
    close: () => calls.close(() => device.close()),
  };
}

/** @throws OptionError where it is no picture, or has other bytes than its extents say. */
function checkPicture(picture: RgbPicture): void {
  if (!isRecord(picture))
    throw new OptionError(`label: the picture is ${shown(picture)}, expected { height, width, pixels }`);
  const { height, width, pixels } = picture;
  for (const [name, extent] of Object.entries({ height, width })) whole(1)(extent, `label: ${name}`);
  const bytes: unknown = pixels;
  if (!(bytes instanceof Uint8Array || bytes instanceof Uint8ClampedArray)) {
    throw mismatch("label: pixels", bytes, "bytes in a Uint8Array, three a pixel");
  }
  if (bytes.length !== height * width * 3) {
    throw new OptionError(
      `label: ${bytes.length} bytes for a picture of ${height}x${width}x3, expected ${height * width * 3}`,
    );
  }
}

/** A window of the picture as the network's numbers, to the front of `into`. */
function cut(
  { width, pixels }: RgbPicture,
  { scaling }: TrainedModel,
  top: number,
  left: number,
  height: number,
  columns: number,
  into: Float32Array,
): void {
  const scaled = byteScaling(scaling);
  for (let y = 0; y < height; y++) {
    scaled.write(pixels, ((top + y) * width + left) * 3, into, y * columns * 3, columns * 3);
  }
}
