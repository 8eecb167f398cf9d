/**
 * What TensorBoard shows of a run: an event file in the run's folder for each time that it was started or resumed.
 * Figures of steps that a resumed run does again replace the old ones. What is in the file is beyond the log; losing it
 * loses nothing of the run.
 */
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FileError } from "../base/errors.js";
import { encodeScalars, encodeStart } from "../formats/tensorboard-events.js";
import { whyUnwritable } from "../host/atomic-write-node.js";
import type { EpochRecord, StepRecord } from "../train/records.js";

/** Bytes that are kept back before they are written. */
const KEPT = 2 ** 16;

async function unwritable(path: string, error: unknown): Promise<FileError> {
  const why = await whyUnwritable(error, dirname(path), KEPT);
  return new FileError(`${path}: could not be written: ${why}`, { cause: error });
}

export class TensorBoardLog {
  readonly #path: string;
  readonly #file: FileHandle;
  #waiting: Uint8Array[] = [];
  #bytes = 0;
  #written: Promise<void> = Promise.resolve();
  #failure: unknown;

  /** `step` is how many steps are done; what an earlier file says of later ones holds no more. */
  static async create(folder: string, step: number): Promise<TensorBoardLog> {
    const now = Date.now() / 1000;
    const name = `events.out.tfevents.${Math.floor(now)}.fovea.${process.pid}.${step}`;
    const path = join(folder, name);
    try {
      await mkdir(folder, { recursive: true });
      const log = new TensorBoardLog(path, await open(path, "a"));
      log.#add(encodeStart(now, step + 1));
      await log.flush();
      return log;
    } catch (error) {
      throw await unwritable(path, error);
    }
  }

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  step({ step, loss, accuracy, learningRate, gradientNorm }: StepRecord): void {
    this.#scalars(step, {
      "batch/loss": loss,
      "batch/accuracy": accuracy,
      "batch/learning rate": learningRate,
      ...(gradientNorm === undefined ? {} : { "batch/gradient norm": gradientNorm }),
    });
  }

  /** After `step` steps in all: at the same place on the axis as the batches. */
  epoch(step: number, { epoch, train, val, test, learningRate }: EpochRecord): void {
    this.#scalars(step, {
      "epoch/number": epoch,
      "epoch/learning rate": learningRate,
      "train/loss": train.loss,
      "train/accuracy": train.accuracy,
      ...(val === undefined ? {} : { "val/loss": val.loss, "val/accuracy": val.accuracy }),
      ...(test === undefined ? {} : { "test/loss": test.loss, "test/accuracy": test.accuracy }),
      ...(test?.meanIoU === undefined ? {} : { "test/mean IoU": test.meanIoU }),
      ...Object.fromEntries(Object.entries(test?.metrics ?? {}).map(([name, value]) => [`test/${name}`, value])),
    });
  }

  /** @throws FileError where something could not be written since the last time. */
  async flush(): Promise<void> {
    this.#write();
    await this.#written;
    if (this.#failure === undefined) return;
    const error = this.#failure;
    this.#failure = undefined;
    throw await unwritable(this.#path, error);
  }

  async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      await this.#file.close();
    }
  }

  #scalars(step: number, scalars: Readonly<Record<string, number>>): void {
    this.#add(encodeScalars({ wallTime: Date.now() / 1000, step, scalars }));
  }

  #add(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes >= KEPT) this.#write();
  }

  #write(): void {
    if (this.#waiting.length === 0) return;
    const bytes = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#bytes = 0;
    this.#written = this.#written
      .then(async () => {
        await this.#file.appendFile(bytes);
      })
      .catch((error: unknown) => {
        this.#failure ??= error;
      });
  }
}
