/**
 * What the lecture's experiments share: their flags, the pictures that they learn from, the table that they print and the files that
 * they draw.
 *
 *     node examples/lecture/NAME.mjs [--quick] [--seed N] [--out FOLDER] [--data SET]
 *
 * Tables go to standard output and are the same in every run with the same flags on the same kind of machine; what is under way
 * goes to standard error.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { FoveaError, OptionError } from "fovea";
import { standalone } from "fovea/analysis";
import { newDocument, toPng } from "fovea/analysis/node";
import { openDataset } from "fovea/node";

/** Runs one, `body`, and turns what a user did wrong into a line and an exit code, 2 where it is a flag. */
export async function experiment({ name, claim }, body) {
  const started = performance.now();
  try {
    const flags = flagsOf(process.argv.slice(2));
    if (flags.help) return console.log(`${claim}\n\n${usageOf(name)}`);
    const { quick, seed, out = join("runs", `lecture-${name}`) } = flags;
    const digits = await openDataset(flags.data);
    const { shape } = digits.train;
    if (shape.join() !== "28,28,1") {
      throw new OptionError(`--data ${flags.data} holds pictures of ${shape.join("x")}, expected 28x28x1, as mnist's`);
    }
    console.log(`${claim}\n`);
    await body({
      digits,
      quick,
      seed,
      document: newDocument(),
      picture: (figures, words) => draw(out, name, figures, words),
    });
    const { user, system } = process.cpuUsage();
    const [passed, used] = [(performance.now() - started) / 1000, (user + system) / 1e6].map((s) => s.toFixed(0));
    say(`${passed} s, ${used} s of processor time`);
  } catch (error) {
    const isFlag = error instanceof OptionError || error?.code?.startsWith("ERR_PARSE_ARGS");
    if (!isFlag && !(error instanceof FoveaError)) throw error;
    console.error(`${name}: ${error.message}${isFlag ? `\n${usageOf(name)}` : ""}`);
    process.exitCode = isFlag ? 2 : 1;
  }
}

const usageOf = (name) =>
  `usage: node examples/lecture/${name}.mjs [--quick] [--seed N] [--out FOLDER] [--data mnist | fashion-mnist:FOLDER]`;

function flagsOf(args) {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: "boolean", default: false },
      seed: { type: "string", default: "0" },
      out: { type: "string" },
      data: { type: "string", default: "mnist" },
      help: { type: "boolean", default: false },
    },
  });
  const seed = Number(values.seed);
  if (values.seed.trim() === "" || !Number.isSafeInteger(seed) || seed < 0) {
    throw new OptionError(`--seed is "${values.seed}", expected a whole number of at least 0`);
  }
  if (values.out === "") throw new OptionError("--out is empty, expected a folder");
  return { ...values, seed };
}

/** What is under way. */
export const say = (text) => console.error(text);

// --- Data sets

/** The first pictures of a set. */
export function first(data, count) {
  const [height, width, channels] = data.shape;
  const length = Math.min(count, data.length);
  const images = data.images.subarray(0, length * height * width * channels);
  return { ...data, length, images, labels: data.labels.subarray(0, length) };
}

/** Each picture with other pixels: `change` takes a picture's bytes and gives those of a picture of `shape`. */
export function mapped(data, shape, change) {
  const size = (extents) => extents.reduce((a, b) => a * b, 1);
  const [from, to] = [size(data.shape), size(shape)];
  const images = new Uint8Array(data.length * to);
  for (let i = 0; i < data.length; i++) images.set(change(data.images.subarray(i * from, (i + 1) * from)), i * to);
  return { ...data, shape, images };
}

/** A grey picture at a `factor`th of its height and width: the mean of each square of factor x factor pixels. */
export function shrunk(bytes, [height, width], factor) {
  const [rows, columns] = [Math.floor(height / factor), Math.floor(width / factor)];
  return Uint8Array.from({ length: rows * columns }, (_, i) => {
    const [top, left] = [Math.floor(i / columns) * factor, (i % columns) * factor];
    let sum = 0;
    for (let y = top; y < top + factor; y++) for (let x = left; x < left + factor; x++) sum += bytes[y * width + x];
    return Math.round(sum / factor ** 2);
  });
}

// --- What is shown

export const percent = (part, digits = 2) => `${(100 * part).toFixed(digits)}%`;
export const count = (number) => number.toLocaleString("en");

/** Rows of text, the first the heads; all but the first column are numbers. */
export function table(rows) {
  const texts = rows.map((row) => row.map(String));
  const widths = texts[0].map((_, i) => Math.max(...texts.map((row) => row[i].length)));
  const aligned = texts.map((row) =>
    row.map((text, i) => (i === 0 ? text.padEnd(widths[i]) : text.padStart(widths[i]))),
  );
  console.log(`${aligned.map((row) => row.join("  ").trimEnd()).join("\n")}\n`);
}

/** Figures, or promises of them, on one sheet, as SVG and PNG. */
async function draw(folder, name, figures, { title, note, columns = figures.length }) {
  const sheet = standalone(await Promise.all(figures), { title, note, columns });
  await mkdir(folder, { recursive: true });
  for (const [ending, content] of [
    ["svg", sheet.svg],
    ["png", toPng(sheet)],
  ]) {
    const path = join(folder, `${name}.${ending}`);
    await writeFile(path, content);
    say(path);
  }
}
