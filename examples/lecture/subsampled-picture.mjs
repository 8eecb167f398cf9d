/**
 * The lecture's claim, the reason for pooling: a bird is still a bird where every second row and column is left out. A network that
 * was trained on whole digits is asked about test digits of which fewer and fewer pixels are left, each repeated so that the size
 * stays; and as a second question, how right a network is that was trained on such digits.
 */
import { createClassifier, evaluate, models, train } from "fovea";
import { coloured, lineChart, tileFigure } from "fovea/analysis";
import { pictureUri } from "fovea/analysis/node";
import { experiment, first, mapped, percent, say, table } from "./experiment.mjs";

const claim = "A digit is still recognised where only one pixel of several is left.";

/** Of each square of factor x factor pixels all become its middle one, or its mean. */
function subsampled(bytes, [height, width], factor, kind) {
  const result = new Uint8Array(bytes.length);
  for (let top = 0; top < height; top += factor)
    for (let left = 0; left < width; left += factor) {
      const [bottom, right] = [Math.min(top + factor, height), Math.min(left + factor, width)];
      let sum = 0;
      for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) sum += bytes[y * width + x];
      const middle = bytes[((top + bottom) >> 1) * width + ((left + right) >> 1)];
      const value = kind === "middle" ? middle : Math.round(sum / ((bottom - top) * (right - left)));
      for (let y = top; y < bottom; y++) result.fill(value, y * width + left, y * width + right);
    }
  return result;
}

async function run({ digits, quick, seed, document, picture }) {
  const factors = quick ? [1, 2, 4] : [1, 2, 3, 4, 5, 7];
  const learned = quick ? first(digits.train, 3000) : digits.train;
  const test = first(digits.test, quick ? 500 : 10_000);
  const recipe = quick ? { epochs: 2, batchSize: 16, seed } : { epochs: 2, seed };
  const fewer = (data, factor, kind) =>
    mapped(data, data.shape, (bytes) => subsampled(bytes, data.shape, factor, kind));

  const learn = async (data) => (await train(models.create("lenet5"), data, recipe)).model;
  const model = await learn(learned);
  const rows = [["pixels", "one in", "the middle ones", "means", "trained on means"]];
  const lines = ["one pixel of each square", "the mean of each square", "trained on such means"].map((name) => ({
    name,
    points: [],
  }));
  for (const factor of factors) {
    const means = fewer(test, factor, "mean");
    const trained = factor === 1 ? model : await learn(fewer(learned, factor, "mean"));
    const found = [
      await evaluate(model, fewer(test, factor, "middle")),
      await evaluate(model, means),
      await evaluate(trained, means),
    ].map(({ accuracy }) => accuracy);
    const left = Math.ceil(test.shape[0] / factor);
    rows.push([`${left}x${left}`, factor ** 2, ...found.map((accuracy) => percent(accuracy))]);
    for (const [i, accuracy] of found.entries()) lines[i].points.push({ x: factor, y: 100 * accuracy });
    say(`${left}x${left}: ${found.map((accuracy) => percent(accuracy)).join(", ")}`);
  }
  table(rows);
  const chart = await lineChart(document, {
    label: "test accuracy by the factor by which test pictures are subsampled",
    x: { label: "of so many rows and columns one is left", ticks: factors },
    y: { label: "test accuracy (%)" },
    lines,
  });
  const shown = await pictures(document, model, test, factors, (bytes, factor) =>
    subsampled(bytes, test.shape, factor, "mean"),
  );
  await picture([shown, chart], {
    title: "Subsampled digits",
    note: "Means of squares, and what the network that was trained on whole digits takes them for.",
    columns: 1,
  });
}

/** A row a digit, a column a factor. */
async function pictures(document, model, test, factors, change) {
  const [height, width] = test.shape;
  const bytesOf = (i) => test.images.subarray(i * height * width, (i + 1) * height * width);
  const chosen = [7, 3, 5].map((digit) => test.labels.indexOf(digit));
  const classify = await createClassifier(model);
  const tiles = [];
  for (const i of chosen)
    for (const factor of factors) {
      const bytes = change(bytesOf(i), factor);
      const answer = await classify(bytes);
      const grey = coloured(bytes, GREYS, 0, 255);
      tiles.push({
        picture: await pictureUri(grey, width, height, 3),
        lines: [`1 in ${factor}x${factor}`, `${answer.class}: ${percent(answer.probabilities[answer.label], 0)}`],
        title: `digit ${test.labels[i]}, subsampled by ${factor}`,
      });
    }
  await classify.close();
  const label = "digits, subsampled further and further";
  return tileFigure(document, tiles, {
    label,
    columns: factors.length,
    width: 76,
    height: 76,
    gaps: [16, 14],
    characters: 14,
  });
}

/** Ink on paper. */
const GREYS = Array.from({ length: 256 }, (_, i) => [255 - i, 255 - i, 255 - i]);

await experiment({ name: "subsampled-picture", claim }, run);
