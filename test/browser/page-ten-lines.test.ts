/** fovea in one script: the page of ten lines, from a plain server and as a file, and pictures of a page as networks take them. */
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type * as Fovea from "#fovea/index.js";
import { models, train } from "#fovea/index.js";
import { loadMnist, saveModel } from "#fovea/index-node.js";
import { bundle } from "../../scripts/bundle.mjs";
import { executablePath, launch, open, type Site, scratchFolder, serve, whyNot } from "./site.js";

declare const fovea: typeof Fovea;

const example = fileURLToPath(new URL("../../examples/page-ten-lines/index.html", import.meta.url));

const SEVEN = [
  [0.28, 0.2],
  [0.7, 0.2],
  [0.5, 0.7],
  [0.45, 0.88],
] as const;

/** Draws a seven, and gives what the page says then. */
async function drawSeven(page: Page): Promise<string> {
  const box = (await page.locator("#pad").boundingBox())!;
  for (const [i, [x, y]] of SEVEN.entries()) {
    await page.mouse.move(box.x + x * box.width, box.y + y * box.height, { steps: 6 });
    if (i === 0) await page.mouse.down();
  }
  await page.mouse.up();
  await page.waitForFunction(() => document.querySelector("output")?.value !== "");
  return page.locator("#answer").innerText();
}

/** The pen is ready when the model is. */
const ready = (page: Page) => page.waitForFunction(() => document.querySelector("canvas")?.onpointerup != null);

describe.skipIf(executablePath === undefined)(`fovea as one script of a page${whyNot}`, () => {
  const folder = scratchFolder();
  const sites: Site[] = [];
  let browser: Browser;
  let script: string;

  beforeAll(async () => {
    script = await bundle(join(folder.path, "fovea.min.js"));
    copyFileSync(example, join(folder.path, "index.html"));
    const { train: digits } = await loadMnist();
    const count = 6000;
    const some = {
      ...digits,
      length: count,
      images: digits.images.subarray(0, count * 784),
      labels: digits.labels.subarray(0, count),
    };
    const { model } = await train(models.create("lenet5"), some, { epochs: 2, batchSize: 32 });
    await saveModel(join(folder.path, "model.safetensors"), model);
    browser = await launch();
  });

  afterAll(async () => {
    await browser?.close();
    await Promise.all(sites.map((site) => site.close()));
    folder.remove();
  });

  async function visit(isolated: boolean) {
    const site = await serve(folder.path, { isolated, files: { "favicon.ico": new Uint8Array() } });
    sites.push(site);
    return open(browser, site.url);
  }

  it("is a page of ten lines and one", () => {
    expect(readFileSync(example, "utf8").trim().split("\n")).toHaveLength(11);
  });

  it("weighs what docs/pages.md says, gzipped, and asks for nothing of Node's", () => {
    const text = readFileSync(fileURLToPath(new URL("../../docs/pages.md", import.meta.url)), "utf8");
    const said = Number(/`fovea\.min\.js` \((\d+) kB gzipped\)/.exec(text)?.[1]);
    const size = gzipSync(script, { level: 9 }).length / 1000;
    expect(Math.abs(size - said), `docs/pages.md says ${said} kB, it is ${size.toFixed(1)} kB`).toBeLessThan(
      0.1 * said,
    );
    expect(script).not.toMatch(/\bimport\(|require\(|from"node:/);
  });

  it("reads a digit that is drawn, from a server without headers", async () => {
    const { page, errors } = await visit(false);
    await ready(page);
    expect(await drawSeven(page)).toBe("7");
    expect(errors).toEqual([]);
  });

  it("has threads where the page is isolated, with the worker's code out of the script", async () => {
    const { page, errors } = await visit(true);
    await ready(page);
    expect(await drawSeven(page)).toBe("7");
    const threads = await page.evaluate(async () => {
      const device = await fovea.openDevice({ threads: 2 });
      const found = device.threads;
      await device.close();
      return found;
    });
    expect([threads, errors]).toEqual([2, []]);
  });

  it("runs without a server, where the model is chosen as a file", async () => {
    const fetching = `new Uint8Array(await (await fetch("model.safetensors")).arrayBuffer())`;
    const choosing = `new Uint8Array(await (await new Promise((give) => (chosen.onchange = () => give(chosen.files[0])))).arrayBuffer())`;
    const page = readFileSync(example, "utf8");
    expect(page).toContain(fetching);
    const path = join(folder.path, "file.html");
    writeFileSync(path, page.replace(fetching, choosing).replace("<canvas", '<input type="file" id="chosen"> <canvas'));
    const opened = await open(browser, pathToFileURL(path).href);
    await opened.page.locator("#chosen").setInputFiles(join(folder.path, "model.safetensors"));
    await ready(opened.page);
    expect(await drawSeven(opened.page)).toBe("7");
    expect(opened.errors).toEqual([]);
  });

  it("makes a picture what a network takes: its middle, on white, grey by luma", async () => {
    const { page } = await visit(false);
    const pixels = await page.evaluate(async () => {
      // Columns of red, blue, nothing and green.
      const canvas = Object.assign(document.createElement("canvas"), { width: 4, height: 2 });
      const context = canvas.getContext("2d")!;
      for (const [x, color] of ["red", "blue", "transparent", "lime"].entries()) {
        context.fillStyle = color;
        context.fillRect(x, 0, 1, 2);
      }
      const classes = ["a", "b"];
      const colours = await fovea.pictureFor({ input: [2, 2, 3], classes }, canvas);
      const grey = await fovea.pictureFor({ input: [2, 4, 1], classes }, canvas);
      return [Array.from(colours), Array.from(grey)];
    });
    expect(pixels).toEqual([
      [0, 0, 255, 255, 255, 255, 0, 0, 255, 255, 255, 255],
      [76, 29, 255, 150, 76, 29, 255, 150],
    ]);
  });

  it("says what is no digit, and what no picture is made for", async () => {
    const { page } = await visit(false);
    await ready(page);
    const said = await page.evaluate(async () => {
      const digits = Array.from({ length: 10 }, (_, label) => String(label));
      const empty = new OffscreenCanvas(28, 28);
      empty.getContext("2d");
      const told = (model: { input: number[]; classes: string[] }) =>
        fovea.pictureFor(model, empty).then(
          () => "",
          (error: Error) => `${error.name}: ${error.message}`,
        );
      return [await told({ input: [28, 28, 1], classes: digits }), await told({ input: [8, 8, 2], classes: ["a"] })];
    });
    expect(said).toEqual([
      "DataError: pictureFor: the picture: shows no ink: all of it has one colour, or nearly so",
      "OptionError: the network takes 8 x 8 x 2 numbers, but pictures are height x width x 1 (grey) or x 3 (colours); name another network",
    ]);
  });
});
