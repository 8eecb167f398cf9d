/**
 * The lecture's claim: where an object moves, what a filter finds moves with it, since it is one filter everywhere; and pooling makes the
 * difference smaller. Feature maps of digits and of the same digits further right: away from the border the numbers are to be the
 * same, bit for bit. A change is that of rectified maps, |f(shifted) - f(digit)| / |f(digit)|, the mean over digits.
 */
import { createClassifier, models, train } from "fovea";
import { coloured, DIVERGING, receptiveFieldsOf, tileFigure } from "fovea/analysis";
import { pictureUri } from "fovea/analysis/node";
import { count, experiment, first, percent, say, table } from "./experiment.mjs";

const claim = "A filter's output moves with its input, exactly; pooled outputs change less.";

/** Further right by `by` pixels; what comes in is background, what goes out is lost. */
function shifted(bytes, width, by) {
  const result = new Uint8Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) if (i % width >= by) result[i] = bytes[i - by];
  return result;
}

const LAYERS = ["conv1", "pool1", "conv2", "pool2"];

async function run({ digits, quick, seed, document, picture }) {
  const learned = quick ? first(digits.train, 3000) : digits.train;
  const test = first(digits.test, quick ? 50 : 1000);
  const [height, width] = test.shape;
  const size = height * width;
  const pictures = Array.from({ length: test.length }, (_, i) => test.images.slice(i * size, (i + 1) * size));

  const { model } = await train(models.create("lenet5"), learned, {
    ...(quick ? { epochs: 2, batchSize: 16 } : { epochs: 3 }),
    seed,
  });
  const { columns } = receptiveFieldsOf(model.module, model.input).get("conv1");
  const classify = await createClassifier(model, { batch: 50, layers: LAYERS });
  const whole = await classify.all(pictures);
  const rows = [
    [
      "shift",
      "numbers compared",
      "unequal",
      ...LAYERS.map((path) => `change of ${path}`),
      "change of maxima",
      "same answer",
    ],
  ];
  for (const by of quick ? [1, 4] : [1, 2, 3, 4]) {
    const moved = await classify.all(pictures.map((bytes) => shifted(bytes, width, by)));
    let [compared, unequal] = [0, 0];
    for (const [i, answer] of whole.entries()) {
      const { shape, data } = answer.layers.get("conv1");
      const later = moved[i].layers.get("conv1").data;
      for (const at of inside(shape, columns, width, by)) {
        compared++;
        if (data[at] !== later[at + by * shape[2]]) unequal++;
      }
    }
    const change = (of) =>
      whole.reduce((sum, answer, i) => sum + difference(of(moved[i]), of(answer)), 0) / whole.length;
    const same = whole.filter(({ label }, i) => label === moved[i].label).length / whole.length;
    rows.push([
      by,
      count(compared),
      count(unequal),
      ...LAYERS.map((path) => change(({ layers }) => rectified(layers.get(path).data)).toFixed(3)),
      change(({ layers }) => largest(layers.get("conv1"))).toFixed(3),
      percent(same, 1),
    ]);
    say(`shifted by ${by}: ${count(unequal)} of ${count(compared)} numbers are unequal`);
  }
  table(rows);
  const by = 4;
  const [before, after] = await classify.all([pictures[0], shifted(pictures[0], width, by)]);
  await classify.close();
  await picture([await maps(document, pictures[0], [before, after], { height, width, by })], {
    title: "A shifted digit and its feature maps",
    note: `conv1 before and after a shift of ${by} pixels, and the second shifted back less the first. Blue is above zero, red below.`,
  });
}

/** The places of conv1 whose pixels are all in the picture, before the shift and after. */
function* inside([rows, width, channels], { size, offset }, pixels, by) {
  for (let y = 0; y < rows; y++)
    for (let x = -offset; x + by + offset + size <= pixels; x++)
      for (let c = 0; c < channels; c++) yield (y * width + x) * channels + c;
}

const rectified = (numbers) => numbers.map((value) => Math.max(0, value));
const norm = (numbers) => Math.sqrt(numbers.reduce((sum, value) => sum + value * value, 0));
const difference = (numbers, others) => norm(numbers.map((value, i) => value - others[i])) / norm(others);

/** Of each channel. */
function largest({ shape: [, , channels], data }) {
  const most = new Float32Array(channels);
  data.forEach((value, i) => {
    most[i % channels] = Math.max(most[i % channels], value);
  });
  return most;
}

/** Rows: the digit, the shifted one, the difference; columns: the picture, the maps of conv1. */
async function maps(document, bytes, answers, { height, width, by }) {
  const layers = answers.map(({ layers }) => layers.get("conv1"));
  const [{ shape, data }, { data: later }] = layers;
  const channels = shape[2];
  const limit = Math.max(...data.map(Math.abs));
  const plane = (numbers, channel) =>
    Float32Array.from({ length: height * width }, (_, i) => numbers[i * channels + channel]);
  // Where there is nothing to shift back, nothing is drawn.
  const back = data.map((value, i) => {
    const x = Math.floor(i / channels) % width;
    return x + by < width ? later[i + by * channels] - value : 0;
  });
  const rowOf = async (name, pixels, numbers) => [
    {
      picture: await pictureUri(coloured(pixels, DIVERGING, -255, 255), width, height, 3),
      lines: [name, ""],
      title: name,
    },
    ...(await Promise.all(
      Array.from({ length: channels }, async (_, channel) => ({
        picture: await pictureUri(coloured(plane(numbers, channel), DIVERGING, -limit, limit), width, height, 3),
        lines: [`map ${channel}`, ""],
        title: `${name}, map ${channel}`,
      })),
    )),
  ];
  const tiles = [
    ...(await rowOf("the digit", bytes, data)),
    ...(await rowOf(`shifted by ${by}`, shifted(bytes, width, by), later)),
    ...(await rowOf("difference", new Uint8Array(bytes.length), back)),
  ];
  const label = "feature maps of a digit and of the same digit further right, and their difference";
  return tileFigure(document, tiles, {
    label,
    columns: channels + 1,
    width: 84,
    height: 84,
    gaps: [14, 6],
    characters: 16,
  });
}

await experiment({ name: "shifted-input", claim }, run);
