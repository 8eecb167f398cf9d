/** The model of the page: the one that the server found, or one that is trained here. */
import {
  type Dataset,
  datasetFromIdx,
  evaluate,
  models,
  type Progress,
  parseIdx,
  parseModel,
  type TrainedModel,
  train,
} from "fovea";

/** What the server has, as serve.mjs writes it. */
interface Offer {
  /** Where the model came from, for people to read. */
  readonly model: string | null;
}

export interface Found {
  readonly model: TrainedModel;
  readonly from: string;
  readonly trainedHere: boolean;
}

export interface Listener {
  note(text: string): void;
  progress(text: string, share: number): void;
}

export async function findModel(listener: Listener): Promise<Found> {
  const { model: from }: Offer = await (await get("offer.json")).json();
  if (from !== null) {
    const bytes = new Uint8Array(await (await get("model/model.safetensors")).arrayBuffer());
    const model = parseModel(bytes, {}, from);
    if (readsDigits(model)) return { model, from, trainedHere: false };
    listener.note(
      `${from} takes ${model.input.join(" x ")} and tells ${model.classes.length} classes apart: no digits.`,
    );
  }
  return trainHere(listener);
}

function readsDigits({ input, classes }: TrainedModel): boolean {
  const [height = 0, width = 0, channels] = input;
  return input.length === 3 && height >= 28 && width >= 28 && channels === 1 && classes.length === 10;
}

const EPOCHS = 2;

async function trainHere(listener: Listener): Promise<Found> {
  listener.progress("Loading digits to learn from", 0);
  const [digits, test] = await Promise.all([loadDigits("train"), loadDigits("test")]);
  const count = digits.length.toLocaleString("en");
  const onProgress = ({ epoch, done, total, loss, accuracy }: Progress) => {
    const share = (epoch - 1 + done / total) / EPOCHS;
    const figures = `loss ${loss.toFixed(3)}, ${(100 * accuracy).toFixed(1)}% right`;
    listener.progress(
      `Training LeNet-5 in this page on ${count} digits, epoch ${epoch} of ${EPOCHS}: ${figures}`,
      share,
    );
  };
  const started = performance.now();
  const { model } = await train(models.create("lenet5"), digits, {
    epochs: EPOCHS,
    batchSize: 32,
    onProgress,
    note: listener.note,
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const { accuracy } = await evaluate(model, test, { note: () => {} });
  const right = `${(100 * accuracy).toFixed(1)}% right on ${test.length.toLocaleString("en")} others`;
  return { model, from: `trained here in ${seconds} s, ${right}`, trainedHere: true };
}

async function loadDigits(half: "train" | "test"): Promise<Dataset> {
  const read = async (file: string) => parseIdx(new Uint8Array(await (await get(file)).arrayBuffer()), { file });
  const [imagesFile, labelsFile] = [`digits/${half}-images`, `digits/${half}-labels`];
  const [images, labels] = await Promise.all([read(imagesFile), read(labelsFile)]);
  // The scaling that the field uses for MNIST.
  const scaling = { mean: [0.1307], std: [0.3081] };
  return datasetFromIdx({ name: `digits to ${half}`, images, labels, imagesFile, labelsFile, scaling });
}

async function get(file: string): Promise<Response> {
  const response = await fetch(file);
  if (!response.ok) throw new Error(`${file} could not be fetched (${response.status} ${response.statusText})`);
  return response;
}
