/** The report of a run: a page that stands alone and pictures whose text can be read, whatever the run was. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { paperOn } from "#fovea/analysis/figures/paper.js";
import { confusedPairs } from "#fovea/analysis/report/confused-pairs.js";
import { confusionFigure } from "#fovea/analysis/report/confusion.js";
import { curves } from "#fovea/analysis/report/curves.js";
import { newDocument, toPng } from "#fovea/analysis/report/draw-node.js";
import { escapeXml, sheet } from "#fovea/analysis/report/figure.js";
import { firstLayerFilters } from "#fovea/analysis/report/filters.js";
import { findMistakes } from "#fovea/analysis/report/mistakes.js";
import { DARK, LIGHT } from "#fovea/analysis/report/palette.js";
import { writeReport } from "#fovea/analysis/report/report-node.js";
import { untrained } from "#fovea/model/trained-model.js";
import { create } from "#fovea/models/index.js";
import { conv2d, flatten, linear, sequential } from "#fovea/nn/index.js";
import type { TrainingConfig } from "#fovea/run/config.js";
import { type RunPlan, runTraining } from "#fovea/run/run-node.js";
import { train } from "#fovea/train/train.js";
import { fovea, startFovea } from "../support/cli.js";
import { pictures, writePictures } from "../support/pictures.js";
import { temporaryFolder } from "../support/temporary.js";

const record = (epoch: number, loss: number, accuracy: number) => ({
  epoch,
  train: { loss, accuracy },
  test: { loss: 1.5 * loss, accuracy: accuracy - 0.01 },
  learningRate: 0.1,
  trainSeconds: 2,
  testSeconds: 1,
});

/** How many pixels of a rectangle, in figure units, are dark. */
async function darkPixels(png: Buffer, left: number, top: number, width: number, height: number): Promise<number> {
  const region = { left: 2 * left, top: 2 * top, width: 2 * width, height: 2 * height };
  const { data } = await sharp(png).extract(region).greyscale().raw().toBuffer({ resolveWithObject: true });
  return data.filter((p) => p < 100).length;
}

/** What a page would fetch. */
const fetched = (html: string) =>
  [...html.matchAll(/(?:src|href|srcset|action|data)\s*=\s*"([^"]*)"|url\(([^)]*)\)|@import[^;]*/g)]
    .map(([whole, attribute, url]) => attribute ?? url ?? whole)
    .filter((target) => !target.startsWith("data:image/png;base64,"));

/** Without the page in the message. */
function expectIn(html: string, text: string): void {
  expect(html.includes(text), text).toBe(true);
}

function expectStandsAlone(html: string): void {
  expect(html.match(/https?:\/\/|<script|<link|<iframe/gi)).toBeNull();
  expect(fetched(html)).toEqual([]);
  expect(html.startsWith("<!doctype html>")).toBe(true);
  expect(html.trimEnd().endsWith("</html>")).toBe(true);
}

describe("fovea train", () => {
  it("ends with a report: a page that stands alone and pictures with readable titles", async () => {
    const folder = temporaryFolder();
    writePictures(folder);
    const args = ["train", "lenet5", "--data", "./digits", "--epochs", "2", "--batch-size", "16", "--lr", "0.02"];
    const { code, stdout, stderr } = await fovea([...args, "--out", "run"], folder);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("Report: run/report.html");
    const [, next] = stdout.split("What to try next:\n");
    expect(next!.trimEnd().split("\n")).toHaveLength(3);

    const html = readFileSync(join(folder, "run", "report.html"), "utf8");
    expectStandsAlone(html);
    // Figures: two curves, the confusion matrix, six filters.
    expect(html.match(/<svg /g)).toHaveLength(4);
    for (const name of ["loss by epoch", "accuracy by epoch", "confusion matrix", "filters of the first layer"])
      expectIn(html, `aria-label="${name}"`);
    expectIn(html, "2 epochs, finished.");
    expectIn(html, "sgd (lr 0.02, momentum 0.9");
    expectIn(html, process.versions.node);
    expectIn(html, "61,706");
    for (const line of readFileSync(join(folder, "run", "log.jsonl"), "utf8")
      .trim()
      .split("\n")) {
      const { test } = JSON.parse(line) as { test: { loss: number; accuracy: number } };
      expectIn(html, `>${test.loss.toFixed(4)}<`);
      expectIn(html, `>${(100 * test.accuracy).toFixed(2)}%<`);
    }

    const files = readdirSync(join(folder, "run", "report")).sort();
    expect(files.filter((name) => name !== "wrong.png")).toEqual(["confusion.png", "curves.png", "filters.png"]);
    for (const name of files) {
      const png = readFileSync(join(folder, "run", "report", name));
      const { width, height } = await sharp(png).metadata();
      expect(Math.min(width, height), name).toBeGreaterThan(200);
      // The title: dark strokes on its line, none above it.
      expect(await darkPixels(png, 20, 20, 120, 22), name).toBeGreaterThan(300);
      expect(await darkPixels(png, 0, 0, 150, 12), name).toBe(0);
    }

    // A run that is over can have it again, and be without.
    rmSync(join(folder, "run", "report.html"));
    const without = await fovea(["train", "--resume", "run", "--no-report"], folder);
    expect(without.stdout).not.toContain("Report:");
    expect(readdirSync(join(folder, "run"))).not.toContain("report.html");

    // Where it cannot be written, the run is a good one all the same.
    rmSync(join(folder, "run", "report"), { recursive: true });
    writeFileSync(join(folder, "run", "report"), "in the way");
    const blocked = await fovea(["train", "--resume", "run"], folder);
    expect(blocked.code).toBe(0);
    expect(blocked.stderr).toMatch(
      /^fovea: the run is kept, but its report could not be written: run\/report: could not/,
    );
    expect(blocked.stdout).toContain("What to try next:");
  });

  it("that is interrupted writes what there is", async () => {
    const folder = temporaryFolder();
    writePictures(folder);
    const args = ["train", "lenet5", "--data", "./digits", "--epochs", "2000", "--batch-size", "4", "--lr", "0.002"];
    const run = startFovea([...args, "--out", "run", "--json"], folder);
    await run.said('"epoch":2');
    run.child.kill("SIGINT");
    const { code, stdout } = await run.ended;
    expect(code).toBe(130);
    expect(stdout).toContain('"report":"run/report.html"');
    const html = readFileSync(join(folder, "run", "report.html"), "utf8");
    expectStandsAlone(html);
    expect(html).toMatch(/Stopped after \d+ of 2000 epochs/);
    expectIn(html, 'aria-label="confusion matrix"');
  });
});

describe("writeReport", () => {
  it("does without test pictures, and without an epoch", async () => {
    const folder = temporaryFolder();
    const config: TrainingConfig = {
      network: "mlp",
      options: create("mlp").options,
      data: "bars",
      epochs: 1,
      batchSize: 16,
      optimizer: { name: "sgd", lr: 0.05, momentum: 0.9, nesterov: false, weightDecay: 0 },
      schedule: { kind: "constant" },
      seed: 0,
    };
    const data = { train: pictures(64), test: pictures(20, 2) };
    let plan: RunPlan | undefined;
    const out = join(folder, "run");
    const result = await runTraining(
      { config, data, out, session: { threads: 1 }, checkpointEverySeconds: 60 },
      { onPlan: (running) => (plan = running) },
    );
    expect(result.evaluation?.predictions).toHaveLength(20);
    const history = result.history.map(({ test: _, ...rest }) => rest);
    const session = { threads: 1 };
    const options = { config, data: { train: data.train }, plan: plan!, session };
    const untested = await writeReport({ ...options, result: { ...result, history, evaluation: undefined } });
    expect(untested.pictures.map((path) => path.slice(out.length + 1))).toEqual([
      "report/curves.png",
      "report/filters.png",
    ]);
    const html = readFileSync(untested.page, "utf8");
    expectStandsAlone(html);
    expectIn(html, "There were no test pictures");
    expectIn(html, "training accuracy");
    expectIn(html, "The first 64 of 300 filters of fc1, 28×28.");

    // Stopped before there was an epoch; pictures of before are taken away.
    mkdirSync(join(folder, "new", "report"), { recursive: true });
    writeFileSync(join(folder, "new", "report", "wrong.png"), "old");
    const fresh = { ...result.folder, path: join(folder, "new"), model: join(folder, "new", "model.safetensors") };
    const nothing = { ...result, folder: fresh, completed: false, history: [], step: 3, evaluation: undefined };
    const written = await writeReport({ ...options, data, result: nothing });
    expect(written.pictures).toEqual([]);
    expect(readdirSync(join(folder, "new", "report"))).toEqual([]);
    expect(readFileSync(written.page, "utf8")).toContain("Stopped after 0 of 1 epochs and 3 of the next 4 steps.");
  });
});

describe("figures", () => {
  it("draw text from a font of their own, also in colours of a page", async () => {
    const paper = await paperOn(newDocument());
    const { loss, accuracy } = curves(paper, [record(1, 2, 0.5), record(2, 0.5, 0.9)]);
    expect(loss.svg).toContain("var(--training)");
    const png = toPng(sheet("Title", "", [loss, accuracy]));
    const empty = toPng(sheet("", "", [loss, accuracy]));
    expect(await darkPixels(png, 20, 20, 60, 22)).toBeGreaterThan(100);
    expect(await darkPixels(empty, 20, 20, 60, 22)).toBe(0);
    // The training curve's blue, somewhere.
    const { data } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    let blue = 0;
    for (let i = 0; i < data.length; i += 3) if (data[i] === 0 && data[i + 1] === 0x72 && data[i + 2] === 0xb2) blue++;
    expect(blue).toBeGreaterThan(200);
  });

  it("draw one epoch, and a wide range of losses on a logarithmic scale", async () => {
    const paper = await paperOn(newDocument());
    const one = curves(paper, [record(1, 2, 0.5)]).loss.svg;
    expect(one.match(/<circle/g)).toHaveLength(2);
    expect(one).not.toContain("NaN");
    expect(one).not.toContain("logarithmic");
    expect(curves(paper, [record(1, 2, 0.5), record(2, 0.01, 0.9)]).loss.svg).toContain("loss (logarithmic)");
  });

  it("show every count of a confusion matrix, the class's part that was right, and pairs by how often", async () => {
    const matrix = [
      [8, 2, 0],
      [5, 90, 5],
      [0, 0, 1000],
    ];
    const { svg, note } = confusionFigure(await paperOn(newDocument()), matrix, ["a", "a", "<c>"]);
    const texts = [...svg.matchAll(/<text[^>]*>([^<]*)</g)].map(([, text]) => text);
    for (const text of ["8", "2", "5", "90", "1000", "80.0%", "90.0%", "100.0%"]) expect(texts).toContain(text);
    expect(texts.filter((text) => text === "0")).toEqual([]);
    expect(svg).toContain("&lt;c&gt;");
    expect(note).toBe("");
    expect(confusedPairs(matrix, 2)).toEqual([
      { actual: 1, predicted: 0, count: 5 },
      { actual: 1, predicted: 2, count: 5 },
    ]);
    const many = Array.from({ length: 60 }, (_, i) =>
      Array.from({ length: 60 }, (_, j) => (i === j ? 9 : i < 40 ? 1 : 0)),
    );
    const names = many.map((_, i) => `class ${i}`);
    expect(confusionFigure(await paperOn(newDocument()), many, names).note).toBe(
      "The 40 of 60 classes with the most mistakes.",
    );
  });

  it("escape what names may hold", () => {
    expect(escapeXml(`<b a="1">&'\u0001`)).toBe("&lt;b a=&quot;1&quot;&gt;&amp;&#39;\\x01");
  });

  it("have colours that stand out from the paper by 3 to 1 at least, in light and dark", () => {
    const channel = (c: number) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const luminance = (hex: string) => {
      const [r, g, b] = [1, 3, 5].map((i) => channel(Number.parseInt(hex.slice(i, i + 2), 16) / 255));
      return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
    };
    for (const palette of [LIGHT, DARK]) {
      for (const [role, least] of [
        ["ink", 7],
        ["soft", 4.5],
        ["training", 3],
        ["test", 3],
      ] as const) {
        const [a, b] = [luminance(palette[role]), luminance(palette.paper)].sort((x, y) => y - x);
        expect((a! + 0.05) / (b! + 0.05), role).toBeGreaterThan(least);
      }
    }
  });
});

describe("firstLayerFilters", () => {
  const data = { shape: [2, 3, 1] as const, classes: ["a", "b"], mean: [0], std: [1] };

  it("cuts a convolution's kernels out of HWIO", () => {
    const model = untrained(
      sequential({ conv: conv2d({ in: 1, out: 2, kernel: [1, 2] }), flat: flatten(), fc: linear({ in: 8, out: 2 }) }),
      { data },
    );
    const weights = new Map(model.weights);
    weights.set("conv.weight", { shape: [1, 2, 1, 2], data: Float32Array.of(1, 10, -2, 20) });
    const filters = firstLayerFilters({ ...model, weights });
    expect(filters).toMatchObject({ path: "conv", height: 1, width: 2, channels: 1, count: 2, inputs: 1, limit: 20 });
    expect(filters?.tiles.map((tile) => [...tile])).toEqual([
      [1, -2],
      [10, 20],
    ]);
  });

  it("cuts a fully connected layer's rows out of [in, out]", () => {
    const model = untrained(sequential({ flat: flatten(), fc: linear({ in: 6, out: 2 }) }), { data });
    const weights = new Map(model.weights);
    weights.set("fc.weight", { shape: [6, 2], data: Float32Array.of(1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, -7) });
    const filters = firstLayerFilters({ ...model, weights });
    expect(filters).toMatchObject({ path: "fc", height: 2, width: 3, limit: 7 });
    expect(filters?.tiles.map((tile) => [...tile])).toEqual([
      [1, 2, 3, 4, 5, 6],
      [0, 0, 0, 0, 0, -7],
    ]);
    expect(firstLayerFilters({ ...model, weights, input: [5, 5, 1] })).toBeUndefined();
  });
});

describe("findMistakes", () => {
  it("finds each wrong picture, the surest first, with the probability that the network gives", async () => {
    const data = pictures(200);
    const run = await train(create("mlp"), data, { epochs: 1, batchSize: 20, threads: 1 });
    // Say that three were taken for others.
    const predictions = Int32Array.from(data.labels);
    for (const i of [7, 50, 123]) predictions[i] = (data.labels[i]! + 1) % 10;
    const { shown, total } = await findMistakes(run.model, data, predictions, { threads: 1 });
    expect(total).toBe(3);
    expect(shown.map(({ index }) => index).sort((a, b) => a - b)).toEqual([7, 50, 123]);
    const sure = shown.map(({ probability }) => probability);
    expect(sure).toEqual([...sure].sort((a, b) => b - a));
    expect(Math.max(...sure)).toBeLessThan(0.5);
    expect(shown.find(({ index }) => index === 7)).toMatchObject({ actual: "7", predicted: "8" });
    expect(await findMistakes(run.model, data, data.labels, { threads: 1 })).toEqual({ shown: [], total: 0 });
  });
});
