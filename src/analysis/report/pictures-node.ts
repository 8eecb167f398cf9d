/** The figures of a report, for its page and as files. */
import type { Dataset } from "../../data/sets/dataset.js";
import { inMemory } from "../../data/sets/in-memory.js";
import type { Tile } from "../figures/chart-options.js";
import { type Paper, paperOn } from "../figures/paper.js";
import { DIVERGING } from "../inspect/ramps.js";
import { confusionFigure } from "./confusion.js";
import { curves } from "./curves.js";
import { newDocument, pictureUri } from "./draw-node.js";
import { type Figure, sheet } from "./figure.js";
import { type Filters, filtersNote } from "./filters.js";
import { type Mistake, mistakesNote } from "./mistakes.js";
import { type Pictures, type ReportData, reportTitle, type ShownMistake } from "./report-data.js";
import { tileFigure } from "./tiles.js";

export async function drawPictures(data: ReportData): Promise<Pictures> {
  const paper = await paperOn(newDocument());
  const title = reportTitle(data);
  const { history, tested, filters, test } = data;
  const files = new Map<string, Figure>();

  const { loss, accuracy } = history.length === 0 ? {} : curves(paper, history);
  if (loss !== undefined && accuracy !== undefined)
    files.set("curves", sheet(`${title}: loss and accuracy`, "", [loss, accuracy]));

  const confusion = tested === undefined ? undefined : confusionFigure(paper, tested.confusion, tested.classes);
  if (tested !== undefined && confusion !== undefined) {
    const note = `${percent(tested.accuracy)} of ${tested.samples.toLocaleString("en")} test pictures right. ${confusion.note}`;
    files.set("confusion", sheet(`${title}: what was taken for what`, note, [confusion]));
  }

  const filterPicture = filters === undefined ? undefined : await filterFigure(paper, filters);
  if (filterPicture !== undefined)
    files.set("filters", sheet(`${title}: first layer`, filterPicture.note, [filterPicture]));

  const mistakes = tested === undefined || test === undefined ? [] : await withPictures(tested.mistakes.shown, test);
  if (tested !== undefined && mistakes.length > 0) {
    const { total } = tested.mistakes;
    files.set(
      "wrong",
      sheet(`${title}: what it got wrong`, mistakesNote(mistakes.length, total), [mistakeFigure(paper, mistakes)]),
    );
  }
  return {
    ...(loss === undefined ? {} : { loss }),
    ...(accuracy === undefined ? {} : { accuracy }),
    ...(confusion === undefined ? {} : { confusion }),
    ...(filterPicture === undefined ? {} : { filters: filterPicture }),
    mistakes,
    files,
  };
}

const percent = (part: number) => `${(100 * part).toFixed(2)}%`;

// --- Filters: red pulls down, blue pulls up, white is zero

async function filterFigure(paper: Paper, filters: Filters): Promise<Figure & { readonly note: string }> {
  const { height, width, channels, tiles, limit } = filters;
  const step = (value: number) => Math.round(127.5 + (127.5 * value) / (limit || 1));
  const pictures = await Promise.all(
    tiles.map((tile) => {
      const bytes = new Uint8Array(height * width * 3);
      for (let i = 0; i < height * width; i++) {
        if (channels === 3) for (let c = 0; c < 3; c++) bytes[3 * i + c] = step(tile[3 * i + c]!);
        else bytes.set(DIVERGING[step(tile[i]!)]!, 3 * i);
      }
      return pictureUri(bytes, width, height, 3);
    }),
  );
  const side = height * width > 400 ? 84 : 56;
  const figure = tileFigure(
    paper,
    pictures.map((picture, i): Tile => ({ picture, lines: [String(i)], title: `filter ${i}` })),
    {
      label: "filters of the first layer",
      columns: 8,
      width: width >= height ? side : Math.max(8, Math.round((side * width) / height)),
      height: height >= width ? side : Math.max(8, Math.round((side * height) / width)),
      gaps: [16, 16],
      characters: 6,
      ...(channels === 3
        ? {}
        : {
            scale: {
              colours: DIVERGING.filter((_, i) => i % 8 === 4).map(([r, g, b]) => `rgb(${r},${g},${b})`),
              ends: [(-limit).toFixed(2), "0", limit.toFixed(2)],
            },
          }),
    },
  );
  return { ...figure, note: filtersNote(filters) };
}

// --- Mistakes

async function withPictures(mistakes: readonly Mistake[], data: Dataset): Promise<ShownMistake[]> {
  const [height, width, channels] = data.shape;
  const size = height * width * channels;
  const { images } = await inMemory(
    data,
    mistakes.map(({ index }) => index),
  );
  return Promise.all(
    mistakes.map(async (mistake, n) => {
      const whole = images.subarray(n * size, (n + 1) * size);
      // Of pictures that are neither grey nor RGB, the first channel.
      const bytes = channels === 1 || channels === 3 ? whole : whole.filter((_, i) => i % channels === 0);
      return { ...mistake, picture: await pictureUri(bytes, width, height, channels === 3 ? 3 : 1) };
    }),
  );
}

function mistakeFigure(paper: Paper, mistakes: readonly ShownMistake[]): Figure {
  const longest = Math.max(...mistakes.flatMap(({ actual, predicted }) => [actual.length, predicted.length]));
  const short = longest <= 3;
  const tiles = mistakes.map(({ picture, actual, predicted, probability }): Tile => {
    const sure = `${(100 * probability).toFixed(0)}%`;
    return {
      picture,
      lines: short ? [`${actual} → ${predicted}`, sure] : [actual, `→ ${predicted}`, sure],
      title: `${actual} taken for ${predicted}, ${sure}`,
    };
  });
  return tileFigure(paper, tiles, {
    label: "pictures that it got wrong",
    columns: short ? 12 : 8,
    width: 56,
    height: 56,
    gaps: [short ? 16 : 40, 16],
    characters: short ? 12 : 15,
  });
}
