/** Draw a digit, and see what a network makes of it: the page puts a drawing pad, a compiled model and its views together. */
import { type Classifier, createClassifier, encodeModel, nn, preprocessDigit, type TrainedModel, trace } from "fovea";
import { DrawingPad } from "./drawing-pad.js";
import { type Found, findModel } from "./model.js";
import { AnswerView, element, MapsView, showSeen } from "./views.js";

const notes = new Set<string>();
const listener = {
  note: (text: string) => void notes.add(text.replace(/^fovea: /, "")),
  progress(text: string, share: number) {
    element("training").hidden = false;
    element("training-text").textContent = text;
    element<HTMLProgressElement>("training-progress").value = share;
  },
};

/** The layers whose maps are worth a look: pictures of more than one pixel, after their squashing. */
function layersToShow({ module, input }: TrainedModel) {
  const kinds = new Map([...nn.modulesOf(module)].map(([layer, path]) => [path, layer]));
  return [...trace(module, { input, training: false }).layers]
    .filter(([path, { shape }]) => kinds.get(path) instanceof nn.Activation && shape.length === 3 && shape[0]! > 1)
    .slice(0, 4)
    .map(([path, { shape }]) => ({ path, shape }));
}

/** A 28x28 picture in the middle of what the model takes, which may have a border. */
function bordered(pixels: Uint8Array, [height = 28, width = 28]: readonly number[]): Uint8Array {
  const [top, left] = [Math.floor((height - 28) / 2), Math.floor((width - 28) / 2)];
  const picture = new Uint8Array(height * width);
  for (let y = 0; y < 28; y++) picture.set(pixels.subarray(28 * y, 28 * y + 28), (top + y) * width + left);
  return picture;
}

function begin({ model, from, trainedHere }: Found, classify: Classifier, layers: ReturnType<typeof layersToShow>) {
  const answerView = new AnswerView(model.classes);
  const mapsView = new MapsView(layers);
  let stale = false;
  let busy = false;
  let milliseconds = 0;

  const pad = new DrawingPad(element<HTMLCanvasElement>("pad"), () => {
    stale = true;
    element("hint").hidden = !pad.empty;
    requestAnimationFrame(look);
  });
  element("clear").addEventListener("click", () => pad.clear());
  element("pad").addEventListener("pointerup", say);
  element("pad").addEventListener("keyup", say);

  /** One look at a time; what was drawn meanwhile is seen by the next. */
  async function look(): Promise<void> {
    if (busy || !stale) return;
    busy = true;
    stale = false;
    const digit = preprocessDigit(pad.picture());
    showSeen(digit?.pixels);
    const started = performance.now();
    const answer = digit && (await classify(bordered(digit.pixels, model.input)));
    milliseconds = performance.now() - started;
    answerView.show(answer);
    mapsView.show(answer?.layers);
    showStatus();
    busy = false;
    if (stale) requestAnimationFrame(look);
  }

  /** For those who hear the page: the answer when the pen is lifted, not at every move. */
  function say(): void {
    const digit = element("digit").textContent;
    element("spoken").textContent = digit === "" ? "" : `${digit}, ${element("sure").textContent}`;
  }

  function showStatus(): void {
    const machine = `WebAssembly on ${classify.threads === 1 ? "one thread" : `${classify.threads} threads`}`;
    const time = milliseconds > 0 ? [`${milliseconds.toFixed(1)} ms a look`] : [];
    const line = [`${model.network?.name ?? "a network"} (${from})`, machine, ...time].join(" · ");
    element("status").replaceChildren(line, ...[...notes].map((note) => paragraph(note)));
    if (trainedHere) element("status").append(paragraph(download(model)));
  }
  element("hint").textContent = "Draw here, 0 to 9";
  showStatus();
}

function paragraph(content: string | Node): HTMLElement {
  const line = document.createElement("span");
  line.style.display = "block";
  line.append(content);
  return line;
}

let saved: HTMLAnchorElement | undefined;
function download(model: TrainedModel): HTMLAnchorElement {
  if (saved !== undefined) return saved;
  saved = document.createElement("a");
  saved.textContent = "Save the model as a file";
  saved.download = "model.safetensors";
  saved.href = URL.createObjectURL(new Blob(encodeModel(model) as Uint8Array<ArrayBuffer>[]));
  return saved;
}

try {
  // Empty bars until there is a model.
  new AnswerView(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
  const found = await findModel(listener);
  element("training").hidden = true;
  const layers = layersToShow(found.model);
  const classify = await createClassifier(found.model, { layers: layers.map(({ path }) => path), note: listener.note });
  begin(found, classify, layers);
  document.body.dataset["ready"] = "yes";
} catch (error) {
  element("training").hidden = true;
  element("problem").hidden = false;
  element("problem").textContent = error instanceof Error ? error.message : String(error);
}
