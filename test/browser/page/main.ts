/** A page without a face: the browser tests call `window.fovea`. It uses the package as any page would. */
import {
  createClassifier,
  type Dataset,
  datasetFromIdx,
  encodeModel,
  models,
  openDevice,
  parseIdx,
  parseModel,
  sgd,
  type TrainOptions,
  train,
} from "fovea";

/** What the tests train, here and in Node. */
export const RUN = {
  epochs: 4,
  batchSize: 16,
  seed: 7,
  backend: "wasm",
  // Fused multiply-add rounds once where others round twice: an engine may choose.
  relaxedSimd: false,
} as const satisfies TrainOptions;

const optimizer = () => sgd({ lr: 0.05, momentum: 0.9 });

async function digits(): Promise<Dataset> {
  const read = async (file: string) => parseIdx(new Uint8Array(await (await fetch(file)).arrayBuffer()), { file });
  return datasetFromIdx({
    name: "digits",
    images: await read("digits/images"),
    labels: await read("digits/labels"),
    imagesFile: "digits/images",
    labelsFile: "digits/labels",
    scaling: { mean: [0.1307], std: [0.3081] },
  });
}

const api = {
  isolated: () => globalThis.crossOriginIsolated,

  /** Where a device would run, and what it has to say about it. */
  async place(threads?: number) {
    const notes: string[] = [];
    const device = await openDevice({ threads, note: (text) => notes.push(text) });
    const { backend } = device;
    const used = device.threads;
    await device.close();
    return { backend, threads: used, notes };
  },

  /** The bytes of the model's file, and the losses by epoch. */
  async train(threads: number) {
    const notes: string[] = [];
    const run = await train(models.create("lenet5"), await digits(), {
      ...RUN,
      optimizer: optimizer(),
      threads,
      note: (text) => notes.push(text),
    });
    const pieces = encodeModel(run.model);
    const blob = new Uint8Array(await new Blob(pieces as Uint8Array<ArrayBuffer>[]).arrayBuffer());
    return { file: Array.from(blob), losses: run.history.map((epoch) => epoch.train.loss), notes };
  },

  /** Classifies the first digits with a model file of the server's. */
  async classify(count: number, threads: number) {
    const bytes = new Uint8Array(await (await fetch("model.safetensors")).arrayBuffer());
    const classify = await createClassifier(parseModel(bytes), { batch: 16, threads, relaxedSimd: false });
    const { images } = await digits();
    const answers = await classify.all(
      Array.from({ length: count }, (_, i) => images.subarray(784 * i, 784 * (i + 1))),
    );
    const used = classify.threads;
    await classify.close();
    return { labels: answers.map(({ label }) => label), logits: answers.flatMap(({ logits }) => [...logits]), used };
  },

  /** What a browser whose engine refuses vectors is told. */
  async withoutSimd() {
    const { validate } = WebAssembly;
    WebAssembly.validate = () => false;
    try {
      await openDevice();
      return "no error";
    } catch (error) {
      return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    } finally {
      WebAssembly.validate = validate;
    }
  },
};

export type PageApi = typeof api;

declare global {
  interface Window {
    fovea: PageApi;
  }
}
window.fovea = api;
