/** What the page shows of an answer: the bars, the picture that went in, and the feature maps. */
import type { Classification, LayerOutput } from "fovea";

export const element = <E extends HTMLElement = HTMLElement>(id: string): E => document.getElementById(id) as E;

/** Bars of the ten probabilities, and the likeliest digit in large. */
export class AnswerView {
  readonly #rows: { row: HTMLElement; bar: HTMLElement; percent: HTMLElement }[];

  constructor(classes: readonly string[]) {
    this.#rows = classes.map((name) => {
      const row = document.createElement("li");
      const [label, track, bar, percent] = ["span", "div", "div", "span"].map((tag) => document.createElement(tag));
      label!.textContent = name;
      track!.className = "track";
      bar!.className = "bar";
      percent!.className = "percent";
      track!.append(bar!);
      row.append(label!, track!, percent!);
      return { row, bar: bar!, percent: percent! };
    });
    element("bars").replaceChildren(...this.#rows.map(({ row }) => row));
    this.show(undefined);
  }

  show(answer: Classification | undefined): void {
    element("digit").textContent = answer?.class ?? "";
    element("sure").textContent =
      answer === undefined ? "" : `${percentText(answer.probabilities[answer.label]!)} sure`;
    for (const [i, { row, bar, percent }] of this.#rows.entries()) {
      const share = answer?.probabilities[i] ?? 0;
      row.classList.toggle("best", answer?.label === i);
      bar.style.setProperty("--share", String(share));
      percent.textContent = answer === undefined ? "" : percentText(share);
    }
  }
}

/** Never quite sure. */
const percentText = (share: number) => (share > 0.9995 ? ">99.9%" : `${(100 * share).toFixed(1)}%`);

/** The 28x28 bytes that the network gets. */
export function showSeen(pixels: Uint8Array | undefined): void {
  const context = element<HTMLCanvasElement>("seen").getContext("2d")!;
  const image = context.createImageData(28, 28);
  for (let i = 0; i < 784; i++) image.data.set([255, 255, 255, pixels?.[i] ?? 0], 4 * i);
  context.putImageData(image, 0, 0);
}

/** The maps of some layers, in a colour for what is above zero and another for what is below. */
export class MapsView {
  readonly #layers: { path: string; contexts: CanvasRenderingContext2D[] }[] = [];
  readonly #section = element("maps");
  #last: ReadonlyMap<string, LayerOutput> | undefined;

  constructor(layers: readonly { path: string; shape: readonly number[] }[]) {
    this.#section.hidden = layers.length === 0;
    for (const { path, shape } of layers) {
      const [height = 1, width = 1, channels = 0] = shape;
      const title = document.createElement("h2");
      const strong = document.createElement("strong");
      strong.textContent = path;
      title.append(strong, ` ${channels} maps of ${height} × ${width}`);
      const grid = document.createElement("div");
      grid.className = "grid";
      grid.style.setProperty("--columns", String(channels <= 6 ? channels : 8));
      const contexts = Array.from({ length: channels }, (_, c) => {
        const canvas = document.createElement("canvas");
        Object.assign(canvas, { width, height });
        canvas.setAttribute("role", "img");
        canvas.setAttribute("aria-label", `${path}, map ${c + 1}`);
        grid.append(canvas);
        return canvas.getContext("2d")!;
      });
      this.#section.append(title, grid);
      this.#layers.push({ path, contexts });
    }
    const legend = document.createElement("p");
    legend.className = "legend";
    legend.textContent = "The stronger the colour, the more a map found what it looks for there.";
    this.#section.append(legend);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.show(this.#last));
  }

  show(outputs: ReadonlyMap<string, LayerOutput> | undefined): void {
    this.#last = outputs;
    const above = this.#colour("--accent");
    const below = this.#colour("--below");
    for (const { path, contexts } of this.#layers) {
      const output = outputs?.get(path);
      const strongest = output?.data.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-9) ?? 1;
      for (const [c, context] of contexts.entries()) {
        const { width, height } = context.canvas;
        const image = context.createImageData(width, height);
        for (let i = 0; output !== undefined && i < width * height; i++) {
          const x = output.data[i * contexts.length + c]!;
          image.data.set([...(x < 0 ? below : above), 255 * Math.sqrt(Math.abs(x) / strongest)], 4 * i);
        }
        context.putImageData(image, 0, 0);
      }
    }
  }

  /** Red, green and blue of a colour of the style sheet, as it is in light or dark. */
  #colour(name: string): readonly number[] {
    const probe = document.createElement("canvas").getContext("2d")!;
    this.#section.style.setProperty("caret-color", `var(${name})`);
    probe.fillStyle = getComputedStyle(this.#section).caretColor;
    probe.fillRect(0, 0, 1, 1);
    return [...probe.getImageData(0, 0, 1, 1).data.subarray(0, 3)];
  }
}
